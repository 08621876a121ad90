"""What every state looks and sounds like: one table, distinct to eye and ear.

Colours and pulse trains after IEC 60601-1-8 (red and fast for high, yellow for medium and low
priority), without claiming conformity. No time is shorter than two blocks, so that a loop that
steps every 50 ms keeps every rhythm. A single LED of any colour shows the rhythm alone.
"""

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.vocabulary import Alert, AlertKind, Priority, Stage, Status

Colour = tuple[int, int, int]
Rhythm = tuple[float, ...]

_RED, _YELLOW, _GREEN, _BLUE, _MAGENTA, _CYAN, _WHITE = (
    (1, 0, 0),
    (1, 1, 0),
    (0, 1, 0),
    (0, 0, 1),
    (1, 0, 1),
    (0, 1, 1),
    (1, 1, 1),
)


class Look(StrEnum):
    """What the panel can show; one at a time, the most urgent."""

    DISARMED = "disarmed"
    WAITING = "waiting to arm"
    ARMED = "armed"
    LOW = "low alert"
    MEDIUM = "medium alert"
    HIGH = "high alert"
    RECEIVED = "high alert that a spotter's program has"
    ACKNOWLEDGED = "acknowledged"
    SENSOR = "sensor fault"
    LINK = "link fault"
    FAULT = "another fault"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Pattern:
    """``light`` and ``sound``: seconds on, off, on, off ... and again from the start; () is off."""

    colour: Colour
    light: Rhythm
    light_words: str
    sound: Rhythm
    sound_words: str


PATTERNS = {
    Look.DISARMED: Pattern(_WHITE, (0.1, 4.9), "white blink every 5 s: disarmed", (), "silent"),
    Look.WAITING: Pattern(
        _WHITE, (0.1, 0.2, 0.1, 0.6), "white double blink: stand still to arm", (), "silent"
    ),
    Look.ARMED: Pattern(_GREEN, (0.1, 1.9), "green blink every 2 s: armed", (), "silent"),
    Look.LOW: Pattern(
        _YELLOW, (1.8, 0.2), "yellow, short gap every 2 s", (0.1, 0.1, 0.1, 4.7), "two ticks every 5 s"
    ),
    Look.MEDIUM: Pattern(
        _YELLOW,
        (0.5, 0.5),
        "yellow, flashing slowly",
        (0.2, 0.2, 0.2, 0.2, 0.2, 2.0),
        "three beeps, repeated",
    ),
    Look.HIGH: Pattern(
        _RED,
        (0.2, 0.2),
        "red, flashing fast",
        (0.15, 0.1, 0.15, 0.1, 0.15, 0.35, 0.15, 0.1, 0.15, 0.6),
        "five urgent beeps, repeated",
    ),
    Look.RECEIVED: Pattern(
        _RED,
        (0.2, 0.2, 0.2, 0.6),
        "red, flashing twice: a spotter has the alarm",
        (0.15, 0.1, 0.15, 0.1, 0.15, 0.35, 0.15, 0.1, 0.15, 0.35, 0.7, 0.6),
        "five urgent beeps, one long, repeated",
    ),
    Look.ACKNOWLEDGED: Pattern(
        _BLUE, (1.0, 1.0), "slow blue blink: your spotter is coming", (0.6, 9.4), "one long tone every 10 s"
    ),
    Look.SENSOR: Pattern(
        _MAGENTA,
        (0.1, 0.1, 0.1, 0.7),
        "magenta double flash: sensor fault",
        (0.1, 0.3, 0.4, 4.2),
        "short-long every 5 s",
    ),
    Look.LINK: Pattern(
        _CYAN,
        (0.1, 0.1, 0.1, 0.1, 0.1, 1.0),
        "cyan triple flash: no connection to the broker",
        (0.4, 0.3, 0.1, 9.2),
        "long-short every 10 s",
    ),
    Look.FAULT: Pattern(
        _MAGENTA,
        (1.0, 0.2, 0.1, 0.2),
        "magenta, long and short: another fault, see rearguard check",
        (0.4, 0.3, 0.4, 6.9),
        "two long tones every 8 s",
    ),
    Look.TEST: Pattern(_WHITE, (0.3, 0.3), "white, flashing: a test", (0.3, 0.3), "even beeps: a test"),
}

_LOOK_OF_KIND = {
    AlertKind.TEST: Look.TEST,
    AlertKind.SENSOR: Look.SENSOR,
    AlertKind.LINK: Look.LINK,
    AlertKind.FAULT: Look.FAULT,
}
_LOOK_OF_PRIORITY = {Priority.LOW: Look.LOW, Priority.MEDIUM: Look.MEDIUM, Priority.HIGH: Look.HIGH}


CONFIRM_BLOCKS = 3
"""A press that changes nothing to be seen is confirmed by one beep of so many blocks, 0.15 s."""

TURN_S = 5.0
"""What is looked after takes turns with what is not: neither hides the other."""


def look_of(status: Status) -> Look:
    """How the most urgent open incident is shown; in turns with one that somebody looks after."""
    if not status.incidents:
        if status.armed:
            return Look.ARMED
        return Look.WAITING if status.waits_for else Look.DISARMED
    first = status.incidents[0]
    if _rings(first):
        return Look.RECEIVED if first.received_by else Look.HIGH
    other = next((alert for alert in status.incidents if _looked_after(alert) != _looked_after(first)), first)
    shown = other if status.time_s % (2 * TURN_S) >= TURN_S else first
    if _looked_after(shown):
        return Look.ACKNOWLEDGED
    return _LOOK_OF_KIND.get(shown.kind) or _LOOK_OF_PRIORITY[shown.priority]


def _rings(alert: Alert) -> bool:
    return alert.priority is Priority.HIGH and not _looked_after(alert)


def _looked_after(alert: Alert) -> bool:
    return alert.stage is Stage.ACKNOWLEDGED


def is_on(rhythm: Rhythm, elapsed_s: float) -> bool:
    """Whether a rhythm that began ``elapsed_s`` ago is in one of its on times."""
    if not rhythm:
        return False
    left_s = (elapsed_s + 1e-6) % sum(rhythm)  # a step of the loop may fall a rounding short of its mark
    for index, length_s in enumerate(rhythm):
        if left_s < length_s:
            return index % 2 == 0
        left_s -= length_s
    return False
