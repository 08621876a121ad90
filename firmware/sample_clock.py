"""When each sample was taken, from its number: the sensor's own clock on the host's time line."""

import math

import numpy as np
import numpy.typing as npt

from monitor.core.samples import Floats

_WINDOW = 200  # looks: 10 s of blocks; shorter than the drift of a warming oscillator
_RARELY = 4  # once that is full, so many looks to a fit: one more in 200 moves the line by nothing
_TOLERANCE = 0.04  # how far a nominal rate may be off: what Linux' inv_mpu6050 allows
_DRIFT = 0.002  # how far a measured rate may be off after a gap
_PHASE_SPREAD = 0.29  # standard deviation of a uniform phase, in periods


class SampleClock:
    """A straight line through what each look into the FIFO proves.

    A look that began at ``before_s``, ended at ``after_s`` and found sample ``index`` as the newest
    proves two things, however long it was delayed: that sample was taken by ``after_s``, and the
    next one later than ``before_s``. The line's slope comes from regression over the last 10 s
    (a ridge towards the period known so far, for the first second), its height from the middle of
    what all bounds together leave. Right within half a period once the rate is known (a second
    or two), and within a small part of one as soon as looks and samples have drifted past each other.
    """

    def __init__(self, period_s: float) -> None:
        self.period_s = self._known_period_s = period_s
        self._tolerance = _TOLERANCE
        self._index = np.zeros(_WINDOW)
        self._before_s = np.zeros(_WINDOW)
        self._after_s = np.zeros(_WINDOW)
        self._looks = 0
        self._origin_index = self._origin_s = 0.0
        self._weight = (_PHASE_SPREAD / _TOLERANCE) ** 2

    def restart(self) -> None:
        """Samples were lost: numbers begin at 0 again, the period stays known."""
        if self._looks:
            self._known_period_s = self.period_s
            self._tolerance = self._spread()
        self._looks = 0

    def surprise_s(self, index: int, before_s: float, after_s: float) -> float:
        """How far a look is outside what is possible: > 0 samples are missing, < 0 too many came.

        Two samples that vanish are always seen, a single one not always.
        """
        if not self._looks:
            return 0.0
        newest_s = self._origin_s + (index - self._origin_index) * self.period_s
        latest = (self._looks - 1) % _WINDOW
        unsure_s = 0.75 * self.period_s + min(_TOLERANCE, 3 * self._spread()) * float(
            after_s - self._after_s[latest]
        )
        if newest_s > after_s + unsure_s:
            return float(after_s - newest_s)
        missing_s = before_s - newest_s - self.period_s
        return missing_s if missing_s > unsure_s else 0.0

    def look(self, index: int, before_s: float, after_s: float) -> None:
        """Sample ``index`` was the newest in a look from ``before_s`` to ``after_s``."""
        slot = self._looks % _WINDOW
        self._index[slot], self._before_s[slot], self._after_s[slot] = index, before_s, after_s
        self._looks += 1
        if self._looks < _WINDOW or self._looks % _RARELY == 0:
            self._fit()

    def time_s(self, index: npt.NDArray[np.float64]) -> Floats:
        """The seconds at which the samples (n,) were taken."""
        return self._origin_s + (index - self._origin_index) * self.period_s

    def _spread(self) -> float:
        """How far the period is off, as a share of it: one standard deviation."""
        return max(_DRIFT, _PHASE_SPREAD / math.sqrt(self._weight))

    def _fit(self) -> None:
        held = slice(min(self._looks, _WINDOW))
        index, before_s, after_s = self._index[held], self._before_s[held], self._after_s[held]
        self._origin_index, origin_s = float(index[0]), float(before_s[0])
        count = index - self._origin_index
        earliest, latest = before_s - origin_s, after_s - origin_s
        sharp = latest - earliest < self.period_s / 2  # a look that was held up says little of the slope
        if sharp.any():
            x, y = count[sharp], (earliest + latest)[sharp] / 2
            dx = x - x.mean()
            ridge = (_PHASE_SPREAD / self._tolerance) ** 2
            self._weight = float(dx @ dx) + ridge
            self.period_s = float(dx @ (y - y.mean()) + ridge * self._known_period_s) / self._weight
        low = float((earliest - (count + 1) * self.period_s).max())
        high = float((latest - count * self.period_s).min())
        self._origin_s = origin_s + (low + high) / 2
