"""A recording in the sensor's place: down the line at once, or in real time through a simulated chip."""

import shlex
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np

from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
from monitor.core.alarm import Alarm
from monitor.core.samples import Floats, SampleBlock
from monitor.core.vocabulary import Input, Priority
from monitor.loop import Inbox
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.corpus import Corpus, RecordingError, Trial
from monitor.recordings.journal.journal import Journal

CATCH_UP_S = 2.0
"""A longer hold-up, as of a laptop that slept, is not caught up whole: nobody could follow."""

HOLE_S = 2.0
"""Between two blocks of a session: so long a silence was not recorded, and nobody waits for it."""

BEHIND_CHUNKS = 20
"""So far a replay at once may run ahead of the journal it records."""

LEAD_IN_S = 3.0
"""So long a simulated sensor stands still before its recording begins: for the chip to start, and to arm."""


def trial_of(file: str | Path | None, name: str | None) -> Trial:
    """One trial of a recording, or the simulated walker's session. Raises RecordingError."""
    if file is None:
        if name is not None:
            raise RecordingError("--trial names a trial of a recording: give its FILE.npz too")
        return simulated_walker.walk(simulated_walker.SESSION, 100.0).trial("the simulated walker")
    trials = Corpus(file)
    if name is None and len(trials) > 1:
        raise RecordingError(
            f"{file} holds {len(trials)} trials: name one with --trial, such as {trials[0].name}; "
            f"`rearguard trials {shlex.quote(str(file))}` lists them all"
        )
    return trials.find(name) if name is not None else trials[0]


class PacedClock:
    """Simulated time for chip, sampler and loop, at the pace of the real one.

    It goes on only while somebody sleeps, so nothing is late however busy the machine is: after a hold-up it
    catches up without pauses. ``real`` and ``sleep`` are the clock it keeps pace with.
    """

    def __init__(
        self, real: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._real, self._sleep = real, sleep
        self._behind_s = 0.0  # by hold-ups that are not caught up
        self._now_s = real()

    def __call__(self) -> float:
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Let time go on by so much."""
        self._now_s += max(0.0, seconds)
        early_s = self._now_s + self._behind_s - self._real()
        if early_s > 0:
            self._sleep(early_s)
        elif early_s < -CATCH_UP_S:
            self._behind_s -= early_s + CATCH_UP_S


def plugged(trial: Trial, clock: Callable[[], float] = time.monotonic) -> SimulatedBus:
    """A bus with an MPU-6050 that plays the trial; before and after it, 1 g plus noise."""
    whole = corpus.whole(trial, trial.rate_hz)
    played = recording(whole.accel_g, whole.gyro_dps, trial.rate_hz)
    noise = np.random.default_rng(0)

    def world(time_s: Floats) -> tuple[Floats, Floats]:
        at_s = time_s - LEAD_IN_S
        accel_g, gyro_dps = played(at_s)
        still = ((at_s < 0) | (at_s > trial.duration_s))[:, None]
        accel_g = accel_g + still * noise.normal(0, 0.006, accel_g.shape)
        gyro_dps = np.where(still, noise.normal(0, 0.3, gyro_dps.shape), gyro_dps)
        return accel_g, gyro_dps

    return SimulatedBus(SimulatedInvensense(world, clock))


def shifted(blocks: Iterable[SampleBlock], by_s: float) -> Iterator[SampleBlock]:
    """A recording's blocks, as if it had begun at ``by_s``."""
    for block in blocks:
        yield replace(block, time_s=block.time_s + by_s, end_s=block.end_s + by_s)


def with_inputs(
    blocks: Iterable[SampleBlock], inputs: Sequence[tuple[float, Input]], inbox: Inbox
) -> Iterator[SampleBlock]:
    """A session's blocks; before each, what the alarm was told then."""
    waiting = deque(inputs)
    for block in blocks:
        while waiting and waiting[0][0] <= block.end_s:
            inbox.put(waiting.popleft()[1])
        yield block


def as_fast_as_written(blocks: Iterable[SampleBlock], journal: Journal) -> Iterator[SampleBlock]:
    """The blocks, no faster than the journal takes them: a replay at once has no reason to lose any."""
    for block in blocks:
        while journal.behind > BEHIND_CHUNKS:
            time.sleep(0.01)
        yield block


def in_real_time(
    blocks: Iterable[SampleBlock],
    real: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    from_s: float = -inf,
) -> Iterator[SampleBlock]:
    """The blocks, those after ``from_s`` no sooner after the one before than they came; holes are skipped."""
    clock = PacedClock(real, sleep)
    last_s: float | None = None
    for block in blocks:
        wait_s = block.end_s - last_s if last_s is not None else 0.0
        clock.sleep(wait_s if wait_s < HOLE_S and block.end_s > from_s else 0.0)
        last_s = block.end_s
        yield block


def until_over(
    blocks: Iterable[SampleBlock], seconds: float, linger_s: float, alarm: Alarm
) -> Iterator[SampleBlock]:
    """The blocks of ``seconds``, and while a high alert is open ``linger_s`` more."""
    began_s = None
    for block in blocks:
        began_s = block.end_s if began_s is None else began_s
        over_s = block.end_s - began_s - seconds
        waits = any(alert.priority is Priority.HIGH for alert in alarm.status.incidents)
        if over_s > (linger_s if waits else 0.0):
            return
        yield block
