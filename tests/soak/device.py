"""The walker's side of the soak: the whole line on a simulated chip, whose time goes as fast as the machine.

    python -m tests.soak.device FOLDER PORT HOURS SEED

Prints a line of JSON an hour: memory, open files and threads of this process, and what was planted.
"""

import json
import os
import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from firmware.bus import Bus
from firmware.sampler import Sampler
from firmware.simulated import SimulatedBus, SimulatedInvensense
from monitor.commands.run import JOURNAL, OUTBOX, form
from monitor.core.samples import Floats, SampleBlock
from monitor.delivery import reception
from monitor.line import Line, warned
from monitor.playback import as_fast_as_written
from monitor.recordings.simulated_walker import Move, Script, Walk, walk
from monitor.settings import Settings
from tests.brokers import Mosquitto

HOUR_S = 3600.0
DAY: Script = (
    (60.0, Move.STAND),
    (600.0, Move.BACKWARD),
    (4.0, Move.UNSAFE_STEP),
    (300.0, Move.BACKWARD),
    (4.0, Move.STUMBLE),
    (300.0, Move.BACKWARD),
    (300.0, Move.STAND),
    (600.0, Move.FORWARD),
    (120.0, Move.STAND),
    (300.0, Move.BACKWARD),
    (2.5, Move.FALL_BACKWARD),
    (20.0, Move.LIE),
    (4.0, Move.GET_UP),
    (60.0, Move.STAND),
    (600.0, Move.BACKWARD),
    (325.5, Move.STAND),
)
"""An hour of it."""


@dataclass
class Hour:
    """How the process is, and what happened; times on the device's clock."""

    number: int
    memory_mb: float
    files: int
    threads: int
    falls_s: list[float] = field(default_factory=list)
    stumbles_s: list[float] = field(default_factory=list)
    unsafe_s: list[float] = field(default_factory=list)


class World:
    """Hour after hour of the walker, each walked a little differently."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._hours: dict[int, Walk] = {}

    def hour(self, number: int) -> Walk:
        if number not in self._hours:
            self._hours = {k: v for k, v in self._hours.items() if k >= number - 1}
            self._hours[number] = walk(DAY, 100.0, seed=self._seed + number)
        return self._hours[number]

    def __call__(self, time_s: Floats) -> tuple[Floats, Floats]:
        """Acceleration in g and rotation in deg/s (n, 3) at these times; n is a few."""
        here = self.hour(int(time_s[-1] // HOUR_S))
        at = ((time_s % HOUR_S) * 100.0).astype(int).clip(0, len(here.accel_g) - 1)
        return here.accel_g[at], here.gyro_dps[at]


class Clock:
    """Time that only goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += max(0.0, seconds)


def with_faults(blocks: Iterator[SampleBlock], wires: SimulatedBus, seed: int) -> Iterator[SampleBlock]:
    """Once an hour the cable is pulled for some seconds, once nobody acknowledges for a moment."""
    chance = random.Random(seed)
    due: list[tuple[float, str]] = []
    hour = -1
    for block in blocks:
        if int(block.end_s // HOUR_S) > hour:
            hour += 1
            pulled_s = hour * HOUR_S + chance.uniform(100.0, 600.0)
            noisy_s = hour * HOUR_S + chance.uniform(1600.0, 2100.0)
            due = [(pulled_s, "unplug"), (pulled_s + 5.0, "plug"), (noisy_s, "lose"), (noisy_s + 3.0, "heal")]
        while due and due[0][0] <= block.end_s:
            match due.pop(0)[1]:
                case "unplug":
                    wires.unplug()
                case "plug":
                    wires.plug()
                case "lose":
                    wires.lose(0.05, chance.randrange(10**6))
                case "heal":
                    wires.heal()
        yield block


def hourly(blocks: Iterator[SampleBlock], world: World, hours: int) -> Iterator[SampleBlock]:
    """The blocks, with an account after each hour, to the end of the last."""
    number = 0
    for block in blocks:
        if block.end_s >= (number + 1) * HOUR_S:
            print(json.dumps(asdict(account(number, world.hour(number)))), flush=True)
            number += 1
            if number == hours:
                return
        yield block


def account(number: int, walked: Walk) -> Hour:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    resident_kb = int(status.split("VmRSS:")[1].split()[0])
    began_s = number * HOUR_S
    return Hour(
        number,
        resident_kb / 1000,
        len(os.listdir("/proc/self/fd")),
        threading.active_count(),
        [began_s + s for s in walked.impact_s],
        [began_s + s for s in walked.stumble_s],
        [began_s + s for s in walked.unsafe_s],
    )


def main(folder: Path, port: int, hours: int, seed: int) -> int:
    # The spotter lives by the real clock: for this one he is heard from once in minutes.
    reception.SPOTTER_S = HOUR_S
    clock, world = Clock(), World(seed)
    settings = Settings(mqtt=Mosquitto(folder, port=port).settings())
    wires = SimulatedBus(SimulatedInvensense(world, clock))
    bus = Bus(settings.sensor.bus, port=wires.open)
    line = Line(
        settings,
        publish=True,
        store=folder / OUTBOX,
        journal=folder / JOURNAL,
        form=lambda: form(sampler),
        clock=clock,
        overdue_s=HOUR_S,
    )
    sampler = Sampler(settings.sampled, bus, clock, clock.sleep, power=line.panel.power)
    blocks = hourly(with_faults(warned(sampler, line.inbox), wires, seed), world, hours)
    assert line.journal is not None
    line.run(as_fast_as_written(blocks, line.journal))
    print(json.dumps({"delivered": line.delivered}), flush=True)
    return 0


if __name__ == "__main__":
    folder, port, hours, seed = sys.argv[1:]
    sys.exit(main(Path(folder), int(port), int(hours), int(seed)))
