"""Killed at any moment, the journal is whole and lacks no more than the last second."""

import os
import random
import select
import signal
import sqlite3
from contextlib import ExitStack, closing
from math import isinf
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from monitor.core.samples import BLOCK_S
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.journal.writer import Writer
from tests.background import spawned
from tests.monitor.recordings.journal.steady_source import Feeder, alert, end_s, number_of, read_s, same
from tests.pulse import PATIENCE_S, wait_until

KILLS = 200
JOURNALS = 8
"""They are recorded into in turn: most sessions begin with what a kill has left behind."""

LONGEST = 600
"""Blocks before a kill; SQLite moves its log into the file every thousand pages."""

IN_TIME = 4
"""Blocks within which the disk has written what is handed over. Time is the blocks' own: however slow the
machine is, no more than this comes meanwhile."""


def idle(writer: Writer) -> bool:
    """Has the disk all that was handed over?"""
    return not writer._waiting and isinf(writer._busy_s)


def record(path: Path, boot: str, pipe: int) -> None:
    """Until it is killed; how many blocks the journal has taken goes into the pipe."""
    feeder = Feeder(path, boot)
    writer, busy_blocks = feeder.journal._writer, 0
    while True:
        feeder.feed(1, alerts=[alert(1, end_s(feeder.number))] if feeder.number % 97 == 50 else [])
        os.write(pipe, feeder.number.to_bytes(4, "little"))
        busy_blocks = 0 if idle(writer) else busy_blocks + 1
        if busy_blocks >= IN_TIME:
            wait_until(lambda: idle(writer))


def killed(path: Path, boot: str, chance: random.Random) -> int:
    """Record until a random moment; how many blocks the journal had taken by then."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            record(path, boot, writing)
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    for _ in range(chance.randrange(1, LONGEST)):
        assert select.select([reading], [], [], PATIENCE_S)[0]
        said = os.read(reading, 4)
    select.select([], [], [], 3e-3 * chance.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while more := os.read(reading, 4096):
        said = more[-4:]
    os.close(reading)
    return int.from_bytes(said, "little")


def lost_s(path: Path, boot: str, count: int) -> float:
    """How much of ``count`` blocks is missing at the end of a journal that is whole."""
    if read_s(path) is None:
        return count * BLOCK_S  # killed before there was a session in it
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    last = sessions(path)[-1]
    blocks = list(last.blocks()) if last.boot == boot else []
    assert [number_of(block) for block in blocks] == list(range(len(blocks)))
    assert all(map(same, blocks))
    return (count - len(blocks)) * BLOCK_S


def kill_some(folder: Path, kills: range, results: Connection) -> None:
    """In a process without threads, so that it can fork: its children need not import anything."""
    for kill in kills:
        path, boot = folder / f"{kill % JOURNALS}.db", f"boot {kill}"
        count = killed(path, boot, random.Random(kill))
        results.send((count, lost_s(path, boot, count)))


@pytest.mark.long
def test_two_hundred_kills_cost_a_second_each_at_the_most(tmp_path: Path) -> None:
    ours, its = Pipe()
    with closing(ours), closing(its), ExitStack() as lanes:
        for lane in range(2):
            lanes.enter_context(spawned(kill_some, tmp_path, range(lane, KILLS, 2), its))
        found = []
        for _ in range(KILLS):
            assert ours.poll(PATIENCE_S)
            found.append(ours.recv())
    worst_s = max(lost for _, lost in found)
    assert 0 < worst_s <= 1.0
    assert max(count for count, _ in found) > LONGEST / 2
