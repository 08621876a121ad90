"""Initial contacts of the feet, found in the motion of the trunk."""

from dataclasses import dataclass

import numpy as np

from monitor.core.direction import DirectionSense, DirectionSettings
from monitor.core.filters import Filter, butterworth, one_pole
from monitor.core.posture import GRAVITY_MPS2, Body
from monitor.core.vocabulary import Direction, Event, EventKind, Floats, Reading

BAND_HZ = (0.7, 3.0)
LAG_S = 0.066  # of the crossing behind the contact (foot sensors of 12 people)
SHORTEST_S = 0.3
LONGEST_S = 1.6  # a longer pause ends the walk
ARMED = 0.3  # of the mean swing: how deep the trough before a step must be
FLOOR_MPS = 0.02


@dataclass(frozen=True, slots=True)
class Step:
    """One initial contact. ``proved`` is the sample of the block that proved it, ``first`` the one after
    the step before (both may be negative). ``step_s`` is NaN for the first step of a walk."""

    contact_s: float
    proved_s: float
    proved: int
    first: int
    step_s: float
    cadence_spm: float
    direction: Direction
    direction_score: float

    def event(self) -> Event:
        """The step, as the detector says it."""
        evidence = {
            "initial_contact_s": Reading(self.contact_s),
            "direction": Reading(int(self.direction)),
            "direction_score": Reading(self.direction_score),
        }
        if not np.isnan(self.step_s):
            evidence |= {"step_time_s": Reading(self.step_s), "cadence_spm": Reading(self.cadence_spm)}
        return Event(EventKind.STEP, self.proved_s, evidence)


class Steps:
    """Finds steps and the direction of each."""

    def __init__(self, direction: DirectionSettings, rate_hz: float) -> None:
        self._sense = DirectionSense(direction, rate_hz)
        b, a = one_pole(1.0, rate_hz)
        self._velocity = Filter((b * GRAVITY_MPS2, a))
        self._band = Filter(butterworth(1, BAND_HZ, rate_hz))
        self._size = Filter(one_pole(2.0, rate_hz))
        self._last: Floats = np.zeros(1)
        self._trough = 0.0
        self._step: Step | None = None
        self._since = 0  # samples between the last proof and this block
        self._times: list[float] = []
        self._rate_hz = rate_hz

    def update(self, time_s: Floats, body: Body) -> list[Step]:
        """Steps proved by the next samples, in order."""
        scores = self._sense.scores(body)
        swing = self._band(self._velocity(body.vertical_g))
        size = self._size(np.abs(swing))
        joined = np.concatenate([self._last, swing])
        self._last = joined[-1:]
        steps: list[Step] = []
        begin = 0
        for k in np.flatnonzero((joined[1:] >= 0) & (joined[:-1] < 0)).tolist():
            trough = min(self._trough, float(joined[begin : k + 1].min()))
            begin, self._trough = k + 1, 0.0
            if trough > -max(ARMED * size[k], FLOOR_MPS):
                continue
            before, after = joined[k], joined[k + 1]
            contact = float(time_s[k]) - after / (after - before) / self._rate_hz - LAG_S
            step = self._next(contact, float(time_s[k]), k, float(scores[k]))
            if step:
                steps.append(step)
        self._trough = min(self._trough, float(joined[begin:].min()))
        self._since -= len(time_s)
        return steps

    def _next(self, contact_s: float, proved_s: float, proved: int, score: float) -> Step | None:
        before = self._step
        direction, step_s = Direction.UNKNOWN, float("nan")
        if before:
            step_s = contact_s - before.contact_s
            if step_s < SHORTEST_S:
                return None
            if step_s > LONGEST_S:
                step_s = float("nan")
                self._times = []
            else:
                self._times = [*self._times[-3:], step_s]
                direction = before.direction
        cadence = 60 / float(np.median(self._times)) if self._times else float("nan")
        direction = self._sense.decide(score, direction)
        step = Step(contact_s, proved_s, proved, self._since, step_s, cadence, direction, score)
        self._since, self._step = proved + 1, step
        return step
