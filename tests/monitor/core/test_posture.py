"""Up, lean and the trunk's motion, against simulated rotations whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from monitor.core.posture import Body, Posture, RestBias, UpVector
from monitor.core.samples import Floats

RATE_HZ = 100.0
FIELDS = Body.__dataclass_fields__


def turned(rate_dps: Floats, start: Rotation | None = None, substeps: int = 5) -> Floats:
    """The true up-vector (n, 3) in a body that turns at ``rate_dps`` (n, 3)."""
    attitude, ups = start or Rotation.identity(), []
    for rate in np.radians(rate_dps):
        for _ in range(substeps):
            attitude = attitude * Rotation.from_rotvec(rate / RATE_HZ / substeps)
        ups.append(attitude.inv().apply([0.0, 0.0, 1.0]))
    return np.array(ups)


def angle_deg(a: Floats, b: Floats) -> Floats:
    return np.degrees(np.arccos(np.clip((a * b).sum(axis=1), -1, 1)))


def swaying(seconds: float) -> tuple[Floats, Floats, Floats]:
    """Accelerations, rates and the true up of a trunk that swings as in a brisk walk."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    swing = [60 * np.sin(5.7 * t) + 20 * np.sin(0.3 * t), 40 * np.sin(11.3 * t + 1), 30 * np.sin(1.3 * t)]
    rate = np.stack(swing, axis=1)
    up = turned(rate)
    motion = [0.2 * np.sin(11.3 * t), 0.1 * np.sin(5.7 * t), 0.3 * np.cos(11.3 * t)]
    return up + np.stack(motion, axis=1), rate, up


def up_vector(accel_g: Floats, gyro_dps: Floats) -> Floats:
    """The estimated up-vector (n, 3): the two parts of Posture that make it."""
    rate = RestBias(RATE_HZ)(np.concatenate([accel_g.T, gyro_dps.T]))
    return UpVector(RATE_HZ)(accel_g.T, rate).T


def test_up_is_kept_within_a_degree_while_the_trunk_swings() -> None:
    accel, rate, up = swaying(20)
    error = angle_deg(up_vector(accel, rate), up)[300:]
    assert np.sqrt(np.mean(error**2)) < 1.0


def test_a_short_blow_does_not_move_up() -> None:
    accel = np.tile([0.0, 0.0, 1.0], (1000, 1))
    accel[600:610, 0] += 3.0
    up = up_vector(accel, np.zeros((1000, 3)))
    assert angle_deg(up, np.tile([0.0, 0.0, 1.0], (1000, 1))).max() < 5.0


def test_the_bias_of_the_gyroscope_is_learned_at_rest() -> None:
    rng = np.random.default_rng(0)
    accel = np.tile([0.0, 0.0, 1.0], (1500, 1)) + rng.normal(0, 0.003, (1500, 3))
    rate = np.tile([3.0, -2.0, 1.0], (1500, 1)) + rng.normal(0, 0.1, (1500, 3))
    body = Posture(RATE_HZ).update(accel, rate)
    assert angle_deg(up_vector(accel, rate)[300:], np.tile([0.0, 0.0, 1.0], (1200, 1))).max() < 4.0
    assert abs(body.roll_dps[300:].mean()) < 0.1
    assert abs(body.roll_dps[:150].mean() - 3.0) < 0.1  # nothing known before the first rest


@pytest.mark.parametrize("what", ["rate", "accel"])
def test_motion_is_no_rest(what: str) -> None:
    accel, rate = np.tile([0.0, 0.0, 1.0], (600, 1)), np.tile([3.0, 0.0, 0.0], (600, 1))
    (rate if what == "rate" else accel)[::10, 1] += 4.0 if what == "rate" else 0.05
    body = Posture(RATE_HZ).update(accel, rate)
    assert np.hypot(body.roll_dps, body.pitch_dps)[-1] > 1.0


LEANS = [("forward", [0, 1, 0], "pitch_dps"), ("right", [1, 0, 0], "roll_dps")]


@pytest.mark.parametrize(("axis", "rate_name"), [lean[1:] for lean in LEANS], ids=[lean[0] for lean in LEANS])
def test_leaning_shows_in_its_rate_and_where_it_is_heading(axis: list[int], rate_name: str) -> None:
    rate = np.zeros((700, 3))
    rate[500:550] = 60.0 * np.array(axis)  # 30 deg in half a second
    up = turned(rate)
    body = Posture(RATE_HZ).update(up.copy(), rate)
    assert getattr(body, rate_name)[525] == pytest.approx(60.0, abs=0.5)
    assert body.extrapolated_lean_deg[570] == pytest.approx(np.degrees(np.sin(np.radians(30))), abs=2.5)
    heading = np.degrees(np.sin(np.radians(15)) + np.radians(60) / 3.0)  # lean + rate / w0
    assert body.extrapolated_lean_deg[530] == pytest.approx(heading, abs=4.0)


def test_a_heading_is_level_and_gravity_is_taken_out() -> None:
    tilt = Rotation.from_euler("y", 20, degrees=True)  # worn leaning forward
    accel = np.tile(tilt.inv().apply([0.3, -0.1, 1.2]), (400, 1))
    accel[:300] = tilt.inv().apply([0.0, 0.0, 1.0])
    body = Posture(RATE_HZ).update(accel, np.zeros((400, 3)))
    assert body.forward_g[305] == pytest.approx(0.3, abs=0.01)
    assert body.left_g[305] == pytest.approx(-0.1, abs=0.01)
    assert body.vertical_g[305] == pytest.approx(0.2, abs=0.01)
    assert body.magnitude_g[305] == pytest.approx(np.sqrt(0.3**2 + 0.1**2 + 1.2**2))


@given(cuts=st.lists(st.integers(0, 700), max_size=6).map(sorted))
@settings(max_examples=15)
def test_posture_is_the_same_however_the_samples_are_cut(cuts: list[int]) -> None:
    accel, rate, _ = SWAY
    whole, posture = Posture(RATE_HZ).update(accel, rate), Posture(RATE_HZ)
    pieces = zip(np.split(accel, cuts), np.split(rate, cuts), strict=True)
    bodies = [posture.update(a, r) for a, r in pieces if len(a)]
    for name in FIELDS:
        joined = np.concatenate([getattr(body, name) for body in bodies])
        np.testing.assert_allclose(joined, getattr(whole, name), atol=1e-8, err_msg=name)


SWAY = swaying(7.0)


@given(
    accel=arrays(float, (200, 3), elements=st.sampled_from([0.0, 1.0, -16.0, 15.99])),
    rate=arrays(float, (200, 3), elements=st.sampled_from([0.0, 2000.0, -2000.0])),
)
@settings(max_examples=20)
def test_garbage_gives_finite_figures(accel: Floats, rate: Floats) -> None:
    body = Posture(RATE_HZ).update(accel, rate)
    assert all(np.isfinite(getattr(body, name)).all() for name in FIELDS)
