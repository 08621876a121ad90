"""InvenSense ICM-42688-P and its kin: the quiet ones, with a header before every sample.

Registers by the datasheet DS-000347 (ICM-42688-P), bank 0 in section 14, the choice of banks in its
REG_BANK_SEL; identities, addresses, bits, scales and the FIFO's packets compared with Linux'
inv_icm42600, which drives all of these chips alike. IIM-42652 (DS-000440) is added after Betaflight,
which does the same.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, all_valid, scaled, unmarked
from firmware.errors import FifoError
from monitor.core.samples import Floats

IDENTITIES = {
    0x40: "ICM-42600",
    0x41: "ICM-42602",
    0x42: "ICM-42605",
    0x44: "ICM-42686-P",
    0x46: "ICM-42622",
    0x47: "ICM-42688-P",
    0x5C: "ICM-42631",
    0x6F: "IIM-42652",
}
ZERO_BITS = {0x11: 0xEE, 0x4E: 0xC0, 0x76: 0xFF}
"""Bits that read 0 whatever the chip does: reserved in DEVICE_CONFIG and PWR_MGMT0, and bank 0."""
BANKS = {
    1: {0x0C: 0xC0, 0x13: 0x80},
    2: {0x03: 0x80},
    4: {0x4F: 0xC0},
}
"""The same in the other banks, by what REG_BANK_SEL reads."""
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
_ODR = {100: 0x08, 200: 0x07}
_FULL_SCALE = 0x00  # bits 7:5: +-2000 deg/s, +-16 g
_FULL_SCALE_OF = {0x44: 0x20}  # ICM-42686-P: its first step is +-4000 deg/s, +-32 g
_ADAPTIVE = 0xC0  # INTF_CONFIG1 bits 7:6: reserved in the datasheet, 10 as it comes. Then the gyroscope
_NOT_ADAPTIVE = 0x40  # switches ranges by itself and stalls for 1 to 2 ms (ardupilot#25332); 01: it does not
_INVALID = -32768  # as Linux' inv_icm42600 has it, which drops such samples
_STREAM = 0x40
_FLUSH = 0x02
_FIFO_FULL = 0x02
_BIG_ENDIAN = 0x30  # count and data; the count in bytes
_ACCEL_AND_GYRO = 0x60  # header bits 6 and 5, with bit 7 (empty) and bit 4 (20 bit) clear


def decode(data: bytes) -> Floats:
    """FIFO packets as (n, 6) g and deg/s. Raises `FifoError` as `unpack`, and at an invalid sample."""
    return all_valid(unpack(data))


def unpack(data: bytes) -> Floats:
    """FIFO packets as (n, 6) g and deg/s, invalid ones as NaN.

    Raises `FifoError` at a header that begins no such packet.
    """
    packets = np.frombuffer(data, PACKET)
    if ((packets["header"] & 0xF0) != _ACCEL_AND_GYRO).any():
        raise FifoError("the FIFO's packets are torn: a header is not where it should be")
    return scaled(unmarked(packets["values"], _INVALID, _INVALID) / 32768)


class Icm42688(Chip):
    """``rate_hz`` is 100 or 200."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self.rate_hz = rate_hz
        self._config = _FULL_SCALE_OF.get(identity, _FULL_SCALE) | _ODR[rate_hz]

    def start(self) -> Iterator[float]:
        self._set(Register.BANK_SEL, 0)
        self._write(Register.DEVICE_CONFIG, _SOFT_RESET)
        yield _RESET_S
        self._set(Register.INTF_CONFIG0, _BIG_ENDIAN)
        interface = self._get(Register.INTF_CONFIG1)[0]
        self._write(Register.INTF_CONFIG1, interface & ~_ADAPTIVE | _NOT_ADAPTIVE)
        self._keep(Register.GYRO_CONFIG0, self._config)
        self._keep(Register.ACCEL_CONFIG0, self._config)
        self._set(Register.GYRO_ACCEL_CONFIG0, 0x00)  # low-pass at half the rate; as it comes it is at 100 Hz
        self._set(Register.FIFO_CONFIG1, 0x07)  # accelerometer, gyroscope, temperature
        self._keep(Register.PWR_MGMT0, _LOW_NOISE)
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
        return unpack(data)

    def close(self) -> None:
        self._set(Register.PWR_MGMT0, 0)
