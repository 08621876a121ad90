"""The facts of a session, counted by hand."""

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest

from monitor.core.posture import Posture
from monitor.core.session import Facts, Session
from monitor.core.steps import Step
from monitor.core.vocabulary import Direction

RATE_HZ = 100.0
B, F, U = Direction.BACKWARD, Direction.FORWARD, Direction.UNKNOWN


def counted(
    times_s: list[float], ways: list[Direction] | None = None, blocks: int = 1, roll_dps=0.0
) -> Facts:
    """Facts of steps that take ``times_s`` (NaN: the first of a walk, 3 s after the one before)."""
    proved_s = np.cumsum([3.0 if isnan(t) else t for t in times_s])
    n = round(proved_s[-1] * RATE_HZ) + 100
    body = Posture(RATE_HZ).update(np.tile([0.0, 0.0, 1.0], (n, 1)), np.zeros((n, 3)))
    roll = np.full(n, 500.0)
    roll[299:] = roll_dps  # from the first step on
    body = replace(body, roll_dps=roll)
    session = Session()
    for part in np.array_split(np.arange(n), blocks):
        steps = [
            Step(at, at, round(at * RATE_HZ) - 1 - part[0], took, 100.0, way, 0.5)
            for at, took, way in zip(proved_s, times_s, ways or [B] * len(times_s), strict=True)
            if part[0] <= round(at * RATE_HZ) - 1 <= part[-1]
        ]
        fields = {name: getattr(body, name)[part] for name in type(body).__dataclass_fields__}
        session.update(type(body)(**fields), steps)
    return session.facts()


def test_nothing_walked_nothing_said() -> None:
    facts = Session().facts()
    assert (facts.steps, facts.backward_steps, facts.longest_backward_run, facts.walking_s) == (0, 0, 0, 0.0)
    assert isnan(facts.cadence_spm)
    assert isnan(facts.sway_dps)


def test_an_even_walk() -> None:
    facts = counted([nan] + [0.5] * 10)
    assert (facts.steps, facts.backward_steps) == (11, 11)
    assert facts.walking_s == pytest.approx(5.0)
    assert facts.cadence_spm == pytest.approx(120.0)
    assert facts.step_time_cv_percent == pytest.approx(0.0, abs=1e-9)
    assert facts.asymmetry_percent == pytest.approx(0.0, abs=1e-9)


def test_a_limp_is_asymmetry_and_no_variation() -> None:
    facts = counted([nan] + [0.5, 0.7] * 5)
    assert facts.asymmetry_percent == pytest.approx(100 * 0.2 / 0.6)
    assert facts.step_time_cv_percent == pytest.approx(0.0, abs=1e-9)


def test_a_limp_begun_with_the_other_foot_does_not_cancel_it() -> None:
    facts = counted([nan] + [0.5, 0.7] * 5 + [nan] + [0.7, 0.5] * 5)
    assert facts.asymmetry_percent == pytest.approx(100 * 0.2 / 0.6)


def test_an_odd_step_left_over_has_no_pair() -> None:
    assert counted([nan, 0.5, 0.7, 0.5]).asymmetry_percent == pytest.approx(100 * 0.2 / (1.7 / 3))


def test_scatter_is_variation() -> None:
    rng = np.random.default_rng(0)
    facts = counted([nan, *(0.6 + 0.03 * rng.normal(size=2000))])
    assert facts.step_time_cv_percent == pytest.approx(5.0, abs=0.3)


RUNS = [
    ("a forward step ends a run", [B, B, B, F, B, B], 3),
    ("one not known ends it too", [B, B, U, B, B, B], 3),
    ("none backward", [F, F, U, F, F, F], 0),
]


@pytest.mark.parametrize(("ways", "longest"), [r[1:] for r in RUNS], ids=[r[0] for r in RUNS])
def test_the_longest_backward_run(ways: list[Direction], longest: int) -> None:
    facts = counted([nan] + [0.6] * 5, ways)
    assert facts.longest_backward_run == longest
    assert facts.backward_steps == ways.count(B)


def test_a_pause_ends_a_run() -> None:
    assert counted([nan, 0.6, 0.6, nan, 0.6]).longest_backward_run == 3


@pytest.mark.parametrize("blocks", [1, 7, 200])
def test_sway_is_that_of_walking_only_however_it_comes(blocks: int) -> None:
    facts = counted([nan] + [0.6] * 10, blocks=blocks, roll_dps=20.0)
    assert facts.sway_dps == pytest.approx(20.0)
    assert facts.steps == 11


def test_sway_is_of_both_axes() -> None:
    n = 1000
    body = Posture(RATE_HZ).update(np.tile([0.0, 0.0, 1.0], (n, 1)), np.zeros((n, 3)))
    body = replace(body, roll_dps=np.full(n, 30.0), pitch_dps=np.full(n, 40.0))
    steps = [
        Step(at, at, round(at * RATE_HZ), took, 100.0, B, 0.5)
        for at, took in ((1.0, nan), (1.6, 0.6), (2.2, 0.6))
    ]
    session = Session()
    session.update(body, steps)
    assert session.facts().sway_dps == pytest.approx(50.0)


def test_a_limp_in_an_earlier_walk_counts_too() -> None:
    facts = counted([nan] + [0.5, 0.7] * 5 + [nan] + [0.6] * 10)
    assert facts.asymmetry_percent == pytest.approx(100 * 0.1 / 0.6)
