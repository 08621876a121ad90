"""What phones are sent, and when again: arithmetic on the spotter's view, without network or clock.

One incident, one thread of messages, each with all reports so far; an unanswered high alert is repeated,
less and less often; its end is sent too. A limit a minute never holds back a high alert that newly waits for
an answer, nor its repetition; later reports of an incident that phones know wait for room, and the latest
carries them all. A limit a day leaves room for falls and calls for help at services that refuse more.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.core.vocabulary import AlertKind, Priority, Stage
from monitor.delivery.messages import NO_CONTACT, printable
from monitor.delivery.wording import KIND_WORDS
from monitor.spotter.incident import Incident
from monitor.spotter.repetition import pause_s
from monitor.spotter.view import SpotterView

FIRST_S = 15.0
"""An unanswered high alert is sent again so long after its first report, then less and less often."""

MINUTE_S = 60.0
DAY_S = 86_400.0
PER_DAY = 150
"""ntfy.sh takes 250 messages a day; the others are for falls and calls for help."""

PATIENCE_S = 2.0
"""A device out of contact for less, as when its broker restarts, wakes nobody."""


@dataclass(frozen=True, slots=True)
class Push:
    """One message to every phone, the newest first in its body. ``thread``: the same for one incident."""

    thread: str
    title: str
    body: str
    urgent: bool
    sequence: int = 0  # of the incident's latest report in it
    waits: bool = False  # for an answer
    buttons: tuple[tuple[str, str], ...] = ()  # words and address of each


@dataclass(slots=True)
class _Thread:
    title: str
    began_s: float
    high: bool
    lines: list[str] = field(default_factory=list)
    sequence: int = -1
    stage: Stage = Stage.ACTIVE
    sent_s: float = 0.0  # since when, or last, phones ring
    waits: bool = True
    known: bool = False  # to phones
    age_known: bool = True

    def due(self, now_s: float) -> bool:
        """Is it time to repeat?"""
        pause = pause_s(self.sent_s - self.began_s, FIRST_S)
        return self.high and self.waits and now_s - self.sent_s >= pause


class Escalation:
    """``step`` is called after every message and several times a second.

    ``at`` gives the time of day for a monotonic time of the view.
    """

    def __init__(
        self, device: str, least: Priority, per_minute: int, at: Callable[[float], str] = "{:.0f} s".format
    ) -> None:
        self._device = device
        self._least = least
        self._per_minute = per_minute
        self._at = at
        self._threads: dict[str, _Thread] = {}
        self._ended: deque[tuple[str, int]] = deque(maxlen=100)
        self._minute_s: deque[float] = deque()  # when the limit a minute let one pass
        self._day_s: deque[float] = deque()
        self._owed: dict[str, tuple[Push, bool]] = {}  # by thread, with whether it may use the reserve
        self._contact_s = float("-inf")
        self.held_back = 0

    @property
    def threads(self) -> frozenset[str]:
        """What is under way: incidents, and NO_CONTACT."""
        return frozenset(self._threads)

    def step(self, view: SpotterView, now_s: float, cut: bool = False) -> list[Push]:
        """What is to be sent now, the urgent first. ``now_s`` is the monotonic time of the view.

        While we are ``cut`` off from the broker, and others say so, lost contact is not sent.
        """
        pushes = []
        for name, (push, reserve) in list(self._owed.items()):
            if self._room(now_s, reserve):
                self._count(now_s)
                pushes.append(push)
                del self._owed[name]
        pushes += self._contact(view, now_s, cut)
        for incident in sorted(view.incidents.values(), key=lambda incident: -incident.priority):
            pushes += self._of_incident(incident, view, now_s)
        for name, thread in self._threads.items():
            if thread.due(now_s):
                lasting = _lasting(now_s - thread.began_s) if thread.age_known else "a time that nobody knows"
                headline = f"no answer for {lasting}"
                pushes += self._at_once(name, thread, headline, now_s)
        return sorted(pushes, key=lambda push: not push.urgent)

    def _of_incident(self, incident: Incident, view: SpotterView, now_s: float) -> list[Push]:
        thread = self._threads.get(incident.id)
        if thread is not None and incident.sequence <= thread.sequence and incident.stage is thread.stage:
            return []
        if thread is None:
            wanted = incident.priority >= self._least or incident.kind is AlertKind.TEST
            old = any(name == incident.id and incident.sequence <= last for name, last in self._ended)
            if not wanted or old or incident.stage.ended:
                return []
            began_s = min(now_s, incident.event_s) if incident.age_known else now_s
            thread = self._threads[incident.id] = _Thread("", began_s, False)
        high = incident.priority is Priority.HIGH
        newly = incident.waits and (not thread.waits or (high and not thread.high))
        if newly and thread.sequence >= 0:
            thread.began_s = now_s
        thread.age_known = incident.age_known
        thread.title = f"{KIND_WORDS[incident.kind]}: {self._device}"
        thread.high, thread.waits = high, incident.waits
        thread.sequence, thread.stage = incident.sequence, incident.stage
        thread.lines.insert(0, f"{self._at(incident.event_s)} {incident.words()}")
        if incident.stage.ended:
            del self._threads[incident.id]
            self._ended.append((incident.id, incident.sequence))
            return self._end(incident.id, thread, _end_words(incident, view), now_s)
        if incident.stage is Stage.ACKNOWLEDGED:
            certainty = f"{incident.certainty}, " if incident.kind is AlertKind.FALL else ""
            coming = f"{certainty}{incident.who or 'somebody'} is coming"
            return self._limited(incident.id, thread, coming, now_s)
        if newly and high:
            return self._at_once(incident.id, thread, incident.phase, now_s)
        return self._limited(incident.id, thread, incident.phase, now_s, urgent=high)

    def _contact(self, view: SpotterView, now_s: float, cut: bool) -> list[Push]:
        """No contact with the device. Sent if it was armed: that it is switched off otherwise is no news.

        What was armed is known even of a device that died before our time: its heartbeat is retained.
        """
        thread = self._threads.get(NO_CONTACT)
        if not view.no_contact or view.state is None or cut:
            self._contact_s = now_s
        if thread is not None:
            if not view.no_contact or view.calm:
                del self._threads[NO_CONTACT]
                still = _still(view)
                restored = f"CONTACT RESTORED, {f'but {still}' if still else 'watching'}"
                words = "switched off" if view.no_contact else restored
                return self._end(NO_CONTACT, thread, words, now_s)
            if view.looked_after_by and thread.waits:
                thread.waits = False
                words = f"{view.looked_after_by} is looking after it"
                return self._limited(NO_CONTACT, thread, words, now_s)
            return []
        armed = view.state is not None and view.state.armed
        if not armed or view.looked_after_by or now_s - self._contact_s < PATIENCE_S:
            return []
        line = f"{self._at(now_s)} {view.no_contact}"
        thread = self._threads[NO_CONTACT] = _Thread(f"NO CONTACT: {self._device}", now_s, True, [line])
        return self._at_once(NO_CONTACT, thread, "nobody knows how the walker is", now_s)

    def _at_once(self, name: str, thread: _Thread, headline: str, now_s: float) -> list[Push]:
        """The urgent push, whatever the limit a minute; it says what is still owed of its thread, too.

        Nothing limits those of incidents; their repetitions become rare by themselves.
        """
        thread.sent_s = now_s
        if name == NO_CONTACT:
            if not self._room_today(now_s):
                self.held_back += 1
                return []
            self._day_s.append(now_s)
        thread.known = True
        self._owed.pop(name, None)
        return [self._push(name, thread, headline, urgent=True)]

    def _limited(
        self, name: str, thread: _Thread, headline: str, now_s: float, urgent: bool = False
    ) -> list[Push]:
        """The push if there is room; else it is owed to phones that know of its thread."""
        push = self._push(name, thread, headline, urgent)
        self._owed.pop(name, None)
        reserve = (
            thread.high and not thread.waits and name != NO_CONTACT
        )  # a fall that is looked after, or over
        if not self._room(now_s, reserve):
            if thread.known:
                self._owed[name] = push, reserve
            else:
                self.held_back += 1
            return []
        if not thread.known:
            thread.known, thread.sent_s = True, now_s
        self._count(now_s)
        self.held_back = 0
        return [push]

    def _end(self, name: str, thread: _Thread, headline: str, now_s: float) -> list[Push]:
        """The last push of a thread; phones that do not know of it need none."""
        return self._limited(name, thread, headline, now_s) if thread.known else []

    def _push(self, name: str, thread: _Thread, headline: str, urgent: bool) -> Push:
        lines = [line for line in (headline, *thread.lines) if line]
        if self.held_back:
            plural = "s were" if self.held_back > 1 else " was"
            lines.insert(1, f"({self.held_back} message{plural} held back)")
        if len(self._day_s) >= PER_DAY - 1:
            lines.insert(1, f"({PER_DAY} messages in 24 hours: for now only falls and calls for help)")
        waits = thread.high and thread.waits and name != NO_CONTACT
        return Push(name, thread.title, "\n".join(lines), urgent, thread.sequence, waits)

    def _count(self, now_s: float) -> None:
        self._minute_s.append(now_s)
        self._day_s.append(now_s)

    def _room(self, now_s: float, reserve: bool) -> bool:
        while self._minute_s and now_s - self._minute_s[0] > MINUTE_S:
            self._minute_s.popleft()
        return len(self._minute_s) < self._per_minute and (reserve or self._room_today(now_s))

    def _room_today(self, now_s: float) -> bool:
        while self._day_s and now_s - self._day_s[0] > DAY_S:
            self._day_s.popleft()
        return len(self._day_s) < PER_DAY


def _end_words(incident: Incident, view: SpotterView) -> str:
    """All is clear only if it is armed and nothing else is open."""
    if incident.is_fault:
        return "OK again"
    still = _still(view)
    head = "over" if still else "ALL CLEAR"
    phase = "" if incident.stage is Stage.RECOVERED else incident.phase
    return ", ".join(filter(None, (head, phase, f"but {still}" if still else "")))


def _still(view: SpotterView) -> str:
    """What keeps all from being clear."""
    if view.no_contact or view.state is None:
        return "there is no contact"
    reasons = view.state.waits_for[:1]
    armed = "" if view.state.armed else ": ".join(("NOT ARMED", *map(printable, reasons)))
    names = dict.fromkeys(incident.name for incident in view.open if incident.priority > Priority.LOW)
    open_ = ", ".join(names)
    return "; ".join(filter(None, (armed, f"still open: {open_}" if open_ else "")))


def _lasting(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
