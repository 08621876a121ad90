"""Recordings in and out: trials with their labels, as sample blocks.

One ``.npz`` holds many trials. ``samples`` int16 (N, 6) is accelerometer x y z, gyro x y z in the body
frame (docs/frames.md), in the counts of an MPU-6050 at +-16 g and +-2000 deg/s, or of the chip that a trial
names; trial i is ``samples[first[i]:first[i + 1]]``. Every other array has one entry per trial, or is a list
cut by its own ``..._first``; NaN where a label is unknown.
"""

import difflib
import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np

from monitor.core.samples import BLOCK_S, Floats, SampleBlock
from monitor.core.vocabulary import RearguardError
from monitor.recordings import arrays
from monitor.recordings.arrays import (
    FORM_NUMBERS,
    FORM_TEXTS,
    NUMBERS,
    STRETCHES,
    TEXTS,
)
from monitor.recordings.journal.packing import Form
from monitor.recordings.recorded import Counts, Recorded, cuts, from_arrays, to_arrays, units
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G
from monitor.recordings.unusable import unusable

MPU_6050 = Form()
"""What a count is unless the file says otherwise."""

EXAMPLE, EXAMPLE_FILE = "example", "example.npz"
"""The word that stands for the recording in the package (example.py), and that file's name here."""


class RecordingError(RearguardError, ValueError):
    """A file that is no recording, or a trial that is not in it: what was expected and found."""


class Stretch(NamedTuple):
    """A labelled piece of a walk; ``direction`` is one of arrays.DIRECTIONS."""

    direction: str
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One recording with its labels. ``counts`` int16 (n, 6); times in s from its start, NaN if unknown.

    ``onset_s`` and ``impact_s`` belong to a fall, ``span_start_s .. span_stop_s`` to a stumble;
    ``contact_s`` are true initial contacts of the feet. ``form`` says what a count is; ``recorded`` is of a
    trial from the journal, and holds its blocks as they came.
    """

    name: str
    kind: str
    rate_hz: float
    counts: Counts
    dataset: str = "own"
    subject: str = ""
    activity: str = ""
    description: str = ""
    laboratory: str = ""
    style: str = ""
    onset_s: float = math.nan
    impact_s: float = math.nan
    span_start_s: float = math.nan
    span_stop_s: float = math.nan
    contact_s: tuple[float, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    form: Form = MPU_6050
    recorded: Recorded | None = None

    def group(self, by: str) -> str:
        """The part of a report it belongs to, by "dataset", "laboratory", "subject", "style" or "activity".

        A laboratory that is not named is the data set, a style that is not named the subject.
        """
        groups = {
            "dataset": self.dataset,
            "laboratory": self.laboratory or self.dataset,
            "subject": self.subject,
            "style": self.style or self.subject,
            "activity": self.activity,
        }
        return groups[by] or "-"

    @property
    def duration_s(self) -> float:
        return len(self.counts) / self.rate_hz


class Corpus(Sequence[Trial]):
    """The trials of one file, in its order; each is built when it is asked for.

    ``example`` is the recording in the package, unless a file of that name is in the current folder.
    Raises RecordingError when the file is not there, is no ``.npz``, holds no trial, or its arrays
    are missing, do not fit together or hold what no recording can. Of a file in which only some trials
    cannot be used ``leave_out`` gives the others, and ``left_out`` says by name why. A name that occurs
    again gets ``#2``, ``#3`` ... behind it.
    """

    def __init__(self, path: str | Path, leave_out: bool = False) -> None:
        self.path = Path(path)
        is_example = str(path) == EXAMPLE and not self.path.exists()
        file = files(__package__) / EXAMPLE_FILE if is_example else self.path
        if not file.is_file():
            found = (
                "a folder: name the files in it"
                if self.path.is_dir()
                else f"no file there; the word `{EXAMPLE}` names the one that comes with rearguard"
            )
            raise RecordingError(f"{path}: expected a recording (.npz), found {found}")
        try:
            self._arrays = arrays.read(file)
            arrays.check(self._arrays)
        except OSError as error:
            raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise RecordingError(f"{path}: {error}") from error
        names, reasons = _unique(self._arrays["name"].tolist()), unusable(self._arrays)
        if reasons and not (leave_out and len(reasons) < len(names)):
            raise RecordingError(f"{path}: {_first(reasons, len(names))}")
        self.left_out = {names[i]: reason for i, reason in reasons.items()}
        self._numbers = [i for i in range(len(names)) if i not in reasons]
        self.names = [names[i] for i in self._numbers]

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        i = self._numbers[number]

        def cut(name: str, cuts: str) -> Any:
            return self._arrays[name][slice(*self._arrays[cuts][i : i + 2])]

        def rows(names: Sequence[str], cuts: str) -> Any:
            return zip(*(cut(name, cuts).tolist() for name in names), strict=True)

        here = {name: self._arrays[name][i].item() for name in (*FORM_TEXTS, *FORM_NUMBERS)}
        form = Form(here["chip"], here["g_per_count"], here["dps_per_count"], here["mounting"])
        fields: dict[str, Any] = {name: self._arrays[name][i].item() for name in (*TEXTS, *NUMBERS)}
        return Trial(
            **fields | {"name": self.names[number]},
            counts=cut("samples", "first"),
            contact_s=tuple(cut("contact_s", "contact_first").tolist()),
            stretches=tuple(Stretch(*row) for row in rows(STRETCHES, "direction_first")),
            form=form,
            recorded=from_arrays(cut, here["utc_offset_s"]),
        )

    def find(self, name: str) -> Trial:
        """The trial of that name; otherwise a RecordingError that names its neighbours."""
        if name in self.names:
            return self[self.names.index(name)]
        near = difflib.get_close_matches(name, self.names, n=5, cutoff=0.5) or self.names[:3]
        raise RecordingError(
            f"{self.path}: no trial {name!r} among {len(self)}; did you mean {', '.join(near)}? "
            f"`rearguard trials {shlex.quote(str(self.path))}` lists them all"
        )


def whole(trial: Trial, rate_hz: float) -> SampleBlock:
    """The trial as one block at ``rate_hz``, its times from 0."""
    accel_g, gyro_dps = _resampled(trial, rate_hz)
    time_s = np.arange(len(accel_g)) / rate_hz
    return SampleBlock(
        time_s, accel_g, gyro_dps, end_s=math.ceil(trial.duration_s / BLOCK_S - 1e-6) * BLOCK_S
    )


def blocks(trial: Trial, rate_hz: float, block_s: float = BLOCK_S) -> Iterator[SampleBlock]:
    """The trial in blocks of ``block_s``, as a sampler would have delivered it."""
    yield from cut(whole(trial, rate_hz), block_s)


def cut(block: SampleBlock, block_s: float) -> Iterator[SampleBlock]:
    """``block``, which begins at 0, in pieces of ``block_s``; they share its memory."""
    edges_s = np.arange(1, math.ceil(block.end_s / block_s - 1e-6) + 1) * block_s
    start = 0
    for end_s, stop in zip(
        edges_s.tolist(), np.searchsorted(block.time_s, edges_s - 1e-9).tolist(), strict=True
    ):
        part = slice(start, stop)
        until_s = min(end_s, block.end_s)
        yield SampleBlock(block.time_s[part], block.accel_g[part], block.gyro_dps[part], until_s)
        start = stop


def as_it_came(trial: Trial, rate_hz: float) -> Iterator[SampleBlock]:
    """The blocks that a trial of the journal has, else those at ``rate_hz``; the first sample is at 0."""
    if trial.recorded is None or not len(trial.counts):
        yield from blocks(trial, rate_hz)
        return
    began_s = float(trial.recorded.time_us[0]) / 1e6
    for block in trial.recorded.blocks(trial.counts, trial.form):
        yield replace(block, time_s=block.time_s - began_s, end_s=block.end_s - began_s)


def to_counts(accel_g: Floats, gyro_dps: Floats) -> Counts:
    """Samples (n, 3) and (n, 3) as counts (n, 6), clipped where the chip would clip."""
    counts = np.hstack([accel_g * COUNTS_PER_G, gyro_dps * COUNTS_PER_DPS])
    return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)


def save(path: str | Path, trials: Sequence[Trial]) -> None:
    """Write trials as a file that ``Corpus`` reads; raises RecordingError for what it would not read."""
    stretches = [stretch for trial in trials for stretch in trial.stretches]
    made: dict[str, Any] = {
        "samples": np.concatenate([np.empty((0, 6), np.int16), *(trial.counts for trial in trials)]),
        "first": cuts(len(trial.counts) for trial in trials),
        "contact_s": np.array([s for trial in trials for s in trial.contact_s], float),
        "contact_first": cuts(len(trial.contact_s) for trial in trials),
        "direction": np.array([stretch.direction for stretch in stretches], str),
        "direction_start_s": np.array([stretch.start_s for stretch in stretches], float),
        "direction_stop_s": np.array([stretch.stop_s for stretch in stretches], float),
        "direction_first": cuts(len(trial.stretches) for trial in trials),
    }
    for name in TEXTS:
        made[name] = np.array([getattr(trial, name) for trial in trials], str)
    for name in NUMBERS:
        made[name] = np.array([getattr(trial, name) for trial in trials], float)
    if any(trial.recorded or trial.form != MPU_6050 for trial in trials):
        made |= to_arrays([(trial.form, trial.recorded) for trial in trials])
    complete = arrays.without(len(trials)) | made
    try:
        arrays.check(complete)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error
    if reasons := unusable(complete):
        raise RecordingError(f"{path}: {_first(reasons, len(trials))}")
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **made)


def _resampled(trial: Trial, rate_hz: float) -> tuple[Floats, Floats]:
    """Linear interpolation at ``rate_hz``, behind a short low-pass where the rate falls.

    The low-pass is a Hamming-windowed sinc, symmetric, so that it delays nothing; at 200 to 100 Hz
    it has 15 taps and so looks 35 ms ahead. Samples that have times of their own are first put evenly.
    """
    channels = _channels(trial)
    ratio = trial.rate_hz / rate_hz
    if ratio > 1.0 and channels.shape[1]:
        half = math.ceil(3.5 * ratio)
        taps = np.sinc(np.arange(-half, half + 1) / ratio) * np.hamming(2 * half + 1)
        padded = np.pad(channels, ((0, 0), (half, half)), mode="edge")
        channels = np.array([np.convolve(row, taps / taps.sum(), mode="valid") for row in padded])
    if ratio != 1.0 and channels.shape[1]:
        known = np.arange(channels.shape[1])
        asked = np.arange(math.floor(known[-1] / ratio + 1e-9) + 1) * ratio
        channels = np.array([np.interp(asked, known, row) for row in channels])
    return np.ascontiguousarray(channels[:3].T), np.ascontiguousarray(channels[3:].T)


def _channels(trial: Trial) -> Floats:
    """Evenly spaced samples (6, n) in g and deg/s."""
    if trial.form == MPU_6050:
        channels: Floats = trial.counts.T / np.repeat([COUNTS_PER_G, COUNTS_PER_DPS], 3)[:, np.newaxis]
    else:
        channels = trial.counts.T * units(trial.form)[:, np.newaxis]
    if trial.recorded is None or not channels.shape[1]:
        return channels
    known_s = (trial.recorded.time_us - trial.recorded.time_us[0]) / 1e6
    even_s = np.arange(channels.shape[1]) / trial.rate_hz
    return np.array([np.interp(even_s, known_s, row) for row in channels])


def _first(reasons: dict[int, str], trials: int) -> str:
    """The first reason, and of how many trials there are others."""
    more = f"; {len(reasons) - 1} more of {trials} trials cannot be used" if len(reasons) > 1 else ""
    return next(iter(reasons.values())) + more


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[i] = f"{name}#{seen[name]}"
    return names
