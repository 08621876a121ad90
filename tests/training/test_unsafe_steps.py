"""How backward walking is disturbed, before it is asked whether that is noticed."""

import numpy as np
import pytest

from monitor.core.fall import angle_deg
from training.unsafe_steps import Piece, paced, paused, swung

RATE_HZ = 100.0


@pytest.fixture
def piece() -> Piece:
    """Six seconds upright, bouncing."""
    bounce_g = 0.2 * np.sin(2 * np.pi * 2.0 * np.arange(600) / RATE_HZ)
    accel_g = np.column_stack([np.zeros(600), np.zeros(600), 1 + bounce_g])
    return Piece(accel_g, np.zeros((600, 3)), "six seconds", "own")


def test_a_pause_is_standing_still(piece: Piece) -> None:
    stands = paused(piece, 300, 50, lasts_s=1.0)
    assert len(stands.accel_g) == 700
    assert np.ptp(stands.accel_g[300:400], axis=0) == pytest.approx([0, 0, 0])
    assert np.array_equal(stands.accel_g[400:], piece.accel_g[300:])


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_step_at_another_pace_takes_longer_and_bounces_less(piece: Piece, factor: float) -> None:
    changed = paced(piece, 300, 50, factor)
    assert len(changed.accel_g) == 600 + round(50 * (factor - 1))
    part = changed.accel_g[300 : 300 + round(50 * factor), 2]
    assert np.ptp(part) == pytest.approx(0.4 / factor**2, rel=0.1)
    assert changed.accel_g[-50:] == pytest.approx(piece.accel_g[-50:])


def test_a_sway_leans_the_sensor_and_its_rates_say_so(piece: Piece) -> None:
    sways = swung(piece, 300, 50, lasts_s=0.8, axis=0, degrees=20.0)
    assert angle_deg(sways.accel_g[340], piece.accel_g[340]) == pytest.approx(20.0, abs=0.1)
    assert np.cumsum(sways.gyro_dps[:, 0])[340] / RATE_HZ == pytest.approx(20.0, abs=0.5)
    assert sways.accel_g[380:] == pytest.approx(piece.accel_g[380:])
    left = sways.accel_g[340, 1]  # rolled to the right about x forward, gravity shows on y
    assert left == pytest.approx(np.sin(np.radians(20.0)) * piece.accel_g[340, 2], abs=0.01)
