"""Which way the walker travels, from one sensor at the waist.

The body gains speed along its travel while it falls and loses it while it rises (the pendulum of
walking: Cavagna, Heglund and Taylor 1977, Am J Physiol 233:R243). So forward acceleration and
vertical velocity go against each other walking forward and together walking backward. Running
turns the sign round: a spring gains and loses both at once.

Where the pendulum is not clear, the trunk speaks: it pitches forward while the body gains speed
forward, and walking backward while it loses it. This second cue is a finding on motion capture of
three sources (docs/accuracy.md), not of any paper; real walking is sure by the first.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.filters import Filter, Tail, butterworth, one_pole
from monitor.core.posture import Body
from monitor.core.samples import GRAVITY_MPS2, Floats
from monitor.core.setting import SettingError, number
from monitor.core.vocabulary import Direction

BAND_HZ = (0.7, 4.0)
VELOCITY_TIME_CONSTANT_S = 1.0
LEVER_M = 0.1  # ahead of the sensor: at the back the trunk pitches it about the hips, which is no travel
TRUNK = 1.0  # weight of the second cue where the first says nothing
LEAD_S = 0.03  # vertical velocity is held against the forward acceleration of 30 ms before
RUNNING_G, RUNNING_SPM = 0.5, 140.0  # above both nobody walks (quick walks: up to 0.45 g or 143 spm)
STILL = 0.002  # (m/s2)(m/s), (m/s2)(rad/s) below which nothing swings; sets the score of standing to 0


@dataclass(frozen=True, slots=True)
class DirectionSettings:
    """How sure the direction must be."""

    memory_s: float = number(
        1.5,
        0.5,
        5.0,
        "s",
        "averaging time of the walking direction",
        "a turn-round is noticed sooner",
        "the direction is steadier",
    )
    sure_score: float = number(
        0.25,
        0.05,
        0.9,
        "",
        "score at which the direction is decided",
        "decided sooner, wrong more often",
        "more steps stay unknown",
    )
    keep_score: float = number(
        0.1, 0.0, 0.9, "", "score down to which a decided direction is kept", "kept longer", "given up sooner"
    )

    def __post_init__(self) -> None:
        if self.keep_score > self.sure_score:
            raise SettingError(
                "keep_score",
                f"found {self.keep_score:g}, allowed: at most sure_score, which is {self.sure_score:g}",
                "sure_score",
            )


class DirectionSense:
    """Follows the swing of the trunk and scores its direction: 1 surely forward, -1 surely backward."""

    STATE = ("_velocity", "_band", "_earlier", "_mean")

    def __init__(self, settings: DirectionSettings, rate_hz: float, *, pendulum_alone: bool = False) -> None:
        self._settings = settings
        self._trunk = 0.0 if pendulum_alone else TRUNK
        b, a = one_pole(VELOCITY_TIME_CONSTANT_S, rate_hz)
        self._velocity = Filter((b * VELOCITY_TIME_CONSTANT_S * GRAVITY_MPS2, a))
        self._band = Filter(butterworth(1, BAND_HZ, rate_hz))
        self._lead = round(LEAD_S * rate_hz)
        self._earlier = Tail(self._lead)
        self._mean = Filter(one_pole(settings.memory_s, rate_hz))

    def scores(self, body: Body) -> tuple[Floats, Floats]:
        """At every sample the score (n,), and how hard the trunk bounces (n,), rms in g."""
        pitch_radps = np.radians(body.pitch_dps)
        rising_mps = self._velocity(body.vertical_g) - LEVER_M * pitch_radps
        rising, forward, pitch = self._band(
            np.array([rising_mps, body.forward_g * GRAVITY_MPS2, pitch_radps])
        )
        earlier = self._earlier(forward)[: len(forward)]
        falling_forward, pitching_forward = -rising * earlier, pitch * forward
        squares = [rising**2, earlier**2, pitch**2, forward**2, body.vertical_g**2]
        pendulum, trunk, *powers, bounce = self._mean(np.array([falling_forward, pitching_forward, *squares]))
        risings, earliers, pitches, forwards = np.sqrt(np.maximum(powers, 0.0))
        pendulum = pendulum / (risings * earliers + STILL)
        trunk = trunk / (pitches * forwards + STILL)
        return pendulum + self._trunk * (1 - np.abs(pendulum)) * trunk, np.sqrt(np.maximum(bounce, 0.0))

    def decide(self, score: float, before: Direction, bounce_g: float, cadence_spm: float) -> Direction:
        """The direction that ``score`` speaks for, where the step before went ``before``."""
        if bounce_g > RUNNING_G and cadence_spm > RUNNING_SPM:
            return Direction.UNKNOWN
        if abs(score) >= self._settings.sure_score:
            return Direction.FORWARD if score > 0 else Direction.BACKWARD
        return before if score * before >= self._settings.keep_score else Direction.UNKNOWN
