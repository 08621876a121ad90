from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.vitals import Vitals
from monitor.core.samples import Floats


def still(samples: int, seed: int = 0) -> Floats:
    """A quiet good sensor: one or two steps of noise on every axis."""
    steps = np.random.default_rng(seed).integers(-2, 3, (samples, 6))
    return np.round(steps * ([16 / 32768] * 3 + [2000 / 32768] * 3) + [0, 0, 1, 0, 0, 0], 6)


def spoilt(kind: str) -> Floats:
    samples = still(500)
    match kind:
        case "zero":
            samples[:] = 0
        case "frozen":
            samples[:] = samples[0]
        case "weightless":
            samples[:, 2] -= 1
        case "stuck":
            samples[:, 4] = 0.061035
        case "pinned":
            samples[:, 0] = np.linspace(15.9995, 16, 500)
        case "pinned gyro":
            samples[:, 5] = -np.linspace(1999, 2000, 500)
    return samples


@pytest.mark.parametrize(
    ("kind", "words", "useless"),
    [
        ("fine", "", False),
        ("zero", "every value reads 0", True),
        ("frozen", "values stand still", True),
        ("weightless", "no gravity", True),
        ("stuck", "y rotation is stuck", False),
        ("pinned", "x acceleration is pinned", False),
        ("pinned gyro", "z rotation is pinned", False),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 7, 500])
def test_each_ailment_is_named_whatever_the_block_size(
    kind: str, words: str, useless: bool, block: int
) -> None:
    vitals = Vitals(100)
    verdicts = [vitals.judge(part) for part in np.array_split(spoilt(kind), 500 // block)]
    assert words in verdicts[-1].fault
    assert verdicts[-1].useless is useless
    assert bool(verdicts[-1].fault) is bool(words)


def test_an_impact_at_full_scale_is_no_fault() -> None:
    samples = still(200)
    samples[50:60, 0] = 15.9995
    assert not Vitals(100).judge(samples).fault


def test_a_fall_through_the_air_is_no_fault() -> None:
    samples = still(200)
    samples[50:120, 2] -= 1
    assert all(not Vitals(100).judge(part).fault for part in np.array_split(samples, 40))


def test_a_quiet_sensor_that_repeats_itself_now_and_then_is_no_fault() -> None:
    samples = still(400)
    samples[1::2] = samples[::2]
    assert not Vitals(100).judge(samples).fault


def test_a_healed_sensor_is_ok_again() -> None:
    vitals = Vitals(100)
    assert vitals.judge(spoilt("stuck")).fault
    assert not vitals.judge(still(5, seed=1)).fault


@given(
    st.lists(
        st.tuples(st.integers(1, 7), st.sampled_from(["live", "same", "pinned", "weightless"])), max_size=40
    ),
    st.randoms(use_true_random=False),
)
def test_a_sample_that_is_alive_ends_every_run_at_once(runs: list[tuple[int, str]], dice: Random) -> None:
    """The short way of `Vitals.judge` against the long one."""
    rows, row = [], np.array([0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
    for length, kind in runs:
        for _ in range(length):
            if kind != "same":
                row = row + np.array([dice.choice([-1, 1]) * 2.0**-11 for _ in row])
            if kind == "pinned":
                row[dice.randrange(3)] = -16.0
            if kind == "weightless":
                row[:3] = np.array([dice.choice([0.01, -0.02]) for _ in range(3)])
            rows.append(row.copy())
    short, long = Vitals(5), Vitals(5)
    long._ends_all_runs = lambda _: False  # type: ignore[method-assign]  # the short way, blocked
    samples = np.array(rows).reshape(-1, 6)
    at = 0
    while at < len(samples):
        part = samples[at : at + dice.randint(1, 5)]
        at += len(part)
        assert short.judge(part) == long.judge(part)
