"""What a phone is told, and when again: arithmetic on the spotter's view, without network or clock.

One incident, one thread of messages, each with all reports so far; an unanswered high alert is repeated; the
end is told too. A rate limit never holds back a high alert that newly waits for an answer, nor its
repetition; later reports of an incident that phones know wait for room, and the latest carries them all.
"""

from collections import deque
from dataclasses import dataclass, field

from monitor.core.vocabulary import AlertKind, Priority, Stage
from monitor.spotter.view import KIND_WORDS, Incident, SpotterView

REPEAT_S = (15.0, 30.0, 60.0)
"""An unanswered high alert is told again so long after its first word; then every minute."""

MINUTE_S = 60.0

PATIENCE_S = 2.0
"""A device out of sight for less, as when its broker restarts, wakes nobody."""

BLIND = "blind"
"""Takes the place of a incident's id for silence of the device."""


@dataclass(frozen=True, slots=True)
class Push:
    """One message to every phone. ``thread`` is the same for all messages of one incident."""

    thread: str
    title: str
    body: str
    urgent: bool


@dataclass(slots=True)
class _Thread:
    title: str
    began_s: float
    high: bool
    lines: list[str] = field(default_factory=list)
    event_s: float = 0.0  # of its first stage
    sequence: int = -1
    stage: Stage = Stage.ACTIVE
    repeats: int = 0
    waits: bool = True
    told: bool = False  # phones know of it

    def due(self, now_s: float) -> bool:
        """Is it time to repeat?"""
        past = self.repeats - len(REPEAT_S)
        after_s = REPEAT_S[self.repeats] if past < 0 else REPEAT_S[-1] + MINUTE_S * (past + 1)
        return self.high and self.waits and now_s - self.began_s >= after_s


class Escalation:
    """``step`` is called after every message and several times a second."""

    def __init__(self, device: str, least: Priority, per_minute: int) -> None:
        self._device = device
        self._least = least
        self._per_minute = per_minute
        self._threads: dict[str, _Thread] = {}
        self._ended: deque[tuple[str, int]] = deque(maxlen=100)
        self._sent_s: deque[float] = deque()
        self._owed: dict[str, Push] = {}  # by thread
        self._seen_s = float("-inf")
        self.held_back = 0

    def step(self, view: SpotterView, now_s: float) -> list[Push]:
        """What is to be told now. ``now_s`` is the monotonic time of the view."""
        pushes = []
        while self._owed and self._room(now_s):
            self._sent_s.append(now_s)
            pushes.append(self._owed.pop(next(iter(self._owed))))
        pushes += self._silence(view, now_s)
        for incident in sorted(view.incidents.values(), key=lambda incident: -incident.priority):
            pushes += self._incident_pushes(incident, now_s)
        for name, thread in self._threads.items():
            if thread.due(now_s):
                thread.repeats += 1
                waited_s = now_s - thread.began_s
                pushes.append(self._at_once(name, thread, f"no answer for {waited_s:.0f} s"))
        return pushes

    def _incident_pushes(self, incident: Incident, now_s: float) -> list[Push]:
        thread = self._threads.get(incident.id)
        if thread is not None and incident.sequence <= thread.sequence and incident.stage is thread.stage:
            return []
        if thread is None:
            told = incident.priority >= self._least or incident.kind is AlertKind.TEST
            known = any(name == incident.id and incident.sequence <= last for name, last in self._ended)
            if not told or known or incident.stage.ended:
                return []
            thread = self._threads[incident.id] = _Thread("", now_s, False, event_s=incident.event_s)
        high = incident.priority is Priority.HIGH
        newly = incident.waits and (not thread.waits or (high and not thread.high))
        if newly:
            thread.began_s, thread.repeats = now_s, 0
        thread.title = f"{KIND_WORDS[incident.kind]}: {self._device}"
        thread.high = high
        thread.waits = incident.waits
        thread.sequence, thread.stage = incident.sequence, incident.stage
        by = f" by {incident.who}" if incident.who else ""
        why = f" ({incident.reason})" if incident.reason else ""
        words = f"{KIND_WORDS[incident.kind]} {incident.phase}{by}{why}"
        thread.lines.append(f"+{incident.event_s - thread.event_s:.0f} s: {words}")
        if incident.stage.ended:
            del self._threads[incident.id]
            self._ended.append((incident.id, incident.sequence))
            return self._limited(incident.id, thread, f"ALL CLEAR, {incident.stage}{by}", now_s)
        if incident.stage is Stage.ACKNOWLEDGED:
            return self._limited(
                incident.id, thread, f"{incident.certainty}, {incident.who or 'somebody'} is coming", now_s
            )
        if newly and high:
            return [self._at_once(incident.id, thread, incident.phase)]
        return self._limited(incident.id, thread, incident.phase, now_s, urgent=high)

    def _silence(self, view: SpotterView, now_s: float) -> list[Push]:
        """The device cannot be seen. Told if it was armed: that it is switched off is no news.

        What was armed is known even of a device that died before our time: its heartbeat is retained.
        """
        thread = self._threads.get(BLIND)
        if not view.blind or view.state is None:
            self._seen_s = now_s
        if not view.blind:
            if thread is None:
                return []
            del self._threads[BLIND]
            return self._limited(BLIND, thread, "ALL CLEAR, it is seen again", now_s)
        armed = view.state is not None and view.state.armed
        if thread is not None or not armed or now_s - self._seen_s < PATIENCE_S:
            return []
        thread = self._threads[BLIND] = _Thread(f"NO CONTACT: {self._device}", now_s, True, [view.blind])
        return [self._at_once(BLIND, thread, "nobody sees the walker")]

    def _at_once(self, name: str, thread: _Thread, headline: str) -> Push:
        """The urgent push, whatever the limit; it says what is still owed of its thread, too."""
        thread.told = True
        self._owed.pop(name, None)
        return self._push(name, thread, headline, urgent=True)

    def _limited(
        self, name: str, thread: _Thread, headline: str, now_s: float, urgent: bool = False
    ) -> list[Push]:
        """The push if there is room; else it is owed to phones that know of its thread."""
        push = self._push(name, thread, headline, urgent)
        self._owed.pop(name, None)
        if not self._room(now_s):
            if thread.told:
                self._owed[name] = push
            else:
                self.held_back += 1
            return []
        thread.told = True
        self._sent_s.append(now_s)
        self.held_back = 0
        return [push]

    def _push(self, name: str, thread: _Thread, headline: str, urgent: bool) -> Push:
        body = "\n".join([headline, *thread.lines])
        if self.held_back:
            body += f"\n({self.held_back} messages were held back)"
        return Push(name, thread.title, body, urgent)

    def _room(self, now_s: float) -> bool:
        while self._sent_s and now_s - self._sent_s[0] > MINUTE_S:
            self._sent_s.popleft()
        return len(self._sent_s) < self._per_minute
