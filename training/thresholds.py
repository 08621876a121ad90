"""What moving a threshold costs, on recordings of people: the tables of docs/troubleshooting.md.

    python -m training.thresholds

The weights have learned from these very people: the rows may be compared with each other, and no more.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core.fall import FallSettings
from monitor.core.vocabulary import EventKind
from monitor.recordings import corpus, scoring
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import each
from monitor.recordings.scoring import FALL_KINDS, Run
from monitor.recordings.tuning.tracks import track
from monitor.settings import Settings
from monitor.weights import CONTACTS, FALLS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FILES = ("kfall.npz", "sisfall.npz")
SHIPPED = Settings().fall
FALLING = (1.5, 2.25, 3.0, 4.0, 5.0)
TILTS_DEG = (50.0, 60.0, 70.0, 80.0)


def runs(trial: Trial, settings: tuple[FallSettings, ...]) -> list[Run]:
    """What is reported of a trial with each of the settings."""
    whole = corpus.whole(trial, 100.0)
    scored = track([whole], Settings(), shipped())
    peak_s = float(whole.time_s[np.argmax(np.linalg.norm(whole.accel_g, axis=1))])
    return [
        Run(trial, tuple((event.time_s, event) for event in scored.falls(one)), peak_s, 0.0)
        for one in settings
    ]


def main() -> None:
    settings = (
        *(replace(SHIPPED, falling_threshold=value) for value in FALLING),
        *(replace(SHIPPED, down_tilt_deg=value) for value in TILTS_DEG),
    )
    trials = [trial for file in FILES for trial in Corpus(FOLDER / file)]
    columns = list(zip(*each(partial(runs, settings=settings), trials, None), strict=True))
    falling = [_falling(value, of) for value, of in zip(FALLING, columns, strict=False)]
    tilts = [_tilt(value, of) for value, of in zip(TILTS_DEG, columns[len(FALLING) :], strict=True)]
    weights = {"falls": digest(FALLS), "contacts": digest(CONTACTS)}
    command = "python -m training.thresholds"
    write("threshold_falling", command, FILES, [*falling[0]][:4], falling, weights)
    write("threshold_tilt", command, FILES, [*tilts[0]][:3], tilts, weights)
    for row in (*falling, *tilts):
        print(row)


def _falling(value: float, of: tuple[Run, ...]) -> Result:
    lead = scoring.before_impact(of)
    assert lead is not None
    daily = scoring.of_kind(of, "daily", "walk")
    alarms = sum(scoring.incidents(run.times_s(FALL_KINDS)) for run in daily)
    return {
        "`fall.falling_threshold`": f"{value:g}",
        "before the impact": f"{100 * lead['before_impact']:.1f} % of {lead['before_impact_n'][1]}",
        "median lead": f"{1000 * lead['lead_s_median']:.0f} ms",
        "false alarms": f"{alarms} in {scoring.hours(daily):.1f} h of daily life and walking",
        "counts": [*lead["before_impact_n"], alarms],
    }


def _tilt(value: float, of: tuple[Run, ...]) -> Result:
    down = scoring.falls(of, (EventKind.DOWN,))
    found, total = down["sensitivity_n"]
    quiet, others = down["specificity_n"]
    return {
        "`fall.down_tilt_deg`": f"{value:g}",
        "falls confirmed": f"{100 * found / total:.1f} % of {total}",
        "falsely confirmed": f"{others - quiet} of {others}",
        "counts": [found, total, quiet, others],
    }


if __name__ == "__main__":
    main()
