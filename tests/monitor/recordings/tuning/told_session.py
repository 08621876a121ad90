"""A session of somebody who stands still, with reports, arming, inputs and labels as a test tells them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from monitor.core.alarm_rules import PRIORITY
from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Input, Reading, Stage, Status
from monitor.playback import as_fast_as_written
from monitor.recordings.journal.journal import Journal, JournalSettings
from monitor.recordings.journal.rows import Opening
from monitor.recordings.journal.sessions import Label, Session, sessions

FROM_S, RATE_HZ = 1000.0, 100.0
UP = np.array([0.0, 0.0, 1.0])
FALL, STUMBLE, UNSAFE = AlertKind.FALL, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP
SUSPECTED, CONFIRMED = Certainty.SUSPECTED, Certainty.CONFIRMED

Span = tuple[float, float]


def report(
    at_s: float,
    kind: AlertKind = FALL,
    certainty: Certainty = CONFIRMED,
    stage: Stage = Stage.ACTIVE,
    *,
    incident: str = "boot-1",
    score: float | None = None,
    who: str = "",
) -> Alert:
    """A report ``at_s`` into the session; each of its own ``score`` is of something new."""
    evidence = {"falling_score": Reading(at_s if score is None else score, 2.25)}
    return Alert(incident, 0, kind, PRIORITY[kind], certainty, stage, FROM_S + at_s, evidence, who=who)


def label(
    at_s: float, said: str, kind: AlertKind = FALL, incident: str = "", given_s: float = 0.0, who: str = "Eva"
) -> Label:
    return Label(1, FROM_S + at_s, kind, said, incident, who, "", given_s)


def told(
    path: Path,
    *alerts: Alert,
    labels: Sequence[Label] = (),
    inputs: Sequence[tuple[float, Input]] = (),
    unarmed: Span = (0.0, 0.0),
    silent: Span = (0.0, 0.0),
    missing: Span = (0.0, 0.0),
    seconds: float = 60.0,
    settings: str = "{}",
) -> Session:
    """The session; times in s from its start. ``silent``: the sensor said nothing; ``missing``: no block."""
    heard: list[Input] = []
    journal = Journal(
        path,
        JournalSettings(),
        Opening("boot", "belt", "1", "a", settings),
        heard=lambda: heard,
        clock=lambda: 0.0,
        wall=lambda: 1.7e9,
    )
    journal.start()
    sequence = 0
    ends_s = (i * BLOCK_S for i in range(1, round(seconds / BLOCK_S) + 1))
    there_s = (end_s for end_s in ends_s if not missing[0] < end_s <= missing[1])
    blocks = (_silent(end_s) if silent[0] < end_s <= silent[1] else _still(end_s) for end_s in there_s)
    for block in as_fast_as_written(blocks, journal):
        end_s = block.end_s - FROM_S
        heard[:] = [given for at_s, given in inputs if end_s - BLOCK_S + 1e-6 < at_s <= end_s + 1e-6]
        now = [alert for alert in alerts if end_s - BLOCK_S + 1e-6 < alert.time_s - FROM_S <= end_s + 1e-6]
        numbered = [replace(alert, sequence=sequence + k) for k, alert in enumerate(now, 1)]
        sequence += len(now)
        armed = not unarmed[0] + 1e-6 < end_s <= unarmed[1] + 1e-6
        journal(block, [], numbered, Status(armed, False, (), block.end_s))
    journal.close(timeout_s=60.0)
    (session,) = sessions(path)
    for one in labels:
        session.put(one)
    return session


def _still(end_s: float) -> SampleBlock:
    time_s = FROM_S + end_s - BLOCK_S + np.arange(1, round(BLOCK_S * RATE_HZ) + 1) / RATE_HZ
    noise = np.random.default_rng(round(end_s / BLOCK_S)).normal(0, 0.004, (len(time_s), 3))
    return SampleBlock(time_s, noise + UP, 100 * noise, FROM_S + end_s)


def _silent(end_s: float) -> SampleBlock:
    return SampleBlock.silent(FROM_S + end_s, "no answer on the bus")
