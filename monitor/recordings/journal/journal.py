"""The black box: everything a session was, in one SQLite file on the device.

`Journal` is a sink of the loop and only collects. Every 0.75 s, and at once with an alert, what has come goes
to a thread that writes it (journal_writer.py). So a full, slow or broken disk holds nothing up: it is a
fault, the latest minute waits in memory, and what does not fit there is a hole that the file names. Wall time
enters as one offset from the monotonic clock for each session: when the wall clock is set right, the whole
session's times are. docs/journal.md says what is kept, for how long, and what it costs.

sessions.py reads what is written here.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.setting import number, switch
from monitor.core.vocabulary import Alert, Event, FaultCode, Input, InputKind, Status, StepEvent
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.rows import Chunk, Opening
from monitor.recordings.journal.writer import Writer

CHUNK_BLOCKS = round(0.75 / BLOCK_S)
"""Blocks that are written together: who kills the process loses these at most, and what is being written."""

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """What is kept of the sessions, and for how long."""

    record: bool = switch(True, "keep samples, steps and alerts of every session on this device")
    largest_mb: int = number(
        2000,
        20,
        100_000,
        "MB",
        "size of the journal above which the oldest samples go, but for those round unlabelled alerts",
        "sessions go back less far",
        "more of the card is used",
    )
    keep_days: int = number(
        90,
        1,
        3650,
        "days",
        "age at which samples go; steps, alerts and labels stay",
        "less can be replayed",
        "more can be replayed",
    )
    bookmark_by_button: bool = switch(
        False, "pressing the button twice while walking marks the moment, and neither arms nor disarms"
    )


class Journal:
    """A sink of the loop. ``heard`` gives the inputs of the block in hand, ``form`` how its samples came.

    ``tell`` takes its faults as inputs. ``clock`` is the one of the blocks, ``wall`` the machine's.
    """

    def __init__(
        self,
        path: Path,
        settings: JournalSettings,
        opening: Opening,
        *,
        form: Callable[[], Form] = Form,
        heard: Callable[[], Sequence[Input]] = lambda: (),
        tell: Callable[[Input], None] = lambda _input: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._heard, self._form, self._tell = heard, form, tell
        self._chunk: Chunk | None = None
        self._state: tuple[bool, bool, object] | None = None
        self._told = ""
        self._writer = Writer(
            path, opening, settings.largest_mb * 1e6, settings.keep_days * DAY_S, lambda: wall() - clock()
        )

    @property
    def behind(self) -> int:
        """Chunks that wait for the disk; 0 where it takes none."""
        return 0 if self._writer.fault else self._writer.waiting

    def start(self) -> None:
        """Let the writer begin; before that all waits."""
        self._writer.start()

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], status: Status
    ) -> None:
        form = self._form()
        if self._chunk is not None and self._chunk.form != form:
            self._hand_over()
        chunk = self._chunk = self._chunk or Chunk(form)
        chunk.blocks.append(block)
        for event in events:
            if isinstance(event, StepEvent):
                chunk.steps.append(event)
            else:
                chunk.events.append(event)
        chunk.alerts += [(block.end_s, alert) for alert in alerts]
        chunk.inputs += [(block.end_s, given) for given in self._heard()]
        state = (status.armed, status.sound_paused, status.waits_for)
        if state != self._state:
            self._state = state
            chunk.states.append(status)
        if alerts or len(chunk.blocks) >= CHUNK_BLOCKS:
            self._hand_over()
        self._report(self._writer.fault)

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is left, for so long at most."""
        self._hand_over()
        self._writer.stop(timeout_s)

    def _hand_over(self) -> None:
        if self._chunk is not None:
            self._writer.put(self._chunk)
        self._chunk = None

    def _report(self, fault: str) -> None:
        if fault == self._told:
            return
        if self._told:
            self._tell(Input(InputKind.FAULT_GONE, fault=FaultCode.JOURNAL))
        if fault:
            self._tell(Input(InputKind.FAULT, fault=FaultCode.JOURNAL, reason=fault))
        self._told = fault
