"""TAKEN_OFF: the sensor is in somebody's hand, not on the walker any more.

The network tells handling from what bodies do. A fall comes first: while one is under way, or has just been,
a sensor that is turned about has come off the belt in it, or is in the hand of who helps.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.fall_network import HOP_S, Head, Hops
from monitor.core.setting import number
from monitor.core.vocabulary import Event, EventKind, Reading

FALLS = (EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN)
HELD_HOPS = round(1.0 / HOP_S)  # so long the score must speak without a break
AFTER_A_FALL_S = 10.0


@dataclass(frozen=True, slots=True)
class HandlingSettings:
    """When the sensor counts as taken off."""

    threshold: float = number(
        0.0,
        -20.0,
        20.0,
        "log-odds",
        "score above which, for a second, the sensor is in a hand and no longer worn",
        "taking it off is noticed sooner, and handling it while it is worn may disarm",
        "taking it off is noticed later or not at all, and may look like a fall",
    )


class Handling:
    """Turns hops into TAKEN_OFF, once each time. Feed every hop once, in order."""

    STATE = ("_held", "_fall_s")

    def __init__(self, settings: HandlingSettings) -> None:
        self._settings = settings
        self._held = 0  # hops in a row, up to now
        self._fall_s = -np.inf  # when the last event of a fall was

    def gap(self) -> None:
        """The hops to come lie across a gap in the samples."""
        self._held = 0

    def update(self, hops: Hops, falls: list[Event]) -> list[Event]:
        """Events of these hops, in order; ``falls`` are the events of falls among them."""
        score = hops.score[:, Head.HANDLED]
        falls_s = [event.time_s for event in falls if event.kind in FALLS]
        if not (score >= self._settings.threshold).any():
            self._held, self._fall_s = 0, max([self._fall_s, *falls_s])
            return []
        events = []
        for at, now_s in enumerate(hops.time_s.tolist()):
            while falls_s and falls_s[0] <= now_s:
                self._fall_s = falls_s.pop(0)
            held = score[at] >= self._settings.threshold and now_s - self._fall_s > AFTER_A_FALL_S
            self._held = self._held + 1 if held else 0
            if self._held == HELD_HOPS:
                evidence = {"handled_score": Reading(float(score[at]), self._settings.threshold)}
                events.append(Event(EventKind.TAKEN_OFF, now_s, evidence, "the sensor is in a hand"))
        return events
