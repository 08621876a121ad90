"""Train the network on some of the people and write its weights.

    python -m training.train OUT.npz [--fold 0 --folds 4] [--steps 4000] [--seed 1]

With --fold, the people of that fold are left out; without it, everyone is used.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from training.model import Network, arrays
from training.people import fold_of
from training.recordings import Trial, batch, load_trials

SHARES = {"fall": 0.36, "stumble": 0.12, "walk": 0.16, "daily": 0.36}
BATCH = 64
HARDNESS_MEMORY = 0.7
POSITIVE_WEIGHT = 3.0
BAG_WEIGHT = 0.6


class Sampler:
    """Draws trials: by kind, by data set in equal parts, then the harder the more often."""

    def __init__(self, trials: Sequence[Trial]) -> None:
        self.trials = trials
        self.hardness = np.ones(len(trials))
        self.groups: dict[str, list[np.ndarray]] = {}
        for kind in SHARES:
            sets = sorted({t.dataset for t in trials if t.kind == kind})
            self.groups[kind] = [
                np.array([i for i, t in enumerate(trials) if t.kind == kind and t.dataset == name])
                for name in sets
            ]

    def draw(self, random: np.random.Generator) -> np.ndarray:
        kinds = random.choice(list(SHARES), BATCH, p=list(SHARES.values()))
        picks = []
        for kind in kinds:
            group = self.groups[kind][random.integers(len(self.groups[kind]))]
            weight = 0.3 + np.clip(self.hardness[group], 0, 3)
            picks.append(random.choice(group, p=weight / weight.sum()))
        return np.array(picks)

    def learn(self, picks: np.ndarray, loss: np.ndarray) -> None:
        keep = HARDNESS_MEMORY
        self.hardness[picks] = keep * self.hardness[picks] + (1 - keep) * 2 * loss


def loss_of(score: Tensor, target: Tensor, weight: Tensor, bag: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss, and each crop's worst-decision loss (b,).

    Every decision is asked; and besides the best two decisions of a bag must be positive, the worst
    two of everything else negative: what counts in use is the largest score of a recording.
    """
    each = functional.binary_cross_entropy_with_logits(score, target, reduction="none")
    weight_each = weight * torch.where(target > 0, POSITIVE_WEIGHT, 1.0)
    mean = (each * weight_each).sum() / weight.numel() * 10
    low = torch.finfo(score.dtype).min / 4
    has = bag.any(1)
    best = score.masked_fill(~bag, low).topk(2, 1).values.mean(1)
    quiet = (weight > 0) & (target == 0)
    worst = score.masked_fill(~quiet, low).topk(2, 1).values.mean(1)
    scale = weight.masked_fill(~quiet, 0).amax(1)
    hits = torch.where(has, functional.softplus(-best.clamp(min=-50)), 0.0)
    alarms = torch.where(quiet.sum(1) > 1, functional.softplus(worst.clamp(min=-50)), 0.0) * scale
    crops = (hits + alarms).sum(1)
    return mean + BAG_WEIGHT * crops.mean(), crops


def train(trials: Sequence[Trial], steps: int, seed: int, peak_rate: float = 4e-3) -> Network:
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = Network()
    kept = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995)
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=peak_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak_rate, total_steps=steps, pct_start=0.15)
    sampler = Sampler(trials)
    began, running = time.perf_counter(), 0.0
    for step in range(steps):
        picks = sampler.draw(random)
        cuts, target, weight, bag = (torch.from_numpy(x) for x in batch([trials[i] for i in picks], random))
        loss, crops = loss_of(network(cuts), target, weight, bag)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        kept.update_parameters(network)
        sampler.learn(picks, crops.detach().numpy())
        running += (loss.item() - running) * max(0.01, 1 / (step + 1))
        if step % 200 == 199:
            print(f"step {step + 1} loss {running:.4f} {time.perf_counter() - began:.0f} s", flush=True)
    result = kept.module
    assert isinstance(result, Network)
    return result.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out")
    parser.add_argument("--fold", type=int)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--without", default="", help="leave out this data set too: does it carry over?")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    trials = load_trials()
    folds = fold_of(trials, options.folds)
    if options.fold is not None:
        trials = [t for t in trials if folds[t.subject] != options.fold]
    trials = [t for t in trials if t.dataset != options.without]
    network = train(trials, options.steps, options.seed)
    np.savez_compressed(options.out, **arrays(network))


if __name__ == "__main__":
    main()
