"""ST LSM6DS3, LSM6DS3TR-C and their kin: a FIFO of bare words in a fixed order.

Registers by the LSM6DS3 datasheet DocID026899, section 9, and for the FIFO its application note
AN4650; addresses and bits compared with Linux' st_lsm6dsx.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip
from firmware.errors import FifoError
from monitor.core.samples import Floats

IDENTITIES = {0x69: "LSM6DS3", 0x6A: "LSM6DS3TR-C"}  # also LSM6DS3H; LSM6DSL, LSM6DSM, ISM330DLC
ZERO_BITS = {0x12: 0x81, 0x1E: 0xF0, 0x3D: 0xFC}
"""Bits that read 0 whatever the chip does: BOOT and SW_RESET, which clear themselves, and reserved ones in
STATUS_REG and FIFO_STATUS4."""
WORDS = 6  # of 16 bits in a sample: gyroscope x y z, accelerometer x y z
ACCEL_G = 0.488e-3  # per step at +-16 g
GYRO_DPS = 70e-3  # per step at +-2000 deg/s


class Register(IntEnum):
    """By address."""

    FIFO_CTRL3 = 0x08
    FIFO_CTRL5 = 0x0A
    WHO_AM_I = 0x0F
    CTRL1_XL = 0x10
    CTRL2_G = 0x11
    CTRL3_C = 0x12
    FIFO_STATUS1 = 0x3A  # four bytes: words held, flags, place in the pattern
    FIFO_DATA_OUT_L = 0x3E  # a burst wraps from 0x3F back to it


_SW_RESET = 0x01
_RESET_S = 0.05
_WAKE_S = 0.1  # gyroscope turn-on 35 ms, then its filter
_BLOCK_UPDATE = 0x44  # CTRL3_C: BDU, and IF_INC: without it a burst stays on one register
_ODR = {100: 4, 200: 5}  # 104 and 208 Hz
_ACCEL_16_G = 0x04  # CTRL1_XL bits 3:2 = 01; the anti-alias filter follows the rate: 50 and 100 Hz
_GYRO_2000_DPS = 0x0C  # CTRL2_G bits 3:2 = 11
_EVERY_SAMPLE = 0x09  # FIFO_CTRL3: no decimation of either
_CONTINUOUS = 0x06  # FIFO_CTRL5 bits 2:0
_OVERRUN = 0x40  # FIFO_STATUS2


def scaled(words: Floats) -> Floats:
    """Words (n, 6), gyroscope first, as (n, 6) g and deg/s, accelerometer first, six decimals."""
    return np.round(words[:, [3, 4, 5, 0, 1, 2]] * ([ACCEL_G] * 3 + [GYRO_DPS] * 3), 6)


def decode(data: bytes) -> Floats:
    """FIFO bytes as (n, 6) g and deg/s: little-endian, gyroscope before accelerometer (AN4650)."""
    return scaled(np.frombuffer(data, "<i2").reshape(-1, WORDS).astype(float))


class Lsm6ds3(Chip):
    """``rate_hz`` 100 gives 104 Hz, 200 gives 208 Hz."""

    accel_g_per_count, gyro_dps_per_count = ACCEL_G, GYRO_DPS

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self._odr = _ODR[rate_hz]
        self.rate_hz = 1.04 * rate_hz
        self._count_mask = 0xFFF if identity == 0x69 else 0x7FF  # 8 KB and 4 KB

    def start(self) -> Iterator[float]:
        self._write(Register.CTRL3_C, _SW_RESET)
        yield _RESET_S
        self._keep(Register.CTRL3_C, _BLOCK_UPDATE)
        self._keep(Register.CTRL1_XL, self._odr << 4 | _ACCEL_16_G)
        self._keep(Register.CTRL2_G, self._odr << 4 | _GYRO_2000_DPS)
        self._set(Register.FIFO_CTRL3, _EVERY_SAMPLE)
        yield _WAKE_S
        self.flush()

    def flush(self) -> None:
        self._set(Register.FIFO_CTRL5, 0)  # bypass empties it
        self._set(Register.FIFO_CTRL5, self._odr << 3 | _CONTINUOUS)

    def waiting(self) -> int:
        status = self._get(Register.FIFO_STATUS1, 4)
        if status[1] & _OVERRUN:
            raise FifoError(f"{self}: the FIFO overflowed: it was not read in time")
        place = int.from_bytes(status[2:], "little")
        if place:
            raise FifoError(f"{self}: the FIFO is torn: its next word is number {place} of a sample")
        return (int.from_bytes(status[:2], "little") & self._count_mask) // WORDS

    def read(self, count: int) -> Floats:
        data = self._get(Register.FIFO_DATA_OUT_L, 2 * WORDS * count)
        self.waiting()  # an overrun by now means that what was read may be torn
        return decode(data)

    def close(self) -> None:
        self._set(Register.CTRL1_XL, 0)
        self._set(Register.CTRL2_G, 0)
