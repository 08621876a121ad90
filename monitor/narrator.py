"""What happens at the walker's side, in lines of text: for journals, replays and the demo."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf, isnan
from queue import Full, Queue
from typing import TextIO

from monitor import log
from monitor.core.alarm_rules import CAUSED
from monitor.core.samples import SampleBlock
from monitor.core.session import Facts
from monitor.core.vocabulary import Alert, Event, EventKind, Evidence, FaultCode, Stage, Status
from monitor.delivery.wording import missing, reason_of

LISTED = frozenset(EventKind) - {EventKind.STEP, EventKind.STILL}
"""Steps are counted, not listed."""

UNWRITTEN = 1000
"""Lines that may wait for a slow terminal; more are dropped."""


class Narrator:
    """A sink of the loop. ``look`` says what lamp and buzzer do now; written when it changes.

    ``out`` is standard output where it is None. Times count from ``start_s``, the first block's end where it
    is None; nothing is written of what was before ``quiet_until_s``. A thread writes: a terminal that has
    stopped, or is gone, does not stop the loop. In systemd's journal nobody is named, each alert bears its id
    and sequence, and a fault is a warning.
    """

    def __init__(
        self,
        look: Callable[[], str] = lambda: "",
        start_s: float | None = None,
        *,
        events: bool = False,
        out: TextIO | None = None,
        quiet_until_s: float = -inf,
    ) -> None:
        self._look, self._start_s, self._events, self._out = look, start_s, events, out
        self._quiet_until_s = quiet_until_s
        self._journal = out is None and log.in_journal(log.STANDARD_OUTPUT)
        self._looked = ""
        self._armed = False
        self._lines: Queue[str | None] = Queue(UNWRITTEN)
        self._writer = threading.Thread(target=self._write, name="narrator", daemon=True)
        self._writer.start()

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], status: Status
    ) -> None:
        if self._start_s is None:
            self._start_s = block.end_s
        for event in events:
            if self._events and event.kind in LISTED:
                self._line(event.time_s, f"{event.kind}{_because(event.reason, event.evidence)}")
        for alert in map(_unnamed, alerts) if self._journal else alerts:
            who = f" by {alert.who}" if alert.who else ""
            phase = alert.stage.value if alert.stage.ended else alert.certainty.value
            if alert.stage is Stage.ACKNOWLEDGED:
                phase += f", {alert.stage}"
            kind, priority = alert.kind.replace("_", " "), alert.priority.name.lower()
            why = "" if alert.stage.ended else _because(reason_of(alert), {})
            name = f" [{alert.id} #{alert.sequence}]" if self._journal else ""
            fault = alert.kind in CAUSED and not alert.stage.ended
            level = logging.WARNING if fault else logging.INFO
            self._line(alert.time_s, f"ALERT {kind} {phase}{who} ({priority}){why}{name}", level)
        if self._armed and not status.armed and status.waits_for:  # taken off
            self._line(block.end_s, f"NOT YET ARMED: {missing(status.waits_for[0])}")
        self._armed = status.armed
        look = self._look()
        if look != self._looked and block.end_s >= self._quiet_until_s:
            self._looked = look
            self._line(block.end_s, look)

    def _line(self, time_s: float, words: str, level: int = logging.INFO) -> None:
        assert self._start_s is not None
        if time_s < self._quiet_until_s:
            return
        with suppress(Full):
            line = f"{time_s - self._start_s:7.2f} s  {words}"
            self._lines.put_nowait(log.marked(line, level, log.STANDARD_OUTPUT) if self._journal else line)

    def _write(self) -> None:
        for line in iter(self._lines.get, None):
            with suppress(OSError, ValueError):  # whoever read along has gone
                print(line, file=self._out, flush=True)

    def close(self) -> None:
        """Write what is left, for a second at most."""
        with suppress(Full):
            self._lines.put_nowait(None)
        self._writer.join(1.0)


def _unnamed(alert: Alert) -> Alert:
    """As it may be logged: without a person's name, and without what others or a defect say."""
    if alert.fault is FaultCode.PHONES:
        return replace(alert, who="", part="a notifier")
    if alert.fault is FaultCode.DEFECT:
        return replace(alert, who="", reason="a defect")
    return replace(alert, who="", reason=alert.reason if alert.kind in CAUSED else "")


def _because(reason: str, evidence: Evidence) -> str:
    figures = ", ".join(
        f"{name} {value:.4g}" + (f" (limit {limit:.4g})" if limit is not None else "")
        for name, (value, limit) in evidence.items()
    )
    return "".join(f": {part}" for part in (reason, figures) if part)


def session_words(facts: Facts) -> str:
    """The session in a line, as far as it is known."""
    figures = (
        ("cadence", facts.cadence_spm, 0, "steps per minute"),
        ("step time variability", facts.step_time_cv_percent, 1, "%"),
        ("asymmetry", facts.asymmetry_percent, 1, "%"),
        ("sway", facts.sway_dps, 0, "deg/s"),
    )
    known = [f"{name} {value:.{digits}f} {unit}" for name, value, digits, unit in figures if not isnan(value)]
    counted = [f"{facts.steps} steps", f"{facts.backward_steps} of them backward"]
    if facts.walking_s:
        counted.append(f"{facts.walking_s / 60:.1f} min of walking")
    return ", ".join([*counted, *known, f"longest backward run {facts.longest_backward_run} steps"])
