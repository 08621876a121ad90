"""What every chip driver must do, whichever registers it does it with."""

import errno
from typing import Any

import numpy as np
import pytest

from firmware.chips import ADDRESSES, FAMILIES, identify
from firmware.errors import ChipError, FifoError, FirmwareError, WriteRefusedError
from monitor.core.samples import Floats
from tests.firmware.bench import CHIPS, bench_with, range_register, take


@pytest.fixture(params=CHIPS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def steady_world(time_s: Floats) -> tuple[Floats, Floats]:
    """Six different values, one for each axis."""
    shape = (len(time_s), 1)
    return np.tile([0.5, -1.25, 2.0], shape), np.tile([100.0, -250.0, 1500.0], shape)


def test_it_is_found_and_named(name: str) -> None:
    chip = identify(bench_with(name).bus)
    assert chip.name == name
    assert f"0x{CHIPS[name][2]:02X}" in str(chip)


def test_every_known_identity_has_a_simulated_chip() -> None:
    known = {(family.register, identity) for family in FAMILIES for identity in family.identities}
    simulated = set()
    for _, address, identity in CHIPS.values():
        simulated |= {
            (family.register, identity)
            for family in FAMILIES
            if address in family.addresses and identity in family.identities
        }
    assert simulated == known


def test_one_value_means_one_chip_at_each_address_and_register() -> None:
    keys = [
        (address, family.register, identity)
        for family in FAMILIES
        for address in family.addresses
        for identity in family.identities
    ]
    assert len(keys) == len(set(keys))
    assert {address for address, _, _ in keys} == set(ADDRESSES)


@pytest.mark.parametrize("rate_hz", [100, 200])
def test_the_nominal_rate_is_what_the_chip_makes_of_it(name: str, rate_hz: int) -> None:
    b = bench_with(name)
    chip = b.start(rate_hz)
    assert chip.rate_hz == pytest.approx(rate_hz, rel=0.07)
    count = 0
    for _ in range(100):
        b.clock.sleep(0.05)
        count += len(chip.read(chip.waiting()))
    assert count == pytest.approx(5 * chip.rate_hz, abs=1.5)


def test_values_come_in_g_and_degrees_per_second_axis_by_axis(name: str) -> None:
    b = bench_with(name, source=steady_world)
    chip = b.start()
    b.clock.sleep(0.05)
    samples = chip.read(chip.waiting())
    assert len(samples) >= 4
    accel_g, gyro_dps = steady_world(np.zeros(len(samples)))
    np.testing.assert_allclose(samples[:, :3], accel_g, atol=0.3e-3)
    np.testing.assert_allclose(samples[:, 3:], gyro_dps, atol=0.04)
    np.testing.assert_array_equal(samples, np.round(samples, 6))


def test_an_impact_of_15_g_is_not_clipped(name: str) -> None:
    b = bench_with(name, source=lambda time_s: (np.full((len(time_s), 3), -15.0), np.zeros((len(time_s), 3))))
    chip = b.start()
    b.clock.sleep(0.05)
    np.testing.assert_allclose(chip.read(chip.waiting())[:, :3], -15, atol=1e-3)


def test_an_empty_fifo_is_no_sample(name: str) -> None:
    assert bench_with(name).start().waiting() == 0


def test_samples_may_be_taken_in_portions(name: str) -> None:
    b = bench_with(name)
    chip = b.start()
    b.clock.sleep(0.3)
    count = chip.waiting()
    first = chip.read(7)
    rest = chip.read(chip.waiting())
    assert len(first) + len(rest) == count
    told_s = np.concatenate([first, rest])[:, 0]
    np.testing.assert_allclose(np.diff(told_s), 1 / chip.rate_hz, atol=1e-3)


def test_an_overflow_is_seen_and_a_flush_mends_it(name: str) -> None:
    b = bench_with(name)
    chip = b.start()
    b.clock.sleep(60.0)
    with pytest.raises(FifoError, match="FIFO"):
        chip.read(chip.waiting())
    chip.flush()
    b.clock.sleep(0.05)
    assert 4 <= len(chip.read(chip.waiting())) <= 6


def test_bytes_taken_by_somebody_else_are_seen(name: str) -> None:
    if name.startswith("BMI"):
        pytest.skip("its FIFO gives and counts whole frames only: nothing to see")
    b = bench_with(name)
    chip = b.start()
    b.clock.sleep(0.2)
    b.bus.read(b.chip.address, b.chip.fifo_register, 7 if b.chip.fifo_register == 0x78 else 2)
    with pytest.raises(FifoError, match=r"torn|beside"):
        chip.read(chip.waiting())


def test_closing_stops_it(name: str) -> None:
    b = bench_with(name)
    chip = b.start()
    chip.close()
    chip.flush()
    b.clock.sleep(1.0)
    assert chip.waiting() == 0


def test_it_starts_from_whatever_state_it_was_left_in(name: str) -> None:
    b = bench_with(name)
    b.start()
    b.clock.sleep(3.0)
    chip = b.start()
    b.clock.sleep(0.05)
    assert 4 <= len(chip.read(chip.waiting())) <= 6


def test_a_start_that_broke_off_anywhere_is_made_good_by_the_next(name: str) -> None:
    b = bench_with(name)
    whole = [0]
    transfer = b.wires.i2c_rdwr
    left = [10**6]

    def dies_after_some(*messages: Any) -> None:
        whole[0] += 1
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.EIO, "the cable moved")
        transfer(*messages)

    b.wires.i2c_rdwr = dies_after_some  # type: ignore[method-assign]  # a loose cable
    b.start()
    for transfers in range(whole[0]):
        left[0] = transfers
        with pytest.raises(FirmwareError):
            b.start()
        left[0] = 10**6
        chip = b.start()
        b.clock.sleep(0.05)
        assert 4 <= len(chip.read(chip.waiting())) <= 6


def test_a_register_that_does_not_take_its_value_stops_the_start(name: str) -> None:
    b = bench_with(name)
    register = range_register(b.chip) & 0xFF
    b.chip.read_only.add(register)
    with pytest.raises(WriteRefusedError, match=f"0x{register:02X}"):
        b.start()


def test_a_setting_that_changed_by_itself_is_seen(name: str) -> None:
    b = bench_with(name)
    chip = b.start()
    chip.check()
    b.chip.registers[range_register(b.chip)] ^= 0x04
    with pytest.raises(ChipError, match="and now reads"):
        chip.check()


def test_through_the_sampler_times_are_right_and_nothing_is_missing(name: str) -> None:
    b = bench_with(name, rate_error=-0.025)
    blocks = take(iter(b.sampler()), 6.0)
    late_s = np.concatenate([b.late_s(block) for block in blocks if len(block.time_s)])
    assert np.abs(late_s[100:]).max() < 0.005
    assert not any(block.fault or block.lost for block in blocks[20:])
