"""Does a chip that nobody knows behave like an IMU: the only identity it has left."""

from collections.abc import Callable, Iterator

import numpy as np

from firmware.chips.chip import Chip, valid
from firmware.errors import ChipError
from monitor.core.samples import Floats

_SECONDS = 1.0
_LOOK_S = 0.05
_RATE_SHARE = 0.1  # 4 % of oscillator, and the grain of a second
_MEAN_NORM_G = (0.6, 1.6)  # over a second of standing, walking or lying; another range is off by two
_CALMEST = 1e-5  # every live axis moves by a step now and then


def prove(chip: Chip, clock: Callable[[], float]) -> Iterator[float]:
    """Look at a second of a started chip's samples; yields the seconds to wait.

    Raises `ChipError`, naming everything that is not as it should be.
    """
    began_s = clock()
    parts = [np.empty((0, 6))]
    while clock() < began_s + _SECONDS:
        yield _LOOK_S
        count = chip.waiting()
        if count:
            parts.append(valid(chip.read(count)))
    wrong = misbehaviour(np.vstack(parts), clock() - began_s, chip.rate_hz)
    if wrong:
        raise ChipError(f"{chip} does not behave like an IMU: {'; '.join(wrong)}: use a chip that is known")


def misbehaviour(samples: Floats, seconds: float, rate_hz: float) -> list[str]:
    """What is wrong with samples (n, 6), g and deg/s, of ``seconds`` at a nominal ``rate_hz``."""
    found_hz = len(samples) / seconds
    if abs(found_hz / rate_hz - 1) > _RATE_SHARE:
        wrong = [f"{found_hz:.0f} samples per second, {rate_hz:.0f} expected"]
    else:
        wrong = []
    if not len(samples):
        return wrong
    if not samples.any():
        return [*wrong, "every value is 0"]
    stuck = int((np.ptp(samples, axis=0) < _CALMEST).sum())
    if stuck:
        wrong.append(f"{stuck} of 6 axes do not move at all")
    norm_g = float(np.linalg.norm(samples[:, :3], axis=1).mean())
    if not _MEAN_NORM_G[0] <= norm_g <= _MEAN_NORM_G[1]:
        wrong.append(f"{norm_g:.2f} g on average, 1 g expected: its range is another")
    return wrong
