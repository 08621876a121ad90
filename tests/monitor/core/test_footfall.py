"""A simulated deck under the treadmill-frame profile: no recordings of one exist."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitor.core.footfall import Footfall, FootfallSettings
from monitor.core.samples import Floats
from monitor.core.vocabulary import Direction, Event, EventKind, StepEvent
from tests.monitor.core.deck import RATE_HZ, deck

STEP_S = 0.6


def heard(time_s: Floats, accel_g: Floats, cuts: Sequence[int] = (), **chosen: float) -> list[Event]:
    listener = Footfall(FootfallSettings(**chosen), RATE_HZ)
    pieces = zip(np.split(time_s, cuts), np.split(accel_g, cuts), strict=True)
    return [event for t, a in pieces if len(t) for event in listener.update(t, a)]


def contacts(stop_s: float, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    times = 4.0 + np.cumsum(STEP_S + 0.015 * rng.normal(size=200))
    return times[times < stop_s]


def of(events: list[Event], *kinds: EventKind) -> list[Event]:
    return [event for event in events if event.kind in kinds]


def steps_of(events: list[Event]) -> list[StepEvent]:
    return [event for event in events if isinstance(event, StepEvent)]


ALARMS = (EventKind.STUMBLE, EventKind.IMPACT, EventKind.DOWN)


@pytest.mark.parametrize("seed", range(3))
def test_footfalls_are_found_beside_the_motor(seed: int) -> None:
    true = contacts(38.0, seed)
    events = heard(*deck(38.2, true, seed=seed))
    told = np.array([e.contact_s for e in steps_of(events)])
    found = (np.abs(told[:, None] - true).min(axis=0) < 0.05).mean()
    assert found >= 0.95
    assert len(told) <= len(true)
    assert of(events, *ALARMS) == []


def test_a_footfall_says_what_the_frame_can_know() -> None:
    event = of(heard(*deck(20, contacts(18))), EventKind.STEP)[-1]
    assert isinstance(event, StepEvent)
    assert event.direction is Direction.UNKNOWN
    assert event.cadence_spm == pytest.approx(100, abs=4)
    assert event.time_s - event.contact_s < 0.2


@pytest.mark.parametrize("belt", [(0.0, np.inf), (0.0, 0.0)])
def test_an_empty_deck_has_no_rhythm_and_no_alarm(belt: tuple[float, float]) -> None:
    events = heard(*deck(30, belt=belt))
    assert len(of(events, EventKind.STEP)) <= 2
    assert of(events, *ALARMS) == []


def test_footfalls_that_end_while_the_belt_runs_are_a_lost_rhythm() -> None:
    true = contacts(25)
    (event,) = of(heard(*deck(32, true)), *ALARMS)
    assert event.kind is EventKind.STUMBLE
    assert event.time_s - true[-1] == pytest.approx(2.2 * STEP_S, abs=0.15)
    assert event.evidence["since_footfall_s"].value >= event.evidence["since_footfall_s"].limit


def test_one_missing_footfall_is_none_yet() -> None:
    true = contacts(25)
    assert of(heard(*deck(25.2, np.delete(true, 20))), *ALARMS) == []
    assert of(heard(*deck(25.2, np.delete(true, 20)), lost_steps=1.5), EventKind.STUMBLE)


def test_stepping_off_a_belt_that_stops_is_no_alarm() -> None:
    true = contacts(25)
    assert of(heard(*deck(32, true, belt=(0, true[-1] + 0.3))), *ALARMS) == []


def test_a_body_on_the_deck_is_an_impact_and_then_a_fall() -> None:
    true = contacts(25)
    fall_s = true[-1] + 0.4
    impact, down = of(heard(*deck(32, true, fall_s=fall_s)), *ALARMS)
    assert (impact.kind, down.kind) == (EventKind.IMPACT, EventKind.DOWN)
    assert impact.time_s - fall_s < 0.3
    assert impact.evidence["energy_ratio"].value > impact.evidence["energy_ratio"].limit
    assert down.time_s - fall_s < 1.5


def test_a_blow_is_measured_by_its_ratio_to_the_heaviest_footfall() -> None:
    true = contacts(25)
    time_s, accel_g = deck(32, true, fall_s=true[-1] + 0.4)
    ratio = of(heard(time_s, accel_g), EventKind.IMPACT)[0].evidence["energy_ratio"].value
    assert of(heard(time_s, accel_g, impact_ratio=0.99 * ratio), EventKind.IMPACT)
    assert not of(heard(time_s, accel_g, impact_ratio=1.01 * ratio), EventKind.IMPACT)


def test_a_blow_after_which_feet_walk_on_is_no_fall() -> None:
    true = contacts(25)
    events = heard(*deck(25.2, true, fall_s=true[-15] + 0.3))
    assert of(events, EventKind.DOWN) == []


def test_nothing_is_reported_before_the_background_is_known() -> None:
    early = np.arange(0.3, 10, STEP_S)
    assert min(e.time_s for e in heard(*deck(10, early))) > 3.0


@given(cuts=st.lists(st.integers(0, 6400), max_size=6).map(sorted))
@settings(max_examples=10)
def test_events_are_the_same_however_the_samples_are_cut(cuts: list[int]) -> None:
    expected, told = heard(*FALLING), heard(FALLING[0], FALLING[1], cuts)
    assert [(e.kind, e.time_s) for e in told] == [(e.kind, e.time_s) for e in expected]


FALLING = deck(32, contacts(25), fall_s=contacts(25)[-1] + 0.4)


@given(arrays(float, (1500, 3), elements=st.sampled_from([0.0, 1.0, -16.0, 16.0])))
@settings(max_examples=10)
def test_garbage_raises_nothing(accel_g: Floats) -> None:
    heard(np.arange(len(accel_g)) / RATE_HZ, accel_g)
