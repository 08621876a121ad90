"""A bench without hardware: a clock that only moves when told, a world, wires, and a chip on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from firmware.bus import Bus
from firmware.chips import identify
from firmware.chips.chip import Chip
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import (
    SimulatedBmi160,
    SimulatedBus,
    SimulatedChip,
    SimulatedIcm20948,
    SimulatedIcm42688,
    SimulatedInvensense,
    SimulatedLsm6ds3,
    SimulatedLsm6dso,
    Source,
)
from monitor.core.samples import BLOCK_S, Floats, SampleBlock

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


def resting_world(time_s: Floats) -> tuple[Floats, Floats]:
    """At rest, with a sensor's noise on every axis."""
    accel_g, gyro_dps = telling_world(time_s)
    accel_g[:, 0] = accel_g[::-1, 1]
    return accel_g, gyro_dps


@dataclass
class Bench:
    clock: Clock
    chip: SimulatedChip
    wires: SimulatedBus
    bus: Bus

    def __post_init__(self) -> None:
        self.identity = self.chip.identity  # whatever it becomes later

    def sampler(self, settings: SensorSettings | None = None, with_power: bool = False) -> Sampler:
        power = self.wires.power if with_power else None
        return Sampler(settings or SensorSettings(), self.bus, self.clock, self.clock.sleep, power)

    def start(self, rate_hz: int = 100) -> Chip:
        """Find the chip and start it, waiting as it asks."""
        chip = identify(self.bus, rate_hz=rate_hz)
        for wait_s in chip.start():
            self.clock.sleep(wait_s)
        return chip

    def writes_of(self, act: Callable[[], object]) -> list[tuple[int, int]]:
        """(register, value) of every write that ``act`` puts on the wires, in order."""
        self.wires.log = []
        act()
        log, self.wires.log = self.wires.log, None
        return [(data[0], data[1]) for _, data in log if isinstance(data, bytes) and len(data) == 2]

    def late_s(self, block: SampleBlock) -> Floats:
        """How much later than its samples were measured a block says they were."""
        said_s = block.time_s - self.chip.world_began_s
        return (said_s - block.accel_g[:, 0] + TELLING_S / 2) % TELLING_S - TELLING_S / 2


class Ledger:
    """Every sample a chip measured, against what blocks say of it: came, or was declared as lost.

    A sample's number follows from when it was measured and from the chip's own rate, exactly.
    Values that do not tell the time (`telling` False) are counted as they come, and the account is
    struck with the next that do: nothing can get lost among them either.
    """

    def __init__(self, b: Bench) -> None:
        self._b = b
        self._last_s: float | None = None  # the latest sample that told its time
        self._untold = 0  # samples since, that did not
        self._declared = 0  # and those that were said to be lost
        self.undeclared = 0
        self.worst_late_s = 0.0
        self.telling = True

    def check(self, block: SampleBlock) -> None:
        """Enter a block; ``undeclared`` grows by what it keeps quiet about, or makes up."""
        if self._last_s is not None:
            self._declared += block.lost
        if not len(block.time_s):
            return
        if not self.telling:
            self._untold += len(block.time_s)
            return
        late_s = self._b.late_s(block)
        self.worst_late_s = max(self.worst_late_s, float(np.abs(late_s).max()) - QUANTUM_S)
        measured_s = block.time_s - late_s
        period_s = 1 / self._b.chip.pace_hz
        inside = np.round(np.diff(measured_s) / period_s) - 1  # what a chip marked as invalid
        self._declared -= int(inside.sum()) if self._last_s is not None else 0
        self.undeclared += int(np.abs(inside[inside < 0]).sum())
        if self._last_s is not None:
            missing = round((measured_s[0] - self._last_s) / period_s) - 1 - self._untold
            off = abs(missing - self._declared)
            self.undeclared += off if off > self._room() else 0
        self._last_s = float(measured_s[-1])
        self._untold = self._declared = 0

    def _room(self) -> float:
        """What a declared gap may be off by: half a period at either end, and the rate's 0.2 %."""
        return 1 + 0.002 * self._declared if self._declared else 0.0


CHIPS: dict[str, tuple[type[SimulatedChip], int, int]] = {  # how it is built, where it lives, who it is
    "MPU-6050": (SimulatedInvensense, 0x68, 0x68),
    "MPU-6500": (SimulatedInvensense, 0x68, 0x70),
    "MPU-9250": (SimulatedInvensense, 0x69, 0x71),
    "MPU-6500 clone": (SimulatedInvensense, 0x68, 0x72),
    "MPU-9255": (SimulatedInvensense, 0x68, 0x73),
    "MPU-6515": (SimulatedInvensense, 0x68, 0x74),
    "MPU-6880": (SimulatedInvensense, 0x68, 0x78),
    "MPU-6886": (SimulatedInvensense, 0x68, 0x19),
    "ICM-20600": (SimulatedInvensense, 0x69, 0x11),
    "ICM-20602": (SimulatedInvensense, 0x68, 0x12),
    "ICM-20608": (SimulatedInvensense, 0x68, 0xAF),
    "ICM-20608-D": (SimulatedInvensense, 0x68, 0xAE),
    "ICM-20609": (SimulatedInvensense, 0x68, 0xA6),
    "ICM-20690": (SimulatedInvensense, 0x68, 0x20),
    "IAM-20680": (SimulatedInvensense, 0x68, 0xA9),
    "IAM-20680HP": (SimulatedInvensense, 0x68, 0xF8),
    "IAM-20680HT": (SimulatedInvensense, 0x68, 0xFA),
    "ICM-20689 or MPU-6050 clone": (SimulatedInvensense, 0x69, 0x98),
    "ICM-20948": (SimulatedIcm20948, 0x68, 0xEA),
    "ICM-20648": (SimulatedIcm20948, 0x69, 0xE0),
    "ICM-20649": (SimulatedIcm20948, 0x68, 0xE1),
    "ICM-42600": (SimulatedIcm42688, 0x68, 0x40),
    "ICM-42602": (SimulatedIcm42688, 0x68, 0x41),
    "ICM-42622": (SimulatedIcm42688, 0x68, 0x46),
    "ICM-42631": (SimulatedIcm42688, 0x68, 0x5C),
    "ICM-42686-P": (SimulatedIcm42688, 0x68, 0x44),
    "IIM-42652": (SimulatedIcm42688, 0x68, 0x6F),
    "ICM-42688-P": (SimulatedIcm42688, 0x68, 0x47),
    "ICM-42605": (SimulatedIcm42688, 0x69, 0x42),
    "LSM6DS3": (SimulatedLsm6ds3, 0x6A, 0x69),
    "LSM6DS3TR-C": (SimulatedLsm6ds3, 0x6B, 0x6A),
    "LSM6DSO": (SimulatedLsm6dso, 0x6A, 0x6C),
    "LSM6DSR or ISM330DHCX": (SimulatedLsm6dso, 0x6B, 0x6B),
    "LSM6DSTX": (SimulatedLsm6dso, 0x6A, 0x6D),
    "BMI120": (SimulatedBmi160, 0x68, 0xD3),
    "BMI160": (SimulatedBmi160, 0x69, 0xD1),
}


_RANGE_REGISTERS = (
    (SimulatedInvensense, 0x1C),
    (SimulatedIcm20948, 0x214),
    (SimulatedIcm42688, 0x50),
    ((SimulatedLsm6ds3, SimulatedLsm6dso), 0x10),
    (SimulatedBmi160, 0x41),
)


def range_register(chip: SimulatedChip) -> int:
    """Where the chip keeps the accelerometer's range."""
    return next(register for kind, register in _RANGE_REGISTERS if isinstance(chip, kind))


def bench_with(name: str, rate_error: float = 0.0, source: Source = telling_world) -> Bench:
    """A bench with the chip of this name."""
    built, address, identity = CHIPS[name]
    clock = Clock()
    chip = built(source, clock, address, identity, rate_error)
    wires = SimulatedBus(chip)
    return Bench(clock, chip, wires, Bus(1, wires.open))


def bench(identity: int = 0x68, address: int = 0x68, rate_error: float = 0.0) -> Bench:
    """A bench with a chip that has an MPU's registers."""
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
