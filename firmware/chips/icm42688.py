"""InvenSense ICM-42688-P and ICM-42605: the quiet ones, with a header before every sample.

Registers by the datasheet DS-000347 (ICM-42688-P), bank 0 in section 14; addresses, bits and the
FIFO's packets compared with Linux' inv_icm42600.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, checked, scaled
from firmware.errors import FifoError
from monitor.core.vocabulary import Floats

IDENTITIES = {
    0x40: "ICM-42600",
    0x41: "ICM-42602",
    0x42: "ICM-42605",
    0x46: "ICM-42622",
    0x47: "ICM-42688-P",
}
FIFO_BYTES = 2048
PACKET = np.dtype(
    [("header", "u1"), ("values", ">i2", 6), ("temperature", "i1"), ("time", ">u2")]
)  # packet 3


class Register(IntEnum):
    """By address, bank 0."""

    DEVICE_CONFIG = 0x11
    FIFO_CONFIG = 0x16
    INT_STATUS = 0x2D  # reading clears it
    FIFO_COUNTH = 0x2E
    FIFO_DATA = 0x30
    SIGNAL_PATH_RESET = 0x4B
    INTF_CONFIG0 = 0x4C
    INTF_CONFIG1 = 0x4D
    PWR_MGMT0 = 0x4E
    GYRO_CONFIG0 = 0x4F
    ACCEL_CONFIG0 = 0x50
    GYRO_ACCEL_CONFIG0 = 0x52
    FIFO_CONFIG1 = 0x5F
    WHO_AM_I = 0x75
    BANK_SEL = 0x76


_SOFT_RESET = 0x01
_RESET_S = 0.01  # 1 ms by the datasheet, and a margin
_WAKE_S = 0.1  # the gyroscope settles in 60 ms, as Linux' inv_icm42600 waits
_LOW_NOISE = 0x0F  # both sensors
_ODR = {100: 0x08, 200: 0x07}  # full-scale fields 0: +-2000 deg/s, +-16 g
_STREAM = 0x40
_FLUSH = 0x02
_FIFO_FULL = 0x02
_BIG_ENDIAN = 0x30  # count and data; the count in bytes
_NO_ADAPTIVE_RANGE = 0x40  # INTF_CONFIG1 bits 7:6 = 01: left on, the gyroscope stalls near +-100 deg/s
_INVALID = -32768  # no valid value yet, where the last one is not held (14.33, FIFO_HOLD_LAST_DATA_EN)
_ACCEL_AND_GYRO = 0x60  # header bits 6 and 5, with bit 7 (empty) and bit 4 (20 bit) clear


def decode(data: bytes) -> Floats:
    """FIFO packets as (n, 6) g and deg/s.

    Raises `InvalidSampleError` where the chip marks values as invalid, `FifoError` at a header that begins
    no such packet.
    """
    packets = np.frombuffer(data, PACKET)
    if ((packets["header"] & 0xF0) != _ACCEL_AND_GYRO).any():
        raise FifoError("the FIFO's packets are torn: a header is not where it should be")
    values = packets["values"]
    return checked(scaled(values / 32768), (values == _INVALID).any(axis=1))


def is_hidden(bus: Bus, address: int) -> bool:
    """Whether an ICM-426xx was left in bank 1 to 4, where its identity cannot be seen: by reading.

    REG_BANK_SEL can be read in every bank; the registers before it are reserved there (section 12).
    """
    *reserved, bank = bus.read(address, 0x6A, 0x0D)
    return bank in (1, 2, 3, 4) and not any(reserved)


class Icm42688(Chip):
    """``rate_hz`` is 100 or 200."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self.rate_hz = rate_hz
        self._odr = _ODR[rate_hz]

    def start(self) -> Iterator[float]:
        self._set(Register.BANK_SEL, 0)
        self._write(Register.DEVICE_CONFIG, _SOFT_RESET)
        yield _RESET_S
        self._set(Register.INTF_CONFIG0, _BIG_ENDIAN)
        interface = self._get(Register.INTF_CONFIG1)[0]
        self._set(Register.INTF_CONFIG1, interface & 0x3F | _NO_ADAPTIVE_RANGE)
        self._set(Register.GYRO_CONFIG0, self._odr)
        self._set(Register.ACCEL_CONFIG0, self._odr)
        self._set(Register.GYRO_ACCEL_CONFIG0, 0x00)  # low-pass at half the rate; as it comes it is at 100 Hz
        self._set(Register.FIFO_CONFIG1, 0x07)  # accelerometer, gyroscope, temperature
        self._set(Register.PWR_MGMT0, _LOW_NOISE)
        yield _WAKE_S
        self.flush()

    def flush(self) -> None:
        self._set(Register.FIFO_CONFIG, 0)
        self._write(Register.SIGNAL_PATH_RESET, _FLUSH)
        self._get(Register.INT_STATUS)
        self._set(Register.FIFO_CONFIG, _STREAM)
        self._get(Register.FIFO_COUNTH, 2)  # the first count after a flush reads 0 whatever is there

    def waiting(self) -> int:
        held = int.from_bytes(self._get(Register.FIFO_COUNTH, 2), "big")
        if held >= FIFO_BYTES - PACKET.itemsize:
            raise FifoError(f"{self}: the FIFO is full: it was not read in time")
        return held // PACKET.itemsize

    def read(self, count: int) -> Floats:
        data = self._get(Register.FIFO_DATA, count * PACKET.itemsize)
        if self._get(Register.INT_STATUS)[0] & _FIFO_FULL:
            raise FifoError(f"{self}: the FIFO overflowed: it was not read in time")
        return decode(data)

    def close(self) -> None:
        self._set(Register.PWR_MGMT0, 0)
