"""A bench without hardware: a clock that only moves when told, a world, wires, and a chip on them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from firmware.bus import Bus
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBus, SimulatedChip, SimulatedInvensense
from monitor.core.vocabulary import BLOCK_S, Floats, SampleBlock

TELLING_S = 8.0  # the x axis says when it was measured, in g, and begins again after so long
QUANTUM_S = 0.25e-3  # half a step of the 16-bit scale, as seconds


class Clock:
    """Seconds that pass only in `sleep`; a machine that has been on for a while."""

    def __init__(self, now_s: float = 50_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def telling_world(time_s: Floats) -> tuple[Floats, Floats]:
    """At rest and a little noisy, but for x, which tells the time: 1 g is 1 s."""
    noise = np.random.default_rng(round(time_s[0] * 1e6)).normal(0, 0.01, (len(time_s), 6))
    accel_g = noise[:, :3] + [0, 0, 1]
    accel_g[:, 0] = time_s % TELLING_S
    return accel_g, 10 * noise[:, 3:]


@dataclass
class Bench:
    clock: Clock
    chip: SimulatedChip
    wires: SimulatedBus
    bus: Bus

    def sampler(self, settings: SensorSettings | None = None, with_power: bool = False) -> Sampler:
        power = self.wires.power if with_power else None
        return Sampler(settings or SensorSettings(), self.bus, self.clock, self.clock.sleep, power)

    def late_s(self, block: SampleBlock) -> Floats:
        """How much later than its samples were measured a block says they were."""
        said_s = block.time_s - self.chip.world_began_s
        return (said_s - block.accel_g[:, 0] + TELLING_S / 2) % TELLING_S - TELLING_S / 2


def bench(identity: int = 0x68, address: int = 0x68, rate_error: float = 0.0) -> Bench:
    clock = Clock()
    chip = SimulatedInvensense(telling_world, clock, address, identity, rate_error)
    wires = SimulatedBus(chip)
    return Bench(clock, chip, wires, Bus(1, wires.open))


def take(blocks: Iterator[SampleBlock], seconds: float) -> list[SampleBlock]:
    """The blocks of the next ``seconds`` of bench time."""
    taken = [next(blocks)]
    while taken[-1].end_s < taken[0].end_s + seconds - BLOCK_S / 2:
        taken.append(next(blocks))
    return taken
