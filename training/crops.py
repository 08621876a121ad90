"""Crops of recordings, as another sensor on another belt would have made them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor.core.fall_network import HOP, RATE_HZ
from monitor.core.samples import GRAVITY_MPS2
from monitor.recordings import corpus
from monitor.recordings.corpus import Trial
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G
from training.folder import FILES, FOLDER
from training.targets import NEVER, Array, Span, Targets, handled_s, peak_s, targets

CROP = 800  # samples
TAKEN_OFF = 0.08  # of ordinary crops end in a hand
UNKNOWN_HOPS = 10  # at a crop's start nothing is asked: no history yet
UNITS_PER_COUNT = np.repeat([1 / COUNTS_PER_G, 1 / COUNTS_PER_DPS], 3).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    trial: Trial
    peak_s: float
    handled_s: Span = NEVER

    @property
    def every(self) -> int:
        """Of so many counts one is kept, for 100 Hz."""
        return round(self.trial.rate_hz / RATE_HZ)

    @property
    def length(self) -> int:
        return len(self.trial.counts) // self.every


def recordings() -> list[Recording]:
    """All files of FOLDER that falls are learned from, those of slow sensors drawn out to 100 Hz."""
    trials = [trial for name in FILES for trial in corpus.Corpus(FOLDER / name)]
    pool = [Recording(_drawn_out(trial), peak_s(trial), handled_s(trial)) for trial in trials]
    return pool + [_reversed(recording) for recording in pool if recording.trial.dataset == "hapt_off"]


def _reversed(recording: Recording) -> Recording:
    """Taken off, played backward: put on. Rates turn round, accelerations do not."""
    trial, (from_s, to_s) = recording.trial, recording.handled_s
    counts = trial.counts[::-1] * np.array([1, 1, 1, -1, -1, -1], dtype=np.int16)
    back = replace(trial, counts=counts, name=f"{trial.name} backward")
    return Recording(back, peak_s(back), (trial.duration_s - to_s, trial.duration_s - from_s))


def _drawn_out(trial: Trial) -> Trial:
    if trial.rate_hz >= RATE_HZ:
        return trial
    block = corpus.whole(trial, RATE_HZ)
    return replace(trial, rate_hz=RATE_HZ, counts=corpus.to_counts(block.accel_g, block.gyro_dps))


def batch(some: Sequence[Recording], random: np.random.Generator) -> tuple[Array, Targets]:
    """Augmented crops (b, CROP, 6) in g and deg/s; targets stacked (b, CROP / HOP, heads)."""
    cuts, asked = [], []
    for recording in some:
        start = _start(recording, random)
        cut, handled = _cut(recording, start, random), recording.handled_s
        worn = recording.trial.kind in ("daily", "walk") and recording.trial.dataset != "hapt_off"
        if worn and random.random() < TAKEN_OFF:
            at = int(random.integers(200, 650))
            cut, handled = taken_off(cut, at, random), ((start + at) / RATE_HZ, np.inf)
        cuts.append(cut)
        time_s = np.arange(start + HOP - 1, start + CROP, HOP, dtype=np.float32) / np.float32(RATE_HZ)
        answer, weight, bag = targets(recording.trial, recording.peak_s, handled, time_s)
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
    if not np.isnan(recording.handled_s[0]) and random.random() < 0.6:
        from_s, to_s = recording.handled_s
        edge = round((from_s if from_s > 0.5 else to_s) * RATE_HZ)
        return int(random.integers(edge - CROP + 100, edge - 100))
    spare = recording.length - CROP
    if spare < 0:
        return int(random.integers(min(spare, -100), 1))
    return 0 if random.random() < 0.15 else int(random.integers(0, spare + 1))


def _cut(recording: Recording, start: int, random: np.random.Generator) -> Array:
    index = np.clip(np.arange(start, start + CROP), max(start, 0), recording.length - 1) * recording.every
    cut = recording.trial.counts[index].astype(np.float32)
    if recording.every > 1 and random.random() < 0.5:  # some samplers average, some pick
        cut = 0.5 * (cut + recording.trial.counts[index + 1])
    trial, (from_s, _) = recording.trial, recording.handled_s
    if trial.kind == "fall" and random.random() < 0.05:  # the belt comes off at the impact
        return _tumbled(cut, round((trial.impact_s + random.uniform(0.0, 0.3)) * RATE_HZ) - start, random)
    if from_s > 0.5 and random.random() < 0.6:  # the hand holds it otherwise
        return _tumbled(cut, round((from_s - 0.5) * RATE_HZ) - start, random)
    return cut


def taken_off(cut: Array, at: int, random: np.random.Generator) -> Array:
    """A hand fiddles with the belt, then turns the sensor over from sample ``at`` on, and keeps it."""
    cut = cut.copy()
    since = np.arange(CROP) - at
    jerks = np.apply_along_axis(np.convolve, 0, random.normal(size=(CROP, 6)), np.hanning(13), "same") / 2.2
    tremor = random.uniform(0.1, 0.5)
    busy = np.clip((since + random.uniform(50, 350)) / 20, 0, 1) * np.where(since < 100, 1.0, tremor)
    size = np.repeat([random.uniform(0.03, 0.2), random.uniform(15.0, 90.0)], 3) / UNITS_PER_COUNT
    if random.random() < 0.5:  # the walk goes on in the hand; else it is held still
        cut[at:] = cut[max(at - 100, 0) : at].mean(axis=0)
    cut += (busy[:, None] * jerks * size).astype(np.float32)
    return _tumbled(cut, at, random, least=1.0)


def _tumbled(cut: Array, at: int, random: np.random.Generator, least: float = 0.0) -> Array:
    """The sensor turns further, by ``least`` and more about any axis, within a second from sample ``at``."""
    axis = random.normal(size=3) * (1.0, 1.0, 0.4 if least else 1.0)
    axis /= np.linalg.norm(axis)
    angle = random.choice((-1, 1)) * random.uniform(least, 2.8)
    lasts = random.uniform(0.4, 1.2) * RATE_HZ
    share = np.clip((np.arange(len(cut)) - at) / lasts, 0.0, 1.0)
    turn = angle * (share - np.sin(2 * np.pi * share) / (2 * np.pi))
    sine, cosine = np.sin(turn)[:, None], np.cos(turn)[:, None]

    def seen(vectors: Array) -> Array:  # from the turned sensor (Rodrigues)
        along = (vectors @ axis)[:, None] * axis
        return np.asarray(vectors * cosine - np.cross(axis, vectors) * sine + along * (1 - cosine))

    rate_dps = np.degrees(np.gradient(turn) * RATE_HZ)[:, None] * axis
    return np.hstack([seen(cut[:, :3]), seen(cut[:, 3:]) + rate_dps * COUNTS_PER_DPS]).astype(np.float32)


def augment(cuts: Array, random: np.random.Generator) -> Array:
    """Crops (b, CROP, 6) with another lever arm, side, range, mounting, gain, bias, noise and rate."""
    count = len(cuts)

    def some(share: float) -> npt.NDArray[np.bool_]:
        return random.random(count) < share

    elsewhere = some(0.4)
    cuts[elsewhere] = _moved(cuts[elsewhere], random)
    cuts[some(0.5)] *= np.array([1, -1, 1, -1, 1, -1], dtype=np.float32)  # mirrored
    range_g = np.where(some(0.5), 4.0, np.where(some(0.2), 2.0, 16.0))[:, None, None]
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
    slow = some(0.3)
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
