"""A recording of your own, from a CSV file to one that Rearguard reads.

    python docs/examples/csv_to_npz.py walk.csv walk.npz

The first line names the columns: time_s, ax, ay, az, gx, gy, gz. Change what stands in capitals below to
what your sensor gives, and the labels to what you know.
"""

import sys
from pathlib import Path

import numpy as np

from monitor.recordings.corpus import Stretch, Trial, save, to_counts

G_PER_UNIT = 1 / 9.80665  # the file is in m/s2; 1.0 if it is in g
DPS_PER_UNIT = 180 / np.pi  # the file is in rad/s; 1.0 if it is in deg/s
FORWARD, LEFT, UP = "+x", "+y", "+z"  # the sensor's axes that point there, docs/frames.md


def converted(csv: Path) -> Trial:
    """The whole file as one trial."""
    columns = np.genfromtxt(csv, delimiter=",", names=True)
    time_s = columns["time_s"] - columns["time_s"][0]
    rate_hz = round(1 / np.median(np.diff(time_s)), 1)
    even_s = np.arange(0, time_s[-1], 1 / rate_hz)  # without the jitter of the clock that wrote the file

    def along(sensor: str, axis: str) -> np.ndarray:
        values = np.interp(even_s, time_s, columns[sensor + axis[1]])
        return -values if axis[0] == "-" else values

    accel_g = G_PER_UNIT * np.stack([along("a", axis) for axis in (FORWARD, LEFT, UP)], axis=1)
    gyro_dps = DPS_PER_UNIT * np.stack([along("g", axis) for axis in (FORWARD, LEFT, UP)], axis=1)
    return Trial(
        name=csv.stem,
        kind="walk",  # fall, stumble, walk or daily
        rate_hz=rate_hz,
        counts=to_counts(accel_g, gyro_dps),
        description="walking backward",
        stretches=(Stretch("backward", 2.0, float(even_s[-1])),),
    )


if __name__ == "__main__":
    source, target = sys.argv[1:]
    save(target, [converted(Path(source))])
