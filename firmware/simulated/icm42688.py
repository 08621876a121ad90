"""An ICM-42688-P or its kin as five banks of registers, by the datasheet DS-000347."""

from collections.abc import Callable

import numpy as np

from firmware.simulated.chip import Raw, SimulatedChip, Source

_DEVICE_CONFIG, _FIFO_CONFIG, _INT_STATUS, _FIFO_COUNT_H, _FIFO_COUNT_L = 0x11, 0x16, 0x2D, 0x2E, 0x2F
_SIGNAL_PATH_RESET, _PWR_MGMT0, _GYRO_CONFIG0, _ACCEL_CONFIG0, _FIFO_CONFIG1 = 0x4B, 0x4E, 0x4F, 0x50, 0x5F
_RATES_HZ = {6: 1000.0, 7: 200.0, 8: 100.0, 9: 50.0, 10: 25.0}
_BANK_SEL = 0x76
_RESET = {
    _INT_STATUS: 0x10,  # reset done
    0x4C: 0x30,
    0x4D: 0x91,  # bits 7:6: ranges of its own choice
    _GYRO_CONFIG0: 0x06,
    _ACCEL_CONFIG0: 0x06,
    0x52: 0x11,
    0x103: 0x80,
    0x203: 0x30,
    0x204: 0x40,
    0x205: 0x62,
}
_ICM42686 = 0x44  # its first ranges are +-32 g and +-4000 deg/s
_LAYOUT = np.dtype(
    [("head", "u1"), ("accel", ">i2", 3), ("gyro", ">i2", 3), ("celsius", "i1"), ("tick", ">u2")]
)


class SimulatedIcm42688(SimulatedChip):
    """A full FIFO loses its oldest packets. The first count after a flush reads 0, as Linux' driver found.

    ``registers`` holds bank 1 from 0x100 on, and so on.
    """

    fifo_register = 0x30
    fifo_bytes = 2048
    mark = (-32768,) * 6
    waking_s = 0.06

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int = 0x68,
        identity: int = 0x47,
        rate_error: float = 0.0,
    ) -> None:
        super().__init__(source, clock, address, identity, rate_error)
        self.read_only |= {_INT_STATUS, _FIFO_COUNT_H, _FIFO_COUNT_L, 0x75}

    def _reset_registers(self) -> None:
        self.registers = bytearray(0x500)
        self.registers[0x75] = self.identity
        for register, value in _RESET.items():
            self.registers[register] = value
        self._flushed = True
        self._tick = 0

    def _banked(self, register: int) -> int:
        if register == _BANK_SEL:
            return register
        return (self.registers[_BANK_SEL] & 7) << 8 | register

    def _store(self, register: int, value: int) -> None:
        register = self._banked(register)
        if register == _DEVICE_CONFIG and value & 0x01:
            self.brown_out()
            return
        if register == _SIGNAL_PATH_RESET:
            if value & 0x02:
                self.fifo.clear()
                self._flushed = True
            return  # clears itself
        self.registers[register] = value
        if register == _FIFO_CONFIG and not value & 0xC0:
            self.fifo.clear()

    def _load(self, register: int) -> int:
        register = self._banked(register)
        if register == _FIFO_COUNT_H:
            self._counted = 0 if self._flushed else len(self.fifo)
            self._flushed = False
            return self._counted >> 8
        if register == _FIFO_COUNT_L:
            return self._counted & 0xFF
        value = self.registers[register]
        if register == _INT_STATUS:
            self.registers[register] = 0
        return value

    def _rate_hz(self) -> float:
        if self.registers[_PWR_MGMT0] & 0x0F != 0x0F:
            return 0.0
        return _RATES_HZ.get(self.registers[_ACCEL_CONFIG0] & 0x0F, 0.0)

    def _steps(self) -> tuple[float, float]:
        accel_scale, gyro_scale = (self.registers[r] >> 5 for r in (_ACCEL_CONFIG0, _GYRO_CONFIG0))
        wider = 2 if self.identity == _ICM42686 else 1
        return wider * 16 / 2**accel_scale / 32768, wider * 2000 / 2**gyro_scale / 32768

    def _fill(self, raw: Raw) -> None:
        if not self.registers[_FIFO_CONFIG] & 0x40 or self.registers[_FIFO_CONFIG1] & 0x03 != 0x03:
            return
        packets = np.zeros(len(raw), _LAYOUT)
        packets["head"], packets["celsius"] = 0x68, 5
        packets["accel"], packets["gyro"] = raw[:, :3], raw[:, 3:]
        packets["tick"] = self._tick + np.arange(len(raw)) & 0xFFFF
        self._tick += len(raw)
        self.fifo += packets.tobytes()
        if len(self.fifo) > self.fifo_bytes:
            del self.fifo[: len(self.fifo) - self.fifo_bytes]
            self.registers[_INT_STATUS] |= 0x02
