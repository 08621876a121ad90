"""InvenSense MPU-6000/6050/6500/9250/9255 and their kin with the same registers, and their clones.

Sections are those of the MPU-6000/6050 register map, RM-MPU-6000A-00 rev. 4.2, unless said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, scaled
from firmware.errors import ChipError, FifoError
from monitor.core.vocabulary import Floats


class Register(IntEnum):
    """By address."""

    SMPLRT_DIV = 0x19  # 4.2
    CONFIG = 0x1A  # 4.3
    GYRO_CONFIG = 0x1B  # 4.4
    ACCEL_CONFIG = 0x1C  # 4.5
    ACCEL_CONFIG2 = 0x1D  # MPU-6500 register map RM-MPU-6500A-00, 4.8: not in the MPU-6050
    FIFO_EN = 0x23  # 4.6
    INT_ENABLE = 0x38  # 4.15
    INT_STATUS = 0x3A  # 4.16; reading clears it
    USER_CTRL = 0x6A  # 4.27
    PWR_MGMT_1 = 0x6B  # 4.28
    PWR_MGMT_2 = 0x6C  # 4.29
    FIFO_COUNTH = 0x72  # 4.30
    FIFO_R_W = 0x74  # 4.31
    WHO_AM_I = 0x75  # 4.32


_DEVICE_RESET = 0x80  # PWR_MGMT_1; the chip sleeps afterwards
_SLEEP = 0x40
_CLOCK_GYRO_X = 0x01  # PLL on the x gyroscope: steadier than the internal oscillator (4.28)
_RESET_S = 0.1
_WAKE_S = 0.06  # twice; gyroscopes need 30 ms (PS-MPU-6000A 6.1) to 100 ms (ICM-20602), filters some more
_LOOKS = 10
_FULL_SCALE = 0x18  # GYRO_CONFIG and ACCEL_CONFIG, bits 4:3 = 3: +-2000 deg/s, +-16 g
_FIFO_OVERFLOW = 0x10  # INT_ENABLE and INT_STATUS
_FIFO_ON = 0x40  # USER_CTRL
_FIFO_RESET = 0x04
_BASE_RATE_HZ = 1000  # of the sample clock while the low-pass is on (4.2)
_LOW_PASS = {100: 3, 200: 2}  # bits 2:0 by rate: 44 and 94 Hz, below half of it (4.3; RM-MPU-6500A 4.8)


@dataclass(frozen=True)
class Variant:
    """How a family member differs from the MPU-6050."""

    name: str
    own_accel_filter: bool = True  # ACCEL_CONFIG2: without it the accelerometer is filtered at 460 Hz
    with_temperature: bool = False  # the FIFO carries it between accelerometer and gyroscope
    certain: bool = True  # clones may lack ACCEL_CONFIG2: there it is written, but not insisted on
    measured: bool = False  # whether the temperature is in the FIFO is found out from how it grows


VARIANTS = {
    0x11: Variant("ICM-20600", with_temperature=True),  # as the ICM-20602 (Linux' inv_mpu6050)
    0x19: Variant("MPU-6886", certain=False, measured=True),  # public drivers disagree on its packets
    0x12: Variant("ICM-20602", with_temperature=True),  # DS-000176, FIFO_EN: temperature comes along
    0x68: Variant("MPU-6050", own_accel_filter=False),  # and MPU-6000, MPU-9150
    0x70: Variant("MPU-6500"),  # sold as anything
    0x71: Variant("MPU-9250"),
    0x72: Variant("MPU-6500 clone", certain=False),
    0x73: Variant("MPU-9255"),
    0x74: Variant("MPU-6515"),
    0x78: Variant("MPU-6880"),
    0x98: Variant("ICM-20689 or MPU-6050 clone", certain=False),
    0xA6: Variant("ICM-20609"),
    0xA9: Variant("IAM-20680"),
    0xAE: Variant("ICM-20608D"),
    0xAF: Variant("ICM-20608"),
}


def decode(data: bytes, with_temperature: bool = False) -> Floats:
    """FIFO bytes as (n, 6) g and deg/s: big-endian, accelerometer before gyroscope (4.17, 4.19)."""
    words = np.frombuffer(data, ">i2").reshape(-1, 7 if with_temperature else 6)
    if with_temperature:
        words = np.delete(words, 3, axis=1)
    return scaled(words / 32768)


class Invensense(Chip):
    """``rate_hz`` is 100 or 200."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self._variant = VARIANTS.get(
            identity, Variant("unknown chip with MPU registers", certain=False, measured=True)
        )
        self.name = self._variant.name
        self.known = identity in VARIANTS
        self.rate_hz = rate_hz
        self._low_pass = _LOW_PASS[rate_hz]
        self._packet_bytes = 14 if self._variant.with_temperature else 12
        self._with_temperature = self._variant.with_temperature

    def start(self) -> Iterator[float]:
        self._write(Register.PWR_MGMT_1, _DEVICE_RESET)
        yield _RESET_S
        self._set(Register.PWR_MGMT_1, _CLOCK_GYRO_X)
        yield _WAKE_S
        self._set(Register.PWR_MGMT_2, 0)
        self._set(Register.SMPLRT_DIV, _BASE_RATE_HZ // int(self.rate_hz) - 1)
        self._set(Register.CONFIG, self._low_pass)
        self._set(Register.GYRO_CONFIG, _FULL_SCALE)
        self._set(Register.ACCEL_CONFIG, _FULL_SCALE)
        if self._variant.own_accel_filter:
            put = self._set if self._variant.certain else self._write
            put(Register.ACCEL_CONFIG2, self._low_pass)
        self._set(Register.INT_ENABLE, _FIFO_OVERFLOW)
        yield _WAKE_S
        self.flush()
        if self._variant.measured:
            yield from self._measure_packets()

    def _measure_packets(self) -> Iterator[float]:
        """Find the packet's length from what one sample adds to the FIFO."""
        for _ in range(_LOOKS):
            yield 1 / self.rate_hz
            held = self._bytes_waiting()
            if (held % 12 == 0) is not (held % 14 == 0):
                self._packet_bytes = 12 if held % 12 == 0 else 14
                self._with_temperature = self._packet_bytes == 14
                self.flush()
                return
            if held >= 84:  # a multiple of both says nothing
                self.flush()
        raise ChipError(f"{self}: its FIFO fills by neither 12 nor 14 bytes a sample: use a supported sensor")

    def flush(self) -> None:
        self._set(Register.FIFO_EN, 0)
        self._set(Register.USER_CTRL, 0)
        self._write(Register.USER_CTRL, _FIFO_RESET)
        self._get(Register.INT_STATUS)
        self._set(Register.USER_CTRL, _FIFO_ON)
        if self._variant.measured:  # where bits 6:4 are one or three is not known: it reads back as it likes
            self._write(Register.FIFO_EN, 0x78)
        else:
            self._set(Register.FIFO_EN, 0x18 if self._with_temperature else 0x78)  # gyroscope, accelerometer

    def waiting(self) -> int:
        count, torn = divmod(self._bytes_waiting(), self._packet_bytes)
        if torn and self._bytes_waiting() % self._packet_bytes:  # once may be a packet in the making
            raise FifoError(
                f"{self}: the FIFO holds {torn} bytes beside whole samples: it overflowed or was torn"
            )
        return count

    def read(self, count: int) -> Floats:
        data = self._get(Register.FIFO_R_W, count * self._packet_bytes)
        if self._get(Register.INT_STATUS)[0] & _FIFO_OVERFLOW:
            raise FifoError(f"{self}: the FIFO overflowed: it was not read in time")
        return decode(data, self._with_temperature)

    def close(self) -> None:
        self._set(Register.PWR_MGMT_1, _SLEEP | _CLOCK_GYRO_X)

    def _bytes_waiting(self) -> int:
        return int.from_bytes(self._get(Register.FIFO_COUNTH, 2), "big")
