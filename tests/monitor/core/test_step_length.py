"""The pendulum's step lengths: by hand, and on people who walked a known distance."""

from math import pi, sqrt

import numpy as np
import pytest

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.posture import Posture
from monitor.core.samples import GRAVITY_MPS2
from monitor.core.step_length import USUAL_FACTOR, height_m, step_lengths_m
from monitor.core.vocabulary import StepEvent
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus
from monitor.recordings.reports.quantities import CALIBRATED_PERCENT, UNCALIBRATED_PERCENT
from monitor.weights import shipped
from tests.recordings import recorded

RATE_HZ = 100.0


def bouncing(amplitude_m: float, steps_hz: float, seconds: float = 10.0) -> np.ndarray:
    """Vertical acceleration, in g, of a trunk that rises and falls so far."""
    turning = 2 * pi * steps_hz
    return -amplitude_m * turning**2 * np.sin(turning * np.arange(0, seconds, 1 / RATE_HZ)) / GRAVITY_MPS2


@pytest.mark.parametrize("steps_hz", [1.0, 2.0])
def test_height_is_acceleration_integrated_twice(steps_hz: float) -> None:
    assert np.ptp(height_m(bouncing(0.02, steps_hz), RATE_HZ)) == pytest.approx(0.04, rel=0.01)


def test_what_drifts_is_no_height() -> None:
    tilted = bouncing(0.02, 2.0) + 0.05 + np.linspace(0, 0.02, 1000)
    assert np.ptp(height_m(tilted, RATE_HZ)[100:-100]) == pytest.approx(0.04, rel=0.15)


@pytest.mark.parametrize("samples", [0, 1])
def test_too_little_has_no_height(samples: int) -> None:
    assert height_m(np.ones(samples), RATE_HZ).tolist() == [0.0] * samples


def test_a_step_is_as_long_as_the_pendulum_says() -> None:
    heights = height_m(bouncing(0.02, 2.0), RATE_HZ)
    lengths = step_lengths_m(heights, [(100, 150), (150, 200)], leg_m=0.9)
    assert lengths == pytest.approx([2 * sqrt(2 * 0.9 * 0.04 - 0.04**2)] * 2, rel=0.01)
    assert step_lengths_m(heights, [], 0.9).tolist() == []


def test_a_stumble_is_no_long_step() -> None:
    heights = np.tile([0.0, 0.04], 50)
    heights[60] = 0.7
    contacts = [(at, at + 5) for at in range(0, 90, 5)]
    lengths = step_lengths_m(heights, contacts, leg_m=0.9)
    assert lengths.max() == pytest.approx(2 * sqrt(2 * 0.9 * 0.08 - 0.08**2))


def test_distances_on_people_are_as_right_as_the_report_says() -> None:
    """70 walks of 10 m, a turn and 10 m back, forward, of 12 people (docs/report.md has these figures)."""
    factors: dict[str, list[float]] = {}
    for trial in Corpus(recorded("gait.npz")):
        if trial.dataset != "ipol":
            continue
        walked = corpus.whole(trial, RATE_HZ)
        body = Posture(RATE_HZ).update(walked.accel_g, walked.gyro_dps)
        steps = [
            s for s in Detector(DetectorSettings(), shipped()).update(walked) if isinstance(s, StepEvent)
        ]
        ends = [round((s.contact_s - walked.time_s[0]) * RATE_HZ) for s in steps]
        contacts = [pair for pair in zip(ends, ends[1:], strict=False) if pair[1] - pair[0] < 160]
        lengths = step_lengths_m(height_m(body.vertical_g, RATE_HZ), contacts, leg_m=0.9)
        factors.setdefault(trial.subject, []).append(20 / lengths.sum())
    every = np.concatenate([np.array(own) for own in factors.values()])
    calibrated = np.concatenate([100 * np.abs(own[0] / np.array(own[1:]) - 1) for own in factors.values()])
    usual = 100 * np.abs(USUAL_FACTOR / every - 1)
    print(f"factor {every.mean():.3f} sd {np.std([np.mean(own) for own in factors.values()], ddof=1):.3f}")
    for name, off in (("usual", usual), ("calibrated", calibrated)):
        print(f"{name}: mean {off.mean():.1f} %, p90 {np.percentile(off, 90):.1f} %, most {off.max():.1f} %")
    assert every.mean() == pytest.approx(USUAL_FACTOR, abs=0.02)
    assert np.percentile(usual, 90) < UNCALIBRATED_PERCENT
    assert np.percentile(calibrated, 90) < CALIBRATED_PERCENT
