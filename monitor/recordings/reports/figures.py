"""What a session of the journal amounts to, for people: figures of its backward steps.

Steps are taken as they were recorded. Their samples add sway and step length; where those have been let go
of, or were never written, these two are missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from math import isnan, nan

import numpy as np

from monitor.core.fall_network import RATE_HZ
from monitor.core.grid import Grid, Samples
from monitor.core.posture import Body, Posture
from monitor.core.samples import Floats, SampleBlock
from monitor.core.session import Facts
from monitor.core.session import Session as Sums
from monitor.core.step_length import height_m, step_lengths_m
from monitor.core.steps import Step
from monitor.core.vocabulary import Direction, StepEvent
from monitor.recordings.journal.sessions import Session

JOINED_BLOCKS = 1200
"""A minute at once is quicker than 50 ms after 50 ms, and gives the same."""

DRIFT_S = 180.0
"""Backward walking from which on its first third is compared with its last."""

NOTHING = Body(*(np.empty(0) for _ in fields(Body)))


@dataclass(frozen=True, slots=True)
class Motion:
    """The trunk from one gap in the samples to the next: ``time_s`` (n,) and its ``body``."""

    time_s: Floats
    body: Body

    def cut(self, from_s: float, to_s: float) -> "Motion":
        """Those seconds of it."""
        part = slice(*np.searchsorted(self.time_s, [from_s, to_s]).tolist())
        cut = {f.name: getattr(self.body, f.name)[part] for f in fields(Body)}
        return Motion(self.time_s[part], Body(**cut))

    def index(self, time_s: float) -> int:
        """Of the sample at that time, or of the one next to it."""
        return min(int(np.searchsorted(self.time_s, time_s - 0.5 / RATE_HZ)), len(self.time_s) - 1)


@dataclass(frozen=True, slots=True)
class Figures:
    """A session's backward walking; NaN where there is too little to say.

    ``steps`` and ``walking_s`` are of all directions, ``backward`` speaks of backward steps alone, sure ones.
    ``longest_s`` is the longest backward walk without a break. ``model_m`` is the distance before any factor,
    ``sampled`` the share of backward steps whose samples are there. ``first`` and ``last`` are the
    first and the last third of the backward walking, None where it was too short to compare them.
    """

    session: Session
    steps: int
    walking_s: float
    backward: Facts
    longest_s: float
    model_m: float
    sampled: float
    first: Facts | None
    last: Facts | None

    def distance_m(self, factor: float) -> float:
        return factor * self.model_m

    def pace_mps(self, factor: float) -> float:
        return factor * self.model_m / self.backward.walking_s if self.backward.walking_s else nan

    def step_m(self, factor: float) -> float:
        """The mean length of a backward step."""
        return self.pace_mps(factor) * 60 / self.backward.cadence_spm


def figures(
    session: Session,
    leg_m: float,
    motions: Sequence[Motion] | None = None,
    from_s: float | None = None,
    to_s: float | None = None,
) -> Figures:
    """The figures of a session, or of those seconds of it. Raises JournalError.

    ``motions`` are its own, if they are at hand already.
    """
    motions = motions_of(session) if motions is None else motions
    recorded = session.steps(from_s, to_s)
    own = backward(recorded)
    timed = [step for step in own if not isnan(step.step_s)]
    lengths_m = _lengths_m(timed, motions, leg_m)
    facts = facts_of(own, motions)
    third = max(len(timed) // 3, 1)
    enough = facts.walking_s >= DRIFT_S
    return Figures(
        session,
        len(recorded),
        sum(step.step_s for step in recorded if not isnan(step.step_s)),
        facts,
        longest_s(own),
        float(np.mean(lengths_m)) * len(timed) if len(lengths_m) else nan,
        len(lengths_m) / len(timed) if timed else 0.0,
        facts_of(_until(own, timed[third - 1].contact_s), motions) if enough else None,
        facts_of(_after(own, timed[-third].contact_s), motions) if enough else None,
    )


def together(many: Sequence[Figures]) -> Figures:
    """Several sessions as if they were one: sums, means weighted by time, and the longest walk of any.

    A session without samples is taken to have been walked at the others' pace.
    """
    weights = np.array([figures.backward.walking_s for figures in many])

    def mean(values: Sequence[float]) -> float:
        known = ~np.isnan(values) & (weights > 0)
        return float(np.average(np.array(values)[known], weights=weights[known])) if known.any() else nan

    facts = [figures.backward for figures in many]
    walking_s = float(weights.sum())
    pace_mps = mean([figures.pace_mps(1.0) for figures in many])
    return Figures(
        many[0].session,
        sum(figures.steps for figures in many),
        sum(figures.walking_s for figures in many),
        Facts(
            steps=sum(each.steps for each in facts),
            backward_steps=sum(each.backward_steps for each in facts),
            walking_s=walking_s,
            cadence_spm=mean([each.cadence_spm for each in facts]),
            step_time_cv_percent=mean([each.step_time_cv_percent for each in facts]),
            asymmetry_percent=mean([each.asymmetry_percent for each in facts]),
            sway_dps=mean([each.sway_dps for each in facts]),
            longest_backward_run=max(each.longest_backward_run for each in facts),
        ),
        max(figures.longest_s for figures in many),
        pace_mps * walking_s,
        mean([figures.sampled for figures in many]),
        many[0].first,
        many[-1].last,
    )


def motions_of(session: Session, from_s: float | None = None, to_s: float | None = None) -> list[Motion]:
    """The trunk's motion in a session, or in those seconds of it, in pieces without gaps."""
    grid = Grid(RATE_HZ)
    pieces: list[list[Samples]] = []
    for block in _joined(session.blocks(from_s, to_s)):
        for samples in grid.update(block):
            if samples.restart or not pieces:
                pieces.append([])
            pieces[-1].append(samples)
    return [_motion(piece) for piece in pieces]


def _motion(piece: list[Samples]) -> Motion:
    time_s, accel_g, gyro_dps, *_ = zip(*piece, strict=True)
    body = Posture(RATE_HZ).update(np.concatenate(accel_g), np.concatenate(gyro_dps))
    return Motion(np.concatenate(time_s), body)


def _joined(blocks: Iterable[SampleBlock]) -> Iterator[SampleBlock]:
    for _, many in groupby(enumerate(blocks), lambda numbered: numbered[0] // JOINED_BLOCKS):
        minute = [block for _, block in many]
        yield SampleBlock(
            np.concatenate([block.time_s for block in minute]),
            np.concatenate([block.accel_g for block in minute]),
            np.concatenate([block.gyro_dps for block in minute]),
            minute[-1].end_s,
        )


def backward(steps: Iterable[StepEvent]) -> list[StepEvent]:
    """The backward ones. A walk begins where the step before was none: that one has no time of its own."""
    found: list[StepEvent] = []
    before = False
    for step in steps:
        now = step.direction is Direction.BACKWARD
        if now:
            found.append(step if before else replace(step, step_s=nan))
        before = now
    return found


def facts_of(steps: Sequence[StepEvent], motions: Sequence[Motion]) -> Facts:
    """What these steps amount to, in order, with the sway that ``motions`` show."""
    sums = Sums()
    for at, some in groupby(steps, lambda step: _motion_at(motions, step)):
        group = list(some)
        if at is None:
            sums.update(NOTHING, [_step(step, -1) for step in group])
            continue
        began_s = group[0].contact_s - (0.0 if isnan(group[0].step_s) else group[0].step_s)
        walk = motions[at].cut(began_s, group[-1].time_s + 1 / RATE_HZ)
        sums.update(walk.body, [_step(step, walk.index(step.time_s)) for step in group])
    return sums.facts()


def longest_s(steps: Sequence[StepEvent]) -> float:
    """The longest walk among these steps without a break."""
    longest = run = 0.0
    for step in steps:
        run = 0.0 if isnan(step.step_s) else run + step.step_s
        longest = max(longest, run)
    return longest


def _step(event: StepEvent, proved: int) -> Step:
    return Step(
        event.contact_s,
        event.time_s,
        proved,
        event.step_s,
        event.cadence_spm,
        event.direction,
        event.direction_score,
    )


def _motion_at(motions: Sequence[Motion], step: StepEvent) -> int | None:
    """Which piece has the whole step in it."""
    began_s = step.contact_s - (0.0 if isnan(step.step_s) else step.step_s)
    for at, motion in enumerate(motions):
        if motion.time_s[0] <= began_s and step.time_s <= motion.time_s[-1] + 0.5 / RATE_HZ:
            return at
    return None


def _lengths_m(timed: Sequence[StepEvent], motions: Sequence[Motion], leg_m: float) -> Floats:
    """The model's lengths of those steps whose samples are there."""
    lengths: list[Floats] = [np.empty(0)]
    for motion in motions:
        inside = [step for step in timed if _motion_at([motion], step) is not None]
        contacts = [
            (motion.index(step.contact_s - step.step_s), motion.index(step.contact_s)) for step in inside
        ]
        lengths.append(step_lengths_m(height_m(motion.body.vertical_g, RATE_HZ), contacts, leg_m))
    return np.concatenate(lengths)


def _until(steps: Sequence[StepEvent], time_s: float) -> list[StepEvent]:
    return [step for step in steps if step.contact_s <= time_s]


def _after(steps: Sequence[StepEvent], time_s: float) -> list[StepEvent]:
    return [step for step in steps if step.contact_s >= time_s]
