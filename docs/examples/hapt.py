"""HAPT, unpacked, to one file that Rearguard reads.

    python docs/examples/hapt.py "HAPT Data Set" recordings/hapt.npz

RawData/acc_exp01_user01.txt and gyro_exp01_user01.txt hold three numbers per line, 50 lines per second, in g
and rad/s; RawData/labels.txt holds experiment, user, activity, first and last line of each activity.
"""

import sys
from pathlib import Path

import numpy as np
from body_frame import Floats, body_frame, turned

from monitor.recordings.corpus import Stretch, Trial, save, to_counts

RATE_HZ = 50.0
WALKING, STANDING, LYING = 1, 5, 6


def converted(folder: Path) -> list[Trial]:
    """Each experiment from its first label to its last as daily life, and its walks once more."""
    labels = np.loadtxt(next(folder.rglob("labels.txt")), int)
    trials = []
    for experiment, user in np.unique(labels[:, :2], axis=0).tolist():
        name = f"exp{experiment:02}_user{user:02}"
        accel_g, gyro_radps = (np.loadtxt(next(folder.rglob(f"{w}_{name}.txt"))) for w in ("acc", "gyro"))
        done = labels[(labels[:, 0] == experiment) & (labels[:, 1] == user), 2:]

        def mean_g(activity: int, accel_g: Floats = accel_g, done: Floats = done) -> Floats:
            cuts = [accel_g[start:stop] for code, start, stop in done if code == activity]
            return np.concatenate(cuts).mean(axis=0)

        frame = body_frame(mean_g(STANDING), mean_g(LYING), snapped=False)
        counts = to_counts(*turned(np.hstack([accel_g, np.degrees(gyro_radps)]), frame))
        own = {"dataset": "hapt", "subject": f"{user:02}"}
        # What comes after the last label is left out: by the signal, the phone is being taken off.
        protocol = counts[done[:, 1].min() : done[:, 2].max()]
        trials.append(Trial(name, "daily", RATE_HZ, protocol, activity="protocol", **own))
        for code, start, stop in done.tolist():
            if code == WALKING:
                walk = counts[start:stop]
                ways = (Stretch("forward", 0.0, len(walk) / RATE_HZ),)
                walk_name = f"{name}_walk{start}"
                trials.append(
                    Trial(walk_name, "walk", RATE_HZ, walk, activity="walking", stretches=ways, **own)
                )
    return trials


if __name__ == "__main__":
    source, target = sys.argv[1:]
    save(target, converted(Path(source)))
