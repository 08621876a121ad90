"""What the page shows of one walker: arithmetic on the spotter's view. Words for people are in the browser.

A tile is sent whenever something changes, and once a second; ages are of the moment at which it is made.
"""

from enum import StrEnum

import msgspec

from monitor.core.vocabulary import AlertKind, Certainty, Priority, Reading, Stage
from monitor.delivery.messages import LIFETIME_S, Gait, Moment, State, printable
from monitor.spotter.incident import Incident
from monitor.spotter.view import SpotterView

RING_S = 5.0
"""Silence of an armed device that rings, as loud as a fall."""

LATE_S = 5.0
"""Without a heartbeat for so long, gait and battery are old and not shown."""


class Look(StrEnum):
    """The one word that says it all, the worst first."""

    HELP = "help"
    DOWN = "down"
    FALLING = "falling"
    NO_SIGNAL = "no_signal"
    NO_SENSOR = "no_sensor"  # armed, and the sensor does not see
    STUMBLE = "stumble"
    TEST = "test"
    FAULT = "fault"
    WATCH = "watch"  # an unsafe step just now, tiring, or something to look at
    NOT_ARMED = "not_armed"
    OFF = "off"
    SAFE = "safe"


OF_KIND = {
    AlertKind.SOS: Look.HELP,
    AlertKind.SENSOR: Look.NO_SENSOR,
    AlertKind.STUMBLE: Look.STUMBLE,
    AlertKind.TEST: Look.TEST,
    AlertKind.LINK: Look.FAULT,
    AlertKind.FAULT: Look.FAULT,
    AlertKind.BATTERY: Look.WATCH,
    AlertKind.UNSAFE_STEP: Look.WATCH,
    AlertKind.TIRING: Look.WATCH,
}
"""What an open incident makes of the walker; a fall's goes by its certainty."""

WORST = tuple(Look)

ALONE = "alone"
"""In place of a word that is no worse: whoever is watched, or walks, and has nobody who listens."""

ORDER = tuple(place for look in Look for place in ((ALONE, look) if look is Look.TEST else (look,)))
"""The board's order, the worst first; within one place the spotter's own walkers, then by name."""


class Shown(msgspec.Struct, frozen=True):
    """An incident. ``rings`` while it waits for an answer, is urgent, and is not too old to be news."""

    id: str
    sequence: int
    kind: str
    priority: int
    certainty: str
    stage: str
    rings: bool
    age_s: float
    age_known: bool
    reason: str
    who: str
    evidence: dict[str, Reading]
    look: Look
    picture: bool


class Signal(msgspec.Struct, frozen=True):
    """Contact with the device. ``silent_s`` is the age of its last heartbeat, None if there was none."""

    lost: bool
    cut: bool  # it is our own connection to the broker that is lost
    rings: bool
    silent_s: float | None
    why: str
    looked_after_by: str


class Tile(msgspec.Struct, frozen=True):
    """One walker. Without a fresh heartbeat what it said is empty: obstacles, faults, gait, who listens."""

    device: str
    look: Look
    look_s: float  # so long it has been that
    armed: bool
    known: bool  # a heartbeat came within LATE_S
    signal: Signal
    alone: bool  # watched, or walking, and nobody listens
    everybody: bool  # none of his own spotters listens: all are rung for him
    alerts: tuple[Shown, ...]
    waits_for: tuple[str, ...]
    faults: tuple[str, ...]
    sound_paused: bool
    low_supply: bool
    gait: Gait
    walking: bool
    steps: int
    listening: tuple[str, ...]  # whom the device takes for listening
    lines: int  # number of the session log's last line
    beat: int  # number of the heartbeat


def tile(
    view: SpotterView,
    device: str,
    moment: Moment,
    look_s: float = 0.0,
    lines: int = 0,
    *,
    cut: bool = False,
    heard: bool = False,
) -> Tile:
    """How ``device`` looks now. ``heard``: a phone of one of his own spotters can ring here."""
    state = view.state
    silent_s = view.silent_s(moment)
    known = state is not None and silent_s is not None and silent_s < LATE_S
    alerts = tuple(_shown(view, incident, moment) for incident in view.open)
    fresh = state if known else None
    listening = view.listening() if fresh else ()
    there = fresh if not view.no_contact else None
    return Tile(
        device=device,
        look=look(view),
        look_s=look_s,
        armed=bool(state and state.armed),
        known=known,
        signal=_signal(view, silent_s, moment, cut),
        alone=bool(there and (there.armed or there.walking) and not listening),
        everybody=not heard and not (there and listening),
        alerts=alerts,
        waits_for=tuple(printable(words) for words in fresh.waits_for) if fresh else (),
        faults=tuple(printable(words) for words in fresh.faults) if fresh else (),
        sound_paused=bool(fresh and fresh.sound_paused),
        low_supply=any(incident.kind is AlertKind.BATTERY for incident in view.open),
        gait=fresh.gait if fresh else Gait(),
        walking=bool(there and there.walking),
        steps=state.steps if state else 0,
        listening=listening,
        lines=lines,
        beat=state.sequence if state else 0,
    )


def look(view: SpotterView) -> Look:
    """The worst of what is open, of the contact and of the arming."""
    looks = [look_of(incident) for incident in view.open]
    if view.no_contact:
        looks.append(Look.OFF if view.calm else Look.NO_SIGNAL)
    else:
        looks.append(_arming(view.state))
    return min(looks, key=WORST.index)


def look_of(incident: Incident) -> Look:
    """What this incident alone makes of the walker."""
    if incident.kind is AlertKind.FALL:
        return Look.DOWN if incident.certainty is Certainty.CONFIRMED else Look.FALLING
    if incident.is_fault and incident.priority is Priority.LOW:  # nobody is being watched just now
        return Look.NOT_ARMED if incident.kind is not AlertKind.BATTERY else Look.WATCH
    return OF_KIND[incident.kind]


def _arming(state: State | None) -> Look:
    return Look.SAFE if state is not None and state.armed else Look.NOT_ARMED


def _signal(view: SpotterView, silent_s: float | None, moment: Moment, cut: bool) -> Signal:
    lost = bool(view.no_contact) and not view.calm
    armed = view.state is not None and view.state.armed
    lost_s = moment.mono_s - view.lost_s if view.lost_s is not None else 0.0
    lasting_s = max(silent_s or 0.0, lost_s)
    return Signal(
        lost=lost,
        cut=lost and cut,
        rings=lost and armed and lasting_s >= RING_S and not view.looked_after_by,
        silent_s=silent_s,
        why=printable(view.no_contact) if lost else "",
        looked_after_by=view.looked_after_by,
    )


def _shown(view: SpotterView, incident: Incident, moment: Moment) -> Shown:
    age_s = max(0.0, moment.mono_s - incident.event_s)
    urgent = incident.priority > Priority.LOW or incident.kind is AlertKind.TEST
    return Shown(
        id=incident.id,
        sequence=incident.sequence,
        kind=incident.kind,
        priority=incident.priority,
        certainty=incident.certainty,
        stage=incident.stage,
        rings=incident.stage is Stage.ACTIVE and urgent and age_s < LIFETIME_S[incident.priority],
        age_s=age_s,
        age_known=incident.age_known,
        reason=incident.reason,
        who=incident.who,
        evidence=dict(incident.evidence),
        look=look_of(incident),
        picture=incident.id in view.clips,
    )
