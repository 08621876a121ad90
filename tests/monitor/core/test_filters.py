"""Recursions and windows, against scipy and against themselves cut in pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from monitor.core.filters import CHUNK, Filter, SlowMean, Tail, butterworth, one_pole
from monitor.core.samples import Floats

RATE_HZ = 100.0
DESIGNS = [(1, 0.7), (2, 5.0), (4, 5.0), (2, 0.075), (1, (0.7, 4.0)), (2, (0.7, 2.5))]
CUTS = st.lists(st.integers(0, 400), max_size=6).map(sorted)


def noise(n: int = 400, k: int = 3) -> Floats:
    return np.random.default_rng(1).normal(size=(k, n)) + 2.0


def in_pieces(run, x: Floats, cuts: list[int]) -> Floats:
    return np.concatenate([run(piece) for piece in np.split(x, cuts, axis=-1) if piece.shape[-1]], axis=-1)


@pytest.mark.parametrize(("order", "cutoff_hz"), DESIGNS)
def test_butterworth_has_scipys_coefficients(order: int, cutoff_hz) -> None:
    b, a = butterworth(order, cutoff_hz, RATE_HZ)
    expected = signal.butter(order, cutoff_hz, "low" if np.isscalar(cutoff_hz) else "band", fs=RATE_HZ)
    np.testing.assert_allclose(b, expected[0], rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(a, expected[1], rtol=1e-12)


@pytest.mark.parametrize("cutoff_hz", [0.0, -1.0, 50.0, (2.0, 1.0), (1.0, 1.0)])
def test_an_impossible_cutoff_is_refused(cutoff_hz) -> None:
    with pytest.raises(ValueError, match="cutoffs must rise between 0 and 50 Hz"):
        butterworth(2, cutoff_hz, RATE_HZ)


@pytest.mark.parametrize(("order", "cutoff_hz"), DESIGNS)
@given(cuts=CUTS)
@settings(max_examples=25)
def test_a_filter_is_scipys_however_its_input_is_cut(order: int, cutoff_hz, cuts: list[int]) -> None:
    x = noise()
    b, a = butterworth(order, cutoff_hz, RATE_HZ)
    start = signal.lfilter_zi(b, a) * x[:, :1]
    expected = signal.lfilter(b, a, x, zi=start)[0]
    np.testing.assert_allclose(in_pieces(Filter((b, a)), x, cuts), expected, atol=1e-6)


def test_one_signal_is_filtered_as_among_others() -> None:
    x = noise()
    many, one = Filter(butterworth(2, 5.0, RATE_HZ)), Filter(butterworth(2, 5.0, RATE_HZ))
    np.testing.assert_allclose(many(x)[1], one(x[1]), atol=1e-12)


def test_a_filter_begins_in_the_steady_state_of_its_first_sample() -> None:
    np.testing.assert_allclose(Filter(butterworth(2, 5.0, RATE_HZ))(np.full(10, 7.0)), 7.0)


def test_a_one_pole_forgets_in_its_time_constant() -> None:
    run = Filter(one_pole(1.0, RATE_HZ))
    run(np.zeros(1))
    assert run(np.ones(100))[-1] == pytest.approx(1 - (1 - 0.01) ** 100)


@given(cuts=CUTS)
@settings(max_examples=25)
def test_a_slow_mean_is_the_mean_so_far_and_then_leaks(cuts: list[int]) -> None:
    x, length = noise(k=1)[0], 150
    expected = np.cumsum(x) / np.arange(1, len(x) + 1)
    for i in range(length, len(x)):
        expected[i] = expected[i - 1] + (x[i] - expected[i - 1]) / length
    np.testing.assert_allclose(in_pieces(SlowMean(1.5, RATE_HZ), x, cuts), expected, atol=1e-12)


def test_a_tail_begins_with_copies_of_the_first_sample() -> None:
    tail = Tail(2)
    np.testing.assert_array_equal(tail(np.array([5.0, 6.0])), [5, 5, 5, 6])
    np.testing.assert_array_equal(tail(np.array([7.0])), [5, 6, 7])


def test_a_block_of_exactly_one_chunk_and_one_more() -> None:
    x = noise(CHUNK + 1, 1)
    whole, cut = Filter(butterworth(2, 5.0, RATE_HZ)), Filter(butterworth(2, 5.0, RATE_HZ))
    np.testing.assert_allclose(whole(x), in_pieces(cut, x, [CHUNK]), atol=1e-12)
