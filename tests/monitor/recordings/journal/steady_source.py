"""Blocks that follow from their number alone, and a journal fed with them: what is missing is seen."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Event,
    FaultCode,
    Input,
    InputKind,
    Priority,
    Stage,
    Status,
)
from monitor.recordings.journal.journal import Journal, JournalSettings
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.rows import Opening
from monitor.recordings.journal.sessions import JournalError, Session, sessions
from tests.pulse import wait_until

BEGAN_S = 1000.0
FORM = Form("a chip", 16 / 32768, 2000 / 32768)
ARMED = Status(True, False, (), BEGAN_S)


def end_s(number: int) -> float:
    return round(BEGAN_S + BLOCK_S * (number + 1), 6)


def number_of(block: SampleBlock) -> int:
    return round((block.end_s - BEGAN_S) / BLOCK_S) - 1


def block(number: int) -> SampleBlock:
    counts = np.random.default_rng(number).integers(-9000, 9000, (5, 6), np.int16)
    body = FORM.body(counts)
    time_s = (round(end_s(number) * 1e6) - np.arange(4, -1, -1) * 10_000) / 1e6
    return SampleBlock(time_s, body[:, :3], body[:, 3:], end_s(number))


def same(found: SampleBlock) -> bool:
    """Whether it is the block of its number."""
    made = block(number_of(found))
    return all(
        np.array_equal(getattr(found, name), getattr(made, name))
        for name in ("time_s", "accel_g", "gyro_dps")
    ) and (found.end_s, found.lost, found.fault) == (made.end_s, 0, "")


def alert(sequence: int, time_s: float, kind: AlertKind = AlertKind.FALL, **rest: Any) -> Alert:
    of = (Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, time_s)
    return Alert(f"{kind}-{sequence}", sequence, kind, *of, **rest)


class Feeder:
    """A journal of its own, fed by hand. ``told`` are its faults, ``fault`` the one that stands."""

    def __init__(self, path: Path, boot: str = "boot", **settings: Any) -> None:
        self.path, self.number, self.told = path, 0, list[Input]()
        self.heard: Sequence[Input] = ()
        self.wall_s = time.time
        opening = Opening(boot, "walker", "1.0", "hash", "{}")
        self.journal = Journal(
            path,
            JournalSettings(**settings),
            opening,
            form=lambda: FORM,
            heard=lambda: self.heard,
            tell=self.told.append,
            clock=lambda: end_s(self.number - 1),
            wall=lambda: self.wall_s(),
        )
        self.journal.start()

    def feed(self, count: int = 15, *, events: Sequence[Event] = (), alerts: Sequence[Alert] = ()) -> None:
        """So many blocks; events, alerts and what is heard come with the first of them."""
        for _ in range(count):
            now = block(self.number)
            self.number += 1
            self.journal(now, events, alerts, ARMED)
            self.heard = events = alerts = ()

    def fill(self, count: int) -> None:
        """So many blocks, as fast as they are written."""
        for _ in range(count // 600):
            self.feed(600)
            wait_until(lambda: not self.journal._writer._waiting)

    def written(self, count: int = 30) -> None:
        """So many blocks, and they can be read."""
        self.feed(count)
        wait_until(lambda: read_s(self.path) == end_s(self.number - 1))

    def until_true(self, condition: Callable[[], object]) -> None:
        """Feed on, as slowly as need be."""

        def fed() -> object:
            self.feed(1)
            return condition()

        wait_until(fed)

    def until(self, words: str) -> None:
        """Feed on until a fault says so; "" waits for none."""
        self.until_true(lambda: words in self.fault if words else not self.fault)

    @property
    def fault(self) -> str:
        assert all(given.fault is FaultCode.JOURNAL for given in self.told)
        return self.told[-1].reason if self.told and self.told[-1].kind is InputKind.FAULT else ""

    def close(self) -> Session:
        """The session as it can be read then."""
        self.journal.close(60.0)
        return sessions(self.path)[-1]


def read_s(path: Path) -> float | None:
    """Up to when the latest session can be read."""
    with suppress(JournalError):  # it is being made
        return sessions(path)[-1].to_s if sessions(path) else None
    return None


def missing(session: Session, count: int) -> list[int]:
    """Which of ``count`` blocks are in no row; all others are what they were, and in order."""
    found = list(session.blocks())
    numbers = [number_of(one) for one in found]
    assert all(map(same, found))
    assert numbers == sorted(set(numbers))
    return sorted(set(range(count)) - set(numbers))


def named(session: Session, count: int) -> list[int]:
    """Which of ``count`` blocks are said to be missing."""
    spans = [(hole.from_s, hole.to_s) for hole in session.holes()]
    return [n for n in range(count) if any(from_s <= end_s(n) <= to_s for from_s, to_s in spans)]
