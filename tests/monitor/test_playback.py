"""A recording in the sensor's place goes by a clock that nothing can hurry and nothing can delay."""

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.sampler import Sampler, SensorSettings
from monitor.playback import CATCH_UP_S, LEAD_IN_S, PacedClock, plugged, trial_of


class Machine:
    """A real clock, on a machine that is now and then busy with other things."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.slept_s += seconds


def test_it_keeps_pace_with_the_real_clock_and_catches_up_after_a_hold_up() -> None:
    machine = Machine()
    clock = PacedClock(machine, machine.sleep)
    for _ in range(20):
        clock.sleep(0.05)
    assert clock() == machine.now_s == pytest.approx(101.0)
    machine.now_s += 1.0  # held up
    before_s = clock()
    clock.sleep(0.05)
    assert clock() == before_s + 0.05  # nothing is late
    for _ in range(40):
        clock.sleep(0.05)
    assert abs(clock() - machine.now_s) < 1e-6


def test_a_long_hold_up_is_not_caught_up_whole() -> None:
    machine = Machine()
    clock = PacedClock(machine, machine.sleep)
    machine.now_s += 3600.0
    while not machine.slept_s:
        clock.sleep(0.05)
    assert CATCH_UP_S <= clock() - 100.0 < CATCH_UP_S + 0.2


def test_no_sample_is_missing_or_late_however_busy_the_machine_is() -> None:
    machine, chance = Machine(), np.random.default_rng(1)
    clock = PacedClock(machine, machine.sleep)
    sampler = Sampler(
        SensorSettings(), Bus(1, port=plugged(trial_of(None, None), clock).open), clock, clock.sleep
    )
    began_s = clock()
    blocks = []
    for block in sampler:
        blocks.append(block)
        machine.now_s += float(chance.choice([0.0, 0.3, 1.5], p=[0.8, 0.15, 0.05]))
        if clock() - began_s > LEAD_IN_S + 10.0:
            sampler.stop()
    started = next(number for number, block in enumerate(blocks) if len(block.time_s))
    assert {block.fault for block in blocks[started:]} == {""}
    assert {block.lost for block in blocks} == {0}
