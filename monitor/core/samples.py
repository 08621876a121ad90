"""What travels from the sensor to the detector.

Body frame: x forward, y left, z up; at rest the accelerometer reads +1 g on z (docs/frames.md).
Times are monotonic seconds of the machine that holds the sensor.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

GRAVITY_MPS2 = 9.80665
"""Standard gravity: what 1 g is."""

BLOCK_S = 0.05
"""How often the sampler yields a block: the step of everything live."""


@dataclass(frozen=True, slots=True)
class SampleBlock:
    """What the sensor delivered in about 50 ms, in the body frame.

    ``time_s`` (n,) rising, ``accel_g`` (n, 3), ``gyro_dps`` (n, 3); n may be 0. ``end_s`` is the
    time up to which the block speaks. ``lost`` counts samples that fell out before its first
    sample or between them. ``fault`` says in words why samples are missing or not to be trusted, "" if all
    is well or a hiccup is still to be bridged: silence is an empty block, never a missing one, never zeros.
    """

    time_s: Floats
    accel_g: Floats
    gyro_dps: Floats
    end_s: float
    lost: int = 0
    fault: str = ""

    @classmethod
    def silent(cls, end_s: float, fault: str, lost: int = 0) -> "SampleBlock":
        """A block without samples, and why."""
        return cls(np.empty(0), np.empty((0, 3)), np.empty((0, 3)), end_s, lost, fault)


def on_the_microsecond(block: SampleBlock) -> SampleBlock:
    """The block with its times in whole microseconds: finer than they are known, and kept without loss."""
    time_s, end_s = to_s(to_us(block.time_s)), round(block.end_s, 6)
    return SampleBlock(time_s, block.accel_g, block.gyro_dps, end_s, block.lost, block.fault)


def to_us(time_s: Floats) -> npt.NDArray[np.int64]:
    """Seconds (n,) as whole microseconds."""
    return np.rint(time_s * 1e6).astype(np.int64)


def to_s(time_us: npt.NDArray[np.int64]) -> Floats:
    """Whole microseconds (n,) as seconds."""
    return np.asarray(time_us / 1e6)
