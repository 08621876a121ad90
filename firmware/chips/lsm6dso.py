"""ST LSM6DSO, LSM6DSOX, LSM6DSR, ISM330DHCX and their kin: a FIFO of tagged words.

Registers by the LSM6DSO datasheet DS12140, section 9, the FIFO by its section 6.5; addresses, bits
and tags compared with Linux' st_lsm6dsx.
"""

from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, checked
from firmware.chips.lsm6ds3 import marked, scaled
from firmware.errors import FifoError, InvalidSampleError
from monitor.core.vocabulary import Floats

IDENTITIES = {
    0x6B: "LSM6DSR or ISM330DHCX",  # also ASM330LHH
    0x6C: "LSM6DSO",  # also LSM6DSOX, and LSM6DSO32, whose range is doubled
    0x6D: "LSM6DST",
}
DOUBLED = "LSM6DSO32"
DOUBTFUL_G = 0.75  # half of what the scale says is 0.5 g at rest and some more in walking
WEIGH_S = 0.5
WORD = np.dtype([("tag", "u1"), ("values", "<i2", 3)])
GYRO_TAG, ACCEL_TAG = 0x01, 0x02  # in bits 7:3 of the tag byte; bits 2:1 count the moments


class Register(IntEnum):
    """By address."""

    FIFO_CTRL3 = 0x09
    FIFO_CTRL4 = 0x0A
    WHO_AM_I = 0x0F
    CTRL1_XL = 0x10
    CTRL2_G = 0x11
    CTRL3_C = 0x12
    FIFO_STATUS1 = 0x3A  # two bytes: words held, flags
    FIFO_DATA_OUT_TAG = 0x78  # a burst wraps from 0x7E back to it


_SW_RESET = 0x01
_RESET_S = 0.05
_WAKE_S = 0.1  # first samples after power-up read 0x7FFD to 0x7FFF and stay out of the FIFO this way
_BLOCK_UPDATE = 0x44  # CTRL3_C: BDU and IF_INC
_ODR = {100: 4, 200: 5}  # 104 and 208 Hz
_ACCEL_16_G = 0x04  # CTRL1_XL bits 3:2 = 01; the low-pass is at half the rate
_GYRO_2000_DPS = 0x0C  # CTRL2_G bits 3:2 = 11
_CONTINUOUS = 0x06  # FIFO_CTRL4 bits 2:0
_OVERRUN = 0x48  # FIFO_STATUS2: now, or since it was last read


def decode(data: bytes, accel_factor: float = 1.0) -> Floats:
    """Pairs of tagged words as (n, 6) g and deg/s; ``accel_factor`` times the range of an LSM6DSO.

    Raises `InvalidSampleError` where the chip marks values as invalid, `FifoError` where two words are not
    gyroscope and accelerometer of one moment.
    """
    pairs = np.frombuffer(data, WORD).reshape(-1, 2)
    sensors, moments = pairs["tag"] >> 3, pairs["tag"] >> 1 & 3
    if (np.sort(sensors, axis=1) != [GYRO_TAG, ACCEL_TAG]).any() or (moments[:, 0] != moments[:, 1]).any():
        raise FifoError("the FIFO is torn: its words are not pairs of gyroscope and accelerometer")
    ordered = np.take_along_axis(pairs["values"], np.argsort(sensors, axis=1)[:, :, None], axis=1)
    words = ordered.reshape(-1, 6)
    samples = scaled(words.astype(float))
    samples[:, :3] *= accel_factor
    return checked(samples, marked(words))


class Lsm6dso(Chip):
    """``rate_hz`` 100 gives 104 Hz, 200 gives 208 Hz."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self._odr = _ODR[rate_hz]
        self.rate_hz = 1.04 * rate_hz
        self._accel_factor = 1.0

    def start(self) -> Iterator[float]:
        self._write(Register.CTRL3_C, _SW_RESET)
        yield _RESET_S
        self._set(Register.CTRL3_C, _BLOCK_UPDATE)
        self._set(Register.CTRL1_XL, self._odr << 4 | _ACCEL_16_G)
        self._set(Register.CTRL2_G, self._odr << 4 | _GYRO_2000_DPS)
        self._set(Register.FIFO_CTRL3, self._odr << 4 | self._odr)
        yield _WAKE_S
        self.flush()
        if self.identity == 0x6C:
            yield WEIGH_S
            with suppress(InvalidSampleError):
                samples = self.read(self.waiting())
                if len(samples) and np.linalg.norm(samples[:, :3], axis=1).mean() < DOUBTFUL_G:
                    self.name, self._accel_factor = DOUBLED, 2.0
            self.flush()

    def flush(self) -> None:
        self._set(Register.FIFO_CTRL4, 0)  # bypass empties it
        self._set(Register.FIFO_CTRL4, _CONTINUOUS)

    def waiting(self) -> int:
        words, flags = self._get(Register.FIFO_STATUS1, 2)
        if flags & _OVERRUN:
            raise FifoError(f"{self}: the FIFO overflowed: it was not read in time")
        return (words | (flags & 0x03) << 8) // 2

    def read(self, count: int) -> Floats:
        data = self._get(Register.FIFO_DATA_OUT_TAG, 2 * WORD.itemsize * count)
        self.waiting()  # an overrun by now means that what was read may be torn
        return decode(data, self._accel_factor)

    def close(self) -> None:
        self._set(Register.CTRL1_XL, 0)
        self._set(Register.CTRL2_G, 0)
