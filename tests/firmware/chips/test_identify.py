import pytest

from firmware.bus import Bus
from firmware.chips import identify
from firmware.errors import AddressClaimedError, InUseError, UnknownChipError
from firmware.simulated import SimulatedBus, SimulatedChip
from tests.firmware.bench import bench, bench_with, resting_world


@pytest.mark.parametrize(
    ("identity", "address", "name"),
    [
        (0x68, 0x68, "MPU-6050"),
        (0x68, 0x69, "MPU-6050"),
        (0x70, 0x68, "MPU-6500"),
        (0x71, 0x69, "MPU-9250"),
        (0x73, 0x68, "MPU-9255"),
    ],
)
def test_a_chip_is_known_by_address_register_and_value(identity: int, address: int, name: str) -> None:
    chip = identify(bench(identity, address).bus)
    assert str(chip) == f"{name} (0x{identity:02X}) at address 0x{address:02X}"


def test_looking_for_a_chip_writes_nothing() -> None:
    b = bench()
    b.wires.log = []
    identify(b.bus)
    assert all(isinstance(data, int) or len(data) == 1 for _, data in b.wires.log)


def test_an_empty_bus_says_where_it_looked() -> None:
    with pytest.raises(UnknownChipError, match=r"no sensor answers at 0x68, 0x69.*: check SDA"):
        identify(Bus(1, SimulatedBus().open))


def test_a_stranger_is_refused_and_named() -> None:
    with pytest.raises(UnknownChipError, match=r"0x68 has .*0x13 in register 0x75.*allow_unknown"):
        identify(bench(0x13).bus)


def test_a_stranger_is_taken_for_an_mpu_only_where_allowed() -> None:
    assert identify(bench(0x13).bus, allow_unknown=True).name == "unknown chip with MPU registers"


@pytest.mark.parametrize("identity", [0x00, 0xFF])
def test_dead_wires_are_no_stranger(identity: int) -> None:
    with pytest.raises(UnknownChipError, match="faulty wiring"):
        identify(bench(identity).bus, allow_unknown=True)


class Memory(SimulatedChip):
    """A chip of another trade: bytes that wrap after ``size``, and a record of every write to them."""

    fifo_register = 0x1000

    def __init__(self, content: dict[int, int] | bytes = b"", address: int = 0x68, size: int = 256) -> None:
        self.size = size
        self.written: list[bytes] = []
        self._content = content
        super().__init__(resting_world, lambda: 0.0, address, 0)

    def _reset_registers(self) -> None:
        for register, value in dict(
            self._content if isinstance(self._content, dict) else enumerate(self._content)
        ).items():
            self.registers[register] = value

    def write(self, data: bytes) -> None:
        self._pointer = data[0] % self.size
        if len(data) > 1:
            self.written.append(data)

    def read(self, count: int) -> bytes:
        return bytes(self.registers[(self._pointer + offset) % self.size] for offset in range(count))

    def _store(self, register: int, value: int) -> None: ...
    def _rate_hz(self) -> float:
        return 0.0

    def _steps(self) -> tuple[float, float]:
        return 1.0, 1.0

    def _fill(self, raw: object) -> None: ...


TIME = {0: 0x30, 1: 0x59, 2: 0x23, 3: 0x02, 4: 0x31, 5: 0x12, 6: 0x26}
STRANGERS: dict[str, tuple[Memory, str]] = {
    # what sits where an IMU is looked for, and how it is named
    "DS1307": (Memory(TIME, size=64), "a clock"),
    "DS1307 whose memory looks like an MPU": (Memory(TIME | {0x35: 0x68}, size=64), "a clock"),
    "DS1307 never set": (Memory({0: 0x80, 3: 1, 4: 1, 5: 1}, size=64), "a clock"),
    "DS1307 stopped at 51 s, as a BMI160": (Memory(TIME | {0: 0xD1}, size=64), "a clock"),
    "DS1307 as an ICM-20948 in bank 2": (Memory(TIME | {0x3F: 0x20}, size=64), "a clock"),
    "DS1307 of 12 hours": (Memory(TIME | {2: 0x72}, size=64), "a clock"),
    "DS3231": (Memory(TIME | {0x0E: 0x1C, 0x0F: 0x88}, size=0x13), "a clock"),
    "DS3232 whose memory looks like an MPU": (Memory(TIME | {0x75: 0x68, 0x7F: 0x20}), "a clock"),
    "PCF8523": (
        Memory({2: 0xE0, 3: 0x30, 4: 0x59, 5: 0x23, 6: 0x31, 7: 0, 8: 0x12, 9: 0x26}, size=0x14),
        "a clock",
    ),
    "64 bytes of memory with an MPU's identity": (Memory({0x35: 0x68}, size=64), "0x68 in register 0x75"),
    "64 bytes of memory with a bank": (Memory({0x3F: 0x20}, size=64), "0x20|0x00"),
    "memory with an MPU's identity and noise": (Memory(bytes([0x97] * 0x75 + [0x68] + [0x97] * 64)), "0x68"),
    "memory with an ICM-42688-P's identity and noise": (
        Memory(bytes([0x97] * 0x75 + [0x47] + [0x97] * 64)),
        "0x47 in register 0x75",
    ),
    "memory with a bank's number and noise": (Memory(bytes([0x97] * 0x7F + [0x20] + [0x97] * 64)), "0x97"),
    "BMI270": (Memory({0: 0x24}), "0x68 is a BMI270"),
    "ITG-3205": (Memory({0: 0x69}, 0x69), "0x69 is an ITG-3200 or MPU-3050, a gyroscope"),
    "LSM9DS1": (Memory({0x0F: 0x68}, 0x6A), "0x6A is an LSM9DS1"),
    "LSM6DSV16X": (Memory({0x0F: 0x70}, 0x6B), "0x6B is an LSM6DSV or LSM6DSV16X"),
    "QMI8658": (Memory({0: 0x05}, 0x6B), "0x6B is a QMI8658"),
    "BQ25895 whose ADC reads as an LSM6DSO": (
        Memory({0x0F: 0x6C, 0x12: 0x95, 0x1E: 0xFF}, 0x6A),
        "0x6C in register 0x0F",
    ),
}


@pytest.mark.parametrize("allow_unknown", [False, True])
@pytest.mark.parametrize("what", STRANGERS)
def test_what_is_no_sensor_is_never_written_to_and_never_taken_for_one(
    what: str, allow_unknown: bool
) -> None:
    stranger, named = STRANGERS[what]
    bus = Bus(1, SimulatedBus(stranger).open)
    with pytest.raises(UnknownChipError, match=named) as caught:
        identify(bus, allow_unknown=allow_unknown)
    assert stranger.written == []
    assert "allow_unknown" not in str(caught.value)


@pytest.mark.parametrize(("register", "value"), [(0x00, 0x24), (0x00, 0xD1), (0x0F, 0xD3), (0x72, 0x04)])
def test_a_known_chip_is_no_stranger_whatever_its_trim_values_are(register: int, value: int) -> None:
    b = bench(0x70)
    b.chip.registers[register] = value
    assert identify(b.bus).name == "MPU-6500"


@pytest.mark.parametrize("what", [what for what, (chip, _) in STRANGERS.items() if chip.address == 0x68])
@pytest.mark.parametrize("allow_unknown", [False, True])
def test_beside_a_clock_or_anything_else_the_sensor_is_found(what: str, allow_unknown: bool) -> None:
    stranger, _ = STRANGERS[what]
    sensor = bench(0x70, 0x69).chip
    bus = Bus(1, SimulatedBus(stranger, sensor).open)
    assert identify(bus, allow_unknown=allow_unknown).address == 0x69
    assert stranger.written == []


@pytest.mark.parametrize(
    ("address", "content", "name"),
    [
        (0x28, {0: 0xA0}, "a BNO055"),
        (0x53, {0: 0xE5}, "an ADXL345"),
        (0x1C, {0x0D: 0x1A}, "an MMA8451"),
        (0x76, {0xD0: 0x58}, "a BMP280"),
        (0x50, {0x75: 0x33}, "0x33 in register 0x75"),
    ],
)
def test_a_chip_at_an_address_of_its_own_is_named_and_left_alone(
    address: int, content: dict[int, int], name: str
) -> None:
    stranger = Memory(content, address)
    with pytest.raises(UnknownChipError, match=name) as caught:
        identify(Bus(1, SimulatedBus(stranger).open), (address,), allow_unknown=True)
    assert stranger.written == []
    assert "allow_unknown" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "register", "banks"), [("ICM-20948", 0x7F, (0x10, 0x20, 0x30)), ("ICM-42688-P", 0x76, (1, 2, 4))]
)
def test_a_chip_left_in_any_bank_is_found(name: str, register: int, banks: tuple[int, ...]) -> None:
    for bank in banks:
        b = bench_with(name)
        b.start()
        b.bus.set(b.chip.address, register, bank)
        assert identify(b.bus).name == name
        b.start()
        b.bus.set(b.chip.address, register, bank)
        b.clock.sleep(0.1)
        assert b.start().name == name


def test_an_address_that_a_kernel_driver_has_does_not_hide_the_next() -> None:
    b = bench(0x70, 0x69)
    b.wires.driven.add(0x68)
    assert identify(b.bus).address == 0x69
    b.wires.driven.add(0x69)
    b.bus.close()
    with pytest.raises(AddressClaimedError, match="0x68"):
        identify(b.bus)


def test_an_address_that_another_program_has_does_not_hide_the_next() -> None:
    b = bench(0x70, 0x69)
    clock = Memory(TIME)
    b.wires.chips[0x68] = clock
    other = Bus(1, b.wires.open)
    other.read(0x68, 0x00, 1)
    assert identify(b.bus).address == 0x69
    b.bus.close()
    other.read(0x69, 0x75, 1)
    with pytest.raises(InUseError, match="0x68"):
        identify(b.bus)
    assert clock.written == []


@pytest.mark.parametrize(("identity", "packet"), [(0x13, 12), (0x19, 14)])
def test_the_packets_of_a_chip_that_nobody_knows_are_measured(identity: int, packet: int) -> None:
    b = bench(identity)
    chip = identify(b.bus, allow_unknown=True)
    for wait_s in chip.start():
        b.clock.sleep(wait_s)
    b.clock.sleep(0.1)
    assert len(b.chip.fifo) % packet == 0
    assert len(chip.read(chip.waiting())) == pytest.approx(11, abs=1)
