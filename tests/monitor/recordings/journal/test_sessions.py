"""Reading the journal, whatever state its file is in; and what is deleted from it is gone."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.vocabulary import Event, EventKind, Input, InputKind
from monitor.recordings.journal import sessions as sessions_file
from monitor.recordings.journal.sessions import JournalError, Label, Session, sessions
from tests.monitor.recordings.journal.steady_source import Feeder, alert, end_s, missing


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """Ten seconds, long over."""
    return recorded(tmp_path / "journal.db", "boot")


def recorded(path: Path, boot: str, words: str = "") -> Session:
    feeder = Feeder(path, boot)
    feeder.wall_s = lambda: 1.8e9 + feeder.number * 0.05
    feeder.heard = [Input(InputKind.COMING, "fall-1", "Eva")]
    events = [Event(EventKind.FALLING, end_s(0), reason=words)]
    feeder.feed(200, events=events, alerts=[alert(1, end_s(0))])
    return feeder.close()


def test_a_stretch_is_the_blocks_that_end_in_it(session: Session) -> None:
    found = [block.end_s for block in session.blocks(end_s(30), end_s(80))]
    assert found == [end_s(number) for number in range(30, 81)]
    assert [event.time_s for event in session.events(end_s(1))] == []


def test_pages_of_rows_join_without_a_seam(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_file, "ROWS_AT_ONCE", 2)
    assert missing(session, 200) == []


def test_samples_that_go_while_they_are_read_are_missing_and_no_more(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_file, "ROWS_AT_ONCE", 2)
    reading = session.blocks()
    next(reading)
    with closing(sqlite3.connect(session.path)) as file, file:
        file.execute("DELETE FROM samples WHERE from_s < ?", (end_s(100),))
    assert sum(1 for _ in reading) < 199


def test_no_file_is_said_with_what_to_do(tmp_path: Path) -> None:
    for path in (tmp_path / "none.db", tmp_path):
        with pytest.raises(JournalError, match="expected a journal, found no file there; name one with"):
            sessions(path)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def no_database(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def later(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA user_version = 9")


@pytest.mark.parametrize(
    ("harm", "says"),
    [(cut, "cannot be read"), (no_database, "cannot be read"), (empty, "version 0"), (later, "version 9")],
)
def test_a_file_that_is_no_journal_is_said(session: Session, harm: Callable[[Path], None], says: str) -> None:
    harm(session.path)
    with pytest.raises(JournalError, match=says):
        list(sessions(session.path)[0].blocks())


@pytest.mark.parametrize(
    ("harm", "read"),
    [
        ("UPDATE samples SET packed = x'00'", lambda session: list(session.blocks())),
        ("UPDATE event SET kind = 'dance'", Session.events),
        ("UPDATE event SET evidence = '{'", Session.events),
        ("UPDATE input SET report = '[]'", Session.inputs),
        ("UPDATE alert SET report = '{}'", Session.alerts),
        ("UPDATE state SET waits_for = '3'", Session.states),
        ("DROP TABLE hole", Session.holes),
    ],
)
def test_a_damaged_row_is_said(session: Session, harm: str, read: Callable[[Session], object]) -> None:
    with closing(sqlite3.connect(session.path)) as file, file:
        file.execute(harm)
    with pytest.raises(JournalError, match="cannot be read"):
        read(session)


def test_who_only_reads_changes_nothing(session: Session) -> None:
    session.path.chmod(0o400)
    before = session.path.read_bytes()
    assert missing(sessions(session.path)[0], 200) == []
    assert session.path.read_bytes() == before


def test_a_journal_on_a_read_only_disk_is_read(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the card of another device: nothing can be made beside it."""
    monkeypatch.setattr(os, "access", lambda _path, mode: mode == os.R_OK)
    (alone := session.path.parent / "alone").mkdir()
    path = Path(shutil.copy(session.path, alone))
    assert missing(sessions(path)[0], 200) == []
    assert list(alone.iterdir()) == [path]


def test_a_label_replaces_one_of_its_kind_and_leaves_the_others(session: Session) -> None:
    one = Label(session.number, end_s(0), "fall", "true", "fall-1", "Eva", "", 1.8e9)
    other = Label(session.number, end_s(99), "", "bookmark", "", "Eva", "here", 1.8e9)
    session.put(one)
    session.put(other)
    session.put(replace(one, label="false"))
    assert session.labels() == [replace(one, label="false"), other]


def test_a_deleted_session_is_gone_from_every_byte_of_the_file_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    kept, gone = recorded(path, "kept", "stays here"), recorded(path, "secret-boot", "secret-words")
    gone.put(Label(gone.number, end_s(0), "fall", "true", "fall-1", "secret-who", "", 1.8e9))
    assert b"secret-" in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    gone.delete()
    (left,) = sessions(path)
    assert left.boot == "kept"
    assert missing(left, 200) == []
    assert (len(left.events()), len(left.alerts()), len(left.inputs())) == (1, 1, 1)
    for place in tmp_path.iterdir():
        assert b"secret-" not in place.read_bytes()
    with closing(sqlite3.connect(path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in {*tables} - {"session", "form"}:
            assert file.execute(f"SELECT * FROM {table} WHERE session = ?", (gone.number,)).fetchall() == []
    assert kept.number == left.number


def test_a_session_that_may_still_be_recorded_is_not_deleted(tmp_path: Path) -> None:
    feeder = Feeder(tmp_path / "journal.db")
    feeder.wall_s = time.time
    feeder.written()
    with pytest.raises(JournalError, match="stop Rearguard and wait a minute"):
        sessions(feeder.path)[0].delete()
    assert missing(feeder.close(), feeder.number) == []
