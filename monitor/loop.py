"""The machine, in one loop.

    bus -> chip -> mounting -> sampler -[SampleBlock]-> detector -[Event]-> alarm -[Alert]-> sinks
                                                                              ^
                  button, spotter's answers, requests, the link's state ------+

Live, replay, demo and tests run this loop; they differ in where blocks come from and who listens.

Threads: this loop has one of its own. The button (gpiozero), the MQTT link (paho) and the journal's writer
have theirs; what they say comes through the inbox only. Sinks return at once and wait for no disk or network.

Clocks: every time in here is monotonic and came with the samples. Wall time is added in messages.py, and by
the journal as one offset for each session.

Order of sinks: first the link, which only queues the alert for its file and for the network; then the panel,
the first piece of hardware; then the journal, which only collects; last the watchdog and the dead-man line,
which so vouch that a whole block went through. A stage or sink that fails stops no other: see fences.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Protocol

from monitor.core.alarm import Alarm
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Event, Input, Status
from monitor.fences import Fences

Sink = Callable[[SampleBlock, Sequence[Event], Sequence[Alert], Status], None]


class Detecting(Protocol):
    """What the loop needs of a detector."""

    def update(self, block: SampleBlock, /) -> list[Event]: ...

    def restart(self) -> None: ...


class Inbox(SimpleQueue[Input]):
    """Messages from other threads, handed to the loop block by block. ``latest``: those of the last block."""

    latest: Sequence[Input] = ()

    def drain(self) -> list[Input]:
        """All that has come since the last block."""
        inputs: list[Input] = []
        self.latest = inputs
        while True:
            try:
                inputs.append(self.get_nowait())
            except Empty:
                return inputs


def run(
    blocks: Iterable[SampleBlock],
    detector: Detecting,
    alarm: Alarm,
    inbox: Inbox,
    sinks: Mapping[str, Sink],
) -> None:
    """Hand every block to the detector, its events to the alarm, and all of it to every sink, in order."""
    fences = Fences(inbox)
    for block in blocks:
        events: list[Event] = []
        with fences.around("detector", block.end_s, restart=detector.restart):
            events = detector.update(block)
        alerts = _alerts(alarm, block.end_s, events, inbox.drain(), fences)
        status = fences.marked(alarm.status, "alarm")
        for name, sink in sinks.items():
            with fences.around(name, block.end_s):
                sink(block, events, alerts, status)


def _alerts(
    alarm: Alarm, end_s: float, events: Sequence[Event], inputs: Sequence[Input], fences: Fences
) -> list[Alert]:
    """One at a time, which changes nothing, but that one which makes the alarm fail costs no other."""
    alerts: list[Alert] = []
    for event in events:
        with fences.around("alarm", end_s):
            alerts += alarm.update(event.time_s, [event], [])
    for given in inputs:
        with fences.around("alarm", end_s):
            alerts += alarm.update(end_s, [], [given])
    with fences.around("alarm", end_s):
        alerts += alarm.update(end_s, [], [])
    return alerts
