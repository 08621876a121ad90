"""Is what the sensor says alive: frozen, stuck, zero or pinned values that a bus cannot show."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware.chips.chip import ACCEL_RANGE_G, GYRO_RANGE_DPS
from monitor.core.samples import Floats

AXES = ("x acceleration", "y acceleration", "z acceleration", "x rotation", "y rotation", "z rotation")

_FROZEN_S = 0.25  # all six values at once: noise moves at least one of them with every sample
_STUCK_S = 2.0  # one axis: the quietest gyroscope axis here changes within some tens of samples
_PINNED_S = 0.25  # at the end of its range: an impact stays there for some hundredths of a second
_WEIGHTLESS_S = 1.0  # a fall from 5 m
_WEIGHTLESS_G = 0.1
_PINNED = 0.999 * np.array([ACCEL_RANGE_G] * 3 + [GYRO_RANGE_DPS] * 3)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``fault`` in words, "" if all is well; ``useless`` samples are better thrown away."""

    fault: str = ""
    useless: bool = False


class Vitals:
    """Checks samples (n, 6), g and deg/s, block by block, at ``rate_hz``."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._last: Floats | None = None
        self._begin()

    def _begin(self) -> None:
        self._unchanged = np.zeros(6)  # samples in a row that equal their predecessor
        self._all_unchanged = np.zeros(1)
        self._pinned = np.zeros(6)
        self._weightless = np.zeros(1)

    def judge(self, samples: Floats) -> Verdict:
        """What the samples so far, these included, say of the sensor."""
        if self._ends_all_runs(samples):  # nearly always, and it costs a tenth
            self._last = samples[-1:]
            self._begin()
            return Verdict()
        before = samples[:1] + np.nan if self._last is None else self._last
        same = np.vstack([before, samples[:-1]]) == samples
        self._last = samples[-1:]
        self._unchanged = _run(self._unchanged, same)
        self._all_unchanged = _run(self._all_unchanged, same.all(axis=1, keepdims=True))
        self._pinned = _run(self._pinned, np.abs(samples) >= _PINNED)
        norm_g = np.linalg.norm(samples[:, :3], axis=1, keepdims=True)
        self._weightless = _run(self._weightless, norm_g < _WEIGHTLESS_G)

        if self._lasts(self._all_unchanged, _FROZEN_S).any():
            if not samples[-1].any():
                return Verdict("every value reads 0: the chip sleeps or lost its supply", useless=True)
            return Verdict("the values stand still: the chip hangs", useless=True)
        if self._lasts(self._weightless, _WEIGHTLESS_S).any():
            return Verdict("the accelerometer reads no gravity: it is broken", useless=True)
        for words, runs, limit_s in (
            ("is stuck at one value", self._unchanged, _STUCK_S),
            ("is pinned at the end of its range", self._pinned, _PINNED_S),
        ):
            axes = [name for name, hit in zip(AXES, self._lasts(runs, limit_s), strict=True) if hit]
            if axes:
                return Verdict(f"{', '.join(axes)} {words}: the chip is faulty")
        return Verdict()

    def _ends_all_runs(self, samples: Floats) -> bool:
        """Is the last sample alive in every way?"""
        before = samples[-2] if len(samples) > 1 else None if self._last is None else self._last[0]
        if before is None:
            return False
        x, y, z, *_ = values = samples[-1].tolist()
        return (
            all(value != then for value, then in zip(values, before.tolist(), strict=True))
            and all(abs(value) < limit for value, limit in zip(values, _PINNED.tolist(), strict=True))
            and math.sqrt(x * x + y * y + z * z) >= _WEIGHTLESS_G
        )

    def _lasts(self, run: Floats, limit_s: float) -> npt.NDArray[np.bool_]:
        return run >= limit_s * self._rate_hz


def _run(run: Floats, hits: npt.NDArray[np.bool_]) -> Floats:
    """How many hits in a row each column (n, k) ends with, going on from ``run`` (k,)."""
    trailing = np.logical_and.accumulate(hits[::-1], axis=0).sum(axis=0)
    ends: Floats = np.where(trailing == len(hits), run + trailing, trailing)
    return ends
