"""The command line: each command puts other ends on the same line."""

import argparse
import getpass
import io
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np

from firmware.bus import Bus
from firmware.checkup import Finding, axes, check_panel, check_power, check_sensor
from firmware.errors import FirmwareError
from firmware.panel import Panel, PanelSettings
from firmware.power import undervoltage
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
from firmware.watchdog import Vouch
from monitor import config, corpus, demo, walker
from monitor.arguments import PLACES, Act, parser
from monitor.calibrate import calibrate
from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.calibration import UnsureError
from monitor.core.detector import FRAME_RATE_HZ, Detector, DetectorSettings
from monitor.core.vocabulary import Alert, Event, Floats, Input, InputKind, Priority, SampleBlock, Status
from monitor.corpus import Trial
from monitor.credentials import SecretError
from monitor.evaluate import evaluate
from monitor.link import Link
from monitor.loop import Inbox, Sink, run
from monitor.mqtt import MqttSettings, round_trip_s
from monitor.narrator import Narrator
from monitor.notify import NotifySettings, notify
from monitor.pair import pair
from monitor.score_table import table
from monitor.walker import Move
from monitor.watch import watch

LEAD_IN_S = 3.0
"""So long a simulated sensor stands still before its recording begins: for the chip to start, and to arm."""

POWER_BLOCKS = 40
"""Blocks between two looks at the supply: 2 s, as often as the kernel asks the Pi."""

FRAME_LIMITS = (
    "profile treadmill: from the frame rhythm and impact are seen; tilt, sway, direction and falls before "
    "the impact are not"
)
AT_ONCE = ArmingSettings(needs_stillness=False)
"""A recording is judged from its first step on."""


@dataclass(frozen=True, slots=True)
class Settings(DetectorSettings):
    """Everything in config.yaml: the judgement's settings first, then the ends of the line."""

    arming: ArmingSettings = field(default_factory=ArmingSettings, metadata={"meaning": "When to watch"})
    alarm: AlarmSettings = field(
        default_factory=AlarmSettings, metadata={"meaning": "What becomes of what was seen"}
    )
    sensor: SensorSettings = field(
        default_factory=SensorSettings, metadata={"meaning": "The sensor and how it sits"}
    )
    panel: PanelSettings = field(
        default_factory=PanelSettings, metadata={"meaning": "Lamp, buzzer and button, by GPIO number"}
    )
    mqtt: MqttSettings = field(
        default_factory=MqttSettings, metadata={"meaning": "The broker that carries alerts to the spotter"}
    )
    notify: NotifySettings = field(
        default_factory=NotifySettings, metadata={"meaning": "Phones (rearguard notify)"}
    )

    def __post_init__(self) -> None:
        if self.profile == "treadmill" and self.sensor.rate_hz != FRAME_RATE_HZ:
            raise ValueError(
                f"profile treadmill listens at {FRAME_RATE_HZ:.0f} Hz: set sensor.rate_hz to it, "
                f"found {self.sensor.rate_hz}"
            )


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
    except ValueError as error:
        raise config.ConfigError([f"--device: {error}"]) from error


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
    print(f"# {_settings_file(args) or 'built-in defaults'}, hash {config.fingerprint(settings)}")
    print("".join(f"# {line}\n" for line in _limits(settings).splitlines()), end="")
    print(config.as_yaml(settings, comments=False), end="")
    return 0


def _config_default(_: argparse.Namespace) -> int:
    print(config.as_yaml(Settings()), end="")
    return 0


def _config_schema(_: argparse.Namespace) -> int:
    print(json.dumps(config.schema(Settings), indent=2))
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
        wires = _plugged(_trial(args.simulate or None, args.trial))
        plug = cycle([wires.unplug, wires.plug])
        signal.signal(signal.SIGUSR1, lambda *_: next(plug)())
        bus = Bus(settings.sensor.bus, port=wires.open)
    armed = _RuntimeFile("armed")
    if armed.exists:  # restarted in mid-walk: nobody stands still for us now
        settings = replace(settings, arming=replace(settings.arming, at_start=True, needs_stillness=False))
    line = _Line(settings, publish=True, store=None if bus else _store())
    sampler = Sampler(settings.sensor, bus, power=line.panel.power)
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sampler.stop())
    print(
        f"rearguard {version('rearguard')}, settings {config.fingerprint(settings)}; Ctrl-C ends", flush=True
    )
    print(_limits(settings), end="", flush=True)
    line.run(_warned(sampler, line.inbox), [armed, Vouch()])
    armed.forget()  # an end in order is no crash
    return 0


def _replay(args: argparse.Namespace) -> int:
    """A recording down the line: at once, or in its own time through the simulated chip."""
    settings = _settings(args)
    trial = _trial(args.file, args.trial)
    if not args.through_chip:
        settings = replace(settings, arming=AT_ONCE)
    began_s = time.monotonic() if args.publish or args.through_chip else 0.0
    line = _Line(settings, publish=args.publish, told_from_s=began_s, events=args.events)
    print(_limits(settings), end="", flush=True)
    described = f": {trial.description}" if trial.description else ""
    print(f"{trial.name}{described} ({trial.duration_s:.1f} s)", flush=True)
    if args.through_chip:
        sampler = Sampler(settings.sensor, Bus(settings.sensor.bus, port=_plugged(trial).open))
        signal.signal(signal.SIGTERM, lambda *_: sampler.stop())
        line.run(_until_over(sampler, LEAD_IN_S + trial.duration_s, args.linger, line.alarm))
    else:
        line.run(_shifted(corpus.blocks(trial, settings.sensor.rate_hz), began_s))
    return 0


class _Line:
    """Everything behind the blocks: judgement, alarm and sinks."""

    def __init__(
        self,
        settings: Settings,
        *,
        publish: bool,
        store: Path | None = None,
        told_from_s: float | None = None,
        events: bool = False,
    ) -> None:
        self.inbox = Inbox()
        self.detector = Detector(settings)
        self.alarm = Alarm(settings.alarm, settings.arming)
        self.panel = _panel(settings, self.inbox)
        self.narrator = Narrator(self._look, told_from_s, events=events)
        self.link: Link | None = None
        if publish:
            self.link = Link(
                settings.mqtt, self.inbox, store, config.fingerprint(settings), version("rearguard")
            )

    def run(self, blocks: Iterable[SampleBlock], last: Sequence[Sink] = ()) -> None:
        """Run the loop to the end of ``blocks``; what was told last is still sent."""
        sinks: list[Sink] = [self._show, *([self.link] if self.link else []), self.narrator, *last]
        if self.link:
            self.link.start()
        try:
            run(blocks, self.detector, self.alarm, self.inbox, sinks)
        finally:
            if self.link:
                self.link.stop()
            self.panel.close()
            self.narrator.close()
        print(f"session: {self.detector.facts}", flush=True)

    def _show(self, _b: SampleBlock, _e: Sequence[Event], _a: Sequence[Alert], status: Status) -> None:
        self.panel.show(status)

    def _look(self) -> str:
        return f"walker's side: {self.panel.light} | {self.panel.sound}"


def _panel(settings: Settings, inbox: Inbox) -> Panel:
    """The walker's side; pins that cannot be driven are a standing fault, and the spotter hears of it."""
    try:
        return Panel(settings.panel, inbox.put)
    except FirmwareError as error:
        inbox.put(Input(InputKind.FAULT, reason=str(error)))
        return Panel(settings.panel, inbox.put, mock=True)


def _warned(sampler: Sampler, inbox: Inbox) -> Iterator[SampleBlock]:
    """The sampler's blocks; its standing warning, and the supply's, go to the alarm."""
    warning = ""
    low = False
    for number, block in enumerate(sampler):
        if number % POWER_BLOCKS == 0 and bool(undervoltage()) != low:
            low = not low
            kind = InputKind.POWER_LOW if low else InputKind.POWER_GOOD
            inbox.put(Input(kind, reason="the Pi's supply is low: a stronger one, or a shorter cable"))
        if sampler.warning != warning:
            if warning:
                inbox.put(Input(InputKind.FAULT_GONE, reason=warning))
            if sampler.warning:
                inbox.put(Input(InputKind.FAULT, reason=sampler.warning))
            warning = sampler.warning
        yield block


def _shifted(blocks: Iterable[SampleBlock], by_s: float) -> Iterator[SampleBlock]:
    """A recording's blocks, as if it had begun at ``by_s``."""
    for block in blocks:
        yield replace(block, time_s=block.time_s + by_s, end_s=block.end_s + by_s)


def _store() -> Path:
    """Where alerts wait for the broker: systemd's state directory, else the user's."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory or Path.home() / ".local/state/rearguard") / "outbox.db"


class _RuntimeFile:
    """A sink that keeps a file while it is armed: after a crash we come back armed.

    It lies where systemd keeps it over a restart of the service but not of the machine.
    """

    def __init__(self, name: str) -> None:
        directory = os.environ.get("RUNTIME_DIRECTORY")
        self._path = Path(directory) / name if directory else None
        self._armed = self.exists

    @property
    def exists(self) -> bool:
        return self._path is not None and self._path.exists()

    def __call__(self, _b: SampleBlock, _e: Sequence[Event], _a: Sequence[Alert], status: Status) -> None:
        if status.armed == self._armed or self._path is None:
            return
        self._armed = status.armed
        with suppress(OSError):  # it is memory; without it we only ask for stillness again
            self._path.touch() if status.armed else self._path.unlink(missing_ok=True)

    def forget(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _until_over(
    blocks: Iterable[SampleBlock], seconds: float, linger_s: float, alarm: Alarm
) -> Iterator[SampleBlock]:
    """The blocks of ``seconds``, and while a high alert waits for its answer ``linger_s`` more."""
    began_s = None
    for block in blocks:
        began_s = block.end_s if began_s is None else began_s
        over_s = block.end_s - began_s - seconds
        waits = any(alert.priority is Priority.HIGH for alert in alarm.status.standing)
        if over_s > (linger_s if waits else 0.0):
            return
        yield block


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


def _plugged(trial: Trial) -> SimulatedBus:
    """A bus with an MPU-6050 that feels the trial; before and after, it stands still and hisses."""
    whole = corpus.whole(trial, trial.rate_hz)
    felt = recording(whole.accel_g, whole.gyro_dps, trial.rate_hz)
    hiss = np.random.default_rng(0)

    def world(time_s: Floats) -> tuple[Floats, Floats]:
        at_s = time_s - LEAD_IN_S
        accel_g, gyro_dps = felt(at_s)
        still = ((at_s < 0) | (at_s > trial.duration_s))[:, None]
        accel_g = accel_g + still * hiss.normal(0, 0.006, accel_g.shape)
        gyro_dps = np.where(still, hiss.normal(0, 0.3, gyro_dps.shape), gyro_dps)
        return accel_g, gyro_dps

    return SimulatedBus(SimulatedInvensense(world, time.monotonic))


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
    sensor = replace(settings.sensor, mounting="+x +y +z")
    bus = Bus(sensor.bus)
    if args.simulate:
        ten_steps = walker.walk([(3.0, Move.STAND), (12.0, Move.FORWARD)], 100.0).trial("ten steps")
        bus = Bus(sensor.bus, port=_plugged(ten_steps).open)
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
    wires = _plugged(_trial(None, None)) if args.simulate else None
    bus = Bus(settings.sensor.bus, port=wires.open) if wires else Bus(settings.sensor.bus)
    if args.live:
        print("Turn the sensor and see; Ctrl-C ends.")
        for words in axes(Sampler(settings.sensor, bus)):
            print(f"\r{words}", end="\x1b[K" if sys.stdout.isatty() else "\n", flush=True)
        return 0
    well = True
    for finding in _findings(settings, bus):
        well = well and finding.good
        if args.json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            print(f"{'ok  ' if finding.good else 'FAIL'}  {finding.part:<10} {finding.words}", flush=True)
    return 0 if well else 1


def _findings(settings: Settings, bus: Bus) -> Iterator[Finding]:
    yield from check_sensor(settings.sensor, bus, worn=settings.profile == "belt")
    yield check_power()
    try:
        panel = Panel(settings.panel, Inbox().put)
    except FirmwareError as error:
        yield Finding("panel", False, str(error))
    else:
        yield from check_panel(panel)
        panel.close()
    try:
        way_s = round_trip_s(settings.mqtt)
    except (ConnectionError, SecretError) as error:
        yield Finding("broker", False, f"{error}; is it running? sudo apt install mosquitto")
    else:
        yield Finding("broker", True, f"{settings.mqtt.host}:{settings.mqtt.port}, {1000 * way_s:.0f} ms")


# ---- the spotter, and scores


def _watch(args: argparse.Namespace) -> int:
    return watch(_settings(args).mqtt, args.name or _user())


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
        pair(args.name, mqtt.device, args.role, args.host or gethostname(), args.port or 8883, args.folder)
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
