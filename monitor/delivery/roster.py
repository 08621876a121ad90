"""The roster: a table that a spreadsheet writes (CSV), from which all accounts at the broker are made.

    walker,spotters,programs
    anna,eva max,
    bert,eva,
    *,,page home

A line for each walker, that is, for each device. Names within a cell have spaces between; ``*`` is every
walker. A spotter gets a slip with a QR code, a program (the page's account, the notifier's) a file with its
password.
"""

import csv
import errno
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery import home_assistant
from monitor.delivery.accounts import Role, rights
from monitor.delivery.messages import DEVICE_PATTERN, DEVICE_WORDS

WALKER, SPOTTERS, PROGRAMS = "walker", "spotters", "programs"
COLUMNS = (WALKER, SPOTTERS, PROGRAMS)
EVERYONE = "*"
BYTES = 1_000_000
EXPECTED = f"a first line {','.join(COLUMNS)} (programs may be left out), then a line for each walker"


class RosterError(RearguardError):
    """A roster from which no accounts are made: a line for each mistake, in the order of the file."""


@dataclass(frozen=True)
class Account:
    """Whom the roster names. ``on_slip``: a spotter, who gets a slip, not a file with a password."""

    name: str
    role: Role
    devices: tuple[str, ...]
    on_slip: bool = False

    @property
    def rights(self) -> list[str]:
        return rights(self.name, self.role, *self.devices)

    def __str__(self) -> str:
        if self.role is Role.DEVICE:
            return f"walker {self.name}"
        return f"{'spotter' if self.on_slip else 'program'} {self.name}, watching {' '.join(self.devices)}"


@dataclass(frozen=True)
class Row:
    """A line of the table that is not empty."""

    line: int
    walker: str
    spotters: list[str]
    programs: list[str]


def load(path: Path) -> list[Account]:
    """The accounts that the file names: the walkers', then those who watch. Raises RosterError."""
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "it is no file")
        with path.open("rb") as file:
            raw = file.read(BYTES + 1)
    except OSError as error:
        raise RosterError(f"{path}: cannot be read: {error.strerror}") from None
    if len(raw) > BYTES:
        raise RosterError(f"{path}: is larger than 1 MB, so it is no roster")
    try:
        text = raw.decode("utf-8-sig")  # spreadsheets put a mark at the beginning
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RosterError(f"{path}:{line}: is not UTF-8 text: save it as CSV UTF-8") from None
    return parsed(text, str(path))


def parsed(text: str, name: str) -> list[Account]:
    """The accounts that the table ``text`` names; ``name`` is where it is from. Raises RosterError."""
    problems: list[tuple[int, str]] = []
    rows = list(_rows(text, problems))
    problems += _problems(rows)
    walkers = [row.walker for row in rows if row.walker != EVERYONE]
    if not walkers and not problems:
        problems.append((0, f"names no walker: expected {EXPECTED}"))
    if problems:
        ordered = sorted(problems, key=lambda found: found[0])  # 0: of the whole file
        raise RosterError(
            "\n".join(f"{name}{f':{line}' if line else ''}: {words}" for line, words in ordered)
        )
    watched: dict[str, set[str]] = {}
    spotters: set[str] = set()
    for row in rows:
        spotters.update(row.spotters)
        for who in (*row.spotters, *row.programs):
            watched.setdefault(who, set()).update(walkers if row.walker == EVERYONE else [row.walker])
    return [
        *(Account(walker, Role.DEVICE, (walker,)) for walker in walkers),
        *(
            Account(
                who,
                Role.HOME if who == home_assistant.ACCOUNT else Role.SPOTTER,
                tuple(walker for walker in walkers if walker in devices),
                who in spotters,
            )
            for who, devices in watched.items()
        ),
    ]


def _rows(text: str, problems: list[tuple[int, str]]) -> Iterator[Row]:
    """The table's lines; what is wrong with its form goes into ``problems``."""
    first = next(filter(str.strip, text.splitlines()), "")
    separator = max(",;\t", key=first.count)  # spreadsheets take what is usual in their country
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            found = [cell.strip() for cell in cells]
            while found and not found[-1]:
                found.pop()
            if found and not header:
                header = found
                if header not in (list(COLUMNS), list(COLUMNS[:2])):
                    problems.append((line, f"found {separator.join(header)!r}, expected {EXPECTED}"))
                    return
            elif len(found) > len(header):
                rest = f"in a cell, names have spaces between, {separator!r} begins the next"
                problems.append((line, f"found {len(found)} cells, allowed {len(header)}: {rest}"))
            elif found:
                walker, *others = (*found, "", "")[:3]
                yield Row(line, walker, *(re.findall(r"[^\s,;]+", cell) for cell in others))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.append((line, f"is no table: {error}; expected {EXPECTED}"))
    if not header:
        problems.append((0, f"is empty: expected {EXPECTED}"))


def _problems(rows: list[Row]) -> Iterator[tuple[int, str]]:
    """Each mistake among the names, and its line."""
    lines: dict[str, int] = {}
    kinds: dict[str, tuple[str, int]] = {}
    for row in rows:
        if not row.walker:
            whose = " ".join((*row.spotters, *row.programs))
            yield (
                row.line,
                f"no walker: found only {whose!r}; expected a name, or {EVERYONE} for every walker",
            )
        elif row.walker in lines:
            yield row.line, f"walker {row.walker!r} is in line {lines[row.walker]} already: one line for each"
        elif row.walker != EVERYONE and (wrong := _wrong(row.walker)):
            yield row.line, f"walker {row.walker!r}: {wrong}"
        lines.setdefault(row.walker, row.line)
    for row in rows:
        for kind, other, names in (
            ("spotter", "program", row.spotters),
            ("program", "spotter", row.programs),
        ):
            for name in dict.fromkeys(names):
                before = kinds.setdefault(name, (kind, row.line))
                if names.count(name) > 1:
                    yield row.line, f"{kind} {name!r} is there {names.count(name)} times: once is enough"
                if wrong := _wrong(name, kind):
                    yield row.line, f"{kind} {name!r}: {wrong}"
                elif name in lines:
                    yield row.line, f"{kind} {name!r} has the name of the walker in line {lines[name]}"
                elif before[0] == other:
                    yield (
                        row.line,
                        f"{kind} {name!r} is a {other} in line {before[1]}: expected one of the two",
                    )


def _wrong(name: str, kind: str = WALKER) -> str:
    """What is wrong with the name by itself."""
    if not re.fullmatch(DEVICE_PATTERN, name):
        return f"{DEVICE_WORDS} are allowed"
    if name == home_assistant.ACCOUNT and kind != "program":
        return "Home Assistant answers by it: it is allowed among the programs"
    return ""
