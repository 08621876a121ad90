"""One device's spotter client, in a thread of its own: between the page and the device."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

import msgspec

from monitor.core.vocabulary import Priority
from monitor.delivery.messages import Clip, Gait, Moment, State, now
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.escalation import Escalation, Push
from monitor.spotter.incident import Incident, Notice
from monitor.spotter.page.labels import Label
from monitor.spotter.page.tile import Look, Tile, tile

STRIP_S = 90.0
LINES = 500
SLICE_S = 10.0
SLICES = 720  # two hours
TURN_S = 0.25
PUSHES_PER_MINUTE = 6
TILE_S = 1.0
"""A page without a word for three of these has lost its server."""

REJOINED_S = 5.0
"""So long after we have the broker again a device may take to be heard of; what is silent then is itself."""

LABELS_S = 7 * 86400.0
"""Labels as old as this are said again to a device that comes back, or begins a run: it may lack them."""

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Line(msgspec.Struct, frozen=True):
    """A line of the session's log."""

    number: int
    wall_s: float
    tone: str
    text: str
    incident: str
    kind: str
    label: str = ""


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A second of the strip, ``age_s`` ago."""

    age_s: float
    sway_percent: float | None
    rhythm_percent: float | None
    direction: str


def time_of_day(mono_s: float) -> str:
    """Of a monotonic time, on this machine's clock."""
    return time.strftime("%H:%M:%S", time.localtime(time.time() - time.monotonic() + mono_s))


class Slice(msgspec.Struct, array_like=True):
    """Ten seconds of the session."""

    wall_s: float
    steps: int = 0
    backward: int = 0


class Course:
    """Steps over time, from heartbeats that count them."""

    def __init__(self) -> None:
        self._slices: deque[Slice] = deque(maxlen=SLICES)
        self._before: tuple[str, int, int] | None = None

    def add(self, state: State, wall_s: float) -> None:
        """Take in a heartbeat."""
        now_is = (state.boot, state.steps, state.gait.steps_backward)
        before, self._before = self._before, now_is
        begin_s = wall_s // SLICE_S * SLICE_S
        if not self._slices or self._slices[-1].wall_s < begin_s:
            self._slices.append(Slice(begin_s))
        if before is not None and before[0] == state.boot:
            self._slices[-1].steps += max(0, now_is[1] - before[1])
            self._slices[-1].backward += max(0, now_is[2] - before[2])

    def slices(self) -> list[Slice]:
        """So far; from any thread."""
        return list(self._slices)


class Station:
    """``changed`` gets each new tile, in this thread. ``names`` and ``has`` are for SpotterClient.

    ``push`` gets what phones without an open page are to be sent, ``labels`` are those given since a wall
    time. One of ``several`` leaves it to others to say that the broker is lost. Raises what SpotterClient
    raises.
    """

    def __init__(
        self,
        settings: MqttSettings,
        changed: Callable[[Tile], None],
        names: Callable[[], Collection[str]],
        has: Callable[[Incident, str], bool],
        push: Callable[[str, list[Push]], None] | None = None,
        labels: Callable[[float], list[Label]] = lambda _wall_s: [],
        several: bool = False,
    ) -> None:
        self.device = settings.device
        self._several = several
        self._changed = changed
        self._names = names
        self._push = push
        self._labels = labels
        self._unsaid: deque[Label] = deque()
        self._contact = ""  # the run with which there is contact
        self._escalation = Escalation(self.device, Priority.MEDIUM, PUSHES_PER_MINUTE, time_of_day)
        self._client = SpotterClient(settings, "page", has=has, names=names, pictures=True)
        self._orders: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._strip: deque[tuple[float, Gait]] = deque(maxlen=round(STRIP_S / TILE_S) + 1)
        self._lines: deque[Line] = deque(maxlen=LINES)
        self._course = Course()
        self._count = 0
        self._beat = (0, "")
        self._look: Look | None = None
        self._look_s = time.monotonic()
        self._tile_s = float("-inf")
        self._cut_s = float("-inf")  # when we were last without the broker, and since then without contact
        self._seen: object = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"page-{self.device}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._client.wake()
        self._thread.join(3.0)

    def ask(self, what: Callable[[SpotterClient], Result]) -> "Future[Result]":
        """Have ``what`` done with the client, in its own thread."""
        future: Future[Result] = Future()

        def order() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(what(self._client))
            except Exception as error:  # noqa: BLE001  it is whoever asked who must learn of it
                future.set_exception(error)

        self._orders.put(order)
        self._client.wake()
        return future

    def strip(self, moment: Moment) -> list[Point]:
        """The last seconds of sway and rhythm; in this thread (`ask`)."""
        return [
            Point(round(moment.mono_s - at_s, 1), gait.sway_percent, gait.rhythm_percent, gait.direction)
            for at_s, gait in self._strip
        ]

    def log(self, since: int = 0) -> list[Line]:
        """The lines after number ``since``; from any thread."""
        return [line for line in list(self._lines) if line.number > since]

    def course(self) -> list[Slice]:
        """Steps over time; from any thread."""
        return self._course.slices()

    def clip(self, incident: str) -> Clip | None:
        """The signal around it; from any thread."""
        return self._client.view.clips.get(incident)

    def _cut(self, moment: Moment) -> bool:
        """Is there no contact because we are without the broker, or were until just now?"""
        view, silent_s = self._client.view, self._client.view.silent_s(moment)
        just_now = silent_s is not None and moment.mono_s - self._cut_s < REJOINED_S
        return bool(view.no_contact) and (not self._client.up or just_now)

    def _run(self) -> None:
        failed = ""
        try:
            while not self._stopping:
                try:
                    self._turn()
                except Exception as error:  # noqa: BLE001  the page must outlive a defect of its own
                    if repr(error) != failed:
                        failed = repr(error)
                        _log.exception("the page's client of %s failed and goes on", self.device)
                    time.sleep(TURN_S)
        finally:
            self._client.close()

    def _turn(self) -> None:
        notices = self._client.hear(TURN_S)
        while True:
            try:
                self._orders.get_nowait()()
            except Empty:
                break
        moment, view = now(), self._client.view
        if not self._client.up:
            self._cut_s = moment.mono_s
        elif not view.no_contact:
            self._cut_s = float("-inf")
        cut, heard = self._cut(moment), bool(self._names())
        self._say_labels(moment)
        for notice in notices:
            self._write(notice, moment)
        hushed = cut and self._several
        if self._push is not None and (pushes := self._escalation.step(view, moment.mono_s, hushed)):
            self._push(self.device, pushes)
        state = view.state
        incidents = tuple(view.incidents.values())
        seen = (state, view.no_contact, view.looked_after_by, incidents, self._count, cut, heard)
        if state is not None and (state.sequence, state.boot) != self._beat and not view.no_contact:
            self._beat = (state.sequence, state.boot)
            self._strip.append((moment.mono_s, state.gait))
            self._course.add(state, moment.wall_s)
        if seen != self._seen or moment.mono_s - self._tile_s >= TILE_S:
            self._seen, self._tile_s = seen, moment.mono_s
            shown = tile(view, self.device, moment, 0.0, self._count, cut=cut, heard=heard)
            if shown.look is not self._look:
                self._look, self._look_s = shown.look, moment.mono_s
            self._changed(msgspec.structs.replace(shown, look_s=moment.mono_s - self._look_s))

    def say(self, label: Label) -> None:
        """Have the device note it, now or when there is contact again; from any thread."""
        self.ask(lambda _: self._unsaid.append(label))

    def _say_labels(self, moment: Moment) -> None:
        """One in a turn: an answer must not wait behind them. The device takes one twice for one."""
        view = self._client.view
        contact = view.state.boot if view.state is not None and not view.no_contact else ""
        if contact and contact != self._contact:
            self._unsaid = deque(self._labels(moment.wall_s - LABELS_S))
        self._contact = contact
        if contact and self._unsaid:
            label = self._unsaid.popleft()
            self._client.label(label.incident, label.label, label.who, moment.wall_s - label.wall_s)

    def _write(self, notice: Notice, moment: Moment) -> None:
        if notice.reminds:
            return
        self._count += 1
        incident = notice.incident
        self._lines.append(
            Line(
                self._count,
                moment.wall_s,
                notice.tone.value,
                notice.text,
                incident.id if incident else "",
                incident.kind.value if incident else "",
            )
        )
