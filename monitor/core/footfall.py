"""Footfalls, rhythm and body impact from a sensor clipped to the treadmill's frame.

The structure's vibration is cut into short spectra, and every frequency is held against its own
slow background: the motor's lines are background, a footfall stands out at all frequencies at once.
Posture, sway, direction and falls before their impact cannot be known from here. Tried on simulated
decks only: no recordings exist.
"""

from collections import deque
from dataclasses import dataclass, field
from math import exp, inf, log, nan
from statistics import median

import numpy as np
import numpy.typing as npt

from monitor.core.filters import SlowMean
from monitor.core.samples import Floats
from monitor.core.setting import number
from monitor.core.vocabulary import Direction, Event, EventKind, Reading, StepEvent

FRAME_S = 0.16
HOP_S = 0.02
LOWEST_HZ = 5.0
BACKGROUND_S = 4.0
STARTING_S = 3.0  # no footfalls before the background is known
QUIET_G2 = 1e-9  # power of a chip's own noise, per frequency
LINE_STEPS = 3.0  # ln units a line is above the other frequencies while the motor runs
SHORTEST_S = 0.25
LONGEST_S = 1.6
STRUCK_S = 0.5  # a body rings and lands in parts: one blow
REGULAR_STEPS = 6
REMEMBERED_STEPS = 60


@dataclass(frozen=True, slots=True)
class FootfallSettings:
    """When a vibration is a footfall, a lost rhythm or a body."""

    footfall_level: float = number(
        0.6,
        0.3,
        6.0,
        "ln units",
        "rise over the background that counts as a footfall (1 is 4.3 dB)",
        "lighter footfalls count",
        "only heavy footfalls count",
    )
    lost_steps: float = number(
        2.2,
        1.2,
        5.0,
        "steps",
        "step times without a footfall before a stumble is reported",
        "a single light footfall may be taken for a stumble",
        "later alarms",
    )
    down_steps: float = number(
        1.5,
        1.2,
        5.0,
        "steps",
        "step times without a footfall, after an impact on the deck, before a fall is confirmed",
        "sooner, with more false alarms",
        "later",
    )
    impact_ratio: float = number(
        5.0,
        2.0,
        100.0,
        "",
        "impact energy, over the walker's heaviest footfalls, above which it is a body",
        "lighter falls are detected",
        "fewer false alarms",
    )


@dataclass(slots=True)
class _Walk:
    """What is known of the walk under way."""

    last_s: float = -inf
    times: deque[float] = field(default_factory=lambda: deque(maxlen=8))
    peaks: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED_STEPS))
    struck: bool = False  # by something heavier than a foot, since the last footfall
    lost: bool = False

    @property
    def step_s(self) -> float:
        return median(self.times) if self.times else inf

    @property
    def regular(self) -> bool:
        return len(self.times) >= REGULAR_STEPS


class Footfall:
    """Listens to the deck."""

    STATE = ("_background", "_pending", "_starts_s", "_before", "_walk")

    def __init__(self, settings: FootfallSettings, rate_hz: float) -> None:
        self._settings = settings
        self._hop = round(HOP_S * rate_hz)
        self._frame = round(FRAME_S * rate_hz)
        self._window = np.hanning(self._frame)[:, None]
        self._bins = np.fft.rfftfreq(self._frame, 1 / rate_hz) >= LOWEST_HZ
        self._background = SlowMean(BACKGROUND_S, 1 / HOP_S)
        self._pending = np.empty((0, 4))  # time and acceleration
        self._starts_s: float | None = None
        self._before: Floats = np.full((4, 2), np.inf)  # the last two frames
        self._walk = _Walk()

    def update(self, time_s: Floats, accel_g: Floats) -> list[Event]:
        """Events in the next samples: ``time_s`` (n,), ``accel_g`` (n, 3) in any mounting."""
        joined = np.concatenate([self._pending, np.column_stack([time_s, accel_g])])
        count = max((len(joined) - self._frame) // self._hop + 1, 0)
        self._pending = joined[count * self._hop :]
        if not count:
            return []
        if self._starts_s is None:
            self._starts_s = float(joined[0, 0]) + STARTING_S
        cut = joined[np.arange(count)[:, None] * self._hop + np.arange(self._frame)]
        motion = cut[:, :, 1:] - cut[:, :, 1:].mean(axis=1, keepdims=True)
        spectra = np.fft.rfft(motion * self._window, axis=1)[:, self._bins]
        loud = np.log((np.abs(spectra) ** 2).sum(axis=2).T / self._frame**2 + QUIET_G2)
        background = self._background(loud)
        line = np.minimum(loud, background).max(axis=0) - np.median(background, axis=0)
        level = (loud - background).mean(axis=0)
        frames = np.array([cut[:, -1, 0], level, loud.max(axis=0), line])
        frames = np.concatenate([self._before, frames], axis=1)
        self._before = frames[:, -2:]
        return self._hear(frames)

    def _hear(self, frames: Floats) -> list[Event]:
        """What the frames from the third on prove: rows time, level, energy, line."""
        times, level = frames[0], frames[1]
        running = frames[3] > LINE_STEPS
        before, peak, after = level[:-2], level[1:-1], level[2:]
        events: list[Event] = []
        for at in np.flatnonzero((peak > before) & (peak >= after) & (peak > self._settings.footfall_level)):
            events += self._missing(times[: at + 2], running)
            events += self._footfall(float(times[at + 1]), float(times[at + 2]), frames[2, at + 1])
        return events + self._missing(times, running)

    def _missing(self, times: Floats, running: npt.NDArray[np.bool_]) -> list[Event]:
        """The rhythm lost by the last of ``times``, if it was not before."""
        walk, settings = self._walk, self._settings
        missing = settings.down_steps if walk.struck else settings.lost_steps
        if walk.lost or not walk.regular:
            return []
        late = int(np.searchsorted(times, walk.last_s + missing * walk.step_s, side="right"))
        still = np.flatnonzero(running[late : len(times)])
        if not len(still):
            return []
        walk.lost = True
        time_s = float(times[late + still[0]])
        evidence = {"since_footfall_s": Reading(time_s - walk.last_s, missing * walk.step_s)}
        if walk.struck:
            return [
                Event(
                    EventKind.DOWN,
                    time_s,
                    evidence,
                    "a blow on the deck, then no footfalls while the belt runs",
                )
            ]
        return [Event(EventKind.STUMBLE, time_s, evidence, "footfalls missing while the belt runs")]

    def _footfall(self, peak_s: float, time_s: float, energy: float) -> list[Event]:
        """A frame that stands out: a footfall, a body, or the rest of the one before."""
        if self._starts_s is None or peak_s < self._starts_s:
            return []
        walk, ratio = self._walk, self._settings.impact_ratio
        step_s = peak_s - walk.last_s
        if walk.regular and step_s <= LONGEST_S and energy > max(walk.peaks) + log(ratio):
            walk.last_s = peak_s
            if walk.struck and step_s < STRUCK_S:
                return []
            walk.struck = True
            evidence = {"energy_ratio": Reading(exp(energy - max(walk.peaks)), ratio)}
            return [Event(EventKind.IMPACT, time_s, evidence, "a blow on the deck heavier than any footfall")]
        if step_s < SHORTEST_S:
            return []
        if step_s > LONGEST_S:
            walk = self._walk = _Walk()
        timed = step_s <= LONGEST_S
        if timed:
            walk.times.append(step_s)
        events: list[Event] = [
            StepEvent(
                time_s,
                contact_s=peak_s - FRAME_S / 2,
                direction=Direction.UNKNOWN,
                step_s=step_s if timed else nan,
                cadence_spm=60 / walk.step_s if timed else nan,
            )
        ]
        if walk.struck or walk.lost:
            events.append(Event(EventKind.UPRIGHT, time_s, {}, "footfalls again"))
        walk.peaks.append(energy)
        walk.last_s, walk.struck, walk.lost = peak_s, False, False
        return events
