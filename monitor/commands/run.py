"""``rearguard run``: the safety process, from the sensor to the spotter, until SIGTERM or Ctrl-C."""

import argparse
import os
import signal
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import cycle
from pathlib import Path

from firmware.bus import Bus
from firmware.panel import PANEL
from firmware.sampler import Sampler
from firmware.watchdog import Vouch
from monitor.commands.options import OWN_STATE, Commands, add_config, add_port, command, load
from monitor.core.vocabulary import FaultCode, Input, InputKind, RearguardError
from monitor.line import Line, warned
from monitor.recordings.journal import file as journal_file
from monitor.recordings.journal.packing import Form
from monitor.settings import Settings

OUTBOX, JOURNAL = "outbox.db", journal_file.FILE
NO_PINS = "no Raspberry Pi's pins were found here: lamp, buzzer and button are simulated"
FRAME_LIMITS = (
    "profile treadmill: from the frame rhythm and impact are seen; tilt, sway, direction and falls before "
    "the impact are not"
)


def add(commands: Commands) -> None:
    parser = command(commands, "run", run, "watch the walker: sensor to buzzer to spotter, until stopped")
    add_config(parser)
    parser.add_argument(
        "--simulate",
        nargs="?",
        const="",
        metavar="FILE.npz",
        help="a simulated chip on a simulated bus, fed by a simulated walker or by a recording; "
        "the signal USR1 pulls its cable out and puts it back",
    )
    parser.add_argument("--trial", metavar="NAME", help="which trial of the recording")
    add_port(parser)


def run(args: argparse.Namespace) -> int:
    loaded = load(args)
    settings = loaded.settings
    bus = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if args.simulate is None and args.trial:
        raise RearguardError("--trial names a trial of a recording: give it with --simulate FILE.npz")
    if args.simulate is not None:
        from monitor.playback import PacedClock, plugged, trial_of  # which a real sensor does without

        paced = PacedClock()
        clock, sleep = paced, paced.sleep
        wires = plugged(trial_of(args.simulate or None, args.trial), clock)
        plug = cycle([wires.unplug, wires.plug])
        signal.signal(signal.SIGUSR1, lambda *_: next(plug)())
        bus = Bus(settings.sensor.bus, port=wires.open)
    state = state_folder(simulated=bus is not None)
    line = Line(
        settings,
        publish=True,
        store=state and state / OUTBOX,
        journal=state and state / JOURNAL,
        form=lambda: form(sampler),
        clock=clock,
    )
    sampler = Sampler(settings.sampled, bus, clock, sleep, power=line.panel.power)
    for end in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(end, lambda *_: sampler.stop())
    print(f"rearguard {version('rearguard')}, settings {loaded.hash}; Ctrl-C ends", flush=True)
    if line.panel.mock and settings.panel.pins:
        print(NO_PINS, flush=True)
        if bus is None:  # a real sensor on a real walker, who must not trust a lamp that nobody drives
            line.inbox.put(Input(InputKind.FAULT, fault=FaultCode.PANEL, part=PANEL, reason=NO_PINS))
    say_limits(settings)
    line.run(warned(sampler, line.inbox), {"watchdog": Vouch()})
    return 0


def state_folder(*, simulated: bool) -> Path | None:
    """Where alerts wait for the broker, and the journal is: systemd's state directory, else the user's.

    A simulated walker leaves nothing in the user's.
    """
    directory = os.environ.get("STATE_DIRECTORY")
    if directory is None and simulated:
        return None
    return Path(directory or OWN_STATE)


def form(sampler: Sampler) -> Form:
    """How the samples of the chip in use came about."""
    chip, mounting = sampler.chip, sampler.mounting.axes
    if chip is None:
        return Form("no sensor", mounting=mounting)
    return Form(str(chip), chip.accel_g_per_count, chip.gyro_dps_per_count, mounting)


def say_limits(settings: Settings) -> None:
    """What the profile cannot see."""
    if settings.profile == "treadmill":
        print(FRAME_LIMITS, flush=True)
