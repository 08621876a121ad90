"""InvenSense ICM-20948, ICM-20648 and ICM-20649: the MPU's ideas in four banks of registers.

Registers by the datasheet DS-000189 rev. 1.3: map in section 7, bank 0 in section 8, bank 2 in
section 10. The magnetometer is left alone. The ICM-20648 has none; the ICM-20649 (DS-000192) has other
ranges, as Adafruit's ICM20X has it.
"""

from collections.abc import Iterator
from enum import IntEnum

from firmware.bus import Bus
from firmware.chips.chip import Chip
from firmware.chips.invensense import decode
from firmware.errors import FifoError
from monitor.core.samples import Floats

IDENTITIES = {0xE0: "ICM-20648", 0xE1: "ICM-20649", 0xEA: "ICM-20948"}
ZERO_BITS = {0x06: 0x80, 0x70: 0xE0, 0x7F: 0xFF}
"""Bits that read 0 whatever the chip does: the reset, which clears itself, the FIFO's size, and bank 0."""
BANKS = {
    0x10: {0x15: 0x01, 0x18: 0x01, 0x1B: 0x01},
    0x20: {0x01: 0xC0, 0x02: 0xC0, 0x09: 0xFE, 0x10: 0xF0, 0x12: 0xFC, 0x14: 0xC0, 0x15: 0xE0, 0x53: 0xF8},
    0x30: {0x00: 0xF0, 0x02: 0x60},
}
"""The same in the other banks, by what REG_BANK_SEL reads: sections 9 to 11."""


class Register(IntEnum):
    """Bank in the high byte, address in the low one."""

    WHO_AM_I = 0x000
    USER_CTRL = 0x003
    PWR_MGMT_1 = 0x006
    PWR_MGMT_2 = 0x007
    INT_ENABLE_2 = 0x012
    INT_STATUS_2 = 0x01B  # reading clears it
    FIFO_EN_2 = 0x067
    FIFO_RST = 0x068
    FIFO_MODE = 0x069
    FIFO_COUNTH = 0x070
    FIFO_R_W = 0x072
    BANK_SEL = 0x07F  # in every bank
    GYRO_SMPLRT_DIV = 0x200
    GYRO_CONFIG_1 = 0x201
    ODR_ALIGN_EN = 0x209
    ACCEL_SMPLRT_DIV_1 = 0x210
    ACCEL_SMPLRT_DIV_2 = 0x211
    ACCEL_CONFIG = 0x214


_DEVICE_RESET = 0x80
_SLEEP = 0x40
_CLOCK_AUTO = 0x01
_RESET_S = 0.1
_WAKE_S = 0.05  # gyroscope start-up 35 ms
_BASE_RATE_HZ = 1125.0
_DIVIDER = {100: 10, 200: 5}  # 102.3 and 187.5 Hz
_LOW_PASS = {100: 3, 200: 2}  # 51 and 120 Hz gyroscope, 50 and 111 Hz accelerometer
_FULL_SCALE = {
    0xE0: 0x07,
    0xE1: 0x05,
    0xEA: 0x07,
}  # FS_SEL: +-2000 deg/s, +-16 g; with the low-pass
_ALL_FIFOS = 0x1F
_FIFO_ON = 0x40


class Icm20948(Chip):
    """``rate_hz`` 100 gives 102.3 Hz, 200 gives 187.5 Hz."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self._divider = _DIVIDER[rate_hz]
        self._config = _LOW_PASS[rate_hz] << 3 | _FULL_SCALE[identity]
        self._bank_2 = {
            Register.GYRO_SMPLRT_DIV: self._divider,
            Register.GYRO_CONFIG_1: self._config,
            Register.ODR_ALIGN_EN: 1,
            Register.ACCEL_SMPLRT_DIV_1: 0,
            Register.ACCEL_SMPLRT_DIV_2: self._divider,
            Register.ACCEL_CONFIG: self._config,
        }
        self.rate_hz = _BASE_RATE_HZ / (1 + self._divider)

    def start(self) -> Iterator[float]:
        self._select(0)
        self._write(Register.PWR_MGMT_1, _DEVICE_RESET)
        yield _RESET_S
        self._keep(Register.PWR_MGMT_1, _CLOCK_AUTO)
        yield _WAKE_S
        self._keep(Register.PWR_MGMT_2, 0)
        self._set(Register.INT_ENABLE_2, _ALL_FIFOS)
        self._set(Register.FIFO_MODE, 0)
        self._select(2)
        try:
            for register, value in self._bank_2.items():
                self._set(register & 0xFF, value)
        finally:
            self._select(0)
        yield _WAKE_S
        self.flush()

    def flush(self) -> None:
        self._set(Register.FIFO_EN_2, 0)
        self._set(Register.USER_CTRL, 0)
        self._write(Register.FIFO_RST, _ALL_FIFOS)
        self._write(Register.FIFO_RST, 0)
        self._get(Register.INT_STATUS_2)
        self._set(Register.USER_CTRL, _FIFO_ON)
        self._set(Register.FIFO_EN_2, 0x1E)  # accelerometer, x, y, z gyroscope

    def waiting(self) -> int:
        count, torn = divmod(self._bytes_waiting(), 12)
        if torn and self._bytes_waiting() % 12:  # once may be a packet in the making
            raise FifoError(
                f"{self}: the FIFO holds {torn} bytes beside whole samples: it overflowed or was torn"
            )
        return count

    def read(self, count: int) -> Floats:
        data = self._get(Register.FIFO_R_W, 12 * count)
        if self._get(Register.INT_STATUS_2)[0] & _ALL_FIFOS:
            raise FifoError(f"{self}: the FIFO overflowed: it was not read in time")
        return decode(data)

    def check(self) -> None:
        super().check()
        self._select(2)
        try:
            for register, value in self._bank_2.items():
                self._compare(register & 0xFF, value)
        finally:
            self._select(0)

    def close(self) -> None:
        self._select(0)
        self._set(Register.PWR_MGMT_1, _SLEEP | _CLOCK_AUTO)

    def _select(self, bank: int) -> None:
        self._set(Register.BANK_SEL, bank << 4)

    def _bytes_waiting(self) -> int:
        return int.from_bytes(self._get(Register.FIFO_COUNTH, 2), "big") & 0x1FFF
