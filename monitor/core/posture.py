"""Which way is up: the attitude of the belt, and with it the motions of the trunk.

The up-vector follows VQF's idea (Laidig and Seel, Information Fusion 91:187, 2023): acceleration
carried by the gyroscope into a frame that hardly turns is gravity plus motion, and motion has no
mean there. The frame is the body's own at the start of every chunk, so nothing drifts over a day.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.filters import Filter, SlowMean, StateSpace, butterworth
from monitor.core.samples import Floats

TILT_TIME_CONSTANT_S = 3.0  # VQF's default
START_S = 1.5  # mean of the first samples, before the filter takes over
REST_S = 1.5  # VQF: at rest this long, the gyroscope shows its bias
REST_GYRO_DPS = 4.0
REST_ACCEL_G = 0.05
PENDULUM_RADPS = 3.0  # sqrt(g / l) of a standing adult (Hof 2005, J Biomech 38:1)
USUAL_POSTURE_S = 10.0
CHUNK = 64
CHUNKS = 128  # side by side: their matrices stay in the cache


@dataclass(frozen=True, slots=True)
class Body:
    """Motion of the trunk, a row per sample.

    Each is (n,). Accelerations without gravity in g: ``vertical_g``,
    ``forward_g``, ``left_g``. ``magnitude_g`` of the accelerometer. Turning rates in deg/s about the
    level forward and left axes (``roll_dps``, ``pitch_dps``: leaning forward is positive) and about
    the vertical (``yaw_dps``). ``extrapolated_lean_deg`` is where the trunk's lean, from its usual posture
    of the last 10 s, is heading (extrapolated as Hof 2005).
    """

    vertical_g: Floats
    forward_g: Floats
    left_g: Floats
    magnitude_g: Floats
    roll_dps: Floats
    pitch_dps: Floats
    yaw_dps: Floats
    extrapolated_lean_deg: Floats


class RestBias:
    """The gyroscope's offset: its mean over the last 1.5 s in which nothing moved."""

    STATE = ("_pending", "_bias_dps")

    def __init__(self, rate_hz: float) -> None:
        self._length = round(REST_S * rate_hz)
        self._pending = np.empty((6, 0))
        self._bias_dps = np.zeros((3, 1))

    def __call__(self, sample: Floats) -> Floats:
        """Gyroscope (3, n) of ``sample`` (6, n), less the bias known when its 1.5 s window began.

        Windows lie end to end from the first sample.
        """
        joined = np.concatenate([self._pending, sample], axis=1)
        windows = joined.shape[1] // self._length
        whole = windows * self._length
        pending, self._pending = self._pending.shape[1], joined[:, whole:]
        if not windows:
            return np.asarray(sample[3:] - self._bias_dps)
        cut = joined[:, :whole].reshape(6, windows, self._length)
        spread = cut.max(axis=2) - cut.min(axis=2)
        rest = (spread[:3] < REST_ACCEL_G).all(axis=0) & (spread[3:] < REST_GYRO_DPS).all(axis=0)
        known = np.concatenate([self._bias_dps, cut[3:].mean(axis=2)], axis=1)
        latest = np.maximum.accumulate(np.where(rest, np.arange(1, windows + 1), 0))
        bias = known[:, np.concatenate([[0], latest])]
        self._bias_dps = bias[:, -1:]
        return np.asarray(sample[3:] - np.repeat(bias, self._length, axis=1)[:, pending : joined.shape[1]])


class UpVector:
    """The direction away from the ground in the body frame, from accelerometer and gyroscope."""

    STATE = ("_seen", "_mean", "_state")

    def __init__(self, rate_hz: float) -> None:
        corner_hz = np.sqrt(2) / (2 * np.pi * TILT_TIME_CONSTANT_S)
        self._space = StateSpace(*butterworth(2, corner_hz, rate_hz), chunk=CHUNK)
        self._dt = np.radians(1 / rate_hz)
        self._start = round(START_S * rate_hz)
        self._seen = 0
        self._mean = np.zeros(3)
        self._state = np.zeros((3, 2))

    def __call__(self, accel_g: Floats, gyro_dps: Floats) -> Floats:
        """Unit vectors (3, n) for accelerations (3, n) and rates (3, n)."""
        turn, n = gyro_dps * self._dt, accel_g.shape[1]
        at = min(max(self._start - self._seen, 0), n)
        low = np.empty((3, n))
        if at:
            low[:, :at] = self._starting(accel_g[:, :at], turn[:, :at])
        while at < n:
            chunks = min((n - at) // CHUNK, CHUNKS)
            stop = at + chunks * CHUNK if chunks else n
            low[:, at:stop] = self._chunks(accel_g[:, at:stop], turn[:, at:stop], max(chunks, 1))
            at = stop
        return low / np.maximum(_length(low), 1e-9)

    def _starting(self, accel_g: Floats, turn: Floats) -> Floats:
        low = np.empty_like(accel_g)
        turns = rotations(turn)
        for i in range(accel_g.shape[1]):
            self._seen += 1
            self._mean = turns[:, :, i] @ self._mean
            self._mean += (accel_g[:, i] - self._mean) / self._seen
            low[:, i] = self._mean
        self._state = self._mean[:, None] * self._space.steady
        return low

    def _chunks(self, accel_g: Floats, turn: Floats, chunks: int) -> Floats:
        """Chunks of equal length side by side; axes: component, sample in the chunk, chunk."""
        space, length = self._space, accel_g.shape[1] // chunks
        turns = rotations(turn.reshape(3, chunks, length).transpose(0, 2, 1))
        for j in range(1, length):  # now turns[:, :, j] leads from the chunk's start to its sample j
            turns[:, :, j] = np.einsum("ikc,kjc->ijc", turns[:, :, j], turns[:, :, j - 1])
        here = accel_g.reshape(3, chunks, length).transpose(0, 2, 1)
        still = np.einsum("kilc,klc->icl", turns, here)  # in the frame of the chunk's start
        gained = (still @ space.enter[space.chunk - length :]).transpose(1, 0, 2)
        onward = turns[:, :, -1].transpose(2, 0, 1)
        begin = np.empty((chunks, 3, 2))
        power, state = space.power[length], self._state
        for c in range(chunks):
            begin[c] = state
            state = onward[c] @ (state @ power + gained[c])
        self._state = state
        low = still @ space.toeplitz[:length, :length] + begin.transpose(1, 0, 2) @ space.read[:, :length]
        result: Floats = np.einsum("iklc,kcl->icl", turns, low).reshape(3, -1)
        return result


class Posture:
    """Turns samples into the motion of the trunk."""

    STATE = ("_bias", "_up", "_usual", "_smooth")

    def __init__(self, rate_hz: float) -> None:
        self._bias = RestBias(rate_hz)
        self._up = UpVector(rate_hz)
        self._usual = SlowMean(USUAL_POSTURE_S, rate_hz)
        self._smooth = Filter(butterworth(2, 5.0, rate_hz))

    def update(self, accel_g: Floats, gyro_dps: Floats) -> Body:
        """Body for the next samples, (n, 3) each, in the body frame."""
        sample = np.concatenate([accel_g.T, gyro_dps.T])
        accel, rate = sample[:3], self._bias(sample)
        up = self._up(accel, rate)
        (ax, ay, az), (wx, wy, wz), (ux, uy, uz) = accel, rate, up
        level = np.maximum(np.sqrt(uy * uy + uz * uz), 0.05)  # no heading while the x axis points up or down
        along, turning = ax * ux + ay * uy + az * uz, wx * ux + wy * uy + wz * uz
        usual = self._usual(up)
        usual = usual / np.maximum(_length(usual), 1e-9)
        lean = _cross(usual, up)
        growth = rate * np.radians(1 / PENDULUM_RADPS)
        (bx, by, bz), (rx, ry, rz) = usual, growth
        # b x (u x w) = u (b.w) - w (b.u): how the lean grows
        heading = lean + up * (bx * rx + by * ry + bz * rz) - growth * (bx * ux + by * uy + bz * uz)
        heading = self._smooth(heading)
        return Body(
            vertical_g=along - 1,
            forward_g=(ax - along * ux) / level,
            left_g=(ay * uz - az * uy) / level,
            magnitude_g=_length(accel),
            roll_dps=(wx - turning * ux) / level,
            pitch_dps=(wy * uz - wz * uy) / level,
            yaw_dps=turning,
            extrapolated_lean_deg=np.degrees(_length(heading)),
        )


def _length(v: Floats) -> Floats:
    x, y, z = v
    return np.asarray(np.sqrt(x * x + y * y + z * z))


def _cross(a: Floats, b: Floats) -> Floats:
    (ax, ay, az), (bx, by, bz) = a, b
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def rotations(turn: Floats) -> Floats:
    """Matrices (3, 3, ...) that carry a resting vector through body turns (3, ...) in rad.

    Rodrigues, its sine and cosine terms as series: right to 1e-7 at 2000 deg/s and 50 Hz.
    """
    x, y, z = turn
    xx, yy, zz = turn * turn
    square = xx + yy + zz
    s = 1 - square * (1 / 6 - square * (1 / 120 - square / 5040))
    c = 0.5 - square * (1 / 24 - square * (1 / 720 - square / 40320))
    cx, cy = c * x, c * y
    xy, yz, zx, x, y, z = cx * y, cy * z, cx * z, s * x, s * y, s * z
    return np.array(
        [
            [1 - c * (yy + zz), xy + z, zx - y],
            [xy - z, 1 - c * (xx + zz), yz + x],
            [zx + y, yz - x, 1 - c * (xx + yy)],
        ]
    )
