"""Every rule of the scoring at its boundary, on hand-made trials."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.vocabulary import Direction, Event, EventKind, StepEvent, UnsafeStepEvent
from monitor.recordings import scoring
from monitor.recordings.corpus import Stretch, Trial
from monitor.recordings.scoring import FALL_KINDS, Run

FALLING, IMPACT, DOWN = FALL_KINDS


def run(
    kind: str, *told: tuple[float, EventKind], seconds: float = 60.0, peak_s: float = 0.0, **labels: Any
) -> Run:
    trial = Trial("t", kind, 100.0, np.zeros((round(100 * seconds), 6), np.int16), **labels)
    return Run(trial, tuple((told_s, Event(what, told_s)) for told_s, what in told), peak_s, 0.0)


def walked(*steps: tuple[float, float, Direction], **labels: Any) -> Run:
    """A walk of steps (told_s, initial_contact_s, direction)."""
    trial = Trial("w", "walk", 100.0, np.zeros((6000, 6), np.int16), **labels)
    told = [(s, StepEvent(s, contact_s=ic_s, direction=Direction(way))) for s, ic_s, way in steps]
    return Run(trial, tuple(told), 0.0, 0.0)


# Intervals


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)],
)
def test_wilson_agrees_with_newcombe_1998(hits: int, total: int, low: float, high: float) -> None:
    assert scoring.wilson(hits, total) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.69), (1, 0.0253, 5.57), (10, 4.80, 18.39)])
def test_poisson_is_close_to_the_exact_interval(count: int, low: float, high: float) -> None:
    assert scoring.poisson(count) == pytest.approx((low, high), abs=0.05)


def test_nothing_to_count_is_null_and_not_zero() -> None:
    assert scoring.share("right", 0, 0) == {"right": None, "right_n": [0, 0], "right_ci95": None}
    assert scoring.per_hour("alarms", 0, 0.0)["alarms"] is None


# Falls


@pytest.mark.parametrize(
    ("labels", "told_s", "is_found"),
    [
        ({"onset_s": 10.0, "impact_s": 10.7}, 9.75, True),
        ({"onset_s": 10.0, "impact_s": 10.7}, 9.70, False),
        ({"impact_s": 10.0}, 8.5, True),
        ({"impact_s": 10.0}, 8.45, False),
        ({"impact_s": 10.0}, 59.0, True),
    ],
)
def test_a_fall_is_found_from_the_opening_of_its_window(labels: Any, told_s: float, is_found: bool) -> None:
    score = scoring.falls([run("fall", (told_s, IMPACT), **labels)], FALL_KINDS)
    assert score["sensitivity_n"] == [int(is_found), 1]
    assert score["before_window_n"] == [int(not is_found), 1]


@pytest.mark.parametrize(
    ("told_s", "is_found", "is_before"), [(8.45, 0, 0), (8.5, 1, 1), (9.9, 1, 1), (10.1, 1, 0)]
)
def test_a_fall_without_labels_is_scored_by_its_largest_acceleration(
    told_s: float, is_found: int, is_before: int
) -> None:
    runs = [run("fall", (told_s, FALLING), peak_s=10.0)]
    assert scoring.falls(runs, FALL_KINDS)["sensitivity_n"] == [is_found, 1]
    score = scoring.before_impact(runs)
    assert score is not None
    assert (score["before_impact_n"], score["unlabelled"]) == ([is_before, 1], 1)


def test_a_fall_of_which_only_the_onset_is_known_is_timed_by_its_largest_acceleration() -> None:
    score = scoring.before_impact([run("fall", (9.9, FALLING), onset_s=10.0, peak_s=10.7)])
    assert score is not None
    assert (score["lead_s_median"], score["unlabelled"]) == (0.8, 1)


@pytest.mark.parametrize("labels", [{"span_start_s": 10.0}, {"span_stop_s": 10.0}])
def test_half_a_span_is_none(labels: Any) -> None:
    score = scoring.stumbles([run("stumble", (50.0, EventKind.STUMBLE), **labels)])
    assert score is not None
    assert score["sensitivity_n"] == [1, 1]


def test_an_early_alarm_does_not_hide_a_later_right_one() -> None:
    score = scoring.falls([run("fall", (2.0, FALLING), (10.1, DOWN), onset_s=10.0)], FALL_KINDS)
    assert (score["sensitivity"], score["before_window"]) == (1.0, 1.0)


def test_in_a_recording_of_hours_a_fall_is_found_within_a_minute_and_other_alarms_count_by_the_day() -> None:
    hours_s, impact_s = 3600 * 8.0, 10_000.0
    for after_s, is_found in ((59.0, 1), (61.0, 0)):
        told = ((50.0, DOWN), (impact_s + after_s, DOWN), (20_000.0, DOWN), (20_001.0, DOWN))
        fall = run("fall", *told, seconds=hours_s, impact_s=impact_s)
        score = scoring.falls([fall, run("daily", (5.0, DOWN), seconds=hours_s)], FALL_KINDS)
        assert score["sensitivity_n"] == [is_found, 1]
        assert score["false_alarms_per_day_n"] == [4 - is_found, 0.6667]
    late = run("fall", (impact_s + 61.0, DOWN), seconds=impact_s + 70.0, impact_s=impact_s)
    assert scoring.falls([late], FALL_KINDS)["sensitivity_n"] == [1, 1]  # to the end of a short recording


def test_any_fall_event_finds_a_fall_but_each_kind_is_scored_alone_too() -> None:
    runs = [run("fall", (11.0, IMPACT), impact_s=11.0), run("fall", (14.0, DOWN), impact_s=11.0)]
    assert scoring.falls(runs, FALL_KINDS)["sensitivity_n"] == [2, 2]
    assert scoring.falls(runs, (IMPACT,))["sensitivity_n"] == [1, 2]
    assert scoring.falls(runs, (FALLING,))["sensitivity_n"] == [0, 2]


def test_specificity_counts_stumbles_walks_and_daily_trials_without_a_fall_alarm() -> None:
    runs = [
        run("stumble", (5.0, EventKind.STUMBLE)),
        run("stumble", (5.0, FALLING)),
        run("walk", (5.0, EventKind.UNSAFE_STEP)),
        run("daily", (5.0, DOWN), (20.0, DOWN)),
    ]
    assert scoring.falls(runs, FALL_KINDS)["specificity_n"] == [2, 4]


def test_false_alarms_are_counted_per_hour_of_their_kind() -> None:
    runs = [
        run("daily", (1.0, IMPACT), (9.0, IMPACT), seconds=1800),
        run("walk", seconds=900),
        run("stumble"),
    ]
    score = scoring.falls(runs, (IMPACT,))
    assert score["false_alarms_per_hour_daily"] == 4.0
    assert score["false_alarms_per_hour_daily_n"] == [2, 0.5]
    assert score["false_alarms_per_hour_walk"] == 0.0
    assert score["false_alarms_per_hour_walk_ci95"] == pytest.approx([0.0, 4 * 3.67], abs=0.05)


@pytest.mark.parametrize(("gap_s", "alarms"), [(4.9, 1), (5.0, 1), (5.1, 2)])
def test_stages_of_one_incident_are_one_alarm(gap_s: float, alarms: int) -> None:
    assert scoring.incidents([3.0, 3.0 + gap_s]) == alarms
    told = ((3.0, FALLING), (3.0 + gap_s, DOWN))
    score = scoring.falls([run("daily", *told, seconds=3600)], FALL_KINDS)
    assert score["false_alarms_per_hour_daily_n"][0] == alarms


def test_before_impact_means_before_and_leads_count_late_ones_too() -> None:
    runs = [
        run("fall", (10.0, FALLING), (10.1, IMPACT), onset_s=9.9, impact_s=10.4),
        run("fall", (10.2, FALLING), onset_s=9.9, impact_s=10.4),
        run("fall", (10.4, FALLING), onset_s=9.9, impact_s=10.4),
        run("fall", (10.6, IMPACT), onset_s=9.9, impact_s=10.4),
    ]
    score = scoring.before_impact(runs)
    assert score is not None
    assert score["before_impact_n"] == [2, 4]
    assert score["lead_s_median"] == pytest.approx(0.2)
    assert score["lead_s_p10"] == pytest.approx(0.04)
    assert scoring.before_impact([run("walk", (10.6, FALLING))]) is None


def test_falls_that_end_with_their_impact_are_counted() -> None:
    runs = [run("fall", impact_s=10.0, seconds=seconds) for seconds in (10.1, 11.4, 11.6)]
    assert (scoring.before_impact(runs) or {})["cut_short"] == 2


# Stumbles


@pytest.mark.parametrize(("told_s", "is_found"), [(9.45, False), (9.5, True), (12.0, True), (12.05, False)])
def test_a_labelled_stumble_is_found_in_its_span_only(told_s: float, is_found: bool) -> None:
    stumbled = run("stumble", (told_s, EventKind.STUMBLE), span_start_s=10.0, span_stop_s=11.0, peak_s=10.5)
    score = scoring.stumbles([stumbled])
    assert score is not None
    assert score["sensitivity_n"] == [int(is_found), 1]
    assert score["after_peak_s_median"] == (pytest.approx(told_s - 10.5) if is_found else None)


def test_an_unlabelled_stumble_is_found_anywhere() -> None:
    score = scoring.stumbles(
        [run("stumble", (59.0, EventKind.STUMBLE), peak_s=59.5), run("stumble", (3.0, FALLING))]
    )
    assert score is not None
    assert score["sensitivity_n"] == [1, 2]
    assert score["after_peak_s_median"] == -0.5


def test_each_stumble_reported_in_a_walk_is_a_false_alarm() -> None:
    score = scoring.stumbles([run("walk", (3.0, EventKind.STUMBLE), (4.0, EventKind.STUMBLE), seconds=3600)])
    assert score is not None
    assert (score["sensitivity"], score["false_alarms_per_hour_walk"]) == (None, 2.0)


# Steps


CONTACTS = tuple(round(5.0 + 0.55 * i, 3) for i in range(10))


def told_at(*contacts_s: float) -> list[tuple[float, float, Direction]]:
    return [(s + 0.2, s, Direction.UNKNOWN) for s in contacts_s]


def test_one_constant_lag_is_taken_off_before_steps_are_compared() -> None:
    score = scoring.steps([walked(*told_at(*(s + 0.2 for s in CONTACTS)), contact_s=CONTACTS)])
    assert score is not None
    assert (score["f1"], score["timing_sd_s"], score["lag_s"]) == (1.0, 0.0, 0.2)


def test_each_data_set_has_its_own_lag() -> None:
    late = walked(*told_at(*(s + 0.2 for s in CONTACTS)), contact_s=CONTACTS, dataset="a")
    early = walked(*told_at(*(s - 0.1 for s in CONTACTS)), contact_s=CONTACTS, dataset="b")
    score = scoring.steps([late, early])
    assert score is not None
    assert (score["f1"], score["timing_sd_s"], score["lag_s"]) == (1.0, 0.0, None)


@pytest.mark.parametrize(("off_s", "hits"), [(0.25, 10), (0.26, 9)])
def test_a_contact_is_found_within_a_quarter_second(off_s: float, hits: int) -> None:
    shifted = [*CONTACTS[:4], CONTACTS[4] + off_s, *CONTACTS[5:]]
    score = scoring.steps([walked(*told_at(*shifted), contact_s=CONTACTS)])
    assert score is not None
    assert score["recall_n"] == [hits, 10]
    assert score["precision_n"] == [hits, 10]


def test_two_detected_steps_cannot_share_a_contact_and_the_closer_one_has_it() -> None:
    score = scoring.steps([walked(*told_at(*CONTACTS, CONTACTS[4] - 0.1), contact_s=CONTACTS)])
    assert score is not None
    assert (score["precision_n"], score["recall_n"], score["timing_sd_s"]) == ([10, 11], [10, 10], 0.0)


def test_steps_outside_the_bouts_are_not_scored() -> None:
    later = tuple(s + 20.0 for s in CONTACTS)
    between = (CONTACTS[-1] + 3.0, 3.0, later[-1] + 1.0)
    score = scoring.steps([walked(*told_at(*CONTACTS, *later, *between), contact_s=(*CONTACTS, *later))])
    assert score is not None
    assert (score["f1"], score["precision_n"]) == (1.0, [20, 20])


@pytest.mark.parametrize(("gap_s", "counted"), [(3.0, 5), (3.1, 4)])
def test_a_rest_longer_than_three_seconds_ends_a_bout(gap_s: float, counted: int) -> None:
    contacts = (1.0, 1.5, 1.5 + gap_s, 2.0 + gap_s)
    score = scoring.steps([walked(*told_at(*contacts, 2.8), contact_s=contacts)])
    assert score is not None
    assert score["precision_n"] == [4, counted]


def test_contacts_may_come_in_any_order_and_twice() -> None:
    steps = told_at(*CONTACTS, CONTACTS[0] + 0.27)
    scores = [
        scoring.steps([walked(*steps, contact_s=contacts)])
        for contacts in (CONTACTS, CONTACTS[::-1], (*CONTACTS, *CONTACTS))
    ]
    assert scores[0] == scores[1] == scores[2]
    assert scores[0] is not None
    assert scores[0]["precision_n"] == [10, 11]


def test_no_steps_at_all_are_misses() -> None:
    score = scoring.steps([walked(contact_s=CONTACTS)])
    assert score is not None
    assert (score["f1"], score["precision"], score["recall_n"]) == (0.0, None, [0, 10])
    assert scoring.steps([walked()]) is None


@given(st.lists(st.integers(0, 800), unique=True, max_size=25), st.floats(-0.3, 0.3))
def test_counts_of_steps_are_never_more_than_there_are(ticks: list[int], lag_s: float) -> None:
    told = sorted(1.0 + tick / 50 + lag_s for tick in ticks)
    score = scoring.steps([walked(*told_at(*told), contact_s=CONTACTS)])
    assert score is not None
    hits, true = score["recall_n"]
    assert score["precision_n"][0] == hits <= min(true, len(told))
    assert score["precision_n"][1] <= len(told)


# Direction


FORWARD, BACKWARD, UNKNOWN = Direction.FORWARD, Direction.BACKWARD, Direction.UNKNOWN


@pytest.mark.parametrize(
    ("steps", "right_s", "wrong_s"),
    [
        ([(12.5, BACKWARD), (14.0, BACKWARD), (15.5, BACKWARD)], 5.0, 0.0),  # the last holds 2 s
        ([(13.0, BACKWARD)], 2.0, 0.0),  # unknown until the first step and 2 s after it
        ([(11.0, BACKWARD)], 0.5, 0.0),  # known from before, the first 2.5 s are left out
        ([(13.0, BACKWARD), (14.0, FORWARD)], 1.0, 2.0),
        ([(13.0, BACKWARD), (14.0, UNKNOWN)], 1.0, 0.0),
        ([(17.5, BACKWARD)], 0.0, 0.0),
        ([], 0.0, 0.0),
    ],
)
def test_the_latest_step_gives_the_direction_for_two_seconds(
    steps: list[tuple[float, Direction]], right_s: float, wrong_s: float
) -> None:
    stretches = (Stretch("backward", 10.0, 17.5), Stretch("turn", 17.5, 20.0))
    score = scoring.directions([walked(*((s, s - 0.2, way) for s, way in steps), stretches=stretches)])
    assert score is not None
    assert score["forward"] is None
    backward = score["backward"]
    assert backward["right_n"] == [pytest.approx(right_s), 5.0]
    assert backward["wrong_n"] == [pytest.approx(wrong_s), 5.0]
    assert backward["unknown_n"] == [pytest.approx(5.0 - right_s - wrong_s), 5.0]


def test_short_stretches_and_turns_are_not_scored() -> None:
    stretches = (Stretch("forward", 0.0, 2.0), Stretch("turn", 2.0, 9.0), Stretch("forward", 9.0, 11.4))
    assert scoring.directions([walked(stretches=stretches)]) is None


# Unsafe steps


def test_flags_are_counted_per_hundred_steps_of_walks() -> None:
    steps = [(float(i), float(i), FORWARD) for i in range(50)]
    flags = tuple(
        (s, UnsafeStepEvent(s, score=v, direction=Direction.BACKWARD)) for s, v in ((1.0, 0.79), (2.0, 0.8))
    )
    calm = walked(*steps)
    flagged = Run(calm.trial, (*calm.reported, *flags), 0.0, 0.0)
    score = scoring.unsafe_steps([calm, flagged, run("daily", (1.0, EventKind.STEP))], red=0.8)
    assert score == {
        "steps": 100,
        "amber_per_100": 2.0,
        "amber_per_100_n": [2, 100],
        "amber_per_100_ci95": [0.225, 7.221],
        "red_per_100": 1.0,
        "red_per_100_n": [1, 100],
        "red_per_100_ci95": [0.013, 5.564],
    }
    assert scoring.unsafe_steps([run("walk")], red=0.8) is None
