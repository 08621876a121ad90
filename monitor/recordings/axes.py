"""Are a recording's axes the body's? Gravity while walking and the tilting trunk show it.

The limits lie between what nine data sets show as they are, and with axes swapped or turned round: walking,
z reads 0.85 g and more; where the trunk tilts by 45 degrees it does as the gyro says, with a correlation of
0.67 to 0.80 (0.27 and 0.32 in sets with few short clips), and with wrong axes of -0.80 to 0.6. So some are
not found, such as the gyro's x or z turned round.
"""

import math
from collections.abc import Sequence

import numpy as np

from monitor.core.samples import Floats
from monitor.recordings.corpus import Trial
from monitor.recordings.recorded import units
from monitor.recordings.units import tilting, windows

UP_G = 0.5
TILTED = math.cos(math.radians(45.0))
AGREES = 0.2
FEWEST = 3
"""Trials that tilt: fewer show too little."""

EXPECTED = "expected x forward, y left, z up (docs/frames.md)"


def doubts(trials: Sequence[Trial]) -> list[str]:
    """What is wrong with the axes of trials that are recorded alike; empty where nothing is seen."""
    found = (_gravity(trials), _tilting(trials))
    return [f"axes: {EXPECTED}, found {doubt}" for doubt in found if doubt]


def _gravity(trials: Sequence[Trial]) -> str:
    means = [t.counts[:, :3].mean(axis=0) for t in trials if t.kind == "walk" and len(t.counts)]
    ways = [mean / np.linalg.norm(mean) for mean in means if mean.any()]
    if not ways:
        return ""
    read = np.median(ways, axis=0)
    x, y, z = (f"{value:.1f}" for value in read.tolist())
    return f"gravity at x {x}, y {y}, z {z} while walking" if read[2] < UP_G else ""


def _tilting(trials: Sequence[Trial]) -> str:
    sums: list[Floats] = []
    for trial in trials:
        cut, window_s = windows(trial.counts, trial.rate_hz)
        mean = cut.mean(axis=1) * units(trial.form)
        up, predicted, tilted = tilting(mean[:, :3], mean[:, 3:], window_s)
        if len(up) and (up @ up[0]).min() < TILTED:
            sums.append(np.array([(predicted * tilted).sum(), (predicted**2).sum(), (tilted**2).sum()]))
    if len(sums) < FEWEST:
        return ""
    together, said, seen = np.sum(sums, axis=0).tolist()
    agrees = together / math.sqrt(said * seen) if said and seen else 1.0
    wrong = "the trunk tilting otherwise than the gyro says: axes of one swapped, turned round or left-handed"
    return f"{wrong} (correlation {agrees:.2f})" if agrees < AGREES else ""
