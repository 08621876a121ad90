"""Are a recording's samples in the units they should be in? Gravity and the trunk's tilt show it.

Whoever stands, sits or lies still measures 1 g, whatever the sensor and the side it is worn on; and a trunk
that tilts is turned as fast as its gyro says. A recording that shows neither cannot be checked, and passes.
The limits lie between what 5,686 recordings of eleven data sets show as they are, and scaled: calm, they
measure 0.81 to 1.18 g; on the move, the median is 0.41 to 1.5 g; the tilt is 0.15 to 8.5 times the gyro's,
and 30 to 500 times where that is in rad/s (all but one); who tilts is turned by 3 deg/s and more (rms).
"""

import math

import numpy as np
import numpy.typing as npt

from monitor.core.samples import Floats

COUNTS_PER_G = 2048.0
COUNTS_PER_DPS = 16.4
"""As an MPU-6050 counts at +-16 g and +-2000 deg/s."""

WINDOW_S = 0.5
SHORTEST = 4
"""Fewer windows are too short to decide by."""

CALM_SHARE = 0.03
"""The acceleration's standard deviation, as a share of its mean, in a window in which little moves."""

CALM_G = (0.7, 1.4)
MOVING_G = (0.2, 4.0)
TILTING_RAD = math.radians(2.0)
TURNING_RADPS = math.radians(0.03)
"""Less, from window to window, is vibration and noise of a sensor that rests, as on a treadmill's frame."""

TILT_PER_GYRO = (0.1, 16.0)

_RANGE = "the sensor's counts at another range"
_CAUSES = (  # what 1 g reads as, why, and what helps
    (1 / 2048, "values in g, not in counts", "multiply them by 2048"),
    (9.80665 / 2048, "values in m/s2, not in counts", "divide them by 9.80665, then multiply by 2048"),
    (0.02, "the acceleration without gravity", "record the one with gravity"),
    (1 / 9.80665, "values divided by 9.80665 that were in g already", "leave the division out"),
    (256 / 2048, "counts at 256 per g", "multiply them by 8"),
    (0.25, "counts at 512 per g", "multiply them by 4"),
    (0.5, "counts at 1024 per g", "multiply them by 2"),
    (2.0, f"{_RANGE}, 4096 per g", "divide them by 2"),
    (4.0, f"{_RANGE}, 8192 per g", "divide them by 4"),
    (8.0, f"{_RANGE}, 16384 per g", "divide them by 8"),
    (9.80665, "values in m/s2 instead of g", "divide them by 9.80665"),
    (20.0, "values in milli-g or in counts, taken for g", "divide them by 1000, or by the counts per g"),
)


def doubt(counts: npt.NDArray[np.generic], rate_hz: float) -> str:
    """What is wrong with the units of ``counts`` (n, 6) and what helps; empty where nothing is seen."""
    cut, window_s = windows(counts, rate_hz)
    if len(cut) < SHORTEST:
        return ""
    return _accel_doubt(cut[..., :3] / COUNTS_PER_G) or _gyro_doubt(cut.mean(axis=1), window_s)


def windows(counts: npt.NDArray[np.generic], rate_hz: float) -> tuple[npt.NDArray[np.float32], float]:
    """``counts`` (n, 6) in windows of about ``WINDOW_S``, (windows, length, 6), and how long they are."""
    length = max(2, round(WINDOW_S * rate_hz))
    many = len(counts) // length
    return counts[: many * length].astype(np.float32).reshape(many, length, 6), length / rate_hz


def tilting(accel: Floats, gyro_dps: Floats, window_s: float) -> tuple[Floats, Floats, Floats]:
    """Where up is in each window, and how it changes to the next: as the gyro says, and as it really does.

    A direction fixed in the world turns in the body frame at minus the gyro's rate.
    """
    up = accel / np.maximum(np.linalg.norm(accel, axis=1, keepdims=True), 1e-6)
    turning: Floats = -np.cross(np.radians(gyro_dps), up)
    return up, (turning[1:] + turning[:-1]) / 2 * window_s, np.diff(up, axis=0)


def _accel_doubt(accel_g: npt.NDArray[np.float32]) -> str:
    """``accel_g`` (windows, length, 3)."""
    norm_g = np.linalg.norm(accel_g, axis=2)
    mean_g = norm_g.mean(axis=1)
    is_calm = norm_g.std(axis=1) <= CALM_SHARE * mean_g + 1 / COUNTS_PER_G  # even of rounded samples
    calm = np.count_nonzero(is_calm) >= 2
    gravity_g = float(np.median(mean_g[is_calm] if calm else norm_g))
    low_g, high_g = CALM_G if calm else MOVING_G
    if low_g <= gravity_g <= high_g:
        return ""
    expected = (
        f"acceleration: expected about 1 g {'at rest' if calm else 'on average'}, found {gravity_g:.2g} g"
    )
    if gravity_g == 0.0:
        return f"{expected}: the sensor has delivered nothing"
    _, cause, cure = min(_CAUSES, key=lambda row: abs(math.log(gravity_g / row[0])))
    return f"{expected}: probably {cause}; {cure}"


def likely(samples: npt.NDArray[np.generic]) -> str:
    """What samples that are no int16 (N, 6) probably are, and what helps; empty where nothing is seen."""
    if samples.ndim != 2 or samples.shape[1] != 6 or samples.dtype.kind not in "iuf":
        return ""
    if samples.dtype.kind != "f":
        return f" with {samples.min()} to {samples.max()}, beyond int16"
    unknown = np.count_nonzero(~np.isfinite(samples).all(axis=1))
    if unknown:
        return f", {unknown} of them with NaN: end the trial there, or leave it out"
    gravity_g = (
        float(np.median(np.linalg.norm(samples[:, :3], axis=1))) / COUNTS_PER_G if len(samples) else 0.0
    )
    if gravity_g == 0.0:
        return ""
    low_g, high_g = CALM_G
    if low_g <= gravity_g <= high_g:
        return ": probably counts already; round them"
    _, cause, cure = min(_CAUSES, key=lambda row: abs(math.log(gravity_g / row[0])))
    return f": probably {cause}; {cure}, the gyro's deg/s by 16.4, and round"


def _gyro_doubt(mean: npt.NDArray[np.float32], window_s: float) -> str:
    """``mean`` (windows, 6): samples as counts, averaged over each window."""
    sensed = mean.astype(float)
    _, by_gyro, really = tilting(sensed[:, :3], sensed[:, 3:] / COUNTS_PER_DPS, window_s)
    predicted, tilted = _rms(by_gyro), _rms(really)
    low, high = TILT_PER_GYRO
    is_moved = tilted > TILTING_RAD and not 0.0 < predicted < TURNING_RADPS * window_s
    if not is_moved or low * predicted <= tilted <= high * predicted:
        return ""
    if predicted == 0.0:
        return "gyro: always 0 while the trunk tilts: a recording needs a gyroscope's samples too"
    if tilted > high * predicted:
        return (
            f"gyro: the trunk tilts {tilted / predicted:.0f} times as fast as the gyro says: probably rad/s "
            "instead of deg/s; multiply it by 57.2958"
        )
    return (
        f"gyro: it says {predicted / tilted:.0f} times as much as the trunk tilts: "
        "probably counts at another range, or deg/s multiplied by 57.2958"
    )


def _rms(vectors: Floats) -> float:
    return math.sqrt(float(np.mean(np.sum(vectors**2, axis=1))))
