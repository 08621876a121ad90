"""Reading the journal: sessions with their samples, steps, events, alerts, answers and labels.

A session is one run of the safety process. Its times are the monotonic seconds of that run; `Session.utc_s`
turns them into wall time. Files are opened for reading only, but for a label.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan
from pathlib import Path
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
    RearguardError,
    Stage,
    StepEvent,
    StillEvent,
    UnsafeStepEvent,
)
from monitor.recordings.journal import VERSION
from monitor.recordings.packing import Form, unpack

LABELS = ("true", "false", "missed", "bookmark")
"""The alert was right; it was not; none came although one should have; look at this moment."""

LABELLED_KINDS = (AlertKind.FALL, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP, AlertKind.SOS)


class JournalError(RearguardError, ValueError):
    """No journal, or no such session in it: what was expected, what was found, what to do."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a person said of a moment: ``label`` is one of LABELS, ``kind`` an alert's, "" of a bookmark."""

    session: int
    time_s: float
    kind: str
    label: str
    incident: str
    who: str
    note: str
    given_utc_s: float


@dataclass(frozen=True, slots=True)
class State:
    """The alarm's axes from ``time_s`` on; ``waits_for`` as (obstacle, detail)."""

    time_s: float
    armed: bool
    sound_paused: bool
    waits_for: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch that could not be written, and why."""

    from_s: float
    to_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Session:
    """One session. ``from_s`` and ``to_s`` bound what is recorded; ``settings`` is JSON."""

    path: Path
    number: int
    boot: str
    device: str
    version: str
    settings_hash: str
    settings: str
    from_s: float
    to_s: float
    utc_offset_s: float

    @property
    def duration_s(self) -> float:
        return self.to_s - self.from_s

    def utc_s(self, time_s: float) -> float:
        """Seconds since 1970 at a time of this session."""
        return time_s + self.utc_offset_s

    def local(self, time_s: float) -> datetime:
        """The wall clock at a time of this session, in this machine's time zone."""
        return datetime.fromtimestamp(self.utc_s(time_s), UTC).astimezone()

    def blocks(self, from_s: float | None = None, to_s: float | None = None) -> Iterator[SampleBlock]:
        """The blocks as they came, of the whole session or of those seconds."""
        for _form, block in self.formed(from_s, to_s):
            yield block

    def formed(
        self, from_s: float | None = None, to_s: float | None = None
    ) -> Iterator[tuple[Form, SampleBlock]]:
        """The same, each with how its samples came about."""
        for form, packed in self._rows(
            "SELECT f.chip, f.g_per_count, f.dps_per_count, f.mounting, s.packed FROM samples s "
            "JOIN form f ON f.id = s.form WHERE s.session = ? AND s.to_s >= ? AND s.from_s <= ? "
            "ORDER BY s.from_s, s.rowid",
            *self._between(from_s, to_s),
            make=lambda row: (Form(*row[:4]), row[4]),
        ):
            try:
                blocks = unpack(packed, form)
            except ValueError as error:
                raise JournalError(f"{self.path}: session {self.number}: {error}") from error
            for block in blocks:
                # Blocks come back on the microsecond; a session's bounds are as they were written.
                begins = from_s is None or block.end_s >= from_s - 1e-6
                if begins and (to_s is None or block.end_s <= to_s + 1e-6):
                    yield form, block

    def forms(self) -> list[Form]:
        """The sensors it was recorded with."""
        return self._all(
            "SELECT DISTINCT f.chip, f.g_per_count, f.dps_per_count, f.mounting FROM samples s "
            "JOIN form f ON f.id = s.form WHERE s.session = ?",
            make=lambda row: Form(*row),
        )

    def steps(self, from_s: float | None = None, to_s: float | None = None) -> list[StepEvent]:
        """The steps, in order."""
        return self._all(
            "SELECT time_s, contact_s, direction, direction_score, step_s, cadence_spm, sway_percent, "
            "rhythm_percent FROM step WHERE session = ? AND time_s >= ? AND time_s <= ? ORDER BY rowid",
            *self._between(from_s, to_s),
            make=_step,
        )

    def events(self, from_s: float | None = None, to_s: float | None = None) -> list[Event]:
        """All other events, in order."""
        return self._all(
            "SELECT time_s, kind, reason, evidence, more FROM event "
            "WHERE session = ? AND time_s >= ? AND time_s <= ? ORDER BY rowid",
            *self._between(from_s, to_s),
            make=_event,
        )

    def alerts(self) -> list[Alert]:
        """Every report of every incident, in order."""
        return self._all(
            "SELECT incident, sequence, kind, stage, report FROM alert WHERE session = ? ORDER BY sequence",
            make=_alert,
        )

    def inputs(self) -> list[tuple[float, Input]]:
        """What the alarm was told by people and programs, with the end of the block before which it came."""
        return self._all(
            "SELECT time_s, kind, incident, who, report FROM input WHERE session = ? ORDER BY rowid",
            make=_input,
        )

    def states(self) -> list[State]:
        """Each change of the alarm's axes, in order."""
        return self._all(
            "SELECT time_s, armed, sound_paused, waits_for FROM state WHERE session = ? ORDER BY rowid",
            make=lambda row: State(
                row[0], bool(row[1]), bool(row[2]), tuple((w[0], w[1]) for w in json.loads(row[3]))
            ),
        )

    def holes(self) -> list[Hole]:
        """What is missing, and why."""
        return self._all(
            "SELECT from_s, to_s, reason FROM hole WHERE session = ?", make=lambda row: Hole(*row)
        )

    def labels(self) -> list[Label]:
        """What people said of its moments, in order of time; those of one incident as they were given.

        Of these the last counts.
        """
        return self._all(
            "SELECT session, time_s, kind, label, incident, who, note, given_utc_s FROM label "
            "WHERE session = ? ORDER BY min(time_s) OVER "
            "(PARTITION BY CASE incident WHEN '' THEN id ELSE incident END), given_utc_s, id",
            make=lambda row: Label(*row),
        )

    def put(self, label: Label) -> None:
        """Write a label; an earlier one of the same kind for the same incident, or moment, is replaced."""
        with closing(_connected(self.path, "rw")) as file, _said(self.path), file:
            file.execute(
                "DELETE FROM label WHERE session = ? AND kind = ? AND incident = ? "
                "AND (incident != '' OR abs(time_s - ?) < 1.0)",
                (label.session, label.kind, label.incident, label.time_s),
            )
            file.execute(
                "INSERT INTO label (session, time_s, kind, label, incident, who, note, given_utc_s) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    label.session,
                    label.time_s,
                    label.kind,
                    label.label,
                    label.incident,
                    label.who,
                    label.note,
                    label.given_utc_s,
                ),
            )

    def _between(self, from_s: float | None, to_s: float | None) -> tuple[float, float]:
        return (-1e18 if from_s is None else from_s, 1e18 if to_s is None else to_s)

    def _all(self, query: str, *values: float, make: Any) -> list[Any]:
        return list(self._rows(query, *values, make=make))

    def _rows(self, query: str, *values: float, make: Any) -> Iterator[Any]:
        with closing(_connected(self.path, "ro")) as file, _said(self.path):
            for row in file.execute(query, (self.number, *values)):
                yield make(row)


def sessions(path: Path) -> list[Session]:
    """All sessions of a journal, the oldest first. Raises JournalError."""
    with closing(_connected(path, "ro")) as file, _said(path):
        rows = file.execute(
            "SELECT id, boot, device, version, settings_hash, settings, "
            "min(began_s, coalesce((SELECT min(from_s) FROM samples WHERE session = id), began_s)), "
            "max(began_s, coalesce((SELECT max(to_s) FROM samples WHERE session = id), began_s), "
            "coalesce((SELECT max(time_s) FROM step WHERE session = id), began_s), "
            "coalesce((SELECT max(time_s) FROM event WHERE session = id), began_s), "
            "coalesce((SELECT max(reported_s) FROM alert WHERE session = id), began_s)), "
            "utc_offset_s FROM session ORDER BY id"
        ).fetchall()
    return [Session(path, *row) for row in rows]


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turns what SQLite raises into words."""
    try:
        yield
    except sqlite3.Error as error:
        raise JournalError(f"{path}: cannot be read: {error}") from error


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    if not path.is_file():
        raise JournalError(
            f"{path}: expected a journal, found no file there; name one with --journal, or let "
            "`rearguard run` record a session"
        )
    with _said(path):
        file = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=5.0)
        try:
            (version,) = file.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            file.close()
            raise
    if version != VERSION:
        file.close()
        raise JournalError(f"{path}: expected a journal of version {VERSION}, found version {version}")
    return file


def _evidence(text: str) -> Evidence:
    return {name: Reading(*reading) for name, reading in json.loads(text).items()}


def _float(value: float | None) -> float:
    return nan if value is None else value


def _step(row: tuple[Any, ...]) -> StepEvent:
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


def _event(row: tuple[Any, ...]) -> Event:
    time_s, kind, reason, evidence, more = row
    figures, fields = _evidence(evidence), json.loads(more)
    match EventKind(kind):
        case EventKind.UNSAFE_STEP:
            direction = Direction(fields["direction"])
            return UnsafeStepEvent(time_s, figures, reason, score=fields["score"], direction=direction)
        case EventKind.STILL:
            return StillEvent(time_s, figures, reason, **fields)
        case other:
            return Event(other, time_s, figures, reason)


def _input(row: tuple[Any, ...]) -> tuple[float, Input]:
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


def _alert(row: tuple[Any, ...]) -> Alert:
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
