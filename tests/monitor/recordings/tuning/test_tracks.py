"""A setting tried on a track gives the events that a whole detector gives."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.detector import Detector
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Event, EventKind
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.corpus import Corpus
from monitor.recordings.simulated_walker import walk
from monitor.recordings.tuning.tracks import MERGED_S, merged, track
from monitor.settings import Settings
from monitor.weights import shipped
from tests.monitor.core.test_detector import same
from tests.recordings import recorded

FALLS = (EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN, EventKind.UPRIGHT)


def session(gap_s: tuple[float, float] = (0.0, 0.0)) -> list[SampleBlock]:
    """The simulated walker's, without the samples of ``gap_s``."""
    trial = walk(simulated_walker.SESSION, 100.0).trial("s")
    blocks = []
    for block in corpus.blocks(trial, 100.0):
        there = (block.time_s < gap_s[0]) | (block.time_s > gap_s[1])
        blocks.append(
            replace(
                block,
                time_s=block.time_s[there],
                accel_g=block.accel_g[there],
                gyro_dps=block.gyro_dps[there],
            )
        )
    return blocks


def whole(blocks: list[SampleBlock], settings: Settings) -> list[Event]:
    detector = Detector(settings, shipped())
    return [event for block in blocks for event in detector.update(block)]


def of(events: list[Event], *kinds: EventKind) -> list[Event]:
    return [event for event in events if event.kind in kinds]


def settings(falling: float, down: float, stumble: float, amber: float, mads: float) -> Settings:
    shipped = Settings()
    return replace(
        shipped,
        fall=replace(shipped.fall, falling_threshold=falling, down_threshold=down),
        stumble=replace(shipped.stumble, threshold=stumble),
        unsafe_step=replace(shipped.unsafe_step, amber_score=amber, limit_mads=mads, red_score=0.95),
    )


CASES = [
    (2.25, -1.5, -0.5, 0.5, 8.0),
    (-5.6, -4.0, -6.0, 0.3, 3.0),
    (16.0, 30.0, 5.0, 0.9, 20.0),
]


@pytest.mark.parametrize("values", CASES)
@pytest.mark.parametrize("gap_s", [(0.0, 0.0), (18.0, 18.3), (10.0, 12.0), (29.9, 31.2)])
def test_a_track_says_what_the_whole_detector_says(
    values: tuple[float, float, float, float, float], gap_s: tuple[float, float]
) -> None:
    blocks, chosen = session(gap_s), settings(*values)
    said = whole(blocks, chosen)
    scored = track(blocks, chosen, shipped())
    assert same(scored.falls(chosen.fall), of(said, *FALLS))
    assert same(scored.stumbles(chosen.stumble), of(said, EventKind.STUMBLE))
    assert same(scored.unsafe_steps(chosen.unsafe_step), of(said, EventKind.UNSAFE_STEP))


def test_the_cases_are_not_all_silent() -> None:
    keen, deaf = (whole(session(), settings(*values)) for values in (CASES[1], CASES[2]))
    for kind in (EventKind.FALLING, EventKind.DOWN, EventKind.STUMBLE, EventKind.UNSAFE_STEP):
        assert len(of(keen, kind)) > len(of(deaf, kind))


@pytest.mark.parametrize("index", range(0, 60, 7))
def test_a_track_of_people_says_what_the_whole_detector_says(index: int) -> None:
    trial = Corpus(recorded("sisfall.npz"))[index]
    blocks, chosen = list(corpus.blocks(trial, 100.0)), settings(0.0, -3.0, -2.0, 0.4, 5.0)
    said, scored = whole(blocks, chosen), track(blocks, chosen, shipped())
    assert same(scored.falls(chosen.fall), of(said, *FALLS))
    assert same(scored.stumbles(chosen.stumble), of(said, EventKind.STUMBLE))


def test_nothing_is_scored_of_nothing() -> None:
    scored = track([], Settings(), shipped())
    assert scored.hops() is None
    assert scored.falls(Settings().fall) == []


@st.composite
def some_blocks(draw: st.DrawFn) -> list[SampleBlock]:
    blocks, now_s = [], 0.0
    for _ in range(draw(st.integers(0, 40))):
        count = draw(st.integers(0, 6))
        time_s = now_s + np.arange(1, count + 1) * 0.01
        now_s += draw(st.sampled_from([0.06, 0.06, 7.0]))
        fault = draw(st.sampled_from(["", "", "a loose plug"]))
        shape = np.full((count, 3), now_s)
        blocks.append(SampleBlock(time_s, shape, shape, now_s, draw(st.integers(0, 3)), fault))
    return blocks


@given(some_blocks())
def test_merging_keeps_every_sample_fault_and_silence(blocks: list[SampleBlock]) -> None:
    fewer = list(merged(blocks))
    assert _samples(fewer) == _samples(blocks)
    assert sum(block.lost for block in fewer) == sum(block.lost for block in blocks)
    odd = [block.end_s for block in blocks if block.fault or not len(block.time_s)]
    assert [block.end_s for block in fewer if block.fault or not len(block.time_s)] == odd
    assert [block.end_s for block in fewer][-1:] == [block.end_s for block in blocks][-1:]
    assert all(block.time_s[-1] - block.time_s[0] <= MERGED_S for block in fewer if len(block.time_s))


def _samples(blocks: list[SampleBlock]) -> list[float]:
    def each() -> Iterator[float]:
        for block in blocks:
            yield from block.time_s.tolist()

    return list(each())
