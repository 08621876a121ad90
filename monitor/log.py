"""Log lines go to standard error by a thread of their own: a terminal that has stopped stops nobody else.

Where systemd's journal reads along each line bears its priority, and nothing of a person is said above debug:
see docs/operations.md. `extra={"private": words}` of a log call is what may hold such words.
"""

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from logging.handlers import QueueHandler
from queue import Full, Queue
from traceback import format_tb
from types import TracebackType

UNWRITTEN = 1000
"""Lines that may wait for a slow terminal; more are dropped."""

SAME, SAME_S = 10, 3600.0
"""So many lines of one place in the code in an hour; more are only counted."""

STANDARD_OUTPUT, STANDARD_ERROR = 1, 2

SYSLOG = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

OURS = ("monitor", "firmware")
"""What libraries say may hold anything: an address, a URL, a message."""

_log = logging.getLogger(__name__)

Records = Queue[str | None]


def in_journal(stream: int) -> bool:
    """Does systemd's journal read this standard stream? As systemd.exec(5) says of JOURNAL_STREAM."""
    try:
        status = os.fstat(stream)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def marked(words: str, level: int, stream: int = STANDARD_ERROR) -> str:
    """``words`` for a standard stream: in the journal each line bears its priority, as sd-daemon(3) says."""
    return _marked(words, level) if in_journal(stream) else words


def _marked(words: str, level: int) -> str:
    priority = SYSLOG.get(level // 10 * 10, 7)  # libraries have levels of their own in between
    return "\n".join(f"<{priority}>{line}" for line in words.splitlines())


def start() -> None:
    """Write warnings and errors from now on, unless something else does."""
    root = logging.getLogger()
    if root.handlers:
        return
    records: Records = Queue(UNWRITTEN)
    root.addHandler(_Queued(records))
    writer = threading.Thread(target=_write, args=(records,), name="log", daemon=True)
    writer.start()
    atexit.register(_finish, records, writer)
    if in_journal(STANDARD_ERROR):
        logging.captureWarnings(True)
        sys.excepthook = _ended
        threading.excepthook = _thread_ended


class _Queued(QueueHandler):
    """Makes the lines of a record at once, in the thread that logs, and waits for nobody."""

    def __init__(self, records: Records, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(records)
        self._journal = in_journal(STANDARD_ERROR)
        self._clock = clock
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}  # by place: since when, how many

    def prepare(self, record: logging.LogRecord) -> str:
        """The lines; "" for one too many."""
        note = self._count(record)
        if note is None:
            return ""
        return _for_the_journal(record, note) if self._journal else _for_a_terminal(record, note)

    def _count(self, record: logging.LogRecord) -> str | None:
        """What is to be added of lines that were not written; None where this one is not."""
        place, now_s = (record.pathname, record.lineno), self._clock()
        since_s, before = self._seen.get(place, (now_s, 0))
        unsaid = max(0, before - SAME)
        if now_s - since_s > SAME_S:
            since_s, before = now_s, 0
        self._seen[place] = since_s, before + 1
        if before >= SAME:
            return None
        if before + 1 == SAME:
            return " (more of this within the hour is only counted)"
        return f" ({unsaid} more had been counted)" if unsaid else ""

    def enqueue(self, record: str) -> None:  # type: ignore[override]  # what `prepare` made
        with suppress(Full):
            self.queue.put_nowait(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the library's name
        """A log call of ours is wrong."""
        self.enqueue(f"{record.pathname}:{record.lineno}: a line that cannot be written")


def _for_a_terminal(record: logging.LogRecord, note: str) -> str:
    private = _private(record)
    words = f"{record.getMessage()}{f': {private}' if private else ''}{note}"
    traceback = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
    return "\n".join(filter(None, (words, traceback)))


def _for_the_journal(record: logging.LogRecord, note: str) -> str:
    words, private = record.getMessage(), [_private(record)]
    if record.name.partition(".")[0] not in OURS:
        private = [words]
        words = f"{record.name} reports at {record.filename}:{record.lineno} what is logged at debug only"
    lines = [f"{words}{note}"]
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        lines += ["".join(format_tb(error.__traceback__)).rstrip(), type(error).__qualname__]
        private.append(f"{type(error).__qualname__}: {error}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    said = (
        _marked("\n".join(lines), record.levelno),
        _marked("\n".join(filter(None, private)), logging.DEBUG),
    )
    return "\n".join(filter(None, said))


def _private(record: logging.LogRecord) -> str:
    return str(getattr(record, "private", ""))


def _ended(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _log.critical("ends by a defect", exc_info=(kind, error, traceback))


def _thread_ended(args: threading.ExceptHookArgs) -> None:
    error = args.exc_value or args.exc_type()
    name = args.thread.name if args.thread else "?"
    _log.critical("the thread %s ends by a defect", name, exc_info=(args.exc_type, error, args.exc_traceback))


def _write(records: Records) -> None:
    """Past sys.stderr, whose lock a blocked write would hold, for the end of the process to wait for."""
    for words in iter(records.get, None):
        if words:
            with suppress(OSError):  # whoever read along has gone
                os.write(STANDARD_ERROR, f"{words}\n".encode(errors="backslashreplace"))


def _finish(records: Records, writer: threading.Thread) -> None:
    """Write what is left, for a second at most."""
    with suppress(Full):
        records.put_nowait(None)
    writer.join(1.0)
