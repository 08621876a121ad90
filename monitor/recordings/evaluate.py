"""Scoring recordings: every trial through a fresh detector, then the rules of ``scoring.py``."""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any, Protocol, TypeVar

import numpy as np

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import Event, EventKind
from monitor.recordings import corpus, scoring
from monitor.recordings.arrays import KINDS
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.scoring import FALL_KINDS, Run, Score

RATE_HZ = 100.0
"""What the chip delivers; recordings are brought to it."""

STARTS = ("anyhow", "walking", "sitting_or_standing", "backward", "backward_walking")


MOST_JOBS = 64
"""More processes would only wait for each other."""


class Detects(Protocol):
    """What is scored: a detector, or what a test puts in its place."""

    def update(self, block: SampleBlock, /) -> list[Event]: ...


MakeDetector = Callable[[], Detects]


def read(files: Sequence[str | Path], show_progress: bool = False) -> list[Trial]:
    """All trials of ``files``; one that is named twice counts once.

    Raises RecordingError for a file that is not a recording.
    """
    trials: list[Trial] = []
    for file in {Path(file).resolve(): file for file in files}.values():
        more = Corpus(file)
        trials += more
        if show_progress:
            hours = sum(trial.duration_s for trial in more) / 3600
            print(f"{file}: {len(more)} trials, {hours:.2f} h", file=sys.stderr, flush=True)
    return trials


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
        parts.setdefault(run.trial.group(by), []).append(run)
    return {name: _part(part, red) for name, part in (parts | {"all": list(runs)}).items()}


def detect(trial: Trial, make_detector: MakeDetector, live: bool = False) -> Run:
    """What a fresh detector reports about ``trial``, and when it would have in live blocks.

    As splitting the input changes no event, the trial goes in whole and each event counts from
    the end of the block its sample would have come in; ``live`` really feeds 50 ms blocks.
    """
    detector = make_detector()
    reported: list[tuple[float, Event]] = []
    seconds = 0.0
    whole = corpus.whole(trial, RATE_HZ)
    for block in corpus.blocks(trial, RATE_HZ) if live else [whole]:
        began = process_time()
        events = detector.update(block)
        seconds += process_time() - began
        reported += [(block.end_s if live else _block_end_s(event.time_s), event) for event in events]
    norm_g = np.linalg.norm(whole.accel_g, axis=1)
    peak_s = float(whole.time_s[np.argmax(norm_g)]) if len(norm_g) else 0.0
    return Run(trial, tuple(reported), peak_s, seconds)


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
    first = runs[0].trial
    score: Score = {"description": first.description, "kind": first.kind, "trials": len(runs)}
    if first.kind == "fall":
        missed = {"any": FALL_KINDS, **{kind.value: (kind,) for kind in FALL_KINDS}}
        score["missed"] = {
            name: [run.trial.name for run in runs if scoring.found_s(run, kinds) is None]
            for name, kinds in missed.items()
        }
        return score | (scoring.before_impact(runs) or {})
    score["false_alarms"] = {
        kind.value: [run.trial.name for run in runs if run.times_s({kind})] for kind in FALL_KINDS
    }
    score["stumble_trials"] = sum(bool(run.times_s({EventKind.STUMBLE})) for run in runs)
    parts: dict[str, Any] = {"steps": scoring.steps(runs), "direction": scoring.directions(runs)}
    return score | {name: part for name, part in parts.items() if part}
