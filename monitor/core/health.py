"""Is anybody watching? Silence and doubtful samples, said as SENSOR_LOST and SENSOR_BACK.

What makes samples doubtful is the sampler's knowledge and comes as the block's ``fault``. Health never
stops the detector and never ends an alarm.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.gravity_check import GravityCheck, Verdict
from monitor.core.setting import number
from monitor.core.vocabulary import Event, EventKind, Reading, SampleBlock


@dataclass(frozen=True, slots=True)
class HealthSettings:
    lost_after_s: float = number(
        0.3,
        0.1,
        3.0,
        "s",
        "time without a valid sample after which a sensor fault is raised",
        "a short hiccup raises a fault",
        "a dead sensor is reported later",
    )
    back_after_s: float = number(
        1.0,
        0.2,
        10.0,
        "s",
        "time of valid samples after which the sensor fault is over",
        "a loose plug raises one fault after another",
        "the fault stays longer",
    )


DOUBTFUL = (
    "the accelerometer does not read 1 g on average over ten seconds: its scale is wrong, run rearguard check"
)

STARTING_S = 2.0
"""Before the first sample: a chip takes its time to wake, and nothing was watched yet."""


class Health:
    """Watches one sensor's blocks. Give it every block, silent ones too."""

    STATE = ("_good_s", "_good_since_s", "_lost", "_gravity", "_doubted")

    def __init__(self, settings: HealthSettings) -> None:
        self._settings = settings
        self._good_s: float | None = None  # the latest trustworthy sample
        self._good_since_s: float | None = None
        self._lost = False
        self._gravity = GravityCheck()
        self._doubted = False  # the accelerometer does not measure gravity

    def update(self, block: SampleBlock) -> list[Event]:
        """SENSOR_LOST and SENSOR_BACK, in order."""
        events: list[Event] = []
        good_s = block.time_s[np.isfinite(block.time_s)] if not block.fault else np.empty(0)
        if self._good_s is None:
            starting_s = STARTING_S - self._settings.lost_after_s
            self._good_s = float(good_s[0]) if len(good_s) else block.end_s + starting_s
        if len(good_s):
            limit_s = self._settings.lost_after_s
            gap_s = good_s - np.concatenate([[self._good_s], good_s[:-1]])
            for i in np.flatnonzero(gap_s > limit_s):
                self._run_until(float(good_s[i] - gap_s[i]), events)
                self._lose(float(good_s[i]), float(gap_s[i]), "no samples", events)
                self._good_since_s = float(good_s[i])
            if self._good_since_s is None:
                self._good_since_s = float(good_s[0])
            self._good_s = float(good_s[-1])
            for verdict in self._gravity.update(block):
                self._run_until(verdict.time_s, events)
                self._weigh(verdict, events)
            self._run_until(self._good_s, events)
        silence_s = block.end_s - self._good_s
        if silence_s > self._settings.lost_after_s:
            self._lose(block.end_s, silence_s, block.fault or "no samples", events)
        return events

    def _weigh(self, verdict: Verdict, events: list[Event]) -> None:
        """A mean acceleration that cannot be is a sensor that must not be trusted, until one can."""
        was_doubted, self._doubted = self._doubted, verdict.limit_g is not None
        if self._doubted and not self._lost:
            self._lost = True
            reading = Reading(round(verdict.mean_g, 3), verdict.limit_g)
            events.append(Event(EventKind.SENSOR_LOST, verdict.time_s, {"mean_accel_g": reading}, DOUBTFUL))
        if was_doubted and not self._doubted:
            self._good_since_s = verdict.time_s

    def _lose(self, now_s: float, silence_s: float, why: str, events: list[Event]) -> None:
        self._good_since_s = None
        if not self._lost:
            self._lost = True
            reading = Reading(round(silence_s, 3), self._settings.lost_after_s)
            events.append(Event(EventKind.SENSOR_LOST, now_s, {"silence_s": reading}, why))

    def _run_until(self, now_s: float, events: list[Event]) -> None:
        """Good samples reach to ``now_s``: is that long enough?"""
        if self._lost and self._good_since_s is not None and not self._doubted:
            back_s = self._good_since_s + self._settings.back_after_s
            if now_s >= back_s:
                self._lost = False
                good = Reading(self._settings.back_after_s, self._settings.back_after_s)
                events.append(Event(EventKind.SENSOR_BACK, back_s, {"good_s": good}))
