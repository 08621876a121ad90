"""The black box: everything a session was, in one SQLite file on the device.

`Journal` is a sink of the loop and only collects. Every 0.75 s, and at once with an alert, what has come goes
to a thread that writes it. So a full, slow or broken disk holds nothing up: it is a fault, the latest minute
waits in memory, and what does not fit there is a hole that the file names. Wall time enters as one offset
from the monotonic clock for each session: when the wall clock is set right, the whole session's times are.

sessions.py reads what this file writes.
"""

import json
import logging
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from math import inf, isnan
from pathlib import Path

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.setting import number, switch
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Event,
    Evidence,
    FaultCode,
    Input,
    InputKind,
    Status,
    StepEvent,
    StillEvent,
    UnsafeStepEvent,
)
from monitor.recordings import labelling
from monitor.recordings.packing import Form, pack

FILE = "journal.db"
CHUNK_BLOCKS = round(0.75 / BLOCK_S)
"""Blocks that are written together: who kills the process loses these at most, and what is being written."""

WAITING_CHUNKS = 80
"""A minute of them waits for the disk; then the oldest fall out."""

HUNG_S = 10.0
"""A disk that takes longer is a fault."""

RETRY_S = 2.0
TIDY_S = 60.0
TIDY_ROWS = 500
RESERVE_BYTES = 64_000_000
"""So much of the disk is left to the alerts' outbox and to others."""

CLOCK_S = 0.5
"""The wall clock must have been set by more than this for the session's offset to be written again."""

DURABLE_S = 10.0
"""A power cut takes no more than this: SQLite waits for the disk so often, and with each alert."""

KEEP_S = 30.0
"""Samples this near to an alert or a label are its clip."""

PAGE_BYTES = 1024
"""Small: each commit writes whole pages."""

VERSION = 1
APPLICATION_ID = 0x52474A31  # "RGJ1"

CLIPPED = frozenset({AlertKind.FALL, AlertKind.SOS, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP})
"""Alerts that a label can be given to; their samples are kept until there is one."""

TABLES = """
CREATE TABLE IF NOT EXISTS session (id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, device TEXT NOT NULL,
    version TEXT NOT NULL, settings_hash TEXT NOT NULL, settings TEXT NOT NULL,
    began_s REAL NOT NULL, utc_offset_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS form (id INTEGER PRIMARY KEY, chip TEXT NOT NULL, g_per_count REAL NOT NULL,
    dps_per_count REAL NOT NULL, mounting TEXT NOT NULL,
    UNIQUE (chip, g_per_count, dps_per_count, mounting));
CREATE TABLE IF NOT EXISTS samples (session INTEGER NOT NULL, from_s REAL NOT NULL, to_s REAL NOT NULL,
    form INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS samples_by_time ON samples (session, from_s);
CREATE TABLE IF NOT EXISTS step (session INTEGER NOT NULL, time_s REAL NOT NULL, contact_s REAL NOT NULL,
    direction INTEGER NOT NULL, direction_score REAL NOT NULL, step_s REAL, cadence_spm REAL,
    sway_percent REAL, rhythm_percent REAL);
CREATE INDEX IF NOT EXISTS step_by_time ON step (session, time_s);
CREATE TABLE IF NOT EXISTS event (session INTEGER NOT NULL, time_s REAL NOT NULL, kind TEXT NOT NULL,
    reason TEXT NOT NULL, evidence TEXT NOT NULL, more TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_by_time ON event (session, time_s);
CREATE TABLE IF NOT EXISTS alert (session INTEGER NOT NULL, sequence INTEGER NOT NULL, incident TEXT NOT NULL,
    reported_s REAL NOT NULL, kind TEXT NOT NULL, stage TEXT NOT NULL, report TEXT NOT NULL,
    PRIMARY KEY (session, sequence));
CREATE INDEX IF NOT EXISTS alert_by_incident ON alert (incident);
CREATE TABLE IF NOT EXISTS input (session INTEGER NOT NULL, time_s REAL NOT NULL, kind TEXT NOT NULL,
    incident TEXT NOT NULL, who TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (session INTEGER NOT NULL, time_s REAL NOT NULL, armed INTEGER NOT NULL,
    sound_paused INTEGER NOT NULL, waits_for TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hole (session INTEGER NOT NULL, from_s REAL NOT NULL, to_s REAL NOT NULL,
    reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS label (id INTEGER PRIMARY KEY, session INTEGER NOT NULL, time_s REAL NOT NULL,
    kind TEXT NOT NULL, label TEXT NOT NULL, incident TEXT NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL,
    given_utc_s REAL NOT NULL);
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """What is kept of the sessions, and for how long."""

    record: bool = switch(True, "keep samples, steps and alerts of every session on this device")
    largest_mb: int = number(
        2000,
        20,
        100_000,
        "MB",
        "size of the journal above which the oldest samples go, but for those round unlabelled alerts",
        "sessions go back less far",
        "more of the card is used",
    )
    keep_days: int = number(
        90,
        1,
        3650,
        "days",
        "age at which samples go; steps, alerts and labels stay",
        "less can be replayed",
        "more can be replayed",
    )
    bookmark_by_button: bool = switch(
        False, "pressing the button twice while walking marks the moment, and neither arms nor disarms"
    )


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of a session when it begins; ``settings`` as JSON."""

    boot: str
    device: str
    version: str
    settings_hash: str
    settings: str


@dataclass(slots=True)
class _Chunk:
    """What is written in one transaction."""

    form: Form
    blocks: list[SampleBlock] = field(default_factory=list)
    steps: list[StepEvent] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    alerts: list[tuple[float, Alert]] = field(default_factory=list)
    inputs: list[tuple[float, Input]] = field(default_factory=list)
    states: list[Status] = field(default_factory=list)


class Journal:
    """A sink of the loop. ``heard`` gives the inputs of the block in hand, ``form`` how its samples came.

    ``tell`` takes its faults as inputs. ``clock`` is the one of the blocks, ``wall`` the machine's.
    """

    def __init__(
        self,
        path: Path,
        settings: JournalSettings,
        opening: Opening,
        *,
        form: Callable[[], Form] = Form,
        heard: Callable[[], Sequence[Input]] = lambda: (),
        tell: Callable[[Input], None] = lambda _input: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._heard, self._form, self._tell = heard, form, tell
        self._chunk: _Chunk | None = None
        self._state: tuple[bool, bool, object] | None = None
        self._told = ""
        self._writer = _Writer(path, settings, opening, lambda: wall() - clock())

    def start(self) -> None:
        """Let the writer begin; before that all waits."""
        self._writer.start()

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], status: Status
    ) -> None:
        form = self._form()
        if self._chunk is not None and self._chunk.form != form:
            self._hand_over()
        chunk = self._chunk = self._chunk or _Chunk(form)
        chunk.blocks.append(block)
        for event in events:
            if isinstance(event, StepEvent):
                chunk.steps.append(event)
            else:
                chunk.events.append(event)
        chunk.alerts += [(block.end_s, alert) for alert in alerts]
        chunk.inputs += [(block.end_s, given) for given in self._heard()]
        state = (status.armed, status.sound_paused, status.waits_for)
        if state != self._state:
            self._state = state
            chunk.states.append(status)
        if alerts or chunk.inputs or len(chunk.blocks) >= CHUNK_BLOCKS:
            self._hand_over()
        self._report(self._writer.fault)

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is left, for so long at most."""
        self._hand_over()
        self._writer.stop(timeout_s)

    def _hand_over(self) -> None:
        if self._chunk is not None:
            self._writer.put(self._chunk)
        self._chunk = None

    def _report(self, fault: str) -> None:
        if fault == self._told:
            return
        if self._told:
            self._tell(Input(InputKind.FAULT_GONE, fault=FaultCode.JOURNAL))
        if fault:
            self._tell(Input(InputKind.FAULT, fault=FaultCode.JOURNAL, reason=fault))
        self._told = fault


class _Writer(threading.Thread):
    """Chunks into the file, as the disk lets it."""

    def __init__(
        self, path: Path, settings: JournalSettings, opening: Opening, offset_s: Callable[[], float]
    ) -> None:
        super().__init__(name="journal", daemon=True)
        self._path, self._settings, self._opening, self._offset_s = path, settings, opening, offset_s
        self._waiting: deque[_Chunk] = deque()
        self._more = threading.Condition()
        self._ends = False
        self._dropped: tuple[float, float] | None = None
        self._trouble = ""
        self._busy_s = inf  # since when the disk has not answered
        self._session: int | None = None
        self._written_offset_s = 0.0
        self._tidied_s = self._durable_s = -inf
        self._complained = False  # of a label that is of nothing known here

    @property
    def fault(self) -> str:
        """Why nothing is recorded, "" if all is well."""
        if self.ident and not self.is_alive() and not self._ends:
            return "its writer has ended"
        if time.monotonic() - self._busy_s > HUNG_S:
            return f"the disk has not answered for {HUNG_S:.0f} s"
        return self._trouble

    def put(self, chunk: _Chunk) -> None:
        with self._more:
            self._waiting.append(chunk)
            while len(self._waiting) > WAITING_CHUNKS:
                self._drop(self._waiting.popleft())
            self._more.notify()

    def stop(self, timeout_s: float) -> None:
        with self._more:
            self._ends = True
            self._more.notify()
        self.join(timeout_s)

    def run(self) -> None:
        while not (self._ends and not self._waiting):
            self._busy_s = time.monotonic()
            try:
                with closing(opened(self._path)) as file:
                    self._serve(file)
            except (sqlite3.Error, OSError) as error:
                if not self._trouble:
                    _log.error("%s: nothing is recorded: %s", self._path, error)
                self._trouble = str(error)
                self._busy_s = inf
                if _is_damaged(error):
                    self._set_aside()
                if self._ends:
                    return
                with self._more:
                    self._more.wait_for(lambda: self._ends, RETRY_S)

    def _serve(self, file: sqlite3.Connection) -> None:
        self._session = None
        while True:
            self._busy_s = inf
            with self._more:
                self._more.wait_for(lambda: self._waiting or self._ends)
                if not self._waiting:
                    return
                chunks = list(self._waiting)
            self._busy_s = time.monotonic()
            self._session = self._session or self._begin(file, chunks[0])
            self._tidy(file)
            if shutil.disk_usage(self._path.parent).free < RESERVE_BYTES and _free_pages(file) < TIDY_ROWS:
                raise OSError(f"the disk is nearly full: less than {RESERVE_BYTES / 1e6:.0f} MB are free")
            urgent = any(chunk.alerts for chunk in chunks) or self._ends
            durable = urgent or time.monotonic() - self._durable_s > DURABLE_S
            file.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with file:
                for chunk in chunks:
                    self._write(file, chunk)
                self._note_clock(file)
                if self._dropped:
                    reason = f"not recorded: {self._trouble or 'the disk was too slow'}"
                    file.execute(
                        "INSERT INTO hole VALUES (?, ?, ?, ?)", (self._session, *self._dropped, reason)
                    )
            with self._more:
                self._dropped = None
                for chunk in chunks:
                    with suppress(ValueError):  # it fell out meanwhile
                        self._waiting.remove(chunk)
            self._durable_s = time.monotonic() if durable else self._durable_s
            if self._trouble:
                _log.warning("%s: recorded again", self._path)
            self._trouble = ""

    def _drop(self, chunk: _Chunk) -> None:
        from_s, to_s = chunk.blocks[0].end_s, chunk.blocks[-1].end_s
        self._dropped = (min(from_s, self._dropped[0]) if self._dropped else from_s, to_s)

    def _begin(self, file: sqlite3.Connection, first: _Chunk) -> int:
        """The session's number, after the file has been made ready."""
        begun = self._opening
        self._written_offset_s = self._offset_s()
        row = (begun.boot, begun.device, begun.version, begun.settings_hash, begun.settings)
        columns = "boot, device, version, settings_hash, settings, began_s, utc_offset_s"
        with file:
            file.execute(
                f"INSERT OR IGNORE INTO session ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row, first.blocks[0].end_s, self._written_offset_s),
            )
            (number,) = file.execute("SELECT id FROM session WHERE boot = ?", (begun.boot,)).fetchone()
        return int(number)

    def _write(self, file: sqlite3.Connection, chunk: _Chunk) -> None:
        session, form = self._session, chunk.form
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
        unknown = labelling.write(file, session, chunk.alerts, chunk.inputs, self._offset_s())
        if unknown and not self._complained:
            self._complained = True
            _log.warning(
                "%s: a label is ignored, further ones are not logged: no fall, stumble, unsafe step or call "
                "for help is known as %s",
                self._path,
                unknown[0],
            )

    def _note_clock(self, file: sqlite3.Connection) -> None:
        offset_s = self._offset_s()
        if abs(offset_s - self._written_offset_s) > CLOCK_S:
            file.execute("UPDATE session SET utc_offset_s = ? WHERE id = ?", (offset_s, self._session))
            self._written_offset_s = offset_s

    def _tidy(self, file: sqlite3.Connection) -> None:
        now_s = time.monotonic()
        if now_s - self._tidied_s < TIDY_S:
            return
        self._tidied_s = now_s
        free = shutil.disk_usage(self._path.parent).free
        largest = min(self._settings.largest_mb * 1e6, used_bytes(file) + max(0, free - RESERVE_BYTES))
        oldest_utc_s = time.time() - self._settings.keep_days * 86400.0
        tidy(file, largest, oldest_utc_s)

    def _set_aside(self) -> None:
        """A damaged file is kept for whoever can read it, and a new one begun."""
        name = f"{self._path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + ending).rename(self._path.with_name(name + ending))
        _log.error("the journal %s was damaged: it is now %s, and a new one is begun", self._path, name)


def opened(path: Path) -> sqlite3.Connection:
    """A journal to write to, made where there is none. Raises sqlite3.Error, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
    file = sqlite3.connect(path, timeout=5.0)
    try:
        file.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
        (version,) = file.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise OSError(
                f"{path} is of version {version}, expected {VERSION}: move it away, or update Rearguard"
            )
        if version == 0:
            with file:
                for statement in TABLES.split(";"):
                    file.execute(statement)
                file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                file.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        file.close()
        raise
    return file


def used_bytes(file: sqlite3.Connection) -> int:
    """Of the file, without pages that are free."""
    (pages,) = file.execute("PRAGMA page_count").fetchone()
    (size,) = file.execute("PRAGMA page_size").fetchone()
    return int((pages - _free_pages(file)) * size)


def tidy(file: sqlite3.Connection, largest: float, oldest_utc_s: float) -> None:
    """Let go of samples: older ones than that, then the oldest until no more than ``largest`` bytes are used.

    Clips go last, and those of alerts that nobody has labelled never.
    """
    old = "s.session IN (SELECT id FROM session WHERE began_s + utc_offset_s < ?)"
    plain = f"NOT {_NEAR_ALERT} AND NOT {_NEAR_LABEL}"
    while _delete(file, f"{old} AND {plain}", (oldest_utc_s,)):
        pass
    for rest in (plain, f"NOT {_NEAR_UNLABELLED}"):
        while used_bytes(file) > largest and _delete(file, rest, ()):
            pass


_AROUND = f"BETWEEN s.from_s - {KEEP_S} AND s.to_s + {KEEP_S}"
_KINDS = ", ".join(f"'{kind}'" for kind in sorted(CLIPPED))
_NEAR_ALERT = f"""EXISTS (SELECT 1 FROM alert a WHERE a.session = s.session AND a.kind IN ({_KINDS})
    AND a.reported_s {_AROUND})"""
_NEAR_LABEL = f"EXISTS (SELECT 1 FROM label l WHERE l.session = s.session AND l.time_s {_AROUND})"
_NEAR_UNLABELLED = f"""EXISTS (SELECT 1 FROM alert a WHERE a.session = s.session AND a.kind IN ({_KINDS})
    AND a.reported_s {_AROUND} AND NOT EXISTS (SELECT 1 FROM label l WHERE l.incident = a.incident))"""


def _delete(file: sqlite3.Connection, condition: str, values: tuple[float, ...]) -> int:
    """The oldest rows of samples that meet the condition, some at a time; how many went."""
    with file:
        chosen = f"SELECT s.rowid FROM samples s WHERE {condition} ORDER BY s.rowid LIMIT {TIDY_ROWS}"
        return file.execute(f"DELETE FROM samples WHERE rowid IN ({chosen})", values).rowcount


def _free_pages(file: sqlite3.Connection) -> int:
    (free,) = file.execute("PRAGMA freelist_count").fetchone()
    return int(free)


def _is_damaged(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


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
