"""Does the walk go along the sensor's forward axis, or across it? Then the sensor has slid round.

Walking swings the trunk along the way it goes, once per step, against the vertical velocity
(direction.py); across the way it sways once per two steps. So the swing that goes with the vertical
velocity points along the walk. Which end of it is the front cannot be known: a sensor that slid half
round looks like walking the other way.
"""

import numpy as np

from monitor.core.direction import BAND_HZ, LEAD_S, VELOCITY_TIME_CONSTANT_S
from monitor.core.filters import Filter, Tail, butterworth, one_pole
from monitor.core.posture import Body
from monitor.core.samples import GRAVITY_MPS2
from monitor.core.steps import Step
from monitor.core.vocabulary import Event, EventKind, Reading

MEMORY_S = 5.0
ACROSS_DEG = 60.0  # beyond it the direction is not sure (docs/accuracy.md)
CLEAR = 0.4  # correlation below which the swing shows no heading
STEPS = 20  # in a row: sidestepping is seldom longer
STRAIGHT_DPS = 30.0  # a turn sways outward


class Slip:
    """SLID when the walk goes across the sensor for 20 steps, ALIGNED when it goes along it; each once until
    the other."""

    STATE = ("_velocity", "_band", "_earlier", "_mean", "_turning", "_across", "_slid")

    def __init__(self, rate_hz: float) -> None:
        b, a = one_pole(VELOCITY_TIME_CONSTANT_S, rate_hz)
        self._velocity = Filter((b * VELOCITY_TIME_CONSTANT_S * GRAVITY_MPS2, a))
        self._band = Filter(butterworth(1, BAND_HZ, rate_hz))
        self._earlier = Tail(round(LEAD_S * rate_hz))
        self._mean = Filter(one_pole(MEMORY_S, rate_hz))
        self._turning = Filter(one_pole(MEMORY_S, rate_hz))
        self._across = 0
        self._slid: bool | None = None  # not known yet: a fault of before a gap may still stand

    def update(self, body: Body, steps: list[Step]) -> list[Event]:
        """SLID and ALIGNED among the steps that the block behind ``body`` proved."""
        level = np.array([body.forward_g, body.left_g]) * GRAVITY_MPS2
        swing = self._band(np.concatenate([[self._velocity(body.vertical_g)], level]))
        velocity, (forward, left) = swing[0], self._earlier(swing[1:])[:, : swing.shape[1]]
        squares = np.array([velocity * forward, velocity * left, forward**2 + left**2, velocity**2])
        means = self._mean(squares)
        turning = self._turning(np.abs(body.yaw_dps))
        events = []
        for step in steps:
            along, across, level_power, vertical_power = means[:, step.proved]
            if turning[step.proved] > STRAIGHT_DPS:
                continue
            events += self._judge(step, float(along), float(across), float(level_power * vertical_power))
        return events

    def _judge(self, step: Step, along: float, across: float, power: float) -> list[Event]:
        clear = np.hypot(along, across) / max(np.sqrt(max(power, 0.0)), 1e-9)
        if clear < CLEAR:
            return []
        off_deg = float(np.degrees(np.arctan2(abs(across), abs(along))))
        self._across = self._across + 1 if off_deg > ACROSS_DEG else 0
        evidence = {"off_forward_deg": Reading(round(off_deg, 1), ACROSS_DEG)}
        if self._across == STEPS and not self._slid:
            self._slid = True
            return [Event(EventKind.SLID, step.proved_s, evidence)]
        if not self._across and self._slid is not False:
            self._slid = False
            return [Event(EventKind.ALIGNED, step.proved_s, evidence)]
        return []
