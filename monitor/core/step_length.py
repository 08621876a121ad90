"""How long steps are, from the rise and fall of the trunk: the inverted pendulum.

Zijlstra and Hof, Gait Posture 18:1-10, 2003: between two contacts the trunk swings over the standing leg, so
that its excursion ``h`` gives the step's length as ``2 * sqrt(2 * l * h - h**2)`` for a leg of length ``l``.
People are no pendulums: the model comes out short, by about the same factor for the same person.
"""

from collections.abc import Sequence

import numpy as np

from monitor.core.samples import GRAVITY_MPS2, Floats

SLOWEST_HZ = 0.5
"""Slower than the slowest step, faster than what integrating twice lets drift."""

HIGHEST = 2.0
"""No step rises by more than so many times the usual: what does is a stumble or a fall."""

USUAL_FACTOR = 1.2
"""What the model's lengths are to be multiplied by: the mean over 12 people and 70 walks of 20 m, forward
(Voisard et al., IPOL 2023, 497), with a standard deviation of 6 % between people: docs/report.md."""


def height_m(vertical_g: Floats, rate_hz: float) -> Floats:
    """The trunk's height around its mean, (n,) in m, from its vertical acceleration (n,) without gravity.

    Integrated twice as frequencies, so that nothing lags; what is slower than SLOWEST_HZ is left out.
    """
    n = len(vertical_g)
    if n < 2:
        return np.zeros(n)
    turns = 2 * np.pi * np.fft.rfftfreq(n, 1 / rate_hz)
    moved = np.fft.rfft(vertical_g * GRAVITY_MPS2)
    kept = turns >= 2 * np.pi * SLOWEST_HZ
    moved[kept] /= -(turns[kept] ** 2)
    moved[~kept] = 0.0
    return np.fft.irfft(moved, n)


def step_lengths_m(heights_m: Floats, contacts: Sequence[tuple[int, int]], leg_m: float) -> Floats:
    """The length of each step, (k,) in m, before any factor.

    ``heights_m`` (n,) is the trunk's; ``contacts`` has the index of the contact before and of its own.
    """
    rise_m = np.array([np.ptp(heights_m[before : own + 1]) for before, own in contacts])
    if len(rise_m):
        rise_m = np.minimum(rise_m, [min(leg_m, HIGHEST * float(np.median(rise_m)))])
    return np.asarray(2 * np.sqrt(2 * leg_m * rise_m - rise_m**2))
