"""The corpus as trials at a multiple of 100 Hz, and as augmented crops with their targets.

Layout of the files: ../shared/corpus/README.md (or the folder in REARGUARD_CORPUS).
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 100
HOP = 5  # samples between two decisions
CROP = 800  # samples
HEADS = ("falling", "fallen", "stumble")
COUNTS_PER_UNIT = np.array([2048.0] * 3 + [16.4] * 3, dtype=np.float32)
STANDARD_GRAVITY_MPS2 = 9.81

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Trial:
    dataset: str
    subject: str
    activity: str
    name: str
    kind: str  # fall, stumble, walk, daily
    counts: npt.NDArray[np.int16]  # (n, 6) at `per_sample` times 100 Hz
    per_sample: int
    onset_s: float
    impact_s: float
    span_s: tuple[float, float]
    peak_s: float  # of the largest |a|, inside the labelled span where there is one

    @property
    def length(self) -> int:
        return len(self.counts) // self.per_sample

    def samples(self) -> Array:
        """(n, 6) at 100 Hz: g and deg/s."""
        every = self.counts[:: self.per_sample][: self.length]
        return np.asarray(every / COUNTS_PER_UNIT, dtype=np.float32)


def load_trials(files: Sequence[str] = ("sisfall.npz", "kfall.npz", "gait.npz")) -> list[Trial]:
    folder = Path(os.environ.get("REARGUARD_CORPUS", "../shared/corpus"))
    trials = []
    for file in files:
        with np.load(folder / file) as arrays:
            data = {key: arrays[key] for key in arrays.files}
        for i, (start, stop) in enumerate(zip(data["first"][:-1], data["first"][1:], strict=True)):
            rate_hz = float(data["rate_hz"][i])
            counts = data["samples"][start:stop]
            span_s = (float(data["span_start_s"][i]), float(data["span_stop_s"][i]))
            height = np.square(counts[:, :3].astype(np.float32)).sum(axis=1)
            if not np.isnan(span_s[0]):
                inside = np.arange(len(height)) / rate_hz
                height = np.where((inside >= span_s[0]) & (inside <= span_s[1]), height, 0.0)
            trials.append(
                Trial(
                    dataset=str(data["dataset"][i]),
                    subject=f"{data['dataset'][i]}-{data['subject'][i]}",
                    activity=str(data["activity"][i]),
                    name=str(data["name"][i]),
                    kind=str(data["kind"][i]),
                    counts=counts,
                    per_sample=round(rate_hz / RATE_HZ),
                    onset_s=float(data["onset_s"][i]),
                    impact_s=float(data["impact_s"][i]),
                    span_s=span_s,
                    peak_s=float(np.argmax(height)) / rate_hz,
                )
            )
    return trials


def targets(trial: Trial, time_s: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Per decision: target (k, heads), weight (k, heads), and `bag` (k, heads): where one
    decision must be positive (in a trial with the event); no bag: all must be negative."""
    shape = (len(time_s), len(HEADS))
    target = np.zeros(shape, dtype=np.float32)
    weight = np.ones(shape, dtype=np.float32)
    bag = np.zeros(shape, dtype=np.bool_)
    if trial.kind == "fall":
        impact_s = trial.impact_s
        labelled = not np.isnan(trial.onset_s)
        opens_s = trial.onset_s - 0.25 if labelled else impact_s - 1.5
        falls_s = max(trial.onset_s + 0.1, impact_s - 0.6) if labelled else impact_s - 0.4
        descent = (time_s >= falls_s) & (time_s < impact_s)
        target[:, 0] = descent
        weight[:, 0] = np.where(time_s < opens_s, 1.0, np.where(descent, 1.0, 0.0))
        bag[:, 0] = (time_s >= opens_s + 0.25) & (time_s < impact_s - 0.06) & (time_s > impact_s - 0.75)
        lying = (time_s >= impact_s + 0.7) & (time_s < impact_s + 2.6)
        target[:, 1] = lying
        weight[:, 1] = np.where(time_s < opens_s, 1.0, np.where(lying, 1.0, 0.0))
        bag[:, 1] = (time_s >= impact_s) & (time_s < impact_s + 1.4)
        weight[:, 2] = 0.0
    elif trial.kind == "stumble":
        start_s, stop_s = trial.span_s
        known = not np.isnan(start_s)
        near = (time_s >= trial.peak_s - 0.02) & (time_s < trial.peak_s + 0.3)
        target[:, 2] = near
        outside = (
            (time_s < start_s - 0.5) | (time_s > stop_s + 1.0)
            if known
            else (time_s < trial.peak_s - 1.5) | (time_s > trial.peak_s + 1.5)
        )
        weight[:, 2] = np.where(near, 1.0, np.where(outside, 0.5, 0.0))
        bag[:, 2] = (time_s >= trial.peak_s - 0.35) & (time_s < trial.peak_s + 0.22)
    elif trial.kind == "daily":
        weight[:, 2] = 0.2
    return target, weight, bag


def crop_start(trial: Trial, random: np.random.Generator) -> int:
    """First sample of a crop; negative where the trial is the shorter (its first sample is held)."""
    event_s = trial.impact_s if trial.kind == "fall" else trial.peak_s
    if trial.kind in ("fall", "stumble"):
        event = round(event_s * RATE_HZ)
        return int(random.integers(event - CROP + 250, max(event - 150, event - CROP + 251)))
    spare = trial.length - CROP
    if spare <= 0 or random.random() < 0.15:
        return int(random.integers(min(spare, -100), 1)) if spare < 0 else 0
    return int(random.integers(0, spare + 1))


def crop(trial: Trial, start: int, random: np.random.Generator) -> tuple[Array, Array]:
    """(CROP, 6) counts as floats at 100 Hz, and the time of every sample in the trial."""
    index = np.clip(np.arange(start, start + CROP), max(start, 0), trial.length - 1)
    step = trial.per_sample
    cut = trial.counts[index * step].astype(np.float32)
    if step > 1 and random.random() < 0.5:  # some samplers average, some pick
        cut = 0.5 * (cut + trial.counts[index * step + 1])
    time_s = np.arange(start, start + CROP, dtype=np.float32) / RATE_HZ
    return cut, time_s


def _rotations(angles: Array) -> Array:
    """(b, 3, 3) from roll, pitch, yaw in radians."""
    (sr, sp, sy), (cr, cp, cy) = np.sin(angles).T, np.cos(angles).T
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.moveaxis(np.array(rows, dtype=np.float32), 2, 0)


def _held_rate(cuts: Array, random: np.random.Generator) -> Array:
    """The same crops as a slower sensor would give them, linearly interpolated back."""
    batch = len(cuts)
    rate_hz = np.exp(random.uniform(np.log(18.0), np.log(60.0), batch))[:, None]
    phase = random.random((batch, 1))
    time = np.arange(CROP)[None] / RATE_HZ * rate_hz + phase
    left = np.floor(time)
    share = (time - left)[..., None].astype(np.float32)
    rows = np.arange(batch)[:, None]
    at = [
        np.clip(np.rint((k - phase) / rate_hz * RATE_HZ), 0, CROP - 1).astype(int) for k in (left, left + 1)
    ]
    return np.asarray((1 - share) * cuts[rows, at[0]] + share * cuts[rows, at[1]], dtype=np.float32)


def _lever(cuts: Array, random: np.random.Generator) -> Array:
    """Acceleration the same body would give at a point a few centimetres away."""
    arm_m = random.normal(0.0, 0.08, (len(cuts), 1, 3)).astype(np.float32)
    rate = np.deg2rad(cuts[..., 3:])
    smooth = (rate[:, 2:-2] + rate[:, 1:-3] + rate[:, 3:-1] + rate[:, :-4] + rate[:, 4:]) / 5
    smooth = np.concatenate([smooth[:, :1]] * 2 + [smooth] + [smooth[:, -1:]] * 2, axis=1)
    angular = np.gradient(smooth, 1 / RATE_HZ, axis=1)
    extra = np.cross(angular, arm_m) + np.cross(rate, np.cross(rate, arm_m))
    moved = cuts.copy()
    moved[..., :3] += extra / STANDARD_GRAVITY_MPS2
    return moved


def augment(cuts: Array, random: np.random.Generator) -> Array:
    """(b, CROP, 6) g and deg/s as another sensor, mounting and belt would have seen them."""
    batch = len(cuts)

    def some(share: float) -> npt.NDArray[np.bool_]:
        return random.random(batch) < share

    lever = some(0.4)
    cuts[lever] = _lever(cuts[lever], random)
    mirrored = some(0.5)
    cuts[mirrored] *= np.array([1, -1, 1, -1, 1, -1], dtype=np.float32)
    clip_g = np.where(some(0.5), 4.0, np.where(some(0.15), 2.0, 16.0))[:, None, None]
    cuts[..., :3] = np.clip(cuts[..., :3], -clip_g, clip_g)
    clip_dps = np.where(some(0.2), 250.0, 2000.0)[:, None, None]
    cuts[..., 3:] = np.clip(cuts[..., 3:], -clip_dps, clip_dps)
    yaw = np.where(some(0.15), random.uniform(-np.pi, np.pi, batch), random.normal(0, 0.3, batch))
    angles = np.stack([random.normal(0, 0.14, batch), random.normal(0, 0.14, batch), yaw], axis=1)
    turned = _rotations(angles.astype(np.float32))
    cuts = np.concatenate([cuts[..., :3] @ turned, cuts[..., 3:] @ turned], axis=2)
    cuts[..., :3] *= random.normal(1.0, 0.03, (batch, 1, 1))
    cuts[..., 3:] *= np.exp(random.normal(0.0, 0.1, (batch, 1, 1)))
    cuts[..., 3:] += random.normal(0.0, 2.0, (batch, 1, 3))
    noisy = some(0.5)
    cuts[noisy] += random.normal(0, 1, cuts[noisy].shape) * np.array([0.015] * 3 + [1.0] * 3)
    slow = some(0.25)
    cuts[slow] = _held_rate(cuts[slow], random)
    return np.asarray(cuts, dtype=np.float32)


def batch(
    trials: Sequence[Trial], random: np.random.Generator
) -> tuple[Array, Array, Array, npt.NDArray[np.bool_]]:
    """Augmented crops (b, CROP, 6) with targets, weights and bags (b, CROP / HOP, heads)."""
    cuts, rows = [], []
    for trial in trials:
        start = crop_start(trial, random)
        cut, time_s = crop(trial, start, random)
        decision_s = time_s[HOP - 1 :: HOP]
        target, weight, bag = targets(trial, decision_s)
        known = (np.arange(len(decision_s)) >= 0.5 * RATE_HZ / HOP) & (decision_s < trial.length / RATE_HZ)
        known &= decision_s > 0.2
        cuts.append(cut)
        rows.append((target, weight * known[:, None], bag & known[:, None]))
    target, weight, bag = (np.stack(column) for column in zip(*rows, strict=True))
    return augment(np.stack(cuts) / COUNTS_PER_UNIT, random), target, weight, bag
