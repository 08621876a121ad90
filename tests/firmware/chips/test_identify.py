import pytest

from firmware.bus import Bus
from firmware.chips import identify
from firmware.errors import UnknownChipError
from firmware.simulated import SimulatedBus
from tests.firmware.bench import bench


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
    with pytest.raises(UnknownChipError, match=r"0x68 has .*0x55 in register 0x75.*allow_unknown"):
        identify(bench(0x55).bus)


def test_a_stranger_is_taken_for_an_mpu_only_where_allowed() -> None:
    assert identify(bench(0x55).bus, allow_unknown=True).name == "unknown chip with MPU registers"


@pytest.mark.parametrize("identity", [0x00, 0xFF])
def test_dead_wires_are_no_stranger(identity: int) -> None:
    with pytest.raises(UnknownChipError, match="faulty wiring"):
        identify(bench(identity).bus, allow_unknown=True)
