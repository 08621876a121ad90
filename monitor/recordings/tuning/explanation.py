"""What is known of a moment of a session: every score against its limit, what was seen, and every alert."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from monitor.core.detector import Detector, DetectorSettings, Weights
from monitor.core.fall_network import Head, Hops
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import (
    Alert,
    Event,
    StepEvent,
)
from monitor.recordings.journal.sessions import Label, Session, State
from monitor.recordings.tuning.tracks import merged, track

BEFORE_S, AFTER_S = 8.0, 6.0
"""What counts as around the moment."""


@dataclass(frozen=True, slots=True)
class Score:
    """The highest value of a score around the moment, when it was, and the limit from which it speaks."""

    name: str
    unit: str
    value: float
    limit: float
    time_s: float

    @property
    def over(self) -> bool:
        return self.value >= self.limit


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of the seconds around ``time_s``.

    ``blocks`` and ``hops`` are empty and None where the samples have been let go of. ``seen`` are the events
    of a whole detector that was given the session again, ``alerts`` all reports of the incidents of which
    one was then, ``states`` the alarm's up to the end of these seconds.
    """

    session: Session
    time_s: float
    blocks: tuple[SampleBlock, ...]
    hops: Hops | None
    scores: tuple[Score, ...]
    seen: tuple[Event, ...]
    alerts: tuple[Alert, ...]
    states: tuple[State, ...]
    labels: tuple[Label, ...]

    def around(self, time_s: float) -> bool:
        return self.time_s - BEFORE_S <= time_s <= self.time_s + AFTER_S

    @property
    def state(self) -> State | None:
        """The alarm's at the moment, None where that is not recorded."""
        return self.state_at(self.time_s)

    def state_at(self, time_s: float) -> State | None:
        return next((state for state in reversed(self.states) if state.time_s <= time_s), None)

    @property
    def steps(self) -> list[StepEvent]:
        return [event for event in self.seen if isinstance(event, StepEvent)]


def explain(session: Session, time_s: float, settings: DetectorSettings, weights: Weights) -> Explanation:
    """Give the session to a detector again, up to the moment, and look at what it saw.

    From its beginning, for what is unsafe depends on the steps before. It is read twice: hours of samples
    at once are more than a small device's memory holds.
    """
    from_s, to_s = time_s - BEFORE_S, time_s + AFTER_S
    near = tuple(session.blocks(from_s, to_s))
    seen: list[Event] = []
    hops = None
    if near:
        detector = Detector(settings, weights)
        blocks = merged(session.blocks(None, to_s))
        events = (event for block in blocks for event in detector.update(block))
        seen = [event for event in events if event.time_s >= from_s]
        if settings.profile == "belt":
            hops = _near(track(session.blocks(None, to_s), settings, weights).hops(), from_s, to_s)
    else:
        seen = [*session.steps(from_s, to_s), *session.events(from_s, to_s)]
    found = tuple(event for event in seen if from_s <= event.time_s <= to_s)
    alerts = session.alerts()
    near_ids = {a.id for a in alerts if from_s <= a.time_s <= to_s} | {a.id for a in opened(alerts, time_s)}
    return Explanation(
        session,
        time_s,
        near,
        hops,
        tuple(_scores(hops, found, settings)),
        found,
        tuple(alert for alert in alerts if alert.id in near_ids),
        tuple(state for state in session.states() if state.time_s <= to_s),
        tuple(label for label in session.labels() if from_s <= label.time_s <= to_s),
    )


def _near(hops: Hops | None, from_s: float, to_s: float) -> Hops | None:
    if hops is None:
        return None
    inside = np.flatnonzero((hops.time_s >= from_s) & (hops.time_s <= to_s))
    return hops.until(int(inside[-1]), len(inside)) if len(inside) else None


def _scores(hops: Hops | None, seen: Sequence[Event], settings: DetectorSettings) -> Iterator[Score]:
    if hops is not None:
        stumble = hops.score[:, Head.STUMBLE] - hops.doubt()
        for name, values, limit in (
            ("falling", hops.score[:, Head.FALLING] - hops.doubt(), settings.fall.falling_threshold),
            ("fallen", hops.score[:, Head.FALLEN], settings.fall.down_threshold),
            ("stumble", stumble, settings.stumble.threshold),
            ("handled", hops.score[:, Head.HANDLED], settings.handling.threshold),
        ):
            at = int(np.argmax(values))
            yield Score(f"{name} score", "log-odds", float(values[at]), limit, float(hops.time_s[at]))
        at = int(np.argmax(hops.peak_accel_g))
        yield Score(
            "peak acceleration",
            "g",
            float(hops.peak_accel_g[at]),
            settings.fall.impact_g,
            float(hops.time_s[at]),
        )
    for name, attribute in (("sway", "sway_percent"), ("rhythm", "rhythm_percent")):
        judged = [
            (getattr(e, attribute), e.time_s)
            for e in seen
            if isinstance(e, StepEvent) and not isnan(getattr(e, attribute))
        ]
        if judged:
            value, when_s = max(judged)
            yield Score(f"{name} of a step", "% of its limit", value, 100.0, when_s)


def opened(alerts: Sequence[Alert], time_s: float) -> list[Alert]:
    """The last report of each incident that was open then."""
    last = {alert.id: alert for alert in alerts if alert.time_s <= time_s}
    return [alert for alert in last.values() if not alert.stage.ended]
