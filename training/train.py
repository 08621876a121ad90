"""Train the network on some of the people and write its weights.

    python -m training.train OUT.npz [--fold 0] [--folds 4] [--without kfall] [--steps 5000] [--seed 1]

With --fold the people of that fold are left out, with --without a whole laboratory. In the first three
fifths of the steps falls are learned, from the laboratories that recorded falls and walking; then those
that recorded what is no fall join in. All at once, falls are learned less well.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from training.crops import Recording, batch, recordings
from training.model import Network
from training.people import fold_of, laboratory

BATCH = 64
SHARES = {"fall": 0.34, "stumble": 0.12, "walk": 0.12, "daily": 0.42}
LEAST_PART = 0.12  # of its kind, even for a small data set
HARDNESS_MEMORY = 0.7
HARDEST = 3.0
ANSWER_WEIGHT = 10.0  # mean over all decisions, most of which are easy
POSITIVE_WEIGHT = 3.0
BAG_WEIGHT = 0.8
FIRST = ("sisfall", "kfall", "ipol", "bandai")  # data sets of the first stage
FIRST_SHARE = 0.6  # of all steps
RATES = 4e-3, 2e-3  # of the two stages
AVERAGE_DECAY = 0.995


class Draw:
    """Which recordings come next: by kind, by data set, the harder the more often.

    A data set counts by the root of its hours, one without falls for half of that.
    """

    def __init__(self, pool: Sequence[Recording]) -> None:
        self._hardness = np.ones(len(pool))
        self._groups: dict[str, list[npt.NDArray[np.int64]]] = {}
        self._parts: dict[str, npt.NDArray[np.float64]] = {}
        with_falls = {r.trial.dataset for r in pool if r.trial.kind == "fall"}
        for kind in SHARES:
            names = sorted({r.trial.dataset for r in pool if r.trial.kind == kind})
            groups = [
                np.array([i for i, r in enumerate(pool) if r.trial.kind == kind and r.trial.dataset == name])
                for name in names
            ]
            roots = np.sqrt([sum(pool[i].length for i in group) for group in groups])
            roots *= [1.0 if name in with_falls else 0.5 for name in names]
            parts = np.maximum(roots / roots.sum(), LEAST_PART)
            self._groups[kind], self._parts[kind] = groups, parts / parts.sum()

    def __call__(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        picks = []
        for kind in random.choice(list(SHARES), BATCH, p=list(SHARES.values())):
            group = self._groups[kind][random.choice(len(self._groups[kind]), p=self._parts[kind])]
            weight = 0.3 + np.minimum(self._hardness[group], HARDEST)
            picks.append(random.choice(group, p=weight / weight.sum()))
        return np.array(picks)

    def learn(self, picks: npt.NDArray[np.int64], loss: npt.NDArray[np.float32]) -> None:
        self._hardness[picks] *= HARDNESS_MEMORY
        self._hardness[picks] += (1.0 - HARDNESS_MEMORY) * 2.0 * loss


def loss_of(score: Tensor, answer: Tensor, weight: Tensor, bag: Tensor) -> tuple[Tensor, Tensor]:
    """The loss, and each crop's share in its second part (b,).

    First, every decision is asked. Second, what counts in use: of each bag the best two decisions
    must be positive, and of all that should be quiet the worst two must be negative.
    """
    asked = weight * torch.where(answer > 0, POSITIVE_WEIGHT, 1.0)
    each = binary_cross_entropy_with_logits(score, answer, weight=asked)
    never = torch.finfo(score.dtype).min / 4
    quiet = (weight > 0) & (answer == 0)
    best = score.masked_fill(~bag, never).topk(2, 1).values.mean(1).clamp(min=-50)
    worst = score.masked_fill(~quiet, never).topk(2, 1).values.mean(1).clamp(min=-50)
    missed = torch.where(bag.any(1), softplus(-best), 0.0)
    alarmed = torch.where(quiet.sum(1) > 1, softplus(worst), 0.0) * weight.masked_fill(~quiet, 0).amax(1)
    crops = (missed + alarmed).sum(1)
    return ANSWER_WEIGHT * each + BAG_WEIGHT * crops.mean(), crops


def train(pool: Sequence[Recording], steps: int, seed: int) -> Network:
    """A network that has learned in both stages."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    first = round(FIRST_SHARE * steps)
    network = stage(Network(), [r for r in pool if r.trial.dataset in FIRST], first, RATES[0], random)
    return stage(network, pool, steps - first, RATES[1], random)


def stage(
    network: Network, pool: Sequence[Recording], steps: int, rate: float, random: np.random.Generator
) -> Network:
    """AdamW, one cycle (Smith, arXiv:1708.07120); the running average of the weights is kept."""
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGE_DECAY))
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    draw = Draw(pool)
    began_s, running = time.perf_counter(), 0.0
    for step in range(1, steps + 1):
        picks = draw(random)
        cuts, asked = batch([pool[i] for i in picks], random)
        loss, crops = loss_of(network(torch.from_numpy(cuts)), *map(torch.from_numpy, asked))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        average.update_parameters(network)
        draw.learn(picks, crops.detach().numpy())
        running += (loss.item() - running) * max(0.01, 1 / step)
        if step % 200 == 0:
            print(f"step {step} loss {running:.4f} {time.perf_counter() - began_s:.0f} s", flush=True)
    result: Network = average.module.eval()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--fold", type=int)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--without", default="")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pool = recordings()
    fold = fold_of([r.trial for r in pool], options.folds)
    pool = [
        r
        for r in pool
        if laboratory(r.trial) != options.without and fold[r.trial.dataset, r.trial.subject] != options.fold
    ]
    train(pool, options.steps, options.seed).save(options.out)


if __name__ == "__main__":
    main()
