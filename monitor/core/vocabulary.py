"""The words everything else is said in: what travels from the sensor to the spotter.

    bus -> chip -> mounting -> sampler -[SampleBlock]-> detector -[Event]-> alarm -[Alert]-> sinks

Body frame: x forward, y left, z up; at rest the accelerometer reads +1 g on z (docs/frames.md).
Times are monotonic seconds of the machine that holds the sensor; wall time enters elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BLOCK_S = 0.05
"""How often the sampler yields a block: the step of everything live."""


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """What the sensor delivered in about 50 ms, in the body frame.

    ``time_s`` (n,) rising, ``accel_g`` (n, 3), ``gyro_dps`` (n, 3); n may be 0. ``end_s`` is the
    time up to which the block speaks. ``lost`` counts samples that fell out before its first
    sample. ``fault`` says in words why samples are missing or not to be trusted, "" if all is
    well: silence is an empty block with a reason, never a missing block and never zeros.
    """

    time_s: Floats
    accel_g: Floats
    gyro_dps: Floats
    end_s: float
    lost: int = 0
    fault: str = ""

    @classmethod
    def silent(cls, end_s: float, fault: str, lost: int = 0) -> "SampleBlock":
        """A block without samples, and why."""
        return cls(np.empty(0), np.empty((0, 3)), np.empty((0, 3)), end_s, lost, fault)


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
    ASKEW = "askew"  # the walk goes across the sensor's forward axis
    STRAIGHT = "straight"  # along it again
    SENSOR_LOST = "sensor_lost"
    SENSOR_BACK = "sensor_back"


class Direction(IntEnum):
    """Which way a step goes, as STEP's evidence ``direction`` says it. Unsure is UNKNOWN."""

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
    """Something the detector saw. ``time_s`` is the sample that proved it, not when it began."""

    kind: EventKind
    time_s: float
    evidence: Evidence = field(default_factory=dict)
    reason: str = ""


class Priority(IntEnum):
    """How urgent an alert is; after IEC 60601-1-8, without claiming conformity."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class AlertKind(StrEnum):
    """What an alert is about."""

    FALL = "fall"
    SOS = "sos"
    STUMBLE = "stumble"
    UNSAFE_STEP = "unsafe_step"
    SENSOR = "sensor"
    LINK = "link"
    BATTERY = "battery"
    FAULT = "fault"  # any other thing that keeps Rearguard from doing its work
    TEST = "test"


class Stage(StrEnum):
    """How far an alert's story has come. The last three end it."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    ANSWERED = "answered"  # a spotter is coming
    RECOVERED = "recovered"  # the facts took it back
    CANCELLED = "cancelled"  # a person took it back
    CLEARED = "cleared"  # a person ended it

    @property
    def ended(self) -> bool:
        return self in (Stage.RECOVERED, Stage.CANCELLED, Stage.CLEARED)


@dataclass(frozen=True, slots=True)
class Alert:
    """One stage of one story. All stages of a story share ``id``; ``sequence`` counts every alert."""

    id: str
    sequence: int
    kind: AlertKind
    priority: Priority
    stage: Stage
    time_s: float
    evidence: Evidence = field(default_factory=dict)
    reason: str = ""
    who: str = ""


class InputKind(StrEnum):
    """What people and the link say to the alarm."""

    BUTTON_SHORT = "button_short"  # "I'm OK"
    BUTTON_LONG = "button_long"  # call for help
    BUTTON_DOUBLE = "button_double"  # arm or disarm
    COMING = "coming"
    FALSE_ALARM = "false_alarm"
    CLEAR = "clear"
    ARM = "arm"
    RESUME = "resume"  # it was armed when its process died: arm at once
    DISARM = "disarm"
    PAUSE_SOUND = "pause_sound"
    TEST = "test"
    SPOTTER_HERE = "spotter_here"  # ``who`` is listening
    SPOTTER_GONE = "spotter_gone"
    LINK_LOST = "link_lost"
    LINK_BACK = "link_back"
    FAULT = "fault"  # something else keeps Rearguard from doing its work; `reason` says what
    FAULT_GONE = "fault_gone"
    POWER_LOW = "power_low"
    POWER_GOOD = "power_good"


@dataclass(frozen=True, slots=True)
class Input:
    """A word from outside: a button, a spotter's answer or request, the link's state.

    ``alert_id`` names the story an answer is for; ``who`` said it; ``reason`` in words. ``time_s`` is when
    a press of the button began, where that is known.
    """

    kind: InputKind
    alert_id: str = ""
    who: str = ""
    reason: str = ""
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The alarm's axes at one moment; each moves without the others.

    ``waits_for`` says why it is not armed although somebody wants it to be; () otherwise.
    """

    armed: bool
    sound_paused: bool
    standing: tuple[Alert, ...]  # open stories, the most urgent first
    time_s: float
    waits_for: tuple[str, ...] = ()
