"""An InvenSense MPU as a register file; section numbers as in the register map RM-MPU-6000A-00."""

from collections.abc import Callable

import numpy as np

from firmware.simulated.chip import Raw, SimulatedChip, Source

_PWR_MGMT_1, _USER_CTRL, _FIFO_EN, _INT_STATUS = 0x6B, 0x6A, 0x23, 0x3A
_FIFO_COUNT_H, _FIFO_COUNT_L, _WHO_AM_I = 0x72, 0x73, 0x75
_WITH_TEMPERATURE = (0x11, 0x12, 0x19)  # write it between accelerometer and gyroscope
_ICM20690 = 0x20
_FIFO_BYTES = {0x11: 1008, 0x12: 1008, 0x19: 1024, 0x20: 1024, 0x68: 1024, 0x78: 4096, 0xA6: 4096}  # else 512
_LUKEWARM = 4000


class SimulatedInvensense(SimulatedChip):
    """MPU-6050 and kin. When the FIFO is full the oldest bytes go, packets or not (4.31)."""

    _counted = 0
    fifo_register = 0x74

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int = 0x68,
        identity: int = 0x68,
        rate_error: float = 0.0,
    ) -> None:
        self.fifo_bytes = _FIFO_BYTES.get(identity, 512)
        super().__init__(source, clock, address, identity, rate_error)
        self.read_only |= {_INT_STATUS, _FIFO_COUNT_H, _FIFO_COUNT_L, _WHO_AM_I}

    def _reset_registers(self) -> None:
        self.registers[_PWR_MGMT_1] = 0x40  # asleep (3)
        self.registers[_WHO_AM_I] = self.identity

    def _store(self, register: int, value: int) -> None:
        if register == _PWR_MGMT_1 and value & 0x80:  # DEVICE_RESET
            self.brown_out()
            return
        if register == _USER_CTRL and value & 0x04:  # FIFO_RESET, clears itself
            self.fifo.clear()
            value &= ~0x04
        self.registers[register] = value

    def _load(self, register: int) -> int:
        if register == _FIFO_COUNT_H:
            self._counted = len(self.fifo)  # reading the high byte holds both (4.30)
            return self._counted >> 8
        if register == _FIFO_COUNT_L:
            return self._counted & 0xFF
        value = self.registers[register]
        if register == _INT_STATUS:
            self.registers[register] = 0  # 4.16
        return value

    def _rate_hz(self) -> float:
        if self.registers[_PWR_MGMT_1] & 0x40:
            return 0.0
        filtered = 1 <= self.registers[0x1A] & 0x07 <= 6
        return (1000 if filtered else 8000) / (1 + self.registers[0x19])  # 4.2

    def _steps(self) -> tuple[float, float]:
        accel_scale = self.registers[0x1C] >> 3 & 3  # 4.5
        gyro_scale = self.registers[0x1B] >> (2 if self.identity == _ICM20690 else 3) & 3  # 4.4
        return (2 << accel_scale) / 32768, (250 << gyro_scale) / 32768

    def _fill(self, raw: Raw) -> None:
        if not self.registers[_USER_CTRL] & 0x40:
            return
        enabled = self.registers[_FIFO_EN]
        if self.identity in _WITH_TEMPERATURE:
            words = np.insert(raw, 3, _LUKEWARM, axis=1) if enabled & 0x18 == 0x18 else raw[:, :0]
        else:
            axes = [0, 1, 2] * bool(enabled & 0x08)  # 4.6; in register order
            axes += [axis for axis, bit in ((3, 0x40), (4, 0x20), (5, 0x10)) if enabled & bit]
            words = raw[:, axes]
        self.fifo += words.astype(">i2").tobytes()
        if len(self.fifo) > self.fifo_bytes:
            del self.fifo[: len(self.fifo) - self.fifo_bytes]
            self.registers[_INT_STATUS] |= 0x10
