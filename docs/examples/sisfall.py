"""SisFall, unpacked, to one file that Rearguard reads.

    python docs/examples/sisfall.py SisFall_dataset recordings/sisfall.npz

Its text files (SA01/F01_SA01_R01.txt ...) hold nine whole numbers per line, 200 lines per second: an
ADXL345 at 256 counts per g, an ITG-3200 at 14.375 counts per deg/s (so its data sheet; the set's own Readme
says 4000 / 65536 deg/s, 14 % less), and a second accelerometer, which is left out. There are no labels in
time: falls are without onset and impact.
"""

import sys
from pathlib import Path

import numpy as np
from body_frame import Floats, body_frame, turned

from monitor.recordings.corpus import Stretch, Trial, save, to_counts

RATE_HZ = 200.0
UNITS_PER_COUNT = np.repeat([1 / 256, 1 / 14.375], 3)
WALKS = {"D01": "Walking slowly", "D02": "Walking quickly"}
STUMBLES = {"D18": "Stumble while walking"}
FALLS = {
    "F01": "Forward fall while walking, a slip",
    "F02": "Backward fall while walking, a slip",
    "F03": "Lateral fall while walking, a slip",
    "F04": "Forward fall while walking, a trip",
    "F05": "Forward fall while jogging, a trip",
    "F06": "Vertical fall while walking, fainting",
    "F07": "Fall while walking, dampened with the hands, fainting",
    "F08": "Forward fall when trying to get up",
    "F09": "Lateral fall when trying to get up",
    "F10": "Forward fall when trying to sit down",
    "F11": "Backward fall when trying to sit down",
    "F12": "Lateral fall when trying to sit down",
    "F13": "Forward fall while sitting, fainting",
    "F14": "Backward fall while sitting, fainting",
    "F15": "Lateral fall while sitting, fainting",
}


def samples(path: Path) -> Floats:
    """Acceleration in g and gyro in deg/s (n, 6), in the sensor's axes."""
    lines = path.read_text().replace(";", "").split("\n")
    rows = [line.split(",")[:6] for line in lines if line.count(",") >= 5]
    return np.array(rows, float) * UNITS_PER_COUNT


def converted(folder: Path) -> list[Trial]:
    """Every file of the folder as a trial."""
    files = sorted(folder.rglob("[DF][0-9][0-9]_S[AE][0-9][0-9]_R[0-9][0-9].txt"))
    read = {path: samples(path) for path in files}

    def mean_g(code: str, rows: slice) -> Floats:
        return np.mean(
            [x[rows, :3].mean(axis=0) for path, x in read.items() if path.name[:3] == code], axis=0
        )

    # After F02 people lie on their back, after F04 on their belly.
    end = slice(-round(RATE_HZ), None)
    frame = body_frame(mean_g("D01", slice(None)), mean_g("F02", end) - mean_g("F04", end))
    return [trial(path, *turned(x, frame)) for path, x in read.items()]


def trial(path: Path, accel_g: Floats, gyro_dps: Floats) -> Trial:
    activity, subject, _ = path.stem.split("_")
    known = {"walk": WALKS, "stumble": STUMBLES, "fall": FALLS}
    kind = next((kind for kind, activities in known.items() if activity in activities), "daily")
    ways = (Stretch("forward", 0.0, len(accel_g) / RATE_HZ),) if kind == "walk" else ()
    return Trial(
        path.stem,
        kind,
        RATE_HZ,
        to_counts(accel_g, gyro_dps),
        dataset="sisfall",
        subject=subject,
        activity=activity,
        description=(WALKS | STUMBLES | FALLS).get(activity, ""),
        stretches=ways,
    )


if __name__ == "__main__":
    source, target = sys.argv[1:]
    save(target, converted(Path(source)))
