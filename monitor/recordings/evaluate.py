"""Scoring recordings: every trial through a fresh detector, then the rules of ``scoring.py``."""

import math
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import Event, EventKind
from monitor.recordings import axes, corpus, scoring
from monitor.recordings.arrays import KINDS
from monitor.recordings.corpus import Corpus, RecordingError, Trial
from monitor.recordings.scoring import FALL_KINDS, Run, Score

RATE_HZ = 100.0
"""What the chip delivers; recordings are brought to it."""

PIECE_S = 600.0
"""More goes into a detector at once only by more memory: a day at once takes 5 GB."""

MOST_NAMED = 5
"""Trials of a file that are named, with the reason, when they are left out; the report names all."""

ALL = "all"

STARTS = ("anyhow", "walking", "sitting_or_standing", "backward", "backward_walking")


MOST_JOBS = 64
"""More processes would only wait for each other."""


class Detects(Protocol):
    """What is scored: a detector, or what a test puts in its place."""

    def update(self, block: SampleBlock, /) -> list[Event]: ...


MakeDetector = Callable[[], Detects]


class Recordings(NamedTuple):
    """The trials of some files; ``left_out`` says by file and trial why those cannot be used."""

    trials: list[Trial]
    left_out: dict[str, dict[str, str]]


def read(files: Sequence[str | Path], show_progress: bool = False) -> Recordings:
    """All trials of ``files`` that can be used; a file that is named twice counts once.

    Raises RecordingError for files that are no recordings: it names each of them.
    """
    found, wrong = Recordings([], {}), []
    for file in {Path(file).resolve(): file for file in files}.values():
        try:
            more = Corpus(file, leave_out=True)
        except RecordingError as error:
            wrong.append(str(error))
            continue
        found.trials.extend(more)
        if more.left_out:
            found.left_out[str(file)] = more.left_out
        if show_progress:
            for line in _said(str(file), more):
                print(line, file=sys.stderr, flush=True)
    if wrong:
        raise RecordingError("\n".join(wrong))
    return found


def _said(file: str, trials: Corpus) -> Iterator[str]:
    hours = sum(trial.duration_s for trial in trials) / 3600
    yield f"{file}: {len(trials)} trial{'s' * (len(trials) != 1)}, {hours:.2f} h"
    reasons = list(trials.left_out.values())
    for reason in reasons[:MOST_NAMED]:
        yield f"{file}: left out: {reason}"
    if len(reasons) > MOST_NAMED:
        yield f"{file}: left out: {len(reasons) - MOST_NAMED} more; `--json` names each"


def detect_all(
    trials: Sequence[Trial], make_detector: MakeDetector, jobs: int | None = None, show_progress: bool = False
) -> list[Run]:
    """What fresh detectors report about ``trials``, each trial alone.

    ``make_detector`` gives one and must be picklable (a ``functools.partial``); ``jobs`` processes, by
    default one per core.
    """
    runs = each(partial(detect, make_detector=make_detector), trials, jobs)
    return list(progress(runs, len(trials)) if show_progress else runs)


def report(runs: Sequence[Run], red: float, by: str = "dataset") -> Score:
    """``runs`` scored: one part per data set, or by another of ``Trial.group``, and ``all``.

    ``red`` is the score from which an unsafe step is red.
    """
    parts: dict[str, list[Run]] = {}
    for run in runs:
        name = run.trial.group(by)
        parts.setdefault(name if name != ALL else f"{ALL}#2", []).append(run)
    score = {name: _part(part, red) for name, part in (parts | {ALL: list(runs)}).items()}
    for name, part in parts.items():
        score[name]["axes"] = axes.doubts([run.trial for run in part])
    score[ALL]["axes"] = [f"{name}: {doubt}" for name in parts for doubt in score[name]["axes"]]
    return score


def detect(trial: Trial, make_detector: MakeDetector, live: bool = False) -> Run:
    """What a fresh detector reports about ``trial``, and when it would have in live blocks.

    As splitting the input changes no event, the trial goes in by large pieces and each event counts
    from the end of the block its sample would have come in; ``live`` really feeds 50 ms blocks.
    """
    detector = make_detector()
    reported: list[tuple[float, Event]] = []
    seconds = 0.0
    whole = corpus.whole(trial, RATE_HZ)
    for block in corpus.cut(whole, BLOCK_S if live else PIECE_S):
        began = process_time()
        events = detector.update(block)
        seconds += process_time() - began
        reported += [(block.end_s if live else _block_end_s(event.time_s), event) for event in events]
    return Run(trial, tuple(reported), peak_s(trial, whole), seconds)


def peak_s(trial: Trial, whole: SampleBlock) -> float:
    """When the largest acceleration is; of a fall without a labelled impact, not before its onset."""
    has_onset = trial.kind == "fall" and math.isnan(trial.impact_s) and not math.isnan(trial.onset_s)
    first = int(np.searchsorted(whole.time_s, trial.onset_s)) if has_onset else 0
    accel_g = whole.accel_g[first:] if first < len(whole.accel_g) else whole.accel_g
    if not len(accel_g):
        return 0.0
    return float(whole.time_s[len(whole.time_s) - len(accel_g) + int(np.argmax((accel_g**2).sum(axis=1)))])


def _block_end_s(time_s: float) -> float:
    return (int(time_s / BLOCK_S + 1e-6) + 1) * BLOCK_S


Task = TypeVar("Task")
Result = TypeVar("Result")


def each(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int | None) -> Iterator[Result]:
    """The result of each task, in order, by ``jobs`` processes; None: one per core."""
    if jobs is None:
        jobs = min(os.cpu_count() or 1, MOST_JOBS)
    if jobs == 1 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    with get_context("spawn").Pool(jobs, initializer=_ignore_ctrl_c) as pool:
        yield from pool.imap(work, tasks, chunksize=max(1, min(8, len(tasks) // (4 * jobs))))


def _ignore_ctrl_c() -> None:
    """Ctrl-C reaches every process of the terminal; the parent alone ends the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def progress(results: Iterable[Result], total: int, what: str = "Trials") -> Iterator[Result]:
    """A bar on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield from results
        return
    try:
        from rich.console import Console
        from rich.progress import track
    except ImportError:
        for number, result in enumerate(results, 1):
            print(f"\r{number} of {total} {what.lower()}", end="", file=sys.stderr, flush=True)
            yield result
        print(file=sys.stderr)
    else:
        yield from track(results, what, total, console=Console(stderr=True))


def _part(runs: Sequence[Run], red: float) -> Score:
    kinds = [kind for kind in KINDS if scoring.of_kind(runs, kind)]
    total_h = scoring.hours(runs)
    return {
        "trials": {kind: len(scoring.of_kind(runs, kind)) for kind in kinds},
        "hours": {kind: round(scoring.hours(scoring.of_kind(runs, kind)), 4) for kind in kinds},
        "fall": scoring.falls(runs, FALL_KINDS)
        | {kind.value: scoring.falls(runs, (kind,)) for kind in FALL_KINDS},
        "falling": scoring.before_impact(runs),
        "falls_by_start": _by_start(runs),
        "stumble": scoring.stumbles(runs),
        "steps": scoring.steps(runs),
        "direction": scoring.directions(runs),
        "unsafe_step": scoring.unsafe_steps(runs, red),
        "speed": {
            "seconds_per_hour": round(sum(run.seconds for run in runs) / total_h, 4) if total_h else None
        },
        "activities": {
            name: _activity([run for run in runs if run.trial.activity == name])
            for name in sorted({run.trial.activity for run in runs})
        },
    }


def _by_start(runs: Sequence[Run]) -> Score | None:
    """Falls apart by how they began: any alarm, before the impact, and confirmed."""
    score: Score = {}
    for start in STARTS:
        some = [run for run in scoring.of_kind(runs, "fall") if start in _starts(run.trial.description)]
        if some:
            score[start] = _found(some) | (scoring.before_impact(some) or {})
    return score or None


def _starts(description: str) -> set[str]:
    """How a fall began, read from its description; jogging counts as walking."""
    text = description.lower()
    start = "walking" if "walking" in text or "jogging" in text else "sitting_or_standing"
    return {"anyhow", start, *({"backward", f"backward_{start}"} if "backward" in text else ())}


def _found(runs: Sequence[Run]) -> Score:
    score: Score = {}
    for name, kinds in {"any": FALL_KINDS, **{kind.value: (kind,) for kind in FALL_KINDS}}.items():
        score |= scoring.share(name, sum(scoring.found_s(run, kinds) is not None for run in runs), len(runs))
    return score


def _activity(runs: Sequence[Run]) -> Score:
    """One activity: what was missed, or which trials alarmed, by name."""
    falls = scoring.of_kind(runs, "fall")
    others = [run for run in runs if run.trial.kind != "fall"]
    kinds = [kind for kind in KINDS if scoring.of_kind(runs, kind)]
    score: Score = {
        "description": runs[0].trial.description,
        "kind": ", ".join(kinds),
        "trials": len(runs),
    }
    if falls:
        sought = {"any": FALL_KINDS, **{kind.value: (kind,) for kind in FALL_KINDS}}
        score["missed"] = {
            name: [run.trial.name for run in falls if scoring.found_s(run, kinds) is None]
            for name, kinds in sought.items()
        }
        score["early"] = [run.trial.name for run in falls if scoring.is_early(run, FALL_KINDS)]
        score |= scoring.before_impact(falls) or {}
    if others:
        score["false_alarms"] = {
            kind.value: [run.trial.name for run in others if run.times_s({kind})] for kind in FALL_KINDS
        }
        score["stumble_trials"] = sum(bool(run.times_s({EventKind.STUMBLE})) for run in others)
        parts: dict[str, Any] = {"steps": scoring.steps(others), "direction": scoring.directions(others)}
        score |= {name: part for name, part in parts.items() if part}
    return score
