"""What a session amounts to, for people: counted as it goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import NamedTuple

from monitor.core.posture import Body
from monitor.core.steps import Step
from monitor.core.vocabulary import Direction


@dataclass(frozen=True, slots=True)
class Facts:
    """A session so far; NaN where there are too few steps to say.

    ``cadence_spm`` while walking. ``step_time_cv_percent`` compares left with left and right with
    right, ``asymmetry_percent`` left with right. ``sway_dps`` is the root mean square of the trunk's
    roll and pitch rates while walking. ``longest_backward_run`` counts steps without a pause.
    """

    steps: int = 0
    backward_steps: int = 0
    walking_s: float = 0.0
    cadence_spm: float = nan
    step_time_cv_percent: float = nan
    asymmetry_percent: float = nan
    sway_dps: float = nan
    longest_backward_run: int = 0


class Swayed(NamedTuple):
    """The trunk's roll and pitch rates since the step before, squared, in (deg/s)^2, and summed."""

    squares: float
    samples: int


class Session:
    """Sums over the steps of a session."""

    STATE = (
        "_steps",
        "_backward",
        "_timed",
        "_run",
        "_longest",
        "_walking_s",
        "_sides",
        "_walk",
        "_in_walk",
        "_limp_s",
        "_limp_pairs",
        "_strides",
        "_scatter_s2",
        "_sway",
        "_sway_open",
        "_samples",
        "_samples_open",
    )

    def __init__(self) -> None:
        self._steps = self._backward = self._timed = self._run = self._longest = 0
        self._walking_s = 0.0
        self._sides = [0.0, 0.0]  # summed times of every other step of the walk under way
        self._walk: list[float] = []  # its last two step times
        self._in_walk = 0
        self._limp_s = 0.0  # of the walks before, by pairs of steps
        self._limp_pairs = 0
        self._strides = 0
        self._scatter_s2 = 0.0
        self._sway = self._sway_open = 0.0
        self._samples = self._samples_open = 0

    def update(self, body: Body, steps: Sequence[Step]) -> list[Swayed]:
        """Take in the steps that the block behind ``body`` proved; how the trunk swayed up to each."""
        sway = body.roll_dps**2 + body.pitch_dps**2
        begin = 0
        swayed = []
        for step in steps:
            part = sway[begin : step.proved + 1]
            begin = step.proved + 1
            since = Swayed(self._sway_open + float(part.sum()), self._samples_open + len(part))
            if not isnan(step.step_s):
                self._sway += since.squares
                self._samples += since.samples
            self._sway_open, self._samples_open = 0.0, 0
            self._count(step)
            swayed.append(since)
        self._sway_open += float(sway[begin:].sum())
        self._samples_open += len(sway) - begin
        return swayed

    def count(self, steps: int) -> None:
        """Take in steps of which nothing else is known."""
        self._steps += steps

    def _count(self, step: Step) -> None:
        self._steps += 1
        backward = step.direction == Direction.BACKWARD
        self._backward += backward
        self._run = self._run + 1 if backward and not isnan(step.step_s) else int(backward)
        self._longest = max(self._longest, self._run)
        if isnan(step.step_s):
            self._limp_s, self._limp_pairs = self._limp()
            self._walk, self._sides, self._in_walk = [], [0.0, 0.0], 0
            return
        self._walking_s += step.step_s
        self._timed += 1
        self._sides[self._in_walk % 2] += step.step_s
        self._in_walk += 1
        if len(self._walk) == 2:
            self._scatter_s2 += (step.step_s - self._walk[0]) ** 2 / 2
            self._strides += 1
        self._walk = [*self._walk[-1:], step.step_s]

    def _limp(self) -> tuple[float, int]:
        """Summed difference between the sides, in s, and over how many pairs of steps."""
        pairs = self._in_walk // 2
        even = self._sides[0] - (self._walk[-1] if self._in_walk % 2 else 0.0)
        return self._limp_s + abs(even - self._sides[1]), self._limp_pairs + pairs

    def facts(self) -> Facts:
        """The session so far."""
        mean_s = self._walking_s / self._timed if self._timed else nan
        limp_s, pairs = self._limp()
        return Facts(
            steps=self._steps,
            backward_steps=self._backward,
            walking_s=self._walking_s,
            cadence_spm=60 / mean_s,
            step_time_cv_percent=100 * sqrt(self._scatter_s2 / self._strides) / mean_s
            if self._strides
            else nan,
            asymmetry_percent=100 * limp_s / pairs / mean_s if pairs else nan,
            sway_dps=sqrt(self._sway / self._samples) if self._samples else nan,
            longest_backward_run=self._longest,
        )
