"""KFall, unpacked, to one file that Rearguard reads.

    python docs/examples/kfall.py KFall recordings/kfall.npz

sensor_data/SA06/S06T01R01.csv ... hold a time, a frame counter, acceleration in g, gyro in deg/s and Euler
angles, 100 lines per second; label_data/SA06_label.xlsx ... the frames of each fall's onset and impact.
Needs openpyxl (pip install openpyxl).
"""

import re
import sys
from pathlib import Path

import numpy as np
from body_frame import Floats, body_frame, turned
from openpyxl import load_workbook

from monitor.recordings.corpus import Trial, save, to_counts

RATE_HZ = 100.0
KINDS = {6: "walk", 7: "walk", 10: "stumble", **dict.fromkeys(range(20, 35), "fall")}
STANDING, ON_BACK, ON_BELLY = 1, 34, 30  # tasks: standing; backward and forward fall while walking
Key = tuple[str, int, int]  # subject, task, trial


def labels(path: Path) -> dict[Key, tuple[str, int, int]]:
    """Description, onset frame and impact frame of each fall in a subject's workbook."""
    book = load_workbook(path, read_only=True)
    found = {}
    task, description = 0, ""
    for code, words, number, onset, impact in book.active.iter_rows(min_row=2, max_col=5, values_only=True):
        if code:  # it stands on the first trial of each task only
            task, description = int(re.findall(r"\d+", str(code))[-1]), str(words).strip()
        if number and onset and impact:
            found[path.name[2:4], task, int(number)] = description, int(onset), int(impact)
    book.close()
    return found


def converted(folder: Path) -> list[Trial]:
    """Every file of the folder as a trial."""
    known = {}
    for path in sorted(folder.rglob("SA*_label.xlsx")):
        known |= labels(path)
    read: dict[Key, Floats] = {}
    for path in sorted(folder.rglob("S*T*R*.csv")):
        match = re.fullmatch(r"SA?(\d+)T(\d+)R(\d+)", path.stem)
        if match:
            read[match[1], int(match[2]), int(match[3])] = np.genfromtxt(
                path, delimiter=",", skip_header=1, usecols=range(1, 8)
            )

    def mean_g(task: int, rows: slice) -> Floats:
        return np.mean([x[rows, 1:4].mean(axis=0) for key, x in read.items() if key[1] == task], axis=0)

    end = slice(-round(RATE_HZ), None)
    frame = body_frame(mean_g(STANDING, slice(None)), mean_g(ON_BACK, end) - mean_g(ON_BELLY, end))
    return [trial(key, x[:, 0], *turned(x[:, 1:], frame), known.get(key)) for key, x in read.items()]


def trial(
    key: Key, frames: Floats, accel_g: Floats, gyro_dps: Floats, label: tuple[str, int, int] | None
) -> Trial:
    subject, task, number = key
    description, *at = label or ("",)
    onset_s, impact_s = np.searchsorted(frames, at) / RATE_HZ if at else (np.nan, np.nan)
    return Trial(
        f"SA{subject}T{task:02}R{number:02}",
        KINDS.get(task, "daily"),
        RATE_HZ,
        to_counts(accel_g, gyro_dps),
        dataset="kfall",
        subject=f"SA{subject}",
        activity=f"T{task:02}",
        description=description,
        onset_s=float(onset_s),
        impact_s=float(impact_s),
    )


if __name__ == "__main__":
    source, target = sys.argv[1:]
    save(target, converted(Path(source)))
