"""Train the network that finds the feet's contacts, and write its weights.

    python -m training.contacts OUT.npz [--fold 0] [--folds 2] [--laboratory ipol] [--steps 2500] [--seed 0]

With --fold the people of that fold are left out, with --laboratory all of that data set; their steps are
scored at the end by the rules of `rearguard evaluate`. Walks without true contacts (SisFall, KFall) are taken
in by a second round, labelled by the network of the first one wherever it is sure.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from monitor.core.contact_network import (
    DILATIONS,
    HOP,
    LEAST_SWING_G,
    LOOK_AHEAD,
    SWING_S,
    WIDTH,
    motions,
)
from monitor.core.detector import Detector, DetectorSettings
from monitor.core.filters import SlowMean
from monitor.core.posture import Posture
from monitor.recordings import corpus, scoring
from monitor.recordings.evaluate import detect_all
from monitor.weights import read
from training.folder import FOLDER
from training.people import fold_of

FILES = ("gait.npz", "lafan1.npz", "bones.npz", "sisfall.npz", "kfall.npz")
RATE_HZ = 100.0
HOP_HZ = RATE_HZ / HOP
CHANNELS = 24
BATCH, CROP = 48, 260  # hops
LABEL_SD = 1.5  # hops
SURE, MAYBE = 0.8, 0.05  # in the second round a contact; neither contact nor none
DOUBTFUL = 15  # hops around a maybe that teach nothing
SHARES = {  # per second of recording
    "ipol": 2.0,
    "bandai": 1.5,
    "bones": 1.5,
    "lafan1": 0.3,
    "sisfall": 0.15,
    "kfall": 0.3,
}
PACE_SD = 0.35  # of the logarithm: two thirds of crops are between 0.7 and 1.4 times as quick
LEFT_RIGHT = [2, 3, 5]  # what a mirror turns round: left, roll, yaw
TURNED = [1, 2, 3, 4]  # what a sensor worn the other way round turns round

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Walk:
    """The network's inputs (6, hops), where contacts are and where nobody knows, in hops."""

    dataset: str
    subject: str
    inputs: Array
    contacts: Sequence[float]
    doubtful: Sequence[float] = field(default=())


class Network(nn.Module):
    """(b, 6, hops) to log-odds (b, hops - SPAN): the twin of monitor.core.contact_network.ContactScore."""

    SPAN = (WIDTH - 1) * sum(DILATIONS)

    def __init__(self) -> None:
        super().__init__()
        widths = [6, *[CHANNELS] * len(DILATIONS)]
        self.layer = nn.ModuleList(
            nn.Conv1d(a, b, WIDTH, dilation=d) for a, b, d in zip(widths, widths[1:], DILATIONS, strict=False)
        )
        self.out = nn.Conv1d(CHANNELS, 1, 1)
        self.dropout = nn.Dropout(0.1)
        nn.init.constant_(self.out.bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layer:
            x = self.dropout(torch.relu(layer(x)))
        result: Tensor = self.out(x)[:, 0]
        return result

    def arrays(self) -> dict[str, Array]:
        """The weights as the package keeps them."""
        return {
            name: value.numpy().transpose(2, 1, 0).reshape(-1, len(value))
            if value.ndim == 3
            else value.numpy()
            for name, value in self.state_dict().items()
        }


def walk_of(trial: corpus.Trial) -> Walk:
    samples = corpus.whole(trial, RATE_HZ)
    x = motions(Posture(RATE_HZ).update(samples.accel_g, samples.gyro_dps))
    x = x[:, : x.shape[1] // HOP * HOP].reshape(6, -1, HOP).mean(axis=2)
    swing = np.sqrt(SlowMean(SWING_S, HOP_HZ)(x[0] ** 2))
    inputs = (x / np.maximum(swing, LEAST_SWING_G)).astype(np.float32)
    middle = (HOP - 1) / 2 / HOP  # of a hop's samples, in hops
    return Walk(trial.dataset, trial.subject, inputs, [c * HOP_HZ - middle for c in trial.contact_s])


def crop(walk: Walk, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Inputs, answers and weights of a stretch, at another pace, from another walker and belt."""
    hops = walk.inputs.shape[1]
    pace = min(float(np.exp(PACE_SD * random.normal())), (hops - 3) / CROP)
    start = random.uniform(0, hops - 2 - CROP * pace)
    at = start + np.arange(CROP) * pace
    left = at.astype(int)
    x = walk.inputs[:, left] * (1 - at + left) + walk.inputs[:, left + 1] * (at - left)
    x *= np.exp(0.35 * random.normal())
    x[0] *= np.exp(0.15 * random.normal())
    x[3:] *= np.exp(0.2 * random.normal()) / np.sqrt(pace)
    if random.random() < 0.5:
        x[LEFT_RIGHT] *= -1
    if random.random() < 0.3:
        x[TURNED] *= -1
    yaw = 0.3 * random.normal()
    for forward, leftward in ((1, 2), (3, 4)):
        a, b = x[forward].copy(), x[leftward].copy()
        x[forward], x[leftward] = np.cos(yaw) * a + np.sin(yaw) * b, np.cos(yaw) * b - np.sin(yaw) * a
    x += 0.15 * random.normal(size=(6, 1))
    away = np.subtract.outer([(c - start) / pace for c in walk.contacts], np.arange(CROP))
    answer = np.exp(-0.5 * (away / LABEL_SD) ** 2).max(axis=0, initial=0.0)
    doubt = np.abs(np.subtract.outer([(c - start) / pace for c in walk.doubtful], np.arange(CROP)))
    weight = np.all(doubt > DOUBTFUL, axis=0).astype(np.float32)
    return x.astype(np.float32), answer.astype(np.float32), weight


def train(walks: Sequence[Walk], steps: int, seed: int) -> Network:
    random = np.random.default_rng(seed)
    torch.manual_seed(seed)
    network = Network()
    share = np.array([SHARES[walk.dataset] * walk.inputs.shape[1] for walk in walks])
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    asked = slice(Network.SPAN - LOOK_AHEAD, CROP - LOOK_AHEAD)
    for step in range(steps):
        picks = random.choice(len(walks), BATCH, p=share / share.sum())
        crops = [crop(walks[i], random) for i in picks]
        x, answer, weight = (
            torch.tensor(np.array(part), dtype=torch.float32) for part in zip(*crops, strict=True)
        )
        loss = binary_cross_entropy_with_logits(
            network(x), answer[:, asked], weight[:, asked], pos_weight=torch.tensor(2.0)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(step, round(loss.item(), 4), flush=True)
    network.eval()
    return network


def labelled(walk: Walk, network: Network) -> Walk:
    """A walk without true contacts, with those that a network is sure of."""
    padded = np.pad(walk.inputs, ((0, 0), (Network.SPAN, 0)), mode="edge")
    with torch.no_grad():
        score = torch.sigmoid(network(torch.tensor(padded)[None]))[0].numpy()
    peak = np.flatnonzero((score[1:-1] > score[:-2]) & (score[1:-1] >= score[2:])) + 1
    maybe = (score[peak] > MAYBE) & (score[peak] <= SURE)
    sure = peak[score[peak] > SURE] - LOOK_AHEAD
    return replace(walk, contacts=sure.tolist(), doubtful=(peak[maybe] - LOOK_AHEAD).tolist())


def detector_with(weights: str) -> Detector:
    return Detector(DetectorSettings(), read(contacts=Path(weights)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out")
    parser.add_argument("--fold", type=int)
    parser.add_argument("--folds", type=int, default=2)
    parser.add_argument("--laboratory", choices=sorted(SHARES))
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    trials = [t for file in FILES for t in corpus.Corpus(FOLDER / file) if t.kind == "walk"]
    fold = fold_of(trials, options.folds)

    def left_out(trial: corpus.Trial) -> bool:
        in_fold = fold[trial.dataset, trial.subject] == options.fold
        return in_fold or bool(trial.dataset == options.laboratory)

    seen = [t for t in trials if not left_out(t)]
    walks = [walk_of(trial) for trial in seen]
    true = [walk for walk in walks if walk.contacts]
    first = train(true, options.steps, options.seed)
    others = [labelled(walk, first) for walk in walks if not walk.contacts]
    network = train([*true, *(walk for walk in others if walk.contacts)], options.steps, options.seed)
    arrays: dict[str, Any] = network.arrays()
    np.savez_compressed(options.out, **arrays)
    unseen = [t for t in trials if left_out(t) and t.contact_s]
    if unseen:
        runs = detect_all(unseen, partial(detector_with, options.out))
        for name in sorted({t.dataset for t in unseen}):
            print(name, json.dumps(scoring.steps([run for run in runs if run.trial.dataset == name])))


if __name__ == "__main__":
    main()
