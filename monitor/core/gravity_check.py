"""Does the accelerometer measure gravity? Over ten seconds of anything it must: a scale that is wrong shows.

The mean of the acceleration's norm hardly depends on what the body does: whoever does not fly is held up by
1 g on average. In 8,247 windows of ten seconds, of nine sets of recordings (31 h), it was 0.87 to 1.12 g in
the quiet ones (one of the sensors has axes that are off by 0.1 g) and 0.86 to 1.75 g in all of them: running
and jumping raise it. None breaks these limits.
"""

from math import isfinite
from typing import NamedTuple

import numpy as np

from monitor.core.samples import Floats, SampleBlock

WINDOW_S = 10.0
QUIET_SD_G = 0.1
QUIET_G = (0.85, 1.15)
ANY_G = (0.8, 1.9)
GAP_S = 0.5
"""After a longer gap the window begins anew."""


class Verdict(NamedTuple):
    """Of the window that ended at ``time_s``: its mean, and the limit it broke, None if none."""

    time_s: float
    mean_g: float
    limit_g: float | None


class GravityCheck:
    """Give it every trustworthy sample."""

    STATE = ("_began_s", "_last_s", "_count", "_sum_g", "_squares_g2")

    def __init__(self) -> None:
        self._last_s = float("-inf")
        self._begin(0.0)

    def update(self, block: SampleBlock) -> list[Verdict]:
        """Of each window that has ended."""
        if not len(block.time_s):
            return []
        norm_g = np.sqrt(np.einsum("ij,ij->i", block.accel_g, block.accel_g))
        return self._by_pieces(block.time_s, norm_g)

    def _by_pieces(self, time_s: Floats, norm_g: Floats) -> list[Verdict]:
        """Between gaps, and between the ends of windows."""
        verdicts: list[Verdict] = []
        start = 0
        while start < len(time_s):
            if time_s[start] - self._last_s > GAP_S:
                self._begin(float(time_s[start]))
            piece = time_s[start:]
            gaps = np.flatnonzero(np.diff(piece) > GAP_S)
            stop = start + (int(gaps[0]) + 1 if len(gaps) else len(piece))
            ends = start + int(np.searchsorted(time_s[start:stop], self._began_s + WINDOW_S)) + 1
            stop = min(stop, ends)
            verdicts += self._take(time_s[start:stop], norm_g[start:stop])
            start = stop
        return verdicts

    def _take(self, time_s: Floats, norm_g: Floats) -> list[Verdict]:
        self._count += len(norm_g)
        self._sum_g += float(norm_g.sum())
        self._squares_g2 += float(norm_g @ norm_g)
        self._last_s = float(time_s[-1])
        if self._last_s < self._began_s + WINDOW_S:
            return []
        mean_g = self._sum_g / self._count
        if not isfinite(self._squares_g2):
            self._begin(self._last_s)
            return []
        sd_g = max(0.0, self._squares_g2 / self._count - mean_g**2) ** 0.5
        low_g, high_g = QUIET_G if sd_g < QUIET_SD_G else ANY_G
        limit_g = low_g if mean_g < low_g else high_g if mean_g > high_g else None
        self._begin(self._last_s)
        return [Verdict(self._last_s, mean_g, limit_g)]

    def _begin(self, time_s: float) -> None:
        self._began_s = time_s
        self._count, self._sum_g, self._squares_g2 = 0, 0.0, 0.0
