"""The pendulum of the hips decides, whatever the trunk does; where it is not clear, the trunk's pitching."""

import numpy as np
import pytest

from monitor.core.direction import LEVER_M, DirectionSense, DirectionSettings
from monitor.core.posture import Body
from monitor.core.samples import GRAVITY_MPS2, Floats

RATE_HZ = 100.0


def score(travel: float, pitch_dps: float, late: float = 0.0) -> Floats:
    """Of two steps a second: hips that rise and fall, ``travel`` 1 forward; the sensor is behind them.

    The trunk pitches against the pendulum where ``pitch_dps`` is positive. The forward push comes
    ``late`` of a quarter step.
    """
    swing = 2 * np.pi * 2 * np.arange(2000) / RATE_HZ
    nothing = 0 * swing
    hips_g = 0.15 * np.cos(swing)  # vertical velocity: its integral, a sine
    pitching_dps = travel * pitch_dps * np.sin(swing)
    turning_radps2 = np.radians(np.gradient(pitching_dps, 1 / RATE_HZ))
    body = Body(
        vertical_g=hips_g + LEVER_M * turning_radps2 / GRAVITY_MPS2,  # leaning forward lifts what is behind
        forward_g=-travel * 0.1 * np.sin(swing - late * np.pi / 2),
        left_g=nothing,
        magnitude_g=1 + hips_g,
        roll_dps=nothing,
        pitch_dps=pitching_dps,
        yaw_dps=nothing,
        extrapolated_lean_deg=nothing,
    )
    return DirectionSense(DirectionSettings(), RATE_HZ).scores(body)[0][1000:]


@pytest.mark.parametrize("travel", [1.0, -1.0])
@pytest.mark.parametrize("pitch_dps", [-60.0, -30.0, 0.0, 30.0, 60.0])
def test_the_trunk_s_pitching_does_not_turn_a_clear_pendulum_round(travel: float, pitch_dps: float) -> None:
    assert (travel * score(travel, pitch_dps) > DirectionSettings().sure_score).all()


def test_where_the_pendulum_is_not_clear_the_trunk_s_pitching_decides() -> None:
    sure = DirectionSettings().sure_score
    assert (np.abs(score(1.0, 0.0, late=0.65)) < sure).all()
    assert (score(1.0, -15.0, late=0.65) > sure).all()  # it pitches forward while speed is gained forward
    assert (score(1.0, 15.0, late=0.65) < -sure).all()
