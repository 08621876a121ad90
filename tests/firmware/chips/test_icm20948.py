"""The ICM-20948 driver against the bytes of DS-000189."""

import pytest

from tests.firmware.bench import bench_with


def test_start_up_goes_through_the_banks_and_ends_in_bank_0() -> None:
    b = bench_with("ICM-20948")
    assert b.writes_of(b.start) == [
        (0x7F, 0x00),  # bank 0
        (0x06, 0x80),  # PWR_MGMT_1: DEVICE_RESET
        (0x06, 0x01),  # awake, best clock
        (0x07, 0x00),  # PWR_MGMT_2: all axes on
        (0x12, 0x1F),  # INT_ENABLE_2: FIFO overflow
        (0x69, 0x00),  # FIFO_MODE: stream
        (0x7F, 0x20),  # bank 2
        (0x00, 10),  # GYRO_SMPLRT_DIV: 1125 Hz / 11
        (0x01, 0x1F),  # GYRO_CONFIG_1: DLPFCFG 3, FS_SEL 3, FCHOICE on
        (0x09, 0x01),  # ODR_ALIGN_EN
        (0x10, 0x00),  # ACCEL_SMPLRT_DIV_1
        (0x11, 10),  # ACCEL_SMPLRT_DIV_2
        (0x14, 0x1F),  # ACCEL_CONFIG: DLPFCFG 3, FS_SEL 3, FCHOICE on
        (0x7F, 0x00),  # bank 0
        (0x67, 0x00),  # FIFO_EN_2: nothing while it is emptied
        (0x03, 0x00),  # USER_CTRL: FIFO off
        (0x68, 0x1F),  # FIFO_RST asserted
        (0x68, 0x00),  # and let go
        (0x03, 0x40),  # FIFO on
        (0x67, 0x1E),  # accelerometer, z, y, x gyroscope
    ]


@pytest.mark.parametrize(("rate_hz", "divider", "config"), [(100, 10, 0x1F), (200, 5, 0x17)])
def test_lowpass_is_written_to_bits_5_to_3_of_both_configurations(
    rate_hz: int, divider: int, config: int
) -> None:
    b = bench_with("ICM-20948")
    b.start(rate_hz)
    assert [b.chip.registers[register] for register in (0x200, 0x211)] == [divider] * 2
    assert [b.chip.registers[register] for register in (0x201, 0x214)] == [config] * 2


def test_a_chip_left_in_another_bank_is_still_found() -> None:
    b = bench_with("ICM-20948")
    b.bus.set(0x68, 0x7F, 0x20)
    assert b.start().name == "ICM-20948"


def test_samples_are_read_from_0x72_after_the_count_at_0x70() -> None:
    b = bench_with("ICM-20948")
    chip = b.start()
    b.clock.sleep(0.05)
    b.wires.log = []
    chip.read(chip.waiting())
    assert [data for _, data in b.wires.log] == [b"\x70", 2, b"\x72", 60, b"\x1b", 1]
