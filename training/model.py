"""The twin of monitor/core/fall_network.py that can be trained."""

import numpy as np
import torch
from torch import Tensor, nn

from monitor.core.fall_network import ACCEL_LIMIT_G, DILATIONS, GYRO_UNIT_DPS, HOP, WINDOW, Head

WIDTH = 48
DROPOUT = 0.1
RARE = -3.0  # log-odds to start from: nearly every decision is "no"


class Network(nn.Module):
    """(b, n, 6) g and deg/s at 100 Hz -> (b, n / HOP, heads) log-odds.

    Before the first sample every layer is taken to have seen what it sees first.
    """

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(WINDOW * 6, 2 * WIDTH)
        self.enter = nn.Linear(2 * WIDTH, WIDTH)
        self.wide = nn.ModuleList(nn.Linear(3 * WIDTH, WIDTH) for _ in DILATIONS)
        self.narrow = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in DILATIONS)
        self.gather = nn.Linear(WIDTH, WIDTH)
        self.heads = nn.Linear(WIDTH, len(Head))
        self.dropout = nn.Dropout(DROPOUT)
        for layer in self.narrow:  # a residual layer begins as hardly there
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.heads.bias, RARE)

    def forward(self, samples: Tensor) -> Tensor:
        accel = samples[..., :3].clamp(-ACCEL_LIMIT_G, ACCEL_LIMIT_G)
        x = torch.cat([accel, samples[..., 3:] / GYRO_UNIT_DPS], 2)
        x = torch.cat([x[:, :1].expand(-1, WINDOW - HOP, -1), x], 1)
        x = x.unfold(1, WINDOW, HOP).transpose(2, 3).flatten(2)
        x = torch.relu(self.enter(torch.relu(self.embed(x))))
        for dilation, wide, narrow in zip(DILATIONS, self.wide, self.narrow, strict=True):
            past = torch.cat([x[:, :1].expand(-1, 2 * dilation, -1), x], 1)
            taps = torch.cat([past[:, : -2 * dilation], past[:, dilation:-dilation], x], 2)
            x = x + narrow(self.dropout(torch.relu(wide(taps))))
        result: Tensor = self.heads(torch.relu(self.gather(x)))
        return result

    def save(self, path: str) -> None:
        """As monitor/core/fall_network.py reads it: inputs by outputs, float16."""
        arrays = {name: value.numpy().T.astype(np.float16) for name, value in self.state_dict().items()}
        np.savez_compressed(path, **arrays)
