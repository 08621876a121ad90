"""Stumbles: told once, at the moment the score holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.fall_network import HOP_S, Head, Hops, Network
from monitor.core.samples import Floats
from monitor.core.stumble import Stumble, StumbleSettings
from monitor.core.vocabulary import EventKind, Reading
from monitor.weights import shipped
from tests.monitor.core.enacted import measured, standing, stumble, walking


def course(length_s: float, *bursts: tuple[float, float, float]) -> Hops:
    """Hops whose stumble score is raised from .. to .. to a height; |a| peaks at 3 g at 2 s."""
    count = round(length_s / HOP_S)
    score = np.full((count, len(Head)), -9.0)
    for start_s, stop_s, height in bursts:
        score[round(start_s / HOP_S) : round(stop_s / HOP_S), Head.STUMBLE] = height
    peak_g = np.ones(count)
    peak_g[round(2.0 / HOP_S)] = 3.0
    upright = np.tile(np.array([0.0, 0.0, 1.0]), (count, 1))
    measured = np.zeros(count, dtype=bool)
    time_s: Floats = np.arange(1.0, count + 1.0) * HOP_S
    return Hops(time_s, score, upright, np.zeros((count, 3)), peak_g, measured)


STORIES = [
    ("a stumble is told with the first high hop", [(2.0, 2.5, 9.0)], [2.05]),
    ("one stumble is told once", [(2.0, 2.5, 9.0), (3.0, 3.5, 9.0)], [2.05]),
    ("two apart are two", [(2.0, 2.5, 9.0), (6.0, 6.5, 9.0)], [2.05, 6.05]),
    ("nothing in the first half second", [(0.0, 0.5, 9.0)], []),
    ("a score at the threshold counts", [(2.0, 2.5, 4.0)], [2.05]),
    ("a score below does not", [(2.0, 2.5, 3.99)], []),
]


@pytest.mark.parametrize(("bursts", "told_s"), [s[1:] for s in STORIES], ids=[s[0] for s in STORIES])
def test_stories(bursts: list[tuple[float, float, float]], told_s: list[float]) -> None:
    events = Stumble(StumbleSettings(threshold=4.0, quiet_s=2.0)).update(course(10.0, *bursts))
    assert [event.kind for event in events] == [EventKind.STUMBLE] * len(told_s)
    assert [event.time_s for event in events] == pytest.approx(told_s)


def test_the_evidence_is_the_score_beside_its_limit_and_the_peak() -> None:
    (event,) = Stumble(StumbleSettings(threshold=4.0)).update(course(5.0, (2.0, 2.5, 9.0)))
    assert event.evidence == {"stumble_score": Reading(9.0, 4.0), "peak_accel_g": Reading(3.0)}


@settings(max_examples=60)
@given(cuts=st.lists(st.integers(0, 400), max_size=40))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    hops = course(20.0, (2.0, 2.5, 9.0), (3.0, 7.0, 9.0), (12.0, 12.1, 9.0))
    spotter, parts = Stumble(StumbleSettings()), []
    edges = [0, *sorted(cuts), len(hops.time_s)]
    for start, stop in zip(edges, edges[1:], strict=False):
        parts += spotter.update(hops.until(stop - 1, stop - start) if stop > start else hops.until(-1, 0))
    assert parts == Stumble(StumbleSettings()).update(hops)
    assert len(parts) == 4


def test_enacted_walking_and_standing_are_no_stumble() -> None:
    for samples in (walking(60.0), standing(60.0)):
        assert Stumble(StumbleSettings()).update(Network(shipped().falls).update(measured(samples))) == []


def test_an_enacted_catch_of_balance_is_a_stumble() -> None:
    events = Stumble(StumbleSettings()).update(Network(shipped().falls).update(measured(stumble())))
    assert [event.kind for event in events] == [EventKind.STUMBLE]
    assert 6.0 < events[0].time_s < 6.75
