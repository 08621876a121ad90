"""A file in the journal's place: what a process writes into it, line by line, with each line's priority."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.pulse import PATIENCE_S, wait_until

INFO, DEBUG = 6, 7


class Line(NamedTuple):
    """``priority`` as syslog counts: 3 error, 4 warning, 6 info, 7 debug."""

    priority: int
    words: str


class Logged:
    """A process whose standard output and error are the file; the journal would take both for info."""

    def __init__(self, command: Sequence[str], file: Path, **environment: str) -> None:
        self._file = file
        with file.open("wb") as stream:
            status = os.fstat(stream.fileno())
            kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
            journal = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env={**kept, **journal, **environment},
            )

    def lines(self) -> list[Line]:
        """As journald takes them."""
        found = (re.match(r"(?:<(\d)>)?(.*)", line) for line in self._file.read_text().splitlines())
        return [Line(int(match[1] or INFO), match[2]) for match in found if match]

    def shown(self, least: int = INFO) -> str:
        """What ``journalctl -p`` shows."""
        return "\n".join(words for priority, words in self.lines() if priority <= least)

    def until(self, words: str) -> None:
        wait_until(lambda: words in self.shown())

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)
