"""TIRING: steps grow uneven and the trunk sways more than in the walker's own first minutes.

Tired older people's steps vary more, and their trunk moves more from side to side (Helbostad et al.,
J Gerontol A 62:1010, 2007; forward). How much both grow in who is not tired was measured: docs/accuracy.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isnan, sqrt
from typing import NamedTuple

from monitor.core.session import Swayed
from monitor.core.setting import SettingError, number
from monitor.core.steps import Step
from monitor.core.vocabulary import Direction, Event, EventKind, Reading

STRETCH_S = 30.0  # of walking: it is judged so often
RECENT = 4  # stretches that are held against the walker's own
PACE = 0.08  # who walks faster or slower by more sways otherwise, tired or not
ODD = 0.2  # step times that differ by more: a hesitation, which is an unsafe step, or a contact not found
LEAST_CV_PERCENT, LEAST_SWAY_DPS = 1.0, 2.0  # less is as good as none, and nothing to measure growth by


@dataclass(frozen=True, slots=True)
class TiringSettings:
    """When the walker is said to tire."""

    learning_s: float = number(
        180.0,
        60.0,
        900.0,
        "s",
        "walking time from whose steps the walker's own variability and sway are learned",
        "it speaks sooner, from less",
        "it speaks later, from more",
    )
    both_percent: float = number(
        25.0,
        5.0,
        500.0,
        "%",
        "growth of both, step time variability and sway, from which the walker is said to tire",
        "it is said sooner, and sometimes of who is not tired",
        "it is said later or never",
    )
    one_percent: float = number(
        60.0,
        5.0,
        500.0,
        "%",
        "growth of one of them alone from which the walker is said to tire",
        "it is said sooner, and sometimes of who is not tired",
        "it is said later or never",
    )
    again_s: float = number(
        600.0,
        60.0,
        7200.0,
        "s",
        "time after which it may be said again",
        "it is said more often",
        "it is said less often",
    )

    def __post_init__(self) -> None:
        if self.one_percent < self.both_percent:
            raise SettingError(
                "one_percent",
                f"found {self.one_percent:g}, allowed: both_percent, which is {self.both_percent:g}, or more",
                "both_percent",
            )


class Stretch(NamedTuple):
    """Some walking in one direction, in sums; ``scatter_s2`` is of every other step's times."""

    walked_s: float = 0.0
    steps: int = 0
    scatter_s2: float = 0.0
    swayed: float = 0.0
    samples: int = 0

    @property
    def step_s(self) -> float:
        return self.walked_s / self.steps

    @property
    def cv_percent(self) -> float:
        """Step time variability, each side against itself, never below LEAST_CV_PERCENT."""
        return max(100 * sqrt(self.scatter_s2 / self.steps) / self.step_s, LEAST_CV_PERCENT)

    @property
    def sway_dps(self) -> float:
        """Root mean square of roll and pitch rate, never below LEAST_SWAY_DPS."""
        return max(sqrt(self.swayed / self.samples), LEAST_SWAY_DPS)


def joined(stretches: Sequence[Stretch]) -> Stretch:
    """All of them as one."""
    return Stretch(*map(sum, zip(*stretches, strict=True)))


class Growth(NamedTuple):
    """Against the walker's own first minutes."""

    cv_percent: float
    sway_percent: float


class Way:
    """One way of walking: its own first minutes, and the latest."""

    STATE = ("_own", "_other", "_recent", "_open")

    def __init__(self, learning_s: float) -> None:
        self._learning = round(learning_s / STRETCH_S)
        self._own: list[Stretch] = []
        self._other: list[Stretch] = []  # in a row, at another pace
        self._recent: list[Stretch] = []
        self._open = Stretch()

    def walk(self, step: Stretch) -> Growth | None:
        """Take in a step; at the end of each stretch, what has grown since the first minutes."""
        self._open = joined([self._open, step])
        if self._open.walked_s < STRETCH_S:
            return None
        latest, self._open = self._open, Stretch()
        if len(self._own) < self._learning:
            self._own.append(latest)
            return None
        own = joined(self._own)
        if abs(latest.step_s / own.step_s - 1) > PACE:
            self._other.append(latest)
            if len(self._other) == self._learning:  # the walker goes at this pace now
                self._own, self._other, self._recent = self._other, [], []
            return None
        self._other = []
        self._recent = [*self._recent[1 - RECENT :], latest]
        if len(self._recent) < RECENT:
            return None
        now = joined(self._recent)
        return Growth(100 * (now.cv_percent / own.cv_percent - 1), 100 * (now.sway_dps / own.sway_dps - 1))


class Tiring:
    """Follows the steps of a session. Feed every step once, in order; gaps and rests may lie between."""

    STATE = ("_ways", "_before", "_direction", "_told_s")

    def __init__(self, settings: TiringSettings) -> None:
        self._settings = settings
        self._ways = {way: Way(settings.learning_s) for way in (Direction.BACKWARD, Direction.FORWARD)}
        self._before: list[float] = []  # the last two step times of the walk
        self._direction = Direction.UNKNOWN
        self._told_s = -inf

    def update(self, steps: Sequence[Step], swayed: Sequence[Swayed]) -> list[Event]:
        """TIRING, where these steps and their ``swayed`` show it."""
        events = []
        for step, sway in zip(steps, swayed, strict=True):
            growth = self._walk(step, sway)
            if growth and step.proved_s - self._told_s >= self._settings.again_s:
                events += self._judge(step.proved_s, growth)
        return events

    def _walk(self, step: Step, sway: Swayed) -> Growth | None:
        if step.direction != self._direction:
            self._before, self._direction = [], step.direction
        if isnan(step.step_s):  # a walk begins
            self._before = []
            return None
        before, self._before = self._before, [*self._before[-1:], step.step_s]
        way = self._ways.get(step.direction)
        if way is None or len(before) < 2:
            return None
        odd_s = ODD * (step.step_s + before[0]) / 2
        apart_s = min(abs(step.step_s - before[0]), odd_s)
        return way.walk(Stretch(step.step_s, 1, apart_s**2 / 2, *sway))

    def _judge(self, now_s: float, growth: Growth) -> list[Event]:
        both = min(growth) >= self._settings.both_percent
        limit = self._settings.both_percent if both else self._settings.one_percent
        if max(growth) < limit:
            return []
        self._told_s = now_s
        evidence = {
            "variability_growth_percent": Reading(growth.cv_percent, limit),
            "sway_growth_percent": Reading(growth.sway_percent, limit),
        }
        words = ("steps less even", "more sway")
        reason = ", ".join(word for word, value in zip(words, growth, strict=True) if value >= limit)
        return [Event(EventKind.TIRING, now_s, evidence, f"{reason} than in the first minutes")]
