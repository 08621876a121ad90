"""What a spotter knows: the device's state, the incidents of its alerts, and whether it can be seen at all.

Arithmetic on messages; the terminal and the notifier show what it says. Receivers count themselves
blind when the heartbeat stops for ``BLIND_S`` or the last will speaks. A retained heartbeat proves nothing:
only a sequence that moves does.
"""

from dataclasses import dataclass, replace
from enum import Enum

from monitor.core.vocabulary import AlertKind, Certainty, Priority, Stage
from monitor.delivery import messages
from monitor.delivery.messages import (
    LIFETIME_S,
    OFFLINE,
    AlertMessage,
    MessageError,
    Moment,
    State,
    Topics,
    decode_alert,
    decode_state,
    printable,
)

BLIND_S = 3.0
"""Three heartbeats."""

REMIND_S = 5.0
"""How often blindness, or a high alert without an answer, sounds again."""

LATE_S = 5.0
"""An alert older than this is told with its age, not as news."""

ASKED_TIMES = 3
ASKED_LATEST = 64
"""So often missing alerts are asked for, and only among so many: the device keeps no more."""

PRIORITY_WORDS = {Priority.LOW: "low", Priority.MEDIUM: "medium", Priority.HIGH: "HIGH"}
KIND_WORDS = {
    AlertKind.FALL: "FALL",
    AlertKind.SOS: "CALL FOR HELP",
    AlertKind.STUMBLE: "stumble",
    AlertKind.UNSAFE_STEP: "unsafe step",
    AlertKind.SENSOR: "sensor",
    AlertKind.LINK: "link",
    AlertKind.BATTERY: "battery",
    AlertKind.FAULT: "fault",
    AlertKind.TEST: "test",
}


class Tone(Enum):
    """How a notice wants to be heard."""

    NOTE = "note"
    RING = "ring"
    WARN = "warn"  # as red as a ring, without its sound
    CALM = "calm"  # something is over, or is looked after


@dataclass(frozen=True, slots=True)
class Incident:
    """The latest report known of one incident. ``event_s`` is our monotonic time of what it reports."""

    id: str
    boot: str
    sequence: int
    kind: AlertKind
    priority: Priority
    certainty: Certainty
    stage: Stage
    event_s: float
    reason: str = ""
    who: str = ""

    @property
    def waits(self) -> bool:
        """Nobody has answered yet."""
        return self.stage is Stage.ACTIVE

    @property
    def phase(self) -> str:
        """Where it stands, in words: how certain while it is open, and who has reacted."""
        if self.stage.ended:
            return self.stage.value
        return self.certainty.value + (", acknowledged" if self.stage is Stage.ACKNOWLEDGED else "")


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the spotter. ``age_s`` is the event's age on receipt."""

    tone: Tone
    text: str
    incident: Incident | None = None
    age_s: float = 0.0


class SpotterView:
    """One device as its spotter sees it. ``update`` takes messages, ``tick`` the passing of time."""

    def __init__(self, device: str) -> None:
        self._topics = Topics(device)
        self.state: State | None = None
        self.incidents: dict[str, Incident] = {}  # open ones, and ended ones of the present run
        self.blind = "no heartbeat heard yet"
        self.ignored = self.duplicates = self.expired = 0
        self._rung = False
        self._heard_s: float | None = None
        self._began_s: float | None = None
        self._reminded_s = float("-inf")
        self._offset_s = float("inf")  # our monotonic clock less the device's, in its present run
        self._known: dict[str, set[int]] = {}
        self._since: dict[str, int] = {}  # by run: alerts up to this one were before our time
        self._asked = (0, 0)
        self._orphans: set[str] = set()  # incidents that wait, and whose device began anew

    @property
    def open(self) -> list[Incident]:
        """Incidents that stand, the most urgent first, then the newest."""
        incidents = [incident for incident in self.incidents.values() if not incident.stage.ended]
        return sorted(
            incidents, key=lambda incident: (-incident.priority, not incident.waits, -incident.event_s)
        )

    def update(self, topic: str, payload: bytes, retained: bool, moment: Moment) -> list[Notice]:
        """Take a message; what it cannot read it ignores and counts."""
        try:
            if topic == self._topics.state:
                return self._beat(decode_state(payload), retained, moment)
            if topic == self._topics.alert:
                return [] if retained else self._alert(decode_alert(payload), moment)
        except MessageError:
            self.ignored += 1
            return []
        if topic == self._topics.availability and payload == OFFLINE:
            self._heard_s = None
            return self._go_blind("the device has left or died (its last will)", moment)
        return []

    def disconnected(self, reason: str, moment: Moment) -> list[Notice]:
        """Our own way to the broker is cut."""
        self._heard_s = None
        return self._go_blind(reason, moment)

    def asks(self) -> bool:
        """Is it time to ask the device for alerts that have not arrived? Call it after a heartbeat."""
        state = self.state
        if state is None or self.blind or state.waiting:
            return False
        known = self._known.get(state.boot, set())
        first = max(self._since[state.boot], state.alerts - ASKED_LATEST) + 1
        missing = sum(n not in known for n in range(first, state.alerts + 1))
        times = self._asked[1] if self._asked[0] == state.alerts else 0
        if not missing or times >= ASKED_TIMES:
            return False
        self._asked = (state.alerts, times + 1)
        return True

    def settle(self, incident_id: str) -> bool:
        """End an incident that its device no longer knows, answered here; False if it is no such incident."""
        if incident_id not in self._orphans:
            return False
        self._orphans.remove(incident_id)
        self.incidents[incident_id] = replace(self.incidents[incident_id], stage=Stage.CLEARED)
        return True

    def tick(self, moment: Moment) -> list[Notice]:
        """What silence says; call it several times a second."""
        if self._began_s is None:
            self._began_s = moment.mono_s
        heard_s = self._heard_s if self._heard_s is not None else self._began_s
        silence_s = moment.mono_s - heard_s
        if silence_s > BLIND_S and not (self.blind and self._rung):
            return self._go_blind(self.blind or f"no heartbeat for {BLIND_S:.0f} s", moment)
        if moment.mono_s - self._reminded_s < REMIND_S:
            return []
        if self.blind and self._rung:
            self._reminded_s = moment.mono_s
            return [Notice(Tone.RING, f"still blind: {self.blind}")]
        waiting = [
            incident for incident in self.open if incident.waits and incident.priority is Priority.HIGH
        ]
        if waiting:
            self._reminded_s = moment.mono_s
            incident = waiting[0]
            age_s = moment.mono_s - incident.event_s
            return [
                Notice(Tone.RING, f"{KIND_WORDS[incident.kind]} still without an answer", incident, age_s)
            ]
        return []

    def _go_blind(self, reason: str, moment: Moment) -> list[Notice]:
        again = self._rung and self.blind == reason
        self.blind = reason
        if again:
            return []
        self._rung = True
        self._reminded_s = moment.mono_s
        return [Notice(Tone.RING, f"BLIND: {reason}")]

    def _beat(self, state: State, retained: bool, moment: Moment) -> list[Notice]:
        before, self.state = self.state, state
        self._since.setdefault(state.boot, state.alerts if before is None else 0)
        if before is None or retained:
            return []
        if state.boot == before.boot and state.sequence <= before.sequence:
            self.state = before
            return []
        if state.boot != before.boot:
            self._offset_s = float("inf")
        # The quickest beat tells the clocks' difference best; wall clocks may jump at either end.
        self._offset_s = min(self._offset_s, moment.mono_s - state.mono_s)
        notices = []
        if self.blind:
            notices.append(Notice(Tone.CALM, "the device is seen: " + _axes(state)))
        elif _axes(state) != _axes(before):
            tone = Tone.RING if before.armed and not state.armed else Tone.NOTE
            notices.append(Notice(tone, _axes(state)))
        notices += [
            Notice(Tone.NOTE, f"fault: {printable(fault)}")
            for fault in state.faults
            if fault not in before.faults
        ]
        self.blind = ""
        self._rung = False
        self._heard_s = moment.mono_s
        return notices + self._reconcile(state, before, moment)

    def _reconcile(self, state: State, before: State, moment: Moment) -> list[Notice]:
        """The heartbeat says what stands; stages we missed show by the difference."""
        if len(self.incidents) > len(self.open) + 50:  # before more end: who watches us must see them end
            self.incidents = {incident.id: incident for incident in self.open}
        notices = []
        open_now = {entry.id: entry for entry in state.incidents}
        for incident in self.open:
            if incident.boot != state.boot:
                notices += self._began_anew(incident, state, before, moment)
            elif incident.id not in open_now and incident.sequence <= state.alerts:
                notices.append(
                    self._tell(replace(incident, stage=Stage.CLEARED), Tone.CALM, moment, "no longer stands")
                )
        for entry in open_now.values():
            known = self.incidents.get(entry.id)
            if known is None or known.sequence < entry.sequence:
                incident = _incident_of(entry, state.boot, moment)
                tone = Tone.RING if incident.waits and incident.priority > Priority.LOW else Tone.NOTE
                notices.append(self._tell(incident, tone, moment, "stands"))
        return notices

    def _began_anew(self, incident: Incident, state: State, before: State, moment: Moment) -> list[Notice]:
        """Its device knows it no longer. High and unanswered it stays open here, until somebody looks."""
        words = "its device began anew: look!"
        high = incident.waits and incident.priority is Priority.HIGH
        if not high:
            return [self._tell(replace(incident, stage=Stage.CLEARED), Tone.RING, moment, words)]
        if incident.id not in self._orphans:
            self._orphans.add(incident.id)
            return [self._tell(incident, Tone.RING, moment, words)]
        looked_after = before.boot == state.boot and before.armed and not state.armed  # by whoever disarmed
        if looked_after or moment.mono_s - incident.event_s > LIFETIME_S[Priority.HIGH]:
            self.settle(incident.id)
            words = "disarmed" if looked_after else "expired"
            return [self._tell(self.incidents[incident.id], Tone.CALM, moment, words)]
        return []

    def _alert(self, message: AlertMessage, moment: Moment) -> list[Notice]:
        known = self._known.setdefault(message.boot, set())
        if message.sequence in known:
            self.duplicates += 1
            return []
        known.add(message.sequence)
        age_s = max(message.age_s, 0.0)
        if self.state is not None and message.boot == self.state.boot:
            age_s = max(age_s, moment.mono_s - self._offset_s - message.time_s)
        before = self.incidents.get(message.id)
        if before is not None and message.sequence <= before.sequence:
            return []  # a stage overtaken by a later one, or already known from the heartbeat
        incident = Incident(
            message.id,
            message.boot,
            message.sequence,
            message.kind,
            message.priority,
            message.certainty,
            message.stage,
            moment.mono_s - age_s,
            printable(message.reason),
            printable(message.who),
        )
        if incident.stage.ended:
            return [self._tell(incident, Tone.CALM, moment)]
        if incident.stage is Stage.ACKNOWLEDGED:
            more_certain = before is not None and before.certainty is not incident.certainty
            return [self._tell(incident, Tone.WARN if more_certain else Tone.CALM, moment)]
        if age_s > message.lifetime_s:
            self.expired += 1
            return [self._tell(replace(incident, stage=Stage.CLEARED), Tone.NOTE, moment, "expired")]
        return [self._tell(incident, Tone.RING if incident.priority > Priority.LOW else Tone.NOTE, moment)]

    def _tell(self, incident: Incident, tone: Tone, moment: Moment, remark: str = "") -> Notice:
        self.incidents[incident.id] = incident
        if tone is Tone.RING:
            self._reminded_s = moment.mono_s
        age_s = moment.mono_s - incident.event_s
        words = [
            KIND_WORDS[incident.kind],
            remark or incident.phase,
            PRIORITY_WORDS[incident.priority] + " priority",
        ]
        if incident.who:
            words.append(f"by {incident.who}")
        if incident.reason and not incident.stage.ended:
            words.append(incident.reason)
        if age_s > LATE_S:
            words.append(f"LATE: {age_s:.0f} s ago")
        return Notice(tone, ", ".join(words), incident, age_s)


def _axes(state: State) -> str:
    armed = "armed" if state.armed else "DISARMED"
    if state.waits_for:
        armed = f"NOT YET ARMED: {printable(state.waits_for[0])}"
    return armed + (", sound paused" if state.sound_paused else "")


def _incident_of(entry: messages.Incident, boot: str, moment: Moment) -> Incident:
    return Incident(
        entry.id,
        boot,
        entry.sequence,
        entry.kind,
        entry.priority,
        entry.certainty,
        entry.stage,
        moment.mono_s - entry.age_s,
        printable(entry.reason),
        printable(entry.who),
    )
