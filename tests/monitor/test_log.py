"""Nobody who logs waits for whoever reads."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from queue import Queue

from monitor.log import SAME, SAME_S, _Queued
from tests.journal_reader import Line, Logged

SCRIPT = """
import logging, sys, time
from monitor import log
log.SAME = 10**6
log.start()
began = time.monotonic()
for number in range(20000):
    logging.getLogger("link").warning("line %d of many that nobody reads %s", number, "x" * 100)
print("done", flush=True)
"""

BROKEN = """
try:
    1 / 0
except ZeroDivisionError:
    logging.exception("broken")
"""


def test_a_standard_error_that_nobody_reads_stops_no_thread_and_no_end() -> None:
    read, write = os.pipe()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=write)
    os.close(write)
    try:
        assert process.communicate(timeout=60)[0] == b"done\n"
        assert process.returncode == 0
    finally:
        os.close(read)


def test_lines_are_whole_and_in_order_and_the_last_one_is_written() -> None:
    script = (
        SCRIPT.replace("20000", "3")
        + "\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.exception('broken')\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    lines = said.splitlines()
    assert [line.split(" of ")[0] for line in lines[:3]] == ["line 0", "line 1", "line 2"]
    assert lines[3] == "broken"
    assert lines[-1] == "ZeroDivisionError: division by zero"


JOURNALLED = """
import logging, threading
from monitor import log
log.start()
ours = logging.getLogger("monitor.x")
ours.warning("a message on %s is ignored", "a/b", extra={"private": "Eva"})
logging.getLogger("library").error("Eva's phone at 192.168.1.7")
try:
    try:
        {}["Eva"]
    except KeyError as error:
        raise ValueError("not\\nEva") from error
except ValueError:
    ours.exception("the page\\nfailed")
"""


def lines(script: str, file: Path) -> list[Line]:
    logged = Logged([sys.executable, "-c", script], file)
    logged.process.wait()
    return logged.lines()


def test_in_the_journal_each_line_has_its_priority_and_private_words_are_debug(tmp_path: Path) -> None:
    said = lines(JOURNALLED, tmp_path / "log")
    first, eva, library, phone, *rest = said
    assert (first, eva) == (Line(4, "a message on a/b is ignored"), Line(7, "Eva"))
    assert (library.priority, phone) == (3, Line(7, "Eva's phone at 192.168.1.7"))
    assert library.words.startswith("library reports at ")
    assert [line.words for line in rest if line.priority == 3 and not line.words.startswith("  ")] == [
        "the page",
        "failed",
        "ValueError",
        "KeyError",
    ]
    assert [line.words for line in rest if line.priority == 7] == [
        "ValueError: not",
        "Eva",
        "KeyError: 'Eva'",
    ]
    assert {line.priority for line in rest} == {3, 7}
    assert any('File "<string>"' in line.words for line in rest)


def test_a_library_s_own_level_is_the_next_lower_one(tmp_path: Path) -> None:
    script = "import logging; from monitor import log; log.start(); logging.getLogger('library').log(35, 'x')"
    first, second = lines(script, tmp_path / "log")
    assert (first.priority, second) == (4, Line(7, "x"))
    assert first.words.startswith("library reports at ")


def test_a_defect_that_ends_the_process_or_a_thread_is_critical_there(tmp_path: Path) -> None:
    script = """
import threading
from monitor import log
log.start()
def fail():
    raise ValueError("Eva")
thread = threading.Thread(target=fail, name="button")
thread.start()
thread.join()
fail()
"""
    said = lines(script, tmp_path / "log")
    assert [line for line in said if line.priority == 2 and not line.words.startswith("  ")] == [
        Line(2, "the thread button ends by a defect"),
        Line(2, "ValueError"),
        Line(2, "ends by a defect"),
        Line(2, "ValueError"),
    ]
    assert [line.words for line in said if line.priority not in (2, 7)] == []


def test_what_repeats_is_counted_from_the_tenth_within_an_hour() -> None:
    now_s = 0.0
    handler = _Queued(Queue(), clock=lambda: now_s)

    def said(place: int) -> str:
        return handler.prepare(logging.LogRecord("monitor.x", 30, "x.py", place, "no disk", None, None))

    told = [said(1) for _ in range(SAME + 25)]
    assert told[: SAME - 1] == ["no disk"] * (SAME - 1)
    assert told[SAME - 1] == "no disk (more of this within the hour is only counted)"
    assert told[SAME:] == [""] * 25
    assert said(2) == "no disk"
    now_s = SAME_S + 1
    assert [said(1), said(1)] == ["no disk (25 more had been counted)", "no disk"]
