"""What becomes of what the detector saw: incidents, one alert for each report, until a person answers.

Everything that opens, moves and ends an incident is in alarm_rules.py; this file applies the rules. The
axes are independent: armed, each incident, sound paused. A fault is an incident of its own and can neither
end nor hide another.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from monitor.core.alarm_rules import (
    CAUSED,
    CAUSES,
    CURES,
    FAULTS,
    MOVES,
    OPENS,
    PRIORITY,
    RULES,
    Guard,
    Rule,
    Timer,
    Trigger,
    state_of,
)
from monitor.core.arming import Arming, ArmingSettings
from monitor.core.healing import Healing
from monitor.core.mounting_check import MountingCheck
from monitor.core.setting import number
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Event,
    EventKind,
    Evidence,
    FaultCode,
    Input,
    InputKind,
    Priority,
    Stage,
    Status,
)


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    stumble_over_s: float = number(
        10.0,
        2.0,
        60.0,
        "s",
        "time without a further stumble after which the alert ends by itself",
        "the spotter may miss it",
        "it stays longer on the phone",
    )
    unsafe_step_over_s: float = number(
        5.0,
        1.0,
        60.0,
        "s",
        "time without a further unsafe step after which the alert ends by itself",
        "the spotter may miss it",
        "it stays longer on the phone",
    )
    tiring_over_s: float = number(
        60.0,
        5.0,
        600.0,
        "s",
        "time after which the alert that the walker tires ends by itself, unless the walker rests before",
        "the spotter may miss it",
        "it stays longer on the phone",
    )
    button_lockout_s: float = number(
        1.0,
        0.0,
        5.0,
        "s",
        "time after an impact in which the button cannot cancel, because the fall itself may press it",
        "a fall may cancel itself",
        "the walker must wait before saying I'm OK",
    )
    pause_sound_s: float = number(
        120.0,
        10.0,
        600.0,
        "s",
        "how long a paused sound stays paused, unless something new happens",
        "it sounds again sooner",
        "an open alert stays silent longer",
    )
    coming_s: float = number(
        180.0,
        30.0,
        1800.0,
        "s",
        "how long somebody who is coming silences a fall or a call for help, unless it is cleared",
        "it sounds again while the spotter is on the way",
        "a spotter who never arrives is noticed later",
    )


TEST_OVER_S = 5.0

PRESSES = frozenset({InputKind.BUTTON_SHORT, InputKind.BUTTON_DOUBLE})
"""What a fall must not say; a long press calls for help, which after a fall can only be right."""

ANSWERS = frozenset({InputKind.COMING, InputKind.FALSE_ALARM, InputKind.CLEAR})
"""Inputs that must name the incident they are for."""

UNCLEARED = "{who} is coming, and nobody has cleared it"
"""Why what was acknowledged sounds again."""

UNVERIFIED = frozenset({AlertKind.FALL, AlertKind.SOS})
"""These are raised also while not armed, and say so."""

Key = tuple[AlertKind, FaultCode | None, str]
"""One incident is open per kind; of other faults one per code and part."""


@dataclass(frozen=True, slots=True)
class _News:
    """What a trigger brings to the incidents it concerns."""

    time_s: float
    evidence: Evidence = field(default_factory=dict)
    reason: str = ""
    who: str = ""
    alert_id: str = ""
    fault: FaultCode | None = None
    part: str = ""

    @classmethod
    def of_fault(cls, incident: Alert, time_s: float) -> "_News":
        return cls(time_s, fault=incident.fault, part=incident.part)

    def concerns(self, trigger: Trigger, incident: Alert) -> bool:
        """An answer concerns the incident it names, the state of a fault the fault it names."""
        if trigger in ANSWERS:
            return incident.id == self.alert_id
        same = (incident.fault, incident.part) == (self.fault, self.part)
        return same or incident.kind is not AlertKind.FAULT


KIND_OF: dict[Trigger, AlertKind] = {
    rule.trigger: rule.kind for rule in RULES if rule.trigger in CAUSES or rule.trigger in CURES
}


class Alarm:
    """The open incidents, moved by events and inputs.

    ``run`` makes ids unique among the runs of the process. ``incidents`` are those that an earlier run left
    open, with its last ``sequence``: the first update reports again those that only people, or time, end.
    """

    STATE = (
        "_arming",
        "_mounting",
        "_healing",
        "_sequence",
        "_incidents",
        "_kept",
        "_cured",
        "_armed",
        "_sound_paused_until_s",
        "_impact_s",
        "_now_s",
        "ignored",
    )

    def __init__(
        self,
        settings: AlarmSettings,
        arming: ArmingSettings,
        run: str = "",
        incidents: Iterable[Alert] = (),
        sequence: int = 0,
    ) -> None:
        self._settings = settings
        self._run = run
        self._lasts_s = {
            (AlertKind.STUMBLE, Timer.OVER): settings.stumble_over_s,
            (AlertKind.UNSAFE_STEP, Timer.OVER): settings.unsafe_step_over_s,
            (AlertKind.TIRING, Timer.OVER): settings.tiring_over_s,
            (AlertKind.TEST, Timer.OVER): TEST_OVER_S,
            (AlertKind.FALL, Timer.UNCLEARED): settings.coming_s,
            (AlertKind.SOS, Timer.UNCLEARED): settings.coming_s,
        }
        self._arming = Arming(arming)
        self._mounting = MountingCheck()
        self._healing = Healing()
        self._cured: dict[Key, Trigger] = {}  # faults whose cause is gone, and whose end is held
        self._sequence = sequence
        # The cause of a fault is looked at afresh; all others are as true as before.
        self._kept = [incident for incident in incidents if incident.kind not in CAUSED]
        self._incidents: dict[Key, Alert] = {_key(incident): incident for incident in self._kept}
        self._armed = self._arming.armed
        self._sound_paused_until_s = float("-inf")
        self._impact_s = float("-inf")
        self._now_s = 0.0
        self.ignored = 0
        """Answers to incidents that are not open: late, repeated or foreign ones."""

    @property
    def status(self) -> Status:
        """The axes after the last update."""
        incidents = sorted(self._incidents.values(), key=_urgency)
        waits_for = self._arming.missing if self._arming.wanted and not self._armed else ()
        paused = self._now_s < self._sound_paused_until_s
        return Status(self._armed, paused, tuple(incidents), self._now_s, waits_for)

    def update(self, now_s: float, events: Iterable[Event], inputs: Iterable[Input]) -> list[Alert]:
        """The alerts that these events and inputs, and the time ``now_s``, bring about, in order."""
        alerts: list[Alert] = [self._report(incident) for incident in self._kept]
        self._kept = []
        for event in events:
            alerts += self._expire(event.time_s) + self._on_event(event)
        self._now_s = now_s
        alerts += self._expire(now_s)
        for given in inputs:
            if not (given.kind in PRESSES and self._by_the_fall(given)):
                alerts += self._on_input(given)
        return alerts + self._watch_arming()

    def _on_event(self, event: Event) -> list[Alert]:
        if event.kind is EventKind.IMPACT:
            self._impact_s = event.time_s
        self._arming.on_event(event)
        alerts = self._weigh(event.time_s)
        news = _News(event.time_s, event.evidence, event.reason)
        fault = self._mounting.update(event, armed=self._armed, may_lie=self._may_lie)
        if fault:
            alerts += self._trigger(fault.kind, replace(news, fault=fault.fault))
        return alerts + self._trigger(event.kind, news)

    def _on_input(self, given: Input) -> list[Alert]:
        if given.kind is InputKind.RECEIVED:
            self._receive(given)
            return []
        self._arming.on_input(given)
        alerts = self._weigh(self._now_s)
        if given.kind is InputKind.PAUSE_SOUND:
            self._sound_paused_until_s = self._now_s + self._settings.pause_sound_s
        who = "walker" if given.kind is InputKind.BUTTON_SHORT else given.who
        news = _News(self._now_s, {}, given.reason, who, given.alert_id, given.fault, given.part)
        moved = self._trigger(given.kind, news)
        if given.kind in ANSWERS and not moved:
            self.ignored += 1
        return alerts + moved

    def _trigger(self, trigger: Trigger, news: _News) -> list[Alert]:
        """Move every incident that ``trigger`` concerns; where it moves none, open one."""
        if trigger in CAUSES or trigger in CURES:
            return self._on_cause(trigger, news)
        return self._apply(trigger, news)

    def _apply(self, trigger: Trigger, news: _News) -> list[Alert]:
        moved = [
            self._move(incident, rule, news)
            for incident in list(self._incidents.values())
            if news.concerns(trigger, incident)
            and (rule := MOVES.get((incident.kind, state_of(incident), trigger)))
            and self._holds(rule.guard)
        ]
        if moved:
            return moved
        return [
            self._open(rule, news)
            for rule in OPENS.get(trigger, ())
            if (rule.kind, news.fault, news.part) not in self._incidents and self._holds(rule.guard)
        ]

    def _on_cause(self, trigger: Trigger, news: _News) -> list[Alert]:
        """A fault's cause comes or goes; one that keeps coming back is held open."""
        kind = KIND_OF[trigger]
        named = (news.fault, news.part) if kind is AlertKind.FAULT else (None, "")
        key: Key = (kind, *named)
        if trigger in CAUSES:
            if key not in self._incidents or self._cured.pop(key, None) is not None:
                self._healing.begins(key, news.time_s)
            return self._apply(trigger, news)
        if key not in self._incidents:
            return []
        if news.time_s < self._healing.over_s(key, news.time_s):
            self._cured[key] = trigger
            return []
        return self._cure(key, trigger, news)

    def _cure(self, key: Key, trigger: Trigger, news: _News) -> list[Alert]:
        self._cured.pop(key, None)
        self._healing.ends(key, news.time_s)
        return self._apply(trigger, news)

    def _receive(self, given: Input) -> None:
        """Somebody's program has the latest report of an incident: nothing that needs reporting itself."""
        for key, incident in self._incidents.items():
            if (incident.id, incident.sequence) == (given.alert_id, given.sequence):
                names = dict.fromkeys((*incident.received_by, given.who))
                self._incidents[key] = replace(incident, received_by=tuple(names))

    def _open(self, rule: Rule, news: _News) -> Alert:
        self._sound_paused_until_s = float("-inf")  # what is new sounds
        return self._report(
            Alert(
                f"{self._run}-{self._sequence + 1}" if self._run else str(self._sequence + 1),
                0,
                rule.kind,
                PRIORITY[rule.kind],
                *rule.to,
                news.time_s,
                news.evidence,
                news.reason,
                news.who,
                news.fault,
                news.part,
                verified=self._armed or rule.kind not in UNVERIFIED,
            )
        )

    def _move(self, incident: Alert, rule: Rule, news: _News) -> Alert:
        del self._incidents[_key(incident)]
        if rule.to.stage is Stage.ACTIVE:
            self._sound_paused_until_s = float("-inf")
        keeps_who = rule.to.stage is Stage.ACKNOWLEDGED
        return self._report(
            replace(
                incident,
                kind=rule.becomes or incident.kind,
                certainty=rule.to.certainty,
                stage=rule.to.stage,
                time_s=news.time_s,
                time_known=True,
                verified=incident.verified or self._armed,
                evidence=news.evidence or (incident.evidence if not rule.becomes else {}),
                reason=news.reason or (incident.reason if not rule.becomes else ""),
                who=news.who or (incident.who if keeps_who else ""),
            )
        )

    def _report(self, incident: Alert) -> Alert:
        self._sequence += 1
        faint = incident.kind in FAULTS and not self._armed and incident.fault is not FaultCode.NOT_ARMED
        priority = Priority.LOW if faint else PRIORITY[incident.kind]
        alert = replace(incident, sequence=self._sequence, priority=priority, received_by=())
        if not alert.stage.ended:
            self._incidents[_key(alert)] = alert
        return alert

    def _holds(self, guard: Guard) -> bool:
        kinds = {incident.kind: incident for incident in self._incidents.values()}
        fall = kinds.get(AlertKind.FALL)
        match guard:
            case Guard.ALWAYS:
                return True
            case Guard.ARMED:
                return self._armed
            case Guard.WORN:
                return self._armed or self._arming.worn
            case Guard.NO_FALL_ACTIVE:
                return self._armed and not (fall and fall.stage is Stage.ACTIVE)
            case Guard.NOTHING_WORSE:
                return self._armed and not fall and AlertKind.STUMBLE not in kinds
            case Guard.NO_FALL_OPEN:
                return not fall

    def _expire(self, until_s: float) -> list[Alert]:
        """What has lasted its time by ``until_s``, reported as of the moment its time was up."""
        due: list[tuple[float, int, Key, Trigger]] = []
        for key, incident in self._incidents.items():
            if key in self._cured:
                over_s = self._healing.over_s(key, until_s)
                due.append((over_s, incident.sequence, key, self._cured[key]))
            for timer in Timer:
                if (incident.kind, state_of(incident), timer) in MOVES:
                    over_s = incident.time_s + self._lasts_s[incident.kind, timer]
                    due.append((over_s, incident.sequence, key, timer))
        alerts = []
        for over_s, _, key, trigger in sorted(due, key=lambda entry: entry[:2]):
            if over_s > until_s:
                break
            incident = self._incidents[key]
            if key in self._cured:
                alerts += self._cure(key, trigger, _News.of_fault(incident, over_s))
            else:
                alerts.append(self._end(incident, trigger, over_s))
        return alerts

    def _end(self, incident: Alert, timer: Trigger, over_s: float) -> Alert:
        """The time of ``timer`` is up."""
        reason = UNCLEARED.format(who=incident.who or "a spotter") if timer is Timer.UNCLEARED else ""
        rule = MOVES[incident.kind, state_of(incident), timer]
        return self._move(incident, rule, _News(over_s, reason=reason))

    def _weigh(self, now_s: float) -> list[Alert]:
        """Faults weigh more while armed: when that changes, the open ones are reported again."""
        if self._arming.armed == self._armed:
            return []
        self._armed = self._arming.armed
        return [
            self._report(replace(incident, time_s=now_s, time_known=True))
            for incident in list(self._incidents.values())
            if incident.kind in FAULTS and incident.fault is not FaultCode.NOT_ARMED
        ]

    def _watch_arming(self) -> list[Alert]:
        """Armed on the promise that somebody listens, and nobody there; or walking, and not armed."""
        alone = self._armed and self._arming.alone
        alerts = []
        for fault, is_so in (
            (FaultCode.NO_SPOTTER, alone),
            (FaultCode.NOT_ARMED, self._arming.unwatched),
        ):
            kind = InputKind.FAULT if is_so else InputKind.FAULT_GONE
            alerts += self._trigger(kind, _News(self._now_s, fault=fault))
        return alerts

    def _by_the_fall(self, press: Input) -> bool:
        """A press that began right after an impact: the fall itself may have made it."""
        began_s = self._now_s if press.time_s is None else press.time_s
        return began_s - self._impact_s < self._settings.button_lockout_s

    @property
    def _may_lie(self) -> bool:
        """A walker who lies and a sensor that lies: standing still says nothing of how it is mounted."""
        return any(i.kind in (AlertKind.FALL, AlertKind.SENSOR) for i in self._incidents.values())


def _key(alert: Alert) -> Key:
    return alert.kind, alert.fault, alert.part


URGENCY = (
    (Priority.HIGH, False),
    (Priority.MEDIUM, False),
    (Priority.HIGH, True),
    (Priority.MEDIUM, True),
    (Priority.LOW, False),
    (Priority.LOW, True),
)
"""By priority, and whether somebody looks after it: a fall that is looked after hides no fault."""


def _urgency(alert: Alert) -> tuple[int, int]:
    """Sorts what a person must see first to the front; of equals the newest."""
    return URGENCY.index((alert.priority, alert.stage is Stage.ACKNOWLEDGED)), -alert.sequence
