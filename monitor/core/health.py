"""Can the sensor be believed? Silence, frozen values and zeros, said as SENSOR_LOST and SENSOR_BACK.

Health never stops the judgement and never ends an alarm: it only says that nobody is watching.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.vocabulary import Event, EventKind, Floats, Reading, SampleBlock, setting


@dataclass(frozen=True, slots=True)
class HealthSettings:
    lost_after_s: float = setting(
        0.3,
        "s",
        0.1,
        3.0,
        "silence after which the sensor counts as lost",
        "a short hiccup raises a fault",
        "a dead sensor is told later",
    )
    frozen_after_s: float = setting(
        0.5,
        "s",
        0.2,
        5.0,
        "time without any change in a value after which it counts as frozen",
        "a coarse sensor at rest looks frozen",
        "a hung sensor is told later",
    )
    back_after_s: float = setting(
        1.0,
        "s",
        0.2,
        10.0,
        "time of believable samples after which the sensor is back",
        "a loose plug flaps",
        "the fault stands longer",
    )


NO_GRAVITY_G = 0.2
"""Below this norm for as long as ``frozen_after_s`` nobody falls freely: the chip reads zeros."""

FULL_SCALE_G = 15.9
"""At or above this on one axis for as long as ``frozen_after_s`` the reading is the range's end."""

AXES = ("accelerometer x", "accelerometer y", "accelerometer z", "gyroscope x", "gyroscope y", "gyroscope z")


class Health:
    """Watches one sensor's blocks. Give it every block, silent ones too."""

    def __init__(self, settings: HealthSettings) -> None:
        self._settings = settings
        self._good_since_s: float | None = None
        self._last_s: float | None = None
        self._lost = False
        self._row = np.full(6, np.nan)
        self._changed_s = np.full(6, -np.inf)
        self._weighed_s = -np.inf  # when a norm like gravity's was last seen
        self._in_range_s = -np.inf

    def update(self, block: SampleBlock) -> list[Event]:
        """SENSOR_LOST and SENSOR_BACK, in order."""
        events: list[Event] = []
        rows = np.hstack([block.accel_g, block.gyro_dps])
        finite = np.isfinite(rows).all(axis=1)
        time_s, rows = block.time_s[finite], rows[finite]
        if self._last_s is None:
            self._last_s = float(time_s[0]) if len(time_s) else block.end_s
            self._changed_s[:] = self._weighed_s = self._in_range_s = self._last_s
        if len(time_s):
            events += self._watch(time_s, rows, block.fault)
        silence_s = block.end_s - self._last_s
        if silence_s > self._settings.lost_after_s:
            why = block.fault or "no samples"
            events += self._lose(block.end_s, silence_s, self._settings.lost_after_s, "silence_s", why)
        return events

    def _watch(self, time_s: Floats, rows: Floats, fault: str) -> list[Event]:
        assert self._last_s is not None
        events: list[Event] = []
        gaps = np.diff(time_s, prepend=self._last_s)
        wide = np.flatnonzero(gaps > self._settings.lost_after_s)
        doubtful = self._doubts(time_s, rows)
        turns = np.flatnonzero(np.diff(doubtful, prepend=-1))  # where the doubt begins, ends or changes
        for i in sorted({*wide.tolist(), *turns.tolist()}):
            now_s = float(time_s[i])
            if i in wide:
                before_s = now_s - float(gaps[i])
                self._settle(before_s, events)
                why = fault or "no samples"
                events += self._lose(now_s, float(gaps[i]), self._settings.lost_after_s, "silence_s", why)
            else:
                self._settle(now_s, events)
            if doubtful[i]:
                limit_s = self._settings.frozen_after_s
                events += self._lose(now_s, limit_s, limit_s, "unchanged_s", _DOUBTS[doubtful[i]])
            elif self._good_since_s is None or i in wide:
                self._good_since_s = now_s
        self._last_s = float(time_s[-1])
        self._settle(self._last_s, events)
        return events

    def _doubts(self, time_s: Floats, rows: Floats) -> np.ndarray:
        """Per sample the number of the doubt, 0 for none."""
        limit_s = self._settings.frozen_after_s
        changed = rows != np.vstack([self._row, rows[:-1]])
        since_s = np.where(changed, time_s[:, None], -np.inf)
        since_s = np.maximum(np.maximum.accumulate(since_s, axis=0), self._changed_s)
        norm_g = np.sqrt((rows[:, :3] ** 2).sum(axis=1))
        weighed_s = np.where(norm_g > NO_GRAVITY_G, time_s, -np.inf)
        weighed_s = np.maximum(np.maximum.accumulate(weighed_s), self._weighed_s)
        in_range_s = np.where((np.abs(rows[:, :3]) < FULL_SCALE_G).all(axis=1), time_s, -np.inf)
        in_range_s = np.maximum(np.maximum.accumulate(in_range_s), self._in_range_s)
        self._row, self._changed_s = rows[-1], since_s[-1]
        self._weighed_s, self._in_range_s = float(weighed_s[-1]), float(in_range_s[-1])
        doubt = np.zeros(len(rows), dtype=int)
        for axis in range(6):
            doubt[time_s - since_s[:, axis] >= limit_s] = 4 + axis
        doubt[time_s - in_range_s >= limit_s] = 3
        doubt[time_s - weighed_s >= limit_s] = 2
        doubt[(time_s[:, None] - since_s >= limit_s).all(axis=1)] = 1
        return doubt

    def _lose(self, now_s: float, value: float, limit: float, name: str, why: str) -> list[Event]:
        self._good_since_s = None
        if self._lost:
            return []
        self._lost = True
        return [Event(EventKind.SENSOR_LOST, now_s, {name: Reading(round(value, 3), limit)}, why)]

    def _settle(self, now_s: float, events: list[Event]) -> None:
        """The sensor is back once it has been good for long enough, up to ``now_s``."""
        if not self._lost or self._good_since_s is None:
            return
        back_s = self._good_since_s + self._settings.back_after_s
        if now_s >= back_s:
            self._lost = False
            good = Reading(self._settings.back_after_s, self._settings.back_after_s)
            events.append(Event(EventKind.SENSOR_BACK, back_s, {"good_s": good}))


_DOUBTS = (
    "",
    "values frozen",
    "no gravity: the chip reads zeros",
    "accelerometer at the end of its range",
    *(f"{axis} stuck" for axis in AXES),
)
