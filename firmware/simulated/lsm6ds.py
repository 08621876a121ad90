"""ST's LSM6DS chips as register files: the older ones with bare words in the FIFO, the newer with tags."""

from collections.abc import Callable

import numpy as np

from firmware.simulated.chip import Raw, SimulatedChip, Source

_WHO_AM_I, _CTRL1_XL, _CTRL2_G, _CTRL3_C, _STATUS1 = 0x0F, 0x10, 0x11, 0x12, 0x3A
_FIFO_MODE = 0x0A  # FIFO_CTRL5 of the older, FIFO_CTRL4 of the newer
_RATES_HZ = {1: 12.5, 2: 26.0, 3: 52.0, 4: 104.0, 5: 208.0, 6: 416.0}
_ACCEL_STEP_G = {0: 0.061e-3, 1: 0.488e-3, 2: 0.122e-3, 3: 0.244e-3}
_GYRO_STEP_DPS = {0: 8.75e-3, 1: 17.5e-3, 2: 35e-3, 3: 70e-3}


class _Lsm6ds(SimulatedChip):
    """What both generations share: control registers 1 to 3."""

    fifo_bytes: int

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int = 0x6A,
        identity: int = 0x69,
        rate_error: float = 0.0,
    ) -> None:
        super().__init__(source, clock, address, identity, rate_error)
        self.read_only |= {_WHO_AM_I, *range(_STATUS1, _STATUS1 + 4)}

    def _reset_registers(self) -> None:
        self.registers[_WHO_AM_I] = self.identity
        self.registers[_CTRL3_C] = 0x04  # IF_INC
        self._overrun = False

    def _store(self, register: int, value: int) -> None:
        if register == _CTRL3_C and value & 0x01:
            self.brown_out()
            return
        self.registers[register] = value
        if register == _FIFO_MODE and not value & 0x07:  # bypass
            self.fifo.clear()
            self._overrun = False

    def _rate_hz(self) -> float:
        accel, gyro = (_RATES_HZ.get(self.registers[r] >> 4, 0.0) for r in (_CTRL1_XL, _CTRL2_G))
        return min(accel, gyro)

    def _steps(self) -> tuple[float, float]:
        return (
            _ACCEL_STEP_G[self.registers[_CTRL1_XL] >> 2 & 3],
            _GYRO_STEP_DPS[self.registers[_CTRL2_G] >> 2 & 3],
        )

    def _keep_newest(self) -> None:
        if len(self.fifo) > self.fifo_bytes:
            del self.fifo[: len(self.fifo) - self.fifo_bytes]
            self._overrun = True


class SimulatedLsm6ds3(_Lsm6ds):
    """LSM6DS3 (0x69, 8 KB) and LSM6DS3TR-C (0x6A, 4 KB), by DocID026899 and AN4650."""

    fifo_register = 0x3E

    def _reset_registers(self) -> None:
        super()._reset_registers()
        self.fifo_bytes = 2 * (0xFFF if self.identity == 0x69 else 0x7FF)  # the word counter's 12 or 11 bits

    def _load(self, register: int) -> int:
        words = len(self.fifo) // 2
        match register:
            case 0x3A:
                return words & 0xFF
            case 0x3B:
                return words >> 8 | 0x40 * self._overrun | 0x10 * (not words)
            case 0x3C:
                return -words % 6  # the newest word ends a sample, so this is where the oldest stands
            case 0x3D:
                return 0
        return self.registers[register]

    def _fill(self, raw: Raw) -> None:
        if self.registers[0x0A] & 0x07 != 0x06 or self.registers[0x08] != 0x09:
            return
        self.fifo += raw[:, [3, 4, 5, 0, 1, 2]].astype("<i2").tobytes()
        self._keep_newest()


class SimulatedLsm6dso(_Lsm6ds):
    """LSM6DSO (0x6C), LSM6DSR and ISM330DHCX (0x6B), by DS12140 section 6.5: 512 tagged words."""

    fifo_register = 0x78
    fifo_bytes = 512 * 7
    mark = (0x7FFF, 0x7FFE, 0x7FFD) * 2
    waking_s = 0.07
    _slot = 0

    def _load(self, register: int) -> int:
        words = len(self.fifo) // 7
        match register:
            case 0x3A:
                return words & 0xFF
            case 0x3B:
                flags = 0x48 * self._overrun
                self._overrun = False
                return words >> 8 | flags
        return self.registers[register]

    def _fill(self, raw: Raw) -> None:
        if self.registers[0x0A] & 0x07 != 0x06 or not (
            self.registers[0x09] & 0x0F and self.registers[0x09] >> 4
        ):
            return
        words = np.zeros((len(raw), 2), [("tag", "u1"), ("values", "<i2", 3)])
        slot = (self._slot + np.arange(len(raw))) & 3  # TAG_CNT: both words of a moment carry the same
        self._slot += len(raw)
        words["tag"] = slot[:, None] << 1 | np.array([0x01 << 3, 0x02 << 3])
        words["values"][:, 0], words["values"][:, 1] = raw[:, 3:], raw[:, :3]
        self.fifo += words.tobytes()
        self._keep_newest()


class SimulatedLsm6dso32(SimulatedLsm6dso):
    """LSM6DSO32: identity 0x6C too, but every range of the accelerometer is twice as wide (DS13210)."""

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int = 0x6A,
        identity: int = 0x6C,
        rate_error: float = 0.0,
    ) -> None:
        super().__init__(source, clock, address, identity, rate_error)

    def _steps(self) -> tuple[float, float]:
        accel_step_g, gyro_step_dps = super()._steps()
        return 2 * accel_step_g, gyro_step_dps
