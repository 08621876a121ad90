"""The detection pipeline: samples in, events out. The same code for five samples live and an hour at once.

    block -> health -+-> grid -> posture -> steps, direction -> unsafe steps, heading, tiring
                     |        -> network -> stumble, fall, handling
                     +-> SENSOR_LOST, SENSOR_BACK

Short gaps in the samples are bridged (grid.py). Across a longer one nothing is known, and every stage
restarts; but the baseline that was learned of the walker stays, and so does an open fall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from monitor.core.direction import DirectionSettings
from monitor.core.fall import Fall, FallSettings
from monitor.core.fall_network import RATE_HZ, Network, Singles
from monitor.core.footfall import Footfall, FootfallSettings
from monitor.core.grid import Grid, Samples
from monitor.core.handling import Handling, HandlingSettings
from monitor.core.health import Health, HealthSettings
from monitor.core.posture import Posture
from monitor.core.samples import Floats, SampleBlock
from monitor.core.session import Facts, Session
from monitor.core.setting import choice, group
from monitor.core.slip import Slip
from monitor.core.snapshot import State, restore, snapshot
from monitor.core.steps import Steps
from monitor.core.stillness import Stillness
from monitor.core.stumble import Stumble, StumbleSettings
from monitor.core.tiring import Tiring, TiringSettings
from monitor.core.unsafe import Baselines, Unsafe, UnsafeSettings, baselines
from monitor.core.vocabulary import Event, EventKind

FRAME_RATE_HZ = 200.0
"""A deck rings higher than a body moves."""


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """Settings of the detector; belt and treadmill have pipelines of their own."""

    profile: Literal["belt", "treadmill"] = choice(
        "belt",
        "where the sensor is clipped: belt is on the body; treadmill is on the machine's frame, "
        "which shows rhythm and impact but neither tilt nor direction",
    )
    fall: FallSettings = group(FallSettings, "Falls")
    stumble: StumbleSettings = group(StumbleSettings, "Stumbles")
    unsafe_step: UnsafeSettings = group(UnsafeSettings, "Unsafe steps")
    tiring: TiringSettings = group(TiringSettings, "Tiring")
    footfall: FootfallSettings = group(
        FootfallSettings, "Footfall detection (sensor on the treadmill's frame)"
    )
    direction: DirectionSettings = group(DirectionSettings, "Forward or backward")
    handling: HandlingSettings = group(HandlingSettings, "Taken off")
    health: HealthSettings = group(HealthSettings, "Sensor health")


class Weights(NamedTuple):
    """What the networks have learned, by layer: of falls and stumbles, and of the feet's contacts."""

    falls: Mapping[str, Singles]
    contacts: Mapping[str, Floats]


class Detector:
    """Feed every block once, in order; however the samples are cut into blocks, the events are the same."""

    STATE = ("_health", "_grid", "_session", "_tiring", "_own", "_fall", "_handling", "_stages")

    def __init__(self, settings: DetectorSettings, weights: Weights) -> None:
        self._settings = settings
        self._health = Health(settings.health)
        self._grid = Grid(FRAME_RATE_HZ if settings.profile == "treadmill" else RATE_HZ)
        self._weights = weights
        self._own = baselines(settings.unsafe_step)
        self._session = Session()
        self._tiring = Tiring(settings.tiring)
        self._fall = Fall(settings.fall)
        self._handling = Handling(settings.handling)
        self._stages: _Belt | _Frame | None = None

    def update(self, block: SampleBlock) -> list[Event]:
        """What this block proves, in order of time."""
        events = self._health.update(block)
        for samples in self._grid.update(block):
            if samples.restart or self._stages is None:
                self._stages = self._start()
            events += self._stages.update(samples)
        events.sort(key=lambda event: event.time_s)
        return events

    def restart(self) -> None:
        """Forget what lies before, as across a gap."""
        self._stages = None

    def snapshot(self) -> State:
        """What it has learned of the walker so far; see `restore`."""
        return snapshot(self)

    def restore(self, state: State) -> None:
        """Go on from where a detector with the same settings and weights stood.

        Raises ValueError for a state that is none of this class.
        """
        self._stages = None if state.get("_stages") is None else self._start()
        restore(self, state)

    @property
    def facts(self) -> Facts:
        """What the session amounts to so far."""
        return self._session.facts()

    def _start(self) -> "_Belt | _Frame":
        if self._settings.profile == "treadmill":
            return _Frame(self._settings, self._session)
        steps = Steps(self._settings.direction, RATE_HZ, self._weights.contacts)
        self._fall.gap()
        self._handling.gap()
        network = Network(self._weights.falls)
        return _Belt(
            self._settings,
            steps,
            network,
            self._own,
            self._session,
            self._tiring,
            self._fall,
            self._handling,
        )


class _Belt:
    """The stages for a sensor on the body, from one gap to the next."""

    STATE = ("_stillness", "_posture", "_steps", "_slip", "_unsafe", "_network", "_stumble")

    def __init__(
        self,
        settings: DetectorSettings,
        steps: Steps,
        network: Network,
        own: Baselines,
        session: Session,
        tiring: Tiring,
        fall: Fall,
        handling: Handling,
    ) -> None:
        self._stillness = Stillness(RATE_HZ)
        self._posture = Posture(RATE_HZ)
        self._steps = steps
        self._slip = Slip(RATE_HZ)
        self._unsafe = Unsafe(settings.unsafe_step, RATE_HZ, own)
        self._session = session
        self._tiring = tiring
        self._network = network
        self._stumble = Stumble(settings.stumble)
        self._fall = fall
        self._handling = handling

    def update(self, samples: Samples) -> list[Event]:
        body = self._posture.update(samples.accel_g, samples.gyro_dps)
        steps = self._steps.update(samples.time_s, body)
        judgements = self._unsafe.update(body, steps)
        swayed = self._session.update(body, steps)
        hops = self._network.update(samples)
        falls = self._fall.update(hops)
        return [
            *self._stillness.update(samples),
            *(
                step.event(judgement.sway_percent, judgement.rhythm_percent)
                for step, judgement in zip(steps, judgements, strict=True)
            ),
            *self._slip.update(body, steps),
            *(judgement.flag for judgement in judgements if judgement.flag),
            *self._tiring.update(steps, swayed),
            *self._stumble.update(hops),
            *falls,
            *self._handling.update(hops, falls),
        ]


class _Frame:
    """The stages for a sensor on the treadmill's frame: neither tilt nor direction can be seen."""

    STATE = ("_stillness", "_footfall")

    def __init__(self, settings: DetectorSettings, session: Session) -> None:
        self._stillness = Stillness(FRAME_RATE_HZ, worn=False)
        self._footfall = Footfall(settings.footfall, FRAME_RATE_HZ)
        self._session = session

    def update(self, samples: Samples) -> list[Event]:
        events = self._footfall.update(samples.time_s, samples.accel_g)
        self._session.count(sum(event.kind is EventKind.STEP for event in events))
        return [*self._stillness.update(samples), *events]
