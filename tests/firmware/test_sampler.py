"""Stories of one sensor and what happens to it."""

import errno
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBmi160, SimulatedChip
from monitor.core.samples import BLOCK_S, Floats, SampleBlock
from tests.firmware.bench import Bench, Ledger, bench, bench_with, range_register, resting_world, take


def samples(blocks: list[SampleBlock]) -> int:
    return sum(len(block.time_s) for block in blocks)


def faults(blocks: list[SampleBlock]) -> str:
    return " | ".join(dict.fromkeys(block.fault for block in blocks if block.fault))


def assert_honest(b: Bench, blocks: list[SampleBlock]) -> None:
    """Times rise, are right within 5 ms, and whatever is missing between samples is declared."""
    ledger = Ledger(b)
    last_s = float("-inf")
    for block in blocks:
        assert len(block.time_s) == len(block.accel_g) == len(block.gyro_dps)
        ledger.check(block)
        if not len(block.time_s):
            assert block.fault or block.end_s < last_s + 0.3  # or it is a hiccup
            continue
        assert np.all(np.diff(block.time_s, prepend=last_s) > 0)
        assert block.time_s[-1] <= block.end_s
        last_s = block.time_s[-1]
    assert ledger.worst_late_s <= 0.005
    assert ledger.undeclared == 0


def assert_on_schedule(blocks: list[SampleBlock]) -> None:
    end_s = np.array([block.end_s for block in blocks])
    due_s = end_s[0] + BLOCK_S * np.arange(len(blocks))
    np.testing.assert_allclose(end_s, due_s, atol=0.01)


def test_a_block_comes_every_50_ms_from_the_very_first() -> None:
    b = bench()
    stream = iter(b.sampler())
    blocks = take(stream, 5.0)
    assert_on_schedule(blocks)
    assert blocks[0].fault == "the sensor is starting"
    assert blocks[10].fault == ""
    assert_honest(b, blocks)


def test_axes_come_in_the_body_frame() -> None:
    b = bench()
    block = take(iter(b.sampler(SensorSettings(mounting="-z +y +x"))), 1.0)[-1]
    np.testing.assert_allclose(block.accel_g[:, 0], -1, atol=0.06)
    assert np.all(np.diff(block.accel_g[:, 2]) > 0)  # the telling axis points up


@pytest.mark.parametrize("identity", [0x68, 0x70])
@pytest.mark.parametrize("rate_error", [0.04, -0.04, 0.011, 0.0])
@pytest.mark.parametrize("stall_s", [0.0, 0.3, 2.0])
def test_times_stay_right_for_a_fast_or_slow_chip_and_a_stalled_process(
    identity: int, rate_error: float, stall_s: float
) -> None:
    b = bench(identity, rate_error=rate_error)
    stream = iter(b.sampler())
    settled = take(stream, 2.0)[30:]
    b.clock.sleep(stall_s)
    blocks = settled + take(stream, 3.0)
    assert_honest(b, blocks)
    lost = sum(block.lost for block in blocks)
    room = (1024 if identity == 0x68 else 512) // 12
    if stall_s * 104 < room - 6:
        assert lost == 0
    elif stall_s * 96 > room:
        assert lost == pytest.approx(stall_s * 100 * (1 + rate_error), rel=0.1)
        assert "overflowed" in faults(blocks)


def test_a_read_that_is_held_up_in_the_middle_does_not_shift_time() -> None:
    b = bench(rate_error=0.02)
    stream = iter(b.sampler())
    take(stream, 2.0)
    real, calls = b.wires.i2c_rdwr, [0]

    def held_up(*messages: object) -> None:
        calls[0] += 1
        real(*messages)  # type: ignore[arg-type]  # passed on as it came
        if calls[0] % 7 == 0:
            b.clock.sleep(0.03)

    b.wires.i2c_rdwr = held_up  # type: ignore[method-assign]  # a controller that takes its time
    assert_honest(b, take(stream, 5.0))


def test_a_long_backlog_is_fetched_in_bursts_that_even_a_slow_bus_finishes_in_time() -> None:
    b = bench_with("LSM6DS3")
    stream = iter(b.sampler())
    before = take(stream, 2.0)[10:]
    b.clock.sleep(5.0)  # the FIFO holds 6.5 s
    b.wires.log = []
    after = take(stream, 3.0)
    longest = max(data for _, data in b.wires.log if isinstance(data, int))
    assert (longest + 3) * 9 / 62_000 < 0.1  # bits at the slowest clock, the bus's timeout
    assert sum(block.lost for block in after) == 0
    assert_honest(b, before + after)


def claim(b: Bench) -> None:
    """A kernel driver takes the address, and the bus is opened anew: only then the kernel looks."""
    b.wires.driven.add(b.chip.address)
    b.bus.close()


def unset(chip: SimulatedChip) -> None:
    """A glitch of the supply changes the accelerometer's range and nothing else."""
    chip.registers[range_register(chip)] ^= 0x04 if isinstance(chip, SimulatedBmi160) else 0x08


STORIES: dict[str, tuple[Callable[[Bench], None], str, Callable[[Bench], None]]] = {
    # what happens: (how, what is said, how it ends)
    "cable pulled": (lambda b: b.wires.unplug(), "no answer|no sensor answers", lambda b: b.wires.plug()),
    "nobody acknowledges": (
        lambda b: b.wires.fail(errno.EREMOTEIO),
        "no answer: check SDA",
        lambda b: b.wires.heal(),
    ),
    "bus error": (lambda b: b.wires.fail(errno.EIO), "transfer broke off", lambda b: b.wires.heal()),
    "line held low": (lambda b: b.wires.hold(), "held low", lambda b: b.wires.heal()),
    "kernel driver": (claim, "kernel driver owns", lambda b: b.wires.heal()),
    "frozen": (lambda b: b.chip.freeze(), "values stand still", lambda b: b.chip.heal()),
    "zeros": (lambda b: b.chip.zero(), "every value reads 0", lambda b: b.chip.heal()),
    "stuck axis": (lambda b: b.chip.stick(4), "y rotation is stuck", lambda b: b.chip.heal()),
    "saturated": (lambda b: b.chip.stick(0, 32767), "x acceleration is pinned", lambda b: b.chip.heal()),
    "supply dips": (
        lambda b: b.chip.brown_out(),
        "a dip of its supply",
        lambda b: None,
    ),
    "wrong identity": (
        lambda b: b.chip.become(0x33),
        "0x33 in register",
        lambda b: b.chip.become(b.identity),
    ),
    "settings lost": (lambda b: unset(b.chip), "now reads", lambda b: None),
    "invalid samples": (lambda b: b.chip.spoil(4), "", lambda b: None),
    "short read": (lambda b: b.wires.cut(3), "", lambda b: None),
    "burst broken off": (lambda b: b.wires.snap(), "", lambda b: None),
    "bus error once": (lambda b: b.wires.fail(errno.EIO, 1), "", lambda b: None),
    "FIFO overflow": (lambda b: b.clock.sleep(60.0), "FIFO", lambda b: None),
}
FAMILIES = ["MPU-6050", "MPU-6500", "ICM-20948", "ICM-42688-P", "LSM6DS3", "LSM6DSO", "BMI160"]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("story", STORIES)
def test_every_fault_is_said_and_heals_without_restart(story: str, name: str) -> None:
    happens, said, ends = STORIES[story]
    b = bench_with(name)
    stream = iter(b.sampler())
    before = take(stream, 2.0)
    happens(b)
    during = take(stream, 4.0)
    ends(b)
    after = take(stream, 6.0)
    if said:
        assert any(words in faults(during + after[:1]) for words in said.split("|")), faults(during)
    else:
        assert faults(during + after) == ""
    assert [block.fault for block in after[-20:]] == [""] * 20
    if story not in ("frozen", "zeros", "stuck axis", "saturated", "settings lost"):  # they tell no time
        assert_honest(b, before[10:] + during + after)


def test_samples_that_vanish_without_a_flag_are_declared() -> None:
    b = bench()
    stream = iter(b.sampler())
    before = take(stream, 3.0)[10:]
    b.clock.sleep(0.2)
    b.chip.spill()
    after = take(stream, 3.0)
    assert_honest(b, before + after)
    assert sum(block.lost for block in after) == pytest.approx(20, abs=2)


def test_a_burst_that_broke_off_costs_its_samples_and_no_more() -> None:
    b = bench()
    stream = iter(b.sampler())
    before = take(stream, 3.0)[10:]
    b.wires.snap()
    after: list[SampleBlock] = []
    writes = b.writes_of(lambda: after.extend(take(stream, 3.0)))
    assert (0x6A, 0x04) in writes  # FIFO_RESET: a sample may be half gone
    assert_honest(b, before + after)
    assert 4 <= sum(block.lost for block in after) <= 12


def test_invalid_samples_are_dropped_and_declared_wherever_they_stand() -> None:
    b = bench_with("ICM-42688-P")
    stream = iter(b.sampler())
    before = take(stream, 2.0)[10:]
    b.chip.spoil(3)
    during = take(stream, 1.0)
    assert sum(block.lost for block in during) == 3
    b.chip.spoil(12)  # more than two whole blocks
    after = take(stream, 1.0)
    assert sum(block.lost for block in after) == 12
    assert np.isfinite(np.vstack([block.accel_g for block in during + after])).all()
    assert faults(during + after) == ""
    assert_honest(b, before + during + after)


def test_invalid_samples_beside_a_gap_are_counted_once() -> None:
    b = bench_with("ICM-42688-P")
    stream = iter(b.sampler())
    blocks = take(stream, 2.0)[10:]
    for before, after in ((12, 0), (0, 12), (12, 12), (3, 3)):
        b.chip.spoil(before)
        blocks += take(stream, 0.15)
        b.wires.snap()  # a burst that breaks off: the FIFO is emptied
        blocks += take(stream, 0.05)
        b.chip.spoil(after)
        blocks += take(stream, 2.0)
    assert_honest(b, blocks)


def test_a_chip_that_brings_nothing_but_invalid_samples_is_a_fault_and_restarted() -> None:
    b = bench_with("ICM-42688-P")
    stream = iter(b.sampler())
    take(stream, 2.0)
    b.chip.spoil(10**6)
    blocks: list[SampleBlock] = []
    writes = b.writes_of(lambda: blocks.extend(take(stream, 2.0)))
    assert "marks all its samples as invalid" in faults(blocks)
    assert (0x11, 0x01) in writes


@pytest.mark.parametrize("ill", ["freeze", "zero"])
def test_dead_values_are_withheld_and_the_chip_is_restarted(ill: str) -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 2.0)
    getattr(b.chip, ill)()
    blocks: list[SampleBlock] = []
    writes = b.writes_of(lambda: blocks.extend(take(stream, 4.0)))
    assert (0x6B, 0x80) in writes  # DEVICE_RESET
    first = next(index for index, block in enumerate(blocks) if block.fault)
    assert first * BLOCK_S <= 0.35
    assert samples(blocks[first:]) == 0  # however often it is started: the values are as dead as before


def test_doubtful_values_are_passed_on_with_the_doubt() -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 2.0)
    b.chip.stick(4)
    block = take(stream, 4.0)[-1]
    assert "y rotation is stuck" in block.fault
    assert len(block.time_s)


def test_faults_that_last_make_the_sensor_start_again_from_its_identity() -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 2.0)
    b.chip.become(0x70)
    take(stream, 2.0)
    assert take(stream, 1.0)[-1].fault == ""
    assert b.chip.registers[0x1D] == 3  # set up as what it is now


def test_the_supply_is_switched_only_after_gentler_means_failed() -> None:
    b = bench()
    switched: list[float] = []

    def power(on: bool) -> None:
        switched.append(b.clock())
        b.wires.power(on)

    stream = iter(Sampler(SensorSettings(), b.bus, b.clock, b.clock.sleep, power))
    take(stream, 5.0)
    b.wires.fail(errno.EIO)
    broken_s = b.clock()
    take(stream, 1.0)
    assert not switched
    take(stream, 20.0)
    assert len(switched) >= 4
    assert switched[1] - switched[0] >= 0.3  # long enough for the capacitors
    assert switched[0] - broken_s > 1.0


def test_a_missing_acknowledge_now_and_then_costs_nothing() -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 1.0)
    b.wires.lose(0.05)
    blocks = take(stream, 30.0)
    assert sum(block.lost for block in blocks) == 0
    assert samples(blocks) == pytest.approx(3000, abs=6)


def test_a_storm_of_missing_acknowledges_loses_nothing_undeclared() -> None:
    b = bench(rate_error=0.01)
    stream = iter(b.sampler())
    before = take(stream, 2.0)[10:]
    b.wires.lose(0.7)
    storm = take(stream, 30.0)
    b.wires.heal()
    after = take(stream, 5.0)
    assert "no answer" in faults(storm)
    assert after[-1].fault == ""
    assert_honest(b, before + storm + after)


def test_a_hung_line_is_freed_by_switching_the_supply() -> None:
    b = bench()
    stream = iter(b.sampler(with_power=True))
    take(stream, 2.0)
    b.wires.hold()
    blocks = take(stream, 10.0)
    assert "held low" in faults(blocks)
    assert blocks[-1].fault == ""


def test_a_hung_line_stays_a_fault_where_the_supply_cannot_be_switched() -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 2.0)
    b.wires.hold()
    assert all("held low" in block.fault for block in take(stream, 20.0)[5:])


def test_without_a_sensor_there_is_silence_on_schedule() -> None:
    b = bench()
    b.wires.unplug()
    blocks = take(iter(b.sampler()), 20.0)
    assert_on_schedule(blocks)
    assert samples(blocks) == 0
    assert blocks[-1].fault.startswith("I2C bus 1: no sensor answers")


def test_a_sensor_that_another_program_has_is_a_fault_until_that_ends() -> None:
    b = bench()
    other = Bus(1, b.wires.open)
    other.read(0x68, 0x75, 1)
    stream = iter(b.sampler())
    b.wires.log = []
    assert "sudo systemctl stop rearguard" in take(stream, 3.0)[-1].fault
    assert 0x68 not in {address for address, _ in b.wires.log}
    other.close()
    assert take(stream, 5.0)[-1].fault == ""


def test_a_closed_device_file_is_reported_and_heals() -> None:
    b = bench()
    b.wires.open_error = errno.ENOENT
    stream = iter(b.sampler())
    assert "dtparam=i2c_arm=on" in take(stream, 1.0)[-1].fault
    b.wires.heal()
    assert take(stream, 5.0)[-1].fault == ""


def test_an_unknown_chip_is_refused_until_allowed_and_then_runs_under_a_warning() -> None:
    b = bench(0x13)
    b.chip.source = resting_world
    assert "allow_unknown" in take(iter(b.sampler()), 3.0)[-1].fault
    sampler = b.sampler(SensorSettings(allow_unknown=True))
    assert take(iter(sampler), 3.0)[-1].fault == ""
    assert "0x13" in sampler.warning


def test_a_known_chip_needs_no_warning() -> None:
    sampler = bench().sampler()
    take(iter(sampler), 1.0)
    assert sampler.warning == ""


def doubled_world(time_s: Floats) -> tuple[Floats, Floats]:
    accel_g, gyro_dps = resting_world(time_s)
    return 2 * accel_g, gyro_dps


MISBEHAVIOUR: dict[str, tuple[Callable[[Bench], object], str]] = {
    "zeros": (lambda b: b.chip.zero(), "every value is 0"),
    "one stuck": (lambda b: b.chip.stick(2), "1 of 6 axes do not move"),
    "all stuck": (lambda b: deque(map(b.chip.stick, range(6), range(99, 105))), "6 of 6 axes do not move"),
    "rate": (lambda b: setattr(b.chip, "rate_error", 0.5), "samples per second, 100 expected"),
    "range": (lambda b: setattr(b.chip, "source", doubled_world), "2.00 g on average, 1 g expected"),
}


@pytest.mark.parametrize("how", MISBEHAVIOUR)
def test_an_unknown_chip_that_misbehaves_is_refused_all_the_same(how: str) -> None:
    spoil, words = MISBEHAVIOUR[how]
    b = bench(0x13)
    b.chip.source = resting_world
    spoil(b)
    blocks = take(iter(b.sampler(SensorSettings(allow_unknown=True))), 3.0)
    assert samples(blocks) == 0
    assert "does not behave like an IMU" in faults(blocks)
    assert words in faults(blocks)


def test_a_sensor_that_returns_is_read_within_three_seconds() -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 1.0)
    b.wires.unplug()
    take(stream, 60.0)
    b.wires.plug()
    back = take(stream, 10.0)
    first = next(block for block in back if len(block.time_s))
    assert first.end_s - back[0].end_s < 3.0
    assert first.lost == pytest.approx(100 * (first.end_s - back[0].end_s + 60.0), abs=10)


def test_stopping_ends_the_blocks_and_puts_the_chip_to_sleep() -> None:
    b = bench()
    sampler = b.sampler()
    count = 0
    for _ in sampler:
        count += 1
        if count == 20:
            sampler.stop()
    assert count == 20
    assert b.chip.registers[0x6B] & 0x40


@pytest.mark.parametrize("wrong", [{"rate_hz": 150}, {"mounting": "+x +y -z"}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"allowed|left-handed"):
        SensorSettings(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_the_true_rate_is_known() -> None:
    b = bench(rate_error=-0.03)
    sampler: Sampler = b.sampler()
    take(iter(sampler), 5.0)
    assert sampler.rate_hz == pytest.approx(97, rel=1e-3)


def test_the_chip_is_looked_at_in_ever_other_phases_of_its_samples() -> None:
    """Else nobody could know within which 10 ms a sample was taken."""
    b = bench()
    end_s = np.array([block.end_s for block in take(iter(b.sampler()), 5.0)])
    early_s = end_s[0] + BLOCK_S * np.arange(len(end_s)) - end_s
    early_s -= early_s.min()
    assert 0.006 < early_s.max() < 0.01
    assert len(set(np.round(early_s / 0.001))) >= 7
