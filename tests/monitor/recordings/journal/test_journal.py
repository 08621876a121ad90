"""The black box: what was comes back. Whatever the disk does, the loop goes on, and every hole is named."""

import errno
import os
import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.core.vocabulary import (
    Direction,
    Event,
    EventKind,
    FaultCode,
    Input,
    InputKind,
    Reading,
    StepEvent,
    StillEvent,
    UnsafeStepEvent,
)
from monitor.recordings.journal import file as journal_file
from monitor.recordings.journal import writer as journal_writer
from monitor.recordings.journal.file import TABLES, VERSION, opened
from monitor.recordings.journal.sessions import Session, sessions
from monitor.recordings.journal.writer import RESERVE_BYTES, WAITING_CHUNKS
from tests.background import spawned
from tests.monitor.recordings.journal.steady_source import ARMED, Feeder, alert, end_s, missing, named, read_s
from tests.pulse import PATIENCE_S, wait_until

Told = pytest.LogCaptureFixture
MINUTE = WAITING_CHUNKS * 15
"""Blocks that can wait for the disk."""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer tries again at once."""
    monkeypatch.setattr(journal_writer, "RETRY_S", 0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


class Gate:
    """Statements that begin with ``words`` wait at it while it is shut, or raise ``error``."""

    def __init__(self) -> None:
        self.words, self.error, self.reached = "", None, threading.Event()
        self.free = threading.Event()
        self.free.set()

    def shut(self, words: str = "") -> None:
        self.words = words
        self.reached.clear()
        self.free.clear()

    def pass_through(self, statement: str) -> None:
        if statement.startswith(self.words) and not self.free.is_set():
            self.reached.set()
            assert self.free.wait(PATIENCE_S)
        if statement.startswith(self.words) and self.error is not None:
            raise self.error


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """A disk that hangs or fails when told."""
    gate = Gate()

    class Disk(sqlite3.Connection):
        def execute(self, statement: str, *rest: Any) -> sqlite3.Cursor:
            gate.pass_through(statement)
            return super().execute(statement, *rest)

    connect = partial(sqlite3.connect, factory=Disk)
    stands_in = SimpleNamespace(**{**vars(sqlite3), "connect": connect})
    monkeypatch.setattr(journal_file, "sqlite3", stands_in)
    yield gate
    gate.free.set()


def whole(session: Session, feeder: Feeder) -> bool:
    return missing(session, feeder.number) == [] and session.holes() == []


def test_everything_comes_back_as_it_was(path: Path) -> None:
    evidence = {"lean_deg": Reading(31.5, 30.0), "peak_g": Reading(float("inf"))}
    events: list[Event] = [
        Event(EventKind.FALLING, 1000.01, evidence, "words; 'quoted' \u00e4"),
        UnsafeStepEvent(1000.02, evidence, score=0.25, direction=Direction.BACKWARD),
        StillEvent(1000.03, gravity_g=0.99, from_upright_deg=None),
        StillEvent(1000.03, gravity_g=0.99, from_upright_deg=3.5),
    ]
    steps = [
        StepEvent(1000.02, contact_s=999.9, direction=Direction.UNKNOWN),
        StepEvent(
            1000.04,
            contact_s=1000.0,
            direction=Direction.BACKWARD,
            direction_score=-0.9,
            step_s=0.6,
            cadence_spm=99.0,
            sway_percent=40.0,
            rhythm_percent=60.0,
        ),
    ]
    alerts = [
        alert(1, 1000.02, evidence=evidence, who="Eva", part="p", verified=False, time_known=False),
        alert(2, 1000.03, fault=FaultCode.PANEL),
    ]
    inputs = [
        Input(InputKind.COMING, "fall-1", "Eva", sequence=7),
        Input(InputKind.FAULT, fault=FaultCode.PANEL, part="the lamp's red", reason="why", time_s=999.5),
    ]
    feeder = Feeder(path)
    feeder.heard = inputs
    feeder.feed(40, events=[*events, *steps], alerts=alerts)
    session = feeder.close()
    assert whole(session, feeder)
    assert session.events() == events
    assert [repr(step) for step in session.steps()] == [repr(step) for step in steps]  # NaN is not NaN
    assert session.alerts() == alerts
    assert session.inputs() == [(end_s(0), given) for given in inputs]
    assert [(state.time_s, state.armed) for state in session.states()] == [(ARMED.time_s, True)]
    assert (session.boot, session.device, session.from_s, session.to_s) == (
        "boot",
        "walker",
        end_s(0) - 0.04,
        end_s(39),
    )


def test_an_alert_is_written_at_once_with_what_led_to_it(path: Path) -> None:
    feeder = Feeder(path)
    feeder.feed(3)
    feeder.feed(1, alerts=[alert(1, end_s(3))])
    wait_until(lambda: read_s(path) == end_s(3))
    assert sessions(path)[0].alerts()
    feeder.close()


def test_only_its_owner_can_read_it(path: Path) -> None:
    feeder = Feeder(path)
    feeder.feed()
    feeder.until("")
    wait_until(lambda: Path(f"{path}-wal").exists())
    assert {file.name: oct(file.stat().st_mode)[-3:] for file in path.parent.iterdir()} == {
        "journal.db": "600",
        "journal.db-wal": "600",
        "journal.db-shm": "600",
    }
    assert oct(path.parent.stat().st_mode)[-3:] == "700"
    feeder.close()


def a_folder(path: Path) -> None:
    path.mkdir()


def a_later_version(path: Path) -> None:
    with closing(opened(path)) as file:
        file.execute(f"PRAGMA user_version = {VERSION + 1}")


def another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE outbox (one)")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_folder, "unable to open"),
        (a_later_version, "of version 2"),
        (another_programs, "another program's"),
    ],
)
def test_what_stands_in_its_place_is_a_fault_until_it_is_moved_away(
    path: Path, make: Callable[[Path], None], says: str
) -> None:
    path.parent.mkdir()
    make(path)
    feeder = Feeder(path)
    feeder.until(says)
    path.rename(path.with_name("moved"))
    feeder.until("")
    assert feeder.number < MINUTE
    assert whole(feeder.close(), feeder)
    assert [given.kind for given in feeder.told] == [InputKind.FAULT, InputKind.FAULT_GONE]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_a_fault(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    feeder = Feeder(path)
    feeder.until("Permission")
    path.parent.chmod(0o700)
    feeder.until("")
    assert whole(feeder.close(), feeder)


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
def test_a_file_that_cannot_be_made_is_a_fault_too(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as full:
        full.setattr(Path, "touch", refuse)
        feeder = Feeder(path)
        feeder.until(os.strerror(number))
    feeder.until("")
    assert whole(feeder.close(), feeder)


def test_a_failing_disk_is_a_fault_and_a_minute_waits_for_it(path: Path, disk: Gate) -> None:
    feeder = Feeder(path)
    feeder.feed(30)
    disk.words, disk.error = "INSERT INTO samples", sqlite3.OperationalError("database or disk is full")
    feeder.until("disk is full")
    feeder.feed(MINUTE - feeder.number - 15)
    disk.error = None
    feeder.until("")
    assert whole(feeder.close(), feeder)


def test_what_does_not_fit_into_the_minute_is_a_hole_with_its_reason(path: Path, disk: Gate) -> None:
    feeder = Feeder(path)
    feeder.written()
    disk.words, disk.error = "INSERT INTO samples", sqlite3.OperationalError("database or disk is full")
    feeder.until("disk is full")
    feeder.feed(2 * MINUTE)
    disk.error = None
    feeder.until("")
    session = feeder.close()
    lost = missing(session, feeder.number)
    assert len(lost) >= MINUTE / 2  # about a minute: the writer has some of them in hand already
    assert lost[0] == 30
    assert lost == named(session, feeder.number)
    assert [hole.reason for hole in session.holes()] == ["not recorded: database or disk is full"]


@pytest.mark.parametrize("words", ["", "INSERT INTO samples", "UPDATE", "PRAGMA synchronous"])
def test_a_disk_that_hangs_holds_nothing_up_and_every_hole_is_named(
    path: Path, disk: Gate, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """Wherever it hangs: while it does, two minutes' blocks are handed over, and more."""
    monkeypatch.setattr(journal_writer, "HUNG_S", 0.05)
    feeder = Feeder(path)
    feeder.written()
    disk.shut(words)
    feeder.wall_s = lambda: 5e9  # which makes an UPDATE
    feeder.feed(15)
    assert disk.reached.wait(PATIENCE_S)
    feeder.feed(3 * MINUTE)
    feeder.until("has not answered for")
    disk.free.set()
    feeder.until("")
    session = feeder.close()
    lost = missing(session, feeder.number)
    assert len(lost) >= MINUTE
    assert lost == named(session, feeder.number)


def test_a_disk_that_hangs_does_not_hold_up_the_end(path: Path, disk: Gate) -> None:
    disk.shut()
    feeder = Feeder(path)
    feeder.feed(30)
    assert disk.reached.wait(PATIENCE_S)
    feeder.journal.close(0.01)
    disk.free.set()


def test_what_cannot_be_written_costs_itself_only(path: Path, caplog: Told) -> None:
    """A defect, such as text that is none: the rest of the minute is written when it has fallen out."""
    feeder = Feeder(path)
    feeder.feed(30)
    feeder.feed(1, events=[Event(EventKind.FALLING, end_s(30), reason="\ud800")])
    feeder.feed(14)
    feeder.until("surrogates not allowed")
    feeder.feed(MINUTE)
    feeder.until("")
    session = feeder.close()
    lost = missing(session, feeder.number)
    assert 30 in lost
    assert set(lost) <= set(range(MINUTE)) & set(named(session, feeder.number))
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("from_byte", [0, 1024, 3000])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path: Path, from_byte: int) -> None:
    with closing(Feeder(path, "before")) as feeder:
        feeder.feed(600)
    with path.open("r+b") as file:
        file.seek(from_byte)
        file.write(b"\xa5" * 8000)
    feeder = Feeder(path)
    feeder.feed()
    feeder.until("malformed" if from_byte else "not a database")
    feeder.until("")
    session = feeder.close()
    assert whole(session, feeder)
    assert [one.boot for one in sessions(path)] == ["boot"]
    (aside,) = path.parent.glob("journal.db.damaged-????????-??????")
    assert aside.stat().st_size > 8000


def test_a_file_that_is_deleted_while_it_is_written_is_missed_and_made_again(path: Path) -> None:
    feeder = Feeder(path)
    feeder.written()
    for file in path.parent.iterdir():
        file.unlink()
    feeder.until("deleted or replaced")
    feeder.until("")
    feeder.until_true(lambda: read_s(path))
    session = feeder.close()
    assert missing(session, feeder.number) == list(range(30))
    assert session.from_s >= end_s(29)  # and it says when it began


def test_two_at_once_and_a_reader_between_them(path: Path) -> None:
    one, other = Feeder(path, "one"), Feeder(path, "other")
    for _ in range(40):
        one.feed()
        other.feed()
        if read_s(path):
            for session in sessions(path):
                missing(session, 600)
    one.close()
    other.close()
    assert {session.boot for session in sessions(path)} == {"one", "other"}
    assert [missing(session, 600) for session in sessions(path)] == [[], []]
    assert not one.told + other.told


def test_a_reader_who_stops_in_the_middle_holds_nobody_up(path: Path) -> None:
    """Its connection is closed between the pages of what it reads: SQLite can tidy its log meanwhile."""
    with closing(Feeder(path, "before")) as before:
        before.fill(15 * 240)
    reading = sessions(path)[0].blocks()
    next(reading)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0  # not busy
    assert sum(1 for _ in reading) == 15 * 240 - 1


def test_when_the_wall_clock_is_set_the_whole_sessions_times_are(path: Path) -> None:
    feeder = Feeder(path)
    feeder.wall_s = lambda: feeder.number * 0.05  # 1970: the machine has no clock
    feeder.written()
    assert sessions(path)[0].utc_s(end_s(29)) < 60
    feeder.wall_s = lambda: 1.8e9 + feeder.number * 0.05
    feeder.feed(30)
    session = feeder.close()
    assert session.utc_s(end_s(0)) == pytest.approx(1.8e9 + 0.05, abs=0.01)


def free(monkeypatch: pytest.MonkeyPatch, free_bytes: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free_bytes))


def test_on_a_disk_that_is_nearly_full_the_oldest_samples_make_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Feeder(path, "before")) as before:
        before.fill(15 * 1200)
    size = path.stat().st_size
    free(monkeypatch, RESERVE_BYTES - 1)
    feeder = Feeder(path)
    feeder.fill(15 * 200)
    session = feeder.close()
    assert whole(session, feeder)
    assert not feeder.told
    assert path.stat().st_size == size
    lost = missing(sessions(path)[0], before.number)
    assert lost == list(range(len(lost)))
    assert len(lost) > 15 * 200


def test_on_a_disk_that_is_nearly_full_nothing_is_recorded_where_nothing_may_go(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, RESERVE_BYTES - 1)
    feeder = Feeder(path)
    feeder.until("the disk is nearly full: less than 64 MB are free")
    free(monkeypatch, RESERVE_BYTES + 1)
    feeder.until("")
    assert whole(feeder.close(), feeder)


def through_a_full_disk(path: Path, faults: Any) -> None:
    """In a process of its own, which may write nothing for a while."""
    journal_writer.RETRY_S = 0.01
    feeder = Feeder(path)
    feeder.written()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    feeder.until_true(lambda: feeder.fault)
    fault = feeder.fault
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    feeder.until("")
    session = feeder.close()
    faults.send((fault, missing(session, feeder.number), named(session, feeder.number)))


def test_a_disk_that_takes_no_further_byte_is_a_fault_until_it_does(path: Path) -> None:
    ours, its = Pipe()
    with spawned(through_a_full_disk, path, its):
        assert ours.poll(PATIENCE_S)
        fault, lost, holes = ours.recv()
    ours.close()
    its.close()
    assert fault
    assert lost == holes


def test_the_tables_are_made_all_or_none(path: Path, disk: Gate) -> None:
    """A kill between two of them leaves an empty file, not half a journal."""
    tables = [words for words in TABLES.split(";") if words.strip()]
    disk.words, disk.error = tables[4], sqlite3.OperationalError("killed")
    path.parent.mkdir()
    with pytest.raises(sqlite3.OperationalError, match="killed"):
        opened(path)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    disk.error = None
    opened(path).close()
