"""Falls: the story from the first suspicion to lying confirmed or standing again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.fall import Fall, FallSettings
from monitor.core.fall_network import HOP_S, Head, Hops, Network
from monitor.core.samples import Floats
from monitor.core.vocabulary import Event, EventKind
from monitor.weights import shipped
from tests.monitor.core.enacted import Samples, fall, measured, standing, walking

FALLING, IMPACT, DOWN, UPRIGHT = EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN, EventKind.UPRIGHT
STANDING_UP = (0.0, 0.0, 1.0)
LYING = (1.0, 0.0, 0.0)
SITTING_BACK = (-0.35, 0.0, 0.94)


class Course:
    """Hops by hand: posture and scores over time."""

    def __init__(self, length_s: float) -> None:
        count = round(length_s / HOP_S)
        self.time_s: Floats = np.arange(1.0, count + 1.0) * HOP_S
        self.score = np.full((count, len(Head)), -9.0)
        self.accel_g = np.tile(np.array(STANDING_UP), (count, 1))
        self.peak_g = np.ones(count)
        self.bridged = np.zeros(count, dtype=bool)

    def at(self, start_s: float, stop_s: float) -> slice:
        return slice(round(start_s / HOP_S), round(stop_s / HOP_S))

    def says(self, head: Head, start_s: float, stop_s: float, score: float = 9.0) -> "Course":
        self.score[self.at(start_s, stop_s), head] = score
        return self

    def posture(self, accel_g: tuple[float, float, float], start_s: float, stop_s: float) -> "Course":
        self.accel_g[self.at(start_s, stop_s)] = accel_g
        return self

    def hole(self, start_s: float, stop_s: float) -> "Course":
        self.bridged[self.at(start_s, stop_s)] = True
        return self

    def hit(self, when_s: float, height_g: float) -> "Course":
        self.peak_g[self.at(when_s, when_s + HOP_S)] = height_g
        return self

    def steps(self, start_s: float, stop_s: float) -> "Course":
        part = self.at(start_s, stop_s)
        self.accel_g[part] *= 1.0 + 0.2 * np.sin(2 * np.pi * 1.8 * self.time_s[part])[:, None]
        return self

    def hops(self) -> Hops:
        unmoved = np.zeros_like(self.accel_g)
        return Hops(self.time_s, self.score, self.accel_g, unmoved, self.peak_g, self.bridged)

    def events(self) -> list[Event]:
        return Fall(FallSettings()).update(self.hops())

    def story(self) -> list[tuple[EventKind, float]]:
        return [(event.kind, round(event.time_s, 2)) for event in self.events()]


def a_fall() -> Course:
    course = Course(12.0).says(Head.FALLING, 4.0, 4.5).hit(4.5, 3.0).posture(LYING, 4.5, 12.0)
    return course.says(Head.FALLEN, 5.2, 7.0)


def test_a_fall_is_detected_before_the_impact_at_the_impact_and_when_lying_is_confirmed() -> None:
    assert a_fall().story() == [(FALLING, 4.05), (IMPACT, 4.55), (DOWN, 5.65)]


def test_a_fall_nobody_saw_coming_is_reported_with_its_impact_when_confirmed() -> None:
    course = Course(8.0).hit(4.5, 3.0).posture(LYING, 4.5, 8.0).says(Head.FALLEN, 5.2, 7.0)
    assert course.story() == [(IMPACT, 5.65), (DOWN, 5.65)]


def test_a_soft_landing_is_a_fall_all_the_same() -> None:
    course = Course(8.0).posture(LYING, 4.5, 8.0).says(Head.FALLEN, 5.2, 7.0)
    assert course.story() == [(DOWN, 5.65)]


@pytest.mark.parametrize(("tilt_deg", "confirmed"), [(0, False), (59, False), (61, True), (90, True)])
def test_a_fall_is_confirmed_only_once_the_trunk_has_turned_over(tilt_deg: float, confirmed: bool) -> None:
    """A deep stumble and a hard seat score alike, and leave it upright."""
    lying = (float(np.sin(np.radians(tilt_deg))), 0.0, float(np.cos(np.radians(tilt_deg))))
    course = Course(8.0).posture(lying, 4.5, 8.0).says(Head.FALLEN, 5.2, 7.0)
    assert (DOWN in dict(course.story())) is confirmed


def test_a_trunk_that_turns_over_late_is_still_a_fall_and_one_that_lies_down_later_is_none() -> None:
    late = Course(9.0).says(Head.FALLEN, 4.0, 4.3).posture(LYING, 4.7, 9.0)
    assert DOWN in dict(late.story())
    later = Course(9.0).says(Head.FALLEN, 4.0, 4.3).posture(LYING, 6.5, 9.0)
    assert later.story() == []


def test_a_suspicion_is_taken_back_when_the_trunk_stays_where_it_was() -> None:
    assert Course(10.0).says(Head.FALLING, 4.0, 4.5).story() == [(FALLING, 4.05), (UPRIGHT, 7.05)]


def test_a_suspicion_is_not_taken_back_while_the_trunk_lies() -> None:
    course = Course(60.0).says(Head.FALLING, 4.0, 4.5).posture(LYING, 4.5, 60.0)
    assert course.story() == [(FALLING, 4.05)]


def test_nor_when_nobody_knows_how_it_lies() -> None:
    course = Course(20.0).says(Head.FALLING, 4.0, 4.5).posture((0.0, 0.0, 0.0), 4.5, 20.0)
    assert course.story() == [(FALLING, 4.05)]


def test_sitting_up_after_a_fall_is_no_recovery_but_walking_is() -> None:
    course = a_fall().posture(STANDING_UP, 8.0, 12.0)
    assert UPRIGHT not in dict(course.story())
    walker = a_fall().posture(STANDING_UP, 8.0, 12.0).steps(8.0, 12.0)
    assert walker.story()[-1][0] is UPRIGHT


def test_one_fall_is_reported_once_and_the_next_one_again() -> None:
    course = Course(60.0).posture(LYING, 4.5, 60.0).says(Head.FALLING, 4.0, 8.0).says(Head.FALLEN, 5.2, 9.0)
    course.posture(STANDING_UP, 30.0, 40.5).says(Head.FALLING, 40.0, 41.0).says(Head.FALLEN, 41.5, 43.0)
    kinds = [kind for kind, _ in course.story()]
    assert kinds == [FALLING, DOWN, FALLING, DOWN]


@pytest.mark.parametrize(("score", "told"), [(0.99, False), (1.0, True)])
def test_the_thresholds_are_the_settings(score: float, told: bool) -> None:
    settings = FallSettings(falling_threshold=1.0, down_threshold=1.0)
    for head, kind in ((Head.FALLING, FALLING), (Head.FALLEN, DOWN)):
        hops = Course(6.0).says(head, 3.0, 3.5, score).posture(LYING, 3.2, 6.0).hops()
        assert (kind in [event.kind for event in Fall(settings).update(hops)]) is told


def test_nothing_is_reported_in_the_first_half_second() -> None:
    assert Course(6.0).says(Head.FALLING, 0.0, 0.5).says(Head.FALLEN, 0.0, 0.5).story() == []


def test_the_evidence_shows_scores_beside_their_limits_and_what_the_body_did() -> None:
    falling, impact, down = a_fall().events()
    assert falling.evidence["falling_score"] == (9.0, FallSettings().falling_threshold)
    assert impact.evidence["peak_accel_g"] == (3.0, FallSettings().impact_g)
    assert down.evidence["fallen_score"] == (9.0, FallSettings().down_threshold)
    assert down.evidence["tilt_change_deg"].value > 60.0


@settings(max_examples=60)
@given(cuts=st.lists(st.integers(0, 1200), max_size=40))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    course = Course(60.0).says(Head.FALLING, 4.0, 4.5).hit(4.5, 3.0).posture(LYING, 4.5, 9.0)
    course.says(Head.FALLEN, 5.2, 7.0).steps(9.0, 16.0).says(Head.FALLING, 25.0, 25.5)
    course.posture(SITTING_BACK, 26.0, 60.0).says(Head.FALLEN, 40.0, 41.0)
    hops, fall = course.hops(), Fall(FallSettings())
    edges = [0, *sorted(cuts), len(hops.time_s)]
    parts = []
    for start, stop in zip(edges, edges[1:], strict=False):
        parts += fall.update(hops.until(stop - 1, stop - start) if stop > start else hops.until(-1, 0))
    assert parts == course.events()
    assert len(parts) > 5


def told(samples: Samples) -> list[EventKind]:
    return [e.kind for e in Fall(FallSettings()).update(Network(shipped().falls).update(measured(samples)))]


def across(before: Course, after: Course, gap_s: float) -> list[tuple[EventKind, float]]:
    """What a fall makes of ``before``, a gap in the samples, and ``after``."""
    fall = Fall(FallSettings())
    events = fall.update(before.hops())
    fall.gap()
    later = after.hops()
    begins_s = float(before.time_s[-1]) + gap_s
    events += fall.update(replace(later, time_s=later.time_s + begins_s))
    return [(event.kind, round(event.time_s, 2)) for event in events]


def lying(length_s: float) -> Course:
    return Course(length_s).posture(LYING, 0.0, length_s)


@pytest.mark.parametrize("gap_s", [0.6, 3.0, 600.0])
def test_upright_before_a_gap_and_lying_after_it_is_a_fall_confirmed(gap_s: float) -> None:
    assert across(Course(5.0), lying(3.0), gap_s) == [(DOWN, round(5.0 + gap_s + 0.5, 2))]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("upright", "upright"),
        ("lying", "lying"),
        ("lying", "upright"),
        ("upright", "lies down later"),
        ("bent", "lying"),
    ],
)
def test_no_other_change_of_posture_across_a_gap_is_one(before: str, after: str) -> None:
    courses = {
        "upright": Course(5.0),
        "lying": lying(5.0),
        "lies down later": Course(5.0).posture(LYING, 1.0, 5.0),
        "bent": Course(5.0).posture((1.0, 0.0, 0.9), 4.5, 5.0),
    }
    assert across(courses[before], courses[after], 2.0) == []


def test_a_suspicion_before_a_gap_confirms_itself_unless_the_trunk_is_back() -> None:
    suspected = Course(5.0).says(Head.FALLING, 4.8, 5.0)
    assert across(suspected, Course(5.0).posture((0.8, 0.0, 0.6), 0.0, 5.0), 2.0)[:2] == [
        (FALLING, 4.85),
        (DOWN, 7.5),
    ]
    assert [kind for kind, _ in across(suspected, Course(5.0), 2.0)] == [FALLING, UPRIGHT]


def test_a_fall_confirmed_before_a_gap_is_not_ended_by_it() -> None:
    confirmed = a_fall().story()
    fall = a_fall()
    assert across(fall, lying(2.0), 2.0) == confirmed


def test_a_suspicion_on_bridged_samples_needs_a_higher_score() -> None:
    for score, found in ((14.0, []), (14.5, [FALLING])):
        course = Course(5.0).hole(3.0, 3.3).says(Head.FALLING, 3.5, 3.6, score)
        assert [kind for kind, _ in course.story()][:1] == found
    assert [kind for kind, _ in Course(5.0).hole(1.0, 1.3).says(Head.FALLING, 3.5, 3.6, 2.3).story()][:1] == [
        FALLING
    ]


def test_a_clock_that_was_set_back_is_a_new_beginning() -> None:
    fall = Fall(FallSettings())
    assert [event.kind for event in fall.update(a_fall().hops())]
    fall.gap()
    assert [event.kind for event in fall.update(a_fall().hops())] == [
        event.kind for event in a_fall().events()
    ]


@pytest.mark.parametrize("heading_deg", [0.0, 90.0, 180.0])
def test_an_enacted_fall_is_seen_before_the_impact_and_confirmed(heading_deg: float) -> None:
    assert told(fall(heading_deg))[:3] == [FALLING, IMPACT, DOWN]


def test_enacted_walking_and_standing_are_no_fall() -> None:
    assert told(walking(60.0)) == []
    assert told(standing(60.0)) == []


def test_the_posture_before_a_fall_is_taken_from_before_its_last_second_and_a_half() -> None:
    course = Course(8.0).posture(LYING, 1.0, 2.45).says(Head.FALLING, 2.5, 2.55)
    assert [kind for kind, _ in course.story()] == [FALLING, UPRIGHT]


@pytest.mark.parametrize(("after_s", "seen"), [(1.45, True), (1.6, False)])
def test_an_impact_belongs_to_a_suspicion_for_a_second_and_a_half(after_s: float, seen: bool) -> None:
    course = Course(8.0).says(Head.FALLING, 3.0, 3.05).hit(3.0 + after_s, 3.0).posture(LYING, 3.5, 8.0)
    assert (IMPACT in dict(course.story())) is seen


@pytest.mark.parametrize(("score", "kinds"), [(-0.1, []), (0.1, [DOWN])])
def test_across_a_bridged_hole_the_network_must_have_seen_something_of_a_fall(
    score: float, kinds: list[EventKind]
) -> None:
    course = Course(8.0).hole(3.0, 3.5).posture(LYING, 3.5, 8.0).says(Head.FALLING, 2.8, 2.9, score)
    assert [kind for kind, _ in course.story()] == kinds
