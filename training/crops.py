"""Crops of recordings, as another sensor on another belt would have made them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.core.fall_network import HOP, RATE_HZ
from monitor.core.vocabulary import GRAVITY_MPS2
from monitor.recordings import corpus
from monitor.recordings.corpus import Trial
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G
from training.folder import FOLDER
from training.targets import Array, Targets, peak_s, targets

CROP = 800  # samples
UNKNOWN_HOPS = 10  # at a crop's start nothing is asked: no history yet
UNITS_PER_COUNT = np.repeat([1 / COUNTS_PER_G, 1 / COUNTS_PER_DPS], 3).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    trial: Trial
    peak_s: float

    @property
    def every(self) -> int:
        """Of so many counts one is kept, for 100 Hz."""
        return round(self.trial.rate_hz / RATE_HZ)

    @property
    def length(self) -> int:
        return len(self.trial.counts) // self.every


def recordings() -> list[Recording]:
    """The whole corpus, in FOLDER."""
    names = ("sisfall.npz", "kfall.npz", "gait.npz")
    trials = [trial for name in names for trial in corpus.Corpus(FOLDER / name)]
    return [Recording(trial, peak_s(trial)) for trial in trials]


def batch(some: Sequence[Recording], random: np.random.Generator) -> tuple[Array, Targets]:
    """Augmented crops (b, CROP, 6) in g and deg/s; targets stacked (b, CROP / HOP, heads)."""
    cuts, asked = [], []
    for recording in some:
        start = _start(recording, random)
        cuts.append(_cut(recording, start, random))
        time_s = np.arange(start + HOP - 1, start + CROP, HOP, dtype=np.float32) / np.float32(RATE_HZ)
        answer, weight, bag = targets(recording.trial, recording.peak_s, time_s)
        known = (time_s > 0.2) & (time_s < recording.length / RATE_HZ)
        known[:UNKNOWN_HOPS] = False
        asked.append((answer, weight * known[:, None], bag & known[:, None]))
    stacked = Targets(*(np.stack(column) for column in zip(*asked, strict=True)))
    return augment(np.stack(cuts) * UNITS_PER_COUNT, random), stacked


def _start(recording: Recording, random: np.random.Generator) -> int:
    """First sample of a crop; negative where the trial's first sample is to be held before it."""
    if recording.trial.kind in ("fall", "stumble"):
        fall = recording.trial.kind == "fall"
        event = round((recording.trial.impact_s if fall else recording.peak_s) * RATE_HZ)
        return int(random.integers(event - CROP + 250, event - 150))
    spare = recording.length - CROP
    if spare < 0:
        return int(random.integers(min(spare, -100), 1))
    return 0 if random.random() < 0.15 else int(random.integers(0, spare + 1))


def _cut(recording: Recording, start: int, random: np.random.Generator) -> Array:
    index = np.clip(np.arange(start, start + CROP), max(start, 0), recording.length - 1) * recording.every
    cut = recording.trial.counts[index].astype(np.float32)
    if recording.every > 1 and random.random() < 0.5:  # some samplers average, some pick
        cut = 0.5 * (cut + recording.trial.counts[index + 1])
    return cut


def augment(cuts: Array, random: np.random.Generator) -> Array:
    """Crops (b, CROP, 6) with another lever arm, side, range, mounting, gain, bias, noise and rate."""
    count = len(cuts)

    def some(share: float) -> npt.NDArray[np.bool_]:
        return random.random(count) < share

    elsewhere = some(0.4)
    cuts[elsewhere] = _moved(cuts[elsewhere], random)
    cuts[some(0.5)] *= np.array([1, -1, 1, -1, 1, -1], dtype=np.float32)  # mirrored
    range_g = np.where(some(0.5), 4.0, np.where(some(0.15), 2.0, 16.0))[:, None, None]
    range_dps = np.where(some(0.2), 250.0, 2000.0)[:, None, None]
    cuts[..., :3] = np.clip(cuts[..., :3], -range_g, range_g)
    cuts[..., 3:] = np.clip(cuts[..., 3:], -range_dps, range_dps)
    yaw = np.where(some(0.15), random.uniform(-np.pi, np.pi, count), random.normal(0.0, 0.3, count))
    turn = _rotations(
        np.column_stack((random.normal(0.0, 0.14, count), random.normal(0.0, 0.14, count), yaw)).astype(
            np.float32
        )
    )
    cuts = np.concatenate((cuts[..., :3] @ turn, cuts[..., 3:] @ turn), axis=2)
    cuts[..., :3] *= random.normal(1.0, 0.03, (count, 1, 1))
    cuts[..., 3:] *= np.exp(random.normal(0.0, 0.1, (count, 1, 1)))
    cuts[..., 3:] += random.normal(0.0, 2.0, (count, 1, 3))
    noisy = some(0.5)
    cuts[noisy] += random.normal(0.0, np.repeat([0.015, 1.0], 3), cuts[noisy].shape)
    slow = some(0.25)
    cuts[slow] = _slow(cuts[slow], random)
    return np.asarray(cuts, dtype=np.float32)


def _moved(cuts: Array, random: np.random.Generator) -> Array:
    """Acceleration of the same body at a point a few centimetres away."""
    arm_m = random.normal(0.0, 0.08, (len(cuts), 1, 3)).astype(np.float32)
    rate = np.deg2rad(cuts[..., 3:])
    held = np.pad(rate, ((0, 0), (2, 2), (0, 0)), mode="edge")
    smooth = sum(held[:, i : i + CROP] for i in range(5)) / 5
    extra = np.cross(np.gradient(smooth, 1 / RATE_HZ, axis=1), arm_m)
    extra += np.cross(rate, np.cross(rate, arm_m))
    moved = cuts.copy()
    moved[..., :3] += extra / GRAVITY_MPS2
    return moved


def _rotations(angles: Array) -> Array:
    """(b, 3, 3) from roll, pitch, yaw (b, 3) in radians."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(angles).T, np.cos(angles).T
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.moveaxis(np.array(rows, dtype=np.float32), 2, 0)


def _slow(cuts: Array, random: np.random.Generator) -> Array:
    """What a sensor of 18 to 60 Hz would give, drawn out in straight lines to 100 Hz."""
    rate_hz = np.exp(random.uniform(np.log(18.0), np.log(60.0), (len(cuts), 1)))
    phase = random.random((len(cuts), 1))
    position = np.arange(CROP) / RATE_HZ * rate_hz + phase
    left = np.floor(position)
    share = (position - left)[..., None].astype(np.float32)
    rows = np.arange(len(cuts))[:, None]
    before, after = (
        cuts[rows, np.clip(np.rint((k - phase) / rate_hz * RATE_HZ), 0, CROP - 1).astype(int)]
        for k in (left, left + 1)
    )
    return np.asarray((1 - share) * before + share * after, dtype=np.float32)
