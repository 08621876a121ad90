"""The grid: uniform samples, nothing invented, the same whatever the blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.grid import LONGEST_BRIDGE_S, Grid, Samples
from monitor.core.samples import Floats, SampleBlock


def block(time_s: Floats, rows: Floats) -> SampleBlock:
    return SampleBlock(time_s, rows[:, :3], rows[:, 3:], float(time_s[-1]) if len(time_s) else 0.0)


def feed(grid: Grid, time_s: Floats, rows: Floats, cuts: list[int]) -> list[Samples]:
    edges = [0, *cuts, len(time_s)]
    return [
        piece
        for a, b in zip(edges, edges[1:], strict=False)
        for piece in grid.update(block(time_s[a:b], rows[a:b]))
    ]


def joined(pieces: list[Samples]) -> tuple[Floats, Floats, list[float]]:
    time_s = np.concatenate([p.time_s for p in pieces])
    rows = np.vstack([np.hstack([p.accel_g, p.gyro_dps]) for p in pieces])
    return time_s, rows, [float(p.time_s[0]) for p in pieces if p.restart]


def some_rows(n: int) -> Floats:
    return np.random.default_rng(1).normal(size=(n, 6))


def test_samples_on_the_grid_pass_unchanged() -> None:
    rows = some_rows(500)
    time_s, out, _ = joined(feed(Grid(100.0), 7.0 + np.arange(500) / 100.0, rows, []))
    assert np.array_equal(out, rows)
    assert np.allclose(time_s, 7.0 + np.arange(500) * 0.01)


@pytest.mark.parametrize("rate_hz", [20.0, 96.0, 104.0, 200.0])
def test_a_straight_line_stays_one_at_any_rate(rate_hz: float) -> None:
    time_s = 3.0 + np.arange(400) / rate_hz
    rows = np.outer(time_s, np.arange(1.0, 7.0)) / 30
    out_s, out, restarts = joined(feed(Grid(100.0), time_s, rows, [10, 11, 200]))
    assert restarts == [3.0]
    assert np.allclose(out, np.outer(out_s, np.arange(1.0, 7.0)) / 30)
    assert np.allclose(np.diff(out_s), 0.01)
    assert time_s[-1] - out_s[-1] < 0.01 + 1e-9


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(0, 3))
def test_blocks_of_any_size_give_the_same_grid(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.choice([0.0096, 0.0104, 0.02, 0.3], p=[0.45, 0.45, 0.08, 0.02], size=300)
    time_s: Floats = 1000.0 + np.cumsum(steps)
    rows = some_rows(300)
    whole = joined(feed(Grid(100.0), time_s, rows, []))
    split = joined(feed(Grid(100.0), time_s, rows, sorted(cuts)))
    assert whole[2] == split[2]
    assert np.array_equal(whole[0], split[0])
    assert np.allclose(whole[1], split[1], atol=1e-12)


def test_a_gap_starts_again_and_is_not_filled() -> None:
    time_s = np.concatenate([np.arange(50) / 100.0, 2.0 + np.arange(50) / 100.0])
    out_s, _, restarts = joined(feed(Grid(100.0), time_s, some_rows(100), []))
    assert restarts == [0.0, 2.0]
    assert not ((out_s > 0.495) & (out_s < 1.995)).any()


def test_a_hole_is_bridged_up_to_its_limit_only() -> None:
    for hole_s, starts in ((LONGEST_BRIDGE_S - 0.01, 1), (LONGEST_BRIDGE_S + 0.01, 2)):
        time_s = np.array([0.0, 0.01, 0.01 + hole_s, 0.02 + hole_s])
        assert len(joined(feed(Grid(100.0), time_s, some_rows(4), []))[2]) == starts


def test_the_limits_are_half_a_second_and_what_lies_between_two_looks_marked_beyond_a_tenth() -> None:
    assert LONGEST_BRIDGE_S == 0.55
    for hole_s, marked in ((0.1, 0), (0.12, 11), (0.5, 49)):
        time_s = np.array([0.0, 0.01, 0.01 + hole_s, 0.02 + hole_s])
        (piece,) = feed(Grid(100.0), time_s, some_rows(4), [])
        assert piece.bridged.sum() == marked
        assert len(piece.time_s) == round(hole_s * 100) + 3


def test_times_that_stand_or_run_back_and_values_that_are_no_numbers_are_passed_over() -> None:
    time_s = np.array([0.0, 0.01, 0.01, 0.005, 0.02, 0.03, 0.04])
    rows = some_rows(7)
    rows[5, 2] = np.nan
    for cuts in ([], [1, 2, 3, 4, 5, 6]):
        out_s, out, _ = joined(feed(Grid(100.0), time_s, rows, list(cuts)))
        assert np.allclose(out_s, np.arange(5) * 0.01)
        assert np.allclose(out[[0, 1, 2, 4]], rows[[0, 1, 4, 6]])
        assert np.allclose(out[3], (rows[4] + rows[6]) / 2)


@pytest.mark.parametrize(
    ("column", "value", "taken"),
    [(0, 32.0, 3), (0, 32.1, 2), (5, -4000.0, 3), (5, -4001.0, 2), (3, np.inf, 2)],
)
def test_what_no_sensor_measures_is_no_sample(column: int, value: float, taken: int) -> None:
    rows = some_rows(3)
    rows[2, column] = value
    out_s, _, _ = joined(feed(Grid(100.0), np.arange(3) / 100.0, rows, []))
    assert len(out_s) == taken


def test_one_stamp_far_ahead_does_not_deafen_it() -> None:
    grid = Grid(100.0)
    time_s = np.arange(20) / 100.0
    feed(grid, np.array([0.0, 0.01, 1e6]), some_rows(3), [])
    out_s, _, restarts = joined(feed(grid, time_s, some_rows(20), [5, 10]))
    assert restarts == [0.0]
    assert len(out_s) == 20


def test_an_empty_block_gives_nothing() -> None:
    assert list(Grid(100.0).update(SampleBlock.silent(1.0, "unplugged"))) == []


@pytest.mark.parametrize(("back_s", "restarts"), [(0.9, 1), (1.1, 2)])
def test_a_clock_that_goes_back_by_more_than_a_second_was_set(back_s: float, restarts: int) -> None:
    first_s = np.arange(200) / 100.0
    then_s = first_s[-1] - back_s + np.arange(3) / 100.0
    pieces = feed(Grid(100.0), np.concatenate([first_s, then_s]), some_rows(203), [200])
    assert len(joined(pieces)[2]) == restarts
