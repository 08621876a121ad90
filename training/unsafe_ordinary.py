"""How many ordinary steps are flagged as unsafe.

    python -m training.unsafe_ordinary

People's forward walking, with both directions checked. And where the true contacts are known: how many steps
their rhythm alone would flag, beside that of the contacts which are found; so that uneven walkers can be
distinguished from contacts that are found badly.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np

from monitor.core.detector import Detector
from monitor.core.step_measures import PAUSE_S, rhythm
from monitor.core.steps import LONGEST_S
from monitor.core.unsafe import BAD, OK, RHYTHM
from monitor.core.vocabulary import EventKind, StepEvent, UnsafeStepEvent
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect_all
from monitor.recordings.scoring import Run
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

WALKS = (
    ("DSADS, treadmill, flat and 15 degrees up", "dsads.npz", "dsads", ("a10", "a11")),
    ("DSADS, parking lot", "dsads.npz", "dsads", ("a09",)),
    ("HAPT, corridor", "hapt.npz", "hapt", ("walking",)),
    ("SisFall, slowly in a room", "sisfall.npz", "sisfall", ("D01",)),
    ("SisFall, quickly in a room", "sisfall.npz", "sisfall", ("D02",)),
    ("KFall, short walks, most with a turn", "kfall.npz", "kfall", ()),
    ("ipol, there and back", "gait.npz", "ipol", ()),
    ("Bandai, acted styles", "gait.npz", "bandai", ()),
    ("BONES, walking", "bones.npz", "bones", ()),
    ("LAFAN1, walking", "lafan1.npz", "lafan1", ()),
)
"""A file, its data set, and of which activities; () is all."""

RUNNING = ("jog", "run", "sprint")
LEAST_CONTACTS = 8
USUAL_STEPS = 40
AMBER = OK[RHYTHM] + Settings().unsafe_step.amber_score * (BAD - OK)[RHYTHM]


def chosen(file: str, dataset: str, activities: Sequence[str]) -> list[Trial]:
    return [
        trial
        for trial in Corpus(FOLDER / file)
        if (trial.kind, trial.dataset) == ("walk", dataset)
        and trial.activity in (activities or [trial.activity])
        and not any(word in trial.name for word in RUNNING)
    ]


def uneven(contacts_s: Sequence[float]) -> tuple[int, int]:
    """How many steps are flagged for their rhythm alone, by ordinary people's limits, and of how many."""
    times: list[float] = []
    flags = steps = 0
    for took_s in np.diff(contacts_s).tolist():
        if took_s > PAUSE_S:
            times = []
            continue
        now = [*times, took_s]
        if len(now) >= 4:
            steps += 1
            flags += bool((np.array(rhythm(now, median(now[:-1]))) > AMBER).any())
        if took_s <= LONGEST_S:
            times = now[-USUAL_STEPS:]
    return flags, steps


def by_true_and_found_contacts(runs: Sequence[Run]) -> tuple[str, str]:
    """The shares of steps flagged for their rhythm alone; "-" where no contacts are known."""
    known = [run for run in runs if len(run.trial.contact_s) >= LEAST_CONTACTS]
    if not known:
        return "-", "-"
    true = [uneven(run.trial.contact_s) for run in known]
    found = [uneven([e.contact_s for _, e in run.reported if isinstance(e, StepEvent)]) for run in known]
    return share(*np.sum(true, axis=0)), share(*np.sum(found, axis=0))


def share(flags: int, steps: int) -> str:
    return f"{100 * flags / steps:.2f}"


def row(label: str, runs: Sequence[Run], red: float) -> Result:
    flags = [event for run in runs for _, event in run.reported if isinstance(event, UnsafeStepEvent)]
    others = [event for event in flags if list(event.evidence)[1] != "veering_deg"]
    steps = sum(len(run.times_s({EventKind.STEP})) for run in runs)
    counts = [
        len(flags),
        sum(e.score >= red for e in flags),
        len(others),
        sum(e.score >= red for e in others),
    ]
    amber, red_share, amber_of_others, red_of_others = (share(n, steps) for n in counts)
    true, found = by_true_and_found_contacts(runs)
    return {
        "walking, flags of 100 steps": f"{label} ({len(runs)} walks, {steps} steps)",
        "amber / red": f"{amber} / {red_share}",
        "... but for veering": f"{amber_of_others} / {red_of_others}",
        "rhythm of the true contacts": true,
        "rhythm of those found": found,
        "counts": counts,
        "steps": steps,
    }


def main() -> None:
    settings = Settings()
    settings = replace(settings, unsafe_step=replace(settings.unsafe_step, both_directions=True))
    detector = partial(Detector, settings, shipped())
    red = settings.unsafe_step.red_score
    rows = [
        row(label, detect_all(chosen(file, dataset, activities), detector), red)
        for label, file, dataset, activities in WALKS
    ]
    columns = [column for column in rows[0] if column not in ("counts", "steps")]
    files = sorted({file for _, file, *_ in WALKS})
    command = "python -m training.unsafe_ordinary"
    write("unsafe_ordinary", command, files, columns, rows, {"contacts": digest(CONTACTS)})
    for cells in rows:
        print(*(cells[column] for column in columns), sep="  |  ")


if __name__ == "__main__":
    main()
