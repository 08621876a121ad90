"""An alert stage is on disk before it is sent, and no trouble with the disk takes it away."""

import multiprocessing
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.core.vocabulary import Alert, AlertKind, Certainty, Priority, Stage
from monitor.delivery import messages
from monitor.delivery import outbox as outbox_file
from monitor.delivery.messages import AlertMessage, Moment, now
from monitor.delivery.outbox import DISK_PATIENCE_S, RECENT, Outbox, machine_boot
from tests.background import spawned
from tests.pulse import PATIENCE_S, wait_until


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.mono_s = self.wall_s = 1000.0

    def __call__(self) -> Moment:
        return Moment(self.mono_s, self.wall_s)

    def wait(self, seconds: float) -> None:
        self.mono_s += seconds
        self.wall_s += seconds


def stage(
    sequence: int, moment: Moment, priority: Priority = Priority.HIGH, boot: str = "aaaa"
) -> AlertMessage:
    alert = Alert(
        str(sequence), sequence, AlertKind.FALL, priority, Certainty.SUSPECTED, Stage.ACTIVE, moment.mono_s
    )
    return messages.alert_message(alert, boot, moment)


def rows(path: Path) -> int:
    base = sqlite3.connect(path)
    try:
        return int(base.execute("SELECT count(*) FROM outbox").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0  # not made yet
    finally:
        base.close()


def keys(outbox: Outbox) -> list[int]:
    return [message.sequence for message in outbox.due()]


def test_the_most_urgent_goes_first_then_the_newest() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    for sequence, priority in enumerate(
        [Priority.LOW, Priority.HIGH, Priority.MEDIUM, Priority.HIGH, Priority.LOW], 1
    ):
        outbox.put(stage(sequence, clock(), priority))
        clock.wait(1)
    assert keys(outbox) == [4, 2, 3, 5, 1]


def test_what_is_acknowledged_is_gone_and_what_is_expired_is_counted() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    for sequence in (1, 2):
        outbox.put(stage(sequence, clock(), Priority.LOW))
    assert len(outbox.due()) == 2
    outbox.acknowledged(("aaaa", 1))
    assert keys(outbox) == [2]
    clock.wait(messages.LIFETIME_S[Priority.LOW] + 1)
    assert keys(outbox) == []
    assert outbox.expired == 1


def test_age_is_true_whatever_the_wall_clock_does() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    outbox.put(stage(1, clock()))
    clock.wait(20)
    clock.wall_s += 1e6
    (message,) = outbox.due()
    assert message.age_s == 20
    assert message.wall_s == clock.wall_s - 20


def test_a_stage_is_on_disk_before_it_is_due(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    clock = Hands()  # stands still: the disk's patience never runs out
    outbox = Outbox(path, clock)
    outbox.start()
    outbox.put(stage(1, clock()))
    wait_until(outbox.due)
    assert rows(path) == 1
    outbox.acknowledged(("aaaa", 1))
    assert keys(outbox) == []
    clock.wait(messages.LIFETIME_S[Priority.HIGH] + 1)
    assert keys(outbox) == []
    wait_until(lambda: rows(path) == 0)
    outbox.stop()


def test_what_was_let_go_is_then_made_to_survive_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        "monitor.delivery.outbox.os.fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}"))
    )
    outbox = Outbox(tmp_path / "outbox.sqlite", now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: synced == [str(tmp_path / "outbox.sqlite-wal")])
    outbox.stop()


def test_a_restart_begins_with_what_was_left(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    clock = Hands()
    first = Outbox(path, clock)
    first.start()
    first.put(stage(1, clock()))
    first.put(stage(2, clock()))
    wait_until(lambda: len(first.due()) == 2)
    first.acknowledged(("aaaa", 1))
    first.stop()
    clock.wait(30)
    second = Outbox(path, clock)
    second.start()
    wait_until(second.due)
    (message,) = second.due()
    assert (message.sequence, message.age_s) == (2, 30)
    (message,) = second.recent()
    assert (message.sequence, message.age_s) == (1, 30)
    second.stop()


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    clock = Hands()
    with closing(sqlite3.connect(path)) as base, base:
        base.execute(
            "CREATE TABLE outbox (boot TEXT NOT NULL, sequence INTEGER NOT NULL, machine TEXT NOT NULL, "
            "payload BLOB NOT NULL, PRIMARY KEY (boot, sequence)) WITHOUT ROWID"
        )
        payload = messages.encode(stage(7, clock()))
        base.execute("INSERT INTO outbox VALUES ('aaaa', 7, ?, ?)", (machine_boot(), payload))
    outbox = Outbox(path, clock)
    outbox.start()
    wait_until(lambda: keys(outbox) == [7])
    outbox.stop()


# ---- who has it


def acknowledged(outbox: Outbox, *reports: AlertMessage) -> None:
    outbox.put(*reports)
    outbox.due()
    for report in reports:
        outbox.acknowledged((report.boot, report.sequence))


def unreceived(outbox: Outbox) -> list[tuple[str, int]]:
    return [(message.id, message.sequence) for message in outbox.unreceived()]


def test_what_is_urgent_waits_for_a_spotter_s_receipt() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    acknowledged(outbox, stage(1, clock()), stage(2, clock(), Priority.MEDIUM))
    assert unreceived(outbox) == [("1", 1)]
    outbox.received("2", 5)
    outbox.received("1", 0)
    assert unreceived(outbox) == [("1", 1)]
    outbox.received("1", 1)
    assert unreceived(outbox) == []
    assert [message.sequence for message in outbox.recent()] == [1, 2]


def test_only_an_incident_s_last_report_waits_and_none_that_somebody_answered() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    first, second = stage(1, clock()), msgspec.structs.replace(stage(2, clock()), id="1")
    acknowledged(outbox, first, second)
    assert unreceived(outbox) == [("1", 2)]
    acknowledged(outbox, msgspec.structs.replace(second, sequence=3, stage=Stage.ACKNOWLEDGED))
    assert unreceived(outbox) == []


def test_what_waits_for_a_receipt_outlives_a_flood_of_lesser_reports() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    acknowledged(outbox, stage(1, clock()))
    acknowledged(outbox, *(stage(n, clock(), Priority.MEDIUM) for n in range(2, 200)))
    assert unreceived(outbox) == [("1", 1)]
    assert len(outbox.recent()) == RECENT


def test_incidents_that_ended_without_a_receipt_take_no_room_from_the_latest_reports() -> None:
    clock = Hands()
    outbox = Outbox(None, clock)
    for number in range(1, 201, 2):
        clock.wait(1.0)
        fall = stage(number, clock())
        end = msgspec.structs.replace(fall, sequence=number + 1, stage=Stage.CLEARED)
        acknowledged(outbox, fall, end)
    assert unreceived(outbox) == []
    assert [message.sequence for message in outbox.recent()] == list(range(201 - RECENT, 201))


@pytest.mark.parametrize(("passed_s", "age_s", "age_known"), [(60.0, 60.0, True), (-2400.0, 0.0, False)])
def test_after_a_reboot_the_age_comes_from_the_wall_clock_unless_that_is_before_the_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed_s: float, age_s: float, age_known: bool
) -> None:
    path = tmp_path / "outbox.sqlite"
    clock = Hands()
    first = Outbox(path, clock)
    first.start()
    first.put(stage(1, clock()))
    wait_until(first.due)
    first.stop()
    monkeypatch.setattr("monitor.delivery.outbox.machine_boot", lambda: "another start of the machine")
    clock.mono_s = 5.0
    clock.wall_s += passed_s
    second = Outbox(path, clock)
    second.start()
    wait_until(second.due)
    (due,) = second.due()
    assert (due.age_s, due.age_known) == (age_s, age_known)
    second.stop()


def _put_and_wait(path: Path, ready: "multiprocessing.synchronize.Event") -> None:
    outbox = Outbox(path, now)
    outbox.start()
    for sequence in range(1, 21):
        outbox.put(stage(sequence, now()))
    wait_until(lambda: rows(path) == 20)
    ready.set()
    threading.Event().wait()


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    ready = multiprocessing.get_context("spawn").Event()
    with spawned(_put_and_wait, path, ready):
        assert ready.wait(PATIENCE_S)
    outbox = Outbox(path, now)
    outbox.start()
    wait_until(lambda: len(outbox.due()) == 20)
    outbox.stop()


def test_a_full_disk_is_a_fault_and_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import monitor.delivery.outbox

    save, full = monitor.delivery.outbox._save, True

    def save_or_fail(*args: object) -> None:
        if full:
            raise sqlite3.OperationalError("database or disk is full")
        save(*args)  # type: ignore[arg-type]  # passed through as they came

    monkeypatch.setattr(monitor.delivery.outbox, "_save", save_or_fail)
    monkeypatch.setattr(monitor.delivery.outbox, "RETRY_S", 0.05)
    path = tmp_path / "outbox.sqlite"
    clock = Hands()
    outbox = Outbox(path, clock)
    outbox.start()
    outbox.put(stage(1, clock()))
    wait_until(lambda: "full" in outbox.fault)
    assert outbox.due() == []  # the disk still has its chance
    clock.wait(DISK_PATIENCE_S)
    assert keys(outbox) == [1]
    full = False
    wait_until(lambda: outbox.fault == "")
    assert rows(path) == 1
    outbox.stop()


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("monitor.delivery.outbox._save", fail)


def test_a_disk_that_is_full_at_the_end_ends_nothing_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite", now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: rows(tmp_path / "outbox.sqlite") == 1)
    failing(monkeypatch, sqlite3.OperationalError("database or disk is full"))
    outbox.put(stage(2, now()))
    outbox.stop()
    assert outbox.fault
    assert rows(tmp_path / "outbox.sqlite") == 1


def test_a_defect_in_the_writer_is_a_fault_and_heals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.delivery.outbox.RETRY_S", 0.05)
    outbox = Outbox(tmp_path / "outbox.sqlite", now)
    with monkeypatch.context() as defect:
        failing(defect, ValueError("a defect"))
        outbox.start()
        outbox.put(stage(1, now()))
        wait_until(lambda: "a defect" in outbox.fault)
        wait_until(lambda: keys(outbox) == [1])
    wait_until(lambda: outbox.fault == "")
    assert rows(tmp_path / "outbox.sqlite") == 1
    outbox.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the end of the writer
def test_a_writer_that_is_no_more_is_a_fault_and_alerts_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, SystemExit())  # ends a thread without a word
    outbox = Outbox(tmp_path / "outbox.sqlite", now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: "writer has ended" in outbox.fault)
    wait_until(lambda: keys(outbox) == [1])
    outbox.stop()


def test_a_row_that_holds_no_message_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    outbox = Outbox(path, now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: rows(path) == 1)
    outbox.stop()
    with sqlite3.connect(path) as base:
        base.execute("INSERT INTO outbox VALUES ('aaaa', 2, '', 5, 0)")
        base.execute("INSERT INTO outbox VALUES ('aaaa', 3, '', 'text', 0)")
    base.close()
    again = Outbox(path, now)
    again.start()
    wait_until(lambda: keys(again) == [1])
    assert again.fault == ""
    again.stop()


def test_a_damaged_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"no database at all, but long enough to look like one" * 100)
    outbox = Outbox(path, now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: rows(path) == 1)
    assert (tmp_path / "outbox.sqlite.damaged").exists()
    outbox.stop()


@pytest.mark.parametrize("harm", ["schema", "page"])
def test_damage_inside_a_file_that_looks_sound_is_put_aside_too(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "outbox.sqlite"
    base = sqlite3.connect(path)
    if harm == "schema":
        base.execute("CREATE TABLE outbox (something BLOB)")
        base.commit()
        base.close()
    else:
        base.close()
        outbox = Outbox(path, now)
        outbox.start()
        for sequence in range(1, 101):
            outbox.put(stage(sequence, now()))
        wait_until(lambda: rows(path) == 100)
        outbox.stop()
        whole = bytearray(path.read_bytes())
        whole[4096:] = b"\xff" * (len(whole) - 4096)
        path.write_bytes(whole)
    outbox = Outbox(path, now)
    outbox.start()
    outbox.put(stage(101, now()))
    wait_until(lambda: rows(path) == 1)
    assert (tmp_path / "outbox.sqlite.damaged").exists()
    assert outbox.fault == ""
    outbox.stop()


def test_a_folder_that_cannot_be_written_is_a_fault_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    outbox = Outbox(tmp_path / "file" / "outbox.sqlite", now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: outbox.fault)
    wait_until(lambda: keys(outbox) == [1])
    outbox.stop()


def test_a_disk_that_does_not_answer_is_a_fault_and_heals_and_delays_no_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.outbox.HUNG_S", 0.2)
    save, answers = outbox_file._save, threading.Event()

    def slow(*job: Any) -> None:
        answers.wait(PATIENCE_S)
        save(*job)

    monkeypatch.setattr(outbox_file, "_save", slow)
    outbox = Outbox(tmp_path / "outbox.sqlite", now)
    outbox.start()
    outbox.put(stage(1, now()))
    wait_until(lambda: "has not answered" in outbox.fault)
    wait_until(lambda: keys(outbox) == [1])
    answers.set()
    wait_until(lambda: outbox.fault == "")
    outbox.stop()


def test_an_alert_waits_no_longer_than_a_tenth_of_a_second_for_the_disk(tmp_path: Path) -> None:
    clock = Hands()
    outbox = Outbox(tmp_path / "outbox.sqlite", clock)  # whose writer never starts
    outbox.put(stage(1, clock()))
    clock.wait(0.09)
    assert keys(outbox) == []
    clock.wait(0.02)
    assert keys(outbox) == [1]


def test_what_was_reported_long_ago_makes_room_first_though_it_was_read_last(tmp_path: Path) -> None:
    """A disk that was full at the start is read when it has room: after this run's first reports."""
    path = tmp_path / "outbox.sqlite"
    clock = Hands()
    first = Outbox(path, clock)
    first.start()
    acknowledged(first, *(stage(n, clock(), Priority.MEDIUM) for n in range(1, RECENT + 1)))
    wait_until(lambda: rows(path) == RECENT)
    first.stop(5.0)
    clock.wait(10)
    second = Outbox(path, clock)
    acknowledged(second, stage(RECENT + 1, clock(), Priority.MEDIUM, "bbbb"))
    second.start()
    wait_until(lambda: not second.due() and len(second.recent()) == RECENT + 1)
    acknowledged(second, stage(RECENT + 2, clock(), Priority.MEDIUM, "bbbb"))
    assert sorted(message.sequence for message in second.recent()) == list(range(3, RECENT + 3))
    second.stop()
