"""STUMBLE: a lost and caught balance while walking."""

from dataclasses import dataclass

import numpy as np

from monitor.core.fall_network import HOP_S, Head, Hops
from monitor.core.setting import number
from monitor.core.vocabulary import Event, EventKind, Reading

STARTING_HOPS = round(0.5 / HOP_S)
MEMORY_HOPS = round(1.0 / HOP_S)


@dataclass(frozen=True, slots=True)
class StumbleSettings:
    """When to call it a stumble."""

    threshold: float = number(
        -0.5,
        -20.0,
        20.0,
        "log-odds",
        "score above which a stumble is reported",
        "fewer stumbles missed, more false alarms in brisk or uneven walking",
        "fewer false alarms, more stumbles missed",
    )
    quiet_s: float = number(
        2.0,
        0.0,
        60.0,
        "s",
        "time after a stumble in which no further one is reported",
        "one stumble may be reported twice",
        "a second stumble soon after may not be reported",
    )


class Stumble:
    """Turns hops into STUMBLE events. Feed every hop once, in order."""

    STATE = ("_memory", "_seen", "_reported_s")

    def __init__(self, settings: StumbleSettings) -> None:
        self._settings = settings
        self._memory: Hops | None = None
        self._seen = 0  # hops before those in hand
        self._reported_s = -np.inf

    def update(self, hops: Hops) -> list[Event]:
        """Events of these hops, in order; how the hops are split between calls changes nothing."""
        track = hops if self._memory is None else self._memory.after(hops)
        past = len(track.time_s) - len(hops.time_s)
        score = track.score[:, Head.STUMBLE] - track.doubt()
        first = past + max(STARTING_HOPS - self._seen, 0)
        events = []
        for at in (first + np.flatnonzero(score[first:] >= self._settings.threshold)).tolist():
            now_s = float(track.time_s[at])
            if now_s - self._reported_s > self._settings.quiet_s:
                self._reported_s = now_s
                peak_g = float(track.until(at, MEMORY_HOPS).peak_accel_g.max())
                evidence = {
                    "stumble_score": Reading(float(score[at]), self._settings.threshold),
                    "peak_accel_g": Reading(peak_g),
                }
                events.append(Event(EventKind.STUMBLE, now_s, evidence))
        self._memory = track.until(len(track.time_s) - 1, MEMORY_HOPS)
        self._seen += len(hops.time_s)
        return events
