"""What becomes of what the detector saw: stories, told one alert per stage, until a person answers.

Everything that can happen stands in three tables: ``OPENS`` (what begins a story), ``STAGES`` (what
moves it) and ``PRIORITY``. A pair that is not in a table changes nothing. The axes are independent:
armed, each story, sound paused; a fault is a story of its own and can neither end nor hide another.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from monitor.core.arming import Arming, ArmingSettings, wrong_when_still
from monitor.core.setting import number
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Event,
    EventKind,
    Evidence,
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
        "it stands longer on the phone",
    )
    unsafe_step_over_s: float = number(
        5.0,
        1.0,
        60.0,
        "s",
        "time without a further unsafe step after which the alert ends by itself",
        "the spotter may miss it",
        "it stands longer on the phone",
    )
    button_deaf_s: float = number(
        1.0,
        0.0,
        5.0,
        "s",
        "time after an impact in which the button cannot cancel, for a fall may press it",
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
        "a standing alert stays silent longer",
    )


TEST_OVER_S: Final = 5.0

PRIORITY: Final[dict[AlertKind, Priority]] = {
    AlertKind.FALL: Priority.HIGH,
    AlertKind.SOS: Priority.HIGH,
    AlertKind.STUMBLE: Priority.MEDIUM,
    AlertKind.SENSOR: Priority.MEDIUM,  # LOW while disarmed
    AlertKind.LINK: Priority.MEDIUM,  # LOW while disarmed
    AlertKind.FAULT: Priority.MEDIUM,  # LOW while disarmed
    AlertKind.UNSAFE_STEP: Priority.LOW,
    AlertKind.BATTERY: Priority.LOW,
    AlertKind.TEST: Priority.LOW,
}
FAULTS: Final = frozenset({AlertKind.SENSOR, AlertKind.LINK, AlertKind.FAULT})

LADDER: Final = (AlertKind.UNSAFE_STEP, AlertKind.STUMBLE, AlertKind.FALL)
"""One story may climb: a stumble that becomes a fall keeps its id. It never steps down."""

SEAT: Final = "the sensor no longer sits as calibrated: turn it upright, or run rearguard calibrate"
SLID: Final = "the sensor no longer sits as calibrated: it has slid round the belt, or you walk sideways"
ALONE: Final = "no spotter is listening any more"
UNSEEN: Final = {(AlertKind.FALL, ""), (AlertKind.SENSOR, "")}
"""Stories in which standing still says nothing of the seat: a walker who lies, a sensor that lies."""

ASKEW_STANDS: Final = 2
"""Two stands of two seconds: a deep bow is no slipped belt."""

Trigger = EventKind | InputKind
OVER: Final = "over"
"""The trigger of a story that has lasted its time without news."""

OPENS: Final[dict[Trigger, tuple[AlertKind, Stage]]] = {
    EventKind.UNSAFE_STEP: (AlertKind.UNSAFE_STEP, Stage.CONFIRMED),
    EventKind.STUMBLE: (AlertKind.STUMBLE, Stage.CONFIRMED),
    EventKind.FALLING: (AlertKind.FALL, Stage.SUSPECTED),
    EventKind.IMPACT: (AlertKind.FALL, Stage.SUSPECTED),
    EventKind.DOWN: (AlertKind.FALL, Stage.CONFIRMED),
    EventKind.SENSOR_LOST: (AlertKind.SENSOR, Stage.CONFIRMED),
    InputKind.LINK_LOST: (AlertKind.LINK, Stage.CONFIRMED),
    InputKind.FAULT: (AlertKind.FAULT, Stage.CONFIRMED),
    InputKind.POWER_LOW: (AlertKind.BATTERY, Stage.CONFIRMED),
    InputKind.BUTTON_LONG: (AlertKind.SOS, Stage.CONFIRMED),
    InputKind.TEST: (AlertKind.TEST, Stage.CONFIRMED),
}
NEEDS_ARMING: Final = frozenset(
    {EventKind.UNSAFE_STEP, EventKind.STUMBLE, EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN}
)

_S = Stage
_OPEN = (_S.SUSPECTED, _S.CONFIRMED, _S.ANSWERED)


def _for_each(
    kinds: Iterable[AlertKind], stages: Iterable[Stage], trigger: Trigger | str, to: Stage
) -> dict[tuple[AlertKind, Stage, Trigger | str], Stage]:
    return {(kind, stage, trigger): to for kind in kinds for stage in stages}


_DANGER = (*LADDER, AlertKind.SOS)

STAGES: Final[dict[tuple[AlertKind, Stage, Trigger | str], Stage]] = {
    # a fall is suspected, then confirmed, or the facts take it back
    (AlertKind.FALL, _S.SUSPECTED, EventKind.DOWN): _S.CONFIRMED,
    (AlertKind.FALL, _S.SUSPECTED, EventKind.UPRIGHT): _S.RECOVERED,
    # they are coming, and now it is certain: no fact ends it any more (CONFIRMED once it was)
    (AlertKind.FALL, _S.ANSWERED, EventKind.DOWN): _S.ANSWERED,
    # another fall sounds again
    (AlertKind.FALL, _S.ANSWERED, EventKind.FALLING): _S.SUSPECTED,
    (AlertKind.FALL, _S.SUSPECTED, EventKind.FALLING): _S.SUSPECTED,
    **_for_each([AlertKind.FALL], [_S.CONFIRMED], EventKind.FALLING, _S.CONFIRMED),
    **_for_each([AlertKind.FALL], [_S.CONFIRMED], EventKind.DOWN, _S.CONFIRMED),
    # a new stumble or unsafe step sounds again, also after an answer
    **_for_each([AlertKind.STUMBLE], (_S.CONFIRMED, _S.ANSWERED), EventKind.STUMBLE, _S.CONFIRMED),
    **_for_each([AlertKind.UNSAFE_STEP], (_S.CONFIRMED, _S.ANSWERED), EventKind.UNSAFE_STEP, _S.CONFIRMED),
    # what is not high ends by itself
    **_for_each([AlertKind.STUMBLE, AlertKind.UNSAFE_STEP], (_S.CONFIRMED, _S.ANSWERED), OVER, _S.RECOVERED),
    **_for_each([AlertKind.TEST], (_S.CONFIRMED, _S.ANSWERED), OVER, _S.CLEARED),
    # the walker is well
    **_for_each(_DANGER, _OPEN, InputKind.BUTTON_SHORT, _S.CANCELLED),
    # called again: sounds again
    **_for_each([AlertKind.SOS], (_S.CONFIRMED, _S.ANSWERED), InputKind.BUTTON_LONG, _S.CONFIRMED),
    # the spotters
    **_for_each([*PRIORITY], (_S.SUSPECTED, _S.CONFIRMED), InputKind.COMING, _S.ANSWERED),
    **_for_each([*_DANGER, AlertKind.TEST], _OPEN, InputKind.FALSE_ALARM, _S.CANCELLED),
    **_for_each([*_DANGER, AlertKind.TEST], _OPEN, InputKind.CLEAR, _S.CLEARED),
    # a fault ends when its cause does, and not by anybody's wish
    **_for_each([AlertKind.SENSOR], (_S.CONFIRMED, _S.ANSWERED), EventKind.SENSOR_BACK, _S.RECOVERED),
    **_for_each([AlertKind.LINK], (_S.CONFIRMED, _S.ANSWERED), InputKind.LINK_BACK, _S.RECOVERED),
    **_for_each([AlertKind.FAULT], (_S.CONFIRMED, _S.ANSWERED), InputKind.FAULT_GONE, _S.RECOVERED),
    **_for_each([AlertKind.BATTERY], (_S.CONFIRMED, _S.ANSWERED), InputKind.POWER_GOOD, _S.RECOVERED),
}

PRESSES: Final = frozenset({InputKind.BUTTON_SHORT, InputKind.BUTTON_DOUBLE})
"""What a fall must not say; a long press calls for help, which after a fall can only be right."""

ANSWERS: Final = frozenset({InputKind.COMING, InputKind.FALSE_ALARM, InputKind.CLEAR})
"""Inputs that must name the story they are for."""


class Alarm:
    """The stories that stand, moved by events and inputs. Ids are unique within one run."""

    def __init__(self, settings: AlarmSettings, arming: ArmingSettings) -> None:
        self._settings = settings
        self._arming = Arming(arming)
        self._sequence = 0
        self._stories: dict[tuple[AlertKind, str], Alert] = {}
        self._armed = self._arming.armed
        self._sound_paused_until_s = float("-inf")
        self._impact_s = float("-inf")
        self._now_s = 0.0
        self._certain: set[str] = set()  # stories of falls that were confirmed: no fact can end those
        self._askew = 0  # times in a row that a standing walker's sensor sat wrong
        self.ignored = 0
        """Answers to stories that do not stand: late, repeated or foreign ones."""

    @property
    def status(self) -> Status:
        """The axes as they stand after the last update."""
        standing = sorted(self._stories.values(), key=_urgency)
        waits_for = self._arming.missing if self._arming.wanted and not self._armed else ()
        paused = self._now_s < self._sound_paused_until_s
        return Status(self._armed, paused, tuple(standing), self._now_s, waits_for)

    def update(self, now_s: float, events: Iterable[Event], inputs: Iterable[Input]) -> list[Alert]:
        """The alerts that these events and inputs, and the time ``now_s``, bring about, in order."""
        self._now_s = now_s
        alerts: list[Alert] = []
        for event in events:
            if event.kind is EventKind.IMPACT:
                self._impact_s = event.time_s
            self._arming.see(event)
            alerts += self._weigh() + self._look_at_seat(event)
            alerts += self._meet(event.kind, event.time_s, event.evidence, event.reason)
        for word in inputs:
            if word.kind in PRESSES and self._by_the_fall(word):
                continue
            self._arming.hear(word)
            alerts += self._weigh() + self._hear(word)
        alerts += self._count_spotters()
        for kind, over_s in (
            (AlertKind.STUMBLE, self._settings.stumble_over_s),
            (AlertKind.UNSAFE_STEP, self._settings.unsafe_step_over_s),
            (AlertKind.TEST, TEST_OVER_S),
        ):
            story = self._stories.get((kind, ""))
            if story and now_s - story.time_s >= over_s:
                alerts += self._move(story, OVER, now_s)
        return alerts

    def _by_the_fall(self, press: Input) -> bool:
        """A press that began right after an impact: the fall itself may have made it."""
        began_s = self._now_s if press.time_s is None else press.time_s
        return began_s - self._impact_s < self._settings.button_deaf_s

    def _hear(self, word: Input) -> list[Alert]:
        match word.kind:
            case InputKind.PAUSE_SOUND:
                self._sound_paused_until_s = self._now_s + self._settings.pause_sound_s
                return []
            case InputKind.BUTTON_SHORT:
                return [
                    told
                    for story in list(self._stories.values())
                    for told in self._move(story, word.kind, self._now_s, who="walker")
                ]
            case kind if kind in ANSWERS:
                for story in list(self._stories.values()):
                    if story.id == word.alert_id and (
                        told := self._move(story, kind, self._now_s, who=word.who)
                    ):
                        return told
                self.ignored += 1
                return []
            case _:
                return self._meet(word.kind, self._now_s, {}, word.reason, word.who)

    def _weigh(self) -> list[Alert]:
        """Faults weigh more while armed: when that changes, those that stand are told anew."""
        if self._arming.armed == self._armed:
            return []
        self._armed = self._arming.armed
        return [
            self._tell(replace(story, time_s=self._now_s), story.stage)
            for story in list(self._stories.values())
            if story.kind in FAULTS
        ]

    def _look_at_seat(self, event: Event) -> list[Alert]:
        """Does the sensor still sit as calibrated? Asked of a walker who stands, not of one who fell."""
        if event.kind in (EventKind.ASKEW, EventKind.STRAIGHT):
            slid = InputKind.FAULT if event.kind is EventKind.ASKEW else InputKind.FAULT_GONE
            return self._meet(slid, event.time_s, event.evidence, SLID)
        if event.kind is not EventKind.STILL or self._stories.keys() & UNSEEN:
            return []
        self._askew = self._askew + 1 if wrong_when_still(event) else 0
        if self._askew == 0:
            return self._meet(InputKind.FAULT_GONE, event.time_s, {}, SEAT)
        if self._askew == ASKEW_STANDS and self._armed:
            return self._meet(InputKind.FAULT, event.time_s, event.evidence, SEAT)
        return []

    def _count_spotters(self) -> list[Alert]:
        """Armed on the promise that somebody listens: nobody there is a fault."""
        alone = self._armed and self._arming.alone
        return self._meet(InputKind.FAULT if alone else InputKind.FAULT_GONE, self._now_s, {}, ALONE)

    def _meet(
        self, trigger: Trigger, time_s: float, evidence: Evidence, reason: str, who: str = ""
    ) -> list[Alert]:
        """Open a story, let one climb, or move those that stand."""
        moved = [
            told
            for story in list(self._stories.values())
            if story.kind is not AlertKind.FAULT or story.reason == reason
            for told in self._move(story, trigger, time_s, evidence, reason, who)
        ]
        if moved or trigger not in OPENS or (trigger in NEEDS_ARMING and not self._armed):
            return moved
        kind, stage = OPENS[trigger]
        if _key(kind, reason) in self._stories:
            return []
        story_id = ""
        if kind in LADDER:
            rung = LADDER.index(kind)
            if any((above, "") in self._stories for above in LADDER[rung + 1 :]):
                return []
            for below in reversed(LADDER[:rung]):
                if (below, "") in self._stories:
                    story_id = self._stories.pop((below, "")).id
                    break
        story_id = story_id or str(self._sequence + 1)
        if trigger is EventKind.DOWN:
            self._certain.add(story_id)
        self._sound_paused_until_s = float("-inf")
        return [
            self._tell(Alert(story_id, 0, kind, Priority.LOW, stage, time_s, evidence, reason, who), stage)
        ]

    def _move(
        self,
        story: Alert,
        trigger: Trigger | str,
        time_s: float,
        evidence: Evidence | None = None,
        reason: str = "",
        who: str = "",
    ) -> list[Alert]:
        stage = STAGES.get((story.kind, story.stage, trigger))
        if stage is None:
            return []
        if story.id in self._certain and trigger in (EventKind.FALLING, EventKind.DOWN):
            stage = Stage.CONFIRMED  # another fall in a story that was certain before: it sounds again
        if trigger is EventKind.DOWN:
            self._certain.add(story.id)
        if stage in (Stage.SUSPECTED, Stage.CONFIRMED):
            self._sound_paused_until_s = float("-inf")
        news = replace(
            story,
            time_s=time_s,
            evidence=evidence or story.evidence,
            reason=reason or story.reason,
            who=who or (story.who if stage is Stage.ANSWERED else ""),
        )
        return [self._tell(news, stage)]

    def _tell(self, story: Alert, stage: Stage) -> Alert:
        self._sequence += 1
        priority = PRIORITY[story.kind]
        if story.kind in FAULTS and not self._armed:
            priority = Priority.LOW
        alert = replace(story, sequence=self._sequence, priority=priority, stage=stage)
        if stage.ended:
            self._certain.discard(alert.id)
            self._stories.pop(_key(alert.kind, alert.reason), None)
        else:
            self._stories[_key(alert.kind, alert.reason)] = alert
        return alert


def _urgency(alert: Alert) -> tuple[int, bool, int]:
    """Sorts what a person must see first to the front: unanswered before answered, then the newest."""
    return -alert.priority, alert.stage is Stage.ANSWERED, -alert.sequence


def _key(kind: AlertKind, reason: str) -> tuple[AlertKind, str]:
    """One story stands per kind; of other faults, one per cause."""
    return kind, reason if kind is AlertKind.FAULT else ""
