"""The rules a detector is scored by: falls, stumbles, steps, direction, unsafe steps.

Everything here is arithmetic on what a detector reported about labelled trials. Times in s from a
trial's start; a detection counts from the moment it was reported, the end of its live block.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from monitor.core.samples import Floats
from monitor.core.vocabulary import Direction, Event, EventKind, StepEvent, UnsafeStepEvent
from monitor.recordings.corpus import Trial

Score = dict[str, Any]

FALL_KINDS = (EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN)
BEFORE_ONSET_S = 0.25
BEFORE_IMPACT_S = 1.5  # where no onset is labelled
LONG_H = 6.0  # in one recording: false alarms are given by the day as well
LONG_AFTER_S = 60.0  # in such a one, an alarm so long after the impact is not the fall's any more
LYING_S = 1.5  # a recording that ends sooner after the impact can hardly show who stays down
ONE_INCIDENT_S = 5.0  # fall events this close are stages of one alarm
BEFORE_STUMBLE_S, AFTER_STUMBLE_S = 0.5, 1.0
CONTACT_TOLERANCE_S = 0.25
BOUT_GAP_S = 3.0  # Kluge et al. 2021 (Mobilise-D): a longer rest ends a walking bout
LARGEST_LAG_S = 0.4
SHORTEST_STRETCH_S = 2.0
SETTLING_S = 2.5  # left out at the start of a stretch
DIRECTION_HOLDS_S = 2.0  # after the latest step; then nothing is known
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Run:
    """A trial and what a fresh detector reported about it: ``reported`` holds (reported_s, event) in order.

    ``peak_s`` is the time of the largest acceleration, ``seconds`` the processor time the detector took.
    """

    trial: Trial
    reported: tuple[tuple[float, Event], ...]
    peak_s: float
    seconds: float

    def times_s(self, kinds: Collection[EventKind]) -> list[float]:
        return [reported_s for reported_s, event in self.reported if event.kind in kinds]


def wilson(hits: float, total: float) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    share, z2 = hits / total, Z95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(count: int) -> tuple[float, float]:
    """95 % interval of an expected count (Byar's approximation, Breslow & Day 1987)."""

    def bound(n: int, z: float) -> float:
        return n * (1 - 1 / (9 * n) + z / (3 * math.sqrt(n))) ** 3 if n else 0.0

    return bound(count, -Z95), bound(count + 1, Z95)


def share(name: str, hits: float, total: float) -> Score:
    """``name``, with its counts ``_n`` and interval ``_ci95``; None where there is nothing to count."""
    if not total:
        return {name: None, f"{name}_n": [0, 0], f"{name}_ci95": None}
    return {
        name: round(hits / total, 5),
        f"{name}_n": [hits, total],
        f"{name}_ci95": [round(limit, 5) for limit in wilson(hits, total)],
    }


def per_hour(name: str, count: int, hours: float) -> Score:
    """``name`` in 1/h, with ``_n`` [count, hours] and its Poisson interval ``_ci95``."""
    if not hours:
        return {name: None, f"{name}_n": [count, 0.0], f"{name}_ci95": None}
    return {
        name: round(count / hours, 3),
        f"{name}_n": [count, round(hours, 4)],
        f"{name}_ci95": [round(limit / hours, 3) for limit in poisson(count)],
    }


def of_kind(runs: Iterable[Run], *kinds: str) -> list[Run]:
    return [run for run in runs if run.trial.kind in kinds]


def hours(runs: Iterable[Run]) -> float:
    return sum(run.trial.duration_s for run in runs) / 3600.0


def is_unlabelled(trial: Trial) -> bool:
    """A fall of which the impact is unknown: its largest acceleration, from the onset on, counts as it."""
    return math.isnan(trial.impact_s)


def impact_s(run: Run) -> float:
    return run.peak_s if is_unlabelled(run.trial) else run.trial.impact_s


def opens_s(run: Run) -> float:
    """When a fall trial's window opens: a detection before it is a false alarm."""
    has_onset = not math.isnan(run.trial.onset_s)
    return run.trial.onset_s - BEFORE_ONSET_S if has_onset else impact_s(run) - BEFORE_IMPACT_S


def closes_s(run: Run) -> float:
    """When a fall trial's window closes: with the trial, unless that goes on for hours."""
    return impact_s(run) + LONG_AFTER_S if hours([run]) >= LONG_H else math.inf


def found_s(run: Run, kinds: Collection[EventKind]) -> float | None:
    """When a fall was first reported, from the opening of its window on; None if it was missed."""
    return next((told_s for told_s in run.times_s(kinds) if opens_s(run) <= told_s <= closes_s(run)), None)


def is_early(run: Run, kinds: Collection[EventKind]) -> bool:
    """Was one of them reported before the fall's window?"""
    return any(told_s < opens_s(run) for told_s in run.times_s(kinds))


def incidents(times_s: Sequence[float]) -> int:
    """How many alarms these times are: stages within 5 s of the one before belong to it."""
    return sum(1 for a, b in pairwise([-math.inf, *times_s]) if b - a > ONE_INCIDENT_S)


def falls(runs: Sequence[Run], kinds: Collection[EventKind]) -> Score:
    """Sensitivity, specificity and false alarms of these fall events taken together."""
    fallen, others = of_kind(runs, "fall"), of_kind(runs, "stumble", "walk", "daily")
    found = sum(found_s(run, kinds) is not None for run in fallen)
    early = sum(is_early(run, kinds) for run in fallen)
    quiet = sum(not run.times_s(kinds) for run in others)
    score = share("sensitivity", found, len(fallen)) | share("specificity", quiet, len(others))
    for kind in ("daily", "walk"):
        same = of_kind(runs, kind)
        alarms = sum(
            incidents(run.times_s(kinds)) if len(kinds) > 1 else len(run.times_s(kinds)) for run in same
        )
        score |= per_hour(f"false_alarms_per_hour_{kind}", alarms, hours(same))
    long = [run for run in runs if hours([run]) >= LONG_H]
    if long:
        alarms = sum(incidents(_false_s(run, kinds)) for run in long)
        score |= per_hour("false_alarms_per_day", alarms, hours(long) / 24)  # of days
    return score | share("before_window", early, len(fallen))


def _false_s(run: Run, kinds: Collection[EventKind]) -> list[float]:
    """When they were reported outside a fall."""
    times_s = run.times_s(kinds)
    is_fall = run.trial.kind == "fall"
    return [s for s in times_s if not (is_fall and opens_s(run) <= s <= closes_s(run))]


def broken(run: Run) -> str:
    """What a trial expects and did not get: its alarm or, without fall and stumble, silence. "" if it did."""
    if run.trial.kind == "fall":
        return "" if found_s(run, FALL_KINDS) is not None else "the fall was missed"
    if run.trial.kind == "stumble":
        return "" if stumble_s(run) is not None else "the stumble was missed"
    alarms = [(s, e.kind) for s, e in run.reported if e.kind in (*FALL_KINDS, EventKind.STUMBLE)]
    return "; ".join(f"false alarm: {kind} at {reported_s:.2f} s" for reported_s, kind in alarms)


def stumble_s(run: Run) -> float | None:
    """When a stumble was first reported, in its span where that is labelled; None if it was missed."""
    labelled = not math.isnan(run.trial.span_start_s + run.trial.span_stop_s)
    start_s = run.trial.span_start_s - BEFORE_STUMBLE_S if labelled else 0.0
    stop_s = run.trial.span_stop_s + AFTER_STUMBLE_S if labelled else math.inf
    return next((s for s in run.times_s({EventKind.STUMBLE}) if start_s <= s <= stop_s), None)


def before_impact(runs: Sequence[Run]) -> Score | None:
    """How often and how long before the impact FALLING was reported; leads over the falls it was in."""
    fallen = of_kind(runs, "fall")
    if not fallen:
        return None
    found = [(impact_s(run), found_s(run, {EventKind.FALLING})) for run in fallen]
    leads_s = [hit_s - told_s for hit_s, told_s in found if told_s is not None]
    return share("before_impact", sum(lead_s > 0 for lead_s in leads_s), len(fallen)) | {
        "lead_s_median": _quantile(leads_s, 0.5),
        "lead_s_p10": _quantile(leads_s, 0.1),
        "unlabelled": sum(is_unlabelled(run.trial) for run in fallen),
        "cut_short": sum(run.trial.duration_s < impact_s(run) + LYING_S for run in fallen),
    }


def stumbles(runs: Sequence[Run]) -> Score | None:
    """A labelled stumble must be reported in its span, an unlabelled one anywhere in its file."""
    stumbled, walks = of_kind(runs, "stumble"), of_kind(runs, "walk")
    if not stumbled and not walks:
        return None
    found = [(run, stumble_s(run)) for run in stumbled]
    delays_s = [told_s - run.peak_s for run, told_s in found if told_s is not None]
    score = share("sensitivity", len(delays_s), len(stumbled))
    for kind in ("walk", "daily"):
        same = of_kind(runs, kind)
        alarms = sum(len(run.times_s({EventKind.STUMBLE})) for run in same)
        score |= per_hour(f"false_alarms_per_hour_{kind}", alarms, hours(same))
    return score | {"after_peak_s_median": _quantile(delays_s, 0.5)}


def steps(runs: Sequence[Run]) -> Score | None:
    """Initial contacts against the true ones, inside bouts, after one constant lag per data set."""
    hits, told, true = 0, 0, 0
    errors_s: list[float] = []
    lags_s: list[float] = []
    for name in sorted({run.trial.dataset for run in runs if run.trial.contact_s}):
        bouts = [bout for run in runs if run.trial.dataset == name for bout in _bouts(run)]
        lag_s = _lag_s(bouts)
        found = [_match(contacts_s, steps_s - lag_s) for contacts_s, steps_s in bouts]
        for (contacts_s, _), (differences_s, extra) in zip(bouts, found, strict=True):
            hits, told, true = (
                hits + len(differences_s),
                told + len(differences_s) + extra,
                true + len(contacts_s),
            )
            errors_s += differences_s
        lags_s.append(lag_s)
    if not true:
        return None
    return {
        "f1": round(2 * hits / (told + true), 5),
        **share("precision", hits, told),
        **share("recall", hits, true),
        "timing_sd_s": round(float(np.std(errors_s)), 4) if errors_s else None,
        "lag_s": round(lags_s[0], 4) if len(lags_s) == 1 else None,
    }


def directions(runs: Sequence[Run]) -> Score | None:
    """Share of time the latest step's direction was right, wrong or unknown in labelled stretches."""
    score = {str(d.name).lower(): _direction(runs, d) for d in (Direction.FORWARD, Direction.BACKWARD)}
    return score if any(score.values()) else None


def unsafe_steps(runs: Sequence[Run], red: float) -> Score | None:
    """Flags per 100 steps of ordinary walking; ``red`` is the score from which a flag is red."""
    walks = of_kind(runs, "walk")
    scores = [e.score for run in walks for _, e in run.reported if isinstance(e, UnsafeStepEvent)]
    total = sum(len(run.times_s({EventKind.STEP})) for run in walks)
    if not total:
        return None
    flags = {"amber_per_100": len(scores), "red_per_100": sum(score >= red for score in scores)}
    score: Score = {"steps": total}
    for name, count in flags.items():
        score |= per_hour(name, count, total / 100) | {f"{name}_n": [count, total]}
    return score


def _quantile(values: Sequence[float], q: float) -> float | None:
    return round(float(np.quantile(values, q)), 4) if values else None


def _bouts(run: Run) -> Iterator[tuple[Floats, Floats]]:
    """The true contacts of each bout, and the initial contacts that were reported (of the whole trial)."""
    contacts_s = np.unique(run.trial.contact_s)  # in order
    if not len(contacts_s):
        return
    steps_s = np.sort([e.contact_s for _, e in run.reported if isinstance(e, StepEvent)])
    for bout in np.split(contacts_s, np.flatnonzero(np.diff(contacts_s) > BOUT_GAP_S) + 1):
        yield bout, steps_s


def _lag_s(bouts: Sequence[tuple[Floats, Floats]]) -> float:
    """The one lag that brings the reported contacts closest to the true ones: a grid, then the median."""
    if not any(len(steps_s) for _, steps_s in bouts):
        return 0.0
    nearest = [(steps_s - contacts_s[:, np.newaxis]) for contacts_s, steps_s in bouts if len(steps_s)]
    grid = np.arange(-LARGEST_LAG_S, LARGEST_LAG_S + 1e-9, 0.01)

    def misfit(lag_s: float) -> float:
        return sum(
            float(np.minimum(np.abs(d - lag_s).min(axis=1), CONTACT_TOLERANCE_S).sum()) for d in nearest
        )

    rough_s: float = min(grid.tolist(), key=misfit)
    differences_s = [d for contacts_s, s in bouts for d in _match(contacts_s, s - rough_s)[0]]
    return rough_s + (float(np.median(differences_s)) if differences_s else 0.0)


def _match(contacts_s: Floats, steps_s: Floats) -> tuple[list[float], int]:
    """Differences of one-to-one matches, the closest pairs first, and how many steps are too many."""
    difference_s = steps_s - contacts_s[:, np.newaxis]
    pairs = np.argwhere(np.abs(difference_s) <= CONTACT_TOLERANCE_S + 1e-9)
    order = np.argsort([abs(difference_s[i, j]) for i, j in pairs], kind="stable")
    matches: dict[int, int] = {}  # reported step to contact
    for i, j in pairs[order].tolist():
        if j not in matches and i not in matches.values():
            matches[j] = i
    inside = np.flatnonzero((steps_s >= contacts_s[0]) & (steps_s <= contacts_s[-1]))
    return [float(difference_s[i, j]) for j, i in matches.items()], len(set(inside.tolist()) - matches.keys())


def _direction(runs: Sequence[Run], asked: Direction) -> Score | None:
    seconds = {"right": 0.0, "wrong": 0.0}
    total = 0.0
    for run in runs:
        told = [(s, e.direction) for s, e in run.reported if isinstance(e, StepEvent)]
        until_s = [
            min(s + DIRECTION_HOLDS_S, later_s)
            for (s, _), (later_s, _) in pairwise([*told, (math.inf, Direction.UNKNOWN)])
        ]
        for stretch in run.trial.stretches:
            start_s = stretch.start_s + SETTLING_S
            is_long = stretch.stop_s - stretch.start_s > SHORTEST_STRETCH_S and stretch.stop_s > start_s
            if stretch.direction != asked.name.lower() or not is_long:
                continue
            total += stretch.stop_s - start_s
            for (from_s, value), to_s in zip(told, until_s, strict=True):
                if value:
                    overlap_s = max(0.0, min(to_s, stretch.stop_s) - max(from_s, start_s))
                    seconds["right" if value == asked else "wrong"] += overlap_s
    if not total:
        return None
    seconds["unknown"] = max(0.0, total - sum(seconds.values()))
    score: Score = {}
    for name, lasted_s in seconds.items():
        score |= share(name, round(lasted_s, 2), round(total, 2))
    return score
