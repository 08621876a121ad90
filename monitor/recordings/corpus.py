"""Recordings in and out: trials with their labels, as sample blocks.

One ``.npz`` holds many trials. ``samples`` int16 (N, 6) is accelerometer x y z, gyro x y z in the body
frame (docs/frames.md), in the counts of an MPU-6050 at +-16 g and +-2000 deg/s; trial i is
``samples[first[i]:first[i + 1]]``. Every other array has one entry per trial, or is a list cut by
its own ``..._first``; NaN stands where a label is unknown.
"""

import difflib
import math
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt

from monitor.core.vocabulary import BLOCK_S, Floats, RearguardError, SampleBlock

Counts = npt.NDArray[np.int16]

COUNTS_PER_G = 2048.0
COUNTS_PER_DPS = 16.4
KINDS = ("fall", "stumble", "walk", "daily")
DIRECTIONS = ("forward", "backward", "left", "right", "turn", "stand")
EXAMPLE, EXAMPLE_FILE = "example", "example.npz"
"""The word that stands for the recording in the package (example.py), and that file's name here."""

RATES_HZ = (10.0, 10_000.0)
"""Slower, a step has too few samples; faster, nothing is worn on a belt."""

_TEXTS = ("name", "dataset", "subject", "activity", "description", "kind")
_NUMBERS = ("rate_hz", "onset_s", "impact_s", "span_start_s", "span_stop_s")
_STRETCHES = ("direction", "direction_start_s", "direction_stop_s")
_LISTS = {"contact_first": ("contact_s",), "direction_first": _STRETCHES}
_ARRAYS = ("samples", "first", *_TEXTS, *_NUMBERS, *_LISTS, "contact_s", *_STRETCHES)


class RecordingError(RearguardError, ValueError):
    """A file that is no recording, or a trial that is not in it: what was expected and found."""


class Stretch(NamedTuple):
    """A labelled piece of a walk; ``direction`` is one of DIRECTIONS."""

    direction: str
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One recording with its labels. ``counts`` int16 (n, 6); times in s from its start, NaN if unknown.

    ``onset_s`` and ``impact_s`` belong to a fall, ``span_start_s .. span_stop_s`` to a stumble;
    ``contact_s`` are true initial contacts of the feet.
    """

    name: str
    kind: str
    rate_hz: float
    counts: Counts
    dataset: str = "own"
    subject: str = ""
    activity: str = ""
    description: str = ""
    onset_s: float = math.nan
    impact_s: float = math.nan
    span_start_s: float = math.nan
    span_stop_s: float = math.nan
    contact_s: tuple[float, ...] = ()
    stretches: tuple[Stretch, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.counts) / self.rate_hz


class Corpus(Sequence[Trial]):
    """The trials of one file, in its order; each is built when it is asked for.

    ``example`` is the recording in the package, unless a file of that name is in the current folder.
    Raises RecordingError when the file is not there, is no ``.npz``, holds no trial, or its arrays
    are missing, do not fit together or hold what no recording can. A name that occurs again gets
    ``#2``, ``#3`` ... behind it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        is_example = str(path) == EXAMPLE and not self.path.exists()
        self._arrays = _read(files(__package__) / EXAMPLE_FILE if is_example else self.path)
        _check(self.path, self._arrays)
        self.names = _unique(self._arrays["name"].tolist())

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Trial: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Trial]: ...
    def __getitem__(self, index: int | slice) -> Trial | Sequence[Trial]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        i = range(len(self))[index]
        arrays = self._arrays

        def cut(name: str, cuts: str) -> Any:
            return arrays[name][slice(*arrays[cuts][i : i + 2])]

        labels = (cut(name, "direction_first").tolist() for name in _STRETCHES)
        fields: dict[str, Any] = {name: arrays[name][i].item() for name in (*_TEXTS, *_NUMBERS)}
        return Trial(
            **fields | {"name": self.names[i]},
            counts=cut("samples", "first"),
            contact_s=tuple(cut("contact_s", "contact_first").tolist()),
            stretches=tuple(Stretch(*row) for row in zip(*labels, strict=True)),
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
    block = whole(trial, rate_hz)
    edges_s = np.arange(1, math.ceil(block.end_s / block_s - 1e-6) + 1) * block_s
    start = 0
    for end_s, stop in zip(
        edges_s.tolist(), np.searchsorted(block.time_s, edges_s - 1e-9).tolist(), strict=True
    ):
        cut = slice(start, stop)
        yield SampleBlock(block.time_s[cut], block.accel_g[cut], block.gyro_dps[cut], end_s)
        start = stop


def to_counts(accel_g: Floats, gyro_dps: Floats) -> Counts:
    """Samples (n, 3) and (n, 3) as counts (n, 6), clipped where the chip would clip."""
    counts = np.hstack([accel_g * COUNTS_PER_G, gyro_dps * COUNTS_PER_DPS])
    return np.clip(np.rint(counts), -32768, 32767).astype(np.int16)


def save(path: str | Path, trials: Sequence[Trial]) -> None:
    """Write trials as a file that ``Corpus`` reads; raises RecordingError for what it would not read."""
    stretches = [stretch for trial in trials for stretch in trial.stretches]
    arrays: dict[str, Any] = {
        "samples": np.concatenate([np.empty((0, 6), np.int16), *(trial.counts for trial in trials)]),
        "first": _cuts(len(trial.counts) for trial in trials),
        "contact_s": np.array([s for trial in trials for s in trial.contact_s], float),
        "contact_first": _cuts(len(trial.contact_s) for trial in trials),
        "direction": np.array([stretch.direction for stretch in stretches], str),
        "direction_start_s": np.array([stretch.start_s for stretch in stretches], float),
        "direction_stop_s": np.array([stretch.stop_s for stretch in stretches], float),
        "direction_first": _cuts(len(trial.stretches) for trial in trials),
    }
    for name in _TEXTS:
        arrays[name] = np.array([getattr(trial, name) for trial in trials], str)
    for name in _NUMBERS:
        arrays[name] = np.array([getattr(trial, name) for trial in trials], float)
    _check(Path(path), arrays)
    with Path(path).open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read(path: Path | Traversable) -> dict[str, Any]:
    if not path.is_file():
        raise RecordingError(f"{path}: expected a recording (.npz), found no file there")
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.lib.npyio.NpzFile):
                return {name: loaded[name] for name in _ARRAYS if name in loaded.files}
    except Exception as error:  # a bad header, archive or size brings any of Python's own
        raise RecordingError(f"{path}: expected a recording (.npz), cannot read it: {error}") from error
    raise RecordingError(f"{path}: expected an .npz of several arrays, found a single array")


def _check(path: Path, arrays: dict[str, Any]) -> None:
    def refuse(name: str, expected: str, found: str) -> None:
        raise RecordingError(f"{path}: {name}: expected {expected}, found {found}")

    def expect(name: str, is_right: bool, expected: str) -> None:
        if not is_right:
            refuse(name, expected, f"{arrays[name].dtype} {arrays[name].shape}")

    def expect_cuts(name: str, shortest: int) -> None:
        cuts = arrays[name]
        is_right = cuts.shape == (trials + 1,) and cuts.dtype.kind in "iu"
        expect(name, is_right, f"whole numbers ({trials + 1},), one more than trials")
        is_rising = cuts[0] == 0 and cuts[-1] <= shortest and bool(np.all(cuts[1:] >= cuts[:-1]))
        expect(name, is_rising, f"cuts rising from 0 to no more than {shortest}")

    def expect_values(name: str, is_right: npt.NDArray[np.bool_], expected: str) -> None:
        if not np.all(is_right):
            refuse(name, expected, repr(arrays[name][np.argmin(is_right)].item()))

    missing = [name for name in _ARRAYS if not isinstance(arrays.get(name), np.ndarray)]
    if missing:
        raise RecordingError(f"{path}: expected the arrays of a recording, found no {', '.join(missing)}")
    samples, trials = arrays["samples"], arrays["name"].size
    expect("samples", samples.dtype == np.int16 and samples.shape[1:] == (6,), "int16 (N, 6)")
    expect("name", trials > 0, "at least one trial")
    for name in _TEXTS:
        expect(name, arrays[name].shape == (trials,) and arrays[name].dtype.kind == "U", f"text ({trials},)")
    for name in _NUMBERS:
        is_right = arrays[name].shape == (trials,) and arrays[name].dtype.kind in "fiu"
        expect(name, is_right, f"numbers ({trials},)")
    expect_cuts("first", len(samples))
    for cuts, lists in _LISTS.items():
        for name in lists:
            kinds, what = ("U", "texts") if name == "direction" else ("fiu", "numbers")
            expect(name, arrays[name].ndim == 1 and arrays[name].dtype.kind in kinds, f"a list of {what}")
        expect_cuts(cuts, min(len(arrays[name]) for name in lists))
        arrays = arrays | {name: arrays[name][: arrays[cuts][-1]] for name in lists}  # what is used

    for name in (*_TEXTS, "direction"):
        try:
            is_printable = np.array([text.isprintable() for text in arrays[name].tolist()], bool)
        except (ValueError, SystemError) as error:  # a code point beyond Unicode
            raise RecordingError(f"{path}: {name}: expected text, found what is not Unicode") from error
        expect_values(name, is_printable, "text that can be printed")
    expect_values("kind", np.isin(arrays["kind"], KINDS), f"only {', '.join(KINDS)}")
    expect_values("direction", np.isin(arrays["direction"], DIRECTIONS), f"only {', '.join(DIRECTIONS)}")
    for name in _NUMBERS:
        expect_values(name, ~np.isinf(arrays[name]), "times in s, or NaN where unknown")
    for name in ("contact_s", "direction_start_s", "direction_stop_s"):
        expect_values(name, np.isfinite(arrays[name]), "times in s")
    slowest_hz, fastest_hz = RATES_HZ
    rates_hz = arrays["rate_hz"]
    is_possible = (rates_hz >= slowest_hz) & (rates_hz <= fastest_hz)
    expect_values("rate_hz", is_possible, f"{slowest_hz:g} to {fastest_hz:,.0f} Hz")
    is_labelled = ~np.isnan(arrays["onset_s"]) | ~np.isnan(arrays["impact_s"])
    expect_values("impact_s", is_labelled | (arrays["kind"] != "fall"), "onset_s or impact_s of each fall")


def _resampled(trial: Trial, rate_hz: float) -> tuple[Floats, Floats]:
    """Linear interpolation at ``rate_hz``, behind a short low-pass where the rate falls.

    The low-pass is a Hamming-windowed sinc, symmetric, so that it delays nothing; at 200 to 100 Hz
    it has 15 taps and so looks 35 ms ahead.
    """
    channels = trial.counts.T / np.repeat([COUNTS_PER_G, COUNTS_PER_DPS], 3)[:, np.newaxis]
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


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            names[i] = f"{name}#{seen[name]}"
    return names


def _cuts(lengths: Iterator[int]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)
