"""Whether `rearguard calibrate` finds how the sensor is worn, and whether a sensor that slid is noticed.

    python -m training.mounting

Real walks: of ipol's the three seconds before the walk and its first straight, as somebody calibrates; of all
data sets at the waist every walk as it was recorded, and SisFall's with the sensor turned round the belt.
"""

from dataclasses import replace
from functools import partial

import numpy as np

from monitor.core.calibration import UnsureError, find_mounting
from monitor.core.detector import Detector
from monitor.core.vocabulary import EventKind
from monitor.recordings.corpus import Corpus, Trial, whole
from monitor.recordings.evaluate import RATE_HZ, detect_all
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FILES = ("sisfall.npz", "kfall.npz", "gait.npz")
STILL_S, BEFORE_S = 3.0, 0.5
"""Standing still, which ends so long before the label of walking begins: who starts leans forward first."""

TURNED_DEG = (90.0, 45.0)


def calibrated(trial: Trial) -> str:
    """The mounting that the first straight shows; "" where it is refused."""
    start_s = next(stretch.start_s for stretch in trial.stretches if stretch.direction == "forward")
    turn_s = next(stretch.start_s for stretch in trial.stretches if stretch.direction == "turn")
    block = whole(trial, RATE_HZ)
    start_s -= BEFORE_S
    begin, start, stop = (round(s * RATE_HZ) for s in (max(start_s - STILL_S, 0.0), start_s, turn_s))
    still, walk = ((block.accel_g[a:b], block.gyro_dps[a:b]) for a, b in ((begin, start), (start, stop)))
    try:
        return find_mounting(still, walk, RATE_HZ, shipped().contacts).mounting
    except UnsureError:
        return ""


def turned(trial: Trial, degrees: float) -> Trial:
    """With the sensor slid so far round the belt."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.kron(np.eye(2), np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
    return replace(trial, counts=np.rint(trial.counts @ turn.T).clip(-32768, 32767).astype(np.int16))


def slid(trials: list[Trial]) -> list[int]:
    """In how many it is reported that the sensor slid, and of how many."""
    runs = detect_all(trials, partial(Detector, Settings(), shipped()))
    return [sum(bool(run.times_s({EventKind.SLID})) for run in runs), len(runs)]


def main() -> None:
    walks = [trial for file in FILES for trial in Corpus(FOLDER / file) if trial.kind == "walk"]
    walks = [trial for trial in walks if trial.dataset in ("sisfall", "kfall", "ipol")]
    found = [calibrated(trial) for trial in walks if trial.dataset == "ipol"]
    right, refused = found.count("+x +y +z"), found.count("")
    wrong = len(found) - right - refused
    first: Result = {
        "walks": "ipol, first straight: calibration",
        "result": f"{right} of {len(found)} right, {refused} refused as unsure, {wrong} wrong",
        "counts": [right, refused, wrong, len(found)],
    }
    cases = {f"{len(walks)} walks as they are: reported as slid": walks}
    for degrees in TURNED_DEG:
        of_sisfall = [turned(trial, degrees) for trial in walks if trial.dataset == "sisfall"]
        cases[f"SisFall, the sensor turned by {degrees:g} degrees: reported as slid"] = of_sisfall
    rows = [first]
    for label, trials in cases.items():
        said, of = slid(trials)
        rows.append({"walks": label, "result": f"{said} of {of}", "counts": [said, of]})
    weights = {"contacts": digest(CONTACTS)}
    write("mounting", "python -m training.mounting", FILES, ("walks", "result"), rows, weights)
    for row in rows:
        print(row["walks"], row["result"], sep="  |  ")


if __name__ == "__main__":
    main()
