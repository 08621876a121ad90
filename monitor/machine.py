"""The machine put together: hardware in front, judgement behind it, the sinks at its end.

Live, replay, demo and calibration differ in what they put in front and which sinks listen; here is
where the two halves, which know nothing of each other, meet. How it runs is loop.py's.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from firmware.bus import Bus
from firmware.checkup import Finding, check_panel, check_power, check_sensor
from firmware.errors import FirmwareError
from firmware.panel import Panel, PanelSettings
from firmware.power import undervoltage
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
from monitor import config, corpus
from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.detector import FRAME_RATE_HZ, Detector, DetectorSettings
from monitor.core.vocabulary import Alert, Event, Floats, Input, InputKind, Priority, SampleBlock, Status
from monitor.corpus import Trial
from monitor.credentials import SecretError
from monitor.link import Link
from monitor.loop import Inbox, Sink, run
from monitor.mqtt import MqttSettings, round_trip_s
from monitor.narrator import Narrator
from monitor.notify import NotifySettings

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


class Line:
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
                settings.mqtt,
                self.inbox,
                store,
                config.fingerprint(settings),
                version("rearguard"),
                ignored=lambda: self.alarm.ignored,
            )

    def run(self, blocks: Iterable[SampleBlock], last: Sequence[Sink] = ()) -> None:
        """Run the loop to the end of ``blocks``; what was told last is still sent."""
        sinks: list[Sink] = [self._show, *([self.link] if self.link else []), self.narrator, *last]
        if self.link:
            self.link.start()
        with ExitStack() as at_end:
            at_end.callback(self.narrator.close)
            at_end.callback(self.panel.close)
            if self.link:
                at_end.callback(self.link.stop)
                at_end.callback(self.link.drain)
            run(blocks, self.detector, self.alarm, self.inbox, sinks)
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


def warned(sampler: Sampler, inbox: Inbox) -> Iterator[SampleBlock]:
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


def shifted(blocks: Iterable[SampleBlock], by_s: float) -> Iterator[SampleBlock]:
    """A recording's blocks, as if it had begun at ``by_s``."""
    for block in blocks:
        yield replace(block, time_s=block.time_s + by_s, end_s=block.end_s + by_s)


def store_path() -> Path:
    """Where alerts wait for the broker: systemd's state directory, else the user's."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory or Path.home() / ".local/state/rearguard") / "outbox.db"


class ArmedFile:
    """A sink that keeps a file while it is armed: after a crash we come back armed.

    It lies where systemd keeps it over a restart of the service but not of the machine.
    """

    def __init__(self) -> None:
        directory = os.environ.get("RUNTIME_DIRECTORY")
        self._path = Path(directory) / "armed" if directory else None
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


def until_over(
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


def plugged(trial: Trial) -> SimulatedBus:
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


def findings(settings: Settings, bus: Bus) -> Iterator[Finding]:
    """The bench test of every part, from the sensor to the broker."""
    yield from check_sensor(settings.sensor, bus, worn=settings.profile == "belt")
    yield check_power()
    try:
        panel = Panel(settings.panel, Inbox().put)
    except FirmwareError as error:
        yield Finding("panel", False, str(error))
    else:
        with closing(panel):
            yield from check_panel(panel)
    try:
        way_s = round_trip_s(settings.mqtt)
    except (ConnectionError, SecretError) as error:
        yield Finding("broker", False, f"{error}; is mqtt.host right, and a broker running there?")
    else:
        yield Finding("broker", True, f"{settings.mqtt.host}:{settings.mqtt.port}, {1000 * way_s:.0f} ms")
