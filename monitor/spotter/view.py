"""What a spotter knows: the device's state, the stories of its alerts, and whether it can be seen at all.

Arithmetic on messages; the terminal and the notifier show what it says. Receivers count themselves
blind when the heartbeat stops for ``BLIND_S`` or the last will speaks. A retained heartbeat proves nothing:
only a sequence that moves does.
"""

from dataclasses import dataclass, replace
from enum import Enum

from monitor.core.vocabulary import AlertKind, Priority, Stage
from monitor.delivery.messages import (
    LIFETIME_S,
    OFFLINE,
    AlertMessage,
    MessageError,
    Moment,
    Standing,
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
    CALM = "calm"  # something is over, or is looked after


@dataclass(frozen=True, slots=True)
class Story:
    """The latest stage known of one alert. ``event_s`` is our monotonic time of the stage's event."""

    id: str
    boot: str
    sequence: int
    kind: AlertKind
    priority: Priority
    stage: Stage
    event_s: float
    reason: str = ""
    who: str = ""

    @property
    def waits(self) -> bool:
        """Nobody has answered yet."""
        return self.stage in (Stage.SUSPECTED, Stage.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the spotter. ``age_s`` is the event's age on receipt."""

    tone: Tone
    text: str
    story: Story | None = None
    age_s: float = 0.0


class SpotterView:
    """One device as its spotter sees it. ``update`` takes messages, ``tick`` the passing of time."""

    def __init__(self, device: str) -> None:
        self._topics = Topics(device)
        self.state: State | None = None
        self.stories: dict[str, Story] = {}  # open ones, and ended ones of the present run
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
        self._orphans: set[str] = set()  # stories that wait, and whose device began anew

    @property
    def open(self) -> list[Story]:
        """Stories that stand, the most urgent first, then the newest."""
        stories = [story for story in self.stories.values() if not story.stage.ended]
        return sorted(stories, key=lambda story: (-story.priority, not story.waits, -story.event_s))

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

    def settle(self, story_id: str) -> bool:
        """End a story that its device no longer knows: somebody here has answered it. False if it is none."""
        if story_id not in self._orphans:
            return False
        self._orphans.remove(story_id)
        self.stories[story_id] = replace(self.stories[story_id], stage=Stage.CLEARED)
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
        waiting = [story for story in self.open if story.waits and story.priority is Priority.HIGH]
        if waiting:
            self._reminded_s = moment.mono_s
            story = waiting[0]
            age_s = moment.mono_s - story.event_s
            return [Notice(Tone.RING, f"{KIND_WORDS[story.kind]} still without an answer", story, age_s)]
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
        if len(self.stories) > len(self.open) + 50:  # before more end: who watches us must see them end
            self.stories = {story.id: story for story in self.open}
        notices = []
        standing = {entry.id: entry for entry in state.standing}
        for story in self.open:
            if story.boot != state.boot:
                notices += self._began_anew(story, state, before, moment)
            elif story.id not in standing and story.sequence <= state.alerts:
                notices.append(
                    self._tell(replace(story, stage=Stage.CLEARED), Tone.CALM, moment, "no longer stands")
                )
        for entry in standing.values():
            known = self.stories.get(entry.id)
            if known is None or known.sequence < entry.sequence:
                story = _story_of(entry, state.boot, moment)
                tone = Tone.RING if story.waits and story.priority > Priority.LOW else Tone.NOTE
                notices.append(self._tell(story, tone, moment, "stands"))
        return notices

    def _began_anew(self, story: Story, state: State, before: State, moment: Moment) -> list[Notice]:
        """The story's device knows it no longer. High and unanswered it stands here, until somebody looks."""
        words = "its device began anew: look!"
        high = story.waits and story.priority is Priority.HIGH
        if not high:
            return [self._tell(replace(story, stage=Stage.CLEARED), Tone.RING, moment, words)]
        if story.id not in self._orphans:
            self._orphans.add(story.id)
            return [self._tell(story, Tone.RING, moment, words)]
        looked_after = before.boot == state.boot and before.armed and not state.armed  # by whoever disarmed
        if looked_after or moment.mono_s - story.event_s > LIFETIME_S[Priority.HIGH]:
            self.settle(story.id)
            words = "disarmed" if looked_after else "expired"
            return [self._tell(self.stories[story.id], Tone.CALM, moment, words)]
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
        before = self.stories.get(message.id)
        if before is not None and message.sequence <= before.sequence:
            return []  # a stage overtaken by a later one, or already known from the heartbeat
        story = Story(
            message.id,
            message.boot,
            message.sequence,
            message.kind,
            message.priority,
            message.stage,
            moment.mono_s - age_s,
            printable(message.reason),
            printable(message.who),
        )
        if story.stage.ended or story.stage is Stage.ANSWERED:
            return [self._tell(story, Tone.CALM, moment)]
        if age_s > message.lifetime_s:
            self.expired += 1
            return [self._tell(replace(story, stage=Stage.CLEARED), Tone.NOTE, moment, "expired")]
        return [self._tell(story, Tone.RING if story.priority > Priority.LOW else Tone.NOTE, moment)]

    def _tell(self, story: Story, tone: Tone, moment: Moment, remark: str = "") -> Notice:
        self.stories[story.id] = story
        if tone is Tone.RING:
            self._reminded_s = moment.mono_s
        age_s = moment.mono_s - story.event_s
        words = [
            KIND_WORDS[story.kind],
            remark or story.stage.value,
            PRIORITY_WORDS[story.priority] + " priority",
        ]
        if story.who:
            words.append(f"by {story.who}")
        if story.reason:
            words.append(story.reason)
        if age_s > LATE_S:
            words.append(f"LATE: {age_s:.0f} s ago")
        return Notice(tone, ", ".join(words), story, age_s)


def _axes(state: State) -> str:
    armed = "armed" if state.armed else "DISARMED"
    if state.waits_for:
        armed = f"NOT YET ARMED: {printable(state.waits_for[0])}"
    return armed + (", sound paused" if state.sound_paused else "")


def _story_of(entry: Standing, boot: str, moment: Moment) -> Story:
    return Story(
        entry.id,
        boot,
        entry.sequence,
        entry.kind,
        entry.priority,
        entry.stage,
        moment.mono_s - entry.age_s,
        printable(entry.reason),
        printable(entry.who),
    )
