"""What outlives a run survives the file, and is put on the clock of the run that reads it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.vocabulary import Alert, AlertKind, Certainty, FaultCode, Priority, Reading, Stage, Status
from monitor.delivery import memory
from monitor.delivery.memory import Memory, recalled
from monitor.delivery.messages import Moment, alert_message, now
from monitor.delivery.outbox import Outbox, machine_boot, recall
from tests.read_only import said_where_read_only

FALL = Alert(
    "ab12-7", 9, AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACKNOWLEDGED, 50.0, who="Eva"
)
WRITTEN = Moment(60.0, 1000.0)


def test_all_of_it_but_the_evidence_survives_the_file() -> None:
    fault = replace(FALL, kind=AlertKind.FAULT, fault=FaultCode.PANEL, part="the buzzer", reason="busy")
    status = Status(True, True, (replace(FALL, evidence={"peak_accel_g": Reading(3.0, 1.8)}), fault), 60.0)
    kept = memory.of(status, 9, WRITTEN, "boot 1")
    assert kept == Memory(WRITTEN, "boot 1", True, 9, (FALL, fault))
    assert memory.decode(memory.encode(kept)) == kept


@given(away_s=st.integers(-1_000_000, 1_000_000), up_s=st.floats(0, 1e6))
def test_after_a_reboot_times_follow_the_wall_clock_unless_it_went_back(away_s: int, up_s: float) -> None:
    kept = Memory(WRITTEN, "boot 1", True, 9, (FALL,))
    (fall,) = recalled(kept, Moment(up_s, WRITTEN.wall_s + away_s), "boot 2").incidents
    assert fall.time_s == pytest.approx(up_s - max(0.0, away_s) - 10.0)  # it was 10 s old when it was written
    assert fall.time_known is (away_s >= 0)


def test_after_a_restart_of_the_process_alone_nothing_moves_whatever_the_wall_clock_does() -> None:
    kept = Memory(WRITTEN, "boot 1", True, 9, (FALL,))
    assert recalled(kept, Moment(70.0, -1e9), "boot 1") == kept


def test_alerts_and_memory_are_written_together_and_read_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    assert recall(path, now(), machine_boot()) == Memory()
    moment = now()
    fall = replace(FALL, time_s=moment.mono_s)
    kept = Memory(moment, machine_boot(), True, 9, (fall,))
    outbox = Outbox(path, now)
    outbox.start()
    outbox.put(alert_message(fall, "ab12", moment), memory=Memory(moment, machine_boot()))
    outbox.put(memory=kept)
    outbox.stop()
    assert recall(path, now(), machine_boot()) == kept


def test_the_file_of_an_older_version_holds_no_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.db"
    path.touch()
    assert recall(path, now(), machine_boot()) == Memory()
    assert caplog.records == []


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\0" * 100])
def test_a_file_that_cannot_be_read_is_no_memory_and_no_crash(
    damage: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.db"
    path.write_bytes(damage)
    assert recall(path, now(), machine_boot()) == Memory(lost=True)
    assert [record.levelname for record in caplog.records] == ["ERROR"]


WRITE = """
import os, sys, time
from pathlib import Path
from monitor.delivery.memory import Memory
from monitor.delivery.messages import now
from monitor.delivery.outbox import Outbox, machine_boot
outbox = Outbox(Path(sys.argv[1]), now, lambda: os.write(1, b"x"))
outbox.start()
outbox.put(memory=Memory(now(), machine_boot(), armed=True, sequence=7))
time.sleep(60)
"""
RECALL = """
import resource, sys
from pathlib import Path
from monitor.delivery.messages import now
from monitor.delivery.outbox import machine_boot, recall
if "full" in sys.argv:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
memory = recall(Path(sys.argv[1]), now(), machine_boot())
print(memory.armed, memory.sequence)
"""


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """An outbox whose writer was killed: its log remains, and SQLite's index of it."""
    path = tmp_path / "store/outbox.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.read(1) == b"x"
    writer.kill()
    writer.wait()
    writer.stdout.close()
    return path


def test_on_a_full_disk_what_is_in_the_file_is_remembered(killed: Path) -> None:
    """What SQLite writes beside it to read it has no room there."""
    words = [sys.executable, "-c", RECALL, str(killed), "full"]
    assert subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout == "True 7\n"


@pytest.mark.parametrize("end", ["killed", "in order"])
def test_on_a_disk_that_has_become_read_only_what_is_in_the_file_is_remembered(
    killed: Path, end: str
) -> None:
    """SQLite may then not even make its index of the log."""
    if end == "in order":
        with closing(sqlite3.connect(killed)) as base:  # the last one to close it takes the log in
            base.execute("SELECT * FROM memory").fetchall()
    assert killed.with_name("outbox.db-wal").exists() is (end == "killed")
    assert said_where_read_only(killed.parent, RECALL, str(killed)) == "True 7\n"
