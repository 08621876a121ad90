"""TAKEN_OFF: a second in a hand, unless there is a fall; and what that does to who watches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.fall_network import HOP_S, Head, Hops
from monitor.core.handling import AFTER_A_FALL_S, HELD_HOPS, Handling, HandlingSettings
from monitor.core.vocabulary import Event, EventKind
from monitor.recordings.corpus import Corpus, Trial, whole
from monitor.recordings.simulated_walker import Move, walk
from monitor.weights import shipped
from tests.recordings import recorded
from training.crops import taken_off


def hops(scores: list[float], start: int = 0) -> Hops:
    count = len(scores)
    score = np.full((count, len(Head)), -9.0)
    score[:, Head.HANDLED] = scores
    nothing = np.zeros((count, 3))
    time_s = (start + np.arange(1.0, count + 1)) * HOP_S
    return Hops(time_s, score, nothing, nothing, np.ones(count), np.zeros(count, dtype=bool))


def found_s(scores: list[float], falls: list[Event] | None = None) -> list[float]:
    events = Handling(HandlingSettings()).update(hops(scores), falls or [])
    assert all(event.kind is EventKind.TAKEN_OFF for event in events)
    return [round(event.time_s, 2) for event in events]


WORN, HELD = [-5.0] * 40, [5.0] * HELD_HOPS


def test_a_second_in_a_hand_is_taken_off_and_said_once() -> None:
    assert found_s([*WORN, *HELD, *HELD, *HELD]) == [3.0]
    assert found_s([*WORN, *HELD, *WORN, *HELD]) == [3.0, 6.0]


def test_less_than_a_second_is_not() -> None:
    assert found_s([*WORN, *HELD[1:], -5.0, *HELD[1:]]) == []


@pytest.mark.parametrize("kind", [EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN])
def test_a_belt_that_comes_off_in_a_fall_is_still_a_fall(kind: EventKind) -> None:
    held = [5.0] * round((AFTER_A_FALL_S + 3.0) / HOP_S)
    assert found_s([*WORN, *held], [Event(kind, 2.5)]) == [2.5 + AFTER_A_FALL_S + 1.0]
    assert found_s([*WORN, *held], [Event(EventKind.UPRIGHT, 2.5)]) == [3.0]


def test_a_gap_begins_the_second_anew_and_forgets_no_fall() -> None:
    handling = Handling(HandlingSettings())
    handling.update(hops(HELD[1:]), [])
    handling.gap()
    assert handling.update(hops(HELD[1:], 20), []) == []
    handling.update(hops(WORN, 40), [Event(EventKind.DOWN, 3.0)])
    handling.gap()
    assert handling.update(hops([*HELD, *HELD], 80), []) == []


@given(st.lists(st.booleans(), max_size=120), st.integers(0, 120), st.floats(0.0, 6.0))
def test_how_hops_are_split_changes_nothing(held: list[bool], cut: int, fall_s: float) -> None:
    scores = [5.0 if now else -5.0 for now in held]
    falls = [Event(EventKind.DOWN, fall_s)]
    handling = Handling(HandlingSettings())
    border_s = cut * HOP_S
    first = handling.update(hops(scores[:cut]), [fall for fall in falls if fall.time_s <= border_s])
    second = handling.update(hops(scores[cut:], cut), [fall for fall in falls if fall.time_s > border_s])
    assert [round(event.time_s, 2) for event in (*first, *second)] == found_s(scores, falls)


def test_a_phone_that_people_take_off_has_not_fallen() -> None:
    ends = [
        {event.kind for event in Detector(DetectorSettings(), shipped()).update(whole(trial, 100.0))}
        for trial in Corpus(recorded("hapt_off.npz"))
    ]
    assert sum(EventKind.TAKEN_OFF in kinds for kinds in ends) >= len(ends) - 2
    assert not any(kinds & {EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN} for kinds in ends)


@pytest.mark.parametrize("seed", range(4))
def test_a_walker_s_sensor_that_a_hand_takes_off_has_not_fallen(seed: int) -> None:
    worn = walk([(4, Move.STAND), (4, Move.BACKWARD)], 100.0, seed=seed).trial("worn").counts
    counts = taken_off(worn.astype(np.float32), 500, np.random.default_rng(seed))
    trial = Trial("taken off", "daily", 100.0, np.rint(counts).astype(np.int16))
    events = Detector(DetectorSettings(), shipped()).update(whole(trial, 100.0))
    assert EventKind.TAKEN_OFF in {event.kind for event in events}
    assert not {event.kind for event in events} & {EventKind.FALLING, EventKind.DOWN}
