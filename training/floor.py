"""How far the thresholds may be raised before they cost what they are for: the floor of `rearguard tune`.

    python -m training.floor

Each threshold alone, all else as shipped. The weights have learned from these very recordings, which flatters
them: so the floor lies only half as far from the shipped value as the limit found here.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from monitor.core.vocabulary import Event, EventKind
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.scoring import Run, found_s, impact_s, stumble_s
from monitor.recordings.tuning.engine import each
from monitor.recordings.tuning.floor import FLOOR
from monitor.recordings.tuning.tracks import Track, track
from monitor.settings import Settings
from monitor.weights import CONTACTS, FALLS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FILES = ("kfall.npz", "sisfall.npz", "lafan1falls.npz")
MAY_LOSE_PERCENT = {
    "fall.falling_threshold": 1.0,  # of the falls suspected before their impact
    "fall.down_threshold": 0.5,  # of the falls confirmed
    "stumble.threshold": 2.0,  # of the stumbles
}

STEP, MOST = 0.25, 12.0
SHIPPED = Settings()

Found = Callable[[Trial, Track, float, float], bool]


def before_impact(trial: Trial, scored: Track, peak_s: float, threshold: float) -> bool:
    """Is the fall suspected before its impact?"""
    run = _run(trial, scored.falls(replace(SHIPPED.fall, falling_threshold=threshold)), peak_s)
    told_s = found_s(run, {EventKind.FALLING})
    return told_s is not None and told_s < impact_s(run)


def confirmed(trial: Trial, scored: Track, peak_s: float, threshold: float) -> bool:
    """Is it confirmed?"""
    run = _run(trial, scored.falls(replace(SHIPPED.fall, down_threshold=threshold)), peak_s)
    return found_s(run, {EventKind.DOWN}) is not None


def stumbled(trial: Trial, scored: Track, peak_s: float, threshold: float) -> bool:
    """Is the stumble reported?"""
    run = _run(trial, scored.stumbles(replace(SHIPPED.stumble, threshold=threshold)), peak_s)
    return stumble_s(run) is not None


QUESTIONS: dict[str, tuple[str, Found, float]] = {
    "fall.falling_threshold": ("fall", before_impact, SHIPPED.fall.falling_threshold),
    "fall.down_threshold": ("fall", confirmed, SHIPPED.fall.down_threshold),
    "stumble.threshold": ("stumble", stumbled, SHIPPED.stumble.threshold),
}


def _run(trial: Trial, events: Sequence[Event], peak_s: float) -> Run:
    return Run(trial, tuple((event.time_s, event) for event in events), peak_s, 0.0)


def highest(trial: Trial) -> dict[str, float]:
    """Of one trial, up to which value each threshold still finds it, where the shipped value does."""
    whole = corpus.whole(trial, 100.0)
    scored = track([whole], SHIPPED, shipped())
    peak_s = float(whole.time_s[np.argmax(np.linalg.norm(whole.accel_g, axis=1))])
    found: dict[str, float] = {}
    for key, (kind, is_found, now) in QUESTIONS.items():
        if trial.kind != kind or not is_found(trial, scored, peak_s, now):
            continue
        found[key] = now
        for value in np.arange(now + STEP, now + MOST + STEP / 2, STEP).tolist():
            if not is_found(trial, scored, peak_s, value):
                break
            found[key] = value
    return found


def main() -> None:
    trials = [trial for file in FILES for trial in Corpus(FOLDER / file) if trial.kind in ("fall", "stumble")]
    reached = list(each(highest, trials))
    rows: list[Result] = []
    for key, (_, _, now) in QUESTIONS.items():
        values = np.array([found[key] for found in reached if key in found])
        may_lose = MAY_LOSE_PERCENT[key]
        limit = float(np.quantile(values, may_lose / 100, method="lower"))
        rows.append(
            {
                "setting": f"`{key}`",
                "shipped": f"{now:g}",
                "loses no more than": f"{may_lose:g} % of {len(values)} up to {limit:g}",
                "floor": f"{FLOOR[key]:g}",
                "limit": limit,
                "half_way": now + (limit - now) / 2,
            }
        )
    for row in rows:
        print(row)
    weights = {"falls": digest(FALLS), "contacts": digest(CONTACTS)}
    columns = ("setting", "shipped", "loses no more than", "floor")
    write("floor", "python -m training.floor", FILES, columns, rows, weights)


if __name__ == "__main__":
    main()
