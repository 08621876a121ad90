"""A day of a sensor's life in minutes: random faults, and every sample accounted for.

    python -m benchmarks.endurance --hours 24

The world tells the sensor the time, so every sample says when it was measured. A sample that is
missing must have been declared in ``lost``; a time must be right; the sensor must end well.
"""

import argparse
import errno
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from monitor.core.vocabulary import SampleBlock
from tests.firmware.bench import QUANTUM_S, Bench, bench_with

Fault = Callable[[Bench, random.Random], object]

FAULTS: dict[str, Fault] = {
    "cable pulled": lambda b, _: b.wires.unplug(),
    "nobody acknowledges": lambda b, _: b.wires.fail(errno.EREMOTEIO),
    "acknowledge missing now and then": lambda b, r: b.wires.lose(0.1, r.randrange(10**6)),
    "storm": lambda b, r: b.wires.lose(0.7, r.randrange(10**6)),
    "bus error": lambda b, r: b.wires.fail(errno.EIO, r.randint(1, 20)),
    "line held low": lambda b, _: b.wires.hold(),
    "kernel driver": lambda b, _: b.wires.fail(errno.EBUSY),
    "supply dips": lambda b, _: b.chip.brown_out(),
    "short read": lambda b, r: b.wires.cut(r.randint(1, 11)),
    "samples vanish": lambda b, r: (b.clock.sleep(r.uniform(0.03, 0.3)), b.chip.spill()),
    "burst broken off": lambda b, _: b.wires.snap(),
    "process stalls": lambda b, r: b.clock.sleep(r.uniform(0.1, 4.0)),
    "frozen": lambda b, _: b.chip.freeze(),
    "zeros": lambda b, _: b.chip.zero(),
}
TELL_NO_TIME = ("frozen", "zeros")
MEAN_WELL_S = 20.0
RECOVERY_S = 10.0
FAMILIES = ("MPU-6050", "MPU-6500", "ICM-20948", "ICM-42688-P", "LSM6DS3TR-C", "LSM6DSO", "BMI160")


@dataclass
class Account:
    """What a stretch of life came to."""

    blocks: int = 0
    samples: int = 0
    lost: int = 0
    planted: int = 0
    undeclared: int = 0
    worst_late_s: float = 0.0
    worst_recovery_s: float = 0.0
    unwell: list[str] = field(default_factory=list)


def live(name: str, seconds: float, seed: int) -> Account:
    """Let a chip of this name live for ``seconds`` of its own time."""
    chance = random.Random(seed)
    b = bench_with(name, rate_error=chance.uniform(-0.04, 0.04))
    blocks = iter(b.sampler(with_power=True))
    account = Account()
    truth = _Truth(b, account)
    end_s = b.clock() + seconds
    while b.clock() < end_s:
        _run(b, blocks, truth, max(4.0, chance.expovariate(1 / MEAN_WELL_S)))
        fault = chance.choice(list(FAULTS))
        account.planted += 1
        truth.blind = fault in TELL_NO_TIME
        FAULTS[fault](b, chance)
        _run(b, blocks, truth, chance.uniform(0.05, 6.0))
        b.wires.heal()
        b.chip.heal()
        healed_s = b.clock()
        block = next(blocks)
        while block.fault or not len(block.time_s):
            truth.check(block)
            if b.clock() > healed_s + RECOVERY_S:
                account.unwell.append(f"{name}: {fault}: {block.fault}")
                break
            block = next(blocks)
        account.worst_recovery_s = max(account.worst_recovery_s, b.clock() - healed_s)
        truth.blind = False
        truth.check(block)
    return account


def _run(b: Bench, blocks: Iterator[SampleBlock], truth: "_Truth", seconds: float) -> None:
    end_s = b.clock() + seconds
    while b.clock() < end_s:
        truth.check(next(blocks))


class _Truth:
    """Compares what blocks say with when their samples were measured."""

    def __init__(self, b: Bench, account: Account) -> None:
        self._b = b
        self._account = account
        self._last_s: float | None = None
        self._seen_s = 0.0
        self.blind = False  # the values tell no time now

    def check(self, block: SampleBlock) -> None:
        account = self._account
        account.blocks += 1
        account.samples += len(block.time_s)
        account.lost += block.lost
        if not len(block.time_s):
            if not block.fault:
                account.unwell.append("silence without a reason")
            return
        if self.blind:
            self._last_s = None
            return
        late_s = self._b.late_s(block)
        measured_s = block.time_s - late_s
        period_s = 1 / self._b.chip.pace_hz
        self._seen_s += len(block.time_s) * period_s
        if self._seen_s > 2.0:  # the rate is known by then
            account.worst_late_s = max(account.worst_late_s, float(np.abs(late_s).max()) - QUANTUM_S)
        before_s = measured_s[0] - period_s if self._last_s is None else self._last_s
        missing = np.round(np.diff(np.concatenate([[before_s], measured_s])) / period_s) - 1
        if missing[1:].any():
            account.undeclared += int(np.abs(missing[1:]).sum())
        if abs(missing[0] - block.lost * (self._last_s is not None)) > (
            2 + 0.002 * block.lost if block.lost else 0
        ):
            account.undeclared += int(abs(missing[0] - block.lost))
        self._last_s = float(measured_s[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="in all, shared by the chip families")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for number, name in enumerate(FAMILIES):
        began_s = time.monotonic()
        account = live(name, 3600 * args.hours / len(FAMILIES), args.seed + number)
        print(
            f"{name:<12} {account.blocks} blocks, {account.samples} samples, {account.planted} faults, "
            f"{account.lost} samples lost and declared, {account.undeclared} undeclared, times within "
            f"{1000 * account.worst_late_s:.1f} ms, well again within {account.worst_recovery_s:.1f} s"
            f"{', UNWELL: ' + '; '.join(account.unwell) if account.unwell else ''} "
            f"({time.monotonic() - began_s:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
