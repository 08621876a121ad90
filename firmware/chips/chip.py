"""What every chip driver can do, whatever its registers look like."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from firmware.bus import Bus
from firmware.errors import InvalidSampleError
from monitor.core.vocabulary import Floats

GYRO_RANGE_DPS = 2000.0
ACCEL_RANGE_G = 16.0  # what a body can do to a belt clip: +-2 g, the usual default, clips every impact


def scaled(raw: Floats) -> Floats:
    """Full-scale fractions (n, 6), accelerometer first, as g and deg/s.

    Rounded to six decimals: such values survive text unchanged, so a replay sees what was live.
    """
    return np.round(raw * ([ACCEL_RANGE_G] * 3 + [GYRO_RANGE_DPS] * 3), 6)


def checked(samples: Floats, invalid: npt.NDArray[np.bool_]) -> Floats:
    """The samples (n, 6), if none of them is marked as ``invalid`` (n,). Raises `InvalidSampleError`."""
    if not invalid.any():
        return samples
    samples[invalid] = np.nan
    raise InvalidSampleError(samples)


class Chip(ABC):
    """An IMU at ``address`` that keeps its samples in a FIFO until they are fetched.

    ``rate_hz`` is the nominal rate it is set to; the true one differs by some percent.
    """

    name: str
    rate_hz: float
    known = True  # False: its identity is in no table, and only its behaviour speaks for it

    def __init__(self, bus: Bus, address: int, identity: int) -> None:
        self.bus = bus
        self.address = address
        self.identity = identity

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

        Raises `InvalidSampleError` where the chip marks some as having no valid value, and `FifoError` if
        the FIFO overflowed; what it held is then not to be trusted.
        """

    @abstractmethod
    def close(self) -> None:
        """Put the chip to sleep."""

    def __str__(self) -> str:
        return f"{self.name} (0x{self.identity:02X}) at address 0x{self.address:02X}"

    def _get(self, register: int, length: int = 1) -> bytes:
        return self.bus.read(self.address, register, length)

    def _set(self, register: int, value: int) -> None:
        self.bus.set(self.address, register, value)

    def _write(self, register: int, value: int) -> None:
        self.bus.write(self.address, register, value)
