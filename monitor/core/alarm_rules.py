"""The rules of the alarm: how an incident opens, moves and ends. This list is all of them.

An incident has two axes: how certain the machine is of it (suspected, confirmed), and who has reacted to it
(active: nobody; acknowledged: a spotter is coming; or it has ended). A rule says in which state which trigger
moves it where. What is not in the list changes nothing. docs/safety.md prints the list.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from monitor.core.vocabulary import Alert, AlertKind, Certainty, EventKind, InputKind, Priority, Stage

PRIORITY: Final[dict[AlertKind, Priority]] = {
    AlertKind.FALL: Priority.HIGH,
    AlertKind.SOS: Priority.HIGH,
    AlertKind.STUMBLE: Priority.MEDIUM,
    AlertKind.SENSOR: Priority.MEDIUM,
    AlertKind.LINK: Priority.MEDIUM,
    AlertKind.FAULT: Priority.MEDIUM,
    AlertKind.UNSAFE_STEP: Priority.LOW,
    AlertKind.TIRING: Priority.LOW,
    AlertKind.BATTERY: Priority.LOW,
    AlertKind.TEST: Priority.LOW,
}
FAULTS: Final = frozenset({AlertKind.SENSOR, AlertKind.LINK, AlertKind.FAULT})
"""These are of low priority while disarmed."""

CAUSED: Final = FAULTS | {AlertKind.BATTERY}
"""These have a cause that is there or not, and end with it."""

CAUSES: Final = frozenset({EventKind.SENSOR_LOST, InputKind.LINK_LOST, InputKind.FAULT, InputKind.POWER_LOW})
CURES: Final = frozenset(
    {EventKind.SENSOR_BACK, InputKind.LINK_BACK, InputKind.FAULT_GONE, InputKind.POWER_GOOD}
)
"""What says that a cause is there, or gone. A fault that keeps coming back is held open: see healing.py."""

DANGERS: Final = (AlertKind.UNSAFE_STEP, AlertKind.STUMBLE, AlertKind.FALL, AlertKind.SOS)

OF_THE_WALKER: Final = (AlertKind.TIRING, *DANGERS)
"""What people may end."""


class Timer(StrEnum):
    """A trigger that nobody gives: an incident has lasted its time without news."""

    OVER = "over"
    UNCLEARED = "uncleared"  # somebody is coming, and has not ended it


Trigger = EventKind | InputKind | Timer


class Guard(StrEnum):
    """What must hold besides, for a rule to apply."""

    ALWAYS = ""
    ARMED = "armed"
    WORN = "armed, or meant to be and worn: stood still, or walked some steps"
    NO_FALL_ACTIVE = "armed, and no fall is active"
    NOTHING_WORSE = "armed, and no stumble or fall is open"
    NO_FALL_OPEN = "no fall is open"


class State(NamedTuple):
    """An incident's place on both axes."""

    certainty: Certainty
    stage: Stage


def state_of(alert: Alert) -> State:
    """How far its incident is after this report."""
    return State(alert.certainty, alert.stage)


CLOSED: Final = None
SUSPECTED: Final = State(Certainty.SUSPECTED, Stage.ACTIVE)
CONFIRMED: Final = State(Certainty.CONFIRMED, Stage.ACTIVE)
SUSPECTED_ACKNOWLEDGED: Final = State(Certainty.SUSPECTED, Stage.ACKNOWLEDGED)
CONFIRMED_ACKNOWLEDGED: Final = State(Certainty.CONFIRMED, Stage.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Rule:
    """``trigger`` moves an incident of ``kind`` from state ``at`` to state ``to``.

    ``at`` None: there is no such incident, one opens. ``becomes`` is the kind it climbs to, with the same id.
    """

    kind: AlertKind
    at: State | None
    trigger: Trigger
    to: State
    guard: Guard = Guard.ALWAYS
    becomes: AlertKind | None = None


def _opens(kind: AlertKind, trigger: Trigger, to: State = CONFIRMED, guard: Guard = Guard.ALWAYS) -> Rule:
    return Rule(kind, CLOSED, trigger, to, guard)


def _each(kinds: Iterable[AlertKind], states: Iterable[State], trigger: Trigger, to: Stage) -> Iterator[Rule]:
    """The same move, on the second axis alone, for several kinds and states that they can be in."""
    for kind in kinds:
        for at in states:
            if at.certainty is Certainty.CONFIRMED or kind is AlertKind.FALL:
                yield Rule(kind, at, trigger, State(at.certainty, to))


_ACTIVE = (SUSPECTED, CONFIRMED)
_OPEN = (*_ACTIVE, SUSPECTED_ACKNOWLEDGED, CONFIRMED_ACKNOWLEDGED)
_KIND, _ON, _DO = AlertKind, EventKind, InputKind

RULES: Final[tuple[Rule, ...]] = (
    # A fall is suspected, then confirmed, or the facts take it back.
    _opens(_KIND.FALL, _ON.FALLING, SUSPECTED, Guard.ARMED),
    _opens(_KIND.FALL, _ON.IMPACT, SUSPECTED, Guard.ARMED),
    _opens(_KIND.FALL, _ON.DOWN, CONFIRMED, Guard.WORN),
    Rule(_KIND.FALL, SUSPECTED, _ON.DOWN, CONFIRMED),
    Rule(_KIND.FALL, SUSPECTED, _ON.UPRIGHT, State(Certainty.SUSPECTED, Stage.RECOVERED)),
    # Somebody is coming, and now it is certain: that is reported too, and no fact ends it any more.
    Rule(_KIND.FALL, SUSPECTED_ACKNOWLEDGED, _ON.DOWN, CONFIRMED_ACKNOWLEDGED),
    # Another fall is reported again; after an acknowledgement it is active again.
    Rule(_KIND.FALL, SUSPECTED, _ON.FALLING, SUSPECTED),
    Rule(_KIND.FALL, SUSPECTED_ACKNOWLEDGED, _ON.FALLING, SUSPECTED),
    Rule(_KIND.FALL, CONFIRMED, _ON.FALLING, CONFIRMED),
    Rule(_KIND.FALL, CONFIRMED, _ON.DOWN, CONFIRMED),
    Rule(_KIND.FALL, CONFIRMED_ACKNOWLEDGED, _ON.FALLING, CONFIRMED),
    Rule(_KIND.FALL, CONFIRMED_ACKNOWLEDGED, _ON.DOWN, CONFIRMED),
    # Stumbles and unsafe steps: a new one is reported again; they end by themselves.
    _opens(_KIND.STUMBLE, _ON.STUMBLE, CONFIRMED, Guard.NO_FALL_ACTIVE),
    _opens(_KIND.UNSAFE_STEP, _ON.UNSAFE_STEP, CONFIRMED, Guard.NOTHING_WORSE),
    Rule(_KIND.STUMBLE, CONFIRMED, _ON.STUMBLE, CONFIRMED),
    Rule(_KIND.STUMBLE, CONFIRMED_ACKNOWLEDGED, _ON.STUMBLE, CONFIRMED),
    Rule(_KIND.UNSAFE_STEP, CONFIRMED, _ON.UNSAFE_STEP, CONFIRMED),
    Rule(_KIND.UNSAFE_STEP, CONFIRMED_ACKNOWLEDGED, _ON.UNSAFE_STEP, CONFIRMED),
    *_each([_KIND.STUMBLE, _KIND.UNSAFE_STEP], _OPEN, Timer.OVER, Stage.RECOVERED),
    # An incident climbs and keeps its id: from an unsafe step to a stumble, from either to a fall.
    *(
        Rule(_KIND.UNSAFE_STEP, at, _ON.STUMBLE, CONFIRMED, becomes=_KIND.STUMBLE)
        for at in (CONFIRMED, CONFIRMED_ACKNOWLEDGED)
    ),
    *(
        Rule(kind, at, trigger, to, Guard.NO_FALL_OPEN, becomes=_KIND.FALL)
        for kind in (_KIND.UNSAFE_STEP, _KIND.STUMBLE)
        for at in (CONFIRMED, CONFIRMED_ACKNOWLEDGED)
        for trigger, to in ((_ON.FALLING, SUSPECTED), (_ON.IMPACT, SUSPECTED), (_ON.DOWN, CONFIRMED))
    ),
    # Tiring is news, not danger: it ends by itself, at the latest when the walker rests.
    _opens(_KIND.TIRING, _ON.TIRING, CONFIRMED, Guard.NOTHING_WORSE),
    *_each([_KIND.TIRING], _OPEN, _ON.STILL, Stage.RECOVERED),
    *_each([_KIND.TIRING], _OPEN, Timer.OVER, Stage.RECOVERED),
    # The walker calls for help, or is well.
    _opens(_KIND.SOS, _DO.BUTTON_LONG),
    Rule(_KIND.SOS, CONFIRMED, _DO.BUTTON_LONG, CONFIRMED),
    Rule(_KIND.SOS, CONFIRMED_ACKNOWLEDGED, _DO.BUTTON_LONG, CONFIRMED),
    *_each(OF_THE_WALKER, _OPEN, _DO.BUTTON_SHORT, Stage.CANCELLED),
    # The spotters.
    *_each(PRIORITY, _OPEN, _DO.COMING, Stage.ACKNOWLEDGED),  # a second one may take over
    # "I'm coming" is a promise for some minutes.
    Rule(_KIND.FALL, SUSPECTED_ACKNOWLEDGED, Timer.UNCLEARED, SUSPECTED),
    Rule(_KIND.FALL, CONFIRMED_ACKNOWLEDGED, Timer.UNCLEARED, CONFIRMED),
    Rule(_KIND.SOS, CONFIRMED_ACKNOWLEDGED, Timer.UNCLEARED, CONFIRMED),
    *_each([*OF_THE_WALKER, _KIND.TEST], _OPEN, _DO.FALSE_ALARM, Stage.CANCELLED),
    *_each([*OF_THE_WALKER, _KIND.TEST], _OPEN, _DO.CLEAR, Stage.CLEARED),
    # A fault ends when its cause does, and not by anybody's wish.
    _opens(_KIND.SENSOR, _ON.SENSOR_LOST),
    _opens(_KIND.LINK, _DO.LINK_LOST),
    _opens(_KIND.FAULT, _DO.FAULT),
    _opens(_KIND.BATTERY, _DO.POWER_LOW),
    *_each([_KIND.SENSOR], _OPEN, _ON.SENSOR_BACK, Stage.RECOVERED),
    *_each([_KIND.LINK], _OPEN, _DO.LINK_BACK, Stage.RECOVERED),
    *_each([_KIND.FAULT], _OPEN, _DO.FAULT_GONE, Stage.RECOVERED),
    *_each([_KIND.BATTERY], _OPEN, _DO.POWER_GOOD, Stage.RECOVERED),
    # A test.
    _opens(_KIND.TEST, _DO.TEST),
    *_each([_KIND.TEST], _OPEN, Timer.OVER, Stage.CLEARED),
)


def _key(rule: Rule) -> tuple[AlertKind, State | None, Trigger]:
    return rule.kind, rule.at, rule.trigger


MOVES: Final = {_key(rule): rule for rule in RULES if rule.at is not CLOSED}
OPENS: Final = {
    trigger: tuple(rule for rule in RULES if rule.at is CLOSED and rule.trigger is trigger)
    for trigger in {rule.trigger for rule in RULES if rule.at is CLOSED}
}
