"""Score people with weights that never saw them: the out-of-fold hops of every recording.

    python -m training.score OUT.npz FOLD0.npz FOLD1.npz ...

Fold i of as many as weights are given. OUT holds per trial: `score` (all hops), `first`.
"""

import argparse

import numpy as np

from monitor.core.network import Head, Network
from training.people import fold_of
from training.recordings import RATE_HZ, Trial, load_trials


def score(trial: Trial, network: Network) -> np.ndarray:
    samples = trial.samples().astype(np.float64)
    return network.update(np.arange(len(samples)) / RATE_HZ, samples[:, :3], samples[:, 3:]).score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--fold", type=int, help="only this fold, with the one set of weights given")
    parser.add_argument("--folds", type=int)
    options = parser.parse_args()
    folds = options.folds or len(options.weights)
    weights = []
    for path in options.weights:
        with np.load(path) as arrays:
            weights.append({name: arrays[name].astype(np.float32) for name in arrays.files})
    trials = load_trials()
    fold = fold_of(trials, folds)
    scores = []
    for trial in trials:
        if options.fold is not None:
            if fold[trial.subject] != options.fold:
                scores.append(np.empty((0, len(Head))))
                continue
            own = weights[0]
        else:
            own = weights[fold[trial.subject]]
        scores.append(score(trial, Network(own)))
    first = np.cumsum([0] + [len(s) for s in scores])
    np.savez(options.out, score=np.concatenate(scores).astype(np.float32), first=first)


if __name__ == "__main__":
    main()
