import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.sample_clock import SampleClock

PERIOD_S = 0.01
LOOKS_S = 1000 + np.arange(1, 400) * 0.05 - 0.008 * (np.arange(1, 400) * 0.618 % 1)  # as the sampler looks


def errors_s(true_period_s: float, phase: float, looks_s: list[tuple[float, float]]) -> list[float]:
    """How wrong the newest sample's time is after each look (from, to), all looks fed in turn."""
    clock = SampleClock(PERIOD_S)
    errors = []
    for before_s, after_s in looks_s:
        newest = int((before_s - phase * true_period_s) / true_period_s)
        clock.look(newest, before_s, after_s)
        true_s = (newest + phase) * true_period_s
        errors.append(float(clock.time_s(np.array([float(newest)]))[0]) - true_s)
    return errors


@given(st.floats(-0.04, 0.04), st.floats(0.0, 0.999))
def test_times_are_right_within_5_ms_from_the_first_second_on_and_much_better_as_a_rule(
    rate_error: float, phase: float
) -> None:
    errors = errors_s(PERIOD_S / (1 + rate_error), phase, [(look_s, look_s) for look_s in LOOKS_S])
    assert max(map(abs, errors[20:])) <= 0.005
    assert float(np.median(np.abs(errors[200:]))) <= 0.002


def test_an_oscillator_that_warms_is_followed_for_minutes() -> None:
    """A hundredth slower after five minutes: fitted once and for all it would be seconds off by then."""
    slowing = 0.01 / 600
    clock, errors = SampleClock(PERIOD_S), []
    for look in range(1, 6000):
        look_s = look * 0.05 - 0.008 * (look * 0.618 % 1)
        newest = int(100 * (look_s - slowing * look_s**2))
        clock.look(newest, look_s, look_s)
        true_s = (1 - (1 - 4 * slowing * newest / 100) ** 0.5) / (2 * slowing)
        errors.append(float(clock.time_s(np.array([float(newest)]))[0]) - true_s)
    assert max(map(abs, errors[20:])) <= PERIOD_S / 2


def test_the_rate_is_learnt() -> None:
    clock = SampleClock(PERIOD_S)
    for k in range(1, 200):
        clock.look(int(k * 0.05 * 104), k * 0.05, k * 0.05)
    assert clock.period_s == pytest.approx(1 / 104, rel=1e-4)


def test_looks_that_were_held_up_do_not_bend_the_line() -> None:
    slow = np.random.default_rng(1).exponential(0.02, 399)
    looks = [(t, t + s) for t, s in zip(LOOKS_S, slow, strict=True)]
    assert max(map(abs, errors_s(PERIOD_S / 1.013, 0.3, looks)[100:])) <= PERIOD_S / 2


def test_a_look_within_the_possible_is_no_surprise() -> None:
    clock = SampleClock(PERIOD_S)
    assert clock.surprise_s(4, 0.05, 0.05) == 0
    clock.look(4, 0.05, 0.05)
    assert clock.surprise_s(9, 0.10, 0.10) == 0
    assert clock.surprise_s(29, 0.3, 2.0) == 0  # held up in the middle of it


def test_samples_that_went_missing_are_a_surprise() -> None:
    clock = SampleClock(PERIOD_S)
    for k in range(1, 100):
        clock.look(5 * k, k * 0.05, k * 0.05)
    assert clock.surprise_s(500 - 4, 5.0, 5.0) == pytest.approx(0.035, abs=0.006)
    assert clock.surprise_s(500 + 4, 5.0, 5.0) == pytest.approx(-0.04, abs=0.006)


def test_the_rate_outlives_many_gaps_with_hardly_a_look_between_them() -> None:
    clock = SampleClock(PERIOD_S)
    for k in range(1, 100):
        clock.look(int(k * 0.05 * 104), k * 0.05, k * 0.05)
    for gap in range(30):
        clock.restart()
        for k in range(3):  # at the worst phase: each look just before the next sample
            clock.look(3 * k, 100 + gap + k * 0.028 + 0.009, 100 + gap + k * 0.028 + 0.009)
    assert clock.period_s == pytest.approx(1 / 104, rel=2e-3)


def test_the_rate_outlives_a_gap() -> None:
    clock = SampleClock(PERIOD_S)
    for k in range(1, 100):
        clock.look(int(k * 0.05 * 104), k * 0.05, k * 0.05)
    clock.restart()
    clock.look(5, 9.0, 9.0)
    assert clock.period_s == pytest.approx(1 / 104, rel=1e-3)
