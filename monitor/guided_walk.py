"""A walker guided through the three-metre backward walk test, by words and by the buzzer.

Stand still; three short beeps, a second apart; at the long one walk; a press at the line ends it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Direction, Event, EventKind, Priority, Status, StepEvent

SHORT_S, LONG_S = 0.15, 0.6
BEEPS = 3
"""Short ones before the long one, a second apart."""

SETTLE_S = 1.0
"""After the press: the last steps are found a little later than they were made."""

PATIENCE_S = 60.0
SILENCE_S = 5.0


class _Phase(Enum):
    STANDING = auto()
    COUNTING = auto()
    WALKING = auto()
    OVER = auto()


@dataclass(frozen=True, slots=True)
class Walked:
    """Seconds from the signal, and from the first step, to the line."""

    seconds: float
    from_first_step_s: float
    steps: int


class GuidedWalk:
    """A sink of the loop; ``over`` once it has ended, with what was ``walked`` or why not: ``failure``.

    ``presses`` gives the moments at which somebody pressed since the last block. ``say`` takes words,
    ``beep`` sounds the buzzer for this block.
    """

    def __init__(
        self,
        presses: Callable[[], Sequence[float]],
        say: Callable[[str], None],
        beep: Callable[[], None],
    ) -> None:
        self._presses, self._say, self._beep = presses, say, beep
        self._phase = _Phase.STANDING
        self._began_s = 0.0  # counting
        self._said = 0
        self._line_s: float | None = None
        self._steps: list[StepEvent] = []
        self._seen_s: float | None = None
        self.walked: Walked | None = None
        self.failure = ""

    @property
    def over(self) -> bool:
        return self._phase is _Phase.OVER

    @property
    def _go_s(self) -> float:
        return self._began_s + BEEPS

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], _status: Status
    ) -> None:
        presses = self._presses()
        now_s = block.end_s
        if self._seen_s is None or len(block.time_s):
            self._seen_s = now_s
        if self.over:
            return
        if any(alert.priority is Priority.HIGH for alert in alerts):
            self._fail("it was broken off: look after the walker")
        elif now_s - self._seen_s > SILENCE_S:
            self._fail(f"the sensor is silent: {block.fault or 'run rearguard check'}")
        elif self._phase is _Phase.STANDING:
            if any(event.kind is EventKind.STILL for event in events):
                self._phase, self._began_s, self._said = _Phase.COUNTING, now_s, 0
        elif self._phase is _Phase.COUNTING:
            self._count(now_s, events)
        else:
            self._watch(now_s, events, presses)

    def _count(self, now_s: float, events: Sequence[Event]) -> None:
        since_s = now_s - self._began_s
        if any(event.kind is EventKind.STEP for event in events):
            self._say("Too early. Stand still again ...")
            self._phase = _Phase.STANDING
            return
        if self._said <= int(since_s) and self._said < BEEPS:
            self._say(str(BEEPS - self._said))
            self._said += 1
        if since_s % 1.0 < SHORT_S:
            self._beep()
        if since_s >= BEEPS:
            self._say("GO! Press at the line.")
            self._phase = _Phase.WALKING
            self._steps = []

    def _watch(self, now_s: float, events: Sequence[Event], presses: Sequence[float]) -> None:
        if now_s - self._go_s < LONG_S:
            self._beep()
        self._steps += [e for e in events if isinstance(e, StepEvent) and e.contact_s > self._go_s]
        after = [press_s for press_s in presses if press_s > self._go_s]
        if self._line_s is None and after:
            self._line_s = after[0]
        if self._line_s is not None and now_s - self._line_s >= SETTLE_S:
            self._end(self._line_s)
        elif now_s - self._go_s > PATIENCE_S:
            self._fail(f"nobody pressed within {PATIENCE_S:.0f} s")

    def _end(self, line_s: float) -> None:
        steps = [step for step in self._steps if step.contact_s <= line_s]
        ways = [step.direction for step in steps]  # that of the first steps is often unsure
        backward, forward = ways.count(Direction.BACKWARD), ways.count(Direction.FORWARD)
        if backward <= forward:
            self._fail(
                f"{len(steps)} steps were found, {backward} of them backward and {forward} forward: walk "
                "backward from the signal to the line, with the sensor mounted as for the walk"
            )
        else:
            self._phase = _Phase.OVER
            self.walked = Walked(line_s - self._go_s, line_s - steps[0].contact_s, len(steps))

    def _fail(self, why: str) -> None:
        self._phase, self.failure = _Phase.OVER, why
