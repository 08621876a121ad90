"""The commands: each puts other ends on the same line (machine.py)."""

import argparse
import getpass
import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from socket import gethostname
from typing import Any

from firmware.bus import Bus
from firmware.checkup import axes
from firmware.errors import FirmwareError
from firmware.sampler import Sampler
from firmware.watchdog import Vouch
from monitor import config, corpus, demo, walker
from monitor.arguments import PLACES, Act, parser
from monitor.calibrate import calibrate
from monitor.core.calibration import UnsureError
from monitor.core.detector import Detector
from monitor.core.setting import SettingError
from monitor.corpus import Trial
from monitor.credentials import SecretError
from monitor.evaluate import evaluate
from monitor.machine import (
    AT_ONCE,
    FRAME_LIMITS,
    LEAD_IN_S,
    ArmedFile,
    Line,
    findings,
    plugged,
    shifted,
    store_path,
    until_over,
    warned,
)
from monitor.notify import notify
from monitor.pair import pair, settings_of, unpair
from monitor.score_table import table
from monitor.settings import Settings
from monitor.settings_text import as_yaml, fingerprint, schema
from monitor.walker import Move
from monitor.watch import watch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 well, 1 not, 2 wrong input."""
    _open_ends()
    args = parser(ACTS, version("rearguard")).parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        status: int = args.command(args)
    except (config.ConfigError, corpus.RecordingError, SecretError, FirmwareError) as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # `rearguard ... | head`: nobody wants to read on
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a full disk under standard output, a folder that is not ours
        print(f"rearguard: {error}", file=sys.stderr)
        return 2
    return status


def _open_ends() -> None:
    """Standard streams that can be used, whatever we were started with."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open for the life of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a spotter's name may not fit the terminal


# ---- settings


def _settings(args: argparse.Namespace) -> Settings:
    """The settings in force, with what the command line says on top."""
    path = _settings_file(args)
    settings = config.load(path, Settings) if path else Settings()
    named = {name: getattr(args, name, None) for name in ("host", "port", "device")}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    try:
        return replace(settings, mqtt=replace(settings.mqtt, **given)) if given else settings
    except SettingError as error:
        raise config.ConfigError([f"command line: --{error}"]) from error


def _settings_file(args: argparse.Namespace) -> Path | None:
    named: Path | None = args.config
    return named or next((place for place in PLACES if place.exists()), None)


def _config_check(args: argparse.Namespace) -> int:
    config.load(args.file, Settings)
    print(f"{args.file}: all settings are valid")
    return 0


def _limits(settings: Settings) -> str:
    return f"{FRAME_LIMITS}\n" if settings.profile == "treadmill" else ""


def _config_show(args: argparse.Namespace) -> int:
    settings = _settings(args)
    print(f"# {_settings_file(args) or 'built-in defaults'}, hash {fingerprint(settings)}")
    print("".join(f"# {line}\n" for line in _limits(settings).splitlines()), end="")
    print(as_yaml(settings, comments=False), end="")
    return 0


def _config_default(_: argparse.Namespace) -> int:
    print(as_yaml(Settings()), end="")
    return 0


def _config_schema(_: argparse.Namespace) -> int:
    print(json.dumps(schema(Settings), indent=2))
    return 0


# ---- the line


def _run(args: argparse.Namespace) -> int:
    """The safety process, until SIGTERM or Ctrl-C."""
    settings = _settings(args)
    bus = None
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    if args.simulate is None and args.trial:
        raise corpus.RecordingError("--trial names a trial of a recording: give it with --simulate FILE.npz")
    if args.simulate is not None:
        wires = plugged(_trial(args.simulate or None, args.trial))
        plug = cycle([wires.unplug, wires.plug])
        signal.signal(signal.SIGUSR1, lambda *_: next(plug)())
        bus = Bus(settings.sensor.bus, port=wires.open)
    armed = ArmedFile()
    if armed.exists:  # restarted in mid-walk: nobody stands still for us now
        settings = replace(settings, arming=replace(settings.arming, at_start=True, needs_stillness=False))
    line = Line(settings, publish=True, store=None if bus else store_path())
    sampler = Sampler(settings.sampled, bus, power=line.panel.power)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sampler.stop())
    print(f"rearguard {version('rearguard')}, settings {fingerprint(settings)}; Ctrl-C ends", flush=True)
    print(_limits(settings), end="", flush=True)
    line.run(warned(sampler, line.inbox), [armed, Vouch()])
    armed.forget()  # an end in order is no crash
    return 0


def _replay(args: argparse.Namespace) -> int:
    """A recording down the line: at once, or in its own time through the simulated chip."""
    settings = _settings(args)
    trial = _trial(args.file, args.trial)
    if not args.through_chip:
        settings = replace(settings, arming=AT_ONCE)
    began_s = time.monotonic() if args.publish or args.through_chip else 0.0
    line = Line(settings, publish=args.publish, told_from_s=began_s, events=args.events)
    print(_limits(settings), end="", flush=True)
    described = f": {trial.description}" if trial.description else ""
    print(f"{trial.name}{described} ({trial.duration_s:.1f} s)", flush=True)
    if args.through_chip:
        sampler = Sampler(settings.sampled, Bus(settings.sensor.bus, port=plugged(trial).open))
        signal.signal(signal.SIGTERM, lambda *_: sampler.stop())
        line.run(until_over(sampler, LEAD_IN_S + trial.duration_s, args.linger, line.alarm))
    else:
        line.run(shifted(corpus.blocks(trial, settings.sampled.rate_hz), began_s))
    return 0


# ---- what is simulated


def _trial(file: str | None, name: str | None) -> Trial:
    """One trial of a recording, or the simulated walker's story."""
    if file is None:
        if name is not None:
            raise corpus.RecordingError("--trial names a trial of a recording: give its FILE.npz too")
        return walker.walk(walker.STORY, 100.0).trial("the simulated walker")
    recording = corpus.Corpus(file)
    if name is None and len(recording) > 1:
        raise corpus.RecordingError(
            f"{file} holds {len(recording)} trials: name one with --trial, such as {recording[0].name}"
        )
    return recording.find(name) if name is not None else recording[0]


def _demo(args: argparse.Namespace) -> int:
    story = ["--trial", args.trial] if args.trial else []
    return demo.run([args.file, *story] if args.file else story)


# ---- how the sensor sits


def _calibrate(args: argparse.Namespace) -> int:
    """Find the mounting and write it into the settings file, whose comments stay."""
    settings = _settings(args)
    path = _settings_file(args) or PLACES[0]
    if settings.profile == "treadmill":
        print("On the treadmill's frame there is nothing to calibrate: any mounting will do.")
        return 0
    sensor = replace(settings.sampled, mounting="+x +y +z")
    bus = Bus(sensor.bus)
    if args.simulate:
        ten_steps = walker.walk([(3.0, Move.STAND), (12.0, Move.FORWARD)], 100.0).trial("ten steps")
        bus = Bus(sensor.bus, port=plugged(ten_steps).open)
    sampler = Sampler(sensor, bus)
    if not args.dry_run and not os.access(path if path.exists() else path.resolve().parent, os.W_OK):
        print(f"{path} cannot be written: run it as its owner, or with --dry-run", file=sys.stderr)
        return 2
    try:
        seat = calibrate(iter(sampler), print)
    except UnsureError as error:
        print(f"Not sure, so nothing was changed: {error}.", file=sys.stderr)
        return 1
    finally:
        sampler.stop()
    bias = ", ".join(f"{value:.1f}" for value in seat.gyro_bias_dps)
    print(f'mounting "{seat.mounting}": the sensor axes that point forward, left and up (docs/frames.md)')
    print(f"up is {seat.off_axis_deg:.0f} degrees off its axis; the gyroscope is off by {bias} deg/s")
    print(f"forward scores {seat.score:.2f}, the next best way {seat.next_score:.2f}")
    if args.simulate and not args.config:
        print("Nothing is written: it was a simulated walker's (name a file with --config to try).")
    elif not args.dry_run:
        config.change(path, Settings, "sensor.mounting", seat.mounting)
        print(f"Written to {path}.")
    return 0


# ---- the bench test


def _check(args: argparse.Namespace) -> int:
    """A line per part: well, or what to do. The exit status is 0 only if all are well."""
    settings = _settings(args)
    wires = plugged(_trial(None, None)) if args.simulate else None
    bus = Bus(settings.sensor.bus, port=wires.open) if wires else Bus(settings.sensor.bus)
    if args.live:
        print("Turn the sensor and see; Ctrl-C ends.")
        for words in axes(Sampler(settings.sampled, bus)):
            print(f"\r{words}", end="\x1b[K" if sys.stdout.isatty() else "\n", flush=True)
        return 0
    well = True
    for finding in findings(settings, bus):
        well = well and finding.good
        if args.json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            print(f"{'ok  ' if finding.good else 'FAIL'}  {finding.part:<10} {finding.words}", flush=True)
    return 0 if well else 1


# ---- the spotter, and scores


def _watch(args: argparse.Namespace) -> int:
    mqtt = _settings(args).mqtt
    return watch(settings_of(args.url, mqtt) if args.url else mqtt, args.name or _user())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in containers
        return "spotter"


def _notify(args: argparse.Namespace) -> int:
    settings = _settings(args)
    try:
        return notify(settings.mqtt, settings.notify)
    except ImportError:
        print("Apprise is not installed: pip install 'rearguard[notify]'", file=sys.stderr)
        return 2


def _pair(args: argparse.Namespace) -> int:
    mqtt = _settings(args).mqtt
    try:
        if args.remove:
            unpair(args.name, args.folder)
            return 0
        pair(
            args.name,
            mqtt.device,
            args.role,
            args.host or f"{gethostname()}.local",
            args.port or 8883,
            args.folder,
        )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error}; run it as root on the broker's machine", file=sys.stderr)
        return 2
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    settings = _settings(args)
    report = evaluate(
        args.files, partial(Detector, settings), settings.unsafe_step.red_score, args.jobs, show_progress=True
    )
    print(json.dumps(report) if args.json else table(report))
    return 0


ACTS: dict[str, Act] = {
    "run": _run,
    "demo": _demo,
    "replay": _replay,
    "check": _check,
    "calibrate": _calibrate,
    "watch": _watch,
    "notify": _notify,
    "pair": _pair,
    "evaluate": _evaluate,
    "config check": _config_check,
    "config show": _config_show,
    "config default": _config_default,
    "config schema": _config_schema,
}


if __name__ == "__main__":
    sys.exit(main())
