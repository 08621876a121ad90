"""What goes and what stays: the oldest first, clips last, and those of unlabelled alerts never."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from monitor.core.alarm_rules import DANGERS
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import AlertKind, Direction, StepEvent
from monitor.recordings.journal import writer as journal_writer
from monitor.recordings.journal.file import file_bytes, free_bytes, opened
from monitor.recordings.journal.rows import Chunk, Opening, begin, write
from monitor.recordings.journal.sessions import Label, Session, sessions
from monitor.recordings.journal.tidying import KEEP_S, tidy
from tests.monitor.recordings.journal.steady_source import FORM, Feeder, alert

DAY_S = 86_400.0
HOUR_S = 3600.0
UTC_S = 1.7e9
"""The wall time of a session's zero."""


def row(second: int) -> SampleBlock:
    return SampleBlock.silent(float(second), "x" * 500)


class Shelf:
    """A journal whose rows of samples are a second each, at whole seconds."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, opened(path)
        self._incidents = 0

    def session(self, began_s: int, seconds: int, alerts: dict[int, AlertKind] | None = None) -> int:
        """Its number; ``alerts`` by second. Wall time is monotonic time and UTC_S."""
        number = begin(self.file, Opening(f"boot {began_s}", "", "", "", "{}"), began_s, UTC_S)
        with self.file:
            for second in range(began_s, began_s + seconds):
                chunk = Chunk(FORM, [row(second)])
                if second == began_s:
                    chunk.steps.append(StepEvent(second, contact_s=second, direction=Direction.BACKWARD))
                if alerts and second in alerts:
                    self._incidents += 1
                    chunk.alerts.append((second, alert(self._incidents, second, alerts[second])))
                write(self.file, number, chunk)
        return number

    def tidy(self, largest_bytes: float = 1e12, oldest_utc_s: float = 0.0) -> None:
        tidy(self.file, largest_bytes, oldest_utc_s)

    def shrink(self) -> None:
        """Let go of whatever may go."""
        self.tidy(largest_bytes=0)

    def left(self, number: int) -> set[int]:
        (session,) = [one for one in sessions(self.path) if one.number == number]
        return {round(block.end_s) for block in session.blocks()}

    def read(self, number: int) -> Session:
        return next(one for one in sessions(self.path) if one.number == number)

    def label(self, number: int, time_s: float, incident: str = "") -> None:
        kind = incident.split("-")[0]
        self.read(number).put(Label(number, time_s, kind, "true", incident, "Eva", "", UTC_S))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "journal.db")
    with closing(shelf.file):
        yield shelf


def clip(second: int) -> set[int]:
    return set(range(second - round(KEEP_S), second + round(KEEP_S) + 1))


def test_nothing_goes_that_is_young_and_has_room(shelf: Shelf) -> None:
    number = shelf.session(0, 300)
    shelf.tidy(oldest_utc_s=UTC_S - 1)
    assert shelf.left(number) == set(range(300))


def test_the_oldest_go_first_and_no_more_than_must(shelf: Shelf) -> None:
    first, second = shelf.session(0, 800), shelf.session(10_000, 800)
    used = file_bytes(shelf.file) - free_bytes(shelf.file)
    shelf.tidy(largest_bytes=used - 1024)
    assert shelf.left(first) == set(range(500, 800))
    assert shelf.left(second) == set(range(10_000, 10_800))
    assert free_bytes(shelf.file) > 0


@pytest.mark.parametrize("kind", sorted(AlertKind))
def test_the_clip_of_an_alert_that_nobody_has_labelled_never_goes(shelf: Shelf, kind: AlertKind) -> None:
    number = shelf.session(0, 300, {100: kind})
    shelf.tidy(oldest_utc_s=UTC_S + DAY_S)
    shelf.shrink()
    assert shelf.left(number) == (clip(100) if kind in DANGERS else set())


def test_once_it_is_labelled_it_goes_but_later_than_all_others(shelf: Shelf) -> None:
    first, second = shelf.session(0, 300, {100: AlertKind.FALL}), shelf.session(1000, 300)
    shelf.label(first, 100, "fall-1")
    used = file_bytes(shelf.file) - free_bytes(shelf.file)
    shelf.tidy(largest_bytes=used * 0.5)
    assert shelf.left(first) == clip(100)
    shelf.tidy(oldest_utc_s=UTC_S + DAY_S)  # its age does not matter
    assert shelf.left(first) == clip(100)
    assert shelf.left(second) == set()
    shelf.shrink()
    assert shelf.left(first) == set()


def test_a_label_of_one_alert_frees_no_other(shelf: Shelf) -> None:
    number = shelf.session(0, 400, {100: AlertKind.FALL, 250: AlertKind.STUMBLE})
    shelf.label(number, 100, "fall-1")
    shelf.shrink()
    assert shelf.left(number) == clip(250)


def test_a_bookmark_keeps_its_clip_until_room_is_needed(shelf: Shelf) -> None:
    number = shelf.session(0, 300)
    shelf.label(number, 150)
    shelf.tidy(oldest_utc_s=UTC_S + DAY_S)
    assert shelf.left(number) == clip(150)
    shelf.shrink()
    assert shelf.left(number) == set()


def test_of_a_session_that_has_run_for_months_only_the_old_part_goes(shelf: Shelf) -> None:
    number = shelf.session(0, 10)
    with shelf.file:
        for second in range(100, 110):
            write(shelf.file, number, Chunk(FORM, [row(round(100 * DAY_S) + second)]))
    shelf.tidy(oldest_utc_s=UTC_S + 90 * DAY_S)
    assert min(shelf.left(number)) > 90 * DAY_S
    assert len(shelf.left(number)) == 10


def test_steps_alerts_and_labels_stay(shelf: Shelf) -> None:
    number = shelf.session(0, 100, {50: AlertKind.FALL})
    shelf.label(number, 50, "fall-1")
    shelf.shrink()
    session = shelf.read(number)
    assert (len(session.steps()), len(session.alerts()), len(session.labels())) == (1, 1, 1)
    assert list(session.blocks()) == []


def test_what_goes_makes_room_inside_the_file(shelf: Shelf) -> None:
    shelf.session(0, 1000)
    shelf.shrink()
    size = file_bytes(shelf.file)
    shelf.session(10_000, 900)
    assert file_bytes(shelf.file) == size


def test_the_writer_tidies_as_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, float]] = []
    monkeypatch.setattr(journal_writer, "tidy", lambda _file, *rest: asked.append(rest))
    monkeypatch.setattr(time, "time", lambda: UTC_S)
    feeder = Feeder(tmp_path / "journal.db", largest_mb=70, keep_days=3)
    feeder.written()
    feeder.close()
    assert asked == [(70e6, UTC_S - 3 * DAY_S)]
