"""The line put together: the detector, the alarm and the sinks behind them. How it runs is loop.py's.

Live, replay, demo and calibration differ in where blocks come from and which sinks listen; hardware and
monitor, which know nothing of each other, meet here and in the commands.
"""

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from math import inf
from pathlib import Path

from firmware import card
from firmware.panel import Panel
from firmware.power import undervoltage
from firmware.sampler import Sampler
from monitor import log
from monitor.core.alarm import Alarm
from monitor.core.bookmark import meant
from monitor.core.detector import Detector
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Event, EventKind, FaultCode, Input, InputKind, Status
from monitor.delivery.credentials import SecretError
from monitor.delivery.link import Link
from monitor.delivery.link_health import OVERDUE_S
from monitor.delivery.memory import Memory
from monitor.delivery.messages import Moment
from monitor.delivery.outbox import machine_boot, recall
from monitor.fences import Fences
from monitor.loop import Inbox, Sink, run
from monitor.narrator import Narrator, session_words
from monitor.recordings.journal.journal import Journal
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.rows import Opening
from monitor.settings import Settings
from monitor.settings_text import detecting, fingerprint
from monitor.weights import shipped

POWER_BLOCKS = 40
"""Blocks between two looks at the supply: 2 s, as often as the kernel asks the Pi."""

CARD_BLOCKS = 1200
"""Blocks between two looks at the card: a minute."""

_log = logging.getLogger(__name__)


class Line:
    """Everything behind the blocks: detector, alarm and sinks.

    ``publish`` puts the link to the broker among the sinks, ``store`` is its outbox's file: what it left open
    is open again, and if it was armed it is armed at once. ``journal`` is the file in which the session is
    recorded, ``form`` how the blocks' samples came about. ``told_from_s``
    is the time that the narrator counts from, ``quiet_until_s`` from when on it speaks, ``events`` lets it
    list every event. ``clock`` is the one that
    the blocks' times are on, ``overdue_s`` the time without an acknowledgement after which the link is lost.
    ``boot`` names the run; a session that is replayed keeps its own.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        publish: bool,
        store: Path | None = None,
        journal: Path | None = None,
        form: Callable[[], Form] = Form,
        told_from_s: float | None = None,
        quiet_until_s: float = -inf,
        events: bool = False,
        clock: Callable[[], float] = time.monotonic,
        overdue_s: float = OVERDUE_S,
        boot: str = "",
    ) -> None:
        self.inbox = Inbox()
        self.detector = Detector(settings, shipped())
        boot = boot or secrets.token_hex(4)
        before = recall(store, Moment(clock(), time.time()), machine_boot()) if store else Memory()
        self.alarm = Alarm(settings.alarm, settings.arming, boot, before.incidents, before.sequence)
        if before.armed:
            self.inbox.put(Input(InputKind.RESUME))
        self.panel = Panel(settings.panel)
        self._panel_faults: dict[str, str] = {}
        self._report_panel()
        self.narrator = Narrator(self._look, told_from_s, events=events, quiet_until_s=quiet_until_s)
        self.delivered = True  # once it has run: has the broker acknowledged every alert?
        self.journal = (
            Journal(
                journal,
                settings.journal,
                Opening(
                    boot,
                    settings.mqtt.device,
                    version("rearguard"),
                    fingerprint(settings),
                    detecting(settings),
                ),
                form=form,
                heard=lambda: self.inbox.latest,
                tell=self.inbox.put,
                clock=clock,
            )
            if journal and settings.journal.record
            else None
        )
        self._bookmarks = self.journal is not None and settings.journal.bookmark_by_button
        self._step_s = -inf  # the last one's time
        self.link: Link | None = None
        if publish:
            try:
                self.link = Link(
                    settings.mqtt,
                    self.inbox,
                    store,
                    fingerprint(settings),
                    version("rearguard"),
                    clock=lambda: Moment(clock(), time.time()),
                    ignored=lambda: self.alarm.ignored,
                    boot=boot,
                    first=before.sequence,
                    overdue_s=overdue_s,
                    lost=before.lost,
                )
            except SecretError as error:  # that costs the spotter, not the buzzer
                _log.error(
                    "%s: only lamp and buzzer alert until this is mended and Rearguard restarted", error
                )
                self.inbox.put(Input(InputKind.LINK_LOST, reason=str(error)))

    def run(self, blocks: Iterable[SampleBlock], last: Mapping[str, Sink] | None = None) -> None:
        """Run the loop to the end of ``blocks``; what was reported last is still sent."""
        sinks: dict[str, Sink] = {
            **({"link": self.link} if self.link else {}),
            "panel": self._show,
            "narrator": self.narrator,
            **({"journal": self.journal} if self.journal else {}),
            **(last or {}),
            "dead-man line": self._beat,
        }
        if self.link:
            self.link.start()
        if self.journal:
            self.journal.start()
        with ExitStack() as at_end:
            at_end.callback(self.narrator.close)
            at_end.callback(self.panel.close)
            if self.journal:
                at_end.callback(self.journal.close)
            if self.link:
                at_end.callback(self.link.stop)
                at_end.callback(self._drain, self.link)
            run(self._with_panel(blocks), self.detector, self.alarm, self.inbox, sinks)
        # How somebody walks is private to the journal.
        words = f"session: {session_words(self.detector.facts)}"
        print(log.marked(words, logging.DEBUG, log.STANDARD_OUTPUT), flush=True)

    def _drain(self, link: Link) -> None:
        self.delivered = link.drain()

    def _show(self, _b: SampleBlock, events: Sequence[Event], _a: Sequence[Alert], status: Status) -> None:
        self._step_s = max((e.time_s for e in events if e.kind is EventKind.STEP), default=self._step_s)
        self.panel.show(status)

    def _beat(self, _b: SampleBlock, _e: Sequence[Event], _a: Sequence[Alert], _s: Status) -> None:
        self.panel.beat()

    def _with_panel(self, blocks: Iterable[SampleBlock]) -> Iterator[SampleBlock]:
        """The blocks; what the button and the panel's parts say goes into the inbox before each."""
        fences = Fences(self.inbox)
        for block in blocks:
            with fences.around("button", block.end_s):
                for press in self.panel.presses():
                    self.inbox.put(self._meant(press, block.end_s))
            with fences.around("panel's self-check", block.end_s):
                self._report_panel()
            yield block

    def _meant(self, press: Input, now_s: float) -> Input:
        """What a press means; a short sound says that it marked the moment."""
        said = meant(press, now_s - self._step_s) if self._bookmarks else press
        if said is not press:
            self.panel.confirm()
        return said

    def _report_panel(self) -> None:
        """Parts of the panel that fail, or work again, as faults of their own."""
        faults = self.panel.faults
        for part in self._panel_faults:
            if part not in faults:
                self.inbox.put(Input(InputKind.FAULT_GONE, fault=FaultCode.PANEL, part=part))
        for part, words in faults.items():
            if part not in self._panel_faults:
                self.inbox.put(Input(InputKind.FAULT, fault=FaultCode.PANEL, part=part, reason=words))
        self._panel_faults = faults

    def _look(self) -> str:
        return f"lamp: {self.panel.light} | {self.panel.sound}"


def warned(sampler: Sampler, inbox: Inbox) -> Iterator[SampleBlock]:
    """The sampler's blocks; its warning, the supply's and the card's go to the alarm."""
    warning = ""
    low = False
    worn = ""
    fences = Fences(inbox)
    for number, block in enumerate(sampler):
        supply = None
        with fences.around("supply's reading", block.end_s):
            supply = undervoltage() if number % POWER_BLOCKS == 0 else None
        if supply is not None and supply != low:  # None, it cannot be read, is no word that it is good again
            low = supply
            inbox.put(Input(InputKind.POWER_LOW if low else InputKind.POWER_GOOD))
        if number % CARD_BLOCKS == 0 and not worn:  # it does not heal while we run
            with fences.around("card's reading", block.end_s):
                worn = card.trouble() or ""
            if worn:
                inbox.put(Input(InputKind.FAULT, fault=FaultCode.CARD, reason=worn))
        if sampler.warning != warning:
            if warning:
                inbox.put(Input(InputKind.FAULT_GONE, fault=FaultCode.UNKNOWN_CHIP))
            if sampler.warning:
                inbox.put(Input(InputKind.FAULT, fault=FaultCode.UNKNOWN_CHIP, reason=sampler.warning))
            warning = sampler.warning
        yield block
