"""Bosch BMI160, with its FIFO in headerless mode.

Registers by the datasheet BST-BMI160-DS000, section 2.11, the FIFO by section 2.5. The BMI120 has the same,
as Linux' bmi160 has it.
"""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from firmware.bus import Bus
from firmware.chips.chip import Chip, all_valid, scaled, unmarked
from firmware.errors import ChipError, FifoError
from monitor.core.samples import Floats

IDENTITIES = {0xD1: "BMI160", 0xD3: "BMI120"}
ZERO_BITS = {0x03: 0xC0, 0x23: 0xF8}
"""Bits that read 0 whatever the chip does: reserved in PMU_STATUS and FIFO_LENGTH_1."""
FIFO_BYTES = 1024


class Register(IntEnum):
    """By address."""

    CHIP_ID = 0x00
    PMU_STATUS = 0x03
    FIFO_LENGTH_0 = 0x22
    FIFO_DATA = 0x24
    ACC_CONF = 0x40
    ACC_RANGE = 0x41
    GYR_CONF = 0x42
    GYR_RANGE = 0x43
    FIFO_CONFIG_1 = 0x47
    CMD = 0x7E


class Command(IntEnum):
    """Written to CMD."""

    ACC_SUSPEND = 0x10
    ACC_NORMAL = 0x11
    GYR_SUSPEND = 0x14
    GYR_NORMAL = 0x15
    FIFO_FLUSH = 0xB0
    SOFT_RESET = 0xB6


_RESET_S = 0.05
_ACC_WAKE_S = 0.01  # 3.8 ms
_GYR_WAKE_S = 0.1  # 80 ms
_BOTH_NORMAL = 0x14  # PMU_STATUS, magnetometer suspended
_RATE = {100: 0x28, 200: 0x29}  # normal filter: 40 and 80 Hz
_16_G = 0x0C
_2000_DPS = 0x00
_GYR_AND_ACC = 0xC0  # FIFO_CONFIG_1, no headers
_SAMPLE_BYTES = 12
_INVALID = -32768  # what an empty FIFO gives (2.5.2)


def decode(data: bytes) -> Floats:
    """FIFO bytes as (n, 6) g and deg/s. Raises `FifoError` at an invalid sample."""
    return all_valid(unpack(data))


def unpack(data: bytes) -> Floats:
    """FIFO bytes as (n, 6) g and deg/s: little-endian, gyroscope before accelerometer; invalid as NaN."""
    words = unmarked(np.frombuffer(data, "<i2").reshape(-1, 6), _INVALID, _INVALID)
    return scaled(words[:, [3, 4, 5, 0, 1, 2]] / 32768)


class Bmi160(Chip):
    """``rate_hz`` is 100 or 200."""

    def __init__(self, bus: Bus, address: int, identity: int, rate_hz: int = 100) -> None:
        super().__init__(bus, address, identity)
        self.name = IDENTITIES[identity]
        self.rate_hz = rate_hz
        self._rate = _RATE[rate_hz]

    def start(self) -> Iterator[float]:
        self._write(Register.CMD, Command.SOFT_RESET)
        yield _RESET_S
        self._write(Register.CMD, Command.ACC_NORMAL)
        yield _ACC_WAKE_S
        self._write(Register.CMD, Command.GYR_NORMAL)
        yield _GYR_WAKE_S
        power = self._get(Register.PMU_STATUS)[0]
        if power != _BOTH_NORMAL:
            raise ChipError(
                f"{self} does not wake: power status 0x{power:02X}, 0x14 expected: check its supply"
            )
        self._kept = {Register.PMU_STATUS: _BOTH_NORMAL}
        self._keep(Register.ACC_CONF, self._rate)
        self._keep(Register.ACC_RANGE, _16_G)
        self._keep(Register.GYR_CONF, self._rate)
        self._keep(Register.GYR_RANGE, _2000_DPS)
        self.flush()

    def flush(self) -> None:
        self._set(Register.FIFO_CONFIG_1, _GYR_AND_ACC)
        self._write(Register.CMD, Command.FIFO_FLUSH)

    def waiting(self) -> int:
        held = int.from_bytes(self._get(Register.FIFO_LENGTH_0, 2), "little") & 0x7FF
        if held > FIFO_BYTES - _SAMPLE_BYTES:  # full; without headers nothing else tells
            raise FifoError(f"{self}: the FIFO is full: it was not read in time")
        return held // _SAMPLE_BYTES

    def read(self, count: int) -> Floats:
        return unpack(self._get(Register.FIFO_DATA, _SAMPLE_BYTES * count))

    def close(self) -> None:
        self._write(Register.CMD, Command.GYR_SUSPEND)
        self._write(Register.CMD, Command.ACC_SUSPEND)
