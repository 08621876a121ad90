"""Nobody who logs waits for whoever reads."""

import os
import subprocess
import sys

SCRIPT = """
import logging, sys, time
from monitor import log
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
