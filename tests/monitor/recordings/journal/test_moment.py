"""What people write for a moment, and which one it is."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import AlertKind
from monitor.recordings.journal.file import opened
from monitor.recordings.journal.moment import moment, numbered, seconds
from monitor.recordings.journal.rows import Chunk, Opening, begin, write
from monitor.recordings.journal.sessions import JournalError, Session, sessions
from tests.monitor.recordings.journal.steady_source import FORM, alert

MONO_S = 5000.0
"""When each session began, on its own clock."""

ALERTS = {  # by session: when, and what
    1: [(330.0, AlertKind.STUMBLE)],
    2: [(60.0, AlertKind.STUMBLE), (120.0, AlertKind.FALL), (125.0, AlertKind.FALL)],
    3: [(5.0, AlertKind.SENSOR)],
}
SESSIONS = [
    ("2026-03-01 10:00:00", 600),
    ("2026-03-02 14:00:00", 1800),
    ("2026-03-03 23:50:00", 1200),  # past midnight
    ("2026-03-29 01:30:00", 3600),  # the clocks go from 2 to 3
    ("2026-06-01 08:00:00", 86400 * 3),
    ("2026-10-25 01:30:00", 7200),  # the clocks go from 3 to 2
]  # fmt: skip


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Session]]:
    """These sessions, in a place with summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    path = tmp_path / "journal.db"
    file = opened(path)
    for number, (local, lasted_s) in enumerate(SESSIONS, 1):
        utc_s = datetime.fromisoformat(local).timestamp()
        assert begin(file, Opening(local, "", "", "", "{}"), MONO_S, utc_s - MONO_S) == number
        with file:
            chunk = Chunk(FORM, [SampleBlock.silent(MONO_S, ""), SampleBlock.silent(MONO_S + lasted_s, "")])
            for place, (at_s, kind) in enumerate(ALERTS.get(number, []), 1):
                chunk.alerts.append((MONO_S + at_s, alert(place, MONO_S + at_s, kind)))
            write(file, number, chunk)
    file.close()
    yield sessions(path)
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "number", "into_s"),
    [
        ("1+0", 1, 0.0),
        ("2+3:05", 2, 185.0),
        ("5+25:00:00", 5, 90_000.0),
        ("2+185.5", 2, 185.5),
        ("1+601", 1, 601.0),  # what is shown is rounded
        ("last", 2, 125.0),
        ("fall-2", 2, 120.0),
        ("sensor-1", 3, 5.0),
        ("10:05:00.5", 5, 86400 * 2 + 7500.5),  # the latest that is said by that
        ("2026-03-01 10:05", 1, 330.0),  # the alert of that minute
        ("2026-03-01 10:05:00", 1, 300.0),
        ("2026-03-01 10:04", 1, 240.0),
        ("2026-03-01T10:05:30", 1, 330.0),
        ("2026-03-02 14:00", 2, 0.0),
        ("2026-03-02 13:59:30", 2, 0.0),  # nearly
        ("2026-03-02 14:30:59", 2, 1800.0),
        ("2026-03-03 23:55", 3, 300.0),
        ("2026-03-04 00:05", 3, 900.0),
        ("0:05", 5, 86400 * 2 + 16 * 3600 + 300.0),
        ("2026-03-29 01:45", 4, 900.0),
        ("2026-03-29 03:15", 4, 2700.0),
        ("2026-10-25 01:45", 6, 900.0),
        ("2026-10-25 02:15", 6, 2700.0),  # and an hour later again: the first is meant
        ("2026-10-25 02:45", 6, 4500.0),
        ("2026-06-02 7:59", 5, 86340.0),
    ],
)
def test_a_moment_is_found(found: list[Session], text: str, number: int, into_s: float) -> None:
    meant = moment(found, text)
    assert (meant.session.number, round(meant.time_s - MONO_S, 3)) == (number, into_s)


def test_a_time_of_day_is_the_latest_session_s(found: list[Session]) -> None:
    assert moment(found[:2], "10:05").session.number == 1
    assert moment(found[:3], "14:10").session.number == 2
    assert moment(found[:3], "0:09:30").time_s == MONO_S + 1170  # after midnight
    assert moment(found[:3], "0:10:30").time_s == MONO_S + 1200  # nearly


def test_an_alert_comes_with_its_moment(found: list[Session]) -> None:
    assert moment(found, "fall-2").alert == found[1].alerts()[1]
    assert moment(found, "2+1").alert is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected `last`, an alert's id"),
        ("yesterday", "expected `last`, an alert's id"),
        ("24:00:01", "hour must be|expected"),
        ("12:60", "minute must be"),
        ("12:00:61", "second must be"),
        ("2026-13-01 12:00", "month must be"),
        ("2026-02-30 12:00", "day is out of range"),
        ("1999-01-01 12:00", "expected `last`"),
        ("2026-03-01 12:00", "no session was recorded then"),
        ("9+1:00", "no session 9; there are 1 to 6: `rearguard sessions`"),
        ("1+11:00", "session 1 lasted 600 s"),
        ("1+1:2:3:4", "expected seconds, or minutes:seconds"),
        ("1+..", "expected seconds"),
    ],
)
def test_what_is_no_moment_is_said_with_what_was_expected(found: list[Session], text: str, says: str) -> None:
    with pytest.raises(JournalError, match=says):
        moment(found, text)


def test_an_empty_journal_and_one_without_alerts_are_said(found: list[Session]) -> None:
    with pytest.raises(JournalError, match="holds no session yet"):
        moment([], "last")
    with pytest.raises(JournalError, match="no alert in the journal"):
        moment(found[3:], "last")
    with pytest.raises(JournalError, match="no session 1; there are none"):
        numbered([], 1)


@pytest.mark.parametrize(("text", "said"), [("0", 0), ("3:05", 185), ("1:00:00.5", 3600.5), (".5", 0.5)])
def test_seconds_as_people_write_them(text: str, said: float) -> None:
    assert seconds(text) == said


@pytest.mark.parametrize("text", ["", ":", "1:", "1:2:3:4", "one", "nan", "inf", "-1", "1e400"])
def test_other_words_are_no_seconds(text: str) -> None:
    with pytest.raises(JournalError, match="expected seconds"):
        seconds(text)


def test_what_is_reported_again_after_a_restart_is_where_it_first_was(tmp_path: Path) -> None:
    """The next session holds no samples of it."""
    path = tmp_path / "journal.db"
    file = opened(path)
    for number, at_s in ((1, 30.0), (2, 1.0)):
        assert begin(file, Opening(str(number), "", "", "", "{}"), MONO_S, 0.0) == number
        with file:
            chunk = Chunk(FORM, [SampleBlock.silent(MONO_S, ""), SampleBlock.silent(MONO_S + 60.0, "")])
            chunk.alerts.append((MONO_S + at_s, alert(7, MONO_S + at_s, AlertKind.FALL)))
            write(file, number, chunk)
    file.close()
    for text in ("last", "fall-7"):
        at = moment(sessions(path), text)
        assert (at.session.number, at.time_s) == (1, MONO_S + 30.0)
