"""What the thresholds are held against: the networks' scores and the measures of every step.

They take most of a detector's time and know no threshold. So a recording is scored once, and every setting is
then tried on its track: by the same classes as live, with the same events (a test compares).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core.detector import DetectorSettings, Weights
from monitor.core.direction import DirectionSettings
from monitor.core.fall import Fall, FallSettings
from monitor.core.fall_network import RATE_HZ, Hops, Network
from monitor.core.grid import Grid, Samples
from monitor.core.posture import Posture
from monitor.core.samples import SampleBlock
from monitor.core.step_measures import Measured, StepMeasures
from monitor.core.steps import Steps
from monitor.core.stumble import Stumble, StumbleSettings
from monitor.core.unsafe import UnsafeSettings, baselines, flagged
from monitor.core.vocabulary import Event

MERGED_S = 60.0
"""Blocks are worked on in pieces of about this length: many at once cost a fiftieth."""


@dataclass(frozen=True, slots=True)
class Piece:
    """From one gap in the samples to the next; ``steps`` has None for a step that nothing can be said of."""

    hops: Hops
    steps: tuple[Measured | None, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """All pieces of a recording, in order."""

    pieces: tuple[Piece, ...]

    def falls(self, settings: FallSettings) -> list[Event]:
        """FALLING, IMPACT, DOWN and UPRIGHT, as a detector with these settings says them."""
        fall = Fall(settings)
        events: list[Event] = []
        for piece in self.pieces:
            fall.gap()
            events += fall.update(piece.hops)
        return events

    def stumbles(self, settings: StumbleSettings) -> list[Event]:
        """STUMBLE, likewise."""
        return [event for piece in self.pieces for event in Stumble(settings).update(piece.hops)]

    def unsafe_steps(self, settings: UnsafeSettings) -> list[Event]:
        """UNSAFE_STEP, likewise."""
        own = baselines(settings)
        flags = (flagged(step, own, settings) for piece in self.pieces for step in piece.steps if step)
        return [flag for flag in flags if flag]

    def hops(self) -> Hops | None:
        """All hops in a row, None where there are none."""
        found = [piece.hops for piece in self.pieces if len(piece.hops.time_s)]
        if not found:
            return None
        return _joined(found)


def track(blocks: Iterable[SampleBlock], settings: DetectorSettings, weights: Weights) -> Track:
    """Score a recording from a sensor at the belt. Of ``settings`` only those of the direction matter."""
    grid = Grid(RATE_HZ)
    pieces: list[Piece] = []
    scorer: _Scorer | None = None
    for block in merged(blocks):
        for samples in grid.update(block):
            if samples.restart or scorer is None:
                if scorer:
                    pieces.append(scorer.piece())
                scorer = _Scorer(settings.direction, weights)
            scorer.update(samples)
    return Track((*pieces, scorer.piece()) if scorer else ())


class _Scorer:
    """The stages that know no threshold, from one gap to the next."""

    def __init__(self, direction: DirectionSettings, weights: Weights) -> None:
        self._posture = Posture(RATE_HZ)
        self._steps = Steps(direction, RATE_HZ, weights.contacts)
        self._measures = StepMeasures(RATE_HZ)
        self._network = Network(weights.falls)
        self._hops: list[Hops] = []
        self._measured: list[Measured | None] = []

    def update(self, samples: Samples) -> None:
        body = self._posture.update(samples.accel_g, samples.gyro_dps)
        self._measured += self._measures.update(body, self._steps.update(samples.time_s, body))
        self._hops.append(self._network.update(samples))

    def piece(self) -> Piece:
        return Piece(_joined(self._hops), tuple(self._measured))


def _joined(parts: Sequence[Hops]) -> Hops:
    return Hops(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("time_s", "score", "accel_g", "gyro_dps", "peak_accel_g", "bridged")
        )
    )


def merged(blocks: Iterable[SampleBlock]) -> Iterator[SampleBlock]:
    """The same samples in fewer blocks; those that say a fault, or are silent, stay what they are."""
    some: list[SampleBlock] = []
    for block in blocks:
        plain = len(block.time_s) > 0 and not block.fault
        if some and (not plain or block.end_s - some[0].end_s >= MERGED_S):
            yield _one(some)
            some = []
        if plain:
            some.append(block)
        else:
            yield block
    if some:
        yield _one(some)


def _one(blocks: Sequence[SampleBlock]) -> SampleBlock:
    return SampleBlock(
        np.concatenate([block.time_s for block in blocks]),
        np.concatenate([block.accel_g for block in blocks]),
        np.concatenate([block.gyro_dps for block in blocks]),
        blocks[-1].end_s,
        sum(block.lost for block in blocks),
    )
