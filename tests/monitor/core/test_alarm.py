"""The alarm's tables, walked row by row, and its stories, told as rows of time, trigger, state."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

SEAT = {EventKind.STILL, EventKind.ASKEW, EventKind.STRAIGHT}  # heard as faults, in tests of their own
TRIGGERS: list[Trigger] = [*(kind for kind in EventKind if kind not in SEAT), *InputKind]
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
WAY[AlertKind.FALL, Stage.ANSWERED] = [EventKind.FALLING, InputKind.COMING]  # answered while suspected


AGREED = """\
battery answered + power_good -> recovered
battery confirmed + coming -> answered
battery confirmed + power_good -> recovered
battery suspected + coming -> answered
fall answered + button_short -> cancelled
fall answered + clear -> cleared
fall answered + down -> answered
fall answered + falling -> suspected
fall answered + false_alarm -> cancelled
fall confirmed + button_short -> cancelled
fall confirmed + clear -> cleared
fall confirmed + coming -> answered
fall confirmed + down -> confirmed
fall confirmed + falling -> confirmed
fall confirmed + false_alarm -> cancelled
fall suspected + button_short -> cancelled
fall suspected + clear -> cleared
fall suspected + coming -> answered
fall suspected + down -> confirmed
fall suspected + falling -> suspected
fall suspected + false_alarm -> cancelled
fall suspected + upright -> recovered
fault answered + fault_gone -> recovered
fault confirmed + coming -> answered
fault confirmed + fault_gone -> recovered
fault suspected + coming -> answered
link answered + link_back -> recovered
link confirmed + coming -> answered
link confirmed + link_back -> recovered
link suspected + coming -> answered
sensor answered + sensor_back -> recovered
sensor confirmed + coming -> answered
sensor confirmed + sensor_back -> recovered
sensor suspected + coming -> answered
sos answered + button_long -> confirmed
sos answered + button_short -> cancelled
sos answered + clear -> cleared
sos answered + false_alarm -> cancelled
sos confirmed + button_long -> confirmed
sos confirmed + button_short -> cancelled
sos confirmed + clear -> cleared
sos confirmed + coming -> answered
sos confirmed + false_alarm -> cancelled
sos suspected + button_short -> cancelled
sos suspected + clear -> cleared
sos suspected + coming -> answered
sos suspected + false_alarm -> cancelled
stumble answered + button_short -> cancelled
stumble answered + clear -> cleared
stumble answered + false_alarm -> cancelled
stumble answered + over -> recovered
stumble answered + stumble -> confirmed
stumble confirmed + button_short -> cancelled
stumble confirmed + clear -> cleared
stumble confirmed + coming -> answered
stumble confirmed + false_alarm -> cancelled
stumble confirmed + over -> recovered
stumble confirmed + stumble -> confirmed
stumble suspected + button_short -> cancelled
stumble suspected + clear -> cleared
stumble suspected + coming -> answered
stumble suspected + false_alarm -> cancelled
test answered + clear -> cleared
test answered + false_alarm -> cancelled
test answered + over -> cleared
test confirmed + clear -> cleared
test confirmed + coming -> answered
test confirmed + false_alarm -> cancelled
test confirmed + over -> cleared
test suspected + clear -> cleared
test suspected + coming -> answered
test suspected + false_alarm -> cancelled
unsafe_step answered + button_short -> cancelled
unsafe_step answered + clear -> cleared
unsafe_step answered + false_alarm -> cancelled
unsafe_step answered + over -> recovered
unsafe_step answered + unsafe_step -> confirmed
unsafe_step confirmed + button_short -> cancelled
unsafe_step confirmed + clear -> cleared
unsafe_step confirmed + coming -> answered
unsafe_step confirmed + false_alarm -> cancelled
unsafe_step confirmed + over -> recovered
unsafe_step confirmed + unsafe_step -> confirmed
unsafe_step suspected + button_short -> cancelled
unsafe_step suspected + clear -> cleared
unsafe_step suspected + coming -> answered
unsafe_step suspected + false_alarm -> cancelled"""


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


@pytest.mark.parametrize(("began_s", "cancels"), [(-0.5, False), (0.2, False), (0.99, False), (1.01, True)])
def test_a_press_that_began_with_the_fall_cannot_cancel_it(began_s: float, cancels: bool) -> None:
    """However late it is let go, and told."""
    machine = Machine(button_deaf_s=1.0)
    machine.feel(EventKind.FALLING)
    machine.feel(EventKind.IMPACT)
    impact_s = machine.now_s
    press = Input(InputKind.BUTTON_SHORT, who="walker", time_s=impact_s + began_s)
    told = machine.alarm.update(impact_s + 2.5, [], [press])
    assert [alert.stage for alert in told] == ([Stage.CANCELLED] if cancels else [])


def test_a_button_that_bounces_in_the_fall_does_not_disarm() -> None:
    machine = Machine()
    machine.feel(EventKind.IMPACT)
    impact_s = machine.now_s
    twice = Input(InputKind.BUTTON_DOUBLE, who="walker", time_s=impact_s + 0.1)
    machine.alarm.update(impact_s + 1.5, [], [twice])
    assert machine.alarm.status.armed


def test_a_press_whose_beginning_is_not_known_counts_from_when_it_is_told() -> None:
    machine = Machine(button_deaf_s=1.0)
    machine.feel(EventKind.FALLING)
    machine.feel(EventKind.IMPACT)
    machine.wait(0.90)
    assert machine.feel(InputKind.BUTTON_SHORT) == []
    (told,) = machine.feel(InputKind.BUTTON_SHORT)
    assert (told.stage, told.who) == (Stage.CANCELLED, "walker")


def test_what_nobody_has_answered_stands_before_what_somebody_has() -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    machine.feel(InputKind.BUTTON_LONG)
    machine.feel(InputKind.COMING, about=AlertKind.SOS)
    assert [alert.kind for alert in machine.alarm.status.standing] == [AlertKind.FALL, AlertKind.SOS]


def test_a_second_fall_is_told_and_ends_the_pause_of_the_sound() -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    machine.feel(InputKind.PAUSE_SOUND)
    (told,) = machine.feel(EventKind.FALLING)
    assert (told.kind, told.stage) == (AlertKind.FALL, Stage.CONFIRMED)
    assert not machine.alarm.status.sound_paused


FACTS = [EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN, EventKind.UPRIGHT, EventKind.STUMBLE]
WORDS = [InputKind.COMING, InputKind.LINK_LOST, InputKind.LINK_BACK, InputKind.DISARM, InputKind.ARM]


@given(st.lists(st.sampled_from([*FACTS, *WORDS, EventKind.SENSOR_LOST, EventKind.SENSOR_BACK]), max_size=12))
def test_nothing_but_a_person_ends_a_fall_that_was_confirmed(after: list[Trigger]) -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    for trigger in after:
        machine.feel(trigger, about=AlertKind.FALL)
        machine.wait(5.0)
    assert AlertKind.FALL in machine.standing()


def test_a_second_fall_after_an_answer_sounds_again_also_where_only_down_is_seen() -> None:
    machine = Machine()
    for trigger in (EventKind.IMPACT, EventKind.DOWN, InputKind.COMING, EventKind.UPRIGHT, EventKind.IMPACT):
        machine.feel(trigger)
    (told,) = machine.feel(EventKind.DOWN)
    assert told.stage is Stage.CONFIRMED


def test_certainty_that_comes_after_the_answer_keeps_the_answer() -> None:
    machine = Machine()
    for trigger in (EventKind.FALLING, InputKind.COMING):
        machine.feel(trigger)
    assert machine.feel(EventKind.DOWN)[0].stage is Stage.ANSWERED
    assert machine.feel(EventKind.FALLING)[0].stage is Stage.CONFIRMED


def test_who_is_named_only_for_what_they_did() -> None:
    machine = Machine()
    machine.feel(EventKind.STUMBLE)
    assert machine.feel(InputKind.COMING, who="Eva")[0].who == "Eva"
    assert machine.wait(11.0)[0].who == ""


def still(lean_deg: float) -> Event:
    evidence = {"gravity_g": Reading(1.0), "from_upright_deg": Reading(lean_deg)}
    return Event(EventKind.STILL, 0.0, evidence)


def test_a_sensor_that_slipped_is_a_fault_until_it_sits_again() -> None:
    machine = Machine()

    def stand(lean_deg: float) -> list[Alert]:
        machine.now_s += 2.0
        return machine.alarm.update(machine.now_s, [still(lean_deg)], [])

    assert stand(60.0) == []  # a deep bow
    (told,) = stand(60.0)
    assert (told.kind, told.stage) == (AlertKind.FAULT, Stage.CONFIRMED)
    assert "no longer sits" in told.reason
    assert stand(60.0) == []
    (gone,) = stand(5.0)
    assert (gone.id, gone.stage) == (told.id, Stage.RECOVERED)


def test_a_sensor_that_cannot_be_trusted_says_nothing_of_its_seat() -> None:
    machine = Machine()
    machine.feel(EventKind.SENSOR_LOST)
    for _ in range(5):
        assert machine.alarm.update(machine.now_s, [still(90.0)], []) == []


def test_a_sensor_that_slid_round_is_a_fault_until_the_walk_is_straight_again() -> None:
    machine = Machine()
    (told,) = machine.alarm.update(1e5, [Event(EventKind.ASKEW, 1e5)], [])
    assert (told.kind, "slid round" in told.reason) == (AlertKind.FAULT, True)
    (gone,) = machine.alarm.update(2e5, [Event(EventKind.STRAIGHT, 2e5)], [])
    assert (gone.id, gone.stage) == (told.id, Stage.RECOVERED)


def test_lying_after_a_fall_is_no_slipped_sensor() -> None:
    machine = Machine()
    machine.feel(EventKind.DOWN)
    for _ in range(5):
        assert machine.alarm.update(machine.now_s, [still(90.0)], []) == []


def test_armed_on_a_spotter_who_leaves_is_a_fault_until_one_is_back() -> None:
    alarm = Alarm(AlarmSettings(), ArmingSettings(needs_stillness=False, needs_spotter=True))
    here, gone = Input(InputKind.SPOTTER_HERE, who="Eva"), Input(InputKind.SPOTTER_GONE, who="Eva")
    assert alarm.update(1.0, [], [Input(InputKind.LINK_BACK), here]) == []
    assert alarm.status.armed
    (told,) = alarm.update(2.0, [], [gone])
    assert (told.kind, told.reason) == (AlertKind.FAULT, "no spotter is listening any more")
    assert alarm.update(2.5, [], []) == []
    (back,) = alarm.update(3.0, [], [here])
    assert back.stage is Stage.RECOVERED


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


def test_the_table_is_as_it_was_agreed() -> None:
    """Row by row, written by hand beside the code: a row that goes or comes must be meant."""
    rows = {f"{kind} {stage} + {trigger} -> {to}" for (kind, stage, trigger), to in STAGES.items()}
    assert rows == set(AGREED.split("\n"))


def test_tables_name_only_open_stages_and_known_kinds() -> None:
    for kind, stage, trigger in STAGES:
        assert not stage.ended
        assert kind in PRIORITY
        assert trigger == OVER or trigger in TRIGGERS
    assert set(PRIORITY) == set(AlertKind)
