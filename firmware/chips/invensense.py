"""InvenSense MPU-6000/6050/6500/9250/9255 and their kin with the same registers, and their clones.

Sections are those of the MPU-6000/6050 register map, RM-MPU-6000A-00 rev. 4.2, unless said. Which
relatives have the same registers, and what differs, is taken from Linux' inv_mpu6050.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, scaled
from firmware.errors import ChipError, FifoError
from monitor.core.samples import Floats


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
_WAKE_S = 0.05  # the gyroscope needs 30 ms (PS-MPU-6000A 6.1), its filter some more
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
    packet_bytes: int = 12  # in the FIFO; 14: the temperature comes along; 0: it must be seen which
    gyro_full_scale: int = _FULL_SCALE
    certain: bool = True  # clones may lack ACCEL_CONFIG2: there it is written, but not insisted on


VARIANTS = {
    0x11: Variant("ICM-20600", packet_bytes=14),  # as the next
    0x12: Variant("ICM-20602", packet_bytes=14),  # DS-000176, FIFO_EN: temperature comes along
    0x19: Variant("MPU-6886", packet_bytes=0, certain=False),  # M5Stack; its programs disagree on 12 or 14
    0x20: Variant("ICM-20690", packet_bytes=0, gyro_full_scale=0x0C),  # FS_SEL in bits 4:2
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
    0xAE: Variant("ICM-20608-D"),
    0xAF: Variant("ICM-20608"),
    0xF8: Variant("IAM-20680HP"),
    0xFA: Variant("IAM-20680HT"),
}
_STRANGER = Variant("unknown chip with MPU registers", packet_bytes=0, certain=False)
_PACKETS = (12, 14)
_LOOKS = 4
_LOOK_S = 0.02

ZERO_BITS = {0x6A: 0x07, 0x6B: 0x80, 0x72: 0xE0}
"""Bits that read 0 whatever the chip does: resets, which clear themselves (4.27, 4.28); the FIFO's size."""


def decode(data: bytes, packet_bytes: int = 12) -> Floats:
    """FIFO bytes as (n, 6) g and deg/s: big-endian, accelerometer before gyroscope (4.17, 4.19)."""
    words = np.frombuffer(data, ">i2").reshape(-1, packet_bytes // 2)
    if packet_bytes == 14:
        words = np.delete(words, 3, axis=1)
    return scaled(words / 32768)


class Invensense(Chip):
    """``rate_hz`` is 100 or 200."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self._variant = VARIANTS.get(identity, _STRANGER)
        self.name = self._variant.name
        self.known = identity in VARIANTS
        self.rate_hz = rate_hz
        self._low_pass = _LOW_PASS[rate_hz]
        self._packet_bytes = self._variant.packet_bytes or _PACKETS[0]

    def start(self) -> Iterator[float]:
        self._write(Register.PWR_MGMT_1, _DEVICE_RESET)
        yield _RESET_S
        self._keep(Register.PWR_MGMT_1, _CLOCK_GYRO_X)
        yield _WAKE_S
        self._keep(Register.PWR_MGMT_2, 0)
        self._keep(Register.SMPLRT_DIV, _BASE_RATE_HZ // int(self.rate_hz) - 1)
        self._keep(Register.CONFIG, self._low_pass)
        self._keep(Register.GYRO_CONFIG, self._variant.gyro_full_scale)
        self._keep(Register.ACCEL_CONFIG, _FULL_SCALE)
        if self._variant.own_accel_filter:
            put = self._set if self._variant.certain else self._write
            put(Register.ACCEL_CONFIG2, self._low_pass)
        self._set(Register.INT_ENABLE, _FIFO_OVERFLOW)
        yield _WAKE_S
        self.flush()
        if not self._variant.packet_bytes:
            yield from self._measure_packets()

    def _measure_packets(self) -> Iterator[float]:
        """See from what the FIFO holds after a moment whether its packets are of 12 or 14 bytes."""
        held = []
        for _ in range(_LOOKS):
            yield _LOOK_S
            held.append(self._bytes_waiting())
            self.flush()
        whole = [sum(count > 0 and count % size == 0 for count in held) for size in _PACKETS]
        if abs(whole[0] - whole[1]) < _LOOKS // 2:  # one look may have come in the middle of a packet
            raise ChipError(f"{self}: its FIFO holds no whole samples of 12 or 14 bytes ({held} bytes)")
        self._packet_bytes = _PACKETS[int(np.argmax(whole))]

    def flush(self) -> None:
        self._set(Register.FIFO_EN, 0)
        self._set(Register.USER_CTRL, 0)
        self._write(Register.USER_CTRL, _FIFO_RESET)
        self._get(Register.INT_STATUS)
        self._set(Register.USER_CTRL, _FIFO_ON)
        # Gyroscope and accelerometer; the newer have one bit for all three axes of the gyroscope.
        put = self._set if self._variant.packet_bytes else self._write
        put(Register.FIFO_EN, 0x18 if self._variant.packet_bytes == 14 else 0x78)

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
        return decode(data, self._packet_bytes)

    def close(self) -> None:
        self._set(Register.PWR_MGMT_1, _SLEEP | _CLOCK_GYRO_X)

    def _bytes_waiting(self) -> int:
        return int.from_bytes(self._get(Register.FIFO_COUNTH, 2), "big")
