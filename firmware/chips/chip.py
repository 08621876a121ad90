"""What every chip driver can do, whatever its registers look like."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from firmware.bus import Bus
from firmware.errors import ChipError, FifoError
from monitor.core.samples import Floats

GYRO_RANGE_DPS = 2000.0
ACCEL_RANGE_G = 16.0  # what a body can do to a belt clip: +-2 g, the usual default, clips every impact


def unmarked(words: Floats, low: int, high: int) -> Floats:
    """Raw words (n, 6), two sensors of three axes; where all three of one lie in low..high, a row of NaN.

    That is how chips mark a sample that is not ready or not valid. One axis there is a value: the end of
    its range, which an impact reaches.
    """
    words = np.array(words, dtype=float)
    marks = np.logical_and(words >= low, words <= high).reshape(-1, 2, 3)
    words[np.any(np.all(marks, axis=2), axis=1)] = np.nan
    return words


def all_valid(samples: Floats) -> Floats:
    """The samples (n, 6). Raises `FifoError` if the chip marked one as invalid."""
    if not np.isfinite(samples).all():
        raise FifoError("the chip marks a sample as invalid: it is not awake yet, or was asked for too much")
    return samples


def valid(samples: Floats) -> Floats:
    """Those rows of samples (n, 6) that the chip did not mark as invalid."""
    return samples[np.isfinite(samples).all(axis=1)]


def scaled(raw: Floats) -> Floats:
    """Full-scale fractions (n, 6), accelerometer first, as g and deg/s.

    Rounded to six decimals: such values survive text unchanged, so a replay sees what was live.
    """
    return np.round(raw * ([ACCEL_RANGE_G] * 3 + [GYRO_RANGE_DPS] * 3), 6)


class Chip(ABC):
    """An IMU at ``address`` that keeps its samples in a FIFO until they are fetched.

    ``rate_hz`` is the nominal rate it is set to; the true one differs by some percent.
    """

    name: str
    rate_hz: float
    accel_g_per_count = ACCEL_RANGE_G / 32768
    gyro_dps_per_count = GYRO_RANGE_DPS / 32768
    known = True  # False: its identity is in no table, and only its behaviour speaks for it

    def __init__(self, bus: Bus, address: int, identity: int) -> None:
        self.bus = bus
        self.address = address
        self.identity = identity
        self._kept: dict[int, int] = {}

    @abstractmethod
    def start(self) -> Iterator[float]:
        """Reset, wake and set up the chip; yields the seconds to wait before it goes on.

        It does not wait by itself, so that whoever starts a chip can go on saying "no samples
        yet" meanwhile. Raises `FirmwareError`.
        """

    @abstractmethod
    def flush(self) -> None:
        """Empty the FIFO and let it fill again."""

    @abstractmethod
    def waiting(self) -> int:
        """How many whole samples the FIFO holds. Raises `FifoError` where they are not whole."""

    @abstractmethod
    def read(self, count: int) -> Floats:
        """Take the ``count`` oldest samples: (count, 6), g and deg/s, sensor axes.

        A sample that the chip marks as invalid is a row of NaN: it was taken, and counts as lost.
        Raises `FifoError` if the FIFO overflowed; what it held is then not to be trusted.
        """

    def check(self) -> None:
        """Raise `ChipError` if the chip is not set as it was: a glitch of its supply may have changed it."""
        for register, value in self._kept.items():
            self._compare(register, value)

    @abstractmethod
    def close(self) -> None:
        """Put the chip to sleep."""

    def __str__(self) -> str:
        return f"{self.name} (0x{self.identity:02X}) at address 0x{self.address:02X}"

    def _get(self, register: int, length: int = 1) -> bytes:
        return self.bus.read(self.address, register, length)

    def _set(self, register: int, value: int) -> None:
        self.bus.set(self.address, register, value)

    def _keep(self, register: int, value: int) -> None:
        """Set a register that `check` looks after: rate, ranges, power."""
        self._set(register, value)
        self._kept[register] = value

    def _compare(self, register: int, value: int) -> None:
        found = self._get(register)[0]
        if found != value:
            raise ChipError(
                f"{self}: register 0x{register:02X} was set to 0x{value:02X} and now reads 0x{found:02X}: "
                "a dip of its supply, or another program that uses it"
            )

    def _write(self, register: int, value: int) -> None:
        self.bus.write(self.address, register, value)
