"""Reading the journal: sessions with their samples, steps, events, alerts, answers and labels.

A session is one run of the safety process. Its times are the monotonic seconds of that run; `Session.utc_s`
turns them into wall time. Files are opened for reading only, but for a label and to delete a session.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import (
    Alert,
    Event,
    Input,
    RearguardError,
    StepEvent,
)
from monitor.recordings.journal.file import VERSION
from monitor.recordings.journal.packing import Form, unpack
from monitor.recordings.journal.rows import alert_of, event_of, input_of, step_of

FAR_S = 1e18
ROWS_AT_ONCE = 100
"""A minute of samples: who reads slowly keeps SQLite from tidying its log no longer than that takes."""

APART_S = 1.0
"""Between two rows of samples: less is no hole."""

RUNNING_S = 60.0
"""What was recorded so lately may still be."""

TABLES_OF_A_SESSION = ("samples", "step", "event", "alert", "input", "state", "hole", "label")

LABELS = ("true", "false", "missed", "bookmark")
"""The alert was right; it was not; none came although one should have; look at this moment."""


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
        # Blocks come back on the microsecond; a session's bounds are as they were written.
        least_s, most_s = (limit_s for limit_s in self._between(from_s, to_s))
        after: tuple[float, float] = (-FAR_S, 0)
        while rows := self._all(
            "SELECT s.from_s, s.rowid, s.packed, f.chip, f.g_per_count, f.dps_per_count, f.mounting "
            "FROM samples s JOIN form f ON f.id = s.form WHERE s.session = ? AND s.to_s >= ? "
            "AND s.from_s <= ? AND (s.from_s, s.rowid) > (?, ?) ORDER BY s.from_s, s.rowid "
            f"LIMIT {ROWS_AT_ONCE}",
            least_s,
            most_s,
            *after,
            make=lambda row: (row[:2], Form(*row[3:]), unpack(row[2], Form(*row[3:]))),
        ):
            for _, form, blocks in rows:
                for block in blocks:
                    if least_s - 1e-6 <= block.end_s <= most_s + 1e-6:
                        yield form, block
            after = rows[-1][0]

    def kept(self) -> list[tuple[float, float]]:
        """From when to when its samples are there: not in holes, and not where they have been let go of."""
        found: list[tuple[float, float]] = []
        rows = self._all(
            "SELECT from_s, to_s FROM samples WHERE session = ? ORDER BY from_s", make=lambda row: row
        )
        for from_s, to_s in rows:
            if found and from_s - found[-1][1] <= APART_S:
                found[-1] = found[-1][0], max(found[-1][1], to_s)
            else:
                found.append((from_s, to_s))
        return found

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
            make=step_of,
        )

    def events(self, from_s: float | None = None, to_s: float | None = None) -> list[Event]:
        """All other events, in order."""
        return self._all(
            "SELECT time_s, kind, reason, evidence, more FROM event "
            "WHERE session = ? AND time_s >= ? AND time_s <= ? ORDER BY rowid",
            *self._between(from_s, to_s),
            make=event_of,
        )

    def alerts(self) -> list[Alert]:
        """Every report of every incident, in order."""
        return self._all(
            "SELECT incident, sequence, kind, stage, report FROM alert WHERE session = ? ORDER BY sequence",
            make=alert_of,
        )

    def inputs(self) -> list[tuple[float, Input]]:
        """What the alarm was told by people and programs, with the end of the block before which it came."""
        return self._all(
            "SELECT time_s, kind, incident, who, report FROM input WHERE session = ? ORDER BY rowid",
            make=input_of,
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

    def delete(self) -> None:
        """Everything of this session goes for good, also from the file's free pages. Raises JournalError."""
        ago_s = time.time() - self.utc_s(self.to_s)
        if abs(ago_s) < RUNNING_S:
            raise JournalError(
                f"session {self.number} was recorded until {max(0.0, ago_s):.0f} s ago and may still be: "
                "stop Rearguard and wait a minute"
            )
        with closing(_connected(self.path, "rw")) as file, _said(self.path):
            file.execute("PRAGMA secure_delete = ON")  # as Debian's SQLite does unasked
            with file:
                for table in TABLES_OF_A_SESSION:
                    file.execute(f"DELETE FROM {table} WHERE session = ?", (self.number,))
                file.execute("DELETE FROM session WHERE id = ?", (self.number,))
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _between(self, from_s: float | None, to_s: float | None) -> tuple[float, float]:
        return (-FAR_S if from_s is None else from_s, FAR_S if to_s is None else to_s)

    def _all(self, query: str, *values: float, make: Any) -> list[Any]:
        with closing(_connected(self.path, "ro")) as file, _said(self.path):
            return [make(row) for row in file.execute(query, (self.number, *values))]


def sessions(path: Path) -> list[Session]:
    """All sessions of a journal, the oldest first. Raises JournalError."""
    with closing(_connected(path, "ro")) as file, _said(path):
        rows = file.execute(
            "SELECT id, boot, device, version, settings_hash, settings, "
            "min(began_s, coalesce((SELECT min(from_s) FROM samples WHERE session = id), began_s)), "
            "max(began_s, coalesce((SELECT to_s FROM samples WHERE session = id "
            "ORDER BY from_s DESC LIMIT 1), began_s), "
            "coalesce((SELECT max(time_s) FROM step WHERE session = id), began_s), "
            "coalesce((SELECT max(time_s) FROM event WHERE session = id), began_s), "
            "coalesce((SELECT max(reported_s) FROM alert WHERE session = id), began_s)), "
            "utc_offset_s FROM session ORDER BY id"
        ).fetchall()
    return [Session(path, *row) for row in rows]


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turns what SQLite raises, and what damaged rows do, into words."""
    try:
        yield
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        raise JournalError(f"{path}: cannot be read: {error}") from error


def _expect_readable(path: Path) -> None:
    """Raises JournalError where no file is, or one that others must not read."""
    try:
        is_file, is_ours = S_ISREG(path.stat().st_mode), os.access(path, os.R_OK)
    except PermissionError:
        is_file, is_ours = True, False
    except OSError:
        is_file, is_ours = False, False
    if not is_file:
        raise JournalError(
            f"{path}: expected a journal, found no file there; name one with --journal, or let "
            "`rearguard run` record a session"
        )
    if not is_ours:
        raise JournalError(f"{path}: is for its owner alone: put `sudo` before the command")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    _expect_readable(path)
    with _said(path):
        log = Path(f"{path}-wal")
        still = not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
        how = "immutable=1" if still else f"mode={mode}"  # SQLite shares a log only where it can make one
        file = sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, timeout=5.0)
        try:
            (version,) = file.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            file.close()
            raise
    if version != VERSION:
        file.close()
        raise JournalError(f"{path}: expected a journal of version {VERSION}, found version {version}")
    return file
