"""``rearguard calibrate``: a walker stands still and walks ten steps; the mounting is found and kept."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from monitor.core.calibration import Seat, UnsureError, find_seat, find_up
from monitor.core.grid import Grid
from monitor.core.vocabulary import Floats, SampleBlock

RATE_HZ = 100.0
STILL_S = 3.0
WALK_S = 10.0
SILENCE_S = 5.0


class _Gathered(NamedTuple):
    accel_g: Floats
    gyro_dps: Floats


def calibrate(blocks: Iterator[SampleBlock], say: Callable[[str], None]) -> Seat:
    """Lead a walker through it; ``blocks`` come in sensor axes. Raises UnsureError."""
    grid = Grid(RATE_HZ)
    say("Wear the sensor as you will. Stand still, facing the way you will walk ...")
    _gather(blocks, grid, 1.0)  # the clip comes to rest
    still = _gather(blocks, grid, STILL_S)
    find_up(*still)
    say("Good. Now walk ten steps straight forward, briskly ...")
    walk = _gather(blocks, grid, WALK_S)
    return find_seat(still, walk, RATE_HZ)


def _gather(blocks: Iterator[SampleBlock], grid: Grid, seconds: float) -> _Gathered:
    """The next ``seconds`` of samples."""
    pieces: list[_Gathered] = []
    count = round(seconds * RATE_HZ)
    heard_s: float | None = None
    for block in blocks:
        heard_s = block.end_s if heard_s is None or len(block.time_s) else heard_s
        if block.end_s - heard_s > SILENCE_S:
            raise UnsureError(f"the sensor is silent: {block.fault or 'no samples'}; run rearguard check")
        for samples in grid.update(block):
            if samples.restart and pieces:
                raise UnsureError(
                    f"samples were lost ({block.fault or 'a gap'}): run rearguard check, try again"
                )
            pieces.append(_Gathered(samples.accel_g, samples.gyro_dps))
        if sum(len(piece.accel_g) for piece in pieces) >= count:
            return _Gathered(*(np.vstack(columns) for columns in zip(*pieces, strict=True)))
    raise UnsureError("the samples ended before enough had come")
