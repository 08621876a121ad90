"""``rearguard replay``: a recording down the line, at once or in real time through the simulated chip."""

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from firmware.bus import Bus
from firmware.sampler import Sampler
from monitor.commands.options import Commands, add_config, add_port, command, load, seconds
from monitor.commands.run import say_limits
from monitor.core.alarm import Alarm
from monitor.core.arming import ArmingSettings
from monitor.core.samples import SampleBlock
from monitor.line import Line
from monitor.playback import LEAD_IN_S, PacedClock, plugged, shifted, trial_of, until_over
from monitor.recordings import corpus

AT_ONCE = ArmingSettings(needs_stillness=False)
"""A recording is watched from its first step on."""

PATIENCE_S = 20.0
"""Time without a word from broker or device before that is a fault: a busy machine is none."""

OVER = "the recording is over"
AFTERWARDS_S = 5.0
"""With --linger, for whoever reads along to leave first: that the device is switched off is no part of it."""


def add(commands: Commands) -> None:
    parser = command(
        commands, "replay", replay_, "run the detector on a recording, or on the simulated walker"
    )
    add_config(parser)
    add_recording(parser)
    parser.add_argument(
        "--through-chip", action="store_true", help="in real time, through the simulated chip and its driver"
    )
    parser.add_argument("--events", action="store_true", help="list every event, with its evidence")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="report to the broker and so to the spotter; exit status 1 if an alert was not delivered",
    )
    parser.add_argument(
        "--linger",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="keep running this long at the end while an alert is unanswered",
    )
    add_port(parser)


def add_recording(parser: argparse.ArgumentParser) -> None:
    """FILE.npz and --trial."""
    parser.add_argument(
        "file",
        metavar="FILE.npz",
        nargs="?",
        help="a recording, or the word `example` (default: the simulated walker)",
    )
    parser.add_argument("--trial", metavar="NAME", help="which trial; `rearguard trials FILE.npz` lists them")


def replay_(args: argparse.Namespace) -> int:
    settings = load(args).settings
    trial = trial_of(args.file, args.trial)
    if not args.through_chip:
        settings = replace(settings, arming=AT_ONCE)
    clock = PacedClock()
    began_s = clock() if args.publish or args.through_chip else 0.0
    line = Line(
        settings,
        publish=args.publish,
        told_from_s=began_s,
        events=args.events,
        clock=clock if args.through_chip else time.monotonic,
        overdue_s=PATIENCE_S,
    )
    say_limits(settings)
    described = f": {trial.description}" if trial.description else ""
    print(f"{trial.name}{described} ({trial.duration_s:.1f} s)", flush=True)
    if args.through_chip:
        bus = Bus(settings.sensor.bus, port=plugged(trial, clock).open)
        sampler = Sampler(settings.sampled, bus, clock, clock.sleep)
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, lambda *_: sampler.stop())
        line.run(_played(sampler, LEAD_IN_S + trial.duration_s, args.linger, line.alarm))
    else:
        line.run(shifted(corpus.blocks(trial, settings.sampled.rate_hz), began_s))
    if not line.delivered:
        broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
        print(f"not delivered: the broker at {broker} has not acknowledged every alert", file=sys.stderr)
        return 1
    return 0


def _played(
    sampler: Iterable[SampleBlock], seconds: float, linger_s: float, alarm: Alarm
) -> Iterator[SampleBlock]:
    """The blocks of the recording, of the wait for an answer, and of the time afterwards."""
    blocks = iter(sampler)
    yield from until_over(blocks, seconds, linger_s, alarm)
    if not linger_s:
        return
    for number, block in enumerate(until_over(blocks, AFTERWARDS_S, 0.0, alarm)):
        if number == 0:  # the sampler goes on: nobody has stopped it
            print(OVER, flush=True)
        yield block
