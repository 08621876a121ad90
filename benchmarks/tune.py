"""What `rearguard tune` takes: every setting of its grid tried on ten sessions of an hour.

    python -m benchmarks.tune [HOURS]

Walks of people where there are some (docs/recordings.md), one after the other, else the simulated walker's.
The journal is made first, and is not timed.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Status
from monitor.playback import BEHIND_CHUNKS, shifted
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.journal.journal import Journal, JournalSettings
from monitor.recordings.journal.rows import Opening
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.simulated_walker import Move, walk
from monitor.recordings.tuning.engine import each
from monitor.recordings.tuning.tune import attempt, outcome, recommended
from monitor.recordings.tuning.wishes import KINDS, of_session
from monitor.settings import Settings
from monitor.settings_text import detecting
from monitor.weights import shipped
from training.folder import FOLDER

HOUR_S = 3600.0


def walked() -> list[Trial]:
    """What is played over and over."""
    if (FOLDER / "gait.npz").is_file():
        return [trial for trial in Corpus(FOLDER / "gait.npz") if trial.kind == "walk"][:60]
    return [walk(((5.0, Move.STAND), (290.0, Move.BACKWARD), (5.0, Move.STAND)), 100.0).trial("walk")]


def hour(trials: list[Trial]) -> Iterator[SampleBlock]:
    """An hour of blocks."""
    now_s = 0.0
    while True:
        for trial in trials:
            for block in shifted(corpus.blocks(trial, 100.0), now_s):
                if block.end_s > HOUR_S:
                    return
                yield block
            now_s = block.end_s + 0.01


def record(path: Path, number: int, blocks: Iterator[SampleBlock]) -> None:
    journal = Journal(path, JournalSettings(), Opening(str(number), "walker", "0", "", detecting(Settings())))
    journal.start()
    for block in blocks:
        while journal.behind > BEHIND_CHUNKS:
            time.sleep(0.001)
        journal(block, [], [], Status(True, False, (), block.end_s))
    journal.close(10.0)


def main(hours: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        trials = walked()
        for number in range(hours):
            record(path, number, hour(trials[number % len(trials) :] + trials[: number % len(trials)]))
        chosen = [of_session(session) for session in sessions(path)]
        began_s = time.monotonic()
        settings = Settings()
        tried = list(each(partial(attempt, base=settings, weights=shipped()), chosen))
        found = [outcome(tried, kind, settings) for kind in KINDS]
        recommended(found, settings)
        took_s = time.monotonic() - began_s
        count = sum(len(one.grid.choices) for one in found)
        print(f"{count} settings on {hours} sessions of an hour: {took_s:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
