"""The table of another device's logger as trials: even times, g and deg/s, body axes, cut at gaps.

Clocks of loggers jitter, so samples are put evenly, on straight lines between their neighbours. Over a gap
there are none: behind it a new trial begins.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isnan, log2, nan
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monitor.core.samples import Floats
from monitor.recordings.corpus import RecordingError, Trial
from monitor.recordings.formats.logger_columns import (
    ACCEL,
    ACCEL_UNITS,
    GYRO,
    GYRO_UNITS,
    TIME_UNITS,
    Unit,
    accel_unit,
    gyro_unit,
    mapped,
    time_column,
    time_unit,
    unit,
)
from monitor.recordings.formats.logger_table import Table, is_number, numbers, read, wall_s
from monitor.recordings.journal.packing import Form
from monitor.recordings.recorded import LARGEST, units
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G, doubt

GAP_INTERVALS = 3.0
"""Samples further apart than so many usual intervals have a gap between them; nearer, it is jitter."""

SHORTEST_S = 1.0
"""Shorter pieces between gaps are left out, and counted."""

UPRIGHT = 0.7
"""Less of the mean acceleration along up, and the walker lay, or the mounting is another."""


UNEVEN_S = 5e-5
"""Less is rounding, and not worth a word."""

WINDOW = 200
GRAVITY_SHARE = 0.5
"""Of so many samples the mean, as a share of their size: nearly 1 with gravity, little without."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a person says of a table; "" and NaN: nothing. ``gyro`` is a second file, ``turn`` the mounting.

    ``columns`` maps "ax" to "gz" to names; ``turn`` (3, 3) makes body axes of the file's.
    """

    path: Path
    gyro: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    time: str = ""
    time_unit: str = ""
    rate_hz: float = nan
    accel_unit: str = ""
    gyro_unit: str = ""
    turn: Floats = field(default_factory=lambda: np.eye(3))


class Series(NamedTuple):
    """One sensor's samples: ``time_s`` (n,) rising, ``values`` (n, 3) as they are in the file."""

    time_s: Floats
    values: Floats
    names: list[str]
    said: str


class Imported(NamedTuple):
    """The trials, and what was understood, guessed and left out, a line each."""

    trials: list[Trial]
    said: list[str]


def trials_from(source: Source, name: str, kind: str) -> Imported:
    """The table as one trial, or one for each stretch between gaps. Raises RecordingError, OSError."""
    table = read(source.path)
    if source.gyro:
        accel = _series(table, mapped(table.names, _of(source, ACCEL), ACCEL), source)
        other = read(source.gyro)
        gyro = _series(other, mapped(other.names, _of(source, GYRO), GYRO), source)
    else:
        found = mapped(table.names, source.columns, (*ACCEL, *GYRO))
        accel = _series(table, {key: found[key] for key in ACCEL}, source)
        gyro = _series(table, {key: found[key] for key in GYRO}, source)
    if _is_weightless(accel.values):
        raise RecordingError(
            f"{source.path}: acceleration: expected gravity in it, found none: record the one with gravity, "
            "which apps call total, raw or with g, not linear or user acceleration"
        )
    in_g, in_dps = _units(source, accel, gyro)
    rate_hz, uneven_s = _rate(accel.time_s)
    pieces = list(_shared(_runs(accel.time_s), _runs(gyro.time_s)))
    kept = [(start_s, stop_s) for start_s, stop_s in pieces if stop_s - start_s >= SHORTEST_S]
    if source.gyro and not pieces:
        raise RecordingError(
            f"{source.path} and {source.gyro}: expected times in common, found none: is it one recording?"
        )
    if not kept:
        raise RecordingError(
            f"{source.path}: expected a second without a gap and more, found "
            f"{max((stop_s - start_s for start_s, stop_s in pieces), default=0.0):.2f} s"
        )
    made = []
    for number, (start_s, stop_s) in enumerate(kept, 1):
        even_s = np.arange(start_s, stop_s + 1e-9, 1 / rate_hz)
        body = np.hstack(
            [_at(even_s, accel, in_g) @ source.turn.T, _at(even_s, gyro, in_dps) @ source.turn.T]
        )
        made.append(_trial(name if len(kept) == 1 else f"{name}-{number}", kind, rate_hz, body, source))
    said = [
        f"acceleration: {accel.said}, in {_words(in_g)}",
        f"gyro: {gyro.said}, in {_words(in_dps)}",
    ]
    if uneven_s > UNEVEN_S:
        said.append(
            f"the times are uneven by up to {uneven_s * 1000:.1f} ms: samples put evenly, {rate_hz:g} Hz"
        )
    if len(pieces) > 1:
        said.append(f"cut at {len(pieces) - 1} gap{'s' * (len(pieces) > 2)}: a trial for each stretch")
    if len(kept) < len(pieces):
        said.append(f"{len(pieces) - len(kept)} stretches of less than {SHORTEST_S:g} s left out")
    return Imported(made, [*said, *_tilted(made)])


def _of(source: Source, keys: Sequence[str]) -> dict[str, str]:
    return {key: name for key, name in source.columns.items() if key in keys}


def _series(table: Table, found: Mapping[str, str], source: Source) -> Series:
    """The samples of one sensor: rows in which it has no value are another's."""
    values = np.column_stack([numbers(table, name) for name in found.values()])
    time_s, said = _times(table, source)
    is_own = ~np.isnan(values).any(axis=1) & ~np.isnan(time_s)
    values, time_s, lines = values[is_own], time_s[is_own], np.array(table.lines)[is_own]
    steps = np.diff(time_s)
    if np.any(steps < 0):
        at = int(np.argmax(steps < 0)) + 1
        raise RecordingError(
            f"{table.path}, line {lines[at]}: expected times that rise, found one {-steps[at - 1]:g} s "
            "before the last: are these two recordings in one file?"
        )
    if len(time_s) < 2:
        raise RecordingError(
            f"{table.path}: expected samples, found {len(time_s)} in {', '.join(found.values())}"
        )
    is_new = np.concatenate([[True], steps > 0])
    columns = ", ".join(f"{key} = {name}" for key, name in found.items())
    twice = np.count_nonzero(~is_new)
    left_out = f"; {twice} samples with the time of the one before left out" if twice else ""
    return Series(time_s[is_new], values[is_new], list(found.values()), f"{columns} over {said}{left_out}")


def _times(table: Table, source: Source) -> tuple[Floats, str]:
    """Seconds, (n,), and what they were read from."""
    if not isnan(source.rate_hz):
        return np.arange(len(table.rows)) / source.rate_hz, f"{source.rate_hz:g} Hz, as said"
    if source.time and source.time not in table.names:
        raise RecordingError(f"{table.path}: no column {source.time!r} among {', '.join(table.names)}")
    name = source.time or time_column(table.names)
    first = table.rows[0][table.names.index(name)]
    if source.time_unit == "iso" or not (source.time_unit or is_number(first)):
        return wall_s(table, name), f"{name} (ISO 8601)"
    times = numbers(table, name)
    known = (
        Unit(source.time_unit, TIME_UNITS[source.time_unit]) if source.time_unit else time_unit(name, times)
    )
    return times * known.factor, f"{name} in {_words(known)}"


def _is_weightless(values: Floats) -> bool:
    """Whether gravity has been taken out of accelerations (n, 3), of any unit."""
    windows = len(values) // WINDOW
    if not windows:
        return False
    cut = values[: windows * WINDOW].reshape(windows, WINDOW, 3)
    sizes = np.linalg.norm(cut, axis=2).mean(axis=1)
    return bool(np.median(np.linalg.norm(cut.mean(axis=1), axis=1) / np.maximum(sizes, 1e-9)) < GRAVITY_SHARE)


def _units(source: Source, accel: Series, gyro: Series) -> tuple[Unit, Unit]:
    in_g = (
        unit(source.accel_unit, ACCEL_UNITS, "--accel-unit")
        if source.accel_unit
        else accel_unit(accel.names, accel.values)
    )
    in_dps = (
        unit(source.gyro_unit, GYRO_UNITS, "--gyro-unit") if source.gyro_unit else gyro_unit(gyro.names, in_g)
    )
    return in_g, in_dps


def _words(known: Unit) -> str:
    return f"{known.name} (guessed)" if known.is_guessed else known.name


def _rate(time_s: Floats) -> tuple[float, float]:
    """Samples per second between gaps, and how far an interval is from the usual one at most."""
    steps = np.diff(time_s)
    near = steps[steps <= GAP_INTERVALS * np.median(steps)]
    return round(1 / float(near.mean()), 2), float(np.abs(near - near.mean()).max())


def _runs(time_s: Floats) -> list[tuple[float, float]]:
    """From when to when samples follow one another without a gap."""
    steps = np.diff(time_s)
    cuts = np.flatnonzero(steps > GAP_INTERVALS * np.median(steps)) + 1
    edges = [0, *cuts.tolist(), len(time_s)]
    return [
        (float(time_s[i]), float(time_s[j - 1])) for i, j in zip(edges[:-1], edges[1:], strict=True) if j > i
    ]


def _shared(
    ones: Sequence[tuple[float, float]], others: Sequence[tuple[float, float]]
) -> Iterator[tuple[float, float]]:
    """Where a run of the ones and one of the others overlap; both in order."""
    i = j = 0
    while i < len(ones) and j < len(others):
        start_s, stop_s = max(ones[i][0], others[j][0]), min(ones[i][1], others[j][1])
        if start_s <= stop_s:
            yield start_s, stop_s
        if ones[i][1] < others[j][1]:
            i += 1
        else:
            j += 1


def _at(even_s: Floats, series: Series, known: Unit) -> Floats:
    columns = [np.interp(even_s, series.time_s, column) for column in series.values.T]
    return np.stack(columns, axis=1) * known.factor


def _trial(name: str, kind: str, rate_hz: float, body: Floats, source: Source) -> Trial:
    """Raises RecordingError where the units cannot be."""
    form = Form(
        g_per_count=_per_count(body[:, :3], 1 / COUNTS_PER_G),
        dps_per_count=_per_count(body[:, 3:], 1 / COUNTS_PER_DPS),
    )
    counts = np.rint(body / units(form)).astype(np.int16)
    if doubtful := doubt(body * np.repeat([COUNTS_PER_G, COUNTS_PER_DPS], 3), rate_hz):
        raise RecordingError(
            f"{source.path}: {doubtful}; --accel-unit and --gyro-unit say the units, --columns the columns"
        )
    return Trial(name, kind, rate_hz, counts, description=source.path.name, form=form)


def _per_count(values: Floats, usual: float) -> float:
    """What one count is: the usual, doubled until the largest value fits."""
    largest = float(np.abs(values).max())
    return usual * 2.0 ** ceil(log2(max(largest / usual / LARGEST, 1.0)))


def _tilted(made: Sequence[Trial]) -> Iterator[str]:
    """A word where gravity is not along up: people who walk stand upright."""
    mean = np.concatenate([trial.counts[:, :3] * trial.form.g_per_count for trial in made]).mean(axis=0)
    if mean[2] < UPRIGHT * np.linalg.norm(mean):
        axis = int(np.argmax(np.abs(mean)))
        side = ("forward", "left", "up")[axis]
        yield (
            f"gravity is mostly along {'' if mean[axis] > 0 else 'minus '}{side}: unless the walker lay, "
            "--mounting is another (docs/frames.md)"
        )
