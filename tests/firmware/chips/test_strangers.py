"""What is no IMU is not written to, not taken for one, and named where it can be."""

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.chips import identify
from firmware.errors import UnknownChipError
from firmware.simulated import SimulatedBus, SimulatedIcm42688
from firmware.simulated.chip import Raw, SimulatedChip
from tests.firmware.bench import Clock, bench, bench_with, resting_world

DALLAS = bytes([0x56, 0x34, 0x12, 0x03, 0x25, 0x11, 0x26])  # 12:34:56, Wednesday 25 November 26
STOPPED = bytes([0x80, 0x00, 0x00, 0x01, 0x01, 0x01, 0x00])  # a DS1307 that was never set
NXP = bytes([0x00, 0x00, 0xE0, 0x56, 0x34, 0x12, 0x25, 0x03, 0x11, 0x26])  # PCF8523


class Memory(SimulatedChip):
    """Something with ``size`` bytes behind its address; the register pointer wraps."""

    fifo_register = 0x1000

    def __init__(self, content: bytes, size: int = 256, address: int = 0x68) -> None:
        self._content, self._size = content, size
        self.written: list[bytes] = []
        super().__init__(resting_world, Clock(), address, 0)

    def write(self, data: bytes) -> None:
        self._pointer = data[0] % self._size
        if len(data) > 1:
            self.written.append(data)

    def read(self, count: int) -> bytes:
        return bytes(self.registers[(self._pointer + i) % self._size] for i in range(count))

    def _reset_registers(self) -> None:
        self.registers[: len(self._content)] = self._content

    def _store(self, register: int, value: int) -> None: ...

    def _rate_hz(self) -> float:
        return 0.0

    def _steps(self) -> tuple[float, float]:
        return 1.0, 1.0

    def _fill(self, raw: Raw) -> None: ...


def filled(first: bytes, **registers: int) -> bytes:
    content = bytearray(256)
    content[: len(first)] = first
    for name, value in registers.items():
        content[int(name[1:], 16)] = value
    return bytes(content)


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize(
    "clock",
    [
        Memory(DALLAS + bytes(range(57)), 64),
        Memory(filled(DALLAS, r35=0x68)[:64], 64),  # its RAM holds an MPU's identity by chance
        Memory(filled(DALLAS, r75=0x68)),  # a DS3232: 236 bytes of RAM, this one too
        Memory(filled(STOPPED, r35=0x70)[:64], 64),
        Memory(filled(NXP, r75=0x12), 256),
        Memory(filled(DALLAS, r7F=0x20)),  # as an ICM-20948 in bank 2
    ],
    ids=["DS1307", "by chance", "DS3232", "stopped", "PCF8523", "bank"],
)
def test_a_clock_is_never_written_to_and_never_an_imu(clock: Memory, allow: bool) -> None:
    with pytest.raises(UnknownChipError, match="a clock chip") as refused:
        identify(Bus(1, SimulatedBus(clock).open), allow_unknown=allow)
    assert clock.written == []
    assert "allow_unknown" not in str(refused.value)


def test_the_sensor_beside_a_clock_is_found() -> None:
    clock = Memory(DALLAS + bytes(range(57)), 64)
    b = bench(0x70, 0x69)
    b.wires.chips[0x68] = clock
    assert identify(b.bus).address == 0x69
    assert clock.written == []


def test_a_chip_with_fewer_registers_than_an_imu_is_none() -> None:
    small = Memory(bytes(0x35) + b"\x70", 64)  # reads 0x70 at 0x75 too
    with pytest.raises(UnknownChipError, match="fewer registers"):
        identify(Bus(1, SimulatedBus(small).open), allow_unknown=True)
    assert small.written == []


@pytest.mark.parametrize(
    ("register", "value", "address", "name"),
    [
        (0x0F, 0x68, 0x6A, "LSM9DS1"),
        (0x0F, 0xD4, 0x6B, "L3GD20"),
        (0x00, 0x24, 0x68, "BMI270"),
        (0x00, 0xE1, 0x69, "ICM-20649"),
        (0x75, 0x67, 0x68, "ICM-42670-P"),
    ],
)
@pytest.mark.parametrize("allow", [False, True])
def test_a_chip_without_a_driver_is_named_and_nothing_is_advised_that_does_not_help(
    register: int, value: int, address: int, name: str, allow: bool
) -> None:
    content = bytearray(256)
    content[register] = value
    chip = Memory(bytes(content), address=address)
    with pytest.raises(UnknownChipError, match=name) as refused:
        identify(Bus(1, SimulatedBus(chip).open), allow_unknown=allow)
    assert "allow_unknown" not in str(refused.value)
    assert chip.written == []


@pytest.mark.parametrize("bank", [0x10, 0x20, 0x30])
def test_an_icm_20948_in_another_bank_is_recognised_before_it_is_called_back(bank: int) -> None:
    b = bench_with("ICM-20948")
    b.bus.set(0x68, 0x7F, bank)
    assert b.writes_of(lambda: identify(b.bus)) == [(0x7F, 0x00)]
    assert b.start().name == "ICM-20948"


@pytest.mark.parametrize("bank", [1, 2, 3, 4])
def test_an_icm_42688_in_another_bank_is_recognised_before_it_is_called_back(bank: int) -> None:
    b = bench_with("ICM-42688-P")
    b.bus.set(0x68, 0x76, bank)
    assert b.writes_of(lambda: identify(b.bus)) == [(0x76, 0x00)]
    assert b.start().name == "ICM-42688-P"


def test_registers_of_another_bank_are_others() -> None:
    b = bench_with("ICM-42688-P")
    b.bus.set(0x68, 0x76, 1)
    b.bus.set(0x68, 0x4D, 0x12)
    b.bus.set(0x68, 0x76, 0)
    assert isinstance(b.chip, SimulatedIcm42688)
    assert b.bus.read(0x68, 0x4D, 1) == b"\x91"


@pytest.mark.parametrize("identity", [0x19, 0x55])
def test_the_length_of_a_packet_is_measured_where_it_is_not_known(identity: int) -> None:
    """0x19 puts its temperature into the FIFO here, 0x55 does not."""
    b = bench(identity)
    chip = identify(b.bus, allow_unknown=True)
    for wait_s in chip.start():
        b.clock.sleep(wait_s)
    b.clock.sleep(0.1)
    samples = chip.read(chip.waiting())
    assert len(samples) >= 9
    np.testing.assert_allclose(np.abs(samples[:, 2]), 1.0, atol=0.1)
