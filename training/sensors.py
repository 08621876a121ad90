"""What slower and narrower sensors cost, and what holes in the samples cost: tables of docs/accuracy.md.

    python -m training.sensors

The weights have learned from these very people: the rows may be compared with each other, and no more.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core.detector import Detector
from monitor.core.vocabulary import EventKind
from monitor.recordings import gaps, scoring
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect_all
from monitor.recordings.scoring import FALL_KINDS
from monitor.recordings.units import COUNTS_PER_G
from monitor.settings import Settings
from monitor.weights import CONTACTS, FALLS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FILES = ("kfall.npz", "sisfall.npz")
MAKE = partial(Detector, Settings(), shipped())
THIRD = slice(None, None, 3)


def slower(trial: Trial, rate_hz: float) -> Trial:
    """Neighbouring samples averaged."""
    many = round(trial.rate_hz / rate_hz)
    whole = len(trial.counts) // many * many
    means = trial.counts[:whole].reshape(-1, many, 6).mean(axis=1)
    return replace(trial, counts=np.rint(means).astype(np.int16), rate_hz=trial.rate_hz / many)


def clipped(trial: Trial, limit_g: float) -> Trial:
    """An accelerometer of a narrower range."""
    limit = round(limit_g * COUNTS_PER_G)
    counts = trial.counts.copy()
    counts[:, :3] = np.clip(counts[:, :3], -limit, limit)
    return replace(trial, counts=counts)


def rates() -> list[Result]:
    cases: tuple[tuple[str, str, Callable[[Trial], Trial]], ...] = (
        ("KFall, 100 Hz", "kfall.npz", lambda trial: trial),
        ("KFall, 50 Hz", "kfall.npz", lambda trial: slower(trial, 50.0)),
        ("KFall, 20 Hz", "kfall.npz", lambda trial: slower(trial, 20.0)),
        ("SisFall, 200 Hz", "sisfall.npz", lambda trial: trial),
        ("SisFall, clipped at 4 g", "sisfall.npz", lambda trial: clipped(trial, 4.0)),
        ("SisFall, 50 Hz", "sisfall.npz", lambda trial: slower(trial, 50.0)),
        ("SisFall, 20 Hz", "sisfall.npz", lambda trial: slower(trial, 20.0)),
    )
    rows: list[Result] = []
    for label, file, change in cases:
        runs = detect_all([change(trial) for trial in Corpus(FOLDER / file)[THIRD]], MAKE)
        lead, stumbles = scoring.before_impact(runs), scoring.stumbles(runs)
        falls = scoring.falls(runs, FALL_KINDS)
        down = scoring.falls(runs, (EventKind.DOWN,))
        assert lead is not None
        assert stumbles is not None
        rows.append(
            {
                "recordings": label,
                "before the impact": _percent(lead["before_impact_n"]),
                "confirmed": _percent(down["sensitivity_n"]),
                "others without any fall alarm": _percent(falls["specificity_n"]),
                "median lead": f"{1000 * lead['lead_s_median']:.0f} ms",
                "stumbles": _percent(stumbles["sensitivity_n"]),
            }
        )
    return rows


def holes() -> list[Result]:
    trials = [trial for file in FILES for trial in Corpus(FOLDER / file)]
    rows: list[Result] = []
    for length, found in gaps.score(trials, MAKE, None).items():
        made = _percent(found["false_alarms_n"]) if float(length) else "-"
        rows.append(
            {
                "hole": f"{length} s" if float(length) else "none",
                "falls detected": _percent(found["detected_n"]),
                "confirmed": _percent(found["confirmed_n"]),
                "other trials in which it made a fall alarm": made,
            }
        )
    return rows


def _percent(counted: list[int]) -> str:
    hits, total = counted
    return f"{100 * hits / total:.1f} % of {total}" if total else "-"


def main() -> None:
    weights = {"falls": digest(FALLS), "contacts": digest(CONTACTS)}
    for name, rows in (("rates", rates()), ("holes", holes())):
        write(name, "python -m training.sensors", FILES, [*rows[0]], rows, weights)
        for row in rows:
            print(row)


if __name__ == "__main__":
    main()
