"""The causal convolutional network, as torch sees it. monitor/core/network.py runs the same one."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.recordings import HEADS, HOP

WINDOW = 20  # samples the first layer sees per decision
WIDTH = 48
DILATIONS = (1, 2, 4, 8, 12, 16)
ACCEL_LIMIT_G = 4.0
GYRO_UNIT_DPS = 100.0


class Network(nn.Module):
    """(b, n, 6) g and deg/s at 100 Hz -> (b, n / HOP, heads) log-odds, every HOP samples.

    Before the first sample every layer is taken to have seen what it sees first.
    """

    def __init__(self, width: int = WIDTH, dropout: float = 0.1) -> None:
        super().__init__()
        self.embed = nn.Linear(WINDOW * 6, 2 * width)
        self.enter = nn.Linear(2 * width, width)
        self.wide = nn.ModuleList(nn.Linear(3 * width, width) for _ in DILATIONS)
        self.narrow = nn.ModuleList(nn.Linear(width, width) for _ in DILATIONS)
        self.gather = nn.Linear(width, width)
        self.heads = nn.Linear(width, len(HEADS))
        self.dropout = nn.Dropout(dropout)
        for layer in self.narrow:
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.heads.bias, -3.0)

    def forward(self, samples: Tensor) -> Tensor:
        x = torch.cat(
            [samples[..., :3].clamp(-ACCEL_LIMIT_G, ACCEL_LIMIT_G), samples[..., 3:] / GYRO_UNIT_DPS], 2
        )
        x = torch.cat([x[:, :1].expand(-1, WINDOW - HOP, -1), x], 1)
        x = x.unfold(1, WINDOW, HOP).transpose(2, 3).flatten(2)  # (b, k, WINDOW * 6), sample-major
        x = torch.relu(self.enter(torch.relu(self.embed(x))))
        for dilation, wide, narrow in zip(DILATIONS, self.wide, self.narrow, strict=True):
            past = torch.cat([x[:, :1].expand(-1, 2 * dilation, -1), x], 1)
            taps = torch.cat([past[:, : -2 * dilation], past[:, dilation:-dilation], x], 2)
            x = x + narrow(self.dropout(torch.relu(wide(taps))))
        result: Tensor = self.heads(torch.relu(self.gather(x)))
        return result


def arrays(network: nn.Module) -> dict[str, Any]:
    """Weights as the package keeps them: inputs by outputs, float16."""
    state = network.state_dict()
    return {
        key: (value.T if value.ndim == 2 else value).numpy().astype(np.float16)
        for key, value in state.items()
    }
