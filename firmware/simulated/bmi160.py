"""A BMI160 as a register file, by the datasheet BST-BMI160-DS000."""

from collections.abc import Callable

from firmware.simulated.chip import Raw, SimulatedChip, Source

_PMU_STATUS, _LENGTH_0, _LENGTH_1, _ACC_CONF, _ACC_RANGE = 0x03, 0x22, 0x23, 0x40, 0x41
_GYR_CONF, _GYR_RANGE, _FIFO_CONFIG_1, _CMD = 0x42, 0x43, 0x47, 0x7E
_ACCEL_RANGE_G = {0x03: 2.0, 0x05: 4.0, 0x08: 8.0, 0x0C: 16.0}
_POWER = {0x10: (4, 0), 0x11: (4, 1), 0x14: (2, 0), 0x15: (2, 1)}  # command: place in PMU_STATUS, mode


class SimulatedBmi160(SimulatedChip):
    """A full FIFO loses its oldest frames, whole."""

    fifo_register = 0x24
    fifo_bytes = 1024
    _counted = 0

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int = 0x69,
        identity: int = 0xD1,
        rate_error: float = 0.0,
    ) -> None:
        super().__init__(source, clock, address, identity, rate_error)
        self.read_only |= {0x00, _PMU_STATUS, _LENGTH_0, _LENGTH_1}

    def _reset_registers(self) -> None:
        self.registers[0x00] = self.identity
        self.registers[_ACC_CONF], self.registers[_ACC_RANGE], self.registers[_GYR_CONF] = 0x28, 0x03, 0x28
        self.registers[_FIFO_CONFIG_1] = 0x10

    def _store(self, register: int, value: int) -> None:
        if register != _CMD:
            self.registers[register] = value
        elif value == 0xB6:
            self.brown_out()
        elif value == 0xB0:
            self.fifo.clear()
        elif value in _POWER:
            place, mode = _POWER[value]
            self.registers[_PMU_STATUS] = self.registers[_PMU_STATUS] & ~(3 << place) | mode << place

    def _load(self, register: int) -> int:
        if register == _LENGTH_0:
            self._counted = len(self.fifo)
            return self._counted & 0xFF
        if register == _LENGTH_1:
            return self._counted >> 8
        return self.registers[register]

    def _rate_hz(self) -> float:
        if self.registers[_PMU_STATUS] & 0x3C != 0x14:
            return 0.0
        return 100 / 256 * (1 << (self.registers[_ACC_CONF] & 0x0F))

    def _steps(self) -> tuple[float, float]:
        gyro_range_dps = 2000 / 2 ** (self.registers[_GYR_RANGE] & 7)
        return _ACCEL_RANGE_G[self.registers[_ACC_RANGE] & 0x0F] / 32768, gyro_range_dps / 32768

    def _fill(self, raw: Raw) -> None:
        if self.registers[_FIFO_CONFIG_1] & 0xD0 != 0xC0:
            return
        self.fifo += raw[:, [3, 4, 5, 0, 1, 2]].astype("<i2").tobytes()
        over = len(self.fifo) - self.fifo_bytes
        if over > 0:
            del self.fifo[: -(-over // 12) * 12]
