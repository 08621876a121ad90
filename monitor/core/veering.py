"""Veering: who cannot see drifts off his line, and does not notice."""

from math import isnan, nan

import numpy as np

from monitor.core.samples import Floats

TURN_DPS = 35.0  # a mean yaw rate over a stride that is no walking straight on
LINE_S = 10.0  # the heading of so long ago is the line
MEAN_S = 5.0  # a trunk turns to and fro about its heading: both headings are means over so long
KNOWN_S = 60.0  # of straight walking, before his own turning is known: a bend, and the gyroscope's bias
STRAIGHT_S = 120.0  # averaging time of that
BESIDE_A_TURN = 3  # strides that still turn: a mean over a stride passes TURN_DPS so late

Stride = tuple[float, float, float]
"""The contact that ends it, its heading in degrees, and by how much he usually turned then, in deg/s."""


class Veering:
    """How far the walker has turned from where he went 10 s ago, beyond his own usual turning."""

    STATE = ("_heading_deg", "_at_step_deg", "_began_s", "_strides", "_straight_s", "_own_dps")

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._heading_deg = 0.0
        self.begin()

    def begin(self) -> None:
        """A walk begins: nothing is known. Whoever stands still may show the gyroscope another bias."""
        self._strides: list[Stride] = []
        self.turn()
        self._straight_s = self._own_dps = 0.0

    def turn(self) -> None:
        """There is no line yet, and what led into the turn is not the walker's own turning."""
        if self._strides:
            self._own_dps = self._strides[-BESIDE_A_TURN - 1 :][0][2]
        self._at_step_deg = nan
        self._began_s = nan  # the first stride since
        self._strides = []

    def headings_deg(self, yaw_dps: Floats) -> Floats:
        """The heading at every sample (n,), from any zero."""
        turned = self._heading_deg + np.cumsum(yaw_dps) / self._rate_hz
        if len(turned):
            self._heading_deg = float(turned[-1])
        return turned

    def veered_deg(self, contact_s: float, heading_deg: float) -> float:
        """At a step; 0 while too little is known. A stride has a heading; a step turns the pelvis."""
        stride_deg = (heading_deg + self._at_step_deg) / 2
        self._at_step_deg = heading_deg
        if isnan(stride_deg):
            return 0.0
        if len(self._strides) > BESIDE_A_TURN:
            before_s, before_deg, _ = self._strides[-1]
            passed_s = contact_s - before_s
            self._straight_s += passed_s
            off_deg = stride_deg - before_deg - passed_s * self._own_dps
            self._own_dps += off_deg / min(self._straight_s, STRAIGHT_S)
        elif not self._strides:
            self._began_s = contact_s
        self._strides.append((contact_s, stride_deg, self._own_dps))
        since_s = contact_s - LINE_S - MEAN_S
        if self._began_s > since_s:
            return 0.0
        self._strides = [stride for stride in self._strides if stride[0] > since_s]
        line = [stride for stride in self._strides if stride[0] <= contact_s - LINE_S]
        if not line or self._straight_s < KNOWN_S:
            return 0.0
        now = [stride for stride in self._strides if stride[0] > contact_s - MEAN_S]
        own_dps = line[-1][2]  # before he drifted
        return abs(_mean_deg(now, own_dps) - _mean_deg(line, own_dps))


def _mean_deg(strides: list[Stride], own_dps: float) -> float:
    """The heading over some strides, less what the walker turns by himself."""
    return sum(heading_deg - own_dps * at_s for at_s, heading_deg, _ in strides) / len(strides)
