"""The line put together: the detector, the alarm and the sinks behind them. How it runs is loop.py's.

Live, replay, demo and calibration differ in where blocks come from and which sinks listen; hardware and
monitor, which know nothing of each other, meet here and in the commands.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from firmware.errors import FirmwareError
from firmware.panel import Panel
from firmware.power import undervoltage
from firmware.sampler import Sampler
from monitor.core.alarm import Alarm
from monitor.core.detector import Detector
from monitor.core.vocabulary import Alert, Event, FaultCode, Input, InputKind, SampleBlock, Status
from monitor.delivery.link import Link
from monitor.loop import Inbox, Sink, run
from monitor.narrator import Narrator
from monitor.settings import Settings
from monitor.settings_text import fingerprint
from monitor.weights import shipped

POWER_BLOCKS = 40
"""Blocks between two looks at the supply: 2 s, as often as the kernel asks the Pi."""


class Line:
    """Everything behind the blocks: detector, alarm and sinks.

    ``publish`` puts the link to the broker among the sinks, ``store`` is its outbox's file. ``told_from_s``
    is the time that the narrator counts from, ``events`` lets it list every event.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        publish: bool,
        store: Path | None = None,
        told_from_s: float | None = None,
        events: bool = False,
    ) -> None:
        self.inbox = Inbox()
        self.detector = Detector(settings, shipped())
        self.alarm = Alarm(settings.alarm, settings.arming)
        self.panel = _panel(settings, self.inbox)
        self.narrator = Narrator(self._look, told_from_s, events=events)
        self.delivered = True  # once it has run: has the broker acknowledged every alert?
        self.link: Link | None = None
        if publish:
            self.link = Link(
                settings.mqtt,
                self.inbox,
                store,
                fingerprint(settings),
                version("rearguard"),
                ignored=lambda: self.alarm.ignored,
            )

    def run(self, blocks: Iterable[SampleBlock], last: Sequence[Sink] = ()) -> None:
        """Run the loop to the end of ``blocks``; what was reported last is still sent."""
        sinks: list[Sink] = [self._show, *([self.link] if self.link else []), self.narrator, *last]
        if self.link:
            self.link.start()
        with ExitStack() as at_end:
            at_end.callback(self.narrator.close)
            at_end.callback(self.panel.close)
            if self.link:
                at_end.callback(self.link.stop)
                at_end.callback(self._drain, self.link)
            run(blocks, self.detector, self.alarm, self.inbox, sinks)
        print(f"session: {self.detector.facts}", flush=True)

    def _drain(self, link: Link) -> None:
        self.delivered = link.drain()

    def _show(self, _b: SampleBlock, _e: Sequence[Event], _a: Sequence[Alert], status: Status) -> None:
        self.panel.show(status)

    def _look(self) -> str:
        return f"walker's side: {self.panel.light} | {self.panel.sound}"


def _panel(settings: Settings, inbox: Inbox) -> Panel:
    """The walker's side; pins that cannot be driven are a standing fault, and the spotter hears of it."""
    try:
        return Panel(settings.panel, inbox.put)
    except FirmwareError as error:
        inbox.put(Input(InputKind.FAULT, fault=FaultCode.PANEL, part="the panel", reason=str(error)))
        return Panel(settings.panel, inbox.put, mock=True)


def warned(sampler: Sampler, inbox: Inbox) -> Iterator[SampleBlock]:
    """The sampler's blocks; its standing warning, and the supply's, go to the alarm."""
    warning = ""
    low = False
    for number, block in enumerate(sampler):
        if number % POWER_BLOCKS == 0 and bool(undervoltage()) != low:
            low = not low
            kind = InputKind.POWER_LOW if low else InputKind.POWER_GOOD
            inbox.put(Input(kind))
        if sampler.warning != warning:
            if warning:
                inbox.put(Input(InputKind.FAULT_GONE, fault=FaultCode.UNKNOWN_CHIP))
            if sampler.warning:
                inbox.put(Input(InputKind.FAULT, fault=FaultCode.UNKNOWN_CHIP, reason=sampler.warning))
            warning = sampler.warning
        yield block
