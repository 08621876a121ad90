"""How often who is not tired is said to tire, and how soon growing variability and sway are noticed.

    python -m training.tired_walks

No recording of people who tire, let alone walking backward, is known to us. So walks are repeated without a
break, which tires nobody; then their step times and the trunk's rates are made to grow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import NamedTuple

import numpy as np

from monitor.core.detector import Detector
from monitor.core.samples import Floats
from monitor.core.steps import LONGEST_S
from monitor.core.tiring import ODD
from monitor.core.vocabulary import EventKind, StepEvent
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect_all
from monitor.recordings.scoring import Run
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FROM_S, OVER_S = 240.0, 600.0
"""The growth begins when the walker's own steps are learned, and is complete after ten minutes."""

WALKING_S = 1200.0
"""Each walk is repeated to this length."""

DSADS = ("a09", "a10", "a11")
UNTIRED = (
    ("DSADS, treadmill, flat and 15 degrees up", "dsads.npz", ("a10", "a11")),
    ("DSADS, parking lot", "dsads.npz", ("a09",)),
    ("DSADS, stairs, running, stepper, cross trainer", "dsads.npz", ("a05", "a06", "a12", "a13", "a14")),
    ("HAPT, corridor, each person's walks joined", "hapt.npz", ("walking",)),
    ("SisFall, in a room, walking", "sisfall.npz", ("D01", "D02")),
    ("LAFAN1 captures, walking in all directions", "lafan1walks.npz", ("walk1", "walk2", "walk3", "walk4")),
)


class Grown(NamedTuple):
    """By how much of itself each has grown in the end."""

    words: str
    rhythm: float
    sway: float


GROWTHS = (
    Grown("variability and sway by 25 %", 0.25, 0.25),
    Grown("variability and sway by 50 %", 0.5, 0.5),
    Grown("variability and sway by 100 %", 1.0, 1.0),
    Grown("variability alone by 100 %", 1.0, 0.0),
    Grown("sway alone by 100 %", 0.0, 1.0),
)
LIMITS = ((15.0, 40.0), (20.0, 50.0), (35.0, 80.0))
"""Others than the default ones, of both and of one alone."""


def chosen(file: str, activities: Sequence[str]) -> list[Trial]:
    """One trial for each person and activity: short ones are joined."""
    found = [trial for trial in Corpus(FOLDER / file) if trial.activity in activities]

    def who(trial: Trial) -> tuple[str, str, str, float]:
        whole = trial.name if trial.duration_s >= 60 else ""
        return trial.subject, trial.activity, whole, trial.rate_hz

    grouped = [list(trials) for _, trials in groupby(sorted(found, key=who), who)]
    return [joined(trials) for trials in grouped]


def joined(trials: Sequence[Trial]) -> Trial:
    """One after the other."""
    return replace(trials[0], counts=np.concatenate([trial.counts for trial in trials]))


def repeated(trial: Trial, to_s: float = WALKING_S) -> Trial:
    """Again and again, to that length."""
    n = round(to_s * trial.rate_hz)
    return replace(trial, counts=np.resize(trial.counts, (n, trial.counts.shape[1])))


def growing(trial: Trial, contact_s: Floats, grown: Grown, seed: int = 0) -> Trial:
    """Step times scatter and roll and pitch rates grow, slowly, from FROM_S on.

    Each step is drawn out or pressed together between its contacts, which adds to the walker's own scatter.
    """
    took_s = np.diff(contact_s)
    share = np.clip((contact_s[:-1] - FROM_S) / OVER_S, 0.0, 1.0)
    added = variability(took_s) * np.sqrt((1 + grown.rhythm * share) ** 2 - 1)
    noise = np.random.default_rng(seed).standard_normal(len(took_s))
    drawn = np.clip(1 + added * noise, 0.5, 2.0)
    knots_s = np.concatenate([contact_s[:1], contact_s[0] + np.cumsum(took_s * drawn)])
    n = len(trial.counts)
    at_s = np.arange(n) / trial.rate_hz
    where_s = np.interp(at_s, knots_s, contact_s)
    where_s = np.where((at_s < knots_s[0]) | (at_s > knots_s[-1]), at_s, where_s)
    counts = np.column_stack([np.interp(where_s, at_s, column) for column in trial.counts.T])
    counts[:, 3:5] *= 1 + grown.sway * np.clip((at_s[:, np.newaxis] - FROM_S) / OVER_S, 0.0, 1.0)
    return replace(trial, counts=np.clip(counts.round(), -32768, 32767).astype(trial.counts.dtype))


def variability(took_s: Floats) -> float:
    """Of the step times of a walk, each side against itself, as a share of them; hesitations count little."""
    walked_s = np.where(took_s < LONGEST_S, took_s, np.nan)
    mean_s = float(np.nanmean(walked_s))
    apart_s = np.minimum(np.abs(walked_s[2:] - walked_s[:-2]), ODD * mean_s)
    return float(np.sqrt(np.nanmean(apart_s**2) / 2)) / mean_s


def detected(trials: Sequence[Trial], limits: tuple[float, float] | None = None) -> list[Run]:
    settings = Settings()
    if limits:
        both, one = limits
        settings = replace(settings, tiring=replace(settings.tiring, both_percent=both, one_percent=one))
    return detect_all(trials, partial(Detector, settings, shipped()))


def said_s(run: Run) -> list[float]:
    return run.times_s({EventKind.TIRING})


def hours(runs: Iterable[Run]) -> float:
    """Of walking, that is from step to step."""
    steps = (e.step_s for run in runs for _, e in run.reported if isinstance(e, StepEvent))
    return float(np.nansum(list(steps))) / 3600


def untired(walking: str, runs: Sequence[Run]) -> Result:
    said = sum(len(said_s(run)) for run in runs)
    people = len({run.trial.subject for run in runs})
    shown = f"{said} times in {hours(runs):.1f} h ({len(runs)} walks, {people} people)"
    return {"walking": walking, "said": shown, "counts": [said, len(runs), people]}


def found(walking: str, runs: Sequence[Run]) -> Result:
    after = [min((s - FROM_S for s in said_s(run)), default=np.nan) / 60 for run in runs]
    count = int(np.count_nonzero(~np.isnan(after)))
    shown = f"in {count} of {len(runs)} walks"
    if count:
        shown += f", after {np.nanmedian(after):.0f} min in the median"
    minutes = [None if np.isnan(minute) else round(minute, 1) for minute in after]
    return {"walking": walking, "said": shown, "after_min": minutes}


def faster() -> list[Trial]:
    """The slow walk of each of SisFall's people, then the quick one, then the slow one."""
    by_person: dict[str, dict[str, Trial]] = {}
    for trial in chosen("sisfall.npz", ("D01", "D02")):
        by_person.setdefault(trial.subject, {})[trial.activity] = repeated(trial, WALKING_S / 3)
    both = [walks for walks in by_person.values() if len(walks) == 2]
    return [joined([walks["D01"], walks["D02"], walks["D01"]]) for walks in both]


def main() -> None:
    rows: list[Result] = []
    for label, file, activities in UNTIRED:
        rows.append(untired(label, detected([repeated(trial) for trial in chosen(file, activities)])))
    rows.append(untired("SisFall, slow, then quick, then slow again", detected(faster())))
    walks = [repeated(trial) for trial in chosen("dsads.npz", DSADS)]
    contacts_s = [
        np.array([e.contact_s for _, e in run.reported if isinstance(e, StepEvent)])
        for run in detected(walks)
    ]
    tired = {
        grown.words: [growing(*walk, grown) for walk in zip(walks, contacts_s, strict=True)]
        for grown in GROWTHS
    }
    rows += [found(f"DSADS, walking, {words}", detected(trials)) for words, trials in tired.items()]
    half = GROWTHS[1].words
    for limits in LIMITS:
        both, one = limits
        name = f"limits of {both:g} and {one:g} %"
        rows.append(untired(f"{name}: DSADS, walking", detected(walks, limits)))
        rows.append(found(f"{name}: {half}", detected(tired[half], limits)))
    files = tuple(dict.fromkeys(file for _, file, _ in UNTIRED))
    weights = {"contacts": digest(CONTACTS)}
    write("tiring", "python -m training.tired_walks", files, ("walking", "said"), rows, weights)
    for row in rows:
        print(row["walking"], row["said"], sep="  |  ")


if __name__ == "__main__":
    main()
