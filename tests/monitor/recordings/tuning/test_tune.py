"""Tuning on made-up outcomes, by rule; and on sessions of the simulated walker, whole."""

from dataclasses import replace
from functools import partial
from math import inf

import numpy as np
import pytest

from monitor.core.vocabulary import AlertKind
from monitor.recordings import simulated_walker
from monitor.recordings.simulated_walker import Move, Script, walk
from monitor.recordings.tuning.engine import each
from monitor.recordings.tuning.floor import FLOOR
from monitor.recordings.tuning.grids import STEPS, Grid, grid
from monitor.recordings.tuning.tune import (
    ENOUGH_ROOM,
    MISS_WEIGHT,
    Outcome,
    Tried,
    attempt,
    best,
    changes,
    check,
    in_the_way,
    outcome,
    recommended,
)
from monitor.recordings.tuning.wishes import KINDS, Source, Wish, _of_trial
from monitor.settings import Settings
from monitor.weights import shipped

STUMBLES = AlertKind.STUMBLE
HERE = Settings()


def made(harm: dict[float, int], now: float, floor: float = inf, lost: tuple[float, ...] = ()) -> Outcome:
    """An outcome over one threshold, in which each value does so much harm."""
    values = sorted(harm)
    false = np.array([harm[value] for value in values], np.int64)
    nothing = np.zeros_like(false)
    allowed = np.array([value <= floor and value not in lost for value in values])
    chosen = Grid(STUMBLES, ("threshold",), tuple((value,) for value in values), values.index(now))
    return Outcome(chosen, nothing, false, nothing, nothing, allowed, 1.0)


def valley(low: int, high: int, depth: int = 0) -> dict[float, int]:
    return {float(x): depth if low <= x <= high else 5 for x in range(-60, 61)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (made(valley(-60, 60), 0.0), 0.0),  # all are as good: stay
        (made(valley(1, 60, 5), 0.0), 0.0),  # none is better: stay
        (made(valley(10, 60), 0.0), 10.0 + ENOUGH_ROOM[STUMBLES]),  # no more than enough room
        (made(valley(10, 20), 0.0), 15.0),  # as much as there is
        (made(valley(10, 60), 0.0, floor=17.0), 17.0),  # the floor is no edge, but a limit
        (made(valley(10, 60), 0.0, floor=5.0), 0.0),  # nothing better within the floor
        (made(valley(-60, 60), 30.0, floor=5.0), 5.0),  # beyond the floor one does not stay
        (made(valley(10, 12), 0.0, lost=(11.0,)), 10.0),  # never one that loses what is right
    ],
)
def test_what_is_recommended(found: Outcome, expected: float) -> None:
    assert found.grid.choices[best(found)] == (expected,)


def test_a_miss_weighs_more_than_a_false_alarm() -> None:
    found = made({0.0: MISS_WEIGHT - 1, 1.0: 0}, 0.0)
    worse = replace(found, misses=np.array([0, 1]))
    assert best(found) == 1
    assert best(worse) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_holds_the_present_and_stays_within_the_limits_of_the_settings(kind: AlertKind) -> None:
    shipped_grid = grid(kind, HERE)
    assert shipped_grid.settings(HERE, shipped_grid.present) == HERE
    assert len(set(shipped_grid.choices)) == len(shipped_grid.choices)
    for choice in (0, len(shipped_grid.choices) - 1):
        assert shipped_grid.settings(HERE, choice) != HERE  # and the settings' own checks let them pass


def test_a_thousand_settings_are_tried() -> None:
    assert sum(len(grid(kind, HERE).choices) for kind in KINDS) == 1001


@pytest.mark.parametrize("now", [-15.0, 10.0, 19.0])
def test_settings_far_from_the_shipped_ones_can_come_back(now: float) -> None:
    """Beyond the floor, too: what lies within it is tried however far off that is."""
    far = replace(HERE, stumble=replace(HERE.stumble, threshold=now))
    values = [value for (value,) in grid(STUMBLES, far).choices]
    assert {now, HERE.stumble.threshold, FLOOR["stumble.threshold"]} <= set(values)
    assert len(values) == len(set(values)) <= 2 * len(STEPS[STUMBLES]["threshold"])
    assert -20.0 <= values[0] < values[-1] <= 20.0


def tried(*rings: tuple[str, bool | None, list[bool]], new: tuple[int, ...] = (0, 0, 0)) -> Tried:
    """Of stumbles under three thresholds: by name whether an alarm was wanted, and with which it rings."""
    wishes = tuple(Wish(STUMBLES, 0.0, 1.0, wanted, name) for name, wanted, _ in rings)
    flags = np.array([list(column) for column in zip(*(rows for *_, rows in rings), strict=True)], bool)
    source = Source("s", 1.0, wishes, (), ())
    return Tried(source, {STUMBLES: flags}, {STUMBLES: np.array(new)}, {STUMBLES: np.array([])})


@pytest.mark.parametrize(
    ("one", "thresholds", "words"),
    [
        (tried(("a", False, [True, False, False])), (0.0, 1.0, 2.0), ""),  # mended
        (
            tried(("a", False, [True, False, False]), ("b", True, [True, False, False])),
            (0.0, 1.0, 2.0),
            "stumble: no setting that was tried does better on all of this; their scores overlap",
        ),
        (
            tried(("a", False, [True, False, False]), ("a2", False, [True, False, False])),
            (0.0, 4.0, 5.0),
            "stumble: a setting above the floor would do better, and is never recommended",
        ),
        (
            tried(
                *[(n, False, [True, True, False]) for n in "abcdefg"], ("right", True, [True, True, False])
            ),
            (0.0, 1.0, 2.0),
            "stumble: a setting that does better would lose what was right: right",
        ),
    ],
)
def test_why_a_moment_stays_wrong_is_said(one: Tried, thresholds: tuple[float, ...], words: str) -> None:
    made = Grid(STUMBLES, ("threshold",), tuple((value,) for value in thresholds), 0)
    rings = one.rings[STUMBLES]
    wanted = np.array([wish.wanted is True for wish in one.source.wishes])
    misses, false = (~rings[:, wanted]).sum(axis=1), rings[:, ~wanted].sum(axis=1)
    allowed = rings[:, wanted].all(axis=1) & (np.array(thresholds) <= FLOOR["stumble.threshold"])
    nothing = np.zeros(3, np.int64)
    found = Outcome(made, misses, false, nothing, nothing, allowed, 1.0)
    assert "\n".join(in_the_way([one], found)) == words


def test_the_floor_names_settings_that_are_tuned() -> None:
    tuned = {key for kind in STEPS for key in grid(kind, HERE).keys}
    assert set(FLOOR) == tuned


def test_the_shipped_settings_are_within_the_floor() -> None:
    for kind in KINDS:
        shipped_grid = grid(kind, HERE)
        for key, value in zip(shipped_grid.keys, shipped_grid.choices[shipped_grid.present], strict=True):
            assert value <= FLOOR[key]


def tuned_badly() -> Settings:
    """Two steps of the walker look like falls, and his stumble like none."""
    return replace(
        HERE,
        fall=replace(HERE.fall, falling_threshold=-5.35),
        stumble=replace(HERE.stumble, threshold=3.0),
    )


def walked(script: Script, *wishes: Wish) -> Source:
    trial = walk(script, 100.0).trial("s")
    return Source("s", trial.duration_s / 3600, wishes, (), ((0.0, inf),), trial=replace(trial, kind="daily"))


WISHES = (
    Wish(AlertKind.FALL, 11.0, 13.0, False, "false"),
    Wish(AlertKind.FALL, 19.5, 22.0, False, "false"),
    Wish(AlertKind.FALL, 29.0, 33.0, True, "right"),
    Wish(STUMBLES, 19.0, 22.0, True, "missed"),
)


def test_two_false_alarms_and_a_missed_stumble_are_tuned_to_none() -> None:
    base = tuned_badly()
    source = walked(simulated_walker.SESSION, *WISHES)
    tried = [attempt(replace(source, trial=source.trial), base, shipped())]
    found = [outcome(tried, kind, base) for kind in KINDS]
    assert [int(one.harm[one.grid.present]) for one in found[:2]] == [2, MISS_WEIGHT]
    after = recommended(found, base)
    assert set(changes(base, after)) == {"fall.falling_threshold", "stumble.threshold"}
    for key, (_, value) in changes(base, after).items():
        assert value <= FLOOR[key]
    proved = check(source, after, shipped())
    assert proved[AlertKind.FALL].tolist() == [False, False, True]
    assert proved[STUMBLES].tolist() == [True]


def test_no_recommendation_loses_what_a_recording_beside_holds() -> None:
    """Its falls look no more like falls than the person's false alarms: so nothing may change."""
    base = tuned_badly()
    person = walked(simulated_walker.SESSION, WISHES[0])
    held = walked(simulated_walker.SESSION, Wish(AlertKind.FALL, 11.0, 13.0, True, "hold"))
    tried = [attempt(source, base, shipped()) for source in (person, held)]
    found = outcome(tried, AlertKind.FALL, base)
    assert recommended([found], base) == base


def test_of_a_trial_only_what_is_its_own_is_counted() -> None:
    fall = walk(simulated_walker.SESSION, 100.0).trial("f")
    source = _of_trial("f", fall)
    one = attempt(source, HERE, shipped())
    assert one.rings[AlertKind.FALL].shape[1] == 1
    assert one.rings[AlertKind.FALL][grid(AlertKind.FALL, HERE).present, 0]
    assert all(not new.any() for new in one.new.values())


@pytest.mark.parametrize("script", [((4.0, Move.STAND), (12.0, Move.BACKWARD)), simulated_walker.SESSION])
def test_the_short_cuts_for_trials_change_nothing(script: Script) -> None:
    """The ends of the grid speak for what lies between; without them each choice is tried."""
    base = tuned_badly()
    trial = walk(script, 100.0).trial("t")
    quick = attempt(_of_trial("t", trial), base, shipped())
    source = quick.source
    slow = attempt(replace(source, trial=None, session=_Played(source)), base, shipped())  # type: ignore[arg-type]  # blocks are all that is asked
    for kind in KINDS:
        if not (source.wishes and kind is not AlertKind.FALL):
            assert np.array_equal(quick.rings[kind], slow.rings[kind])
            if not source.wishes:
                assert np.array_equal(quick.new[kind], slow.new[kind])


class _Played:
    """A session's blocks, without a journal."""

    def __init__(self, source: Source) -> None:
        self.blocks = source.blocks


def test_tried_apart_is_tried_alike_in_processes() -> None:
    sources = [walked(((4.0, Move.STAND), (6.0, Move.BACKWARD))), walked(((9.0, Move.STAND),))]
    work = partial(attempt, base=HERE, weights=shipped())
    alone, together = (list(each(work, sources, jobs)) for jobs in (1, 2))
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, Tried)
        for kind in KINDS:
            assert np.array_equal(one.new[kind], other.new[kind])
