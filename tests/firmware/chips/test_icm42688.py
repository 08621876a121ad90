"""The ICM-42688-P driver against the bytes of DS-000347."""

import numpy as np
import pytest

from firmware.chips.icm42688 import decode, unpack
from firmware.errors import FifoError
from tests.firmware.bench import bench_with


def test_start_up_resets_sets_up_wakes_and_opens_the_fifo() -> None:
    b = bench_with("ICM-42688-P")
    assert b.writes_of(b.start) == [
        (0x76, 0x00),  # REG_BANK_SEL: bank 0
        (0x11, 0x01),  # DEVICE_CONFIG: soft reset
        (0x4C, 0x30),  # INTF_CONFIG0: big-endian, count in bytes
        (0x4D, 0x51),  # INTF_CONFIG1: bits 7:6 = 01, no change of ranges by itself; the rest as it was
        (0x4F, 0x08),  # GYRO_CONFIG0: +-2000 deg/s, 100 Hz
        (0x50, 0x08),  # ACCEL_CONFIG0: +-16 g, 100 Hz
        (0x52, 0x00),  # GYRO_ACCEL_CONFIG0: both at half the rate
        (0x5F, 0x07),  # FIFO_CONFIG1: accelerometer, gyroscope, temperature
        (0x4E, 0x0F),  # PWR_MGMT0: both in low-noise mode
        (0x16, 0x00),  # FIFO_CONFIG: bypass
        (0x4B, 0x02),  # SIGNAL_PATH_RESET: FIFO_FLUSH
        (0x16, 0x40),  # FIFO_CONFIG: stream
    ]


def test_a_packet_is_header_accelerometer_gyroscope_temperature_time() -> None:
    packet = bytes.fromhex("68  0800 f800 0001  4000 c000 0010  19  1234")
    np.testing.assert_array_equal(decode(packet), [[1.0, -1.0, 0.000488, 1000.0, -1000.0, 0.976562]])


@pytest.mark.parametrize("header", [0x80, 0x40, 0x20, 0x78, 0x08])
def test_a_header_of_anything_else_is_refused(header: int) -> None:
    with pytest.raises(FifoError, match="torn"):
        decode(bytes([header, *15 * [0]]))


def test_a_sample_that_the_chip_marks_as_invalid_is_refused_and_one_axis_at_its_end_is_not() -> None:
    accel_invalid = bytes.fromhex("68  8000 8000 8000  4000 c000 0010  19  1234")
    gyro_invalid = bytes.fromhex("68  0800 f800 0001  8000 8000 8000  19  1234")
    for packet in (accel_invalid, gyro_invalid):
        with pytest.raises(FifoError, match="invalid"):
            decode(packet)
        assert np.isnan(unpack(packet)).all()
    np.testing.assert_array_equal(
        decode(bytes.fromhex("68  8000 f800 0001  0000 0000 0000  19  1234"))[0, 0], -16
    )


def test_the_ranges_of_the_icm_42686_begin_one_step_higher() -> None:
    b = bench_with("ICM-42686-P")
    b.start()
    assert b.chip.registers[0x4F] == b.chip.registers[0x50] == 0x28


def test_half_a_rate_more_is_one_step_less_in_the_table() -> None:
    b = bench_with("ICM-42688-P")
    b.start(200)
    assert b.chip.registers[0x4F] == b.chip.registers[0x50] == 0x07
