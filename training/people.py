"""Which people are left out together."""

from collections import defaultdict
from collections.abc import Iterable

from monitor.recordings.corpus import Trial

Person = tuple[str, str]  # data set, subject


def laboratory(trial: Trial) -> str:
    """Where it was recorded: what a data set's name begins with (hapt_off is of hapt's)."""
    return trial.laboratory or trial.dataset.partition("_")[0]


def fold_of(trials: Iterable[Trial], folds: int) -> dict[Person, int]:
    """Each person's fold: the people of every set (SisFall's elders apart) dealt in turn."""
    groups = defaultdict(set)
    for trial in trials:
        elder = trial.dataset == "sisfall" and trial.subject.startswith("SE")
        groups[trial.dataset, elder].add((trial.dataset, trial.subject))
    return {person: i % folds for group in groups.values() for i, person in enumerate(sorted(group))}
