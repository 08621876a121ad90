"""The network: the same numbers as its definition, however the samples arrive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.fall_network import DILATIONS, HOP, WINDOW, Head, Hops, Network
from monitor.core.grid import Samples
from monitor.core.samples import Floats
from monitor.weights import shipped
from tests.monitor.core.enacted import measured


def motion(count: int, seed: int = 0) -> Samples:
    random = np.random.default_rng(seed)
    time_s = np.arange(count) / 100.0
    sway = np.sin(2 * np.pi * 1.8 * time_s)[:, None]
    accel_g = np.array([0.0, 0.0, 1.0]) + sway * [0.1, 0.05, 0.4] + random.normal(0.0, 0.3, (count, 3))
    gyro_dps = sway * [30.0, 40.0, 10.0] + random.normal(0.0, 60.0, (count, 3))
    return Samples(time_s, accel_g, gyro_dps, time_s % 1.7 < 0.3, restart=True)


def by_definition(accel_g: Floats, gyro_dps: Floats) -> Floats:
    """One decision at a time, each layer asked for its past by recursion: slow and plain."""
    w = {name: value.astype(np.float64) for name, value in shipped().falls.items()}
    x = np.hstack([np.clip(accel_g, -4.0, 4.0), gyro_dps / 100.0])

    def dense(name: str, value: Floats) -> Floats:
        return np.asarray(value @ w[name + ".weight"] + w[name + ".bias"])

    def entered(hop: int) -> Floats:
        end = hop * HOP + HOP
        window = x[np.maximum(np.arange(end - WINDOW, end), 0)].ravel()
        return np.maximum(dense("enter", np.maximum(dense("embed", window), 0)), 0)

    levels = [[entered(hop) for hop in range(len(x) // HOP)]]
    for i, dilation in enumerate(DILATIONS):
        below = levels[-1]
        levels.append([])
        for hop, own in enumerate(below):
            taps = np.concatenate([below[max(hop - 2 * dilation, 0)], below[max(hop - dilation, 0)], own])
            levels[-1].append(own + dense(f"narrow.{i}", np.maximum(dense(f"wide.{i}", taps), 0)))
    return np.array([dense("heads", np.maximum(dense("gather", top), 0)) for top in levels[-1]])


def split_up(network: Network, samples: Samples, cuts: list[int]) -> Hops:
    hops = None
    edges = [0, *sorted(cuts), len(samples[0])]
    for start, stop in zip(edges, edges[1:], strict=False):
        cut = slice(start, stop)
        part = network.update(
            Samples(
                samples.time_s[cut],
                samples.accel_g[cut],
                samples.gyro_dps[cut],
                samples.bridged[cut],
                restart=False,
            )
        )
        hops = part if hops is None else hops.after(part)
    assert hops is not None
    return hops


def test_the_scores_are_what_the_layers_define() -> None:
    samples = motion(700)
    hops = Network(shipped().falls).update(samples)
    assert hops.score == pytest.approx(by_definition(samples.accel_g, samples.gyro_dps), abs=2e-3)


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 400), max_size=30))
def test_any_split_gives_the_same_hops(cuts: list[int]) -> None:
    samples = motion(400)
    whole = Network(shipped().falls).update(samples)
    parts = split_up(Network(shipped().falls), samples, cuts)
    assert (parts.time_s == whole.time_s).all()
    assert parts.score == pytest.approx(whole.score, abs=1e-4)
    assert (parts.bridged == whole.bridged).all()
    for name in ("accel_g", "gyro_dps", "peak_accel_g"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-12)


def test_long_blocks_are_worked_through_in_pieces_that_leave_no_seam() -> None:
    samples = motion(12_003)
    whole = Network(shipped().falls).update(samples)
    parts = split_up(Network(shipped().falls), samples, list(range(0, 12_000, 999)))
    assert len(whole.time_s) == 2400
    assert parts.score == pytest.approx(whole.score, abs=1e-3)


def test_a_hop_is_known_with_its_fifth_sample_and_never_sees_a_later_one() -> None:
    samples = motion(300)
    whole = Network(shipped().falls).update(samples)
    samples.accel_g[200:] = 9.0
    changed = Network(shipped().falls).update(samples)
    assert whole.time_s[:3] == pytest.approx([0.04, 0.09, 0.14])
    assert (whole.score[:40] == changed.score[:40]).all()
    assert (whole.score[40:] != changed.score[40:]).any()


def test_a_hop_carries_means_and_the_largest_magnitude_of_its_samples() -> None:
    samples = motion(10)
    hops = Network(shipped().falls).update(samples)
    assert hops.accel_g[1] == pytest.approx(samples.accel_g[5:10].mean(axis=0))
    assert hops.gyro_dps[1] == pytest.approx(samples.gyro_dps[5:10].mean(axis=0))
    assert hops.peak_accel_g[1] == pytest.approx(np.linalg.norm(samples.accel_g[5:10], axis=1).max())


@pytest.mark.parametrize("level", [0.0, 16.0, -16.0, 1e9])
def test_dead_and_saturated_sensors_give_finite_scores(level: float) -> None:
    column = np.full((200, 3), level)
    hops = Network(shipped().falls).update(measured((np.arange(200) / 100.0, column, 125.0 * column)))
    assert hops.score.shape == (40, len(Head))
    assert np.isfinite(hops.score).all()
