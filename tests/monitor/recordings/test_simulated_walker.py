"""The simulated walker obeys physics, and does what it is told."""

import numpy as np
import pytest

from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus
from monitor.recordings.simulated_walker import SESSION, Move, Walk, walk


def norm_g(walked: Walk, start_s: float, stop_s: float) -> np.ndarray:
    cut = slice(round(start_s * walked.rate_hz), round(stop_s * walked.rate_hz))
    return np.linalg.norm(walked.accel_g[cut], axis=1)


def test_the_same_seed_walks_the_same_walk_and_another_does_not() -> None:
    first, same, other = (walk(SESSION, 100.0, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.accel_g, same.accel_g)
    np.testing.assert_array_equal(first.gyro_dps, same.gyro_dps)
    assert not np.array_equal(first.accel_g, other.accel_g)


@pytest.mark.parametrize("rate_hz", [100.0, 200.0])
def test_standing_is_one_g_upward_without_turning(rate_hz: float) -> None:
    stood = walk([(5.0, Move.STAND)], rate_hz)
    assert len(stood.accel_g) == 5 * rate_hz
    np.testing.assert_allclose(stood.accel_g.mean(axis=0), [0.0, 0.0, 1.0], atol=0.03)
    assert np.abs(stood.gyro_dps).max() < 6.0


@pytest.mark.parametrize(("move", "sign"), [(Move.FORWARD, 1.0), (Move.BACKWARD, -1.0)])
@pytest.mark.parametrize("seed", range(3))
def test_the_body_gains_speed_along_its_travel_while_it_falls(move: Move, sign: float, seed: int) -> None:
    walked = walk([(1.0, Move.STAND), (20.0, move)], 100.0, seed)
    forward_g, up_g = walked.accel_g[100:, 0], walked.accel_g[100:, 2] - 1.0
    upward = np.cumsum(up_g - up_g.mean())
    direction = -np.corrcoef(forward_g - forward_g.mean(), upward - upward.mean())[0, 1]
    assert sign * direction > 0.5


@pytest.mark.parametrize(("move", "step_s"), [(Move.FORWARD, 0.55), (Move.BACKWARD, 0.62)])
def test_steps_keep_their_rhythm_and_variability(move: Move, step_s: float) -> None:
    walked = walk([(60.0, move)], 100.0, 3)
    gaps_s = np.diff(walked.contact_s)
    assert np.median(gaps_s) == pytest.approx(step_s, abs=0.02)
    assert 0.01 < np.std(gaps_s) / np.mean(gaps_s) < 0.06
    assert 1.2 < norm_g(walked, 0, 60).max() < 2.0


def test_walking_neither_rises_nor_sinks_for_long() -> None:
    walked = walk([(2.0, Move.STAND), (30.0, Move.BACKWARD)], 100.0, 4)
    upward_mps = np.cumsum(walked.accel_g[:, 2] - np.mean(walked.accel_g[:, 2])) / 100.0 * 9.81
    assert np.abs(upward_mps).max() < 0.8


@pytest.mark.parametrize("rate_hz", [100.0, 200.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_backward_fall_looks_like_the_recorded_ones(rate_hz: float, seed: int) -> None:
    fallen = walk([(5.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (5.0, Move.LIE)], rate_hz, seed)
    onset_s, impact_s = fallen.onset_s[0], fallen.impact_s[0]
    assert 0.5 < impact_s - onset_s < 1.0
    assert norm_g(fallen, onset_s + 0.3, impact_s - 0.06).mean() < 0.75
    assert 4.0 < norm_g(fallen, impact_s - 0.2, impact_s + 0.2).max() < 14.0
    around = slice(round((onset_s - 0.5) * rate_hz), round((impact_s + 1.5) * rate_hz))
    assert fallen.gyro_dps[around, 1].min() < -180.0
    assert fallen.gyro_dps[around, 1].sum() / rate_hz == pytest.approx(-86.0, abs=10.0)
    np.testing.assert_allclose(fallen.accel_g[-200:].mean(axis=0), [1.0, 0.0, 0.05], atol=0.3)


def test_getting_up_ends_upright_again() -> None:
    walked = walk(SESSION, 100.0, 5)
    stand_s = sum(seconds for seconds, _ in SESSION[:-1]) - 2.0
    start = round(stand_s * 100)
    np.testing.assert_allclose(walked.accel_g[start : start + 100].mean(axis=0), [0.0, 0.0, 1.0], atol=0.15)


def test_a_stumble_is_sharper_than_any_step_and_milder_than_a_fall() -> None:
    walked = walk(SESSION, 100.0, 6)
    stumble = norm_g(walked, walked.stumble_s[0], walked.stumble_s[0] + 1.0).max()
    fall = norm_g(walked, walked.impact_s[0] - 0.1, walked.impact_s[0] + 0.1).max()
    assert norm_g(walked, 3.0, 11.0).max() + 1.0 < stumble < fall - 1.0


def test_an_unsafe_step_leans_back_and_hesitates() -> None:
    walked = walk(SESSION, 100.0, 7)
    at = walked.contact_s.index(walked.unsafe_s[0])
    gaps_s = np.diff(walked.contact_s)
    assert gaps_s[at] > 1.3 * np.median(gaps_s[:at])
    leaning = slice(round(walked.unsafe_s[0] * 100), round(walked.unsafe_s[0] * 100) + 65)
    assert walked.gyro_dps[leaning, 1].sum() / 100.0 < -10.0


def test_a_walk_becomes_a_labelled_recording(tmp_path: object) -> None:
    path = f"{tmp_path}/walk.npz"
    walked = walk(SESSION, 100.0, 8)
    corpus.save(path, [walked.trial("story")])
    trial = Corpus(path).find("story")
    assert (trial.kind, trial.onset_s, trial.impact_s) == ("fall", walked.onset_s[0], walked.impact_s[0])
    assert trial.contact_s == tuple(walked.contact_s)
    assert {stretch.direction for stretch in trial.stretches} == {"stand", "backward", "forward"}
    np.testing.assert_allclose(corpus.whole(trial, 100.0).accel_g, walked.accel_g, atol=0.001)
