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

from monitor.core.samples import SampleBlock
from tests.firmware.bench import Bench, Ledger, bench_with

Fault = Callable[[Bench, random.Random], object]


def _claim(b: Bench) -> None:
    b.wires.driven.add(b.chip.address)
    b.bus.close()  # the kernel looks when it is opened again


def _vanish(b: Bench, seconds: float) -> None:
    b.clock.sleep(seconds)
    b.chip.spill()


FAULTS: dict[str, Fault] = {
    "cable pulled": lambda b, _: b.wires.unplug(),
    "nobody acknowledges": lambda b, _: b.wires.fail(errno.EREMOTEIO),
    "acknowledge missing now and then": lambda b, r: b.wires.lose(0.1, r.randrange(10**6)),
    "storm": lambda b, r: b.wires.lose(0.7, r.randrange(10**6)),
    "bus error": lambda b, r: b.wires.fail(errno.EIO, r.randint(1, 20)),
    "line held low": lambda b, _: b.wires.hold(),
    "kernel driver": lambda b, _: _claim(b),
    "invalid samples": lambda b, r: b.chip.spoil(r.randint(1, 60)),
    "supply dips": lambda b, _: b.chip.brown_out(),
    "short read": lambda b, r: b.wires.cut(r.randint(1, 11)),
    "samples vanish": lambda b, r: _vanish(b, r.uniform(0.03, 0.3)),
    "burst broken off": lambda b, _: b.wires.snap(),
    "process stalls": lambda b, r: b.clock.sleep(r.uniform(0.1, 4.0)),
    "frozen": lambda b, _: b.chip.freeze(),
    "zeros": lambda b, _: b.chip.zero(),
}
TELL_NO_TIME = ("frozen", "zeros")
SETTLED_S = 2.0  # of samples, until the chip's true rate is known
MEAN_WELL_S = 20.0
RECOVERY_S = 10.0
HICCUP_S = 0.3  # of silence without a word
FAMILIES = ("MPU-6050", "MPU-6500", "ICM-20948", "ICM-42688-P", "LSM6DS3TR-C", "LSM6DSO", "BMI160")


@dataclass
class Life:
    """What a stretch of life came to; ``ledger`` knows what became of each sample."""

    ledger: Ledger
    blocks: int = 0
    samples: int = 0
    lost: int = 0
    last_s: float = float("-inf")
    planted: int = 0
    worst_recovery_s: float = 0.0
    unwell: list[str] = field(default_factory=list)

    def enter(self, block: SampleBlock) -> None:
        """Count a block."""
        self.blocks += 1
        self.samples += len(block.time_s)
        self.lost += block.lost
        if len(block.time_s):
            self.last_s = block.end_s
        elif not block.fault and block.end_s > self.last_s + HICCUP_S:
            self.unwell.append("silence without a reason")
        self.ledger.check(block)


def live(name: str, seconds: float, seed: int) -> Life:
    """Let a chip of this name live for ``seconds`` of its own time."""
    chance = random.Random(seed)
    b = bench_with(name, rate_error=chance.uniform(-0.04, 0.04))
    blocks = iter(b.sampler(with_power=True))
    life = Life(Ledger(b))
    _run(b, blocks, life, SETTLED_S)
    life.ledger.worst_late_s = 0.0
    end_s = b.clock() + seconds
    while b.clock() < end_s:
        _run(b, blocks, life, max(4.0, chance.expovariate(1 / MEAN_WELL_S)))
        fault = chance.choice(list(FAULTS))
        life.planted += 1
        life.ledger.telling = fault not in TELL_NO_TIME
        FAULTS[fault](b, chance)
        _run(b, blocks, life, chance.uniform(0.05, 6.0))
        b.wires.heal()
        b.chip.heal()
        healed_s = b.clock()
        block = next(blocks)
        while block.fault or not len(block.time_s):
            life.enter(block)
            if b.clock() > healed_s + RECOVERY_S:
                life.unwell.append(f"{name}: {fault}: {block.fault}")
                break
            block = next(blocks)
        life.worst_recovery_s = max(life.worst_recovery_s, b.clock() - healed_s)
        life.ledger.telling = True
        life.enter(block)
    return life


def _run(b: Bench, blocks: Iterator[SampleBlock], life: Life, seconds: float) -> None:
    end_s = b.clock() + seconds
    while b.clock() < end_s:
        life.enter(next(blocks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="in all, shared by the chip families")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    for number, name in enumerate(FAMILIES):
        began_s = time.monotonic()
        life = live(name, 3600 * args.hours / len(FAMILIES), args.seed + number)
        print(
            f"{name:<12} {life.blocks} blocks, {life.samples} samples, {life.planted} faults, "
            f"{life.lost} samples lost and declared, {life.ledger.undeclared} undeclared, times within "
            f"{1000 * life.ledger.worst_late_s:.1f} ms, well again within {life.worst_recovery_s:.1f} s"
            f"{', UNWELL: ' + '; '.join(life.unwell) if life.unwell else ''} "
            f"({time.monotonic() - began_s:.0f} s)",
            flush=True,
        )


if __name__ == "__main__":
    main()
