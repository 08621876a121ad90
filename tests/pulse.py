"""A stand-in for the sensor's loop: gives a link its block every 50 ms, and raises alerts on demand.

The alerts' stories follow a spotter's answers as the real alarm's do.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import SimpleQueue
from typing import Self

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Event,
    Evidence,
    Input,
    InputKind,
    Priority,
    Stage,
    Status,
    Waiting,
)
from monitor.delivery.link import Link

STAGES = {
    InputKind.COMING: Stage.ACKNOWLEDGED,
    InputKind.FALSE_ALARM: Stage.CANCELLED,
    InputKind.CLEAR: Stage.CLEARED,
}


PATIENCE_S = 60.0
"""So long a test waits for what must happen: a busy machine may be slow, but nothing may hang for ever."""


def wait_until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Return as soon as the condition holds; fail if it does not for very long."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.01)


class Pulse:
    """Runs ``link``; ``heard`` collects what came through its inbox."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.heard: list[Input] = []
        self.linked = False  # the broker has answered for the first time
        self.hung = False
        self.armed = True
        self.handed_s: dict[str, float] = {}  # by incident: the wall time of its latest report
        self.waits_for: tuple[Waiting, ...] = ()
        self.events: Callable[[float], Sequence[Event]] = lambda _time_s: ()
        self.samples: Callable[[float], SampleBlock] = lambda time_s: SampleBlock.silent(time_s, "")
        self._wanted: SimpleQueue[Alert] = SimpleQueue()
        self._standing: dict[str, Alert] = {}
        self._sequence = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def raise_alert(
        self,
        alert_id: str,
        kind: AlertKind = AlertKind.FALL,
        priority: Priority = Priority.HIGH,
        evidence: Evidence | None = None,
        certainty: Certainty = Certainty.SUSPECTED,
        stage: Stage = Stage.ACTIVE,
        reason: str = "",
    ) -> None:
        at = (certainty, stage, time.monotonic())
        self._wanted.put(Alert(alert_id, 0, kind, priority, *at, evidence or {}, reason))

    def kinds(self) -> list[InputKind]:
        return [word.kind for word in self.heard]

    def _run(self) -> None:
        while not self._end.wait(BLOCK_S):
            if not self.hung:
                self._block()

    def _block(self) -> None:
        time_s = time.monotonic()
        alerts = []
        while not self.link.inbox.empty():
            word = self.link.inbox.get()
            if word.kind is InputKind.LINK_BACK and not self.linked:
                self.linked = True
                continue
            if word.kind is InputKind.RECEIVED:
                self._receive(word)
                continue
            self.heard.append(word)
            if word.kind in STAGES and word.alert_id in self._standing:
                before = self._standing[word.alert_id]
                alerts.append(replace(before, stage=STAGES[word.kind], time_s=time_s, who=word.who))
        while not self._wanted.empty():
            alerts.append(self._wanted.get())
        for place, alert in enumerate(alerts):
            self._sequence += 1
            alerts[place] = replace(alert, sequence=self._sequence, received_by=())
            self._standing[alert.id] = alerts[place]
            if alert.stage.ended:
                del self._standing[alert.id]
        status = Status(self.armed, False, tuple(self._standing.values()), time_s, self.waits_for)
        self.handed_s.update((alert.id, time.time()) for alert in alerts)
        self.link(self.samples(time_s), self.events(time_s), alerts, status)

    def _receive(self, receipt: Input) -> None:
        alert = self._standing.get(receipt.alert_id)
        if alert is not None and alert.sequence == receipt.sequence:
            names = dict.fromkeys((*alert.received_by, receipt.who))
            self._standing[alert.id] = replace(alert, received_by=tuple(names))

    def __enter__(self) -> Self:
        self.link.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.link.stop()
