"""The journal's thread: chunks into the file, as the disk lets it."""

import logging
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from math import inf
from pathlib import Path

from monitor.recordings.journal import labelling
from monitor.recordings.journal.file import file_bytes, free_bytes, is_damaged, opened
from monitor.recordings.journal.rows import Chunk, Opening, begin, write
from monitor.recordings.journal.tidying import tidy

WAITING_CHUNKS = 80
"""A minute of them waits for the disk; then the oldest fall out."""

HUNG_S = 10.0
"""A disk that takes longer is a fault."""

RETRY_S = 2.0
TIDY_S = 60.0
RESERVE_BYTES = 64_000_000
"""So much of the disk is left to the alerts' outbox and to others."""

ROOM_BYTES, SPARE_BYTES = 50_000, 500_000
"""On a disk that has no more than that, samples go to keep SPARE_BYTES free inside the file; with less than
ROOM_BYTES there nothing is written."""

CLOCK_S = 0.5
"""The wall clock must have been set by more than this for the session's offset to be written again."""

DURABLE_S = 10.0
"""A power cut takes no more than this: SQLite waits for the disk so often, and with each alert."""

Span = tuple[float, float]

_log = logging.getLogger(__name__)


class Writer(threading.Thread):
    """``put`` never waits. ``offset_s`` says what added to the blocks' time gives wall time."""

    def __init__(
        self, path: Path, opening: Opening, largest_bytes: float, keep_s: float, offset_s: Callable[[], float]
    ) -> None:
        super().__init__(name="journal", daemon=True)
        self._path, self._opening, self._offset_s = path, opening, offset_s
        self._largest_bytes, self._keep_s = largest_bytes, keep_s
        self._waiting: deque[Chunk] = deque()
        self._dropped: Span | None = None
        self._more = threading.Condition()
        self._ends = False
        self._trouble = ""
        self._busy_s = inf  # since when the disk has not answered
        self._written_offset_s = 0.0
        self._tidied_s = self._durable_s = -inf
        self._short = False  # the disk is nearly full
        self._complained = False  # of a label

    @property
    def fault(self) -> str:
        """Why nothing is recorded, "" if all is well."""
        if self.ident and not self.is_alive() and not self._ends:
            return "its writer has ended"
        if time.monotonic() - self._busy_s > HUNG_S:
            return f"the disk has not answered for {HUNG_S:.0f} s"
        return self._trouble

    @property
    def waiting(self) -> int:
        """Chunks that are not yet in hand."""
        return len(self._waiting)

    def put(self, chunk: Chunk) -> None:
        """Let it be written."""
        with self._more:
            self._waiting.append(chunk)
            self._let_fall()
            self._more.notify()

    def stop(self, timeout_s: float) -> None:
        """Write what waits, for so long at most."""
        with self._more:
            self._ends = True
            self._more.notify()
        self.join(timeout_s)

    def run(self) -> None:
        while not (self._ends and not self._waiting):
            self._busy_s = time.monotonic()
            try:
                with closing(opened(self._path)) as file:
                    self._serve(file)
            except Exception as error:  # noqa: BLE001  whatever it is, what comes later is to be recorded
                self._fail(error)
                if self._ends:
                    return
                with self._more:
                    self._more.wait_for(lambda: self._ends, RETRY_S)

    def _fail(self, error: Exception) -> None:
        if not self._trouble:
            expected = isinstance(error, (sqlite3.Error, OSError))
            _log.error("%s: nothing is recorded: %s", self._path, error, exc_info=not expected)
        self._trouble = str(error) or type(error).__name__
        self._busy_s = inf
        if is_damaged(error):
            self._set_aside()

    def _serve(self, file: sqlite3.Connection) -> None:
        session: int | None = None
        place = self._path.stat().st_ino
        while True:
            self._busy_s = inf
            with self._more:
                self._more.wait_for(lambda: self._waiting or self._ends)
                if not self._waiting:
                    return
            self._busy_s = time.monotonic()
            with self._in_hand() as (chunks, dropped):
                if not self._path.exists() or self._path.stat().st_ino != place:
                    raise OSError("the file was deleted or replaced while it was written")
                self._make_room(file)
                if session is None:
                    self._written_offset_s = self._offset_s()
                    session = begin(file, self._opening, chunks[0].blocks[0].end_s, self._written_offset_s)
                self._write(file, session, chunks, dropped)
            if self._trouble:
                _log.warning("%s: recorded again", self._path)
            self._trouble = ""

    def _write(
        self, file: sqlite3.Connection, session: int, chunks: list[Chunk], dropped: Span | None
    ) -> None:
        urgent = any(chunk.alerts for chunk in chunks) or self._ends
        durable = urgent or time.monotonic() - self._durable_s > DURABLE_S
        file.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        with file:
            for chunk in chunks:
                write(file, session, chunk)
                self._complain(labelling.write(file, session, chunk.alerts, chunk.inputs, self._offset_s()))
            self._note_clock(file, session)
            if dropped:
                reason = f"not recorded: {self._trouble or 'the disk was too slow'}"
                file.execute("INSERT INTO hole VALUES (?, ?, ?, ?)", (session, *dropped, reason))
        self._durable_s = time.monotonic() if durable else self._durable_s

    def _complain(self, unknown: list[str]) -> None:
        """Of labels that are of nothing known here, once."""
        if unknown and not self._complained:
            self._complained = True
            _log.warning(
                "%s: a label is ignored, further ones are not logged: it is of no fall, stumble, unsafe step "
                "or call for help that is known",
                self._path,
                extra={"private": unknown[0]},
            )

    @contextmanager
    def _in_hand(self) -> Iterator[tuple[list[Chunk], Span | None]]:
        """What waits, and what fell out; both are back there if they cannot be written."""
        with self._more:
            chunks, dropped = list(self._waiting), self._dropped
            self._waiting.clear()
            self._dropped = None
        try:
            yield chunks, dropped
        except BaseException:
            with self._more:
                self._waiting.extendleft(reversed(chunks))
                self._dropped = _joined(dropped, self._dropped)
                self._let_fall()
            raise

    def _let_fall(self) -> None:
        """The oldest of what waits, where it is too much."""
        while len(self._waiting) > WAITING_CHUNKS:
            blocks = self._waiting.popleft().blocks
            self._dropped = _joined(self._dropped, (blocks[0].end_s, blocks[-1].end_s))

    def _note_clock(self, file: sqlite3.Connection, session: int) -> None:
        offset_s = self._offset_s()
        if abs(offset_s - self._written_offset_s) > CLOCK_S:
            file.execute("UPDATE session SET utc_offset_s = ? WHERE id = ?", (offset_s, session))
            self._written_offset_s = offset_s

    def _make_room(self, file: sqlite3.Connection) -> None:
        """Tidy now and then. Raises OSError where the disk is nearly full and no sample may go."""
        short = shutil.disk_usage(self._path.parent).free < RESERVE_BYTES
        now_s = time.monotonic()
        if now_s - self._tidied_s >= TIDY_S or short > self._short:
            self._tidied_s = now_s
            largest = min(self._largest_bytes, file_bytes(file) - SPARE_BYTES if short else inf)
            tidy(file, largest, time.time() - self._keep_s)
        self._short = short
        if short and free_bytes(file) < ROOM_BYTES:
            raise OSError(f"the disk is nearly full: less than {RESERVE_BYTES / 1e6:.0f} MB are free")

    def _set_aside(self) -> None:
        """A damaged file is kept for whoever can read it, and a new one begun."""
        name = f"{self._path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + ending).rename(self._path.with_name(name + ending))
        _log.error("the journal %s was damaged: it is now %s, and a new one is begun", self._path, name)


def _joined(one: Span | None, other: Span | None) -> Span | None:
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])
