"""The machine, in one loop.

    bus -> chip -> mounting -> sampler -[SampleBlock]-> detector -[Event]-> alarm -[Alert]-> sinks
                                                                              ^
                  button, spotter's answers, requests, the link's state ------+

Live, replay, demo and tests run this loop; they differ in where blocks come from and who listens.

Threads: this loop has one of its own. The button (gpiozero) and the MQTT link (paho) have theirs and
reach it through the inbox only; sinks return at once and never wait for disk or network.

Clocks: every time in here is monotonic and came with the samples. Wall time is added in messages.py.

Order of sinks: first the panel, which needs no network; then the link; last the watchdog and the dead-man
line, which so vouch that a whole block went through.
"""

from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from monitor.core.alarm import Alarm
from monitor.core.vocabulary import Alert, Event, Input, SampleBlock, Status

Sink = Callable[[SampleBlock, Sequence[Event], Sequence[Alert], Status], None]


class Judge(Protocol):
    """What the loop needs of a detector."""

    def update(self, block: SampleBlock, /) -> list[Event]: ...


class Inbox(SimpleQueue[Input]):
    """Words from other threads, handed to the loop block by block."""

    def drain(self) -> list[Input]:
        """All that has come since the last block."""
        words: list[Input] = []
        while True:
            try:
                words.append(self.get_nowait())
            except Empty:
                return words


def run(
    blocks: Iterable[SampleBlock], detector: Judge, alarm: Alarm, inbox: Inbox, sinks: Sequence[Sink]
) -> None:
    """Judge every block and tell every sink, until the blocks end."""
    for block in blocks:
        events = detector.update(block)
        alerts = alarm.update(block.end_s, events, inbox.drain())
        status = alarm.status
        for sink in sinks:
            sink(block, events, alerts, status)
