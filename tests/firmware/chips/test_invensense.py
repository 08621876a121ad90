"""The MPU driver against the bytes of its register map, not against its own reader."""

import numpy as np
import pytest

from firmware.chips.invensense import Invensense, decode
from firmware.errors import FifoError, WriteRefusedError
from tests.firmware.bench import bench


def test_start_up_resets_wakes_sets_up_and_opens_the_fifo_in_this_order() -> None:
    b = bench(0x68)
    assert b.writes_of(b.start) == [
        (0x6B, 0x80),  # PWR_MGMT_1: DEVICE_RESET
        (0x6B, 0x01),  # awake, clock from the x gyroscope
        (0x6C, 0x00),  # PWR_MGMT_2: all axes on
        (0x19, 9),  # SMPLRT_DIV: 1 kHz / (1 + 9)
        (0x1A, 3),  # CONFIG: low-pass 44 Hz
        (0x1B, 0x18),  # GYRO_CONFIG: +-2000 deg/s
        (0x1C, 0x18),  # ACCEL_CONFIG: +-16 g
        (0x38, 0x10),  # INT_ENABLE: FIFO overflow
        (0x23, 0x00),  # FIFO_EN: nothing while it is emptied
        (0x6A, 0x00),  # USER_CTRL: FIFO off
        (0x6A, 0x04),  # FIFO_RESET
        (0x6A, 0x40),  # FIFO on
        (0x23, 0x78),  # FIFO_EN: x, y, z gyroscope and accelerometer
    ]


@pytest.mark.parametrize(("rate_hz", "divider", "low_pass"), [(100, 9, 3), (200, 4, 2)])
def test_lowpass_is_written_to_bits_2_to_0_of_config(rate_hz: int, divider: int, low_pass: int) -> None:
    b = bench(0x68)
    writes = b.writes_of(lambda: b.start(rate_hz))
    assert (0x19, divider) in writes
    assert (0x1A, low_pass) in writes


@pytest.mark.parametrize("identity", [0x12, 0x70, 0x71, 0x72, 0x73, 0x74, 0x98, 0xAF])
def test_newer_members_get_their_own_accelerometer_lowpass(identity: int) -> None:
    b = bench(identity)
    assert (0x1D, 3) in b.writes_of(b.start)


def test_every_register_that_holds_its_value_is_read_back() -> None:
    b = bench()
    b.wires.log = []
    b.start()
    log = [data for _, data in b.wires.log]
    for position, data in enumerate(log):
        if isinstance(data, bytes) and len(data) == 2 and data not in (b"\x6b\x80", b"\x6a\x04"):
            assert log[position + 1 : position + 3] == [data[:1], 1]


def test_it_waits_after_reset_and_after_wake() -> None:
    b = bench()
    waits = []
    for wait_s in Invensense(b.bus, 0x68, 0x68).start():
        waits.append(wait_s)
        b.clock.sleep(wait_s)
    assert waits[0] >= 0.1  # register map 4.28
    assert waits[1] >= 0.03  # gyroscope start-up time


def test_fifo_bytes_are_big_endian_accelerometer_then_gyroscope() -> None:
    data = bytes.fromhex("0800 f800 0001  4000 c000 0010") + bytes.fromhex("7fff 8000 0000  7fff 8000 0000")
    np.testing.assert_array_equal(
        decode(data),
        [
            [1.0, -1.0, 0.000488, 1000.0, -1000.0, 0.976562],
            [15.999512, -16.0, 0.0, 1999.938965, -2000.0, 0.0],
        ],
    )


def test_temperature_between_them_is_left_out() -> None:
    data = bytes.fromhex("0800 0000 0000  1234  4000 0000 0000")
    np.testing.assert_array_equal(decode(data, packet_bytes=14), [[1, 0, 0, 1000, 0, 0]])


def test_samples_come_in_one_burst_of_whole_packets() -> None:
    b = bench()
    chip = b.start()
    b.clock.sleep(0.1)
    b.wires.log = []
    assert chip.waiting() == 10
    assert chip.read(10).shape == (10, 6)
    assert [data for _, data in b.wires.log] == [b"\x72", 2, b"\x74", 120, b"\x3a", 1]


def test_an_overflow_is_seen_and_a_flush_mends_it() -> None:
    b = bench()
    chip = b.start()
    b.clock.sleep(1.0)  # 100 packets into room for 85
    with pytest.raises(FifoError, match="overflowed"):
        chip.read(1)
    chip.flush()
    b.clock.sleep(0.05)
    assert chip.read(chip.waiting()).shape == (5, 6)


def test_torn_packets_are_seen() -> None:
    b = bench()
    chip = b.start()
    b.clock.sleep(0.05)
    b.bus.read(0x68, 0x74, 5)  # somebody took bytes that belong to a packet
    with pytest.raises(FifoError, match="7 bytes beside whole samples"):
        chip.waiting()


def test_a_clone_without_the_newer_filter_register_runs_all_the_same() -> None:
    b = bench(0x98)
    b.chip.read_only.add(0x1D)
    b.start()


def test_the_icm_20602_is_set_otherwise_what_goes_into_its_fifo() -> None:
    b = bench(0x12)
    assert b.writes_of(b.start)[-1] == (0x23, 0x18)


def test_a_chip_that_ignores_a_write_is_refused() -> None:
    b = bench()
    b.chip.read_only.add(0x1B)
    with pytest.raises(WriteRefusedError, match="0x1B was set to 0x18 and reads 0x00"):
        b.start()


def test_closing_puts_it_to_sleep() -> None:
    b = bench()
    chip = b.start()
    chip.close()
    assert b.chip.registers[0x6B] & 0x40
