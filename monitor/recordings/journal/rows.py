"""The journal's rows: a session's opening and its chunks, as the tables have them. and back again."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Any

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Direction,
    Event,
    EventKind,
    Evidence,
    FaultCode,
    Input,
    InputKind,
    Priority,
    Reading,
    Stage,
    Status,
    StepEvent,
    StillEvent,
    UnsafeStepEvent,
)
from monitor.recordings.journal.packing import Form, pack


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a session when it begins; ``settings`` as JSON."""

    boot: str
    device: str
    version: str
    settings_hash: str
    settings: str


@dataclass(slots=True)
class Chunk:
    """What is written in one transaction."""

    form: Form
    blocks: list[SampleBlock] = field(default_factory=list)
    steps: list[StepEvent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    alerts: list[tuple[float, Alert]] = field(default_factory=list)
    inputs: list[tuple[float, Input]] = field(default_factory=list)
    states: list[Status] = field(default_factory=list)


def begin(file: sqlite3.Connection, opening: Opening, began_s: float, utc_offset_s: float) -> int:
    """The session's number: a new one, but for a boot that is known. Raises sqlite3.Error."""
    row = (opening.boot, opening.device, opening.version, opening.settings_hash, opening.settings)
    columns = "boot, device, version, settings_hash, settings, began_s, utc_offset_s"
    with file:
        file.execute(
            f"INSERT OR IGNORE INTO session ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, began_s, utc_offset_s),
        )
        (number,) = file.execute("SELECT id FROM session WHERE boot = ?", (opening.boot,)).fetchone()
    return int(number)


def write(file: sqlite3.Connection, session: int, chunk: Chunk) -> None:
    """A chunk's rows. Raises sqlite3.Error; ValueError or OverflowError for what no sensor says."""
    form = chunk.form
    row = (form.chip, form.g_per_count, form.dps_per_count, form.mounting)
    columns = "chip, g_per_count, dps_per_count, mounting"
    file.execute(f"INSERT OR IGNORE INTO form ({columns}) VALUES (?, ?, ?, ?)", row)
    (number,) = file.execute(f"SELECT id FROM form WHERE ({columns}) = (?, ?, ?, ?)", row).fetchone()
    file.execute(
        "INSERT INTO samples VALUES (?, ?, ?, ?, ?)",
        (session, *span_s(chunk.blocks), number, pack(chunk.blocks, form)),
    )
    file.executemany(
        "INSERT INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                session,
                s.time_s,
                s.contact_s,
                int(s.direction),
                s.direction_score,
                *map(_known, _figures(s)),
            )
            for s in chunk.steps
        ],
    )
    file.executemany(
        "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)",
        [
            (session, e.time_s, e.kind, e.reason, _evidence(e.evidence), json.dumps(_more(e)))
            for e in chunk.events
        ],
    )
    file.executemany(
        "INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (session, a.sequence, a.id, end_s, a.kind, a.stage, json.dumps(alert_report(a)))
            for end_s, a in chunk.alerts
        ],
    )
    file.executemany(
        "INSERT INTO input VALUES (?, ?, ?, ?, ?, ?)",
        [
            (session, end_s, given.kind, given.alert_id, given.who, json.dumps(_input_report(given)))
            for end_s, given in chunk.inputs
        ],
    )
    file.executemany(
        "INSERT INTO state VALUES (?, ?, ?, ?, ?)",
        [
            (session, s.time_s, s.armed, s.sound_paused, json.dumps([list(w) for w in s.waits_for]))
            for s in chunk.states
        ],
    )


def span_s(blocks: Sequence[SampleBlock]) -> tuple[float, float]:
    """From the first sample, or block's end, to the last block's end."""
    firsts = [float(block.time_s[0]) for block in blocks if len(block.time_s)]
    return min([blocks[0].end_s, *firsts[:1]]), blocks[-1].end_s


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _figures(step: StepEvent) -> tuple[float, float, float, float]:
    return step.step_s, step.cadence_spm, step.sway_percent, step.rhythm_percent


def _evidence(evidence: Evidence) -> str:
    return json.dumps({name: list(reading) for name, reading in evidence.items()})


def _more(event: Event) -> dict[str, float | int | None]:
    """What a kind of event holds beside time, reason and evidence."""
    match event:
        case UnsafeStepEvent():
            return {"score": event.score, "direction": int(event.direction)}
        case StillEvent():
            return {"gravity_g": event.gravity_g, "from_upright_deg": event.from_upright_deg}
        case _:
            return {}


def alert_report(alert: Alert) -> dict[str, object]:
    """An alert as JSON has it."""
    return {
        "time_s": alert.time_s,
        "priority": int(alert.priority),
        "certainty": alert.certainty,
        "evidence": {name: list(reading) for name, reading in alert.evidence.items()},
        "reason": alert.reason,
        "who": alert.who,
        "fault": alert.fault,
        "part": alert.part,
        "time_known": alert.time_known,
        "verified": alert.verified,
    }


def _input_report(given: Input) -> dict[str, object]:
    return {
        "reason": given.reason,
        "time_s": given.time_s,
        "fault": given.fault,
        "part": given.part,
        "sequence": given.sequence,
        "label": given.label,
        "about": given.about,
        "age_s": given.age_s,
    }


def _evidence_of(text: str) -> Evidence:
    return {name: Reading(*reading) for name, reading in json.loads(text).items()}


def _float(value: float | None) -> float:
    return nan if value is None else value


def step_of(row: tuple[Any, ...]) -> StepEvent:
    time_s, contact_s, direction, score, *figures = row
    step_s, cadence, sway, rhythm = map(_float, figures)
    return StepEvent(
        time_s,
        contact_s=contact_s,
        direction=Direction(direction),
        direction_score=score,
        step_s=step_s,
        cadence_spm=cadence,
        sway_percent=sway,
        rhythm_percent=rhythm,
    )


def event_of(row: tuple[Any, ...]) -> Event:
    time_s, kind, reason, evidence, more = row
    figures, fields = _evidence_of(evidence), json.loads(more)
    match EventKind(kind):
        case EventKind.UNSAFE_STEP:
            direction = Direction(fields["direction"])
            return UnsafeStepEvent(time_s, figures, reason, score=fields["score"], direction=direction)
        case EventKind.STILL:
            return StillEvent(time_s, figures, reason, **fields)
        case other:
            return Event(other, time_s, figures, reason)


def input_of(row: tuple[Any, ...]) -> tuple[float, Input]:
    time_s, kind, incident, who, report = row
    said = json.loads(report)
    fault, about = said.pop("fault"), said.pop("about", None)
    return time_s, Input(
        InputKind(kind),
        incident,
        who,
        fault=FaultCode(fault) if fault else None,
        about=AlertKind(about) if about else None,
        **said,
    )


def alert_of(row: tuple[Any, ...]) -> Alert:
    incident, sequence, kind, stage, report = row
    said = json.loads(report)
    return Alert(
        incident,
        sequence,
        AlertKind(kind),
        Priority(said["priority"]),
        Certainty(said["certainty"]),
        Stage(stage),
        said["time_s"],
        {name: Reading(*reading) for name, reading in said["evidence"].items()},
        said["reason"],
        said["who"],
        FaultCode(said["fault"]) if said["fault"] else None,
        said["part"],
        said["time_known"],
        said["verified"],
    )
