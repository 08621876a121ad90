"""Recursive filters and sliding windows that take their samples in pieces of any length.

Samples run along the last axis: a signal is (n,), several side by side are (k, n).

A recursion is written as a state space, s' = A s + b x, y = c s + d x, and run a chunk at a time:
inside a chunk y = T x + G s with T the Toeplitz matrix of the impulse response, so that an hour is
one large matrix product and a handful of samples is one small one. However the input is split,
the output differs by rounding only.
"""

import numpy as np

from monitor.core.samples import Floats

CHUNK = 32


def butterworth(order: int, cutoff_hz: float | tuple[float, float], rate_hz: float) -> tuple[Floats, Floats]:
    """Digital Butterworth coefficients (b, a): low-pass below one cutoff, band-pass between two.

    Bilinear transform of the analogue prototype with prewarped corners (Oppenheim and Schafer,
    Discrete-Time Signal Processing, 3rd ed., 7.2). ValueError where a cutoff is not between 0 and
    half the rate.
    """
    corners = np.atleast_1d(np.asarray(cutoff_hz, dtype=float))
    if not (corners[0] > 0 and corners[-1] < rate_hz / 2 and np.all(np.diff(corners) > 0)):
        raise ValueError(f"cutoffs must rise between 0 and {rate_hz / 2:g} Hz, found {cutoff_hz}")
    warped = 4 * np.tan(np.pi * corners / rate_hz)  # analogue corners for a bilinear transform at rate 2
    poles = np.exp(1j * np.pi * (2 * np.arange(order) + order + 1) / (2 * order))
    if len(corners) == 1:
        poles, gain = poles * warped[0], warped[0] ** order
        zeros = np.full(order, -1.0)
    else:
        width = warped[1] - warped[0]
        half = poles * width / 2
        root = np.sqrt(half**2 - warped[0] * warped[1])
        poles, gain = np.concatenate([half + root, half - root]), width**order
        gain *= 4.0**order  # the analogue zeros at 0, moved to z = 1
        zeros = np.concatenate([np.ones(order), np.full(order, -1.0)])
    gain = (gain / np.prod(4 - poles)).real
    b: Floats = np.asarray(gain * np.poly(zeros).real, dtype=np.float64)
    a: Floats = np.asarray(np.poly((4 + poles) / (4 - poles)).real, dtype=np.float64)
    return b, a


def one_pole(time_constant_s: float, rate_hz: float) -> tuple[Floats, Floats]:
    """Coefficients of y[n] = (1 - k) y[n-1] + k x[n] with k = 1 / (time constant in samples)."""
    gain = 1.0 / (time_constant_s * rate_hz)
    return np.array([gain, 0.0]), np.array([1.0, gain - 1.0])


class StateSpace:
    """The matrices of a recursion b, a (transposed direct form II) for chunks of up to ``chunk`` samples."""

    def __init__(self, b: Floats, a: Floats, chunk: int = CHUNK) -> None:
        order = len(a) - 1
        self.chunk = chunk
        step = np.zeros((order, order))
        step[:, 0] = -a[1:]
        step[:-1, 1:] = np.eye(order - 1)
        enter = b[1:] - a[1:] * b[0]
        powers = [np.eye(order)]
        for _ in range(chunk):
            powers.append(step @ powers[-1])
        # States are rows and samples run along them, so every matrix stands transposed, on the right.
        self.power = np.array([p.T for p in powers])  # A^0 .. A^chunk
        self.read = np.array(
            [p[0] for p in powers[:chunk]]
        ).T.copy()  # G: column j reads the state j samples on
        response = np.concatenate([[b[0]], enter @ self.read[:, :-1]])
        lag = np.subtract.outer(np.arange(chunk), np.arange(chunk)).T
        self.toeplitz = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0)
        self.enter = np.array([p @ enter for p in powers[chunk - 1 :: -1]])
        self.steady = np.linalg.solve(np.eye(order) - step, enter)  # the state a constant 1 settles to


class Filter:
    """A recursion along the last axis; it starts in the steady state of its first sample."""

    STATE = ("_state",)

    def __init__(self, coefficients: tuple[Floats, Floats]) -> None:
        self._space = StateSpace(*coefficients)
        self._state: Floats | None = None

    def __call__(self, x: Floats) -> Floats:
        """The next samples x (n,) or (k, n), filtered."""
        space, n = self._space, x.shape[-1]
        if not n:
            return x
        state = x[..., :1] * space.steady if self._state is None else self._state
        if n <= space.chunk:
            self._state = state @ space.power[n] + x @ space.enter[space.chunk - n :]
            return np.asarray(x @ space.toeplitz[:n, :n] + state @ space.read[:, :n])
        chunks = n // space.chunk
        whole = chunks * space.chunk
        side = x[..., :whole].reshape(*x.shape[:-1], chunks, space.chunk)
        starts = np.concatenate([state[..., None, :], side @ space.enter], axis=-2)
        shift, power = 1, space.power[-1]
        while shift <= chunks:  # s[i] = s[i-1] A + u[i] by doubling
            starts[..., shift:, :] += starts[..., :-shift, :] @ power
            shift, power = 2 * shift, power @ power
        y = side @ space.toeplitz
        y += starts[..., :-1, :] @ space.read
        self._state = starts[..., -1, :]
        y = y.reshape(*x.shape[:-1], whole)
        return np.concatenate([y, self(x[..., whole:])], axis=-1) if whole < n else y


class SlowMean:
    """The mean so far until ``time_constant_s`` of it are there, then a leaky mean."""

    STATE = ("_seen", "_sum", "_leaky")

    def __init__(self, time_constant_s: float, rate_hz: float) -> None:
        self._start = max(round(time_constant_s * rate_hz), 1)
        self._seen = 0
        self._sum: Floats | float = 0.0
        self._leaky = Filter(one_pole(time_constant_s, rate_hz))

    def __call__(self, x: Floats) -> Floats:
        """Means at every sample of x (n,) or (k, n)."""
        first = min(self._start - self._seen, x.shape[-1])
        if first <= 0:
            return self._leaky(x)
        total = np.cumsum(x[..., :first], axis=-1) + self._sum
        self._sum = total[..., -1:]
        mean = total / np.arange(self._seen + 1, self._seen + first + 1)
        self._seen += first
        if self._seen == self._start:
            self._leaky(mean[..., -1:])
        return np.concatenate([mean, self._leaky(x[..., first:])], axis=-1) if first < x.shape[-1] else mean


class Tail:
    """The last ``length`` samples before a block, so that a window can look back over its edge.

    Before the first sample the tail holds ``length`` copies of it.
    """

    STATE = ("_kept",)

    def __init__(self, length: int) -> None:
        self._length = length
        self._kept: Floats | None = None

    def __call__(self, x: Floats) -> Floats:
        """``x`` (..., n), n >= 1, with the ``length`` samples before it in front: (..., length + n)."""
        if self._kept is None:
            self._kept = np.repeat(x[..., :1], self._length, axis=-1)
        joined = np.concatenate([self._kept, x], axis=-1)
        self._kept = joined[..., joined.shape[-1] - self._length :]
        return joined
