"""What docs/accuracy.md rests on: every person judged by weights that never saw that person.

    python -m training.held_out FOLD0.npz FOLD1.npz ... [--folds N] [--json REPORT.json] [--plots FOLDER]

The whole detector, with the shipped settings and the network's weights of the person's own fold,
scored by the rules of `rearguard evaluate`. There are as many folds as weights, or N; people of a
fold without weights are left out.
"""

import argparse
import json
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from monitor.core.detector import Detector
from monitor.core.vocabulary import EventKind
from monitor.recordings.corpus import Corpus
from monitor.recordings.evaluate import detect_all, report
from monitor.recordings.score_table import table
from monitor.recordings.scoring import FALL_KINDS, Run, found_s, wilson
from monitor.settings import Settings
from monitor.weights import read
from training.folder import FOLDER
from training.people import fold_of

FILES = ("sisfall.npz", "kfall.npz", "gait.npz")


def detector_with(weights: str) -> Detector:
    """A detector with other weights."""
    return Detector(Settings(), read(falls=Path(weights)))


def held_out(weights: list[str], folds: int) -> list[Run]:
    trials = [trial for file in FILES for trial in Corpus(FOLDER / file)]
    fold = fold_of(trials, folds)
    runs: list[Run] = []
    for number, path in enumerate(weights):
        unseen = [trial for trial in trials if fold[trial.dataset, trial.subject] == number]
        runs += detect_all(unseen, partial(detector_with, path), show_progress=True)
    return sorted(runs, key=lambda run: (run.trial.dataset, run.trial.activity, run.trial.name))


def plot_leads(runs: list[Run], path: Path) -> None:
    """How long before the impact FALLING is told, per data set and way of falling."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
    for axis, name in zip(axes, ("kfall", "sisfall"), strict=True):
        falls = [run for run in runs if run.trial.dataset == name and run.trial.kind == "fall"]
        for label, word in (("all falls", ""), ("backward", "backward"), ("while walking", "walking")):
            some = [run for run in falls if word in run.trial.description.lower()]
            told_s = [found_s(run, {EventKind.FALLING}) for run in some]
            leads_ms = sorted(
                1000 * (run.trial.impact_s - s) if s is not None else -np.inf
                for run, s in zip(some, told_s, strict=True)
            )
            share = 100 * (1 - np.arange(len(leads_ms)) / len(leads_ms))
            axis.step(leads_ms, share, label=f"{label} ({len(some)})", where="pre")
        axis.set(
            xlim=(-100, 900), ylim=(0, 101), title=name, xlabel="told at least so many ms before the impact"
        )
        axis.axvline(0, color="gray", linewidth=0.8)
        axis.grid(alpha=0.3)
        axis.legend()
    axes[0].set_ylabel("falls, %")
    figure.savefig(path, dpi=90)


def plot_activities(runs: list[Run], path: Path) -> None:
    """Which activities alarm falsely, and which falls are not told before the impact."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.trial.dataset, run.trial.activity), []).append(run)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for axis, title in zip(axes, ("false fall alarms", "falls not told before the impact"), strict=True):
        shares = {}
        for (name, activity), group in groups.items():
            first = group[0].trial
            if first.kind == "fall" and title.startswith("falls"):
                told_s = [found_s(run, {EventKind.FALLING}) for run in group]
                wrong = sum(
                    s is None or s >= run.trial.impact_s for run, s in zip(group, told_s, strict=True)
                )
            elif first.kind != "fall" and title.startswith("false"):
                wrong = sum(bool(run.times_s(FALL_KINDS)) for run in group)
            else:
                continue
            if wrong:
                shares[f"{name} {activity} {first.description}"[:50]] = (wrong, len(group))
        for row, (label, (wrong, total)) in enumerate(sorted(shares.items(), reverse=True)):
            low, high = wilson(wrong, total)
            axis.plot([100 * low, 100 * high], [row, row], color="lightsteelblue", linewidth=5)
            axis.plot(100 * wrong / total, row, "o", color="navy")
            axis.text(100 * high + 0.3, row, f"{wrong} of {total}", va="center", fontsize=7)
            axis.text(-0.5, row, label, ha="right", va="center", fontsize=7)
        axis.set(
            title=title, xlabel="% of trials, 95 % interval", yticks=[], xlim=(0, 1.15 * axis.get_xlim()[1])
        )
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--folds", type=int)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plots", type=Path)
    options = parser.parse_args()
    runs = held_out(options.weights, options.folds or len(options.weights))
    score = report(runs, Settings().unsafe_step.red_score)
    print(table(score))
    if options.json:
        options.json.write_text(json.dumps(score))
    if options.plots:
        plot_leads(runs, options.plots / "lead.png")
        plot_activities(runs, options.plots / "activities.png")


if __name__ == "__main__":
    main()
