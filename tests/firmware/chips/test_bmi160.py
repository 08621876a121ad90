"""The BMI160 driver against the bytes of BST-BMI160-DS000."""

import numpy as np
import pytest

from firmware.chips.bmi160 import decode
from firmware.errors import ChipError
from tests.firmware.bench import bench_with


def test_start_up_wakes_each_sensor_by_command_before_setting_it_up() -> None:
    b = bench_with("BMI160")
    assert b.writes_of(b.start) == [
        (0x7E, 0xB6),  # CMD: soft reset
        (0x7E, 0x11),  # accelerometer to normal mode
        (0x7E, 0x15),  # gyroscope to normal mode
        (0x40, 0x28),  # ACC_CONF: 100 Hz, normal filter
        (0x41, 0x0C),  # ACC_RANGE: +-16 g
        (0x42, 0x28),  # GYR_CONF: 100 Hz, normal filter
        (0x43, 0x00),  # GYR_RANGE: +-2000 deg/s
        (0x47, 0xC0),  # FIFO_CONFIG_1: gyroscope and accelerometer, no headers
        (0x7E, 0xB0),  # FIFO flush
    ]


def test_it_waits_the_80_ms_that_the_gyroscope_needs() -> None:
    b = bench_with("BMI160")
    waits = []
    for wait_s in b.start().start():
        waits.append(wait_s)
        b.clock.sleep(wait_s)
    assert waits[2] >= 0.08


def test_a_gyroscope_that_stays_asleep_is_reported() -> None:
    b = bench_with("BMI160")
    b.chip.read_only.add(0x7E)
    with pytest.raises(ChipError, match="does not wake: power status 0x00"):
        b.start()


def test_frames_are_little_endian_gyroscope_first() -> None:
    data = bytes.fromhex("0040 00c0 1000  0008 00f8 0100")
    np.testing.assert_array_equal(decode(data), [[1.0, -1.0, 0.000488, 1000.0, -1000.0, 0.976562]])
