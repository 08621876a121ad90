"""A logger's table of text: its heading, its rows, and columns of numbers and times from it."""

import csv
import re
from datetime import datetime
from math import nan
from pathlib import Path
from typing import NamedTuple

import numpy as np

from monitor.core.samples import Floats
from monitor.recordings.corpus import RecordingError


class Table(NamedTuple):
    """``rows`` of text under ``names``; ``lines`` says where each is in the file."""

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]


def read(path: Path) -> Table:
    """Columns are parted by commas, semicolons or tabs; lines that begin with # are passed over.

    Without a heading the columns are called 1, 2, 3 ... Raises RecordingError, OSError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeError as error:
        raise RecordingError(
            f"{path}: expected a table of text (.csv), found another kind of file"
        ) from error
    numbered = [
        (number, line)
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith(("#", "//"))
    ]
    if len(numbered) < 2:
        raise RecordingError(f"{path}: expected a heading and samples, found {len(numbered)} lines")
    parts = max(",;\t", key=numbered[0][1].count)
    rows = list(csv.reader((line for _number, line in numbered), delimiter=parts))
    if parts != ",":
        rows = [[re.sub(r"^(\s*[-+]?\d*),(\d+)", r"\1.\2", cell) for cell in row] for row in rows]
    lines = [number for number, _line in numbered]
    if all(is_number(cell) for cell in rows[0]):
        names = [str(i) for i in range(1, len(rows[0]) + 1)]
    else:
        names, rows, lines = [name.strip() for name in rows[0]], rows[1:], lines[1:]
    if len(rows[-1]) < len(names):  # the logger was switched off
        rows, lines = rows[:-1], lines[:-1]
    for row, line in zip(rows, lines, strict=True):
        if len(row) < len(names):
            raise RecordingError(
                f"{path}, line {line}: expected {len(names)} values, found {len(row)}: remove the line"
            )
    return Table(path, names, rows, lines)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers(table: Table, name: str) -> Floats:
    """A column; NaN where a cell is empty. Raises RecordingError."""
    at = table.names.index(name)
    values = np.empty(len(table.rows))
    for i, row in enumerate(table.rows):
        try:
            values[i] = float(row[at].strip() or nan)
        except ValueError:
            raise RecordingError(
                f"{table.path}, line {table.lines[i]}: {name}: expected a number, found {row[at]!r}"
            ) from None
    return values


def wall_s(table: Table, name: str) -> Floats:
    at = table.names.index(name)
    wall = np.empty(len(table.rows))
    for i, row in enumerate(table.rows):
        try:
            wall[i] = datetime.fromisoformat(row[at].strip()).timestamp()
        except ValueError:
            raise RecordingError(
                f"{table.path}, line {table.lines[i]}: {name}: expected a number, or a time such as "
                f"2026-05-31T14:03:22.125, found {row[at]!r}"
            ) from None
    return wall
