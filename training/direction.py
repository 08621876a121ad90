"""Direction, by laboratory, mount, style and speed, and what each cue is worth: tables of docs/accuracy.md.

    python -m training.direction

Motion capture is also played slower, and ipol's real forward walking backward in time. "Slower"
scales the motion as slower walking would: accelerations but for gravity by the square of it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core import direction
from monitor.core.detector import Detector
from monitor.core.posture import UpVector
from monitor.core.vocabulary import Direction, StepEvent
from monitor.recordings import scoring
from monitor.recordings.corpus import Corpus, Stretch, Trial, to_counts
from monitor.recordings.evaluate import detect_all
from monitor.recordings.scoring import Run
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

OTHER = {"forward": "backward", "backward": "forward"}


def slower(trial: Trial, factor: float) -> Trial:
    """The same motion, ``factor`` times as long."""
    accel_g, gyro_dps = trial.counts[:, :3] / COUNTS_PER_G, trial.counts[:, 3:] / COUNTS_PER_DPS
    up = UpVector(trial.rate_hz)(accel_g.T, gyro_dps.T).T
    counts = to_counts(up + (accel_g - up) / factor**2, gyro_dps / factor)
    stretches = tuple(Stretch(s.direction, s.start_s * factor, s.stop_s * factor) for s in trial.stretches)
    return replace(trial, counts=counts, rate_hz=trial.rate_hz / factor, stretches=stretches, contact_s=())


def reversed_in_time(trial: Trial) -> Trial:
    """The film run backward: rates turn round, accelerations do not."""
    counts = trial.counts[::-1] * np.array([1, 1, 1, -1, -1, -1], dtype=np.int16)
    ends_s = trial.duration_s
    stretches = tuple(
        Stretch(OTHER.get(s.direction, s.direction), ends_s - s.stop_s, ends_s - s.start_s)
        for s in reversed(trial.stretches)
    )
    return replace(trial, counts=counts, stretches=stretches, contact_s=())


Change = Callable[[Trial], Trial]

CASES: tuple[tuple[str, str, str, Change | None], ...] = (
    ("SisFall, sensor in front, walking", "sisfall.npz", "", None),
    ("ipol, lower back, walking and turning", "gait.npz", "ipol", None),
    ("HAPT, phone at the waist, walking", "hapt.npz", "", None),
    ("DSADS, chest, ground and treadmill", "dsads.npz", "", None),
    ("Bandai, acted styles, buckle", "gait.npz", "buckle", None),
    ("Bandai, acted styles, small of the back", "gait.npz", "small of the back", None),
    ("BONES, walking", "bones.npz", "walk", None),
    ("BONES, jogging", "bones.npz", "jog", None),
    ("LAFAN1 walks, buckle", "lafan1walks.npz", "buckle", None),
    ("LAFAN1 walks, small of the back", "lafan1walks.npz", "small of the back", None),
    ("Bandai, twice slower", "gait.npz", "motion capture", partial(slower, factor=2.0)),
    ("BONES, walking, 1.5 times slower", "bones.npz", "walk", partial(slower, factor=1.5)),
    ("BONES, walking, twice slower", "bones.npz", "walk", partial(slower, factor=2.0)),
    ("LAFAN1 walks, 1.5 times slower", "lafan1walks.npz", "", partial(slower, factor=1.5)),
    ("LAFAN1 walks, twice slower", "lafan1walks.npz", "", partial(slower, factor=2.0)),
    ("ipol, the film run backward", "gait.npz", "ipol", reversed_in_time),
)


def chosen(file: str, word: str) -> list[Trial]:
    """The file's trials with a known direction that say ``word`` of themselves."""
    return [
        trial
        for trial in Corpus(FOLDER / file)
        if word in f"{trial.dataset} {trial.activity} {trial.description}"
        and any(stretch.direction in OTHER for stretch in trial.stretches)
    ]


Figures = dict[str, dict[str, float]]


def measured(trials: list[Trial]) -> tuple[Figures, list[int]]:
    """By direction: how long it was right, wrong, and labelled so, in s; by stretch, the first right step."""
    runs = detect_all(trials, partial(Detector, Settings(), shipped()), jobs=1, show_progress=True)
    figures = {
        way: {"right_s": part["right_n"][0], "wrong_s": part["wrong_n"][0], "of_s": part["right_n"][1]}
        for way, part in (scoring.directions(runs) or {}).items()
        if part
    }
    return figures, [first for run in runs for first in first_right_steps(run)]


MOUNTS = ("buckle", "small of the back")
STYLES = (
    ("Bandai", "gait.npz", "motion capture", "subject"),
    ("BONES", "bones.npz", "walk", "activity"),
    ("LAFAN1", "lafan1walks.npz", "", "activity"),
)
"""Of these each acted style is a row of its own: the files name it as the subject, or as the activity."""


def by_style() -> list[Result]:
    """A row for each style: direction by way and mount."""
    rows = []
    for laboratory, file, word, kind in STYLES:
        trials = chosen(file, word)
        for style in sorted({trial.group(kind) for trial in trials}):
            row: Result = {"style": f"{laboratory}, {style.removeprefix('style-').replace('_', ' ')}"}
            for mount in MOUNTS:
                own = [t for t in trials if t.group(kind) == style]
                figures, _ = measured([t for t in own if mount in f"{t.activity} {t.description}"])
                for way in ("forward", "backward"):
                    row[f"{way}, {mount}"] = cell(figures.get(way), long=True)
                    row[f"{way}, {mount}: counts"] = figures.get(way)
            rows.append(row)
    return rows


def first_right_steps(run: Run) -> list[int]:
    """For each stretch of four steps and more: which of its steps is the first of the right direction.

    One more than there are where none is.
    """
    steps = [event for _, event in run.reported if isinstance(event, StepEvent)]
    firsts = []
    for stretch in run.trial.stretches:
        if stretch.direction not in OTHER:
            continue
        wanted = Direction.FORWARD if stretch.direction == "forward" else Direction.BACKWARD
        ways = [s.direction for s in steps if stretch.start_s <= s.contact_s <= stretch.stop_s]
        if len(ways) >= 4:
            firsts.append(([*ways, wanted]).index(wanted) + 1)
    return firsts


def cell(figures: dict[str, float] | None, *, long: bool = False) -> str:
    """Right / wrong in percent, for a long cell with the time that they are shares of."""
    if figures is None:
        return "-"
    right, wrong = (100 * figures[name] / figures["of_s"] for name in ("right_s", "wrong_s"))
    return f"{right:.1f} / {wrong:.1f} %" + (f" of {figures['of_s']:.0f} s" if long else "")


WITHOUT = {"without the trunk's cue": "TRUNK", "without the lever either": "LEVER_M"}
"""Ablations, one after the other: constants of monitor/core/direction.py that become 0."""


def main() -> None:
    rows: list[Result] = [{"recordings": label} for label, *_ in CASES]
    styles = by_style()
    for what in ("", *WITHOUT):
        if what:
            vars(direction)[WITHOUT[what]] = 0.0
        for row, (label, file, word, change) in zip(rows, CASES, strict=True):
            trials = chosen(file, word)
            figures, firsts = measured([change(trial) for trial in trials] if change else trials)
            if not what:
                row["known with step"] = (
                    f"{np.median(firsts):.0f} ({sum(n <= 4 for n in firsts)} of {len(firsts)})"
                )
                row["known with step: counts"] = firsts
            for way in ("forward", "backward"):
                name = f"{way}, {what}" if what else way
                row[name] = cell(figures.get(way), long=not what)
                row[f"{name}: counts"] = figures.get(way)
            print(what, label, row[f"forward, {what}" if what else "forward"], sep="  |  ", flush=True)
    files = sorted({file for _, file, _, _ in CASES})
    command = "python -m training.direction"
    weights = {"contacts": digest(CONTACTS)}
    shown = ("recordings", "forward", "backward", "known with step")
    whole = [{key: row[key] for key in row if ", without" not in key} for row in rows]
    write("direction", command, files, shown, whole, weights)
    columns = [f"{way}, {what}" for way in ("forward", "backward") for what in WITHOUT]
    ablated = [{key: row[key] for key in row if key == "recordings" or ", without" in key} for row in rows]
    write("direction_ablation", command, files, ("recordings", *columns), ablated, weights)
    by_mount = [f"{way}, {mount}" for way in ("forward", "backward") for mount in MOUNTS]
    captures = [file for _, file, *_ in STYLES]
    write("direction_styles", command, captures, ("style", *by_mount), styles, weights)


if __name__ == "__main__":
    main()
