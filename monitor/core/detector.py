"""The judgement: samples in, events out. The same code for five samples live and an hour at once.

    block -> health -+-> grid -> posture -> steps, direction -> unsafe steps
                     |        -> network -> stumble, fall
                     +-> SENSOR_LOST, SENSOR_BACK

Across a gap in the samples nothing is known: every stage starts anew, but the baseline that was
learned of the walker stays.
"""

from dataclasses import dataclass, field
from typing import Literal

from monitor.core.direction import DirectionSettings
from monitor.core.fall import Fall, FallSettings
from monitor.core.grid import Grid, Samples
from monitor.core.health import Health, HealthSettings
from monitor.core.network import RATE_HZ, Network, load_weights
from monitor.core.posture import Posture
from monitor.core.steps import Steps
from monitor.core.stillness import Stillness
from monitor.core.stumble import Stumble, StumbleSettings
from monitor.core.unsafe import Unsafe, UnsafeSettings
from monitor.core.vocabulary import Event, SampleBlock, setting


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What the judgement may be told; the belt and the treadmill's frame are judged differently."""

    profile: Literal["belt", "treadmill"] = setting(
        "belt",
        "",
        None,
        None,
        "where the sensor is clipped: belt is on the body; treadmill is on the machine's frame, "
        "which shows rhythm and impact but neither tilt nor direction",
    )
    fall: FallSettings = field(default_factory=FallSettings, metadata={"meaning": "Falls"})
    stumble: StumbleSettings = field(default_factory=StumbleSettings, metadata={"meaning": "Stumbles"})
    unsafe_step: UnsafeSettings = field(default_factory=UnsafeSettings, metadata={"meaning": "Unsafe steps"})
    direction: DirectionSettings = field(
        default_factory=DirectionSettings, metadata={"meaning": "Forward or backward"}
    )
    health: HealthSettings = field(
        default_factory=HealthSettings, metadata={"meaning": "Whether the sensor can be believed"}
    )


class Detector:
    """Feed every block once, in order; however the samples are cut into blocks, the events are the same."""

    def __init__(self, settings: DetectorSettings) -> None:
        self._settings = settings
        self._health = Health(settings.health)
        self._grid = Grid(RATE_HZ)
        self._stages: _Belt | None = None

    def update(self, block: SampleBlock) -> list[Event]:
        """What this block proves, in order of time."""
        events = self._health.update(block)
        for samples in self._grid.update(block):
            if samples.restart or self._stages is None:
                self._stages = _Belt(self._settings)
            events += self._stages.update(samples)
        events.sort(key=lambda event: event.time_s)
        return events


class _Belt:
    """The stages for a sensor on the body, from one gap to the next."""

    def __init__(self, settings: DetectorSettings) -> None:
        self._stillness = Stillness(RATE_HZ)
        self._posture = Posture(RATE_HZ)
        self._steps = Steps(settings.direction, RATE_HZ)
        self._unsafe = Unsafe(settings.unsafe_step, RATE_HZ)
        self._network = Network(load_weights())
        self._stumble = Stumble(settings.stumble)
        self._fall = Fall(settings.fall)

    def update(self, samples: Samples) -> list[Event]:
        body = self._posture.update(samples.accel_g, samples.gyro_dps)
        steps = self._steps.update(samples.time_s, body)
        hops = self._network.update(samples.time_s, samples.accel_g, samples.gyro_dps)
        return [
            *self._stillness.update(samples),
            *(step.event() for step in steps),
            *self._unsafe.update(body, steps),
            *self._stumble.update(hops),
            *self._fall.update(hops),
        ]
