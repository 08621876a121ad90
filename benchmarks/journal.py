"""What the journal costs: the device's disk, its card's life, the loop and the processor.

    python -m benchmarks.journal --minutes 12

Walking people of gait.npz where it is there (docs/recordings.md), else the simulated walker, at the pace of
the real clock: SQLite waits for the disk, and Linux writes, by time. A process for each rate and page size.
The folder must be on a disk: in memory nothing is written.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import BLOCK_S, SampleBlock, on_the_microsecond
from monitor.core.vocabulary import Status
from monitor.playback import PacedClock, shifted, trial_of
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.journal import file as journal_file
from monitor.recordings.journal.journal import Journal, JournalSettings
from monitor.recordings.journal.rows import Opening
from monitor.weights import shipped
from training.folder import FOLDER

RATES_HZ = (100, 200)
PAGES = (1024, 4096)
STEADY_BLOCKS = 1200
"""A minute, in which the file is made: what is written, and by what effort, is counted after it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0, help="of walking (default: 12)")
    parser.add_argument("--folder", help="on the disk to be measured (default: the one of temporary files)")
    parser.add_argument("--one", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        rate_hz, page_bytes = args.one
        measure(rate_hz, page_bytes, args.minutes, args.folder)
        return
    heads = ("MB/h kept", "MB/h written", "loop: ms per block", "of the detector's", "% of a core")
    print(" " * 24 + "".join(f"{head:>20}" for head in heads), flush=True)
    again = [sys.executable, "-m", "benchmarks.journal", *sys.argv[1:], "--one"]
    runs = [subprocess.Popen([*again, str(rate), str(page)]) for rate in RATES_HZ for page in PAGES]
    for run in runs:
        run.wait()


def measure(rate_hz: int, page_bytes: int, minutes: float, folder: str | None) -> None:
    journal_file.PAGE_BYTES = page_bytes
    detector = Detector(DetectorSettings(), shipped())
    told, detected_s = [], []
    for block in islice(walking(float(rate_hz)), round(60 * minutes / BLOCK_S)):
        began_s = time.thread_time()
        told.append((block, detector.update(block)))
        detected_s.append(time.thread_time() - began_s)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "journal.db"
        journal = Journal(path, JournalSettings(), Opening("benchmark", "walker", "", "", "{}"))
        journal.start()
        clock = PacedClock()
        taken_s: list[float] = []
        for number, (block, events) in enumerate(told):
            clock.sleep(BLOCK_S)
            if number == STEADY_BLOCKS:
                written, used_s = written_bytes(), time.process_time()
                taken_s.clear()
            began_s = time.thread_time()
            journal(block, events, [], Status(True, False, (), block.end_s))
            taken_s.append(time.thread_time() - began_s)
        written, used_s = written_bytes() - written, time.process_time() - used_s
        journal.close(10.0)
        kept_mb = path.stat().st_size / 1e6
    loop_s, hours = sum(taken_s) / len(taken_s), len(taken_s) * BLOCK_S / 3600
    print(
        f"{rate_hz} Hz, pages of {page_bytes:<9}{kept_mb / minutes * 60:>20.2f}{written / 1e6 / hours:>20.1f}"
        f"{1000 * loop_s:>20.3f}{loop_s / median(detected_s):>20.3f}{used_s / 36 / hours:>20.2f}",
        flush=True,
    )


def walking(rate_hz: float) -> Iterator[SampleBlock]:
    """People who walk, one after the other, for ever."""
    at_s = time.monotonic()
    for trial in cycle(walks()):
        for block in shifted(corpus.blocks(trial, rate_hz), at_s):
            yield on_the_microsecond(block)
        at_s = block.end_s


def walks() -> list[Trial]:
    if not (FOLDER / "gait.npz").is_file():
        return [trial_of(None, None)]
    return [trial for trial in Corpus(FOLDER / "gait.npz") if trial.kind == "walk" and trial.duration_s > 20]


def written_bytes() -> int:
    """What this process has let the disk write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


if __name__ == "__main__":
    main()
