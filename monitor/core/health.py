"""Is anybody watching? Silence and doubtful samples, said as SENSOR_LOST and SENSOR_BACK.

What makes samples doubtful is the sampler's knowledge and comes as the block's ``fault``. Health never
stops the detector and never ends an alarm.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.core.gravity_check import GravityCheck
from monitor.core.samples import SampleBlock
from monitor.core.setting import number
from monitor.core.turn_check import LIMIT_SHARE, TurnCheck
from monitor.core.vocabulary import Event, EventKind, Reading


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


NO_GRAVITY = (
    "the accelerometer does not read 1 g on average over ten seconds: its scale is wrong, run rearguard check"
)
TURNS_DIFFER = (
    "gyroscope and accelerometer disagree on how the sensor turned, twice in a row: one of them is faulty, "
    "replace the sensor; if they agree again, the fault ends when the walker bends down and straightens up"
)

STARTING_S = 2.0
"""Before the first sample: a chip takes its time to wake, and nothing was watched yet."""


class _Finding(NamedTuple):
    """What the values of some seconds say for the sensor, or ``against`` it, and ``why``."""

    time_s: float
    why: str
    evidence: dict[str, Reading]
    against: bool


class Health:
    """Watches one sensor's blocks. Give it every block, silent ones too."""

    STATE = ("_good_s", "_good_since_s", "_lost", "_gravity", "_turns", "_turn_differed", "_doubts")

    def __init__(self, settings: HealthSettings) -> None:
        self._settings = settings
        self._good_s: float | None = None  # the latest trustworthy sample
        self._good_since_s: float | None = None
        self._lost = False
        self._gravity = GravityCheck()
        self._turns = TurnCheck()
        self._turn_differed = False  # the latest one
        self._doubts: frozenset[str] = frozenset()  # what the samples' values say against the sensor

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
            for finding in self._findings(block):
                self._run_until(finding.time_s, events)
                self._weigh(finding, events)
            self._run_until(self._good_s, events)
        silence_s = block.end_s - self._good_s
        if silence_s > self._settings.lost_after_s:
            self._lose(block.end_s, silence_s, block.fault or "no samples", events)
        return events

    def _findings(self, block: SampleBlock) -> list[_Finding]:
        findings = [
            _Finding(
                verdict.time_s,
                NO_GRAVITY,
                {"mean_accel_g": Reading(round(verdict.mean_g, 3), verdict.limit_g)},
                against=verdict.limit_g is not None,
            )
            for verdict in self._gravity.update(block)
        ]
        for turn in self._turns.update(block):
            differed_before, self._turn_differed = self._turn_differed, turn.share > LIMIT_SHARE
            if self._turn_differed and not differed_before:
                continue  # once may be the way a hand moved it
            findings.append(
                _Finding(
                    turn.time_s,
                    TURNS_DIFFER,
                    {"turn_disagreement": Reading(round(turn.share, 2), LIMIT_SHARE)},
                    against=self._turn_differed,
                )
            )
        return sorted(findings, key=lambda finding: finding.time_s)

    def _weigh(self, finding: _Finding, events: list[Event]) -> None:
        """A sensor that there is something against must not be trusted, until the same test speaks for it."""
        doubts = self._doubts | {finding.why} if finding.against else self._doubts - {finding.why}
        if finding.against and not self._lost:
            self._lost = True
            events.append(Event(EventKind.SENSOR_LOST, finding.time_s, finding.evidence, finding.why))
        if self._doubts and not doubts:
            self._good_since_s = finding.time_s
        self._doubts = doubts

    def _lose(self, now_s: float, silence_s: float, why: str, events: list[Event]) -> None:
        self._good_since_s = None
        if not self._lost:
            self._lost = True
            reading = Reading(round(silence_s, 3), self._settings.lost_after_s)
            events.append(Event(EventKind.SENSOR_LOST, now_s, {"silence_s": reading}, why))

    def _run_until(self, now_s: float, events: list[Event]) -> None:
        """Good samples reach to ``now_s``: is that long enough?"""
        if self._lost and self._good_since_s is not None and not self._doubts:
            back_s = self._good_since_s + self._settings.back_after_s
            if now_s >= back_s:
                self._lost = False
                good = Reading(self._settings.back_after_s, self._settings.back_after_s)
                events.append(Event(EventKind.SENSOR_BACK, back_s, {"good_s": good}))
