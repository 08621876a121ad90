"""A recording of your own, from the sensor on this Raspberry Pi.

    sudo systemctl stop rearguard        # which holds the sensor
    .venv/bin/python docs/examples/record.py 60 walk.npz

Reads the sensor as the settings say, mounting and all, for so many seconds. Change the labels below.
"""

import sys
from collections.abc import Iterable

import numpy as np

from firmware.bus import Bus
from firmware.sampler import Sampler
from monitor import config
from monitor.commands.options import settings_file
from monitor.core.samples import SampleBlock
from monitor.recordings.corpus import Stretch, Trial, save, to_counts
from monitor.settings import Settings


def recorded(blocks: Iterable[SampleBlock], seconds: float, rate_hz: float) -> Trial:
    """What the first ``seconds`` of ``blocks`` hold; a gap is bridged by a straight line, and said."""
    taken: list[SampleBlock] = []
    for block in blocks:
        if not len(block.time_s):
            print(f"no samples: {block.fault}", flush=True)
            continue
        taken.append(block)
        if block.end_s - taken[0].end_s >= seconds:
            break
    time_s = np.concatenate([block.time_s for block in taken])
    even_s = np.arange(time_s[0], time_s[-1], 1 / rate_hz)

    def evenly(samples: np.ndarray) -> np.ndarray:
        return np.stack([np.interp(even_s, time_s, axis) for axis in samples.T], axis=1)

    accel_g = evenly(np.concatenate([block.accel_g for block in taken]))
    gyro_dps = evenly(np.concatenate([block.gyro_dps for block in taken]))
    return Trial(
        name="walk",
        kind="walk",  # fall, stumble, walk or daily
        rate_hz=rate_hz,
        counts=to_counts(accel_g, gyro_dps),
        description="walking backward",
        stretches=(Stretch("backward", 3.0, len(even_s) / rate_hz),),
    )


if __name__ == "__main__":
    seconds, target = sys.argv[1:]
    path = settings_file(None)
    settings = config.load(path, Settings) if path else Settings()
    sampler = Sampler(settings.sampled, Bus(settings.sensor.bus))
    trial = recorded(sampler, float(seconds), settings.sampled.rate_hz)
    save(target, [trial])
    print(f"{target}: {trial.duration_s:.1f} s at {trial.rate_hz:g} Hz")
