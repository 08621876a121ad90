"""``rearguard trials``: what a recording holds, a line per trial."""

import argparse
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from monitor.commands.options import Commands, command
from monitor.recordings.corpus import Corpus, Trial

HEADINGS = ("trial", "kind", "length", "rate", "labels", "description")


def add(commands: Commands) -> None:
    parser = command(commands, "trials", act, "list what a recording holds: a line per trial")
    parser.add_argument("file", metavar="FILE.npz", help="a recording, or the word `example`")
    parser.add_argument("--json", action="store_true", help="one JSON array, with every label's times")


def act(args: argparse.Namespace) -> int:
    trials = Corpus(args.file)
    if args.json:
        print(json.dumps([as_object(trial) for trial in trials]))
    else:
        for line in table(trials):
            print(line)
    return 0


def table(trials: Iterable[Trial]) -> Iterator[str]:
    """A heading, and a line per trial; texts to the left, numbers to the right."""
    rows = [HEADINGS, *(_cells(trial) for trial in trials)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    for row in rows:
        aligned = (
            cell.rjust(width) if heading in ("length", "rate") else cell.ljust(width)
            for heading, cell, width in zip(HEADINGS, row, widths, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def as_object(trial: Trial) -> dict[str, Any]:
    """The trial without its samples, as JSON has it: an unknown time is null."""
    times = {name: getattr(trial, name) for name in ("onset_s", "impact_s", "span_start_s", "span_stop_s")}
    texts = ("name", "kind", "dataset", "subject", "activity", "description")
    return {
        **{name: getattr(trial, name) for name in texts},
        "rate_hz": trial.rate_hz,
        "duration_s": round(trial.duration_s, 3),
        **{name: None if math.isnan(time_s) else time_s for name, time_s in times.items()},
        "contact_s": trial.contact_s,
        "stretches": [stretch._asdict() for stretch in trial.stretches],
    }


def _cells(trial: Trial) -> Sequence[str]:
    length, rate = f"{trial.duration_s:.1f} s", f"{trial.rate_hz:g} Hz"
    return trial.name, trial.kind, length, rate, _labels(trial), trial.description


def _labels(trial: Trial) -> str:
    """Which labels there are: times of events, how many contacts, which directions."""
    events = {
        "onset": trial.onset_s,
        "impact": trial.impact_s,
        "from": trial.span_start_s,
        "to": trial.span_stop_s,
    }
    found = [f"{name} {time_s:.2f}" for name, time_s in events.items() if not math.isnan(time_s)]
    if trial.contact_s:
        found.append(f"{len(trial.contact_s)} contacts")
    return ", ".join([*found, *sorted({stretch.direction for stretch in trial.stretches})]) or "-"
