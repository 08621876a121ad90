"""STILL: the walker has stood still for long enough to see that the sensor is right and sits right."""

import numpy as np

from monitor.core.filters import Filter, one_pole
from monitor.core.grid import Samples
from monitor.core.samples import Flags, Floats
from monitor.core.vocabulary import Event, StillEvent

STILL_S = 2.0
QUIET_DPS = 20.0  # a person who stands sways slower
QUIET_G = 0.08  # about the mean of the last second
MEAN_S = 1.0


class Stillness:
    """Says STILL every 2 s of standing, with the mean gravity and, of a sensor that is ``worn``, how far
    the trunk is from upright."""

    STATE = ("_mean", "_run", "_sum_g")

    def __init__(self, rate_hz: float, *, worn: bool = True) -> None:
        self._worn = worn
        self._needed = round(STILL_S * rate_hz)
        self._mean = Filter(one_pole(MEAN_S, rate_hz))
        self._run = 0  # samples of stillness so far
        self._sum_g = np.zeros(3)

    def update(self, samples: Samples) -> list[Event]:
        accel_g, gyro_dps = samples.accel_g, samples.gyro_dps
        norm_g = np.sqrt((accel_g**2).sum(axis=1))
        turning = (gyro_dps**2).sum(axis=1) > QUIET_DPS**2
        moving = turning | (np.abs(norm_g - self._mean(norm_g)) > QUIET_G)
        if moving.all():
            self._begin()
            return []
        events: list[Event] = []
        for begin, stop in self._runs(moving):
            if begin:  # it moved before
                self._begin()
            at = begin
            while self._run + stop - at >= self._needed:
                end = at + self._needed - self._run
                self._sum_g += accel_g[at:end].sum(axis=0)
                events.append(self._still(float(samples.time_s[end - 1])))
                at = end
            self._run += stop - at
            self._sum_g += accel_g[at:stop].sum(axis=0)
        if moving[-1:].any():
            self._begin()
        return events

    def _runs(self, moving: Flags) -> list[tuple[int, int]]:
        """Stretches without a moving sample, from and to: the long ones, and what goes on beyond."""
        change = np.diff(moving.astype(np.int8), prepend=1, append=1)
        begins, stops = np.flatnonzero(change < 0), np.flatnonzero(change > 0)
        count = (stops - begins >= self._needed) | (begins == 0) | (stops == len(moving))
        return list(zip(begins[count].tolist(), stops[count].tolist(), strict=True))

    def _begin(self) -> None:
        self._run, self._sum_g = 0, np.zeros(3)

    def _still(self, time_s: float) -> StillEvent:
        mean_g: Floats = self._sum_g / self._needed
        self._begin()
        norm_g = float(np.linalg.norm(mean_g))
        lean_deg = float(np.degrees(np.arccos(np.clip(mean_g[2] / max(norm_g, 1e-9), -1.0, 1.0))))
        return StillEvent(time_s, gravity_g=norm_g, from_upright_deg=lean_deg if self._worn else None)
