"""Motions made from mechanics, at 100 Hz in the body frame: time_s, accel_g, gyro_dps."""

import numpy as np

from monitor.core import grid
from monitor.core.samples import Floats

RATE_HZ = 100.0
WAIST_M = 0.95
GRAVITY_MPS2 = 9.81

Samples = tuple[Floats, Floats, Floats]


def measured(samples: Samples) -> grid.Samples:
    """As the grid gives them out, none of them bridged."""
    return grid.Samples(*samples, np.zeros(len(samples[0]), dtype=bool), restart=True)


def standing(length_s: float, seed: int = 0) -> Samples:
    random = np.random.default_rng(seed)
    time_s = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
    accel_g = np.array([0.0, 0.0, 1.0]) + random.normal(0.0, 0.01, (len(time_s), 3))
    return time_s, accel_g, random.normal(0.0, 0.5, (len(time_s), 3))


def walking(length_s: float, seed: int = 0) -> Samples:
    """1.8 steps a second, 0.25 g up and down, a little sway."""
    time_s, accel_g, gyro_dps = standing(length_s, seed)
    step = 2 * np.pi * 1.8 * time_s
    accel_g += np.column_stack((0.12 * np.sin(step + 0.5), 0.1 * np.sin(step / 2), 0.25 * np.cos(step)))
    accel_g[:, 2] += 0.08 * np.cos(2 * step)
    gyro_dps += np.column_stack((15 * np.sin(step / 2), 10 * np.sin(step), 20 * np.cos(step / 2)))
    return time_s, accel_g, gyro_dps


def fall(heading_deg: float = 0.0, seed: int = 0) -> Samples:
    """6 s of walking, a fall of the whole body about the ankles, an impact, 5 s of lying.

    ``heading_deg`` from straight ahead, to the left. The descent is an inverted rod's.
    """
    time_s, accel_g, gyro_dps = walking(13.0, seed)
    random = np.random.default_rng(seed)
    start, angle, rate = round(6.0 * RATE_HZ), 0.08, 0.6
    heading = np.deg2rad(heading_deg)
    toward = np.array([np.cos(heading), np.sin(heading), 0.0])
    axis = np.array([-np.sin(heading), np.cos(heading), 0.0])
    row = start
    while angle < np.deg2rad(85.0):
        turning = 1.5 * GRAVITY_MPS2 / (2 * WAIST_M) * 1.6 * np.sin(angle)
        along = (turning * WAIST_M - GRAVITY_MPS2 * np.sin(angle)) / GRAVITY_MPS2
        outward = np.cos(angle) - rate**2 * WAIST_M / GRAVITY_MPS2
        accel_g[row] = toward * along + np.array([0.0, 0.0, outward])
        gyro_dps[row] = np.rad2deg(rate) * axis
        rate += turning / RATE_HZ
        angle += rate / RATE_HZ
        row += 1
    lying = -toward * np.sin(angle) + np.array([0.0, 0.0, np.cos(angle)])
    rest = len(time_s) - row
    accel_g[row:] = lying + random.normal(0.0, 0.01, (rest, 3))
    gyro_dps[row:] = random.normal(0.0, 1.0, (rest, 3))
    since_s = np.arange(rest)[:, None] / RATE_HZ
    ringing = np.exp(-since_s / 0.05) * np.cos(2 * np.pi * 9.0 * since_s)
    accel_g[row:] += 5.0 * ringing * lying
    gyro_dps[row:] += np.rad2deg(rate) * 0.6 * ringing * axis
    return time_s, accel_g, gyro_dps


def stumble(seed: int = 0) -> Samples:
    """Walking; at 6 s the foot is caught, the trunk pitches forward, two hard steps catch it."""
    time_s, accel_g, gyro_dps = walking(10.0, seed)
    since_s = time_s - 6.0
    forward, back = (
        np.clip((since_s - start) / length, 0.0, 1.0) for start, length in ((0.0, 0.35), (0.4, 0.6))
    )
    gyro_dps[:, 1] += 100.0 * np.sin(np.pi * forward) - 60.0 * np.sin(np.pi * back)
    accel_g[(since_s > 0.0) & (since_s < 0.3), 0] -= 0.8  # the belt is held back
    accel_g[(since_s > 0.1) & (since_s < 0.3), 2] -= 0.5  # and drops
    for landing_s, height_g in ((0.35, 4.0), (0.75, 2.0)):
        late_s = np.maximum(since_s - landing_s, 0.0)
        shock = np.where(
            late_s > 0.0, height_g * np.exp(-late_s / 0.06) * np.cos(2 * np.pi * 8.0 * late_s), 0.0
        )
        accel_g += np.outer(shock, [-0.5, 0.3, 1.0])
    return time_s, accel_g, gyro_dps
