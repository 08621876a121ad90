"""A causal convolutional network: log-odds of falling, fallen, stumble and handled, every 50 ms.

Six channels at 100 Hz enter in windows of 0.2 s every 5 samples (a hop); residual layers of width 3
and growing dilation look about 4 s back (temporal convolutional network: Bai et al.,
arXiv:1803.01271). training/ holds the twin that learns the weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from monitor.core.grid import Samples
from monitor.core.samples import Flags, Floats

RATE_HZ = 100.0
HOP = 5  # samples between two decisions
HOP_S = HOP / RATE_HZ
WINDOW = 20  # samples the first layer sees
DILATIONS = (1, 2, 4, 8, 12, 16)  # hops
ACCEL_LIMIT_G = 4.0  # what the least of the sensors can show: no decision may rest on more
GYRO_LIMIT_DPS = 2000.0
GYRO_UNIT_DPS = 100.0
CHUNK = 512  # hops worked on at once: their activations stay in the cache

Singles = npt.NDArray[np.float32]


DOUBT_HOPS = round(1.0 / HOP_S)
DOUBT_LOG_ODDS = 12.0


class Head(IntEnum):
    """What a column of the scores speaks of."""

    FALLING = 0  # on the way to the ground
    FALLEN = 1  # hit it about a second ago
    STUMBLE = 2
    HANDLED = 3  # the sensor is in somebody's hand: taken off, or not yet put on


@dataclass(frozen=True, slots=True)
class Hops:
    """Decisions, one every 50 ms on a grid counted from the start of the samples.

    ``time_s`` (k,) of each hop's last sample; ``score`` (k, 4) log-odds by `Head`;
    ``accel_g`` (k, 3) and ``gyro_dps`` (k, 3) means and ``peak_accel_g`` (k,) the largest
    magnitude over the hop's 5 samples; ``bridged`` (k,): a sample of it was not measured.
    """

    time_s: Floats
    score: Floats
    accel_g: Floats
    gyro_dps: Floats
    peak_accel_g: Floats
    bridged: Flags

    def after(self, later: "Hops") -> "Hops":
        """These hops followed by later ones."""
        return Hops(
            np.concatenate((self.time_s, later.time_s)),
            np.concatenate((self.score, later.score)),
            np.concatenate((self.accel_g, later.accel_g)),
            np.concatenate((self.gyro_dps, later.gyro_dps)),
            np.concatenate((self.peak_accel_g, later.peak_accel_g)),
            np.concatenate((self.bridged, later.bridged)),
        )

    def doubt(self) -> Floats:
        """So much more must a score (k,) reach, which looks back on samples that were not measured."""
        return np.where(within(self.bridged, 0, DOUBT_HOPS), DOUBT_LOG_ODDS, 0.0)

    def until(self, at: int, count: int) -> "Hops":
        """The ``count`` hops up to and with hop ``at``, or as many as there are: views."""
        part = slice(max(at + 1 - count, 0), at + 1)
        return Hops(
            self.time_s[part],
            self.score[part],
            self.accel_g[part],
            self.gyro_dps[part],
            self.peak_accel_g[part],
            self.bridged[part],
        )


def within(flags: Flags, least: int, most: int) -> Flags:
    """Whether a flag (k,) was set between ``least`` and ``most`` hops ago."""
    if not flags.any():
        return np.zeros_like(flags)
    padded = np.concatenate((np.zeros(most, dtype=bool), flags))
    views = np.lib.stride_tricks.sliding_window_view(padded, most - least + 1)
    return np.asarray(views[: len(flags)].any(axis=1))


class Network:
    """Samples in, hops out. Before the first sample the world is taken to have stood still.

    ``weights`` by layer, inputs by outputs: ``embed``, ``enter``, ``wide.i``, ``narrow.i``,
    ``gather``, ``heads``, each with ``.weight`` and ``.bias``.
    """

    STATE = ("_raw", "_samples", "_past")

    def __init__(self, weights: Mapping[str, Singles]) -> None:
        def layer(name: str) -> tuple[Singles, Singles]:
            return weights[name + ".weight"], weights[name + ".bias"]

        self._embed, self._enter = layer("embed"), layer("enter")
        self._wide = [layer(f"wide.{i}") for i in range(len(DILATIONS))]
        self._narrow = [layer(f"narrow.{i}") for i in range(len(DILATIONS))]
        self._gather, self._heads = layer("gather"), layer("heads")
        self._raw: Floats = np.empty((0, 8))  # samples that wait for their hop to fill
        self._samples: Singles | None = None  # the last WINDOW - HOP samples of past hops
        self._past: list[Singles | None] = [None] * len(DILATIONS)

    def update(self, samples: Samples) -> Hops:
        """Take in samples at 100 Hz, any number; give the hops that became full."""
        bridged = samples.bridged.astype(np.float64)
        new = np.column_stack((samples.time_s, samples.accel_g, samples.gyro_dps, bridged))
        raw: Floats = np.concatenate((self._raw, new))
        count = len(raw) // HOP
        self._raw = raw[count * HOP :].copy()
        full = raw[: count * HOP].reshape(count, HOP, 8)
        squares = full[:, :, 1] ** 2 + full[:, :, 2] ** 2 + full[:, :, 3] ** 2
        means = full.mean(axis=1)
        return Hops(
            time_s=full[:, -1, 0].copy(),
            score=self._scores(full[:, :, 1:7].reshape(count * HOP, 6)),
            accel_g=means[:, 1:4],
            gyro_dps=means[:, 4:7],
            peak_accel_g=np.sqrt(squares.max(axis=1)),
            bridged=means[:, 7] > 0.0,
        )

    def _scores(self, samples: Floats) -> Floats:
        count = len(samples) // HOP
        scores = np.empty((count, len(Head)))
        for start in range(0, count, CHUNK):
            stop = min(start + CHUNK, count)
            scores[start:stop] = self._forward(samples[start * HOP : stop * HOP])
        return scores

    def _forward(self, samples: Floats) -> Singles:
        x = samples.astype(np.float32)
        x[:, :3] = np.minimum(np.maximum(x[:, :3], -ACCEL_LIMIT_G), ACCEL_LIMIT_G)
        x[:, 3:] = np.minimum(np.maximum(x[:, 3:], -GYRO_LIMIT_DPS), GYRO_LIMIT_DPS) / GYRO_UNIT_DPS
        if self._samples is None:
            self._samples = np.repeat(x[:1], WINDOW - HOP, axis=0)
        x = np.concatenate((self._samples, x))
        self._samples = x[-(WINDOW - HOP) :].copy()
        hops = x.reshape(-1, HOP * 6)
        count = len(hops) - WINDOW // HOP + 1
        x = np.concatenate([hops[i : i + count] for i in range(WINDOW // HOP)], axis=1)
        x = _relu(_relu(x, self._embed), self._enter)
        for i, dilation in enumerate(DILATIONS):
            past = self._past[i]
            if past is None:
                past = np.repeat(x[:1], 2 * dilation, axis=0)
            past = np.concatenate((past, x))
            taps = np.concatenate((past[:count], past[dilation : dilation + count], x), axis=1)
            self._past[i] = past[count:].copy()
            weight, bias = self._narrow[i]
            x = x + (_relu(taps, self._wide[i]) @ weight + bias)
        weight, bias = self._heads
        result: Singles = _relu(x, self._gather) @ weight + bias
        return result


def _relu(x: Singles, layer: tuple[Singles, Singles]) -> Singles:
    weight, bias = layer
    y: Singles = x @ weight
    y += bias
    np.maximum(y, 0.0, out=y)
    return y
