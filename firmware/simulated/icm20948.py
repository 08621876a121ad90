"""An ICM-20948 as four banks of registers, by the datasheet DS-000189."""

from collections.abc import Callable

from firmware.simulated.chip import Raw, SimulatedChip, Source

_USER_CTRL, _PWR_MGMT_1, _INT_STATUS_2, _FIFO_EN_2, _FIFO_RST = 0x03, 0x06, 0x1B, 0x67, 0x68
_FIFO_COUNT_H, _FIFO_COUNT_L, _BANK_SEL = 0x70, 0x71, 0x7F
_GYRO_CONFIG_1, _ACCEL_SMPLRT_DIV_2, _ACCEL_CONFIG = 0x201, 0x211, 0x214
_RESET = {_PWR_MGMT_1: 0x41, 0x111: 0x12, 0x214: 0x01, 0x201: 0x01, 0x254: 0x03}  # it wakes asleep
_ICM20649 = 0xE1  # ranges twice as wide: +-4 to 32 g, +-500 to 4000 deg/s


class SimulatedIcm20948(SimulatedChip):
    """``registers`` holds bank 1 from 0x100 on, and so on. A full FIFO loses its oldest bytes."""

    _counted = 0
    fifo_register = 0x72
    fifo_bytes = 512

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int = 0x68,
        identity: int = 0xEA,
        rate_error: float = 0.0,
    ) -> None:
        super().__init__(source, clock, address, identity, rate_error)

    def _reset_registers(self) -> None:
        self.registers = bytearray(0x400)
        self.registers[0x00] = self.identity
        for register, value in _RESET.items():
            self.registers[register] = value

    def _banked(self, register: int) -> int:
        if register == _BANK_SEL:
            return register
        return (self.registers[_BANK_SEL] >> 4 & 3) << 8 | register

    def _store(self, register: int, value: int) -> None:
        register = self._banked(register)
        if register == _PWR_MGMT_1 and value & 0x80:
            self.brown_out()
        elif register not in (0x00, _INT_STATUS_2, _FIFO_COUNT_H, _FIFO_COUNT_L):
            self.registers[register] = value
            if register == _FIFO_RST and value:
                self.fifo.clear()

    def _load(self, register: int) -> int:
        register = self._banked(register)
        if register == _FIFO_COUNT_H:
            self._counted = len(self.fifo)
            return self._counted >> 8
        if register == _FIFO_COUNT_L:
            return self._counted & 0xFF
        value = self.registers[register]
        if register == _INT_STATUS_2:
            self.registers[register] = 0
        return value

    def _rate_hz(self) -> float:
        if self.registers[_PWR_MGMT_1] & 0x40:
            return 0.0
        return 1125 / (1 + self.registers[_ACCEL_SMPLRT_DIV_2])

    def _steps(self) -> tuple[float, float]:
        accel_scale, gyro_scale = (self.registers[r] >> 1 & 3 for r in (_ACCEL_CONFIG, _GYRO_CONFIG_1))
        wider = 2 if self.identity == _ICM20649 else 1
        return wider * (2 << accel_scale) / 32768, wider * (250 << gyro_scale) / 32768

    def _fill(self, raw: Raw) -> None:
        held_at_zero = self.registers[_FIFO_RST] & 0x1F
        if held_at_zero or not self.registers[_USER_CTRL] & 0x40 or self.registers[_FIFO_EN_2] & 0x1E != 0x1E:
            return
        self.fifo += raw.astype(">i2").tobytes()
        if len(self.fifo) > self.fifo_bytes:
            del self.fifo[: len(self.fifo) - self.fifo_bytes]
            self.registers[_INT_STATUS_2] |= 0x01
