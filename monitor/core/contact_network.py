"""A small causal convolutional network: how much each moment looks like a foot meeting the ground.

The trunk's six motions, two samples to a hop, in units of the walker's own recent vertical swing,
pass four dilated convolutions (as temporal convolutional networks: Bai et al., arXiv:1803.01271).
training/contacts.py learns the weights.
"""

from collections.abc import Mapping

import numpy as np

from monitor.core.filters import SlowMean
from monitor.core.posture import Body
from monitor.core.samples import Floats

HOP = 2  # samples
WIDTH = 5  # taps of every layer
DILATIONS = (1, 2, 4, 8)  # hops
LOOK_AHEAD = 10  # hops: the score speaks of this long ago
RATE_UNIT_DPS = 150.0
SWING_S = 3.0
LEAST_SWING_G = 0.03
STILL_G = 0.01  # a trunk whose vertical swing is less does not walk: that is noise, or breath
NONE = -10.0
CHUNK = 512  # hops worked on at once: their activations stay in the cache


def motions(body: Body) -> Floats:
    """The network's six inputs (6, n) before they are scaled."""
    rates = np.array([body.roll_dps, body.pitch_dps, body.yaw_dps]) / RATE_UNIT_DPS
    return np.concatenate([[body.vertical_g, body.forward_g, body.left_g], rates])


class ContactScore:
    """Log-odds of an initial contact, one per hop, `LOOK_AHEAD` hops behind the samples."""

    STATE = ("_swing", "_waiting", "_past")

    def __init__(self, weights: Mapping[str, Floats], rate_hz: float) -> None:
        layers = range(len(DILATIONS))
        self._layers = [(weights[f"layer.{i}.weight"], weights[f"layer.{i}.bias"]) for i in layers]
        self._out = weights["out.weight"], weights["out.bias"]
        self._swing = SlowMean(SWING_S, rate_hz / HOP)
        self._waiting = np.empty((6, 0))
        self._past: list[Floats | None] = [None] * len(DILATIONS)

    def update(self, body: Body) -> Floats:
        """Scores (k,) of the hops that the next samples fill."""
        joined = np.concatenate([self._waiting, motions(body)], axis=1)
        hops = joined.shape[1] // HOP
        self._waiting = joined[:, hops * HOP :]
        if not hops:
            return np.empty(0)
        x = joined[:, : hops * HOP].reshape(6, hops, HOP).mean(axis=2)
        swing = np.sqrt(np.maximum(self._swing(x[0] ** 2), 0.0))
        x = (x / np.maximum(swing, LEAST_SWING_G)).T
        score = np.concatenate([self._forward(x[start : start + CHUNK]) for start in range(0, hops, CHUNK)])
        score[swing < STILL_G] = NONE
        return score

    def _forward(self, x: Floats) -> Floats:
        hops = len(x)
        for i, dilation in enumerate(DILATIONS):
            past = self._past[i]
            if past is None:  # before the first sample the world was as it is there
                past = np.repeat(x[:1], (WIDTH - 1) * dilation, axis=0)
            past = np.concatenate([past, x])
            taps = np.concatenate([past[j * dilation : j * dilation + hops] for j in range(WIDTH)], axis=1)
            self._past[i] = past[hops:]
            weight, bias = self._layers[i]
            x = taps @ weight
            x += bias
            np.maximum(x, 0.0, out=x)
        weight, bias = self._out
        return np.asarray((x @ weight + bias)[:, 0])
