"""Which steps are called unsafe, why, and against which limits."""

from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.direction import DirectionSettings
from monitor.core.posture import Body, Posture
from monitor.core.samples import Floats
from monitor.core.step_measures import StepMeasures, rhythm, rhythm_of_a_turn
from monitor.core.steps import Step, Steps
from monitor.core.unsafe import (
    BAD,
    IN_A_TURN,
    OK,
    TERMS,
    Baseline,
    Unsafe,
    UnsafeSettings,
    baselines,
)
from monitor.core.veering import TURN_DPS
from monitor.core.vocabulary import Direction, Event, EventKind
from monitor.recordings.simulated_walker import Move, walk
from monitor.weights import shipped

RATE_HZ = 100.0
NAMES = [term.name for term in TERMS]
STEP_S = 0.6


def still(n: int) -> Body:
    return Posture(RATE_HZ).update(np.tile([0.0, 0.0, 1.0], (n, 1)), np.zeros((n, 3)))


def walked(
    steps_s: list[float],
    direction: Direction | list[Direction] = Direction.BACKWARD,
    settings: UnsafeSettings | None = None,
    new_walk_after_s: float = 10.0,
    turning_all_along_dps: float = 0.0,
    **motion: dict[int, float],
) -> list[Event]:
    """Events of steps that take ``steps_s``; ``motion`` sets a field of the body during numbered steps."""
    proved_s = np.cumsum([1.0, *steps_s])
    n = round(proved_s[-1] * RATE_HZ) + 1
    values = {}
    for name, changes in motion.items():
        values[name] = getattr(still(n), name).copy()
        for step, value in changes.items():
            stop = round(proved_s[step] * RATE_HZ)
            values[name][stop - 30 : stop] = value
    directions = direction if isinstance(direction, list) else [direction] * len(proved_s)
    steps = [
        Step(
            float(at),
            float(at),
            round(at * RATE_HZ),
            took if took < new_walk_after_s else nan,
            100.0,
            way,
            0.5,
        )
        for at, took, way in zip(proved_s, [nan, *steps_s], directions, strict=True)
    ]
    asked = settings or UnsafeSettings()
    body = replace(still(n), **values)
    body = replace(body, yaw_dps=body.yaw_dps + turning_all_along_dps)
    found = Unsafe(asked, RATE_HZ, baselines(asked)).update(body, steps)
    nearness.clear()
    nearness.extend((j.sway_percent, j.rhythm_percent) for j in found)
    return [j.flag for j in found if j.flag]


nearness: list[tuple[float, float]] = []
"""Of the steps that were judged last."""


EVEN = [STEP_S] * 12


def test_even_steps_of_a_still_trunk_are_safe() -> None:
    assert walked(EVEN) == []


@pytest.mark.parametrize("direction", list(Direction), ids=lambda way: way.name.lower())
def test_how_near_a_step_came_is_known_whichever_way_it_goes(direction: Direction) -> None:
    walked(EVEN, direction)
    assert all(np.isnan(nearness[:4]).ravel())  # of the first ones too little is known
    assert all(0.0 <= value < 50.0 for value in np.ravel(nearness[4:]))
    walked([*EVEN, 0.9, *EVEN], direction)
    rhythm_percent = 100 * 50.0 / (35.0 + 0.5 * (80.0 - 35.0))  # hesitating half a step: amber is halfway
    assert max(rhythm for _, rhythm in nearness[4:]) == pytest.approx(rhythm_percent)
    assert max(sway for sway, _ in nearness[4:]) < 50.0


@given(roll_dps=st.floats(10.0, 150.0), took_s=st.floats(0.6, 1.5))
def test_at_100_percent_a_step_is_unsafe(roll_dps: float, took_s: float) -> None:
    events = walked([*EVEN[:8], took_s], roll_dps={8: roll_dps})
    flagged = {round(event.time_s, 6) for event in events}
    proved_s = np.cumsum([1.0, *EVEN[:8], took_s])
    assert len(nearness) == len(proved_s)
    for at_s, near in zip(proved_s, nearness, strict=True):
        if max(near) >= 100.0:
            assert round(float(at_s), 6) in flagged


REASONS = [
    ("extrapolated_lean_deg", 75.0, "trunk_lean_deg", "trunk leaning"),
    ("magnitude_g", 4.0, "impact_g", "heavy step"),
    ("roll_dps", 110.0, "roll_range_deg", "swaying sideways"),
    ("pitch_dps", 110.0, "pitch_range_deg", "swaying forward and back"),
]


@pytest.mark.parametrize(("field", "value", "name", "words"), REASONS, ids=[r[3] for r in REASONS])
def test_a_bad_movement_is_reported_with_its_reason(field: str, value: float, name: str, words: str) -> None:
    motion: dict[str, Any] = {field: {8: value}}
    event = walked(EVEN, **motion)[0]
    assert event.kind is EventKind.UNSAFE_STEP
    assert event.time_s == pytest.approx(1 + 8 * STEP_S)
    assert words in event.reason
    reading = event.evidence[name]
    assert reading.limit == OK[NAMES.index(name)]
    assert reading.value > reading.limit


@pytest.mark.parametrize(
    ("took_s", "words"), [(1.2, "hesitating"), (0.28, "hurried step"), (0.6 * 1.6, "hesitating")]
)
def test_a_bad_moment_is_reported_with_its_reason(took_s: float, words: str) -> None:
    events = walked([*EVEN, took_s, *EVEN])
    assert words in events[0].reason
    assert events[0].time_s == pytest.approx(1 + 12 * STEP_S + took_s)


def veers_s(yaw_dps: dict[int, float]) -> list[float]:
    """When a walk of two minutes, turning so from these steps on, is flagged for veering."""
    rates = {step: max((at, rate) for at, rate in yaw_dps.items() if at <= step)[1] for step in range(1, 201)}
    body = {"yaw_dps": rates}
    events = walked([STEP_S] * 200, **body)
    assert all(event.reason == "veering off the line" for event in events)
    return [event.time_s for event in events]


def test_after_a_stop_the_walker_is_learned_again_before_he_is_said_to_veer() -> None:
    bend = dict.fromkeys(range(152, 222), 4.0)
    events = walked([*[STEP_S] * 150, 3.0, *[STEP_S] * 70], new_walk_after_s=1.6, yaw_dps=bend)
    assert events == []


PELVIS = {step: 60.0 if step % 2 else -60.0 for step in range(201)}


def test_a_walker_who_leaves_the_line_is_flagged() -> None:
    first_s = veers_s({0: 0.0, 150: 4.0})[0]  # half of each step, so 2 deg/s
    assert 6.0 < first_s - (1 + 150 * STEP_S) < 10.0


@pytest.mark.parametrize(
    "yaw_dps",
    [{0: 0.0}, {0: 6.0}, {0: 0.0, 150: 1.0}, {0: 0.0, 150: 150.0, 154: 0.0}, PELVIS],
    ids=["straight", "a bend all along", "by half a degree a second", "a turn round", "the pelvis' swing"],
)
def test_other_walkers_are_not(yaw_dps: dict[int, float]) -> None:
    assert veers_s(yaw_dps) == []


def test_the_pelvis_of_a_long_stride_is_no_turn() -> None:
    swing = {step: 100.0 if step % 2 else -100.0 for step in range(1, 13)}
    assert len(walked(EVEN, yaw_dps=swing, extrapolated_lean_deg={8: 75.0})) == 1


def test_a_sway_of_two_steps_counts_as_one() -> None:
    assert "swaying sideways" in walked(EVEN, roll_dps={7: 55.0, 9: -55.0})[0].reason
    assert walked(EVEN, roll_dps={7: 55.0}) == []


@pytest.mark.parametrize(("gap_s", "words"), [(1.65, ["hesitating"]), (2.4, ["hesitating"]), (2.6, [])])
def test_a_pause_is_a_hesitation_and_a_stop_is_none(gap_s: float, words: list[str]) -> None:
    events = walked([*EVEN, gap_s, *EVEN], new_walk_after_s=1.6)
    assert [event.reason for event in events] == words


def test_a_pause_is_not_learned_as_the_walker_s_own() -> None:
    asked = UnsafeSettings()
    own = baselines(asked)
    steps = [Step(at, at, round(at * RATE_HZ), nan, 100.0, Direction.BACKWARD, 0.5) for at in (1.0, 2.9, 4.8)]
    walking = [
        Step(at, at, round(at * RATE_HZ), STEP_S, 100.0, Direction.BACKWARD, 0.5)
        for at in (1.6, 2.2, 3.5, 4.1, 5.4, 6.0)
    ]
    Unsafe(asked, RATE_HZ, own).update(
        still(700), sorted([*steps, *walking], key=lambda step: step.contact_s)
    )
    at = NAMES.index("hesitation_percent")
    assert own[Direction.BACKWARD]._mean[at] == pytest.approx(0.0)


def test_who_pauses_may_move_his_trunk() -> None:
    (event,) = walked([*EVEN, 1.9, *EVEN], new_walk_after_s=1.6, extrapolated_lean_deg={13: 75.0})
    assert event.reason == "hesitating"


def lean_for(score: float) -> float:
    """The lean whose term alone gives that score."""
    at = NAMES.index("trunk_lean_deg")
    return float(OK[at] + score * (BAD[at] - OK[at]))


@pytest.mark.parametrize(("score", "limit"), [(0.49, None), (0.51, 0.5), (0.79, 0.5), (0.81, 0.8)])
def test_the_limits_of_amber_and_red(score: float, limit: float | None) -> None:
    events = walked(EVEN, extrapolated_lean_deg={8: lean_for(score)})
    assert [event.evidence["score"].limit for event in events] == ([limit] if limit else [])


def test_other_terms_raise_the_worst_a_little() -> None:
    heavy_g = 2.8 + 0.5 * (4.2 - 2.8)  # half of what a heavy step can be
    alone = walked(EVEN, extrapolated_lean_deg={8: lean_for(0.6)})[0]
    both = walked(EVEN, extrapolated_lean_deg={8: lean_for(0.6)}, magnitude_g={8: heavy_g})[0]
    more = both.evidence["score"].value - alone.evidence["score"].value
    assert more == pytest.approx(0.25 * 0.5 / (len(TERMS) - 1))
    assert both.reason == "trunk leaning, heavy step"


WAYS = [
    (Direction.BACKWARD, False, 1),
    (Direction.FORWARD, False, 0),
    (Direction.UNKNOWN, False, 0),
    (Direction.FORWARD, True, 1),
    (Direction.UNKNOWN, True, 1),
]


@pytest.mark.parametrize(("way", "both", "count"), WAYS)
def test_only_backward_steps_are_checked_unless_asked(way: Direction, both: bool, count: int) -> None:
    asked = UnsafeSettings(both_directions=both)
    assert len(walked(EVEN, way, asked, extrapolated_lean_deg={8: 75.0})) == count


def test_a_step_that_lost_its_direction_is_checked_as_the_walk_it_belongs_to() -> None:
    ways = [Direction.BACKWARD] * 8 + [Direction.UNKNOWN] * 5
    assert len(walked(EVEN, ways, extrapolated_lean_deg={8: 75.0})) == 1


TURN = dict.fromkeys(range(6, 11), 4 * TURN_DPS)


@pytest.mark.parametrize(("score", "count"), [(0.45, 0), (0.55, 1)])
def test_in_a_turn_the_limits_of_the_trunk_are_wider(score: float, count: int) -> None:
    lean = {9: IN_A_TURN * lean_for(score)}
    assert len(walked(EVEN, yaw_dps=TURN, extrapolated_lean_deg=lean)) == count


def test_after_a_turn_steps_are_checked_as_before_it() -> None:
    events = walked([*EVEN, *EVEN], yaw_dps=TURN, extrapolated_lean_deg={21: lean_for(0.55)})
    assert [event.evidence["trunk_lean_deg"].limit for event in events] == [40.0]


def test_a_pause_in_the_middle_of_a_turn_is_a_hesitation_and_turning_is_none() -> None:
    slow = [*EVEN[:8], 1.5, *EVEN[:4]]
    pause = dict.fromkeys((6, 7, 8, 10, 11), 4 * TURN_DPS)  # for 0.3 s before each contact
    (event,) = walked(slow, yaw_dps=pause)
    assert event.reason == "hesitating"
    assert event.evidence["hesitation_percent"].value == pytest.approx(100 * (1.5 / STEP_S - 1), abs=2.0)
    assert walked(slow, yaw_dps=pause, turning_all_along_dps=4 * TURN_DPS) == []


@pytest.mark.parametrize("cut", [250, 300, 380, 401])
def test_a_pause_in_a_turn_is_as_long_however_the_samples_are_cut(cut: int) -> None:
    yaw_dps = np.full(601, 100.0)
    yaw_dps[291:391] = 0.0
    body = replace(still(601), yaw_dps=yaw_dps)
    at = [0.5, 1.1, 1.7, 2.3, 2.9, 4.0, 4.6]
    steps = [
        Step(s, s, round(s * RATE_HZ), took_s, 100.0, Direction.BACKWARD, 0.5)
        for s, took_s in zip(at, [nan, *np.diff(at)], strict=True)
    ]

    def hesitations(cuts: list[int]) -> list[float]:
        measures, found = StepMeasures(RATE_HZ), []
        for begin, stop in zip([0, *cuts], [*cuts, 601], strict=True):
            part = Body(*(getattr(body, name)[begin:stop] for name in Body.__dataclass_fields__))
            mine = [replace(s, proved=s.proved - begin) for s in steps if begin <= s.proved < stop]
            found += measures.update(part, mine)
        return [float(one.values[NAMES.index("hesitation_percent")]) for one in found if one]

    whole = hesitations([])
    assert max(whole) == pytest.approx(100 * (1.0 / STEP_S - 1), abs=0.1)
    assert hesitations([cut]) == pytest.approx(whole)


def test_a_hurried_step_in_a_turn_is_flagged() -> None:
    (event,) = walked([*EVEN[:8], 0.2, *EVEN[:4]], yaw_dps=TURN)
    assert event.reason == "hurried step"


@pytest.mark.parametrize(
    ("took_s", "facing_s", "expected"),
    [(0.6, 0.2, [0, 0]), (1.2, 0.3, [0, 0]), (1.2, 0.9, [50, 0]), (0.3, 0.3, [0, 50]), (0.9, 1.0, [50, 0])],
    ids=["even", "turning on the spot", "a pause", "an early step", "no more than the step"],
)
def test_what_one_step_time_says_in_a_turn(took_s: float, facing_s: float, expected: list[float]) -> None:
    np.testing.assert_allclose(rhythm_of_a_turn(took_s, facing_s, 0.6), [*expected, 0, 0, 0], atol=0.1)


def test_steps_of_a_turn_teach_nothing() -> None:
    asked = UnsafeSettings()
    straight, turning = baselines(asked), baselines(asked)
    for own, yaw_dps in ((straight, 0.0), (turning, 2 * TURN_DPS)):
        proved_s = np.cumsum([1.0, *EVEN])
        steps = [
            Step(float(at), float(at), round(at * RATE_HZ), took, 100.0, Direction.BACKWARD, 0.5)
            for at, took in zip(proved_s, [nan, *EVEN], strict=True)
        ]
        body = replace(still(900), yaw_dps=np.full(900, yaw_dps))
        Unsafe(asked, RATE_HZ, own).update(body, steps)
    assert straight[Direction.BACKWARD]._steps > 0
    assert turning[Direction.BACKWARD]._steps == 0


def test_the_evenness_of_a_walk_is_that_of_its_steps_since_the_last_turn() -> None:
    uneven, turn = [0.6, 0.6, 0.85, 0.85] * 2, dict.fromkeys(range(9, 12), 4 * TURN_DPS)
    steps_s = [*uneven, *EVEN]
    after_s = 1 + sum(steps_s[:12])
    assert any("uneven" in event.reason for event in walked(steps_s) if event.time_s > after_s)
    assert [event.reason for event in walked(steps_s, yaw_dps=turn) if event.time_s > after_s] == []


def test_the_first_steps_of_a_walk_are_not_checked() -> None:
    assert walked(EVEN, extrapolated_lean_deg={2: 75.0, 3: 75.0}) == []
    assert len(walked(EVEN, extrapolated_lean_deg={4: 75.0})) == 1


RHYTHMS = [
    ("even", [0.6] * 10, 0.6, [0, 0, 0, 0, 0]),
    ("a late step", [0.6] * 9 + [0.9], 0.6, [50, 0, 0, 0, 0]),
    ("an early step", [0.6] * 9 + [0.3], 0.6, [0, 50, 20, 0, 0]),
    ("a limp is no variation", [0.5, 0.7] * 5, 0.6, [16.7, 0, 0, 0, 33.3]),
    ("too few steps to compare", [0.5, 0.7] * 3, 0.6, [16.7, 0, 0, 0, 0]),
    ("two steps since a turn", [0.6, 0.3], 0.6, [0, 50, 0, 0, 0]),
    ("quicker and quicker", [0.6] * 7 + [0.4] * 3, 0.6, [0, 33.3, 50, 0, 0]),
]


@pytest.mark.parametrize(
    ("times", "usual_s", "expected"), [r[1:] for r in RHYTHMS], ids=[r[0] for r in RHYTHMS]
)
def test_what_step_times_say(times: list[float], usual_s: float, expected: list[float]) -> None:
    np.testing.assert_allclose(rhythm(times, usual_s)[:3], expected[:3], atol=0.1)
    np.testing.assert_allclose(rhythm(times, usual_s)[3:], expected[3:], atol=0.1)


def test_the_walkers_own_limits_speak_after_twenty_steps() -> None:
    own = Baseline(UnsafeSettings())
    for _ in range(19):
        own.learn(0.2 * OK, STEP_S)
    np.testing.assert_array_equal(own.limits()[0], OK)
    own.learn(0.2 * OK, STEP_S)
    limits = own.limits()[0] / OK  # no further from ordinary people's than that
    np.testing.assert_allclose(limits, [1.0 if name == "veering_deg" else 0.6 for name in NAMES])


def test_the_walkers_own_limits_follow_slowly_after_the_first_minute() -> None:
    own = Baseline(UnsafeSettings())
    for _ in range(100):
        own.learn(0.9 * OK, STEP_S)
    assert not own.learning
    np.testing.assert_allclose(own.limits()[0][:-1], 0.9 * OK[:-1])
    for _ in range(50):
        own.learn(OK, STEP_S)  # half a minute of a forgetting time of five
    lifted = own.limits()[0][:-1] / OK[:-1]
    assert (lifted > 0.9).all()
    assert (lifted < 1.0).all()


def test_bad_steps_teach_nothing_after_the_first_minute() -> None:
    walking, usual = [STEP_S] * 120, dict.fromkeys(range(1, 121), 35.0)
    once = walked(walking, extrapolated_lean_deg=usual | {118: 78.0})
    often = walked(walking, extrapolated_lean_deg=usual | dict.fromkeys(range(110, 119), 78.0))
    limits = [events[-1].evidence["trunk_lean_deg"].limit for events in (once, often)]
    assert len(often) == 9
    assert limits[0] == pytest.approx(35.0, abs=0.5)
    assert limits[1] == pytest.approx(limits[0], abs=0.05)


@given(cuts=st.lists(st.integers(0, 3000), max_size=5).map(sorted))
@settings(max_examples=8)
def test_unsafe_steps_are_the_same_however_the_samples_are_cut(cuts: list[int]) -> None:
    expected, near = judged([]), [*nearness]
    told = judged(cuts)
    np.testing.assert_allclose(nearness, near, atol=1e-5)
    assert [(e.kind, e.time_s, e.reason) for e in told] == [(e.kind, e.time_s, e.reason) for e in expected]
    for event, other in zip(told, expected, strict=True):
        found, right = ([r.value for r in e.evidence.values()] for e in (event, other))
        np.testing.assert_allclose(found, right, atol=1e-5)


SCRIPT = [(2, Move.STAND), (12, Move.BACKWARD), (6, Move.UNSAFE_STEP), (6, Move.STUMBLE), (4, Move.BACKWARD)]
WALK = walk(SCRIPT, RATE_HZ, seed=2)


def judged(cuts: list[int]) -> list[Event]:
    posture, finder = Posture(RATE_HZ), Steps(DirectionSettings(), RATE_HZ, shipped().contacts)
    judge = Unsafe(UnsafeSettings(), RATE_HZ, baselines(UnsafeSettings()))
    events: list[Event] = []
    nearness.clear()
    time_s = np.arange(len(WALK.accel_g)) / RATE_HZ
    for t, a, g in zip(*(np.split(x, cuts) for x in (time_s, WALK.accel_g, WALK.gyro_dps)), strict=True):
        if len(t):
            body: Body = posture.update(a, g)
            found = judge.update(body, finder.update(t, body))
            nearness.extend((j.sway_percent, j.rhythm_percent) for j in found)
            events += [j.flag for j in found if j.flag]
    return events


def test_a_walker_who_steps_badly_and_stumbles_is_flagged_then_and_not_before() -> None:
    told_s: Floats = np.array([event.time_s for event in judged([])])
    for start_s in (WALK.unsafe_s[0], WALK.stumble_s[0]):
        assert ((told_s > start_s) & (told_s < start_s + 2.5)).any()
    assert told_s.min() > WALK.unsafe_s[0]


def test_a_slow_jerk_of_the_trunk_speaks_and_a_quick_vibration_does_not() -> None:
    at_s = np.arange(round((1 + 12 * STEP_S) * RATE_HZ) + 1) / RATE_HZ
    body = still(len(at_s))

    def reasons(frequency_hz: float) -> str:
        roll = np.where((at_s > 4.6) & (at_s < 5.8), 300.0 * np.sin(2 * np.pi * frequency_hz * at_s), 0.0)
        proved_s = np.cumsum([1.0, *EVEN])
        steps = [
            Step(float(at), float(at), round(at * RATE_HZ), took, 100.0, Direction.BACKWARD, 0.5)
            for at, took in zip(proved_s, [nan, *EVEN], strict=True)
        ]
        asked = UnsafeSettings()
        found = Unsafe(asked, RATE_HZ, baselines(asked)).update(replace(body, roll_dps=roll), steps)
        return " ".join(judgement.flag.reason for judgement in found if judgement.flag)

    assert "trunk jerking" in reasons(3.0)
    assert "trunk jerking" not in reasons(10.0)


@pytest.mark.parametrize(
    ("times_s", "words", "name", "limit"),
    [
        ([0.6, 0.6, 1.0, 1.0] * 4, "uneven rhythm", "step_time_cv_percent", 15.0),
        ([0.5, 0.85] * 8, "limping", "asymmetry_percent", 30.0),
        ([0.6] * 8 + [0.42] * 4, "cadence surging", "cadence_surge_percent", 25.0),
    ],
)
def test_an_uneven_walk_is_reported_with_its_reason(
    times_s: list[float], words: str, name: str, limit: float
) -> None:
    (reading,) = [event.evidence[name] for event in walked(times_s) if words in event.reason][:1]
    assert reading.limit == limit
    assert reading.value > limit


def test_no_walker_s_own_limit_is_far_from_ordinary_people_s() -> None:
    for usual, limit in ((0.1, 0.6), (3.0, 1.2)):
        own = Baseline(UnsafeSettings())
        for _ in range(30):
            own.learn(usual * OK, STEP_S)
        np.testing.assert_allclose(own.limits()[0][:-1], limit * OK[:-1])


def test_the_limits_are_these() -> None:
    assert [(term.words, term.ok, term.bad) for term in TERMS] == [
        ("trunk leaning", 40.0, 80.0),
        ("swaying sideways", 14.0, 26.0),
        ("swaying forward and back", 14.0, 26.0),
        ("trunk jerking", 130.0, 260.0),
        ("hesitating", 35.0, 80.0),
        ("hurried step", 30.0, 60.0),
        ("cadence surging", 25.0, 60.0),
        ("uneven rhythm", 15.0, 50.0),
        ("limping", 30.0, 60.0),
        ("heavy step", 2.8, 4.2),
        ("veering off the line", 5.0, 14.0),
    ]
    assert IN_A_TURN == 1.4
