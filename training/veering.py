"""How often straight walking is taken for veering, and how soon a drift is noticed.

    python -m training.veering

Ordinary walking as it was recorded; and treadmill walking, which is as straight as walking gets, whose yaw
rate is made to drift from the second minute on.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core.detector import Detector
from monitor.core.vocabulary import EventKind, UnsafeStepEvent
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect_all
from monitor.recordings.scoring import Run
from monitor.recordings.units import COUNTS_PER_DPS
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FROM_S, WITHIN_S = 60.0, 20.0
DRIFTS_DPS = (0.0, 0.5, 1.0, 2.0, 3.0)
WALKS = (
    ("DSADS, treadmill, flat and 15 degrees up", "dsads.npz", ("a10", "a11")),
    ("DSADS, parking lot", "dsads.npz", ("a09",)),
    ("HAPT, corridor", "hapt.npz", ("walking",)),
    ("SisFall, 100 s in a room, so in bends", "sisfall.npz", ("D01", "D02")),
)


def chosen(file: str, activities: tuple[str, ...]) -> list[Trial]:
    return [trial for trial in Corpus(FOLDER / file) if trial.kind == "walk" and trial.activity in activities]


def drifting(trial: Trial, drift_dps: float) -> Trial:
    """The walker's heading turns by so much from FROM_S on."""
    counts = trial.counts.copy()
    counts[round(FROM_S * trial.rate_hz) :, 5] += round(drift_dps * COUNTS_PER_DPS)
    return replace(trial, counts=counts)


def detected(trials: list[Trial]) -> list[Run]:
    """With the check of both directions: these people walk forward."""
    settings = Settings()
    settings = replace(settings, unsafe_step=replace(settings.unsafe_step, both_directions=True))
    return detect_all(trials, partial(Detector, settings, shipped()))


def veers_s(run: Run) -> list[float]:
    """When steps were flagged for veering, whatever else spoke."""
    flags = (event for _, event in run.reported if isinstance(event, UnsafeStepEvent))
    return [event.time_s for event in flags if "veering_deg" in event.evidence]


def main() -> None:
    rows: list[Result] = []
    for label, file, activities in WALKS:
        runs = detected(chosen(file, activities))
        flags = sum(len(veers_s(run)) for run in runs)
        steps = sum(len(run.times_s({EventKind.STEP})) for run in runs)
        shown = f"{100 * flags / steps:.2f} of 100 steps ({flags} of {steps})"
        rows.append({"walking": label, "flagged": shown, "counts": [flags, steps]})
    for drift_dps in DRIFTS_DPS:
        runs = detected([drifting(trial, drift_dps) for trial in chosen(*WALKS[0][1:])])
        firsts = ([s - FROM_S for s in veers_s(run) if FROM_S < s <= FROM_S + WITHIN_S] for run in runs)
        found_s = [times_s[0] if times_s else np.nan for times_s in firsts]
        found = int(np.count_nonzero(~np.isnan(found_s)))
        after = f", after {np.nanmedian(found_s):.0f} s in the median" if found else ""
        rows.append(
            {
                "walking": f"treadmill, drifting by {drift_dps:g} deg/s",
                "flagged": f"{found} of {len(found_s)} within {WITHIN_S:.0f} s{after}",
                "found_s": [None if np.isnan(s) else round(s, 2) for s in found_s],
            }
        )
    files = ("dsads.npz", "hapt.npz", "sisfall.npz")
    weights = {"contacts": digest(CONTACTS)}
    write("veering", "python -m training.veering", files, ("walking", "flagged"), rows, weights)
    for row in rows:
        print(row["walking"], row["flagged"], sep="  |  ")


if __name__ == "__main__":
    main()
