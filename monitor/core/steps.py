"""Steps: initial contacts of the feet, their rhythm and their direction."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isnan, log, nan
from statistics import median

import numpy as np

from monitor.core.contact_network import HOP, LOOK_AHEAD, ContactScore
from monitor.core.direction import DirectionSense, DirectionSettings
from monitor.core.posture import Body
from monitor.core.samples import Floats
from monitor.core.vocabulary import Direction, StepEvent

SHORTEST_S = 0.25
LONGEST_S = 1.6  # a longer pause ends the walk
RHYTHM_STEPS = 4
SURE = log(0.4 / 0.6)  # log-odds from which a moment is a contact
SURE_IN_TIME = log(0.3 / 0.7)  # ... where the rhythm expects one
SURE_EARLY = log(0.6 / 0.4)  # ... where it comes long before that
IN_TIME = 3 / 4, 4 / 3  # of the usual step time
EARLY = 0.6


@dataclass(frozen=True, slots=True)
class Step:
    """One initial contact.

    ``proved`` is the index, in the block, of the sample that proved it. ``step_s`` is the time since
    the contact before, NaN for the first step of a walk; ``cadence_spm`` speaks of the last steps.
    """

    contact_s: float
    proved_s: float
    proved: int
    step_s: float
    cadence_spm: float
    direction: Direction
    direction_score: float

    def event(self, sway_percent: float = nan, rhythm_percent: float = nan) -> StepEvent:
        """The step, as the detector reports it."""
        return StepEvent(
            self.proved_s,
            contact_s=self.contact_s,
            direction=self.direction,
            direction_score=self.direction_score,
            step_s=self.step_s,
            cadence_spm=self.cadence_spm,
            sway_percent=sway_percent,
            rhythm_percent=rhythm_percent,
        )


class Steps:
    """Finds steps about 0.25 s after their contacts; ``weights`` are the contact network's.

    ``pendulum_alone``: of the direction's two cues the second does not speak.
    """

    STATE = ("_sense", "_score", "_before", "_odd", "_step", "_times")

    def __init__(
        self,
        direction: DirectionSettings,
        rate_hz: float,
        weights: Mapping[str, Floats],
        *,
        pendulum_alone: bool = False,
    ) -> None:
        self._sense = DirectionSense(direction, rate_hz, pendulum_alone=pendulum_alone)
        self._score = ContactScore(weights, rate_hz)
        self._before: Floats = np.full(2, np.inf)  # the last two hops' scores
        self._odd = 0  # samples that wait for their hop to fill
        self._step: Step | None = None
        self._times: list[float] = []
        self._rate_hz = rate_hz

    def update(self, time_s: Floats, body: Body) -> list[Step]:
        """Steps that the next samples prove, in order: ``time_s`` (n,) and their ``body``."""
        swing = np.array(self._sense.scores(body))
        scores = np.concatenate([self._before, self._score.update(body)])
        self._before = scores[-2:]
        before, peak, after = scores[:-2], scores[1:-1], scores[2:]
        steps = []
        for hop in np.flatnonzero((peak > before) & (peak >= after) & (peak > SURE_IN_TIME)).tolist():
            proved = (hop + 1) * HOP - 1 - self._odd
            curve = before[hop] - 2 * peak[hop] + after[hop]  # of the parabola through the peak
            beyond = float(0.5 * (before[hop] - after[hop]) / curve)
            ago = HOP * (LOOK_AHEAD + 1 - beyond) + (HOP - 1) / 2
            contact_s = float(time_s[proved]) - ago / self._rate_hz
            if peak[hop] > self._least(contact_s):
                steps.append(self._add(float(time_s[proved]), contact_s, proved, *swing[:, proved].tolist()))
        self._odd = (self._odd + len(time_s)) % HOP
        return steps

    def _least(self, contact_s: float) -> float:
        """Log-odds above which a moment is a contact after those before it."""
        step_s = contact_s - self._step.contact_s if self._step else inf
        if step_s < SHORTEST_S:
            return inf
        if len(self._times) < 2:
            return SURE
        share = step_s / median(self._times)
        if share < EARLY:
            return SURE_EARLY
        return SURE_IN_TIME if IN_TIME[0] <= share <= IN_TIME[1] else SURE

    def _add(
        self, proved_s: float, contact_s: float, proved: int, direction_score: float, bounce_g: float
    ) -> Step:
        before, step_s = Direction.UNKNOWN, nan
        if self._step:
            step_s = contact_s - self._step.contact_s
            if step_s > LONGEST_S:
                step_s, self._times = nan, []
            else:
                before = self._step.direction
        if not isnan(step_s):
            self._times = [*self._times[1 - RHYTHM_STEPS :], step_s]
        cadence = 60 / median(self._times) if self._times else nan
        direction = self._sense.decide(direction_score, before, bounce_g, cadence)
        self._step = Step(contact_s, proved_s, proved, step_s, cadence, direction, direction_score)
        return self._step
