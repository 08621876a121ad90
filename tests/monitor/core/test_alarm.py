"""The alarm: every rule of the list is walked, whole alerts are compared; what must never happen does not."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.alarm_rules import (
    CLOSED,
    CONFIRMED,
    CONFIRMED_ACKNOWLEDGED,
    DANGERS,
    FAULTS,
    OF_THE_WALKER,
    PRIORITY,
    RULES,
    SUSPECTED,
    SUSPECTED_ACKNOWLEDGED,
    Guard,
    Rule,
    State,
    Timer,
    Trigger,
    state_of,
)
from monitor.core.arming import ArmingSettings
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Direction,
    Event,
    EventKind,
    FaultCode,
    Input,
    InputKind,
    Priority,
    Reading,
    Stage,
    StepEvent,
    StillEvent,
    UnsafeStepEvent,
)
from tests.monitor.alarm_document import printed

START_S = 1e5
LASTS_S = {
    (AlertKind.STUMBLE, Timer.OVER): 10.0,
    (AlertKind.UNSAFE_STEP, Timer.OVER): 5.0,
    (AlertKind.TIRING, Timer.OVER): 60.0,
    (AlertKind.TEST, Timer.OVER): 5.0,
    (AlertKind.FALL, Timer.UNCLEARED): 180.0,
    (AlertKind.SOS, Timer.UNCLEARED): 180.0,
}
LONGEST_S = {Timer.OVER: 60.0, Timer.UNCLEARED: 180.0}
TRIGGERS: tuple[Trigger, ...] = (*EventKind, *InputKind)
INDIRECT = {
    *(InputKind.DISARM, InputKind.BUTTON_DOUBLE),
    *(EventKind.SLID, EventKind.ALIGNED, EventKind.TAKEN_OFF),
}
"""What moves no incident itself: it disarms, or is made a fault first."""
Place = tuple[AlertKind, State]


def event(kind: EventKind, time_s: float) -> Event:
    """An event as the detector makes it, with evidence that names it."""
    evidence = {f"{kind}_g": Reading(time_s % 97, 1.0)}
    match kind:
        case EventKind.STEP:
            return StepEvent(time_s, contact_s=time_s - 0.2, direction=Direction.BACKWARD)
        case EventKind.STILL:
            return StillEvent(time_s, gravity_g=1.0, from_upright_deg=2.0)
        case EventKind.UNSAFE_STEP:
            return UnsafeStepEvent(time_s, evidence, "leaning", score=0.6, direction=Direction.BACKWARD)
    return Event(kind, time_s, evidence, f"because of {kind}")


class Machine:
    """An alarm on a clock of its own, which is fed one trigger after the other."""

    def __init__(self, *, armed: bool = True, **settings: Any) -> None:
        arming = ArmingSettings(at_start=armed, needs_stillness=False)
        self.alarm = Alarm(AlarmSettings(**settings), arming)
        self.now_s = START_S
        self.alarm.update(self.now_s, [], [])
        assert self.alarm.status.armed is armed

    def feel(self, trigger: Trigger, about: AlertKind | None = None, who: str = "Eva") -> list[Alert]:
        """What ``trigger`` brings about; an answer is for the incident ``about``, or the foremost."""
        if isinstance(trigger, Timer):
            return self.wait(LONGEST_S[trigger])
        self.now_s += 0.1
        if isinstance(trigger, EventKind):
            return self.alarm.update(self.now_s, [event(trigger, self.now_s)], [])
        incident = next((a for a in self.open if about in (None, a.kind)), None)
        fault = FaultCode.OUTBOX if trigger in (InputKind.FAULT, InputKind.FAULT_GONE) else None
        given_ = Input(trigger, incident.id if incident else "", who, "", None, fault)
        return self.alarm.update(self.now_s, [], [given_])

    def wait(self, seconds: float) -> list[Alert]:
        self.now_s += seconds
        return self.alarm.update(self.now_s, [], [])

    @property
    def open(self) -> tuple[Alert, ...]:
        return self.alarm.status.incidents

    def places(self) -> dict[AlertKind, State]:
        return {alert.kind: state_of(alert) for alert in self.open}


def machine_at(way: Sequence[Trigger]) -> Machine:
    machine = Machine()
    for trigger in way:
        machine.feel(trigger)
    return machine


@cache
def ways() -> dict[Place, tuple[Trigger, ...]]:
    """The shortest way, from the start, to every place in which an incident can be alone: a search."""
    found: dict[Place, tuple[Trigger, ...]] = {}
    seen = set()
    queue: deque[tuple[Trigger, ...]] = deque([()])
    while queue:
        way = queue.popleft()
        places = frozenset(machine_at(way).places().items())
        if places in seen or len(way) > 4 or len(places) > 1:
            continue
        seen.add(places)
        for place in places:
            found.setdefault(place, way)
        queue.extend((*way, trigger) for trigger in TRIGGERS if trigger not in INDIRECT)
    return found


PLACES = tuple(
    (kind, state)
    for kind in AlertKind
    for state in (SUSPECTED, CONFIRMED, SUSPECTED_ACKNOWLEDGED, CONFIRMED_ACKNOWLEDGED)
    if state.certainty is Certainty.CONFIRMED or kind is AlertKind.FALL
)


def name_of(rule: Rule) -> str:
    at = "-".join(rule.at) if rule.at else "closed"
    return f"{rule.kind}-{at}-{rule.trigger}"


def test_every_place_can_be_reached_and_no_other() -> None:
    assert set(ways()) == set(PLACES)


def test_no_place_has_two_rules_for_one_trigger() -> None:
    keys = [(rule.kind, rule.at, rule.trigger) for rule in RULES]
    assert len(keys) == len(set(keys))


def test_the_document_prints_the_list() -> None:
    """docs/safety.md; to renew it: python -m tests.monitor.alarm_document."""
    text, table = printed()
    assert table in text


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.at], ids=name_of)
def test_every_move_and_the_whole_alert_it_reports(rule: Rule) -> None:
    assert rule.at is not CLOSED
    machine = machine_at(ways()[rule.kind, rule.at])
    timer = rule.trigger if isinstance(rule.trigger, Timer) else None
    if timer is None:
        machine.wait(1.5)  # the button is locked right after an impact
    (before,) = machine.open
    told = machine.feel(rule.trigger, about=rule.kind)
    kind = rule.becomes or rule.kind
    is_event = isinstance(rule.trigger, EventKind)
    news = event(rule.trigger, machine.now_s) if isinstance(rule.trigger, EventKind) else None
    time_s = before.time_s + LASTS_S[rule.kind, timer] if timer else machine.now_s
    uncleared = "Eva is coming, and nobody has cleared it" if timer is Timer.UNCLEARED else ""
    who = "walker" if rule.trigger is InputKind.BUTTON_SHORT else "Eva"
    keeps = before.who if rule.to.stage is Stage.ACKNOWLEDGED else ""
    expected = replace(
        before,
        sequence=before.sequence + 1,
        kind=kind,
        priority=PRIORITY[kind],
        certainty=rule.to.certainty,
        stage=rule.to.stage,
        time_s=time_s,
        evidence=(news.evidence if news else {}) or before.evidence,
        reason=(news.reason if news else uncleared) or before.reason,
        who=keeps if is_event or timer else who,
    )
    assert told == [expected]
    assert machine.open == (() if rule.to.stage.ended else (expected,))


@pytest.mark.parametrize("rule", [rule for rule in RULES if not rule.at], ids=name_of)
def test_every_opening_and_the_whole_alert_it_reports(rule: Rule) -> None:
    machine = Machine()
    told = machine.feel(rule.trigger)
    news = event(rule.trigger, machine.now_s) if isinstance(rule.trigger, EventKind) else None
    expected = Alert(
        "1",
        1,
        rule.kind,
        PRIORITY[rule.kind],
        rule.to.certainty,
        Stage.ACTIVE,
        machine.now_s,
        news.evidence if news else {},
        news.reason if news else "",
        "" if news else "Eva",
        FaultCode.OUTBOX if rule.kind is AlertKind.FAULT else None,
    )
    assert told == [expected]
    assert machine.open == (expected,)


@pytest.mark.parametrize("place", PLACES, ids=lambda p: f"{p[0]}-{'-'.join(p[1])}")
@pytest.mark.parametrize("trigger", TRIGGERS)
def test_what_is_not_in_the_list_changes_nothing(place: Place, trigger: Trigger) -> None:
    kind, at = place
    if any((rule.kind, rule.at, rule.trigger) == (kind, at, trigger) for rule in RULES):
        return
    machine = machine_at(ways()[place])
    machine.wait(1.5)
    before = machine.open[0]
    told = machine.feel(trigger, about=kind)
    if kind in FAULTS and trigger in (InputKind.DISARM, InputKind.BUTTON_DOUBLE, EventKind.TAKEN_OFF):
        faint = replace(before, sequence=before.sequence + 1, priority=Priority.LOW, time_s=machine.now_s)
        assert told == [faint]  # it weighs less, and that is all
        return
    assert before in machine.open
    assert [alert for alert in told if alert.id == before.id] == []


GUARDED = [rule for rule in RULES if rule.guard is not Guard.ALWAYS]
FALLEN = {Guard.NO_FALL_ACTIVE, Guard.NOTHING_WORSE}


@pytest.mark.parametrize("rule", [r for r in GUARDED if not r.at], ids=name_of)
def test_disarmed_no_danger_is_reported(rule: Rule) -> None:
    machine = Machine(armed=False)
    assert machine.feel(rule.trigger) == []


@pytest.mark.parametrize("rule", [r for r in RULES if not r.at and r.guard is Guard.ALWAYS], ids=name_of)
def test_what_needs_no_arming_is_reported_disarmed_and_faults_weigh_less(rule: Rule) -> None:
    (told,) = Machine(armed=False).feel(rule.trigger)
    assert told.priority is (Priority.LOW if rule.kind in FAULTS else PRIORITY[rule.kind])


@pytest.mark.parametrize("trigger", [EventKind.STUMBLE, EventKind.UNSAFE_STEP, EventKind.TIRING])
def test_while_a_fall_is_active_no_lesser_danger_opens(trigger: EventKind) -> None:
    machine = machine_at([EventKind.DOWN])
    assert machine.feel(trigger) == []


def test_an_acknowledged_fall_does_not_hide_a_stumble_and_the_next_fall_is_the_same_incident() -> None:
    machine = machine_at([EventKind.DOWN, InputKind.COMING])
    (fall,) = machine.open
    (stumble,) = machine.feel(EventKind.STUMBLE)
    assert (stumble.kind, stumble.id != fall.id) == (AlertKind.STUMBLE, True)
    assert machine.feel(EventKind.UNSAFE_STEP) == []
    (again,) = machine.feel(EventKind.DOWN)
    assert (again.kind, again.id, state_of(again)) == (AlertKind.FALL, fall.id, CONFIRMED)
    assert machine.places() == {AlertKind.FALL: CONFIRMED, AlertKind.STUMBLE: CONFIRMED}


def test_while_a_stumble_is_open_an_unsafe_step_opens_nothing() -> None:
    assert machine_at([EventKind.STUMBLE]).feel(EventKind.UNSAFE_STEP) == []


def test_tiring_hides_no_danger_and_climbs_to_none() -> None:
    machine = machine_at([EventKind.TIRING])
    (tiring,) = machine.open
    dangers = [*machine.feel(EventKind.UNSAFE_STEP), *machine.feel(EventKind.DOWN)]
    assert [alert.kind for alert in dangers] == [AlertKind.UNSAFE_STEP, AlertKind.FALL]
    assert machine.open[0].kind is AlertKind.FALL
    assert tiring in machine.open


def test_a_fall_is_one_incident_from_suspicion_to_the_end() -> None:
    machine = Machine()
    told = [
        *machine.feel(EventKind.FALLING),
        *machine.feel(EventKind.IMPACT),
        *machine.feel(EventKind.DOWN),
        *machine.feel(InputKind.COMING, who="Ada"),
        *machine.feel(InputKind.CLEAR, who="Ada"),
    ]
    assert [state_of(alert) for alert in told] == [
        ("suspected", "active"),
        ("confirmed", "active"),
        ("confirmed", "acknowledged"),
        ("confirmed", "cleared"),
    ]
    assert len({alert.id for alert in told}) == 1
    assert [alert.sequence for alert in told] == [1, 2, 3, 4]
    assert told[-1].who == "Ada"
    assert machine.open == ()


def test_a_fall_acknowledged_while_suspected_is_still_reported_confirmed() -> None:
    machine = machine_at([EventKind.FALLING, InputKind.COMING])
    (told,) = machine.feel(EventKind.DOWN)
    assert (state_of(told), told.who) == (("confirmed", "acknowledged"), "Eva")


def test_a_stumble_that_becomes_a_fall_keeps_its_id() -> None:
    machine = Machine()
    (unsafe,) = machine.feel(EventKind.UNSAFE_STEP)
    (stumble,) = machine.feel(EventKind.STUMBLE)
    (fall,) = machine.feel(EventKind.FALLING)
    assert unsafe.id == stumble.id == fall.id
    assert machine.places() == {AlertKind.FALL: SUSPECTED}


@pytest.mark.parametrize("fault", [EventKind.SENSOR_LOST, InputKind.LINK_LOST, InputKind.FAULT])
@pytest.mark.parametrize("heal", [EventKind.SENSOR_BACK, InputKind.LINK_BACK, InputKind.FAULT_GONE])
def test_no_fault_and_no_healing_ends_or_hides_a_fall(fault: Trigger, heal: Trigger) -> None:
    machine = machine_at([EventKind.DOWN, fault])
    assert machine.open[0].kind is AlertKind.FALL
    machine.feel(heal)
    machine.wait(3600.0)
    assert machine.places()[AlertKind.FALL] == CONFIRMED


FACTS = [EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN, EventKind.UPRIGHT, EventKind.STUMBLE]
OTHERS = [InputKind.COMING, InputKind.LINK_LOST, InputKind.LINK_BACK, InputKind.DISARM, InputKind.ARM]


@given(
    st.lists(st.sampled_from([*FACTS, *OTHERS, EventKind.SENSOR_LOST, EventKind.SENSOR_BACK]), max_size=12)
)
def test_nothing_but_a_person_ends_a_fall_that_was_confirmed(after: list[Trigger]) -> None:
    machine = machine_at([EventKind.DOWN])
    for trigger in after:
        machine.feel(trigger, about=AlertKind.FALL)
        machine.wait(5.0)
    assert machine.places()[AlertKind.FALL].certainty is Certainty.CONFIRMED


# ---- how the input is cut changes nothing

KINDS = [
    *FACTS,
    EventKind.UNSAFE_STEP,
    EventKind.TIRING,
    EventKind.STILL,
    EventKind.SENSOR_LOST,
    EventKind.SENSOR_BACK,
    EventKind.STEP,
]


@st.composite
def timed_events(draw: st.DrawFn) -> list[Event]:
    steps = draw(st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0.0, 7.0)), max_size=12))
    time_s, events = START_S, []
    for kind, pause_s in steps:
        time_s += pause_s
        events.append(event(kind, time_s))
    return events


@given(timed_events(), st.sets(st.integers(0, 12)))
def test_cutting_events_into_blocks_changes_no_alert(events: list[Event], cuts: set[int]) -> None:
    end_s = (events[-1].time_s if events else START_S) + 20.0
    whole = Machine().alarm.update(end_s, events, [])
    alarm, told = Machine().alarm, []
    edges = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
    for start, stop in pairwise(edges):
        block = events[start:stop]
        told += alarm.update(block[-1].time_s if block else START_S, block, [])
    assert [*told, *alarm.update(end_s, [], [])] == whole


@given(st.lists(st.sampled_from(list(InputKind)), max_size=8), st.integers(0, 8))
def test_cutting_inputs_of_one_moment_changes_no_alert(kinds: list[InputKind], cut: int) -> None:
    inputs = [Input(kind, "1", "Eva", fault=FaultCode.OUTBOX if "fault" in kind else None) for kind in kinds]
    one, two = machine_at([EventKind.DOWN]), machine_at([EventKind.DOWN])
    now_s = one.now_s + 2.0
    whole = one.alarm.update(now_s, [], inputs)
    assert two.alarm.update(now_s, [], inputs[:cut]) + two.alarm.update(now_s, [], inputs[cut:]) == whole
    assert one.alarm.status == two.alarm.status


def test_all_that_happens_in_one_block_is_reported() -> None:
    """Two events, an incident that ends by time between them, and two inputs."""
    machine = machine_at([InputKind.TEST])
    test_s = machine.now_s
    events = [event(EventKind.SENSOR_LOST, test_s + 1.0), event(EventKind.DOWN, test_s + 6.0)]
    inputs = [Input(InputKind.LINK_LOST), Input(InputKind.BUTTON_LONG)]
    told = machine.alarm.update(test_s + 6.05, events, inputs)
    assert [(a.kind, a.stage, a.time_s) for a in told] == [
        (AlertKind.SENSOR, Stage.ACTIVE, test_s + 1.0),
        (AlertKind.TEST, Stage.CLEARED, test_s + 5.0),
        (AlertKind.FALL, Stage.ACTIVE, test_s + 6.0),
        (AlertKind.LINK, Stage.ACTIVE, test_s + 6.05),
        (AlertKind.SOS, Stage.ACTIVE, test_s + 6.05),
    ]


# ---- the button, and the sound


@pytest.mark.parametrize(("began_s", "cancels"), [(-0.5, False), (0.2, False), (0.99, False), (1.01, True)])
def test_a_press_that_began_with_the_fall_cannot_cancel_it(began_s: float, cancels: bool) -> None:
    """However late it is let go, and reported; and at each impact again."""
    machine = Machine(button_lockout_s=1.0)
    for _ in range(2):
        machine.feel(EventKind.FALLING)
        machine.feel(EventKind.IMPACT)
        impact_s = machine.now_s
        press = Input(InputKind.BUTTON_SHORT, who="walker", time_s=impact_s + began_s)
        machine.now_s = impact_s + 2.5
        told = machine.alarm.update(machine.now_s, [], [press])
        assert [alert.stage for alert in told] == ([Stage.CANCELLED] if cancels else [])


def test_a_press_that_is_ignored_takes_nothing_else_with_it() -> None:
    machine = machine_at([EventKind.IMPACT])
    press = Input(InputKind.BUTTON_SHORT, who="walker", time_s=machine.now_s + 0.1)
    coming = Input(InputKind.COMING, machine.open[0].id, "Eva")
    (told,) = machine.alarm.update(machine.now_s + 0.5, [], [press, coming])
    assert (told.stage, told.who) == (Stage.ACKNOWLEDGED, "Eva")


def test_a_button_that_bounces_in_the_fall_does_not_disarm() -> None:
    machine = machine_at([EventKind.IMPACT])
    twice = Input(InputKind.BUTTON_DOUBLE, who="walker", time_s=machine.now_s + 0.1)
    machine.alarm.update(machine.now_s + 1.5, [], [twice])
    assert machine.alarm.status.armed


def test_a_press_whose_beginning_is_not_known_counts_from_when_it_is_reported() -> None:
    machine = Machine(button_lockout_s=1.0)
    machine.feel(EventKind.FALLING)
    machine.feel(EventKind.IMPACT)
    machine.wait(0.85)
    assert machine.feel(InputKind.BUTTON_SHORT) == []
    (told,) = machine.feel(InputKind.BUTTON_SHORT)
    assert (told.stage, told.who) == (Stage.CANCELLED, "walker")


def test_what_is_urgent_and_waits_comes_first_and_what_is_looked_after_hides_no_fault() -> None:
    machine = machine_at([EventKind.SENSOR_LOST, InputKind.LINK_LOST, EventKind.DOWN, InputKind.BUTTON_LONG])
    machine.feel(InputKind.POWER_LOW)
    kinds = [AlertKind.SOS, AlertKind.FALL, AlertKind.LINK, AlertKind.SENSOR, AlertKind.BATTERY]
    assert [alert.kind for alert in machine.open] == kinds
    machine.feel(InputKind.COMING, about=AlertKind.SOS)
    machine.feel(InputKind.COMING, about=AlertKind.LINK)
    kinds = [AlertKind.FALL, AlertKind.SENSOR, AlertKind.SOS, AlertKind.LINK, AlertKind.BATTERY]
    assert [alert.kind for alert in machine.open] == kinds


def test_a_paused_sound_returns_with_news_or_after_its_time() -> None:
    machine = Machine(pause_sound_s=60.0)
    for news in (EventKind.DOWN, EventKind.SENSOR_LOST, EventKind.FALLING):
        machine.feel(news)
        assert not machine.alarm.status.sound_paused
        machine.feel(InputKind.PAUSE_SOUND)
        assert machine.alarm.status.sound_paused
    machine.wait(59.5)
    assert machine.alarm.status.sound_paused
    machine.wait(1.0)
    assert not machine.alarm.status.sound_paused


@pytest.mark.parametrize("quiet", [InputKind.COMING, InputKind.DISARM, EventKind.STILL])
def test_what_is_no_news_leaves_the_sound_paused(quiet: Trigger) -> None:
    machine = machine_at([InputKind.LINK_LOST, EventKind.DOWN, InputKind.PAUSE_SOUND])
    machine.feel(quiet)
    assert machine.alarm.status.sound_paused


# ---- faults


def test_each_code_and_part_is_a_fault_of_its_own() -> None:
    machine = Machine()

    def say(kind: InputKind, code: FaultCode, part: str = "") -> list[Alert]:
        machine.now_s += 0.05
        return machine.alarm.update(machine.now_s, [], [Input(kind, fault=code, part=part, reason="why")])

    (disk,) = say(InputKind.FAULT, FaultCode.OUTBOX)
    (buzzer,) = say(InputKind.FAULT, FaultCode.PANEL, "buzzer")
    (lamp,) = say(InputKind.FAULT, FaultCode.PANEL, "red lamp")
    assert say(InputKind.FAULT, FaultCode.PANEL, "buzzer") == []
    assert len({disk.id, buzzer.id, lamp.id}) == 3
    (gone,) = say(InputKind.FAULT_GONE, FaultCode.PANEL, "buzzer")
    assert (gone.id, gone.stage, gone.part) == (buzzer.id, Stage.RECOVERED, "buzzer")
    assert {alert.id for alert in machine.open} == {disk.id, lamp.id}
    assert say(InputKind.FAULT_GONE, FaultCode.NAME_CONFLICT) == []


def standing(machine: Machine, tilt_deg: float) -> list[Alert]:
    machine.now_s += 2.0
    still = StillEvent(machine.now_s, gravity_g=1.0, from_upright_deg=tilt_deg)
    return machine.alarm.update(machine.now_s, [still], [])


def test_a_sensor_that_tipped_over_is_a_fault_until_it_is_upright_again() -> None:
    machine = Machine()
    assert standing(machine, 60.0) == []  # a deep bow
    (told,) = standing(machine, 60.0)
    assert (told.kind, told.fault) == (AlertKind.FAULT, FaultCode.SENSOR_TILTED)
    assert standing(machine, 60.0) == []
    (gone,) = standing(machine, 5.0)
    assert (gone.id, gone.stage) == (told.id, Stage.RECOVERED)


def test_a_sensor_that_was_tilted_before_it_was_armed_is_reported_afterwards() -> None:
    machine = Machine(armed=False)
    for _ in range(3):
        assert standing(machine, 60.0) == []
    machine.feel(InputKind.RESUME)
    (told,) = standing(machine, 60.0)
    assert told.fault is FaultCode.SENSOR_TILTED


@pytest.mark.parametrize("trigger", [EventKind.SENSOR_LOST, EventKind.DOWN])
def test_lying_after_a_fall_or_a_doubtful_sensor_is_no_tilted_one(trigger: EventKind) -> None:
    machine = machine_at([trigger])
    for _ in range(5):
        assert standing(machine, 90.0) == []


@pytest.mark.parametrize("up", [EventKind.UPRIGHT, EventKind.STEP])
def test_nor_is_it_while_the_walker_still_lies_there_after_the_alert_has_ended(up: EventKind) -> None:
    machine = machine_at([EventKind.DOWN])
    machine.feel(InputKind.FALSE_ALARM)
    for _ in range(5):
        assert standing(machine, 90.0) == []
    machine.feel(up)
    assert [standing(machine, 90.0) for _ in range(2)] != [[], []]  # now it is the sensor


def test_a_sensor_that_slid_round_is_a_fault_until_the_walk_is_aligned_again() -> None:
    machine = Machine()
    (told,) = machine.feel(EventKind.SLID)
    assert (told.kind, told.fault) == (AlertKind.FAULT, FaultCode.SENSOR_SLID)
    (gone,) = machine.feel(EventKind.ALIGNED)
    assert (gone.id, gone.stage) == (told.id, Stage.RECOVERED)


def test_armed_on_a_spotter_who_leaves_is_a_fault_until_one_is_back() -> None:
    alarm = Alarm(AlarmSettings(), ArmingSettings(needs_stillness=False, needs_spotter=True))
    here, gone = Input(InputKind.SPOTTER_HERE, who="Eva"), Input(InputKind.SPOTTER_GONE, who="Eva")
    assert alarm.update(1.0, [], [Input(InputKind.LINK_BACK), here]) == []
    assert alarm.status.armed
    (told,) = alarm.update(2.0, [], [gone])
    assert (told.kind, told.fault) == (AlertKind.FAULT, FaultCode.NO_SPOTTER)
    assert alarm.update(2.5, [], []) == []
    (back,) = alarm.update(3.0, [], [here])
    assert back.stage is Stage.RECOVERED


def test_arming_makes_an_open_fault_weigh_more() -> None:
    machine = Machine(armed=False)
    (faint,) = machine.feel(InputKind.LINK_LOST)
    (told,) = machine.feel(InputKind.ARM)
    assert told == replace(faint, sequence=2, priority=Priority.MEDIUM, time_s=machine.now_s)
    assert machine.feel(InputKind.ARM) == []


def test_disarming_ends_no_open_incident() -> None:
    machine = machine_at([EventKind.DOWN, InputKind.BUTTON_DOUBLE])
    machine.wait(2.0)
    machine.feel(InputKind.DISARM)
    assert not machine.alarm.status.armed
    assert machine.places() == {AlertKind.FALL: CONFIRMED}


# ---- not armed


def meant(**settings: bool) -> Machine:
    """Meant to be armed, and not: it waits for stillness."""
    machine = Machine(armed=False)
    machine.alarm = Alarm(AlarmSettings(), ArmingSettings(**settings))
    return machine


def walked(machine: Machine, steps: int) -> list[Alert]:
    return [alert for _ in range(steps) for alert in machine.feel(EventKind.STEP)]


def test_a_fall_of_a_walker_who_never_stood_still_is_reported_unverified() -> None:
    machine = meant()
    assert walked(machine, 4) == []
    assert machine.feel(EventKind.FALLING) == machine.feel(EventKind.IMPACT) == []
    (fall,) = machine.feel(EventKind.DOWN)
    assert (fall.kind, state_of(fall), fall.verified) == (AlertKind.FALL, CONFIRMED, False)
    (sos,) = machine.feel(InputKind.BUTTON_LONG)
    assert (sos.kind, sos.verified) == (AlertKind.SOS, False)
    machine.feel(InputKind.RESUME)
    (again,) = machine.feel(EventKind.DOWN)
    assert (again.id, again.verified) == (fall.id, True)


def test_so_is_one_of_a_walker_who_stood_still_and_waits_for_a_spotter() -> None:
    machine = meant(needs_spotter=True)
    machine.feel(EventKind.STILL)
    assert not machine.alarm.status.armed
    (fall,) = machine.feel(EventKind.DOWN)
    assert not fall.verified


@pytest.mark.parametrize("steps", [0, 3])
def test_a_device_that_nobody_wears_yet_reports_no_fall(steps: int) -> None:
    machine = meant()
    walked(machine, steps)
    assert machine.feel(EventKind.DOWN) == []


def test_nor_does_one_that_a_person_has_disarmed() -> None:
    machine = meant()
    walked(machine, 20)
    machine.feel(InputKind.DISARM)
    assert machine.feel(EventKind.DOWN) == []


def test_walking_unwatched_is_a_fault_that_weighs_until_it_is_armed() -> None:
    machine = meant()
    assert walked(machine, 9) == []
    (told,) = walked(machine, 1)
    assert (told.kind, told.fault, told.priority) == (AlertKind.FAULT, FaultCode.NOT_ARMED, Priority.MEDIUM)
    assert walked(machine, 9) == []
    (gone,) = machine.feel(EventKind.STILL)
    assert (gone.id, gone.stage, machine.open) == (told.id, Stage.RECOVERED, ())
    assert machine.alarm.status.armed


def test_walking_disarmed_is_no_fault_and_arming_begins_to_count_anew() -> None:
    machine = meant()
    machine.feel(InputKind.DISARM)
    assert walked(machine, 30) == []
    machine.feel(InputKind.ARM)
    assert walked(machine, 9) == []
    (told,) = walked(machine, 1)
    assert told.fault is FaultCode.NOT_ARMED


# ---- who has it


def test_a_receipt_is_kept_with_the_report_it_is_for_and_reports_nothing() -> None:
    machine = machine_at([EventKind.FALLING])
    (fall,) = machine.open

    def receipt(who: str, sequence: int, incident: str = fall.id) -> list[Alert]:
        given_ = Input(InputKind.RECEIVED, incident, who, sequence=sequence)
        return machine.alarm.update(machine.now_s, [], [given_])

    assert receipt("Eva", 1) == receipt("Tom", 1) == receipt("Eva", 1) == []
    assert machine.open == (replace(fall, received_by=("Eva", "Tom")),)
    (down,) = machine.feel(EventKind.DOWN)
    assert down.received_by == ()
    assert receipt("Eva", 1) == receipt("Eva", 2, "another") == []
    assert machine.open == (down,)
    assert machine.alarm.ignored == 0


# ---- faults that come and go


FLAPS = [
    (EventKind.SENSOR_LOST, EventKind.SENSOR_BACK),
    (InputKind.LINK_LOST, InputKind.LINK_BACK),
    (InputKind.FAULT, InputKind.FAULT_GONE),
    (InputKind.POWER_LOW, InputKind.POWER_GOOD),
]


@pytest.mark.parametrize(("cause", "cure"), FLAPS)
def test_a_fault_that_keeps_coming_back_is_one_incident(cause: Trigger, cure: Trigger) -> None:
    machine = Machine()
    assert [len(machine.feel(cause)), len(machine.feel(cure))] == [1, 1]  # the first time it ends at once
    (told,) = machine.feel(cause)
    for _ in range(30):
        assert machine.feel(cure) == []
        machine.wait(2.0)
        assert machine.feel(cause) == []
    assert machine.feel(cure) == []
    gone_s = machine.now_s
    assert machine.wait(119.9) == []
    (over,) = machine.wait(0.2)
    assert (over.id, over.stage, over.time_s) == (told.id, Stage.RECOVERED, pytest.approx(gone_s + 120.0))
    machine.wait(61.0)
    assert [len(machine.feel(cause)), len(machine.feel(cure))] == [1, 1]  # that was another time


def test_two_parts_that_fail_once_each_are_no_flapping() -> None:
    machine = Machine()
    for part in ("the buzzer", "the lamp's red"):
        for kind in (InputKind.FAULT, InputKind.FAULT_GONE):
            machine.now_s += 0.1
            given_ = Input(kind, fault=FaultCode.PANEL, part=part)
            assert len(machine.alarm.update(machine.now_s, [], [given_])) == 1


# ---- answers, and time


def test_an_answer_to_another_incident_is_ignored_and_counted() -> None:
    machine = machine_at([EventKind.DOWN])
    for stranger in ("", "999", "other-1"):
        assert machine.alarm.update(machine.now_s, [], [Input(InputKind.FALSE_ALARM, stranger, "Eve")]) == []
    assert machine.alarm.ignored == 3
    assert machine.places() == {AlertKind.FALL: CONFIRMED}


@pytest.mark.parametrize(
    ("trigger", "lasts_s"),
    [
        (EventKind.STUMBLE, 10.0),
        (EventKind.UNSAFE_STEP, 5.0),
        (EventKind.TIRING, 60.0),
        (InputKind.TEST, 5.0),
    ],
)
def test_lesser_incidents_end_by_themselves_and_not_sooner(trigger: Trigger, lasts_s: float) -> None:
    machine = machine_at([trigger])
    assert machine.wait(lasts_s - 0.01) == []
    (told,) = machine.wait(0.02)
    assert told.stage.ended


def test_another_unsafe_step_restarts_its_time() -> None:
    machine = machine_at([EventKind.UNSAFE_STEP])
    machine.wait(4.0)
    machine.feel(EventKind.UNSAFE_STEP)
    assert machine.wait(4.5) == []
    assert machine.wait(1.0)[0].stage is Stage.RECOVERED


def test_kinds_and_priorities_are_those_the_documents_name() -> None:
    high, medium = {"fall", "sos"}, {"stumble", "sensor", "link", "fault"}
    assert {kind for kind in PRIORITY if PRIORITY[kind] is Priority.HIGH} == high
    assert {kind for kind in PRIORITY if PRIORITY[kind] is Priority.MEDIUM} == medium
    assert set(PRIORITY) == set(AlertKind)
    assert set(DANGERS) == {"fall", "sos", "stumble", "unsafe_step"}
    assert set(OF_THE_WALKER) == {*DANGERS, "tiring"}


# ---- what an earlier run left open


def left_open(kind: AlertKind, certainty: Certainty, stage: Stage, time_s: float = 90.0) -> Alert:
    return Alert(f"old-{kind}", 7, kind, PRIORITY[kind], certainty, stage, time_s, who="Eva")


def restarted(*incidents: Alert) -> Alarm:
    arming = ArmingSettings(at_start=False)
    return Alarm(AlarmSettings(), arming, "new", incidents, sequence=12)


@pytest.mark.parametrize("certainty", Certainty)
@pytest.mark.parametrize("stage", [Stage.ACTIVE, Stage.ACKNOWLEDGED])
def test_a_fall_that_an_earlier_run_left_open_goes_on_under_its_id_until_a_person_ends_it(
    certainty: Certainty, stage: Stage
) -> None:
    fall = left_open(AlertKind.FALL, certainty, stage)
    alarm = restarted(fall)
    assert alarm.status.incidents == (fall,)
    again = replace(fall, sequence=13)
    assert alarm.update(100.0, [], []) == [again]
    assert alarm.update(101.0, [], []) == []
    assert alarm.status.incidents == (again,)
    clear = Input(InputKind.CLEAR, alert_id=fall.id, who="Tom")
    ended = replace(again, sequence=14, stage=Stage.CLEARED, time_s=102.0, who="Tom")
    assert alarm.update(102.0, [], [clear]) == [ended]
    assert alarm.status.incidents == ()


@pytest.mark.parametrize("kind", [AlertKind.SENSOR, AlertKind.LINK, AlertKind.FAULT, AlertKind.BATTERY])
def test_the_cause_of_a_fault_is_looked_at_again_after_a_restart(kind: AlertKind) -> None:
    alarm = restarted(left_open(kind, Certainty.CONFIRMED, Stage.ACTIVE))
    assert alarm.update(100.0, [], []) == []
    assert alarm.status.incidents == ()


def test_a_stumble_that_an_earlier_run_left_open_ends_in_its_time() -> None:
    stumble = left_open(AlertKind.STUMBLE, Certainty.CONFIRMED, Stage.ACTIVE, time_s=95.0)
    alarm = restarted(stumble)
    assert [alert.stage for alert in alarm.update(100.0, [], [])] == [Stage.ACTIVE]
    (over,) = alarm.update(106.0, [], [])
    assert (over.id, over.stage, over.time_s) == (stumble.id, Stage.RECOVERED, 105.0)


def test_a_new_incident_s_id_carries_its_run() -> None:
    (sos,) = restarted().update(100.0, [], [Input(InputKind.BUTTON_LONG)])
    assert (sos.id, sos.sequence) == ("new-13", 13)


def test_what_happens_to_an_old_incident_has_a_time_that_is_known() -> None:
    fall = replace(left_open(AlertKind.FALL, Certainty.SUSPECTED, Stage.ACTIVE), time_known=False)
    alarm = restarted(fall)
    (again,) = alarm.update(100.0, [], [])
    assert not again.time_known
    (confirmed,) = alarm.update(101.0, [Event(EventKind.DOWN, 101.0)], [])
    assert (confirmed.id, confirmed.time_s, confirmed.time_known) == (fall.id, 101.0, True)


def test_a_label_is_no_answer_and_nothing_that_comes_too_late() -> None:
    machine = machine_at([EventKind.DOWN])
    before = machine.alarm.status
    for incident in (machine.open[0].id, "aaaa-99", ""):
        label = Input(InputKind.LABEL, incident, "Eva", label="false")
        assert machine.alarm.update(machine.now_s, [], [label]) == []
    assert (machine.alarm.status, machine.alarm.ignored) == (before, 0)
