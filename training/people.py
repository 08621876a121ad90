"""Which people are left out together."""

from collections import defaultdict
from collections.abc import Sequence

from training.recordings import Trial


def fold_of(trials: Sequence[Trial], folds: int) -> dict[str, int]:
    """Each person's fold: the people of every set (old ones apart) dealt in turn."""
    groups = defaultdict(set)
    for trial in trials:
        old = trial.subject.startswith("sisfall-SE")
        groups[trial.dataset, old].add(trial.subject)
    return {subject: i % folds for group in groups.values() for i, subject in enumerate(sorted(group))}
