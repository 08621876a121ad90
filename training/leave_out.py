"""What the README rests on: scored with weights that never saw the person, or the laboratory.

    python -m training.leave_out FOLDER [--steps 5000] [--json REPORT.json] [--plots FOLDER]

Weights that are not in FOLDER yet are trained first: fold0.npz to fold3.npz, each without a quarter of the
people of every data set (elders dealt apart), and without_LABORATORY.npz for each laboratory that recorded
falls or daily life. The whole detector, with the shipped settings, is then scored on those left out, by the
rules of `rearguard evaluate`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from monitor.core.detector import Detector
from monitor.core.vocabulary import EventKind
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect_all, report
from monitor.recordings.score_table import table
from monitor.recordings.scoring import FALL_KINDS, Run, Score, found_s, wilson
from monitor.settings import Settings
from monitor.weights import CONTACTS, FALLS, read
from training.folder import FILES, FOLDER
from training.people import fold_of, laboratory
from training.results import Result, digest, write

COMMAND = "python -m training.leave_out FOLDER"
FOLDS = 4
LABORATORY_STEPS = "3000"
SHOWN = {"kfall": "KFall", "sisfall": "SisFall", "hapt": "HAPT", "dsads": "DSADS", "ipol": "ipol"}


def detector_with(weights: str) -> Detector:
    """A detector with other weights."""
    return Detector(Settings(), read(falls=Path(weights)))


def trained(path: Path, *options: str, module: str = "training.train") -> Path:
    """Weights trained with these options of ``module``, unless they are there."""
    if not path.exists():
        subprocess.run([sys.executable, "-m", module, str(path), *options], check=True)
    return path


def judged(weights: Path, unseen: Iterable[Trial]) -> list[Run]:
    return detect_all(list(unseen), partial(detector_with, str(weights)), show_progress=True)


def percent(score: Score | None, name: str) -> str:
    """A share with its interval and of how many."""
    if not score or score.get(name) is None:
        return "-"
    low, high = score[f"{name}_ci95"]
    return f"{100 * score[name]:.1f} % ({100 * low:.1f}-{100 * high:.1f}) of {score[f'{name}_n'][1]}"


def rate(score: Score | None, name: str) -> str:
    """Per hour, with its interval and of how many hours."""
    if not score or score.get(name) is None:
        return "-"
    low, high = score[f"{name}_ci95"]
    return f"{score[name]:.2f} ({low:.2f}-{high:.2f}) in {score[f'{name}_n'][1]:.1f} h"


def lead(score: Score | None) -> str:
    return f"{1000 * score['lead_s_median']:.0f} ms" if score and score["lead_s_median"] is not None else "-"


ROWS: dict[str, Callable[[Any], str]] = {
    "falls detected before the impact": lambda part: percent(part["falling"], "before_impact"),
    "… how long before, median": lambda part: lead(part["falling"]),
    "falls confirmed": lambda part: percent(part["fall"]["down"], "sensitivity"),
    "other trials without any fall alarm": lambda part: percent(part["fall"], "specificity"),
    "… without a confirmed one": lambda part: percent(part["fall"]["down"], "specificity"),
    "false fall alarms per hour, daily life": lambda part: rate(part["fall"], "false_alarms_per_hour_daily"),
    "… per hour of walking": lambda part: rate(part["fall"], "false_alarms_per_hour_walk"),
    "stumbles detected": lambda part: percent(part["stumble"], "sensitivity"),
    "false stumbles per hour, daily life": lambda part: rate(part["stumble"], "false_alarms_per_hour_daily"),
    "false stumbles per hour of walking": lambda part: rate(part["stumble"], "false_alarms_per_hour_walk"),
}


def rows_of(score: Score) -> list[Result]:
    """The table: a row for each figure, a column for each data set that is shown."""
    rows: list[Result] = [
        {"": what} | {SHOWN[name]: cell(score[name]) for name in SHOWN if name in score}
        for what, cell in ROWS.items()
    ]
    rows[0]["scores"] = {
        name: score[name] | {"activities": activities(score[name])}
        for name in (*SHOWN, "all")
        if name in score
    }
    return rows


def activities(part: Score) -> Result:
    """Those in which something went wrong: falls detected late or missed, false alarms, and their numbers."""
    found: Result = {}
    for name, activity in part["activities"].items():
        late = activity.get("before_impact_n", [0, 0])
        wrong = {
            "not before the impact": late[1] - late[0],
            "missed": {kind: len(names) for kind, names in activity.get("missed", {}).items() if names},
            "false alarms": {k: len(names) for k, names in activity.get("false_alarms", {}).items() if names},
        }
        if any(wrong.values()):
            found[name] = {key: activity[key] for key in ("description", "trials")} | wrong
    return found


README = ("falls", "… how long", "other trials without", "false fall alarms", "stumbles")
"""How the rows begin that the README shows."""


def unseen(people: list[Result], laboratories: list[Result]) -> list[Result]:
    """The README's table: for each data set, what other people and what another laboratory score."""
    return [
        {
            "": f"{shown}: {row[''].removeprefix('… ')}",
            "other people": row[shown],
            "another laboratory": other[shown],
        }
        for shown in SHOWN.values()
        for row, other in zip(people, laboratories, strict=True)
        if row[""].startswith(README) and other.get(shown, "-") != "-"
    ]


def taken_off(runs: list[Run]) -> Result:
    """How recordings of taking the sensor off end."""
    off = [run for run in runs if run.trial.dataset == "hapt_off"]
    noticed = sum(bool(run.times_s({EventKind.TAKEN_OFF})) for run in off)
    fallen = sum(bool(run.times_s(FALL_KINDS)) for run in off)
    return {"recordings": len(off), "taken off": noticed, "any fall alarm": fallen}


def plot_leads(runs: list[Run], path: Path) -> None:
    """How long before the impact FALLING is reported, per data set and way of falling."""
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
            xlim=(-100, 900),
            ylim=(0, 101),
            title=name,
            xlabel="detected at least so many ms before the impact",
        )
        axis.axvline(0, color="gray", linewidth=0.8)
        axis.grid(alpha=0.3)
        axis.legend()
    axes[0].set_ylabel("falls, %")
    figure.savefig(path, dpi=90)


def plot_activities(runs: list[Run], path: Path) -> None:
    """Which activities alarm falsely, and which falls are not detected before the impact."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.trial.dataset, run.trial.activity), []).append(run)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for axis, title in zip(axes, ("false fall alarms", "falls not detected before the impact"), strict=True):
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
        axis.set(xlabel="% of trials, 95 % interval", yticks=[], xlim=(0, 1.15 * axis.get_xlim()[1]))
        axis.set_title(title, fontsize=10)
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", default="5000")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plots", type=Path)
    options = parser.parse_args()
    folder: Path = options.folder
    trials = [trial for file in FILES for trial in Corpus(FOLDER / file)]
    fold = fold_of(trials, FOLDS)
    groups: dict[str, dict[Path, list[Trial]]] = {"people": {}, "laboratories": {}}
    for number in range(FOLDS):
        split = ("--fold", str(number), "--folds", str(FOLDS))
        weights = trained(folder / f"fold{number}.npz", *split, "--steps", options.steps)
        groups["people"][weights] = [t for t in trials if fold[t.dataset, t.subject] == number]
    for name in sorted({laboratory(trial) for trial in trials} - {"bandai", "ipol"}):
        left = ("--without", name, "--steps", LABORATORY_STEPS)
        weights = trained(folder / f"without_{name}.npz", *left)
        groups["laboratories"][weights] = [t for t in trials if laboratory(t) == name]
    tables: dict[str, list[Result]] = {}
    digests = {"contacts": digest(CONTACTS)}
    for left_out, parts in groups.items():
        runs = [run for weights, unseen in parts.items() for run in judged(weights, unseen)]
        runs.sort(key=lambda run: (run.trial.dataset, run.trial.activity, run.trial.name))
        score = report(runs, Settings().unsafe_step.red_score)
        print(f"Left out: {left_out}\n{table(score)}\n{taken_off(runs)}\n", flush=True)
        rows = rows_of(score)
        rows[0]["taken off"] = taken_off(runs)
        tables[left_out] = rows
        columns = ("", *(name for key, name in SHOWN.items() if key in score))
        own = {path.stem: digest(path) for path in parts}
        digests |= own
        beside = {"contacts": digest(CONTACTS)}
        write(left_out, COMMAND, FILES, columns, rows, weights=own | beside, instead_of=digest(FALLS))
        if left_out == "people" and options.json:
            options.json.write_text(json.dumps(score))
        if left_out == "people" and options.plots:
            plot_leads(runs, options.plots / "lead.png")
            plot_activities(runs, options.plots / "activities.png")
    columns = ("", "other people", "another laboratory")
    write("unseen", COMMAND, FILES, columns, unseen(**tables), digests, instead_of=digest(FALLS))


if __name__ == "__main__":
    main()
