"""ST's drivers against the bytes of DocID026899 (LSM6DS3) and DS12140 (LSM6DSO)."""

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.chips import lsm6ds3, lsm6dso
from firmware.errors import FifoError, InvalidSampleError
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBus, SimulatedLsm6dso
from tests.firmware.bench import Clock, bench_with, resting_world, take

CONTROL = [
    (0x12, 0x01),  # CTRL3_C: SW_RESET
    (0x12, 0x44),  # BDU, IF_INC
    (0x10, 0x44),  # CTRL1_XL: 104 Hz, +-16 g
    (0x11, 0x4C),  # CTRL2_G: 104 Hz, +-2000 deg/s
]


@pytest.mark.parametrize("name", ["LSM6DS3", "LSM6DS3TR-C"])
def test_the_older_start_up_fills_the_fifo_by_its_own_rate(name: str) -> None:
    b = bench_with(name)
    assert b.writes_of(b.start) == [
        *CONTROL,
        (0x08, 0x09),  # FIFO_CTRL3: every sample of both
        (0x0A, 0x00),  # FIFO_CTRL5: bypass
        (0x0A, 0x26),  # 104 Hz, continuous
    ]


WEIGHED = {"LSM6DSO": [(0x0A, 0x00), (0x0A, 0x06)]}
"""An LSM6DSO32 has the same identity: half a second of samples is weighed, then the FIFO is emptied again."""


@pytest.mark.parametrize("name", ["LSM6DSO", "LSM6DSR or ISM330DHCX"])
def test_the_newer_start_up_batches_both_sensors(name: str) -> None:
    b = bench_with(name)
    assert b.writes_of(b.start) == [
        *CONTROL,
        (0x09, 0x44),  # FIFO_CTRL3: both at 104 Hz
        (0x0A, 0x00),  # FIFO_CTRL4: bypass
        (0x0A, 0x06),  # continuous
        *WEIGHED.get(name, []),
    ]


def test_older_words_are_little_endian_gyroscope_first() -> None:
    data = bytes.fromhex("0100 ffff e803  0004 00fc 0108")
    np.testing.assert_array_equal(
        lsm6ds3.decode(data), [[0.499712, -0.499712, 1.000 - 0.000088, 0.07, -0.07, 70.0]]
    )


def test_newer_words_are_told_apart_by_their_tags_in_either_order() -> None:
    gyro, accel = "0100 ffff e803", "0004 00fc 0108"
    expected = [[0.499712, -0.499712, 0.999912, 0.07, -0.07, 70.0]]
    np.testing.assert_array_equal(lsm6dso.decode(bytes.fromhex(f"08 {gyro} 10 {accel}")), expected)
    np.testing.assert_array_equal(lsm6dso.decode(bytes.fromhex(f"14 {accel} 0c {gyro}")), expected)


@pytest.mark.parametrize("tags", ["08 08", "10 10", "20 10", "08 12"])
def test_words_that_do_not_pair_are_refused(tags: str) -> None:
    first, second = tags.split()
    with pytest.raises(FifoError, match="torn"):
        lsm6dso.decode(bytes.fromhex(first + "00" * 6 + second + "00" * 6))


def test_the_older_fifo_tells_where_in_a_sample_it_stands() -> None:
    b = bench_with("LSM6DS3")
    chip = b.start()
    b.clock.sleep(0.1)
    b.bus.read(0x6A, 0x3E, 4)
    with pytest.raises(FifoError, match="its next word is number 2"):
        chip.waiting()


class Dso32(SimulatedLsm6dso):
    """An LSM6DSO32: the same identity and codes, twice the acceleration."""

    def _steps(self) -> tuple[float, float]:
        accel_g, gyro_dps = super()._steps()
        return 2 * accel_g, gyro_dps


def test_an_lsm6dso32_is_recognised_by_gravity() -> None:
    clock = Clock()
    wires = SimulatedBus(Dso32(resting_world, clock, 0x6A, 0x6C))
    sampler = Sampler(SensorSettings(), Bus(1, wires.open), clock, clock.sleep)
    blocks = take(iter(sampler), 4.0)
    norms_g = np.linalg.norm(np.vstack([block.accel_g for block in blocks]), axis=1)
    assert norms_g.mean() == pytest.approx(1.0, abs=0.05)
    assert "LSM6DSO32" in str(sampler.chip)


@pytest.mark.parametrize("value", [0x7FFD, 0x7FFE, 0x7FFF])
def test_a_mark_in_all_axes_is_no_sample_and_an_axis_at_its_end_is_one(value: int) -> None:
    mark, sample = f"{value:04x}"[2:] + f"{value:04x}"[:2], "0100 ffff e803"
    with pytest.raises(InvalidSampleError) as refused:
        lsm6ds3.decode(bytes.fromhex(3 * mark + sample))
    assert np.isnan(refused.value.samples).all()
    with pytest.raises(InvalidSampleError):
        lsm6dso.decode(bytes.fromhex(f"08 {sample} 10 {3 * mark}"))
    assert len(lsm6ds3.decode(bytes.fromhex(sample + mark + "0000 0000"))) == 1
