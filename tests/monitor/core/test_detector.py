"""The whole judgement: the same events however it is cut, and no exception whatever comes in."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import Floats, SampleBlock
from monitor.core.vocabulary import Direction, Event, EventKind
from monitor.recordings import simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.weights import shipped

RATE_HZ = 100.0
SCRIPT = [
    (3.0, Move.STAND),
    (8.0, Move.BACKWARD),
    (4.0, Move.UNSAFE_STEP),
    (4.0, Move.STUMBLE),
    (3.0, Move.BACKWARD),
    (2.5, Move.FALL_BACKWARD),
    (4.0, Move.LIE),
]
FALL = {EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN}


@lru_cache
def session() -> tuple[Floats, Floats, Floats]:
    walk = simulated_walker.walk(SCRIPT, RATE_HZ, seed=4)
    return 1e5 + np.arange(len(walk.accel_g)) / RATE_HZ, walk.accel_g, walk.gyro_dps


def blocks(cuts: list[int], *rows: Floats) -> Iterator[SampleBlock]:
    time_s, accel_g, gyro_dps = rows or session()
    edges = [0, *cuts, len(time_s)]
    for a, b in zip(edges, edges[1:], strict=False):
        if a < b:
            yield SampleBlock(time_s[a:b], accel_g[a:b], gyro_dps[a:b], float(time_s[b - 1]))


def judge(cuts: list[int], *rows: Floats) -> list[Event]:
    detector = Detector(DetectorSettings(), shipped())
    return [event for block in blocks(cuts, *rows) for event in detector.update(block)]


def same(one: list[Event], other: list[Event]) -> bool:
    def names(events: list[Event]) -> list[tuple[float, str, str]]:
        return sorted((event.time_s, event.kind, event.reason) for event in events)

    def figures(events: list[Event]) -> dict[tuple[float, str, str], float]:
        return {(e.time_s, e.kind, k): v for e in events for k, (v, _) in e.evidence.items()}

    first, second = figures(one), figures(other)
    return (
        names(one) == names(other)
        and first.keys() == second.keys()
        and all(np.isclose(first[key], second[key], rtol=1e-3, atol=1e-3) for key in first)
    )


@lru_cache
def whole() -> tuple[Event, ...]:
    return tuple(judge([]))


def test_the_session_has_every_kind_of_event() -> None:
    kinds = {event.kind for event in whole()}
    assert kinds >= FALL | {EventKind.STEP, EventKind.STILL, EventKind.STUMBLE, EventKind.UNSAFE_STEP}


@pytest.mark.parametrize("size", [1, 5, 7, 999])
def test_events_do_not_depend_on_block_size(size: int) -> None:
    n = len(session()[0])
    assert same(judge(list(range(size, n, size))), list(whole()))


@settings(max_examples=10)
@given(st.lists(st.integers(1, 2849), max_size=60).map(sorted))
def test_events_do_not_depend_on_where_blocks_are_cut(cuts: list[int]) -> None:
    assert same(judge(cuts), list(whole()))


def test_an_event_leaves_with_the_block_of_its_sample() -> None:
    """Live: nothing is told a block late, nothing before its sample came."""
    detector = Detector(DetectorSettings(), shipped())
    for block in blocks(list(range(5, len(session()[0]), 5))):
        for event in detector.update(block):
            assert block.time_s[0] - 1e-6 <= event.time_s <= block.end_s + 1e-6


SPOILS = {
    "not a number": lambda rows, rng: np.where(rng.random(rows.shape) < 0.01, np.nan, rows),
    "infinite": lambda rows, rng: np.where(rng.random(rows.shape) < 0.01, np.inf, rows),
    "saturated": lambda rows, _: np.clip(rows * 50, -16, 16),
    "zeros": lambda rows, _: np.zeros_like(rows),
    "noise": lambda rows, rng: rng.normal(0, 500, rows.shape),
    "huge": lambda rows, _: np.full_like(rows, 1e6),
    "frozen": lambda rows, _: np.repeat(rows[:1], len(rows), axis=0),
}


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("size", [5, 2000])
def test_garbage_raises_nothing_and_a_fall_after_it_is_detected(spoil: str, size: int) -> None:
    time_s, accel_g, gyro_dps = session()
    n = len(time_s)
    rng = np.random.default_rng(1)
    bad = SPOILS[spoil](np.hstack([accel_g, gyro_dps]), rng)
    late_s = time_s + (time_s[-1] - time_s[0]) + 1.0
    rows = (
        np.concatenate([time_s, late_s]),
        np.vstack([bad[:, :3], accel_g]),
        np.vstack([bad[:, 3:], gyro_dps]),
    )
    events = judge(list(range(size, 2 * n, size)), *rows)
    assert {e.kind for e in events if e.time_s > late_s[0]} >= {EventKind.FALLING, EventKind.DOWN}
    assert all(np.isfinite(v) for e in events for v, _ in e.evidence.values())


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_clock_steps_gaps_and_repeats_raise_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time_s, accel_g, gyro_dps = (column.copy() for column in session())
    for _ in range(4):
        at = int(rng.integers(0, len(time_s)))
        time_s[at:] += rng.choice([-3.0, -0.5, 0.2, 5.0, 3600.0])
    detector = Detector(DetectorSettings(), shipped())
    for i in range(0, len(time_s), 5):
        part = slice(i, i + 5)
        end_s = float(time_s[part].max())
        detector.update(SampleBlock(time_s[part], accel_g[part], gyro_dps[part], end_s, 0, ""))
        if rng.random() < 0.02:
            detector.update(SampleBlock.silent(end_s, "planted"))


def test_a_fall_is_detected_in_spite_of_a_short_gap_before_it() -> None:
    time_s, accel_g, gyro_dps = session()
    kept = ~((time_s > time_s[0] + 18.0) & (time_s < time_s[0] + 18.5))
    events = judge([], time_s[kept], accel_g[kept], gyro_dps[kept])
    kinds = [event.kind for event in events]
    assert kinds.count(EventKind.SENSOR_LOST) == kinds.count(EventKind.SENSOR_BACK) == 1
    assert {EventKind.FALLING, EventKind.DOWN} <= set(kinds)


def test_a_detector_starts_fresh() -> None:
    assert same(judge([]), judge([]))


def test_what_was_learned_of_the_walker_outlives_a_gap() -> None:
    walk = simulated_walker.walk([(3.0, Move.STAND), (20.0, Move.BACKWARD)], RATE_HZ, seed=4)
    time_s = np.arange(len(walk.accel_g)) / RATE_HZ
    kept = (time_s < 14.0) | (time_s > 15.0)
    rows = time_s[kept], walk.accel_g[kept], walk.gyro_dps[kept]
    detector = Detector(DetectorSettings(), shipped())
    steps = []
    for block in blocks([int((time_s < 14.0).sum())], *rows):
        detector.update(block)
        steps.append(detector.snapshot()["_own"][Direction.BACKWARD]["_steps"])
    assert 10 < steps[0] < steps[1]


def test_who_stood_before_a_gap_and_lies_after_it_has_fallen() -> None:
    standing = simulated_walker.walk([(6.0, Move.STAND)], RATE_HZ, seed=4)
    lying_g = np.tile([1.0, 0.0, 0.0], (400, 1)) + standing.gyro_dps[:400] / 1000
    time_s = np.concatenate([np.arange(600), 800 + np.arange(400)]) / RATE_HZ
    rows = np.vstack([standing.accel_g, lying_g]), np.vstack([standing.gyro_dps, standing.gyro_dps[:400]])
    for cuts in ([], [600], list(range(5, 1000, 5))):
        falls = [event for event in judge(cuts, time_s, *rows) if event.kind in FALL]
        assert [event.kind for event in falls] == [EventKind.DOWN]
        assert falls[0].time_s == pytest.approx(8.5, abs=0.1)


def test_a_hand_s_second_is_none_across_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[str] = []
    monkeypatch.setattr("monitor.core.handling.Handling.gap", lambda _: starts.append("again"))
    detector = Detector(DetectorSettings(), shipped())
    parts = list(blocks(list(range(5, 1000, 5))))
    for block in (*parts[:60], *parts[120:180]):
        detector.update(block)
    assert starts == ["again"] * 2


def test_after_a_defect_it_starts_again() -> None:
    detector = Detector(DetectorSettings(), shipped())
    parts = list(blocks(list(range(5, len(session()[0]), 5))))
    for block in parts[:100]:
        detector.update(block)
    detector.restart()
    kinds = {event.kind for block in parts[100:] for event in detector.update(block)}
    assert kinds >= FALL
