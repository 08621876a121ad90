"""A chip whose clock is wrong is found within two windows, and heals."""

import pytest

from firmware.rate_check import RateCheck
from tests.firmware.bench import CHIPS, bench, bench_with, take


@pytest.mark.parametrize("rate_error", [-0.055, -0.04, 0.0, 0.04, 0.055])
def test_an_oscillator_within_six_percent_is_no_fault(rate_error: float) -> None:
    b = bench(rate_error=rate_error)
    assert {block.fault for block in take(iter(b.sampler()), 45.0)} == {"the sensor is starting", ""}


@pytest.mark.parametrize("rate_error", [-0.3, -0.12, -0.065, 0.065, 0.12, 0.3])
def test_a_wrong_rate_is_a_fault_with_samples_and_heals(rate_error: float) -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 15.0)
    b.chip.rate_error = rate_error
    faulty = take(stream, 22.0)[-1]
    assert len(faulty.time_s)
    assert "samples per second where 100 are expected" in faulty.fault
    found_hz = float(faulty.fault.split("takes ")[1].split()[0])
    assert found_hz == pytest.approx(100 * (1 + rate_error), rel=0.01)
    b.chip.rate_error = 0.0
    assert take(stream, 22.0)[-1].fault == ""


@pytest.mark.parametrize("name", CHIPS)
def test_a_process_that_stalls_is_no_wrong_rate(name: str) -> None:
    b = bench_with(name)
    stream = iter(b.sampler())
    take(stream, 3.0)
    b.clock.sleep(9.0)  # longer than any FIFO here holds: its samples are thrown away, and counted anew
    assert "samples per second" not in " ".join(block.fault for block in take(stream, 30.0))


def test_what_waits_in_the_fifo_is_counted_once() -> None:
    b = bench()
    stream = iter(b.sampler())
    take(stream, 9.0)
    for _ in range(6):
        b.clock.sleep(0.15)
        take(stream, 4.0)
    assert take(stream, 1.0)[-1].fault == ""


def test_a_new_window_begins_after_a_restart_and_keeps_the_fault() -> None:
    check = RateCheck(100)
    for tenth in range(120):
        check.look(8, tenth / 10)
    assert "80.0 samples" in check.fault
    check.restart()
    assert check.fault
    for tenth in range(1000, 1100):
        check.look(10, tenth / 10)
    assert check.fault
    check.look(10, 110.0)
    assert check.fault == ""
