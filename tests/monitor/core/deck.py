"""A simulated treadmill deck: what a sensor on the frame would feel. No recordings of one exist.

A motor line with two harmonics, the chip's noise, footfalls as bursts of a damped deck mode with a
heel and a toe part, and a fall as a longer, heavier blow. Everything is a guess at magnitudes.
"""

import numpy as np
import numpy.typing as npt

RATE_HZ = 200.0
NOISE_G = 0.003


def ringing(time_s: npt.NDArray[np.float64], at_s: float, peak_g: float, mode_hz: float, decay_s: float):
    """A struck deck: a damped oscillation that begins at ``at_s``."""
    since = time_s - at_s
    live = np.where(since > 0, since, 0.0)
    return np.where(since > 0, peak_g * np.exp(-live / decay_s) * np.sin(2 * np.pi * mode_hz * live), 0.0)


def deck(duration_s, contacts_s=(), fall_s=None, belt=(0.0, np.inf), motor_hz=33.0, motor_g=0.05, seed=0):
    """(time_s, accel_g) of a deck with footfalls at ``contacts_s`` and the belt running within ``belt``."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    runs = (time_s >= belt[0]) & (time_s < belt[1])
    motor = sum(motor_g / k * np.sin(2 * np.pi * k * motor_hz * time_s + rng.uniform(0, 6)) for k in (1, 2))
    vertical = np.where(runs, motor, 0.0)
    for at_s in contacts_s:
        strength = 0.12 * np.exp(0.2 * rng.normal())
        vertical += ringing(time_s, at_s, strength, 18.0, 0.04)
        vertical += ringing(time_s, at_s + 0.09, 0.4 * strength, 27.0, 0.03)
    if fall_s is not None:
        vertical += ringing(time_s, fall_s, 1.5, 11.0, 0.15)
    accel_g = rng.normal([0.0, 0.0, 1.0], NOISE_G, (len(time_s), 3))
    accel_g[:, 2] += vertical
    accel_g[:, 0] += 0.3 * vertical
    return time_s, accel_g
