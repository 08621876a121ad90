"""What is measured of every step: trunk and rhythm, whatever the limits are that it is held against."""

from collections import deque
from dataclasses import dataclass
from math import isnan
from statistics import median

import numpy as np

from monitor.core.filters import Filter, butterworth, one_pole
from monitor.core.posture import Body
from monitor.core.samples import Floats
from monitor.core.steps import Step
from monitor.core.veering import TURN_DPS, Veering
from monitor.core.vocabulary import Direction

SWAY_TIME_CONSTANT_S = 0.8  # high-pass 0.2 Hz on the integrated rates
TRUNK_BAND_HZ = 5.0
SD_OF_DIFFERENCES = 1.4826 / 2**0.5  # from the median of absolute differences
PAUSE_S = 2.5  # between two contacts; who stands for longer has stopped on purpose
TURN_S = 1.0  # a stride: the pelvis turns to and fro with it
FACING_DPS = 20.0  # a trunk that turns more slowly in the middle of a turn pauses


@dataclass(frozen=True, slots=True)
class Measured:
    """A step and what was measured of it.

    ``values`` by unsafe.TERMS, in their units. ``travel`` is the way the walk goes, ``took_s`` the time since
    the contact before, ``paused`` whether the walk had ended between the two. In a turn, ``turning``, of the
    rhythm only hesitation and hurry are measured, and no veering.
    """

    step: Step
    values: Floats
    travel: Direction
    took_s: float
    paused: bool
    turning: bool


class StepMeasures:
    """Measures steps as they come."""

    STATE = (
        "_sway",
        "_trunk",
        "_largest",
        "_before",
        "_contact_s",
        "_yaw",
        "_facing",
        "_travel",
        "_times",
        "_straight",
        "_veering",
    )

    def __init__(self, rate_hz: float) -> None:
        b, a = one_pole(SWAY_TIME_CONSTANT_S, rate_hz)
        self._sway = Filter((b * SWAY_TIME_CONSTANT_S, a))
        self._trunk = Filter(butterworth(2, TRUNK_BAND_HZ, rate_hz))
        self._largest = np.full(8, -np.inf)  # since the last step
        self._before = np.full(8, -np.inf)  # in the step before
        self._contact_s = -np.inf
        self._yaw = Filter(one_pole(TURN_S, rate_hz))
        self._facing = 0  # samples since the last step in which the trunk hardly turned
        self._rate_hz = rate_hz
        self._veering = Veering(rate_hz)
        self._travel = Direction.UNKNOWN
        self._times: deque[float] = deque(maxlen=40)
        self._straight: deque[float] = deque(maxlen=9)  # the last ones since a turn

    def update(self, body: Body, steps: list[Step]) -> list[Measured | None]:
        """What is measured of each of ``steps``, which the block behind ``body`` proved.

        None of the first steps of a walk.
        """
        rates = np.array([body.roll_dps, body.pitch_dps])
        sway = self._sway(rates)
        trunk = np.hypot(*self._trunk(rates))
        turning = np.abs(self._yaw(body.yaw_dps))
        facing = np.cumsum(np.abs(body.yaw_dps) < FACING_DPS)
        heading_deg = self._veering.headings_deg(body.yaw_dps)
        rows = np.array([*sway, *-sway, trunk, body.extrapolated_lean_deg, body.magnitude_g, turning])
        found = []
        begin, faced = 0, -self._facing
        for step in steps:
            part = rows[:, begin : step.proved + 1]
            largest = np.maximum(self._largest, part.max(axis=1)) if part.size else self._largest
            begin, self._largest = step.proved + 1, np.full(8, -np.inf)
            swung = np.concatenate([np.maximum(largest, self._before)[:4], largest[4:]])  # a sway takes two
            self._before = largest
            facing_s = (int(facing[step.proved]) - faced) / self._rate_hz
            faced = int(facing[step.proved])
            found.append(self._measure(step, swung, facing_s, float(heading_deg[step.proved])))
        if begin < rows.shape[1]:
            self._largest = np.maximum(self._largest, rows[:, begin:].max(axis=1))
        self._facing = (int(facing[-1]) if len(facing) else 0) - faced
        return found

    def _measure(self, step: Step, largest: Floats, facing_s: float, heading_deg: float) -> Measured | None:
        paused = isnan(step.step_s)
        took_s = step.contact_s - self._contact_s if paused else step.step_s
        self._contact_s = step.contact_s
        if took_s > PAUSE_S:  # a new walk
            self._times.clear()
            self._straight.clear()
            self._travel = Direction.UNKNOWN
            self._veering.begin()
            return None
        self._travel = step.direction or self._travel  # a stumbling step may not know where it goes
        times = [*self._times, took_s]
        usual = median(times[:-1] or times)
        turning = bool(largest[-1] > TURN_DPS)
        if turning:
            self._straight.clear()
            self._veering.turn()
            veered_deg, tempo = 0.0, rhythm_of_a_turn(took_s, facing_s, usual)
        else:
            veered_deg = self._veering.veered_deg(step.contact_s, heading_deg)
            tempo = rhythm([*self._straight, took_s], usual)
        if not paused:
            self._times.append(took_s)
            if not turning:
                self._straight.append(took_s)
        if len(times) < 4:
            return None
        values = np.concatenate([sway_ranges(largest), tempo, [largest[6], veered_deg]])
        return Measured(step, values, self._travel, took_s, paused, turning)


def sway_ranges(largest: Floats) -> Floats:
    """Lean, roll range, pitch range, trunk rate from the largest values within a step, or two."""
    roll, pitch, low_roll, low_pitch, trunk, lean = largest[:6]
    return np.array([lean, roll + low_roll, pitch + low_pitch, trunk])


def rhythm(times: list[float], usual_s: float) -> list[float]:
    """Hesitation, hurry, cadence surge, step-time variation and asymmetry, in percent, of step times in s."""
    off = 100 * (times[-1] / usual_s - 1)
    surge = 100 * (usual_s / (sum(times[-3:]) / 3) - 1) if len(times) > 2 else 0.0
    last = times[-10:]
    if len(last) < 8:
        return [max(off, 0.0), max(-off, 0.0), max(surge, 0.0), 0.0, 0.0]
    strides = [abs(now - before) for before, now in zip(last, last[2:], strict=False)]
    variation = 100 * median(strides) * SD_OF_DIFFERENCES / usual_s  # left against left: a limp is none
    limp = 100 * abs(median(last[::2]) - median(last[1::2])) / usual_s
    return [max(off, 0.0), max(-off, 0.0), max(surge, 0.0), variation, limp]


def rhythm_of_a_turn(took_s: float, facing_s: float, usual_s: float) -> list[float]:
    """The same of one step in a turn: turning takes time, only what passes without it is a hesitation."""
    late, early = 100 * (min(facing_s, took_s) / usual_s - 1), 100 * (1 - took_s / usual_s)
    return [max(late, 0.0), max(early, 0.0), 0.0, 0.0, 0.0]
