"""Uniform samples from whatever the chip delivers, so that the detector never asks for the rate.

Chips run up to 4 % fast or slow and lose samples. Short holes are bridged by straight lines, as
between any two samples, and where that is longer than usual it is marked; across a longer one nothing is
invented: the grid starts again and says so.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from monitor.core.samples import Flags, Floats, SampleBlock

LONGEST_BRIDGE_S = 0.55
"""Half a second of missing samples, and what lies between two looks at the chip."""

UNMARKED_S = 0.1
CLOCK_BACK_S = 1.0
SNAP_SAMPLES = 1e-3
"""A sample this close to a grid point is on it: k / rate and k * (1 / rate) differ in the last bit."""
POSSIBLE = np.array([32.0] * 3 + [4000.0] * 3)
"""g and deg/s: the widest ranges of the chips in reach; beyond them is no sample."""


class Samples(NamedTuple):
    """Uniform samples in the body frame: ``time_s`` (n,), ``accel_g`` (n, 3), ``gyro_dps`` (n, 3).

    ``bridged`` (n,): no sample was near. ``restart`` is True where what came before lies across a gap.
    """

    time_s: Floats
    accel_g: Floats
    gyro_dps: Floats
    bridged: Flags
    restart: bool


class Grid:
    """Linear interpolation onto ``rate_hz``, counted from the first sample after each start.

    A grid point is given out with the first sample at or after it: nothing looks ahead.
    Samples that no sensor can have measured, or not later than the one before, are passed over.
    """

    STATE = ("_origin_s", "_given", "_last_position", "_last_row")

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._origin_s = np.nan
        self._given = 0  # grid points given out since the start
        self._last_position = np.nan
        self._last_row = np.empty(6)

    def update(self, block: SampleBlock) -> Iterator[Samples]:
        """The grid points that ``block`` completes: one piece, or one more for each gap in it."""
        rows = np.hstack([block.accel_g, block.gyro_dps])
        time_s = block.time_s
        good = np.isfinite(time_s) & (np.abs(rows) <= POSSIBLE).all(axis=1)  # a NaN is never <=
        if not good.all():
            time_s, rows = time_s[good], rows[good]
        if len(time_s) > 1 and not (np.diff(time_s) > 0).all():
            rising = time_s > np.maximum.accumulate(np.concatenate([[-np.inf], time_s[:-1]]))
            time_s, rows = time_s[rising], rows[rising]
        if not np.isnan(self._last_position) and len(time_s):
            last_s = self._origin_s + self._last_position / self._rate_hz
            if time_s[-1] < last_s - CLOCK_BACK_S:
                self._last_position = np.nan  # the clock was set back, or one stamp was far ahead
            elif time_s[0] <= last_s:
                later = time_s > last_s
                time_s, rows = time_s[later], rows[later]
        if not len(time_s):
            return
        previous_s = np.concatenate([[self._origin_s + self._last_position / self._rate_hz], time_s[:-1]])
        starts = np.flatnonzero(~(time_s - previous_s <= LONGEST_BRIDGE_S))  # NaN: the very first
        edges = [0, *starts.tolist(), len(time_s)]
        for begin, end in zip(edges, edges[1:], strict=False):
            if begin < end:
                yield self._piece(time_s[begin:end], rows[begin:end], restart=begin in starts)

    def _piece(self, time_s: Floats, rows: Floats, *, restart: bool) -> Samples:
        if restart:
            self._origin_s, self._given = float(time_s[0]), 0
        position = (time_s - self._origin_s) * self._rate_hz
        nearest = np.rint(position)
        position = np.where(np.abs(position - nearest) < SNAP_SAMPLES, nearest, position)
        if not restart:
            known = np.concatenate([[self._last_position], position])
            values = np.vstack([self._last_row, rows])
        else:
            known, values = position, rows
        self._last_position, self._last_row = float(position[-1]), rows[-1]
        points = np.arange(self._given, int(np.floor(position[-1])) + 1)
        self._given += len(points)
        bridged = np.zeros(len(points), dtype=bool)
        if len(points) == len(position) and (points == position).all():
            uniform = rows  # already on the grid, as recordings are
        else:
            after = np.clip(np.searchsorted(known, points), 1, max(len(known) - 1, 1))
            if len(known) > 1:
                apart = np.maximum(known[after] - known[after - 1], SNAP_SAMPLES)
                weight = (points - known[after - 1]) / apart
                bridged = (apart > UNMARKED_S * self._rate_hz) & (weight < 1.0)
                uniform = values[after - 1] + weight[:, None] * (values[after] - values[after - 1])
            else:
                uniform = values[: len(points)]
        time_s = self._origin_s + points / self._rate_hz
        return Samples(time_s, uniform[:, :3], uniform[:, 3:], bridged, restart)
