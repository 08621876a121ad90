"""How often straight walking is taken for veering, and how soon a drift is noticed.

    python -m training.veering

Ordinary walking as it was recorded; and treadmill walking, which is as straight as walking gets, whose yaw
rate is made to drift, to the left and to the right, from several moments on. Then what other limits would
cost and find.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core.detector import Detector
from monitor.core.posture import Posture
from monitor.core.samples import Floats
from monitor.core.step_measures import StepMeasures
from monitor.core.steps import Steps
from monitor.core.unsafe import TERMS
from monitor.core.vocabulary import EventKind, UnsafeStepEvent
from monitor.recordings.corpus import Corpus, Trial, whole
from monitor.recordings.evaluate import RATE_HZ, detect_all
from monitor.recordings.scoring import Run
from monitor.recordings.units import COUNTS_PER_DPS
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

STARTS_S = (60.0, 120.0, 180.0)
WITHIN_S = (10.0, 15.0, 20.0, 30.0)
DRIFTS_DPS = (0.0, 0.5, 1.0, 2.0, 3.0)
LIMITS_DEG = (7.0, 8.0, 9.5, 11.0, 13.0)
SPELL_S = 10.0  # flags that are less apart are of one spell
WALKS = (
    ("DSADS, treadmill, flat and 15 degrees up", "dsads.npz", ("a10", "a11")),
    ("DSADS, parking lot", "dsads.npz", ("a09",)),
    ("HAPT, corridor, walks of 16 to 20 s", "hapt.npz", ("walking",)),
    ("SisFall, 100 s in a room, so in bends", "sisfall.npz", ("D01", "D02")),
)
FILES = ("dsads.npz", "hapt.npz", "sisfall.npz")
VEERING = [term.name for term in TERMS].index("veering_deg")


def chosen(file: str, activities: tuple[str, ...]) -> list[Trial]:
    return [trial for trial in Corpus(FOLDER / file) if trial.kind == "walk" and trial.activity in activities]


def drifting(trial: Trial, drift_dps: float, from_s: float) -> Trial:
    """The walker's heading turns by so much from then on."""
    counts = trial.counts.copy()
    counts[round(from_s * trial.rate_hz) :, 5] += round(drift_dps * COUNTS_PER_DPS)
    return replace(trial, counts=counts)


def drifts(trials: Sequence[Trial], drift_dps: float) -> list[tuple[float, Trial]]:
    """Each of ``trials`` drifting to both sides from each of STARTS_S on, which comes with it."""
    sides = (drift_dps, -drift_dps)
    return [(s, drifting(trial, side, s)) for trial in trials for s in STARTS_S for side in sides]


def detected(trials: list[Trial]) -> list[Run]:
    """With the check of both directions: these people walk forward."""
    settings = Settings()
    settings = replace(settings, unsafe_step=replace(settings.unsafe_step, both_directions=True))
    return detect_all(trials, partial(Detector, settings, shipped()))


def veers_s(run: Run) -> list[float]:
    """When steps were flagged for veering above all."""
    flags = (event for _, event in run.reported if isinstance(event, UnsafeStepEvent))
    return [event.time_s for event in flags if list(event.evidence)[1] == "veering_deg"]


def veered(trial: Trial) -> tuple[Floats, Floats]:
    """When steps were proved, and how far each was off the line, in degrees."""
    block = whole(trial, RATE_HZ)
    body = Posture(RATE_HZ).update(block.accel_g, block.gyro_dps)
    steps = Steps(Settings().direction, RATE_HZ, shipped().contacts).update(block.time_s, body)
    known = [step for step in StepMeasures(RATE_HZ).update(body, steps) if step]
    return np.array([one.step.proved_s for one in known]), np.array([one.values[VEERING] for one in known])


def spells(times_s: Sequence[float]) -> int:
    """How often it began."""
    return int(np.count_nonzero(np.diff(times_s, prepend=-np.inf) > SPELL_S))


def found(firsts_s: Sequence[float]) -> str:
    """The shares within WITHIN_S of those first flags; inf where there was none."""
    shares = [100 * np.mean(np.array(firsts_s) <= within_s) for within_s in WITHIN_S]
    return " / ".join(f"{share:.0f}" for share in shares) + " %"


def first(times_s: Sequence[float], from_s: float) -> float:
    return next((s - from_s for s in times_s if s > from_s), np.inf)


def shipped_limit() -> list[Result]:
    """By the whole detector."""
    rows: list[Result] = []
    for label, file, activities in WALKS:
        runs = detected(chosen(file, activities))
        flags = [veers_s(run) for run in runs]
        n, times = sum(map(len, flags)), sum(map(spells, flags))
        steps = sum(len(run.times_s({EventKind.STEP})) for run in runs)
        minutes = sum(run.trial.duration_s for run in runs) / 60
        often = "once" if times == 1 else f"{times} times"
        shown = f"{100 * n / steps:.2f} of 100 steps ({n} of {steps}); {often} in {minutes:.0f} min"
        rows.append({"walking": label, "flagged": shown, "counts": [n, steps], "spells": times})
    treadmill = chosen(*WALKS[0][1:])
    for drift_dps in DRIFTS_DPS:
        starts, trials = zip(*drifts(treadmill, drift_dps), strict=True)
        runs = detected(list(trials))
        firsts_s = [first(veers_s(run), s) for run, s in zip(runs, starts, strict=True)]
        shown = f"{found(firsts_s)} of {len(firsts_s)} within {', '.join(f'{s:.0f}' for s in WITHIN_S)} s"
        rows.append(
            {
                "walking": f"treadmill, drifting by {drift_dps:g} deg/s",
                "flagged": shown,
                "found_s": [None if np.isinf(s) else round(s, 2) for s in firsts_s],
            }
        )
    return rows


def other_limits() -> list[Result]:
    """By how far steps are off the line: the quantiles of straight walking, and limits between."""
    walks = {name: chosen(*walk[1:]) for name, walk in zip(("treadmill", "parking lot"), WALKS, strict=False)}
    straight = {name: [veered(trial) for trial in trials] for name, trials in walks.items()}
    turned = {
        drift_dps: [(s, veered(trial)) for s, trial in drifts(walks["treadmill"], drift_dps)]
        for drift_dps in DRIFTS_DPS[1:4]
    }
    rows: list[Result] = []
    for limit_deg in LIMITS_DEG:
        cells: Result = {"limit": f"{limit_deg:g} degrees"}
        for name, steps in straight.items():
            over = [times_s[deg > limit_deg].tolist() for times_s, deg in steps]
            share = 100 * sum(map(len, over)) / sum(len(deg) for _, deg in steps)
            cells[name] = f"{share:.2f} of 100 steps, {sum(map(spells, over))} times"
        for drift_dps, drifted in turned.items():
            firsts_s = [first(times_s[deg > limit_deg].tolist(), s) for s, (times_s, deg) in drifted]
            cells[f"{drift_dps:g} deg/s"] = found(firsts_s)
        rows.append(cells)
    for percent in (50, 95, 99):
        cells = {"limit": f"{percent} % of straight steps are within"}
        for name, steps in straight.items():
            deg = np.concatenate([deg[deg > 0] for _, deg in steps])
            cells[name] = f"{np.percentile(deg, percent):.1f} degrees"
        rows.append(cells | {f"{drift_dps:g} deg/s": "-" for drift_dps in turned})
    return rows


def main() -> None:
    weights, command = {"contacts": digest(CONTACTS)}, "python -m training.veering"
    for name, files, rows in (
        ("veering", FILES, shipped_limit()),
        ("veering_limits", FILES[:1], other_limits()),
    ):
        columns = [column for column in rows[0] if column not in ("counts", "spells")]
        write(name, command, files, columns, rows, weights)
        for cells in rows:
            print(*(cells[column] for column in columns), sep="  |  ")


if __name__ == "__main__":
    main()
