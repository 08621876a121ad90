"""The command line: each command puts other ends on the same line."""

import argparse
import getpass
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from firmware.bus import Bus
from firmware.checkup import Finding, check_panel, check_sensor
from firmware.errors import FirmwareError
from firmware.panel import Panel, PanelSettings
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
from firmware.watchdog import Vouch
from monitor import config, corpus, demo, walker
from monitor.calibrate import calibrate
from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.calibration import UnsureError
from monitor.core.detector import FRAME_RATE_HZ, Detector, DetectorSettings
from monitor.core.vocabulary import Alert, Event, Floats, Priority, SampleBlock, Status
from monitor.corpus import Trial
from monitor.credentials import SecretError
from monitor.evaluate import evaluate
from monitor.link import Link
from monitor.loop import Inbox, Sink, run
from monitor.mqtt import MqttSettings, round_trip_s
from monitor.narrator import Narrator
from monitor.score_table import table
from monitor.walker import Move
from monitor.watch import watch

PLACES = (Path("config.yaml"), Path("/etc/rearguard/config.yaml"))
"""Where settings are looked for when no --config names them."""

LEAD_IN_S = 3.0
"""So long a simulated sensor stands still before its recording begins: for the chip to start, and to arm."""

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

    def __post_init__(self) -> None:
        if self.profile == "treadmill" and self.sensor.rate_hz != FRAME_RATE_HZ:
            raise ValueError(
                f"profile treadmill listens at {FRAME_RATE_HZ:.0f} Hz: set sensor.rate_hz to it, "
                f"found {self.sensor.rate_hz}"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 well, 1 not, 2 wrong input."""
    args = _parser().parse_args(arguments)
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
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rearguard",
        description="A spotter's sixth sense for people who walk backwards. No medical device; it never "
        "replaces a treadmill's safety key.",
    )
    parser.add_argument("--version", action="version", version=f"rearguard {version('rearguard')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, act: Callable[[argparse.Namespace], int], says: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
        added.set_defaults(command=act)
        if act is not _demo:  # which shows the defaults
            added.add_argument("--config", type=Path, metavar="FILE", help="settings (default: config.yaml)")
        return added

    live = command("run", _run, "watch the walker: sensor to buzzer to spotter, until stopped")
    live.add_argument(
        "--simulate",
        nargs="?",
        const="",
        metavar="FILE.npz",
        help="a simulated chip on a simulated bus, fed by a simulated walker or by a recording; "
        "the signal USR1 pulls its cable out and puts it back",
    )
    live.add_argument("--trial", metavar="NAME", help="which trial of the recording")
    live.add_argument("--port", type=int, help="the broker's port, whatever the settings say")

    demo = command("demo", _demo, "see it all without hardware: a walker falls, you are the spotter")
    demo.add_argument(
        "file", metavar="FILE.npz", nargs="?", help="a recording (default: the simulated walker)"
    )
    demo.add_argument("--trial", metavar="NAME", help="which trial of the recording")

    replay = command("replay", _replay, "judge a recording, or the simulated walker, again")
    replay.add_argument(
        "file", metavar="FILE.npz", nargs="?", help="a recording (default: the simulated walker)"
    )
    replay.add_argument("--trial", metavar="NAME", help="which trial; a wrong name lists near ones")
    replay.add_argument(
        "--through-chip", action="store_true", help="in real time, through the simulated chip and its driver"
    )
    replay.add_argument("--publish", action="store_true", help="tell the broker and so the spotter")
    replay.add_argument("--port", type=int, help="the broker's port, whatever the settings say")
    replay.add_argument(
        "--linger",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait at the end for an answer to what still stands",
    )

    check = command("check", _check, "try every part once: sensor, lamp, buzzer, broker")
    check.add_argument("--json", action="store_true", help="one JSON object per line")
    check.add_argument("--simulate", action="store_true", help="a simulated chip in place of the sensor")
    check.add_argument("--port", type=int, help="the broker's port, whatever the settings say")

    seat = command("calibrate", _calibrate, "find how the sensor sits: stand still, then walk ten steps")
    seat.add_argument("--simulate", action="store_true", help="a simulated walker in place of you")
    seat.add_argument("--dry-run", action="store_true", help="say what was found, change nothing")

    watch = command("watch", _watch, "be a spotter in the terminal")
    watch.add_argument("--host", help="the broker's name or address")
    watch.add_argument("--port", type=int, help="the broker's port")
    watch.add_argument("--device", help="the walker's device")
    watch.add_argument("--name", default=getpass.getuser(), help="who the walker is told is coming")

    score = command("evaluate", _evaluate, "score the judgement on labelled recordings")
    score.add_argument("files", nargs="+", metavar="FILE.npz")
    score.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    score.add_argument("--jobs", type=int, metavar="N", help="processes (default: one per core)")

    settings = commands.add_parser("config", help="check and show settings", description="Settings.")
    acts = settings.add_subparsers(required=True, metavar="ACTION")
    valid = acts.add_parser("check", help="say what is wrong with a settings file")
    valid.add_argument("file", type=Path, nargs="?", default=PLACES[0])
    valid.set_defaults(command=_config_check)
    show = acts.add_parser("show", help="the settings in force, and their hash")
    show.add_argument("--config", type=Path, metavar="FILE")
    show.set_defaults(command=_config_show)
    acts.add_parser("default", help="a commented file with every default").set_defaults(
        command=_config_default
    )
    acts.add_parser("schema", help="a JSON schema of the file, for editors").set_defaults(
        command=_config_schema
    )
    return parser


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


def _config_show(args: argparse.Namespace) -> int:
    settings = _settings(args)
    print(f"# {_settings_file(args) or 'built-in defaults'}, hash {config.fingerprint(settings)}")
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
    if args.simulate is not None:
        wires = _plugged(_trial(args.simulate or None, args.trial))
        plug = cycle([wires.unplug, wires.plug])
        signal.signal(signal.SIGUSR1, lambda *_: next(plug)())
        bus = Bus(settings.sensor.bus, port=wires.open)
    line = _Line(settings, publish=True)
    sampler = Sampler(settings.sensor, bus, power=line.panel.power)
    signal.signal(signal.SIGTERM, lambda *_: sampler.stop())
    print(
        f"rearguard {version('rearguard')}, settings {config.fingerprint(settings)}; Ctrl-C ends", flush=True
    )
    line.run(sampler, [Vouch()])
    return 0


def _replay(args: argparse.Namespace) -> int:
    """A recording down the line: at once, or in its own time through the simulated chip."""
    settings = _settings(args)
    trial = _trial(args.file, args.trial)
    if not args.through_chip:
        settings = replace(settings, arming=AT_ONCE)
    line = _Line(settings, publish=args.publish, told_from_s=None if args.through_chip else 0.0)
    print(f"{trial.name}: {trial.duration_s:.1f} s of {trial.description or trial.kind}", flush=True)
    if args.through_chip:
        sampler = Sampler(settings.sensor, Bus(settings.sensor.bus, port=_plugged(trial).open))
        signal.signal(signal.SIGTERM, lambda *_: sampler.stop())
        line.run(_until_over(sampler, LEAD_IN_S + trial.duration_s, args.linger, line.alarm))
    else:
        line.run(corpus.blocks(trial, settings.sensor.rate_hz))
    return 0


class _Line:
    """Everything behind the blocks: judgement, alarm and sinks."""

    def __init__(self, settings: Settings, *, publish: bool, told_from_s: float | None = None) -> None:
        self.inbox = Inbox()
        self.detector = Detector(settings)
        self.alarm = Alarm(settings.alarm, settings.arming)
        self.panel = Panel(settings.panel, self.inbox.put)
        self.narrator = Narrator(self._look, told_from_s)
        self.link: Link | None = None
        if publish:
            self.link = Link(
                settings.mqtt, self.inbox, _store(), config.fingerprint(settings), version("rearguard")
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
        print(f"session: {self.detector.facts}", flush=True)

    def _show(self, _b: SampleBlock, _e: Sequence[Event], _a: Sequence[Alert], status: Status) -> None:
        self.panel.show(status)

    def _look(self) -> str:
        return f"walker's side: {self.panel.light} | {self.panel.sound}"


def _store() -> Path | None:
    """Where alerts wait for the broker: systemd's state directory, else memory."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory) / "outbox.db" if directory else None


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
    sensor = replace(settings.sensor, mounting="+x +y +z")
    bus = Bus(sensor.bus)
    if args.simulate:
        ten_steps = walker.walk([(3.0, Move.STAND), (12.0, Move.FORWARD)], 100.0).trial("ten steps")
        bus = Bus(sensor.bus, port=_plugged(ten_steps).open)
    sampler = Sampler(sensor, bus)
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
    if not args.dry_run:
        config.change(path, Settings, "sensor.mounting", seat.mounting)
        print(f"Written to {path}.")
    return 0


# ---- the bench test


def _check(args: argparse.Namespace) -> int:
    """A line per part: well, or what to do. The exit status is 0 only if all are well."""
    settings = _settings(args)
    wires = _plugged(_trial(None, None)) if args.simulate else None
    bus = Bus(settings.sensor.bus, port=wires.open) if wires else Bus(settings.sensor.bus)
    well = True
    for finding in _findings(settings, bus):
        well = well and finding.good
        if args.json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            print(f"{'ok  ' if finding.good else 'FAIL'}  {finding.part:<10} {finding.words}", flush=True)
    return 0 if well else 1


def _findings(settings: Settings, bus: Bus) -> Iterator[Finding]:
    yield from check_sensor(settings.sensor, bus)
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
    return watch(_settings(args).mqtt, args.name)


def _evaluate(args: argparse.Namespace) -> int:
    settings = _settings(args)
    report = evaluate(
        args.files, partial(Detector, settings), settings.unsafe_step.red_score, args.jobs, show_progress=True
    )
    print(json.dumps(report) if args.json else table(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
