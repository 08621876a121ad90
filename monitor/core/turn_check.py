"""Do gyroscope and accelerometer feel the same turns? Between two quiet moments they must agree.

Gravity as measured in one quiet half second, carried through the turns that the gyroscope measured since,
must be gravity as measured in the next. The disagreement, as a share of the accelerometer's turn, is 1 with a
gyroscope that measures nothing or twice the truth, and up to 2 with one of the wrong sign. Turns about the
vertical leave gravity where it is: they prove nothing, and neither does a scale of half the truth.
Of 2,844 turns of 27 h of recordings the share was at most 0.51, but for one of a sensor that was being
taken off (2.5).
"""

from math import degrees
from typing import NamedTuple

import numpy as np

from monitor.core.posture import rotations
from monitor.core.samples import Floats, SampleBlock

SECTION_S = 0.5
QUIET_RANGE_G = 0.3
QUIET_NORM_G = 0.15
QUIET_DPS = 40.0
TURN_DEG = 45.0
"""By either sensor. Smaller turns are lost in what a body does besides."""
SPAN_S = 6.0
"""From one quiet moment to the next: the gyroscope's offset stays small against the turn."""
GAP_S = 0.12
"""After a longer one nobody knows how the sensor turned in between."""
LIMIT_SHARE = 0.7


class Verdict(NamedTuple):
    """Of the turn that ended at ``time_s``: the disagreement, as a share of it."""

    time_s: float
    share: float


class TurnCheck:
    """Give it every trustworthy sample. Times that do not rise make it begin anew."""

    STATE = ("_samples", "_times_s", "_gravity", "_way", "_way_s")

    def __init__(self) -> None:
        self._gravity: Floats | None = None  # of the latest quiet section
        self._way: list[Floats] = []  # from its middle on, in rad, sample by sample
        self._way_s = 0.0
        self._samples: Floats = np.empty((0, 6))
        self._times_s: Floats = np.empty(0)

    def update(self, block: SampleBlock) -> list[Verdict]:
        """Of each turn that has ended."""
        self._samples = np.concatenate([self._samples, np.hstack([block.accel_g, block.gyro_dps])])
        self._times_s = np.concatenate([self._times_s, block.time_s])
        if not (np.diff(self._times_s) > 0).all() or not np.isfinite(self._times_s[-1:]).all():
            self._gravity, self._samples, self._times_s = None, self._samples[:0], self._times_s[:0]
            return []
        edges = _edges(self._times_s)
        if len(edges) < 2:
            return []
        stop = edges[-1]
        samples, times_s = self._samples[:stop], self._times_s[: stop + 1]
        self._samples, self._times_s = self._samples[stop:], self._times_s[stop:]
        return self._sections(samples, times_s, edges)

    def _sections(self, samples: Floats, times_s: Floats, edges: list[int]) -> list[Verdict]:
        """Samples (n, 6) at the first n of times (n + 1,), cut at ``edges``."""
        starts = np.array(edges[:-1])
        steps_s = np.diff(times_s)
        gravity = np.add.reduceat(samples[:, :3], starts) / np.diff(edges)[:, None]
        high, low = np.maximum.reduceat(samples, starts), np.minimum.reduceat(samples, starts)
        quiet = (
            (np.abs(np.sqrt((gravity**2).sum(axis=1)) - 1) < QUIET_NORM_G)
            & (np.maximum(high, -low)[:, 3:].max(axis=1) < QUIET_DPS)
            & ((high - low)[:, :3].max(axis=1) < QUIET_RANGE_G)
        )
        known = (np.maximum.reduceat(steps_s, starts) < GAP_S) & np.isfinite(high).all(axis=1)
        verdicts: list[Verdict] = []
        for i, (start, stop) in enumerate(zip(edges, edges[1:], strict=False)):
            self._way_s += float(times_s[stop] - times_s[start])
            if not known[i] or self._way_s > SPAN_S:
                self._gravity = None
            if not known[i] or (self._gravity is None and not quiet[i]):
                continue
            turns = np.radians(samples[start:stop, 3:]) * steps_s[start:stop, None]
            half = len(turns) // 2
            if quiet[i]:
                if len(self._way) > 1:  # else it was quiet all the way
                    verdicts += self._compare(gravity[i], turns[:half], float(times_s[stop]))
                self._gravity, self._way, self._way_s = gravity[i], [turns[half:]], 0.0
            else:
                self._way.append(turns)
        return verdicts

    def _compare(self, gravity: Floats, last: Floats, time_s: float) -> list[Verdict]:
        if self._gravity is None:
            return []
        carried = self._gravity
        for matrix in rotations(np.concatenate([*self._way, last]).T).transpose(2, 0, 1):
            carried = matrix @ carried
        turn_deg = _angle_deg(self._gravity, gravity)
        if max(turn_deg, _angle_deg(self._gravity, carried)) < TURN_DEG:
            return []
        return [Verdict(time_s, _angle_deg(carried, gravity) / max(turn_deg, TURN_DEG))]


def _edges(times_s: Floats) -> list[int]:
    """Where the sections begin, and where the last whole one ends."""
    edges = [0]
    while len(times_s) and times_s[-1] >= times_s[edges[-1]] + SECTION_S:
        edges.append(int(np.searchsorted(times_s, times_s[edges[-1]] + SECTION_S)))
    return edges


def _angle_deg(a: Floats, b: Floats) -> float:
    return degrees(np.arccos(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0)))
