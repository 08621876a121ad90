"""Veering: who cannot see drifts off his line, and does not notice."""

from math import isnan, nan

import numpy as np

from monitor.core.filters import SlowMean
from monitor.core.samples import Floats

TURN_DPS = 35.0  # a mean yaw rate over a stride that is no walking straight on
LINE_S = 10.0  # the heading of so long ago is the line
SETTLED_STEPS = 2
STRAIGHT_S = 60.0  # averaging time of the walker's own turning: a bend, and the gyroscope's bias


class Veering:
    """How far the walker has turned from where he went 10 s ago, beyond his own usual turning."""

    STATE = ("_own", "_heading_deg", "_at_step_deg", "_before")

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._own = SlowMean(STRAIGHT_S, rate_hz)
        self._heading_deg = 0.0
        self._at_step_deg = nan
        self._before: list[tuple[float, float]] = []  # contact, heading of the stride that it ends

    def headings_deg(self, yaw_dps: Floats, turning_dps: Floats) -> Floats:
        """The heading at every sample (n,), from any zero. A turn (n,) is not the walker's own."""
        own_dps = self._own(np.where(turning_dps > TURN_DPS, 0.0, yaw_dps))
        turned = self._heading_deg + np.cumsum(yaw_dps - own_dps) / self._rate_hz
        if len(turned):
            self._heading_deg = float(turned[-1])
        return turned

    def veered_deg(self, contact_s: float, heading_deg: float) -> float:
        """At a step; 0 while less than 10 s are known. A stride has a heading; a step turns the pelvis.

        It speaks of two steps before: whoever turns on purpose has turned by then.
        """
        stride_deg = (heading_deg + self._at_step_deg) / 2
        self._at_step_deg = heading_deg
        if isnan(stride_deg):
            return 0.0
        self._before.append((contact_s, stride_deg))
        long_ago = [at for at, (then_s, _) in enumerate(self._before) if contact_s - then_s >= LINE_S]
        if not long_ago:
            return 0.0
        self._before = self._before[long_ago[-1] :]
        return abs(self._before[-1 - SETTLED_STEPS][1] - self._before[0][1])

    def forget(self) -> None:
        """A turn, or a walk that begins: there is no line yet."""
        self._at_step_deg = nan
        self._before = []
