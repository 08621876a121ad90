"""A recording in other units is refused, with the cause; one that cannot be judged is not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.recordings import corpus
from monitor.recordings.corpus import EXAMPLE, Corpus, RecordingError, Trial
from monitor.recordings.units import doubt
from tests.recordings import RECORDINGS, recorded

SCALED = {
    "in m/s2": (9.80665, 1.0, "m/s2 instead of g"),
    "divided by 9.8": (1 / 9.80665, 1.0, "values divided by 9.80665"),
    "in milli-g": (1000.0, 1.0, "milli-g or in counts"),
    "divided by 1000": (0.001, 1.0, "not in counts"),
    "g without counts": (1 / 2048, 1.0, "values in g, not in counts"),
    "at +-2 g": (8.0, 1.0, "16384 per g"),
    "at +-4 g": (4.0, 1.0, "8192 per g"),
    "at +-8 g": (2.0, 1.0, "4096 per g"),
    "256 per g": (1 / 8, 1.0, "256 per g"),
    "no acceleration": (0.0, 1.0, "found 0 g: the sensor has delivered nothing"),
    "gyro in rad/s": (1.0, np.pi / 180, "rad/s instead of deg/s"),
    "no gyro": (1.0, 0.0, "a recording needs a gyroscope's samples too"),
}
"""Factors of acceleration and gyro, and what the refusal says."""

WALKS = ("backward-walk", "forward-walk", "stumble", "fall")


def scaled(counts: np.ndarray, accel: float, gyro: float) -> np.ndarray:
    by = np.repeat([accel, gyro], 3)
    return np.clip(np.rint(counts * by), -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("what", SCALED)
@pytest.mark.parametrize("name", WALKS)
def test_other_units_are_refused_with_their_cause(name: str, what: str, tmp_path: Path) -> None:
    trial = Corpus(EXAMPLE).find(name)
    accel, gyro, cause = SCALED[what]
    wrong = replace(trial, counts=scaled(trial.counts, accel, gyro))
    with pytest.raises(RecordingError, match=f"own.npz: trial '{name}': .*{cause}"):
        corpus.save(tmp_path / "own.npz", [trial, wrong])


def test_a_gyro_that_says_far_too_much_is_refused() -> None:
    fall = Corpus(EXAMPLE).find("fall")
    assert "multiplied by 57.2958" in doubt(scaled(fall.counts, 1.0, 180 / np.pi), 100.0)


@pytest.mark.parametrize("accel", [9.80665, 1 / 9.80665, 0.01])
def test_a_walk_without_a_calm_moment_is_checked_too(accel: float) -> None:
    walking = Corpus(EXAMPLE).find("backward-walk").counts[600:2200]
    assert doubt(walking, 100.0) == ""
    assert "on average" in doubt(walking * np.repeat([accel, 1.0], 3), 100.0)


def test_a_file_in_other_units_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    corpus.save(path, list(Corpus(EXAMPLE)))
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {"samples": scaled(arrays["samples"], 9.80665, 1.0)}))
    with pytest.raises(
        RecordingError,
        match=r"trial 'backward-walk': .*about 1 g at rest, found 9.8 g.*divide them by 9.80665",
    ):
        Corpus(path)


@pytest.mark.parametrize("gain", [0.8, 1.2])
def test_a_cheap_sensor_may_be_a_fifth_off(gain: float) -> None:
    for trial in Corpus(EXAMPLE):
        assert doubt(scaled(trial.counts, gain, gain), trial.rate_hz) == ""


def test_what_cannot_be_checked_is_not_refused() -> None:
    fall = Corpus(EXAMPLE).find("fall")
    assert doubt(scaled(fall.counts[:150], 9.80665, 1.0), 100.0) == ""  # too short
    assert doubt(np.empty((0, 6), np.int16), 100.0) == ""
    standing = Corpus(EXAMPLE).find("standing")
    assert doubt(scaled(standing.counts, 1.0, np.pi / 180), 100.0) == ""  # no tilt to compare with


def test_a_treadmills_frame_tilts_too_little_to_check_the_gyro() -> None:
    noise = np.random.default_rng(1)
    accel_g = np.array([0.0, 0.0, 1.0]) + noise.normal(0, 0.2, (3000, 3))  # the belt's and the feet's thumps
    counts = corpus.to_counts(accel_g, noise.normal(0, 0.05, (3000, 3)))
    assert doubt(counts, 100.0) == ""


@pytest.mark.parametrize("file", RECORDINGS)
def test_real_recordings_are_accepted_and_refused_when_scaled(file: str) -> None:
    trials = Corpus(recorded(file))
    for accel, gyro in [(9.80665, 1), (1 / 9.80665, 1), (1000, 1), (0.001, 1), (1, np.pi / 180)]:
        assert any(doubt(scaled(trial.counts, accel, gyro), trial.rate_hz) for trial in trials)


def test_units_are_checked_by_trial(tmp_path: Path) -> None:
    trial = Trial("up", "daily", 100.0, np.tile(np.array([0, 0, 2048, 0, 0, 0], np.int16), (400, 1)))
    corpus.save(tmp_path / "own.npz", [trial])
    with pytest.raises(RecordingError, match="trial 'down'"):
        corpus.save(tmp_path / "own.npz", [trial, replace(trial, name="down", counts=trial.counts // 2)])
