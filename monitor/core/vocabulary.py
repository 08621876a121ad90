"""The words everything else is said in: what travels from the detector to the spotter.

    bus -> chip -> mounting -> sampler -[SampleBlock]-> detector -[Event]-> alarm -[Alert]-> sinks

Times are monotonic seconds of the machine that holds the sensor; wall time enters elsewhere. Samples are in
samples.py: who only hears of alerts needs no NumPy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from math import nan
from typing import NamedTuple


class RearguardError(Exception):
    """Something a person can mend; its words say what was expected, what was found and what to do."""


class EventKind(StrEnum):
    """What the detector can say."""

    STEP = "step"
    UNSAFE_STEP = "unsafe_step"
    STUMBLE = "stumble"
    FALLING = "falling"  # before the impact
    IMPACT = "impact"
    DOWN = "down"  # a fall, confirmed by what followed the impact
    UPRIGHT = "upright"  # standing or walking again
    STILL = "still"  # stood still for two seconds
    SLID = "slid"  # the walk goes across the sensor's forward axis: it slid round the belt
    ALIGNED = "aligned"  # along it again
    TIRING = "tiring"  # steps less even, more sway than in the first minutes
    TAKEN_OFF = "taken_off"  # the sensor is in somebody's hand
    SENSOR_LOST = "sensor_lost"
    SENSOR_BACK = "sensor_back"


class Direction(IntEnum):
    """Which way a step goes. Unsure is UNKNOWN."""

    BACKWARD = -1
    UNKNOWN = 0
    FORWARD = 1


class Reading(NamedTuple):
    """A figure that spoke for an event, beside the limit it was held against (None: no limit)."""

    value: float
    limit: float | None = None


Evidence = Mapping[str, Reading]
"""Readings by name; the name carries the unit: ``trunk_lean_deg``."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something the detector saw. ``time_s`` is the sample that proved it, not when it began.

    ``evidence`` and ``reason`` are for people; what the program reads are the fields of the kinds below.
    """

    kind: EventKind
    time_s: float
    evidence: Evidence = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepEvent(Event):
    """A foot came down at ``contact_s``.

    ``direction_score`` runs from -1, surely backward, to 1, surely forward. ``step_s`` is the time since the
    contact before, NaN for the first step of a walk; ``cadence_spm`` speaks of the last steps.
    ``sway_percent`` and ``rhythm_percent``: how near it came to an unsafe step, NaN where it was not judged.
    """

    kind: EventKind = field(default=EventKind.STEP, init=False)
    contact_s: float = field(kw_only=True)
    direction: Direction = field(kw_only=True)
    direction_score: float = field(default=0.0, kw_only=True)
    step_s: float = field(default=nan, kw_only=True)
    cadence_spm: float = field(default=nan, kw_only=True)
    sway_percent: float = field(default=nan, kw_only=True)
    rhythm_percent: float = field(default=nan, kw_only=True)


@dataclass(frozen=True, slots=True)
class UnsafeStepEvent(Event):
    """A step unlike the walker's good ones: ``score`` from 0 to 1."""

    kind: EventKind = field(default=EventKind.UNSAFE_STEP, init=False)
    score: float = field(kw_only=True)
    direction: Direction = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class StillEvent(Event):
    """Two seconds of standing still: the mean of gravity, and of a worn sensor how far from upright."""

    kind: EventKind = field(default=EventKind.STILL, init=False)
    gravity_g: float = field(kw_only=True)
    from_upright_deg: float | None = field(kw_only=True)


class Priority(IntEnum):
    """How urgent an alert is; after IEC 60601-1-8, without claiming conformity."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class AlertKind(StrEnum):
    """What an incident is."""

    FALL = "fall"
    SOS = "sos"
    STUMBLE = "stumble"
    UNSAFE_STEP = "unsafe_step"
    TIRING = "tiring"
    SENSOR = "sensor"
    LINK = "link"
    BATTERY = "battery"
    FAULT = "fault"  # any other thing that keeps Rearguard from doing its work: see FaultCode
    TEST = "test"


class FaultCode(StrEnum):
    """What is wrong, in an incident of kind FAULT. The words for people stand in delivery/wording.py."""

    SENSOR_TILTED = "sensor_tilted"
    SENSOR_SLID = "sensor_slid"
    UNKNOWN_CHIP = "unknown_chip"
    PANEL = "panel"
    NO_SPOTTER = "no_spotter"
    PHONES = "phones"  # a notifier reaches none
    OUTBOX = "outbox"
    JOURNAL = "journal"
    CARD = "card"
    NAME_CONFLICT = "name_conflict"
    NOT_ARMED = "not_armed"  # the walker walks, and is not watched
    ALERTS_LOST = "alerts_lost"  # the outbox was damaged
    DEFECT = "defect"  # a stage or sink of the loop raised
    STUCK = "stuck"  # a thread beside the loop goes on no longer


class Certainty(StrEnum):
    """How certain the machine is of an incident."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"


class Stage(StrEnum):
    """Who has reacted to an incident. The last three end it."""

    ACTIVE = "active"  # nobody yet
    ACKNOWLEDGED = "acknowledged"  # a spotter is coming
    RECOVERED = "recovered"  # the facts took it back
    CANCELLED = "cancelled"  # a person took it back
    CLEARED = "cleared"  # a person ended it

    @property
    def ended(self) -> bool:
        return self in (Stage.RECOVERED, Stage.CANCELLED, Stage.CLEARED)


@dataclass(frozen=True, slots=True)
class Alert:
    """One report of one incident. All reports of an incident share ``id``; ``sequence`` counts every report.

    ``time_s`` is when what is reported happened, ``who`` a person who reacted. A fault is named by its
    ``fault`` and, where there are several of one kind, by its ``part``; ``reason`` adds words. Where
    ``time_known`` is false the machine has been without power since, and ``time_s`` is the latest it can be.
    ``verified`` is false for what was raised while it was not armed. ``received_by`` are the spotters whose
    programs have said that this report arrived.
    """

    id: str
    sequence: int
    kind: AlertKind
    priority: Priority
    certainty: Certainty
    stage: Stage
    time_s: float
    evidence: Evidence = field(default_factory=dict)
    reason: str = ""
    who: str = ""
    fault: FaultCode | None = None
    part: str = ""
    time_known: bool = True
    verified: bool = True
    received_by: tuple[str, ...] = ()


class InputKind(StrEnum):
    """What people and the machine's other parts say to the alarm."""

    BUTTON_SHORT = "button_short"  # "I'm OK"
    BUTTON_LONG = "button_long"  # call for help
    BUTTON_DOUBLE = "button_double"  # arm or disarm
    COMING = "coming"
    FALSE_ALARM = "false_alarm"
    CLEAR = "clear"
    RECEIVED = "received"  # the program of ``who`` has the report ``sequence`` of the incident
    ARM = "arm"
    RESUME = "resume"  # it was armed when its process ended: arm at once
    DISARM = "disarm"
    PAUSE_SOUND = "pause_sound"
    TEST = "test"
    LABEL = "label"  # what ``who`` says of an incident, or of this moment: for the journal
    SPOTTER_HERE = "spotter_here"  # ``who`` is listening
    SPOTTER_GONE = "spotter_gone"
    LINK_LOST = "link_lost"
    LINK_BACK = "link_back"
    FAULT = "fault"  # something else keeps Rearguard from doing its work: `fault`, `part`
    FAULT_GONE = "fault_gone"
    POWER_LOW = "power_low"
    POWER_GOOD = "power_good"


@dataclass(frozen=True, slots=True)
class Input:
    """A message to the alarm: a button, a spotter's answer or request, the state of a part.

    ``alert_id`` names the incident an answer is for; ``who`` gave it; ``reason`` in words. ``time_s`` is when
    a press of the button began, where that is known. ``fault`` and ``part`` name a fault, ``sequence`` a
    report. ``label`` is of the incident "true" or "false"; without one, of this moment, "missed" (an alert of
    the kind ``about``) or "bookmark"; it was given ``age_s`` ago.
    """

    kind: InputKind
    alert_id: str = ""
    who: str = ""
    reason: str = ""
    time_s: float | None = None
    fault: FaultCode | None = None
    part: str = ""
    sequence: int = 0
    label: str = ""
    about: AlertKind | None = None
    age_s: float = 0.0


class Obstacle(StrEnum):
    """What is in the way of arming. The words for people are in delivery/wording.py."""

    TAKEN_OFF = "taken_off"
    NOT_STILL = "not_still"
    GRAVITY = "gravity"
    TILT = "tilt"
    SENSOR = "sensor"
    POWER = "power"
    LINK = "link"
    NO_SPOTTER = "no_spotter"


class Waiting(NamedTuple):
    """One thing that is missing for arming; ``detail`` is a figure, or the words of what is at fault."""

    obstacle: Obstacle
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """The alarm's axes at one moment; each moves without the others.

    ``incidents`` are the open ones, the most urgent first. ``waits_for`` says why it is not armed although
    somebody wants it to be; () otherwise.
    """

    armed: bool
    sound_paused: bool
    incidents: tuple[Alert, ...]
    time_s: float
    waits_for: tuple[Waiting, ...] = ()
