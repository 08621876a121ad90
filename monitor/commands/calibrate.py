"""``rearguard calibrate``: a walker stands still and walks ten steps; the mounting is found and kept."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from firmware.bus import Bus
from firmware.sampler import Sampler
from monitor import config
from monitor.commands.options import Commands, add_config, command, load
from monitor.core.calibration import Calibration, UnsureError, find_mounting, find_up
from monitor.core.grid import Grid
from monitor.core.samples import Floats, SampleBlock
from monitor.playback import PacedClock, plugged
from monitor.recordings import simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.settings import HERE, Settings
from monitor.weights import shipped

RATE_HZ = 100.0
STILL_S = 3.0
WALK_S = 10.0
SILENCE_S = 5.0


def add(commands: Commands) -> None:
    parser = command(
        commands, "calibrate", act, "find how the sensor is mounted: stand still, then walk ten steps"
    )
    add_config(parser)
    parser.add_argument("--simulate", action="store_true", help="a simulated walker in place of you")
    parser.add_argument("--dry-run", action="store_true", help="show what was found, change nothing")


def act(args: argparse.Namespace) -> int:
    """Find the mounting and write it into the settings file, whose comments stay."""
    loaded = load(args)
    settings, path = loaded.settings, loaded.path or HERE
    if settings.profile == "treadmill":
        print("On the treadmill's frame there is nothing to calibrate: any mounting will do.")
        return 0
    sensor = replace(settings.sampled, mounting="+x +y +z")
    sampler = Sampler(sensor, Bus(sensor.bus))
    if args.simulate:
        clock = PacedClock()
        ten_steps = simulated_walker.walk([(3.0, Move.STAND), (12.0, Move.FORWARD)], 100.0).trial("ten steps")
        bus = Bus(sensor.bus, port=plugged(ten_steps, clock).open)
        sampler = Sampler(sensor, bus, clock, clock.sleep)
    if not args.dry_run and not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
        print(f"{path} cannot be written: run it as its owner, or with --dry-run", file=sys.stderr)
        return 2
    try:
        found = calibrate(iter(sampler), partial(print, flush=True))
    except UnsureError as error:
        print(f"Calibration failed, nothing was changed: {error}.", file=sys.stderr)
        return 1
    finally:
        sampler.stop()
    bias = ", ".join(f"{value:.1f}" for value in found.gyro_bias_dps)
    print(f'mounting "{found.mounting}": the sensor axes that point forward, left and up (docs/frames.md)')
    print(f"sensor tilt {found.off_axis_deg:.0f} degrees; gyroscope bias {bias} deg/s")
    print(f"forward axis confidence {found.score:.2f} (runner-up {found.next_score:.2f})")
    if args.simulate and not args.config:
        print("Nothing is written: it was a simulated walker's (name a file with --config to try).")
    elif not args.dry_run:
        config.change(path, Settings, "sensor.mounting", found.mounting)
        print(f"Written to {path.resolve()}.")
    return 0


class _Gathered(NamedTuple):
    accel_g: Floats
    gyro_dps: Floats


def calibrate(blocks: Iterator[SampleBlock], say: Callable[[str], None]) -> Calibration:
    """Lead a walker through it; ``blocks`` come in sensor axes. Raises UnsureError."""
    grid = Grid(RATE_HZ)
    say("Wear the sensor as you will. Stand still, facing the way you will walk ...")
    _gather(blocks, grid, 1.0)  # the clip comes to rest
    still = _gather(blocks, grid, STILL_S)
    find_up(*still)
    say("Good. Now walk ten steps straight forward, briskly ...")
    walk = _gather(blocks, grid, WALK_S)
    return find_mounting(still, walk, RATE_HZ, shipped().contacts)


def _gather(blocks: Iterator[SampleBlock], grid: Grid, seconds: float) -> _Gathered:
    """The next ``seconds`` of samples."""
    pieces: list[_Gathered] = []
    count = round(seconds * RATE_HZ)
    heard_s: float | None = None
    for block in blocks:
        heard_s = block.end_s if heard_s is None or len(block.time_s) else heard_s
        if block.end_s - heard_s > SILENCE_S:
            raise UnsureError(f"the sensor is silent: {block.fault or 'no samples; run rearguard check'}")
        for samples in grid.update(block):
            if (samples.restart and pieces) or samples.bridged.any():
                raise UnsureError(
                    f"samples were lost ({block.fault or 'a gap'}): run rearguard check, try again"
                )
            pieces.append(_Gathered(samples.accel_g, samples.gyro_dps))
        if sum(len(piece.accel_g) for piece in pieces) >= count:
            return _Gathered(*(np.vstack(columns) for columns in zip(*pieces, strict=True)))
    raise UnsureError("the samples ended before enough had come")
