"""Alerts on their way to the broker and to spotters: in a file before they are sent.

What the broker has acknowledged is kept for those who did not get it: the latest ones, over restarts, and
what is urgent until a spotter's program has said that it arrived. They are sent from memory; the disk is what
a restart begins with. So a full, slow or broken disk delays an alert by no more than ``DISK_PATIENCE_S`` and
takes none away; it is a fault that says so. What the process must know after a restart (memory.py) is written
in the same transaction as the alerts that changed it.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from math import inf
from pathlib import Path
from queue import Empty, SimpleQueue

import msgspec

from monitor.core.vocabulary import Priority, Stage
from monitor.delivery.memory import Memory, recalled
from monitor.delivery.memory import decode as decode_memory
from monitor.delivery.memory import encode as encode_memory
from monitor.delivery.messages import AlertMessage, Clock, MessageError, Moment, decode_alert, encode
from monitor.delivery.read_only import is_read_only, read_only_uri

DISK_PATIENCE_S = 0.1
"""An alert waits no longer than this for the disk."""

HUNG_S = 3.0
"""A disk that takes longer is a fault."""

RETRY_S = 2.0
"""Pause before what could not be written is tried again."""

RECENT = 64
"""So many acknowledged reports are kept for a receiver that did not get them: a broker may acknowledge an
alert and die before it has passed it on."""

Key = tuple[str, int]
"""Names one report: boot and sequence."""

_TABLE = """CREATE TABLE IF NOT EXISTS outbox (
    boot TEXT NOT NULL, sequence INTEGER NOT NULL, machine TEXT NOT NULL, payload BLOB NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (boot, sequence)) WITHOUT ROWID"""

_ADD_SENT = "ALTER TABLE outbox ADD COLUMN sent INTEGER NOT NULL DEFAULT 0"  # an older version had none

_MEMORY = "CREATE TABLE IF NOT EXISTS memory (one INTEGER PRIMARY KEY CHECK (one = 1), payload BLOB NOT NULL)"

_ALL = "SELECT boot, sequence, machine, payload, sent FROM outbox ORDER BY sequence"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    message: AlertMessage
    event_s: float  # this machine's monotonic time
    put_s: float
    stored: bool = False
    age_known: bool = True
    sent: bool = False  # the broker has it
    received: bool = False  # and so has a spotter's program

    @property
    def waits(self) -> bool:
        """It is urgent, and nobody is known to have it."""
        high = self.message.priority is Priority.HIGH and self.message.stage is Stage.ACTIVE
        return high and not self.received

    @property
    def key(self) -> Key:
        return self.message.boot, self.message.sequence

    def late(self, moment: Moment) -> bool:
        return moment.mono_s - self.event_s > self.message.lifetime_s

    def aged(self, moment: Moment) -> AlertMessage:
        age_s = max(0.0, moment.mono_s - self.event_s)
        return self.message.aged(age_s, moment.wall_s, self.age_known)


@dataclass(frozen=True, slots=True)
class _Put:
    """What is written in one transaction."""

    entries: tuple[_Entry, ...]
    memory: Memory | None


@dataclass(frozen=True, slots=True)
class _Sent:
    """The broker has it."""

    key: Key


_Job = _Put | _Sent | Key


class Outbox:
    """``put`` is for any thread and never waits; the rest, and the figures, are for one sender.

    ``path`` None keeps everything in memory.
    ``wake`` is called, from the outbox's thread, when something has become due.
    """

    def __init__(self, path: Path | None, clock: Clock, wake: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._wake = wake
        self._clock = clock
        self._arrived: SimpleQueue[_Entry] = SimpleQueue()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._pending: dict[Key, _Entry] = {}
        self._recent: dict[Key, _Entry] = {}  # what the broker has
        self._writer: threading.Thread | None = None
        self._trouble = ""
        self._writing_s = inf  # since when the writer waits for the disk
        self.expired = 0
        self.lost = False  # the file was damaged, and with it alerts that waited

    @property
    def fault(self) -> str:
        """Why the disk is not in use, "" if it is."""
        if self._writer is not None and not self._writer.is_alive():
            return "their writer has ended"
        if time.monotonic() - self._writing_s > HUNG_S:
            return f"the disk has not answered for {HUNG_S:.0f} s"
        return self._trouble

    def start(self) -> None:
        """Begin with what an earlier run left behind."""
        if self._path is not None:
            self._writer = threading.Thread(target=self._write, name="outbox", daemon=True)
            self._writer.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Let the disk catch up, for at most ``timeout_s``."""
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join(timeout_s)

    def put(self, *messages: AlertMessage, memory: Memory | None = None) -> None:
        """Take alerts in, and what to remember after them. The clock of ``time_s`` is this outbox's."""
        put_s = self._clock().mono_s
        entries = tuple(
            _Entry(message, message.time_s, put_s, stored=self._path is None) for message in messages
        )
        for entry in entries:
            self._arrived.put(entry)
        if self._path is not None:
            self._jobs.put(_Put(entries, memory))

    def due(self) -> list[AlertMessage]:
        """What is to be sent, the most urgent first, then the newest, aged to now. Drops the expired."""
        moment = self._clock()
        for entry in _drain(self._arrived):
            (self._recent if entry.sent else self._pending).setdefault(entry.key, entry)
        for entry in list(self._pending.values()):
            if entry.late(moment):
                self.expired += 1
                self._forget(entry.key)
        for entry in list(self._recent.values()):
            if entry.late(moment):
                self._forget(entry.key)
        ready = [
            entry
            for entry in self._pending.values()
            if entry.stored or moment.mono_s - entry.put_s >= DISK_PATIENCE_S
        ]
        ready.sort(key=lambda entry: (-entry.message.priority, -entry.event_s))
        return [entry.aged(moment) for entry in ready]

    def acknowledged(self, key: Key) -> None:
        """The broker has it."""
        entry = self._pending.pop(key, None)
        if entry is None:
            return
        entry.sent = True
        self._recent[key] = entry
        if self._path is not None:
            self._jobs.put(_Sent(key))
        while len(self._recent) > RECENT:
            waiting = {entry.key for entry in self._waiting()}
            others = [entry for entry in self._recent.values() if entry.key not in waiting]
            oldest = min(others or self._recent.values(), key=lambda entry: entry.event_s)
            self._forget(oldest.key)

    def received(self, incident: str, sequence: int) -> None:
        """A spotter's program has this report of the incident, and with it all that was said before."""
        for entry in (*self._recent.values(), *self._pending.values()):
            if entry.message.id == incident and entry.message.sequence <= sequence:
                entry.received = True

    def recent(self) -> list[AlertMessage]:
        """What the broker acknowledged lately, aged to now."""
        moment = self._clock()
        return [entry.aged(moment) for entry in self._recent.values() if not entry.late(moment)]

    def unreceived(self) -> list[AlertMessage]:
        """What is urgent, and the broker is alone in having it, aged to now: each incident's last report."""
        moment = self._clock()
        return [entry.aged(moment) for entry in self._waiting() if not entry.late(moment)]

    def _waiting(self) -> list[_Entry]:
        """What is urgent, and the broker is alone in having it: an incident's last report speaks for it."""
        entries = sorted(
            (*self._recent.values(), *self._pending.values()), key=lambda entry: entry.message.sequence
        )
        last = {entry.message.id: entry for entry in entries}
        return [entry for entry in last.values() if entry.sent and entry.waits]

    def _forget(self, key: Key) -> None:
        entry = self._pending.pop(key, None) or self._recent.pop(key, None)
        if entry is not None and self._path is not None:
            self._jobs.put(key)

    def __len__(self) -> int:
        return len(self._pending) + self._arrived.qsize()

    def _write(self) -> None:
        """The writer's thread. However it ends, it leaves no open database behind."""
        with ExitStack() as opened:
            self._work(opened)

    def _work(self, opened: ExitStack) -> None:
        """A batch of jobs is one transaction."""
        assert self._path is not None
        unsaved: list[_Job] = []
        base: sqlite3.Connection | None = None
        machine = machine_boot()
        stopping = False
        while True:
            self._writing_s = time.monotonic()
            try:
                if base is None:
                    base, damaged = _open(self._path)
                    opened.callback(base.close)
                    self.lost = self.lost or damaged
                    self._restore(base, machine)
                if unsaved:
                    _save(base, unsaved, machine)
                    for job in unsaved:
                        for entry in job.entries if isinstance(job, _Put) else ():
                            entry.stored = True
                    unsaved = []
                    self._wake()
                    _make_durable(self._path)
                if self._trouble:
                    _log.warning("the outbox is on disk again")
                    self._trouble = ""
            except Exception as error:  # noqa: BLE001  whatever it is, later alerts must find a writer
                if not self._trouble:
                    _log.error("%s: alerts are kept in memory only: %s", self._path, error)
                self._trouble = str(error)
                opened.close()
                base = None
            self._writing_s = inf
            if stopping:
                return
            for new in _wait(self._jobs, RETRY_S if self._trouble else None):
                if new is None:
                    stopping = True
                else:
                    unsaved.append(new)

    def _restore(self, base: sqlite3.Connection, machine: str) -> None:
        moment = self._clock()
        for boot, sequence, owner, payload, sent in base.execute(_ALL).fetchall():
            try:
                message = decode_alert(payload)
            except (MessageError, TypeError) as error:  # TypeError: not even text or bytes
                _log.error("a waiting alert could not be read and is dropped", extra={"private": error})
                self.lost = True
                base.execute("DELETE FROM outbox WHERE boot = ? AND sequence = ?", (boot, sequence))
                continue
            event_s, age_known = message.time_s, message.age_known
            if owner != machine:
                # The monotonic clock started again from 0; wall time may have jumped, but is all there is. A
                # Pi without a clock chip goes on from where its wall time was last saved: that is before the
                # event, or less after it than is true.
                age_s = moment.wall_s - message.wall_s
                event_s, age_known = moment.mono_s - max(0.0, age_s), age_known and age_s >= 0
            self._arrived.put(_Entry(message, event_s, moment.mono_s, True, age_known, bool(sent)))


def recall(path: Path, moment: Moment, machine: str) -> Memory:
    """What an earlier run left to remember, on the clock of ``moment`` and ``machine``.

    Nothing but ``lost`` where it cannot be read.
    """
    if not path.exists():
        return Memory()  # the first run
    try:
        rows = _remembered(path)
        return recalled(decode_memory(rows[0][0]), moment, machine) if rows else Memory()
    except (sqlite3.Error, OSError, TypeError, msgspec.MsgspecError) as error:
        _log.error("%s: which alerts were open before is not known: %s", path, error)
        return Memory(lost=True)


def _remembered(path: Path) -> list[tuple[bytes]]:
    """The memory's row."""
    with closing(_reading(path)) as base:
        there = base.execute("SELECT name FROM sqlite_master WHERE name = 'memory'").fetchall()
        return base.execute("SELECT payload FROM memory").fetchall() if there else []  # an older version


def _reading(path: Path) -> sqlite3.Connection:
    if is_read_only(path):
        return sqlite3.connect(read_only_uri(path), uri=True)
    base = sqlite3.connect(path, timeout=RETRY_S)
    # Alone SQLite keeps its index of the log in memory: on a full disk it would have no room for it.
    base.execute("PRAGMA locking_mode = EXCLUSIVE")
    return base


def machine_boot() -> str:
    """Changes when the machine, and with it the monotonic clock, restarts."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _open(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Open or make the database. One that is damaged (was it?) is put aside: new alerts have a place."""
    try:
        return _prepare(path), False
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "no such column" not in str(error):
            raise  # a disk that is full, or locked
        aside = path.with_name(path.name + ".damaged")
        _log.error("%s is damaged (%s): kept as %s, a new one is begun", path, error, aside)
        path.replace(aside)
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        return _prepare(path), True


def _prepare(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    base = sqlite3.connect(path, timeout=RETRY_S, isolation_level="IMMEDIATE")
    try:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")  # see _make_durable
        base.execute(_TABLE)
        if "sent" not in (column[1] for column in base.execute("PRAGMA table_info(outbox)")):
            base.execute(_ADD_SENT)
        base.execute(_MEMORY)
        base.commit()
        base.execute(_ALL).fetchall()  # damage inside shows only here
    except BaseException:
        base.close()
        raise
    return base


def _make_durable(path: Path) -> None:
    """Wait for the disk, after the alert was let go: a written file survives the process, this a power cut.

    Waiting first (synchronous = FULL) would cost each alert what the disk takes: 8 ms in the median, measured
    on a busy one.
    """
    log = os.open(path.with_name(path.name + "-wal"), os.O_RDONLY)
    try:
        os.fsync(log)
    finally:
        os.close(log)


def _save(base: sqlite3.Connection, jobs: list[_Job], machine: str) -> None:
    with base:
        for job in jobs:
            if isinstance(job, _Sent):
                base.execute("UPDATE outbox SET sent = 1 WHERE boot = ? AND sequence = ?", job.key)
                continue
            if not isinstance(job, _Put):
                base.execute("DELETE FROM outbox WHERE boot = ? AND sequence = ?", job)
                continue
            for entry in job.entries:
                base.execute(
                    "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, 0)",
                    (*entry.key, machine, encode(entry.message)),
                )
            if job.memory is not None:
                base.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (encode_memory(job.memory),))


def _drain(queue: SimpleQueue[_Entry]) -> list[_Entry]:
    entries = []
    while not queue.empty():
        entries.append(queue.get())
    return entries


def _wait(queue: SimpleQueue[_Job | None], timeout_s: float | None) -> list[_Job | None]:
    """The next job and all that wait behind it; nothing after ``timeout_s``."""
    try:
        jobs = [queue.get(timeout=timeout_s)]
    except Empty:
        return []
    while not queue.empty():
        jobs.append(queue.get())
    return jobs
