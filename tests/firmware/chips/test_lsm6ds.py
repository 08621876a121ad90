"""ST's drivers against the bytes of DocID026899 (LSM6DS3) and DS12140 (LSM6DSO)."""

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.chips import lsm6ds3, lsm6dso
from firmware.errors import FifoError
from firmware.simulated import SimulatedBus, SimulatedLsm6dso32, Source
from monitor.core.samples import Floats
from tests.firmware.bench import Bench, Clock, bench_with, resting_world, take

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


@pytest.mark.parametrize("name", ["LSM6DSO", "LSM6DSR or ISM330DHCX", "LSM6DSTX"])
def test_the_newer_start_up_batches_both_sensors(name: str) -> None:
    b = bench_with(name)
    assert b.writes_of(b.start)[:7] == [
        *CONTROL,
        (0x09, 0x44),  # FIFO_CTRL3: both at 104 Hz
        (0x0A, 0x00),  # FIFO_CTRL4: bypass
        (0x0A, 0x06),  # continuous
    ]


def test_older_words_are_little_endian_gyroscope_first() -> None:
    data = bytes.fromhex("0100 ffff e803  0004 00fc 0108")
    np.testing.assert_array_equal(
        lsm6ds3.decode(data), [[0.499712, -0.499712, 1.000 - 0.000088, 0.07, -0.07, 70.0]]
    )


def test_newer_words_are_distinguished_by_their_tags_in_either_order() -> None:
    gyro, accel = "0100 ffff e803", "0004 00fc 0108"
    expected = [[0.499712, -0.499712, 0.999912, 0.07, -0.07, 70.0]]
    np.testing.assert_array_equal(lsm6dso.decode(bytes.fromhex(f"08 {gyro} 10 {accel}")), expected)
    np.testing.assert_array_equal(lsm6dso.decode(bytes.fromhex(f"14 {accel} 0c {gyro}")), expected)


@pytest.mark.parametrize("tags", ["08 08", "10 10", "20 10", "08 12"])
def test_words_that_do_not_pair_are_refused(tags: str) -> None:
    first, second = tags.split()
    with pytest.raises(FifoError, match="torn"):
        lsm6dso.decode(bytes.fromhex(first + "00" * 6 + second + "00" * 6))


def test_the_older_fifo_says_where_in_a_sample_it_is() -> None:
    b = bench_with("LSM6DS3")
    chip = b.start()
    b.clock.sleep(0.1)
    b.bus.read(0x6A, 0x3E, 4)
    with pytest.raises(FifoError, match="its next word is number 2"):
        chip.waiting()


@pytest.mark.parametrize("mark", ["ff7f fe7f fd7f", "fd7f fd7f fd7f"])
def test_words_of_a_sensor_that_wakes_are_refused_and_one_axis_at_its_end_is_not(mark: str) -> None:
    for words in (f"08 {mark} 10 0004 00fc 0108", f"08 0100 ffff e803 10 {mark}"):
        with pytest.raises(FifoError, match="invalid"):
            lsm6dso.decode(bytes.fromhex(words))
        assert np.isnan(lsm6dso.unpack(bytes.fromhex(words))).all()
    impact = lsm6dso.decode(bytes.fromhex("08 0100 ffff e803 10 ff7f 00fc 0108"))
    assert impact[0, 0] == pytest.approx(15.99, abs=0.01)


def dso32(source: Source) -> Bench:
    clock = Clock()
    chip = SimulatedLsm6dso32(source, clock)
    wires = SimulatedBus(chip)
    return Bench(clock, chip, wires, Bus(1, wires.open))


def moving(until_s: float) -> Source:
    """Shaken up to this second, then at rest."""

    def world(time_s: Floats) -> tuple[Floats, Floats]:
        accel_g, gyro_dps = resting_world(time_s)
        shaking = np.sin(12 * time_s) * (time_s < until_s)
        return accel_g + 0.3 * shaking[:, None], gyro_dps

    return world


def test_the_lsm6dso32_is_recognised_by_gravity_at_rest() -> None:
    b = dso32(resting_world)
    chip = b.start()
    assert chip.name == "LSM6DSO32"
    b.clock.sleep(0.5)
    assert np.linalg.norm(chip.read(chip.waiting())[:, :3], axis=1).mean() == pytest.approx(1, abs=0.02)


def test_it_is_recognised_later_if_it_was_moved_and_remembered_over_a_restart() -> None:
    b = dso32(moving(3.0))
    sampler = b.sampler()
    blocks = iter(sampler)
    take(blocks, 2.0)
    assert sampler.chip is not None
    assert sampler.chip.name == "LSM6DSO"
    take(blocks, 2.0)
    assert sampler.chip.name == "LSM6DSO32"
    b.chip.source = moving(1e9)
    b.chip.brown_out()
    norms = np.linalg.norm(np.vstack([block.accel_g for block in take(blocks, 4.0)]), axis=1)
    assert norms.mean() == pytest.approx(1.0, abs=0.1)


def test_an_lsm6dso_that_moves_is_never_taken_for_its_wider_twin() -> None:
    b = bench_with("LSM6DSO", source=moving(1e9))
    sampler = b.sampler()
    take(iter(sampler), 10.0)
    assert sampler.chip is not None
    assert sampler.chip.name == "LSM6DSO"
