"""TIRING: steps made by hand, uneven and swaying as is asked; then a whole detector on a simulated walk."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import SampleBlock
from monitor.core.session import Swayed
from monitor.core.setting import SettingError
from monitor.core.steps import Step
from monitor.core.tiring import Tiring, TiringSettings
from monitor.core.vocabulary import Direction, Event, EventKind
from monitor.recordings import simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.weights import shipped

B, F = Direction.BACKWARD, Direction.FORWARD
STEP_S, CV, SWAY_DPS = 0.6, 0.04, 20.0
RATE_HZ = 100.0


class Walker:
    """Walks on and on; what it is told of its tiring comes back."""

    def __init__(self, tiring: TiringSettings | None = None) -> None:
        self.tiring = Tiring(tiring or TiringSettings())
        self.now_s = 0.0
        self._rng = np.random.default_rng(3)

    def walk(
        self,
        minutes: float,
        cv: float = CV,
        sway_dps: float = SWAY_DPS,
        step_s: float = STEP_S,
        way: Direction = B,
        limp: float = 0.0,
    ) -> list[Event]:
        n = round(60 * minutes / step_s)
        side = np.where(np.arange(n) % 2, 1 + limp, 1 - limp)
        return self.steps(step_s * side * (1 + cv * self._rng.standard_normal(n)), sway_dps, way)

    def steps(self, took_s: Iterable[float], sway_dps: float = SWAY_DPS, way: Direction = B) -> list[Event]:
        told = []
        for took in took_s:
            self.now_s += 3.0 if np.isnan(took) else took
            step = Step(self.now_s - 0.25, self.now_s, 0, took, 100.0, way, 0.5)
            swayed = Swayed(60 * sway_dps**2, 60)
            told += self.tiring.update([step], [swayed])
        return told


def growths(event: Event) -> tuple[float, float]:
    return tuple(reading.value for reading in event.evidence.values())  # type: ignore[return-value]  # of two


def test_who_walks_on_as_before_is_not_tired() -> None:
    assert Walker().walk(60.0) == []


CASES = [
    ("both a little", 1.4, 1.4, "steps less even, more sway than in the first minutes"),
    ("steps alone, much", 2.0, 1.0, "steps less even than in the first minutes"),
    ("sway alone, much", 1.0, 1.8, "more sway than in the first minutes"),
    ("steps alone, a little", 1.4, 1.0, None),
    ("sway alone, a little", 1.0, 1.4, None),
    ("less of both", 0.6, 0.6, None),
]


@pytest.mark.parametrize(("cv", "sway", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_both_a_little_or_one_of_them_much_is_tiring(cv: float, sway: float, reason: str | None) -> None:
    walker = Walker()
    assert walker.walk(5.0) == []
    told = walker.walk(5.0, CV * cv, SWAY_DPS * sway)
    assert [event.reason for event in told] == ([] if reason is None else [reason])
    if told:
        (event,) = told
        assert event.kind is EventKind.TIRING
        assert 300 < event.time_s < 300 + 150  # within the two minutes that are looked at, and a stretch
        assert max(growths(event)) < 100 * (max(cv, sway) - 1) + 15


def test_the_evidence_is_the_growth_beside_the_limit_that_spoke() -> None:
    walker = Walker(replace(TiringSettings(), one_percent=300.0, both_percent=80.0))
    walker.walk(5.0)
    (event,) = walker.walk(5.0, CV * 2.4, SWAY_DPS * 2)
    variability, sway = event.evidence["variability_growth_percent"], event.evidence["sway_growth_percent"]
    assert variability.limit == sway.limit == 80.0
    assert variability.value >= 80.0
    assert 80.0 <= sway.value <= 100.0 + 1e-6


def test_the_last_two_minutes_are_looked_at() -> None:
    walker = Walker(replace(TiringSettings(), one_percent=79.0, both_percent=79.0))
    walker.walk(5.0)
    (event,) = walker.walk(8.0, sway_dps=SWAY_DPS * 1.8)
    assert 300.0 + 120.0 < event.time_s < 300.0 + 120.0 + 31.0
    assert growths(event)[1] == pytest.approx(80.0, abs=0.5)


def test_it_is_said_once_and_again_after_some_minutes() -> None:
    walker = Walker(replace(TiringSettings(), again_s=600.0))
    walker.walk(5.0)
    told = walker.walk(35.0, CV * 2, SWAY_DPS * 2)
    assert np.diff([event.time_s for event in told]) == pytest.approx([600.0] * 3, abs=31.0)


def test_a_rest_is_no_walking_and_forgets_nothing() -> None:
    walker = Walker()
    walker.walk(4.0)
    walker.now_s += 900.0
    assert walker.steps([nan]) == []
    assert len(walker.walk(4.0, CV * 2, SWAY_DPS * 1.5)) == 1


def test_a_limp_is_not_uneven() -> None:
    walker = Walker()
    walker.walk(4.0)
    assert walker.walk(6.0, limp=0.1) == []


@pytest.mark.parametrize("ways", [(B, B), (B, F)], ids=["pauses", "turns"])
def test_what_differs_between_two_walks_is_not_uneven(ways: tuple[Direction, Direction]) -> None:
    """Walks of four limping steps, one after a pause or a turn, each at a pace of its own."""
    walker = Walker(replace(TiringSettings(), one_percent=40.0, both_percent=40.0))
    for way in set(ways):
        walker.walk(4.0, way=way, limp=0.06)
    for k in range(300):
        pause = [nan] if ways == (B, B) else []
        pace = np.random.default_rng(k).uniform(0.8, 1.2)
        side = np.array([0.94, 1.06, 0.94, 1.06]) * (1 + CV * np.random.default_rng(1000 + k).normal(size=4))
        assert walker.steps([*pause, *(STEP_S * pace * side)], way=ways[k % 2]) == []


def test_hesitations_and_contacts_that_were_not_found_are_no_tiring() -> None:
    walker = Walker()
    walker.walk(4.0)
    for _ in range(12):
        assert walker.walk(0.5) == []
        assert walker.steps([2 * STEP_S]) == []


def test_each_way_of_walking_is_held_against_itself() -> None:
    walker = Walker()
    walker.walk(4.0)
    assert walker.walk(8.0, CV * 2, SWAY_DPS * 2, way=F) == []
    assert len(walker.walk(4.0, CV * 4, SWAY_DPS * 4, way=F)) == 1


def test_steps_of_which_the_direction_is_unknown_say_nothing() -> None:
    walker = Walker()
    walker.walk(4.0, way=Direction.UNKNOWN)
    assert walker.walk(8.0, CV * 4, SWAY_DPS * 4, way=Direction.UNKNOWN) == []


def test_another_pace_is_no_tiring_and_is_learned_after_as_long() -> None:
    walker = Walker()
    walker.walk(4.0)
    quick = {"sway_dps": SWAY_DPS * 2, "step_s": STEP_S * 0.85}
    assert walker.walk(6.0, **quick) == []
    assert len(walker.walk(4.0, CV * 2, SWAY_DPS * 3, STEP_S * 0.85)) == 1


def test_short_changes_of_pace_forget_nothing() -> None:
    walker = Walker()
    walker.walk(4.0)
    for _ in range(2):
        assert walker.walk(2.0, step_s=STEP_S * 0.85) == []
        assert walker.walk(1.5) == []
    assert len(walker.walk(4.0, CV * 2, SWAY_DPS * 1.5)) == 1


def test_perfect_steps_and_a_still_trunk_are_growth_of_nothing() -> None:
    """A simulation, or a sensor that is stuck."""
    walker = Walker()
    walker.walk(4.0, cv=0.0, sway_dps=0.0)
    assert walker.walk(4.0, cv=0.01, sway_dps=2.0) == []


@pytest.mark.parametrize("learning_s", [60.0, 180.0])
def test_nothing_is_said_before_the_walker_is_known(learning_s: float) -> None:
    walker = Walker(replace(TiringSettings(), learning_s=learning_s))
    walker.walk(learning_s / 60)
    (event,) = walker.walk(8.0, CV * 3, SWAY_DPS * 3)
    assert learning_s + 120 - 1 <= event.time_s <= learning_s + 180


def test_one_alone_must_not_need_less_than_both() -> None:
    with pytest.raises(SettingError, match="both_percent, which is 25, or more"):
        TiringSettings(one_percent=20.0)


# ---- in the detector

LEARNING_S, TIRED_S = 60.0, 90.0


@lru_cache
def tired() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four minutes backward; the trunk sways twice as fast after 90 s."""
    walk = simulated_walker.walk([(3.0, Move.STAND), (240.0, Move.BACKWARD)], RATE_HZ, seed=2)
    time_s = np.arange(len(walk.accel_g)) / RATE_HZ
    gyro_dps = walk.gyro_dps.copy()
    gyro_dps[time_s > TIRED_S, :2] *= 2.0
    return time_s, walk.accel_g, gyro_dps


def detector() -> Detector:
    return Detector(DetectorSettings(tiring=TiringSettings(learning_s=LEARNING_S)), shipped())


def blocks(cuts: list[int]) -> Iterator[SampleBlock]:
    time_s, accel_g, gyro_dps = tired()
    edges = [0, *cuts, len(time_s)]
    for a, b in zip(edges, edges[1:], strict=False):
        if a < b:
            yield SampleBlock(time_s[a:b], accel_g[a:b], gyro_dps[a:b], float(time_s[b - 1]))


def told(found: Iterable[Event]) -> list[Event]:
    return [event for event in found if event.kind is EventKind.TIRING]


def judged(cuts: list[int]) -> list[Event]:
    one = detector()
    return told(event for block in blocks(cuts) for event in one.update(block))


@lru_cache
def whole() -> Event:
    (event,) = judged([])
    return event


def same(found: list[Event]) -> bool:
    (event,) = found
    return (event.time_s, event.reason) == (whole().time_s, whole().reason) and growths(
        event
    ) == pytest.approx(growths(whole()), rel=1e-3)


def test_a_trunk_that_sways_twice_as_fast_is_tiring_once() -> None:
    assert TIRED_S < whole().time_s < TIRED_S + 150.0
    assert "more sway" in whole().reason


@examples(max_examples=5)
@given(st.lists(st.integers(1, 24299), max_size=60).map(sorted))
def test_tiring_does_not_depend_on_where_blocks_are_cut(cuts: list[int]) -> None:
    assert same(judged(cuts))


def test_tiring_is_the_same_live_and_after_a_restore_in_the_midst() -> None:
    one, found = detector(), []
    for k, block in enumerate(blocks(list(range(5, len(tired()[0]), 5)))):
        if k % 997 == 0:
            state = one.snapshot()
            one = detector()
            one.restore(state)
        found += told(one.update(block))
    assert same(found)


def test_a_gap_in_the_samples_forgets_nothing() -> None:
    one, found = detector(), []
    for block in blocks(list(range(500, len(tired()[0]), 500))):
        lost = 80.0 < block.end_s < 86.0
        found += told(one.update(SampleBlock.silent(block.end_s, "planted") if lost else block))
    (event,) = found
    assert event.time_s < whole().time_s + 60.0
