"""What is exported of a session: its samples, its steps, and a row for everything else that happened."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isnan
from typing import Any

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Event, Evidence, Input, StepEvent, StillEvent, UnsafeStepEvent
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.sessions import Hole, Label, Session, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

STEP_COLUMNS = (
    "contact_s",
    "direction",
    "direction_score",
    "step_s",
    "cadence_spm",
    "sway_percent",
    "rhythm_percent",
)


@dataclass(frozen=True, slots=True)
class Row:
    """Something that happened. ``what`` is one of WHAT; ``details`` are what only this kind has, as JSON."""

    time_s: float
    what: str
    kind: str
    incident: str = ""
    stage: str = ""
    who: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


WHAT = ("event", "alert", "input", "state", "label", "hole")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A session from ``from_s`` to ``to_s``, monotonic seconds."""

    session: Session
    from_s: float
    to_s: float

    def samples(self) -> Iterator[tuple[Form, SampleBlock]]:
        """Its blocks, each with how its samples came about."""
        return self.session.formed(self.from_s, self.to_s)

    def steps(self) -> list[StepEvent]:
        return self.session.steps(self.from_s, self.to_s)

    def rows(self) -> list[Row]:
        """Everything beside samples and steps, in order of time."""
        session = self.session
        found = [
            *map(_event, session.events(self.from_s, self.to_s)),
            *map(_alert, session.alerts()),
            *(_input(time_s, given) for time_s, given in session.inputs()),
            *map(_state, session.states()),
            *map(_label, session.labels()),
        ]
        inside = [row for row in found if self.from_s <= row.time_s <= self.to_s]
        holes = [
            _hole(hole) for hole in session.holes() if self.from_s <= hole.to_s and hole.from_s <= self.to_s
        ]
        return sorted(inside + holes, key=lambda row: row.time_s)

    def utc_us(self, time_s: float) -> int:
        """Microseconds since 1970 at a time of the session."""
        return round(time_s * 1e6) + round(self.session.utc_offset_s * 1e6)

    def iso(self, time_s: float) -> str:
        """The wall clock at a time of the session, ISO 8601 with its zone."""
        return iso(self.utc_us(time_s) / 1e6)


def iso(utc_s: float) -> str:
    """Seconds since 1970 as ISO 8601, to the microsecond, with this machine's zone."""
    wall = EPOCH + timedelta(microseconds=round(utc_s * 1e6))
    return wall.astimezone().isoformat(timespec="microseconds")


def step_values(step: StepEvent) -> dict[str, float | str | None]:
    """A step's figures by STEP_COLUMNS; None where one is not known."""
    values = (getattr(step, name) for name in STEP_COLUMNS)
    named = dict(zip(STEP_COLUMNS, (None if isnan(value) else value for value in values), strict=True))
    return named | {"direction": step.direction.name.lower()}


def _event(event: Event) -> Row:
    details: dict[str, Any] = {"evidence": _evidence(event.evidence)}
    if isinstance(event, UnsafeStepEvent):
        details |= {"score": event.score, "direction": event.direction.name.lower()}
    if isinstance(event, StillEvent):
        details |= {"gravity_g": event.gravity_g, "from_upright_deg": event.from_upright_deg}
    return Row(event.time_s, "event", event.kind, reason=event.reason, details=details)


def _alert(alert: Alert) -> Row:
    details = {
        "sequence": alert.sequence,
        "priority": alert.priority.name.lower(),
        "certainty": alert.certainty,
        "evidence": _evidence(alert.evidence),
        "fault": alert.fault,
        "part": alert.part,
        "time_known": alert.time_known,
        "verified": alert.verified,
    }
    return Row(alert.time_s, "alert", alert.kind, alert.id, alert.stage, alert.who, alert.reason, details)


def _input(time_s: float, given: Input) -> Row:
    details = {"began_s": given.time_s, "fault": given.fault, "part": given.part, "sequence": given.sequence}
    return Row(
        time_s, "input", given.kind, given.alert_id, who=given.who, reason=given.reason, details=details
    )


def _state(state: State) -> Row:
    details = {"sound_paused": state.sound_paused, "waits_for": [list(waits) for waits in state.waits_for]}
    return Row(state.time_s, "state", "armed" if state.armed else "disarmed", details=details)


def _label(label: Label) -> Row:
    details = {"label": label.label, "given_iso": iso(label.given_utc_s)}
    return Row(
        label.time_s, "label", label.kind, label.incident, who=label.who, reason=label.note, details=details
    )


def _hole(hole: Hole) -> Row:
    return Row(hole.from_s, "hole", "not_recorded", reason=hole.reason, details={"to_s": hole.to_s})


def _evidence(readings: Evidence) -> dict[str, dict[str, float | None]]:
    return {name: {"value": reading.value, "limit": reading.limit} for name, reading in readings.items()}
