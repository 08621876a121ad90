"""Contacts on people and laboratories that the network never saw: a table of docs/accuracy.md.

    python -m training.contacts_left_out FOLDER

Weights that are not in FOLDER yet are trained first: one set without each laboratory that has true contacts,
and half0.npz and half1.npz, each without every second person of each. The whole detector is scored on those
left out, by the rules of `rearguard evaluate`.
"""

import argparse
from functools import partial
from pathlib import Path

from monitor.recordings import scoring
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect_all
from monitor.weights import CONTACTS
from training.contacts import detector_with
from training.folder import FOLDER
from training.leave_out import trained
from training.people import fold_of
from training.results import Result, digest, write

FILES = ("gait.npz", "lafan1.npz", "bones.npz")
SHOWN = {
    "ipol": "ipol (real contacts)",
    "bandai": "Bandai, both mounts",
    "bones": "BONES, walking and jogging",
    "lafan1": "LAFAN1, both mounts",
}
HALVES = 2


def cell(score: scoring.Score) -> str:
    """F1, and the spread of what is left of the time after a constant lag."""
    return f"{score['f1']:.3f}, {1000 * score['timing_sd_s']:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    walks = [t for file in FILES for t in Corpus(FOLDER / file) if t.kind == "walk"]
    fold = fold_of(walks, HALVES)  # of all of them, as they were dealt for training
    trials = [t for t in walks if t.contact_s]
    rows: list[Result] = [{"data set": shown} for shown in SHOWN.values()]
    digests: dict[str, str] = {}

    def score(weights: Path, unseen: list[Trial]) -> scoring.Score:
        digests[weights.stem] = digest(weights)
        found = scoring.steps(detect_all(unseen, partial(detector_with, str(weights))))
        assert found is not None  # each has true contacts
        return found

    columns = ["laboratory left out", *(f"half {half} left out" for half in range(HALVES))]
    for row, dataset in zip(rows, SHOWN, strict=True):
        own = [t for t in trials if t.dataset == dataset]
        whole = trained(
            folder / f"without_{dataset}.npz", "--laboratory", dataset, module="training.contacts"
        )
        halves = [
            trained(folder / f"half{half}.npz", "--fold", str(half), module="training.contacts")
            for half in range(HALVES)
        ]
        unseen = [own] + [[t for t in own if fold[t.dataset, t.subject] == half] for half in range(HALVES)]
        for column, weights, some in zip(columns, (whole, *halves), unseen, strict=True):
            found = score(weights, some)
            row[column] = cell(found)
            row[f"{column}: score"] = found
        print(*(row[name] for name in ("data set", *columns)), sep="  |  ", flush=True)
    command = "python -m training.contacts_left_out FOLDER"
    shown = ("data set", *columns)
    write("contacts", command, FILES, shown, rows, digests, instead_of=digest(CONTACTS))


if __name__ == "__main__":
    main()
