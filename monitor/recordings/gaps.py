"""What holes in the samples cost: the same trials, with samples taken out around the moment that matters."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import EventKind
from monitor.recordings import corpus, scoring
from monitor.recordings.corpus import Trial
from monitor.recordings.evaluate import PIECE_S, RATE_HZ, Detects, MakeDetector, each, peak_s
from monitor.recordings.scoring import FALL_KINDS, Score

LENGTHS_S = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0)
FROM_S, TO_S = -1.0, 0.5
"""A hole begins so long after the impact of a fall, or the largest acceleration of another trial."""

LEGEND = """\
A hole begins 1.0 s before to 0.5 s after the impact of a fall, and the largest acceleration of any other
trial. Confirmed: reported as down. False alarms made: other trials with a fall alarm that they have without
the hole not. In brackets: 95 % intervals."""


def holed(block: SampleBlock, start_s: float, length_s: float) -> SampleBlock:
    """``block`` without the samples of this time."""
    kept = (block.time_s < start_s) | (block.time_s >= start_s + length_s)
    return replace(
        block, time_s=block.time_s[kept], accel_g=block.accel_g[kept], gyro_dps=block.gyro_dps[kept]
    )


def score(trials: Sequence[Trial], make_detector: MakeDetector, jobs: int | None) -> Score:
    """By the hole's length: falls detected and confirmed, and alarms in other trials that the hole made."""
    numbered = list(enumerate(trials))
    found = list(each(partial(_alarms, make_detector=make_detector), numbered, jobs))
    report: Score = {}
    for at, length_s in enumerate((0.0, *LENGTHS_S)):
        falls = [alarms[at] for trial, alarms in zip(trials, found, strict=True) if trial.kind == "fall"]
        others = [
            (alarms[0], alarms[at])
            for trial, alarms in zip(trials, found, strict=True)
            if trial.kind != "fall"
        ]
        made = sum(bool(with_hole - without) for without, with_hole in others)
        report[f"{length_s:g}"] = (
            scoring.share("detected", sum(bool(alarms) for alarms in falls), len(falls))
            | scoring.share("confirmed", sum(EventKind.DOWN in alarms for alarms in falls), len(falls))
            | scoring.share("false_alarms", made, len(others))
        )
    return report


def _alarms(numbered: tuple[int, Trial], make_detector: MakeDetector) -> list[set[EventKind]]:
    """The kinds of fall events without a hole, and with one of each length."""
    number, trial = numbered
    random = np.random.default_rng(number)  # the same holes whoever detects
    whole = corpus.whole(trial, RATE_HZ)
    unknown = trial.kind != "fall" or np.isnan(trial.impact_s)
    moment_s = peak_s(trial, whole) if unknown else trial.impact_s
    kinds = [_detected(whole, make_detector())]
    for length_s in LENGTHS_S:
        start_s = moment_s + random.uniform(FROM_S, TO_S)
        kinds.append(_detected(holed(whole, start_s, length_s), make_detector()))
    return kinds


def _detected(block: SampleBlock, detector: Detects) -> set[EventKind]:
    events = (event for piece in corpus.cut(block, PIECE_S) for event in detector.update(piece))
    return {event.kind for event in events if event.kind in FALL_KINDS}


def table(report: Score) -> str:
    """The report in columns."""
    lines = ["Hole        falls detected               confirmed    false alarms made"]
    for length_s, row in report.items():
        shares = (_share(row, name) for name in ("detected", "confirmed", "false_alarms"))
        lines.append(f"{length_s:>4} s " + "".join(f"{share:>24}" for share in shares))
    return "\n".join([*lines, "", LEGEND])


def _share(row: Score, name: str) -> str:
    if row[name] is None:
        return "-"
    low, high = row[f"{name}_ci95"]
    return f"{100 * row[name]:.1f} % ({100 * low:.1f}-{100 * high:.1f})"
