"""A session as three tables for spreadsheets: samples, steps, and everything else that happened.

Of the samples, a row each: the file alone gives the session's blocks again, bit by bit. A block without
samples is a row without figures. What a block says once stands in its first row: ``lost``, ``block_end_s``
and, where another sensor begins, ``sensor``.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from math import nan
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monitor.core.samples import SampleBlock
from monitor.recordings.corpus import RecordingError
from monitor.recordings.formats.excerpt import STEP_COLUMNS, Excerpt, step_values
from monitor.recordings.journal.packing import Form

FIGURES = ("accel_x_g", "accel_y_g", "accel_z_g", "gyro_x_dps", "gyro_y_dps", "gyro_z_dps")
SAMPLES = ("time_s", "time_iso", *FIGURES, "lost", "fault", "block_end_s", "sensor")
STEPS = ("time_s", "time_iso", *STEP_COLUMNS)
EVENTS = ("time_s", "time_iso", "what", "kind", "incident", "stage", "who", "reason", "details")


def files(path: Path) -> tuple[Path, Path, Path]:
    """Where samples, steps and events go: walk.csv, walk.steps.csv, walk.events.csv."""
    return path, path.with_suffix(".steps.csv"), path.with_suffix(".events.csv")


def write(path: Path, excerpt: Excerpt) -> None:
    """The three tables; the details of an event are JSON. Raises OSError."""
    samples, steps, events = files(path)
    _table(samples, SAMPLES, _sample_rows(excerpt))
    _table(
        steps,
        STEPS,
        ([step.time_s, excerpt.iso(step.time_s), *step_values(step).values()] for step in excerpt.steps()),
    )
    _table(
        events,
        EVENTS,
        (
            [
                row.time_s,
                excerpt.iso(row.time_s),
                *(row.what, row.kind, row.incident, row.stage, row.who, row.reason),
                json.dumps(row.details),
            ]
            for row in excerpt.rows()
        ),
    )


def _table(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def _sample_rows(excerpt: Excerpt) -> Iterator[list[str]]:
    last: Form | None = None
    for form, block in excerpt.samples():
        once = [str(block.lost), block.fault, f"{block.end_s:.6f}", "" if form == last else _sensor(form)]
        last = form
        if not len(block.time_s):
            yield [f"{block.end_s:.6f}", excerpt.iso(block.end_s), *[""] * len(FIGURES), *once]
        body = np.hstack([block.accel_g, block.gyro_dps]).tolist()
        for time_s, figures in zip(block.time_s.tolist(), body, strict=True):
            yield [f"{time_s:.6f}", excerpt.iso(time_s), *(f"{value:.6f}" for value in figures), *once]
            once = ["", block.fault, "", ""]


def _sensor(form: Form) -> str:
    return f"{form.chip}; {form.g_per_count!r} g; {form.dps_per_count!r} dps; {form.mounting}"


def _form(words: str) -> Form:
    chip, accel, gyro, mounting = words.rsplit("; ", 3)
    return Form(chip, float(accel.removesuffix(" g")), float(gyro.removesuffix(" dps")), mounting)


def is_ours(path: Path) -> bool:
    """Whether `write` made this table of samples. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\r\n") == ",".join(SAMPLES)


def read(path: Path) -> tuple[list[tuple[Form, SampleBlock]], float]:
    """The blocks, each with how its samples came about, and the offset in s from monotonic to wall time.

    Raises RecordingError, OSError.
    """
    held: list[_Rows] = []
    offset_s = nan
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.reader(file)
        next(table)
        try:
            for row in table:
                time_s, when, *figures, lost, fault, end_s, sensor = row
                if lost:
                    form = _form(sensor) if sensor else held[-1].form
                    held.append(_Rows(form, [], [], float(end_s), int(lost), fault))
                    offset_s = datetime.fromisoformat(when).timestamp() - float(time_s)
                if figures[0]:
                    held[-1].time_s.append(float(time_s))
                    held[-1].body.append([float(figure) for figure in figures])
        except (ValueError, IndexError, UnicodeError, csv.Error) as error:
            raise RecordingError(
                f"{path}, line {table.line_num}: expected samples as `rearguard export` writes them, found a "
                f"table that was changed or cut: {error}; export it again"
            ) from error
    return [(rows.form, _block(rows)) for rows in held], round(offset_s, 6)


class _Rows(NamedTuple):
    """A block while its rows are read."""

    form: Form
    time_s: list[float]
    body: list[list[float]]
    end_s: float
    lost: int
    fault: str


def _block(rows: _Rows) -> SampleBlock:
    body = np.array(rows.body, float).reshape(-1, len(FIGURES))
    time_s = np.array(rows.time_s, float)
    return SampleBlock(time_s, body[:, :3], body[:, 3:], rows.end_s, rows.lost, rows.fault)
