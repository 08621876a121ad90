"""Log lines go to standard error by a thread of their own: a terminal that has stopped stops nobody else."""

import atexit
import logging
import os
import threading
from contextlib import suppress
from logging.handlers import QueueHandler
from queue import Full, Queue

UNWRITTEN = 1000
"""Lines that may wait for a slow terminal; more are dropped."""

STANDARD_ERROR = 2

Lines = Queue[logging.LogRecord | None]


class _Queued(QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)


def start() -> None:
    """Write warnings and errors from now on, unless something else does."""
    root = logging.getLogger()
    if root.handlers:
        return
    lines: Lines = Queue(UNWRITTEN)
    root.addHandler(_Queued(lines))
    writer = threading.Thread(target=_write, args=(lines,), name="log", daemon=True)
    writer.start()
    atexit.register(_finish, lines, writer)


def _write(lines: Lines) -> None:
    """Past sys.stderr, whose lock a blocked write would hold, for the end of the process to wait for."""
    for record in iter(lines.get, None):
        with suppress(OSError):  # whoever read along has gone
            os.write(STANDARD_ERROR, f"{record.getMessage()}\n".encode(errors="backslashreplace"))


def _finish(lines: Lines, writer: threading.Thread) -> None:
    """Write what is left, for a second at most."""
    with suppress(Full):
        lines.put_nowait(None)
    writer.join(1.0)
