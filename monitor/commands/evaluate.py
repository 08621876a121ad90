"""``rearguard evaluate``: score the detector on labelled recordings."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial

from monitor.commands.options import Commands, add_config, command, load
from monitor.core.detector import Detector
from monitor.recordings import gaps
from monitor.recordings.evaluate import ALL, MOST_JOBS, detect_all, read
from monitor.recordings.evaluate import report as scores
from monitor.recordings.score_table import table
from monitor.recordings.scoring import Run, broken
from monitor.weights import shipped


def add(commands: Commands) -> None:
    parser = command(commands, "evaluate", act, "score the detector on labelled recordings")
    add_config(parser)
    parser.add_argument("files", nargs="+", metavar="FILE.npz", help="recordings, or the word `example`")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument(
        "--by",
        choices=("dataset", "laboratory", "subject", "style", "activity"),
        default="dataset",
        help="what the scores are given apart by (default: dataset)",
    )
    parser.add_argument(
        "--gaps", action="store_true", help="instead: what holes in the samples cost, of 0.1 to 3 s"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit status 1 if a fall or stumble is not found, or anything else has an alarm; says which",
    )
    parser.add_argument("--jobs", type=jobs, metavar="N", help="processes (default: one per core)")


def jobs(text: str) -> int:
    """1 to the most that are of use."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected 1 to {MOST_JOBS}; leave it out for one per core"
        )
    return int(text)


def act(args: argparse.Namespace) -> int:
    settings = load(args).settings
    make = partial(Detector, settings, shipped())
    trials, left_out = read(args.files, show_progress=True)
    if args.gaps:
        report = gaps.score(trials, make, args.jobs)
        print(json.dumps(report) if args.json else gaps.table(report))
        return _left_out(left_out, len(trials))
    runs = detect_all(trials, make, args.jobs, show_progress=True)
    report = scores(runs, settings.unsafe_step.red_score, args.by)
    report[ALL]["left_out"] = left_out
    print(json.dumps(report) if args.json else table(report))
    status = _left_out(left_out, len(trials))
    return _hold(runs) or status if args.strict else status


def _left_out(left_out: dict[str, dict[str, str]], used: int) -> int:
    """Says at the end too, where it is read, how many trials the figures are without."""
    count = sum(map(len, left_out.values()))
    if count:
        print(f"without {count} of {used + count} trials, which cannot be used", file=sys.stderr)
    return 1 if count else 0


def _hold(runs: Sequence[Run]) -> int:
    """Does every trial get what it expects?"""
    said = [f"{run.trial.name}: {words}" for run in runs if (words := broken(run))]
    for line in said:
        print(line, file=sys.stderr)
    print(f"{len(runs) - len(said)} of {len(runs)} trials as expected", file=sys.stderr)
    return 1 if said else 0
