"""Journals for tests: what the simulated walker walked, recorded as sessions."""

import sqlite3
from contextlib import closing
from pathlib import Path

from monitor.cli import main
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.journal import file as journal_file
from monitor.recordings.journal.sessions import Session, sessions
from monitor.recordings.simulated_walker import Move, Script

DAY_S = 86_400.0
BACKWARD: Script = [(3.0, Move.STAND), (60.0, Move.BACKWARD), (3.0, Move.STAND)]


def record(path: Path, *scripts: Script, seed: int = 1) -> list[Session]:
    """The journal's sessions, once each script has been walked and recorded."""
    for number, script in enumerate(scripts):
        file = path.with_suffix(f".{number}.npz")
        corpus.save(file, [simulated_walker.walk(script, 100.0, seed=seed + number).trial("walk")])
        assert main(["replay", str(file), "--config", "/dev/null", "--record", str(path)]) == 0
    return sessions(path)


def change(path: Path, statement: str, *values: object) -> None:
    """Change what a journal holds, as age or a careless hand does."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(statement, values)


def empty(path: Path) -> None:
    """A journal without a session."""
    journal_file.opened(path).close()
