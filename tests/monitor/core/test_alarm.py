"""The alarm's tables, walked row by row, and its stories, told as rows of time, trigger, state."""

from itertools import product

import pytest

from monitor.core.alarm import (
    FAULTS,
    LADDER,
    NEEDS_ARMING,
    OPENS,
    OVER,
    PRIORITY,
    STAGES,
    Alarm,
    AlarmSettings,
    Trigger,
)
from monitor.core.arming import ArmingSettings
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Event,
    EventKind,
    Input,
    InputKind,
    Priority,
    Reading,
    Stage,
)

TRIGGERS: list[Trigger] = [*EventKind, *InputKind]
WAY: dict[tuple[AlertKind, Stage], list[Trigger]] = {  # how to get a story to a stage
    **{(kind, stage): [trigger] for trigger, (kind, stage) in reversed(OPENS.items())},
    (AlertKind.FALL, Stage.SUSPECTED): [EventKind.FALLING],
    (AlertKind.FALL, Stage.CONFIRMED): [EventKind.DOWN],
}
WAY |= {
    (kind, Stage.ANSWERED): [*WAY[kind, Stage.CONFIRMED], InputKind.COMING]
    for kind, stage in list(WAY)
    if stage is Stage.CONFIRMED
}


class Machine:
    """An alarm with a clock that is fed one trigger at a time."""

    def __init__(self, start_s: float = 86_400.0, *, armed: bool = True, **settings: float) -> None:
        arming = ArmingSettings(at_start=armed, needs_stillness=False, needs_spotter=False)
        self.alarm = Alarm(AlarmSettings(**settings), arming)
        self.now_s = start_s

    def feel(self, trigger: Trigger, about: AlertKind | None = None, who: str = "") -> list[Alert]:
        self.now_s += 0.05
        if isinstance(trigger, EventKind):
            evidence = {"direction": Reading(0), "gravity_g": Reading(1), "from_upright_deg": Reading(0)}
            return self.alarm.update(self.now_s, [Event(trigger, self.now_s, evidence)], [])
        story = next((a for a in self.alarm.status.standing if about in (None, a.kind)), None)
        return self.alarm.update(self.now_s, [], [Input(trigger, story.id if story else "", who)])

    def wait(self, seconds: float) -> list[Alert]:
        self.now_s += seconds
        return self.alarm.update(self.now_s, [], [])

    def standing(self) -> dict[AlertKind, Stage]:
        return {alert.kind: alert.stage for alert in self.alarm.status.standing}


@pytest.mark.parametrize(
    ("place", "trigger"), [*product(WAY, TRIGGERS)], ids=lambda x: "-".join(x) if isinstance(x, tuple) else x
)
def test_every_stage_and_trigger(place: tuple[AlertKind, Stage], trigger: Trigger) -> None:
    kind, stage = place
    machine = Machine()
    for step in WAY[place]:
        machine.feel(step)
    machine.wait(1.5)  # the button is deaf right after an impact
    assert machine.standing() == {kind: stage}
    told = machine.feel(trigger, about=kind)
    expected = STAGES.get((kind, stage, trigger))
    about = [alert for alert in told if alert.kind is kind]
    if expected is not None:
        assert [alert.stage for alert in about] == [expected]
        assert machine.standing().get(kind) == (None if expected.ended else expected)
    else:
        climbs = trigger in OPENS and OPENS[trigger][0] in LADDER and kind in LADDER
        climbs = climbs and LADDER.index(OPENS[trigger][0]) > LADDER.index(kind)
        if kind in FAULTS and trigger in (InputKind.DISARM, InputKind.BUTTON_DOUBLE):
            assert [(a.stage, a.priority) for a in about] == [(stage, Priority.LOW)]
        elif not climbs:
            assert about == []
            assert machine.standing()[kind] is stage
        else:
            assert kind not in machine.standing()


@pytest.mark.parametrize("trigger", OPENS)
def test_every_opening_needs_no_more_than_its_trigger(trigger: Trigger) -> None:
    machine = Machine()
    (alert,) = machine.feel(trigger)
    assert (alert.kind, alert.stage) == OPENS[trigger]
    assert alert.priority is PRIORITY[alert.kind]


@pytest.mark.parametrize("trigger", OPENS)
def test_disarmed_only_what_needs_no_arming_is_told(trigger: Trigger) -> None:
    machine = Machine(armed=False)
    told = machine.feel(trigger)
    assert bool(told) is (trigger not in NEEDS_ARMING)
    if told and told[0].kind in FAULTS:
        assert told[0].priority is Priority.LOW


def test_a_fall_is_one_story_from_suspicion_to_the_end() -> None:
    machine = Machine()
    told = [
        *machine.feel(EventKind.FALLING),
        *machine.feel(EventKind.IMPACT),
        *machine.feel(EventKind.DOWN),
        *machine.feel(InputKind.COMING, who="Ada"),
        *machine.feel(InputKind.CLEAR, who="Ada"),
    ]
    assert [a.stage for a in told] == [Stage.SUSPECTED, Stage.CONFIRMED, Stage.ANSWERED, Stage.CLEARED]
    assert len({a.id for a in told}) == 1
    assert [a.sequence for a in told] == [1, 2, 3, 4]
    assert told[-1].who == "Ada"
    assert machine.standing() == {}


def test_a_stumble_that_becomes_a_fall_keeps_its_id() -> None:
    machine = Machine()
    (unsafe,) = machine.feel(EventKind.UNSAFE_STEP)
    (stumble,) = machine.feel(EventKind.STUMBLE)
    (fall,) = machine.feel(EventKind.FALLING)
    assert unsafe.id == stumble.id == fall.id
    assert machine.standing() == {AlertKind.FALL: Stage.SUSPECTED}
    assert machine.feel(EventKind.STUMBLE) == []


@pytest.mark.parametrize("fault", [EventKind.SENSOR_LOST, InputKind.LINK_LOST])
@pytest.mark.parametrize("heal", [EventKind.SENSOR_BACK, InputKind.LINK_BACK])
def test_no_fault_and_no_healing_clears_a_fall(fault: Trigger, heal: Trigger) -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    machine.feel(fault)
    assert machine.alarm.status.standing[0].kind is AlertKind.FALL
    machine.feel(heal)
    machine.wait(3600.0)
    assert machine.standing()[AlertKind.FALL] is Stage.CONFIRMED


def test_a_confirmed_fall_waits_for_a_person_however_long() -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    machine.feel(EventKind.UPRIGHT)
    assert machine.wait(1e6) == []
    assert machine.standing() == {AlertKind.FALL: Stage.CONFIRMED}


def test_the_fall_itself_cannot_press_the_button() -> None:
    machine = Machine(button_deaf_s=1.0)
    machine.feel(EventKind.FALLING)
    machine.feel(EventKind.IMPACT)
    machine.wait(0.90)
    assert machine.feel(InputKind.BUTTON_SHORT) == []
    (told,) = machine.feel(InputKind.BUTTON_SHORT)
    assert told.stage is Stage.CANCELLED
    assert told.who == "walker"


def test_an_answer_to_another_story_is_ignored_and_counted() -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    for stranger in ("", "999", "other-1"):
        assert machine.alarm.update(machine.now_s, [], [Input(InputKind.FALSE_ALARM, stranger, "Eve")]) == []
    assert machine.alarm.ignored == 3
    assert machine.standing() == {AlertKind.FALL: Stage.CONFIRMED}


@pytest.mark.parametrize(
    ("trigger", "over_s"), [(EventKind.STUMBLE, 10.0), (EventKind.UNSAFE_STEP, 5.0), (InputKind.TEST, 5.0)]
)
def test_lesser_stories_end_by_themselves_and_not_sooner(trigger: Trigger, over_s: float) -> None:
    machine = Machine(start_s=0.0)
    machine.feel(trigger)
    assert machine.wait(over_s - 0.01) == []
    (told,) = machine.wait(0.02)
    assert told.stage.ended


def test_a_second_unsafe_step_sounds_again_after_an_answer_and_starts_its_time_anew() -> None:
    machine = Machine()
    machine.feel(EventKind.UNSAFE_STEP)
    machine.feel(InputKind.COMING)
    machine.wait(4.0)
    (told,) = machine.feel(EventKind.UNSAFE_STEP)
    assert told.stage is Stage.CONFIRMED
    assert machine.wait(4.5) == []
    assert machine.wait(1.0)[0].stage is Stage.RECOVERED


def test_a_paused_sound_returns_with_news_or_after_its_time() -> None:
    machine = Machine(pause_sound_s=60.0)
    machine.feel(EventKind.DOWN)
    machine.feel(InputKind.PAUSE_SOUND)
    assert machine.alarm.status.sound_paused
    machine.feel(EventKind.SENSOR_LOST)
    assert not machine.alarm.status.sound_paused
    machine.feel(InputKind.PAUSE_SOUND)
    machine.wait(59.0)
    assert machine.alarm.status.sound_paused
    machine.wait(2.0)
    assert not machine.alarm.status.sound_paused


def test_each_cause_is_a_fault_of_its_own() -> None:
    machine = Machine()

    def say(kind: InputKind, cause: str) -> list[Alert]:
        machine.now_s += 0.05
        return machine.alarm.update(machine.now_s, [], [Input(kind, reason=cause)])

    (disk,) = say(InputKind.FAULT, "the disk is full")
    (pins,) = say(InputKind.FAULT, "no pins")
    assert say(InputKind.FAULT, "no pins") == []
    assert disk.id != pins.id
    (gone,) = say(InputKind.FAULT_GONE, "the disk is full")
    assert (gone.id, gone.stage) == (disk.id, Stage.RECOVERED)
    assert [alert.reason for alert in machine.alarm.status.standing] == ["no pins"]
    assert say(InputKind.FAULT_GONE, "something else") == []


def test_arming_makes_a_standing_fault_weigh_more() -> None:
    machine = Machine(armed=False)
    machine.feel(InputKind.LINK_LOST)
    (told,) = machine.feel(InputKind.ARM)
    assert (told.kind, told.priority) == (AlertKind.LINK, Priority.MEDIUM)
    assert machine.feel(InputKind.ARM) == []


def test_disarming_ends_no_standing_alarm() -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    machine.feel(InputKind.BUTTON_DOUBLE)
    assert not machine.alarm.status.armed
    assert machine.standing() == {AlertKind.FALL: Stage.CONFIRMED}


def test_tables_name_only_open_stages_and_known_kinds() -> None:
    for kind, stage, trigger in STAGES:
        assert not stage.ended
        assert kind in PRIORITY
        assert trigger == OVER or trigger in TRIGGERS
    assert set(PRIORITY) == set(AlertKind)
