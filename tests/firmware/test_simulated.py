"""The simulated parts behave as the real ones do, seen from the wires."""

import errno
import re
from pathlib import Path

import numpy as np
import pytest
from smbus2 import i2c_msg

from firmware.bus import Bus
from firmware.mounting import Mounting
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
from tests.firmware.bench import Clock, bench, take

FRAMES = Path(__file__).parents[2] / "docs/frames.md"


def test_an_mpu_sleeps_after_reset_and_measures_nothing() -> None:
    b = bench()
    assert b.bus.read(0x68, 0x6B, 1) == b"\x40"
    b.bus.set(0x68, 0x6A, 0x40)
    b.bus.set(0x68, 0x23, 0x78)
    b.clock.sleep(1.0)
    assert b.bus.read(0x68, 0x72, 2) == b"\0\0"
    b.bus.set(0x68, 0x6B, 0x01)
    b.bus.set(0x68, 0x1A, 0x03)
    b.clock.sleep(0.01)
    assert b.bus.read(0x68, 0x72, 2) == (10 * 12).to_bytes(2, "big")  # 1 kHz without a divider


def test_an_mpus_full_fifo_keeps_the_newest_bytes_and_tears_packets() -> None:
    b = bench()
    for register, value in ((0x6B, 1), (0x1A, 3), (0x19, 9), (0x23, 0x78), (0x6A, 0x40)):
        b.bus.set(0x68, register, value)
    b.clock.sleep(1.0)
    assert b.bus.read(0x68, 0x72, 2) == (1024).to_bytes(2, "big")
    assert b.bus.read(0x68, 0x3A, 1)[0] & 0x10
    assert not b.bus.read(0x68, 0x3A, 1)[0] & 0x10  # reading clears it


def test_a_read_before_the_last_message_is_refused_as_by_the_pis_driver() -> None:
    b = bench()
    b.wires.log = []
    with pytest.raises(OSError, match=r".") as caught:
        b.wires.i2c_rdwr(i2c_msg.read(0x68, 1), i2c_msg.read(0x68, 1))
    assert caught.value.errno == errno.EOPNOTSUPP
    assert b.wires.log == []


def test_an_empty_fifo_reads_ff() -> None:
    assert bench().bus.read(0x68, 0x74, 3) == b"\xff\xff\xff"


@pytest.mark.parametrize(("bits", "factor"), [(0x18, 1), (0x10, 2), (0x08, 4), (0x00, 8)])
def test_a_smaller_range_gives_larger_figures(bits: int, factor: int) -> None:
    b = bench()
    for register, value in ((0x6B, 1), (0x1A, 3), (0x1C, bits), (0x23, 0x08), (0x6A, 0x40)):
        b.bus.set(0x68, register, value)
    b.clock.sleep(0.01)
    z = np.frombuffer(b.bus.read(0x68, 0x74, 60), ">i2").reshape(-1, 3)[:, 2]
    assert z.mean() == pytest.approx(2048 * factor, rel=0.02)


def test_a_recording_comes_through_chip_and_driver_unchanged() -> None:
    counts = np.random.default_rng(3).integers(-9000, 9000, (300, 6))
    accel_g, gyro_dps = np.round(counts[:, :3] / 2048, 6), np.round(counts[:, 3:] * 2000 / 32768, 6)
    clock = Clock()
    chip = SimulatedInvensense(recording(accel_g, gyro_dps, 100, begins_s=1.0), clock)
    blocks = take(iter(Sampler(SensorSettings(), Bus(1, SimulatedBus(chip).open), clock, clock.sleep)), 5.0)
    came = np.vstack([np.hstack([block.accel_g, block.gyro_dps]) for block in blocks])
    began = int(np.flatnonzero((came[:, :3] == accel_g[0]).all(axis=1))[0])
    np.testing.assert_array_equal(came[began : began + 300], np.hstack([accel_g, gyro_dps]))
    assert not any(block.fault for block in blocks[12:])


def test_every_mounting_in_the_document_can_exist() -> None:
    named = re.findall(r"`([+-][xyz] [+-][xyz] [+-][xyz])`", FRAMES.read_text())
    assert len(named) >= 4
    for axes in named:
        Mounting(axes)
