"""What a spotter knows: the device's state, the incidents of its alerts, and whether there is contact at all.

Arithmetic on messages; the terminal and the notifier show what it says. Contact is lost when the heartbeat
stops for ``NO_CONTACT_S`` or the last will speaks. A retained heartbeat proves nothing: only a sequence that
moves does.
"""

from dataclasses import replace
from math import inf

from monitor.core.vocabulary import Priority, Stage
from monitor.delivery import messages
from monitor.delivery.messages import (
    LIFETIME_S,
    OFFLINE,
    SWITCHED_OFF,
    AlertMessage,
    Clip,
    MessageError,
    Moment,
    State,
    Topics,
    decode_alert,
    decode_clip,
    decode_contact_answer,
    decode_state,
    known_as,
    printable,
)
from monitor.spotter.incident import LATE_S, Incident, Notice, Tone
from monitor.spotter.repetition import pause_s

NO_CONTACT_S = 3.0
"""Three heartbeats."""

REMIND_S = 5.0
"""The first reminder of lost contact, or of a high alert without an answer; later ones come more slowly."""

PICTURES = 50
"""Clips that are kept."""

ASKED_TIMES = 3
ASKED_LATEST = 64
"""So often missing alerts are asked for, and only among so many: the device keeps no more."""


class SpotterView:
    """One device as its spotter sees it. ``update`` takes messages, ``tick`` the passing of time.

    Those for whom our own ``account`` speaks are called by their own names, without it.
    ``no_contact`` says why there is none, "" while there is; ``looked_after_by`` is who has said that he
    looks after it, ``rung`` whether it has been cause for alarm yet.
    """

    def __init__(self, device: str, no_contact_s: float = NO_CONTACT_S, account: str = "") -> None:
        self._no_contact_s = no_contact_s
        self._account = account
        self._topics = Topics(device)
        self.state: State | None = None
        self.incidents: dict[str, Incident] = {}  # open ones, and ended ones of the present run
        self.clips: dict[str, Clip] = {}  # by incident, the latest ones
        self.no_contact = "no heartbeat yet"
        self.looked_after_by = ""
        self.rung = False
        self.lost_s: float | None = None  # since when there is no contact
        self.ignored = self.duplicates = self.expired = 0
        self._switched_off = False
        self._reasons: set[str] = set()  # for lost contact, given since it was lost
        self._heard_s: float | None = None
        self._beat_s: float | None = None
        self._began_s: float | None = None
        self._reminded_s = float("-inf")
        self._offset_s = inf  # our monotonic clock less the device's, in its present run
        self._known: dict[str, set[int]] = {}  # by run
        self._numbers: set[int] = set()  # of the sequence that goes on from run to run: what has arrived
        self._since = 0  # alerts up to this one were before our time
        self._asked = (0, 0)
        self._over: dict[str, int] = {}  # ended incidents that are kept no more: their latest report
        self._orphans: set[str] = set()  # incidents that wait, and whose device has restarted

    @property
    def open(self) -> list[Incident]:
        """Open incidents, the most urgent first, then the newest."""
        incidents = [incident for incident in self.incidents.values() if not incident.stage.ended]
        return sorted(
            incidents, key=lambda incident: (-incident.priority, not incident.waits, -incident.event_s)
        )

    def silent_s(self, moment: Moment) -> float | None:
        """The age of the last heartbeat that proved anything, None if there was none."""
        return None if self._beat_s is None else moment.mono_s - self._beat_s

    @property
    def calm(self) -> bool:
        """The device was switched off in order, and nobody was being watched: nothing to worry about."""
        return self._switched_off and not (self.state and self.state.armed)

    def update(self, topic: str, payload: bytes, retained: bool, moment: Moment) -> list[Notice]:
        """Take a message; what it cannot read it ignores and counts."""
        try:
            if topic == self._topics.state:
                return self._beat(decode_state(payload), retained, moment)
            if topic in (self._topics.alert, self._topics.again):
                return [] if retained else self._alert(decode_alert(payload), moment)
            if topic == self._topics.clip:
                return [] if retained else self._picture(decode_clip(payload))
            if (account := self._topics.account(topic)) is not None:
                who = None if retained else decode_contact_answer(payload, account)
                return [] if who is None else self.look_after(self._called(who))
        except MessageError:
            self.ignored += 1
            return []
        if topic == self._topics.availability and payload in (OFFLINE, SWITCHED_OFF):
            self._heard_s = None
            self._switched_off = payload == SWITCHED_OFF
            return self._lose_contact(
                "the device was switched off" if self._switched_off else "the device is offline", moment
            )
        return []

    def _picture(self, clip: Clip) -> list[Notice]:
        self.clips[clip.id] = clip
        while len(self.clips) > PICTURES:
            del self.clips[next(iter(self.clips))]
        return []

    def disconnected(self, reason: str, moment: Moment) -> list[Notice]:
        """Our own connection to the broker is cut."""
        self._heard_s = None
        self._switched_off = False
        return self._lose_contact(reason, moment)

    def look_after(self, who: str) -> list[Notice]:
        """Somebody says that he looks after lost contact: no reminders until it is lost again."""
        if not self.no_contact or self.looked_after_by:
            return []
        self.looked_after_by = printable(who) or "somebody"
        return [Notice(Tone.NOTE, f"no contact: {self.looked_after_by} is looking after it")]

    def asks(self) -> int:
        """From which alert on to ask the device again, 0 for none. Call it after a heartbeat."""
        state = self.state
        if state is None or self.no_contact or state.waiting:
            return 0
        first = max(self._since, state.alerts - ASKED_LATEST) + 1
        missing = next((n for n in range(first, state.alerts + 1) if n not in self._numbers), 0)
        times = self._asked[1] if self._asked[0] == state.alerts else 0
        if not missing or times >= ASKED_TIMES:
            return 0
        self._asked = (state.alerts, times + 1)
        return missing

    def unreceipted(self, who: str) -> list[Incident]:
        """Urgent incidents of which the device does not know that ``who`` has the latest report."""
        state = self.state
        name = known_as(self._account, who)
        told = {(i.id, i.sequence): name in i.received_by for i in state.incidents} if state else {}
        return [
            incident
            for incident in self.open
            if incident.waits
            and incident.priority is Priority.HIGH
            and not told.get((incident.id, incident.sequence), False)
        ]

    def listening(self) -> tuple[str, ...]:
        """Whom the device takes for listening."""
        return tuple(self._called(name) for name in self.state.spotters) if self.state else ()

    def _called(self, who: str) -> str:
        return printable(who).removesuffix(f" ({self._account})" if self._account else "")

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
            self.lost_s = moment.mono_s if self.lost_s is None else self.lost_s
        heard_s = self._heard_s if self._heard_s is not None else self._began_s
        rung = self.no_contact and (self.rung or self.calm)
        if moment.mono_s - heard_s > self._no_contact_s and not rung:
            reason = self.no_contact or f"no heartbeat for {self._no_contact_s:.0f} s"
            return self._lose_contact(reason, moment)
        if self.no_contact and self.rung and not self.looked_after_by and self.lost_s is not None:
            return self._remind(self.lost_s, moment, f"still no contact: {self.no_contact}", None)
        for incident in self.open:
            if incident.waits and incident.priority is Priority.HIGH:
                words = f"{incident.name}, still without an answer"
                return self._remind(incident.event_s, moment, words, incident)
        return []

    def _remind(self, since_s: float, moment: Moment, words: str, incident: Incident | None) -> list[Notice]:
        lasted_s = moment.mono_s - since_s
        if moment.mono_s - self._reminded_s < pause_s(self._reminded_s - since_s, REMIND_S):
            return []
        self._reminded_s = moment.mono_s
        return [Notice(Tone.RING, words, incident, lasted_s, reminds=True)]

    def _lose_contact(self, reason: str, moment: Moment) -> list[Notice]:
        if not self.no_contact or self.lost_s is None:
            self.lost_s = moment.mono_s
        if self._switched_off and not self.calm:
            reason += " while armed"
        self.no_contact = reason
        new = reason not in self._reasons
        self._reasons.add(reason)
        if self.calm:
            self.rung = False
            return [Notice(Tone.NOTE, "switched off")] if new else []
        if self.rung:  # attempts that fail in turn for this reason and for that do not ring each time
            return [Notice(Tone.NOTE, f"no contact: {reason}")] if new else []
        self.rung = True
        self._reminded_s = moment.mono_s
        return [Notice(Tone.RING, f"NO CONTACT: {reason}")]

    def _beat(self, state: State, retained: bool, moment: Moment) -> list[Notice]:
        before, self.state = self.state, state
        if before is None:
            self._since = state.alerts
        elif state.boot != before.boot:
            # Numbers that an earlier run used, and did not live to write down, are used again.
            self._numbers = {number for number in self._numbers if number <= state.first}
            self._since = min(self._since, state.first)
        if before is None or retained:
            return []
        if state.boot == before.boot and state.sequence <= before.sequence:
            self.state = before
            return []
        if state.boot != before.boot:
            self._offset_s = inf
        # The quickest beat tells the clocks' difference best; wall clocks may jump at either end.
        self._offset_s = min(self._offset_s, moment.mono_s - state.mono_s)
        if self.no_contact:
            tone, words = arming(state)
            paused = ", sound paused" if state.sound_paused else ""
            notices = [Notice(Tone.NOTE if tone is Tone.RING else tone, f"contact: {words}{paused}")]
        else:
            notices = _changes(before, state)
        self.no_contact = self.looked_after_by = ""
        self.lost_s = None
        self.rung = self._switched_off = False
        self._reasons.clear()
        self._heard_s = self._beat_s = moment.mono_s
        return notices + self._reconcile(state, before, moment)

    def _reconcile(self, state: State, before: State, moment: Moment) -> list[Notice]:
        """The heartbeat lists what is open; reports we missed show by the difference."""
        if len(self.incidents) > len(self.open) + 50:  # before more end: who watches us must see them end
            ended = [incident for incident in self.incidents.values() if incident.stage.ended]
            self._over |= {incident.id: incident.sequence for incident in ended}
            self.incidents = {incident.id: incident for incident in self.open}
        notices = []
        open_now = {entry.id: entry for entry in state.incidents}
        for incident in self.open:
            if incident.id in open_now:
                self._orphans.discard(incident.id)
            elif incident.boot != state.boot and incident.sequence > state.first:
                notices += self._restarted(incident, state, before, moment)
            elif incident.sequence <= state.alerts:
                notices.append(
                    self._report(
                        replace(incident, stage=Stage.CLEARED), Tone.CALM, moment, f"{incident.name} over"
                    )
                )
        for entry in open_now.values():
            known = self.incidents.get(entry.id)
            if known is None or known.sequence < entry.sequence:
                incident = _incident_of(entry, state.boot, moment, self._called(entry.who))
                if known is not None:
                    incident = replace(incident, evidence=known.evidence)
                notices.append(self._report(incident, _tone(incident, known), moment))
            elif known.sequence == entry.sequence and entry.age_known and not known.age_known:
                event_s = moment.mono_s - entry.age_s
                self.incidents[entry.id] = replace(known, event_s=event_s, age_known=True)
        return notices

    def _restarted(self, incident: Incident, state: State, before: State, moment: Moment) -> list[Notice]:
        """Its device has no memory of it. High and unanswered it stays open here until somebody looks."""
        words = f"{incident.name}: the device has restarted, check on the walker"
        if not (incident.waits and incident.priority is Priority.HIGH):
            return [self._report(replace(incident, stage=Stage.CLEARED), Tone.RING, moment, words)]
        if incident.id not in self._orphans:
            self._orphans.add(incident.id)
            return [self._report(incident, Tone.RING, moment, words)]
        disarmed = before.armed and not state.armed and not state.waits_for
        looked_after = before.boot == state.boot and disarmed  # by whoever did so
        if looked_after or moment.mono_s - incident.event_s > LIFETIME_S[Priority.HIGH]:
            self.settle(incident.id)
            words = f"{incident.name}: " + ("ended by disarming" if looked_after else "expired")
            return [self._report(self.incidents[incident.id], Tone.CALM, moment, words)]
        return []

    def _alert(self, message: AlertMessage, moment: Moment) -> list[Notice]:
        known = self._known.setdefault(message.boot, set())
        if message.sequence in known:
            self.duplicates += 1
            return []
        known.add(message.sequence)
        if self.state is None or message.boot == self.state.boot or message.sequence <= self.state.first:
            self._numbers.add(message.sequence)
        age_s, age_known = self._age(message, moment)
        if message.sequence <= self._over.get(message.id, -1):
            return []  # the heartbeat alone has brought it, and its end, before its alert came
        before = self.incidents.get(message.id)
        if before is not None and message.sequence == before.sequence and not before.evidence:
            self.incidents[message.id] = replace(before, evidence=message.evidence)
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
            self._called(message.who),
            age_known,
            message.evidence or (before.evidence if before else {}),
        )
        if not incident.stage.ended and incident.waits and age_s > message.lifetime_s and age_known:
            self.expired += 1
            ended = replace(incident, stage=Stage.CLEARED)
            return [self._report(ended, Tone.NOTE, moment, f"{incident.name}, expired")]
        return [self._report(incident, _tone(incident, before), moment)]

    def _age(self, message: AlertMessage, moment: Moment) -> tuple[float, bool]:
        """How old it is, and whether that is known: it may have waited at the broker, for us to come back.

        By the heartbeat of its run we know its clock. Else there is only wall time, which may be wrong at
        either end.
        """
        age_s = max(message.age_s, 0.0)
        if self.state is not None and message.boot == self.state.boot and self._offset_s < inf:
            return max(age_s, moment.mono_s - self._offset_s - message.time_s), message.age_known
        waited_s = moment.wall_s - message.wall_s - age_s
        return age_s, message.age_known and abs(waited_s) < LATE_S

    def _report(self, incident: Incident, tone: Tone, moment: Moment, words: str = "") -> Notice:
        self.incidents[incident.id] = incident
        if tone is Tone.RING:
            self._reminded_s = moment.mono_s
        age_s = moment.mono_s - incident.event_s
        late = f", LATE: {age_s:.0f} s ago" if age_s > LATE_S else ""
        if not incident.age_known:
            late = ", LATE: age unknown"
        return Notice(tone, (words or incident.words()) + late, incident, age_s)


def _tone(incident: Incident, before: Incident | None) -> Tone:
    """How a report of it is given; ``before`` is what was known of it."""
    if incident.stage.ended:
        return Tone.CALM
    if incident.stage is Stage.ACKNOWLEDGED:
        # Somebody is coming, and now it is certain: he must learn it, but nothing need ring.
        surer = before is not None and before.certainty is not incident.certainty
        return Tone.WARN if surer else Tone.CALM
    return Tone.RING if incident.priority > Priority.LOW else Tone.NOTE


def arming(state: State) -> tuple[Tone, str]:
    """Is it armed, or why not, in words; and how good that is."""
    if state.waits_for:
        return Tone.NOTE, f"NOT YET ARMED: {printable(state.waits_for[0])}"
    return (Tone.CALM, "armed") if state.armed else (Tone.RING, "DISARMED")


def _changes(before: State, state: State) -> list[Notice]:
    """What has changed from one heartbeat to the next, but for incidents."""
    notices = []
    (_, was), (tone, words) = arming(before), arming(state)
    if words != was:
        if before.armed and tone is Tone.NOTE:  # taken off
            tone = Tone.WARN
        notices.append(Notice(tone if before.armed or tone is not Tone.RING else Tone.NOTE, words))
    if state.sound_paused != before.sound_paused:
        words = "sound paused" if state.sound_paused else "sound no longer paused"
        notices.append(Notice(Tone.NOTE if state.sound_paused else Tone.CALM, words))
    return notices


def _incident_of(entry: messages.Incident, boot: str, moment: Moment, who: str) -> Incident:
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
        who,
        entry.age_known,
    )
