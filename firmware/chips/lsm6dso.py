"""ST LSM6DSO, LSM6DSOX, LSM6DSR, ISM330DHCX and their kin: a FIFO of tagged words.

Registers by the LSM6DSO datasheet DS12140, section 9, the FIFO by its section 6.5; addresses, bits
and tags compared with Linux' st_lsm6dsx.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, all_valid, unmarked, valid
from firmware.chips.lsm6ds3 import ACCEL_G, GYRO_DPS, scaled
from firmware.errors import FifoError
from monitor.core.samples import Floats

IDENTITIES = {0x6B: "LSM6DSR or ISM330DHCX", 0x6C: "LSM6DSO", 0x6D: "LSM6DSTX"}
"""0x6B is also LSM6DSRX, ASM330LHH, LHHX and LHB; 0x6C also LSM6DSOX and LSM6DSOP, and the LSM6DSO32."""
ZERO_BITS = {0x12: 0x81, 0x1E: 0xF0, 0x3B: 0x04}
"""Bits that read 0 whatever the chip does: BOOT and SW_RESET, which clear themselves, and reserved ones in
STATUS_REG and FIFO_STATUS2."""
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
_INVALID = (0x7FFD, 0x7FFF)  # words while a sensor wakes, as Linux' st_lsm6dsx has it, which drops them
_TWINS = 0x6C  # LSM6DSO and LSM6DSO32, whose ranges are twice as wide and otherwise alike (DS13210)
_WIDER = "LSM6DSO32"
_REST = 50  # samples of rest that tell them apart
_REST_G = 0.05  # of restlessness
_NARROW_G, _WIDE_G = (0.9, 1.1), (0.45, 0.55)  # what 1 g at rest reads
_FEEL_S = 0.55
_OVERRUN = 0x48  # FIFO_STATUS2: now, or since it was last read


def decode(data: bytes) -> Floats:
    """Pairs of tagged words as (n, 6) g and deg/s. Raises `FifoError` as `unpack`, and at an invalid one."""
    return all_valid(unpack(data))


def unpack(data: bytes) -> Floats:
    """Pairs of tagged words as (n, 6) g and deg/s, invalid ones as NaN.

    Raises `FifoError` where two words are not gyroscope and accelerometer of one moment.
    """
    pairs = np.frombuffer(data, WORD).reshape(-1, 2)
    sensors, moments = pairs["tag"] >> 3, pairs["tag"] >> 1 & 3
    if (np.sort(sensors, axis=1) != [GYRO_TAG, ACCEL_TAG]).any() or (moments[:, 0] != moments[:, 1]).any():
        raise FifoError("the FIFO is torn: its words are not pairs of gyroscope and accelerometer")
    ordered = np.take_along_axis(pairs["values"], np.argsort(sensors, axis=1)[:, :, None], axis=1)
    return scaled(unmarked(ordered.reshape(-1, 6), *_INVALID))


class Lsm6dso(Chip):
    """``rate_hz`` 100 gives 104 Hz, 200 gives 208 Hz."""

    accel_g_per_count, gyro_dps_per_count = ACCEL_G, GYRO_DPS

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self._odr = _ODR[rate_hz]
        self.rate_hz = 1.04 * rate_hz
        self._norms_g = np.empty(0)  # the latest, as an LSM6DSO would mean them

    def start(self) -> Iterator[float]:
        self._write(Register.CTRL3_C, _SW_RESET)
        yield _RESET_S
        self._keep(Register.CTRL3_C, _BLOCK_UPDATE)
        self._keep(Register.CTRL1_XL, self._odr << 4 | _ACCEL_16_G)
        self._keep(Register.CTRL2_G, self._odr << 4 | _GYRO_2000_DPS)
        self._set(Register.FIFO_CTRL3, self._odr << 4 | self._odr)
        yield _WAKE_S
        self.flush()
        if self.identity == _TWINS and not len(self._norms_g):
            yield _FEEL_S
            self.read(self.waiting())
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
        samples = unpack(data)
        if self.identity == _TWINS:
            self._tell_apart(samples)
            samples[:, :3] *= self.accel_g_per_count / ACCEL_G
        return samples

    def _tell_apart(self, samples: Floats) -> None:
        """Gravity at rest says how wide the range is; until it is known, an LSM6DSO is assumed."""
        norms_g = np.linalg.norm(valid(samples)[:, :3], axis=1)
        self._norms_g = np.concatenate([self._norms_g, norms_g])[-_REST:]
        if len(self._norms_g) < _REST or np.ptp(self._norms_g) > _REST_G:
            return
        rest_g = float(self._norms_g.mean())
        if _WIDE_G[0] <= rest_g <= _WIDE_G[1]:
            self.name, self.accel_g_per_count = _WIDER, 2 * ACCEL_G
        elif _NARROW_G[0] <= rest_g <= _NARROW_G[1]:
            self.name, self.accel_g_per_count = IDENTITIES[_TWINS], ACCEL_G

    def close(self) -> None:
        self._set(Register.CTRL1_XL, 0)
        self._set(Register.CTRL2_G, 0)
