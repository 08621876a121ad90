"""A session with all that a journal can hold: gaps, a fault, another chip, steps, alerts, answers, labels."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from monitor.core.samples import BLOCK_S, SampleBlock, on_the_microsecond
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Direction,
    Event,
    EventKind,
    Input,
    InputKind,
    Priority,
    Reading,
    Stage,
    Status,
    StepEvent,
    StillEvent,
    UnsafeStepEvent,
)
from monitor.recordings.formats.excerpt import Excerpt
from monitor.recordings.journal.journal import Journal, JournalSettings
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.rows import Opening
from monitor.recordings.journal.sessions import Label, Session, sessions

FROM_S, UTC_OFFSET_S = 1000.0, 1_780_000_000.25
SECONDS, RATE_HZ = 6.0, 104.0
GAP_S = (2.0, 3.0)
DOUBT = "the readings do not change"
FAULT = 'sensor: no answer on the bus, "address" 0x6b'
LSM6, MPU = Form("LSM6DSO", 0.000488, 0.07, "-z +y +x"), Form("MPU-6050", 1 / 2048, 1 / 16.4, "+x +y +z")
"""The second takes over at OTHER_S."""

OTHER_S = 5.0
LOST = {6: 1, 11: 1, 30: 3}
"""By block; where the last were the times do not show."""

STEP_S, FALL_S = 1001.5, 1004.0


def blocks() -> list[tuple[Form, SampleBlock]]:
    """Standing still: two samples lost, a value at the end of the range, a silence, a change of chips."""
    noise = np.random.default_rng(3)
    all_s = FROM_S + np.arange(round(SECONDS * RATE_HZ)) / RATE_HZ
    all_s = np.delete(all_s, [30, 53])  # within a block, and the first of one
    made = []
    for i in range(1, round(SECONDS / BLOCK_S) + 1):
        end_s = FROM_S + i * BLOCK_S
        time_s = all_s[(all_s > end_s - BLOCK_S) & (all_s <= end_s)]
        form = LSM6 if end_s <= FROM_S + OTHER_S else MPU
        if FROM_S + GAP_S[0] < end_s <= FROM_S + GAP_S[1]:
            block = SampleBlock.silent(end_s, FAULT if i % 3 else "", lost=i % 2)
        else:
            counts = np.rint(noise.normal([0, 0, 2048, 0, 0, 0], 20, (len(time_s), 6))).astype(np.int16)
            if i == 10:
                counts[:, 2] = -32768  # of the axis that the mounting turns round
            body = form.body(counts)
            block = SampleBlock(
                time_s, body[:, :3], body[:, 3:], end_s, LOST.get(i, 0), DOUBT if i == 90 else ""
            )
        made.append((form, on_the_microsecond(block)))
    return made


def recorded(path: Path, told: Sequence[tuple[Form, SampleBlock]] | None = None) -> Session:
    """The session as a journal at ``path`` has it."""
    held = [LSM6]
    given: list[Input] = []
    journal = Journal(
        path,
        JournalSettings(),
        Opening("boot-1", "belt-1", "0.1.0", "abc", json.dumps({})),
        form=lambda: held[0],
        heard=lambda: given,
        clock=lambda: 0.0,
        wall=lambda: UTC_OFFSET_S,
    )
    journal.start()
    for form, block in told or blocks():
        held[0] = form
        given[:] = [Input(InputKind.COMING, "a-1", "Eva")] if _is_in(FALL_S + 0.5, block) else []
        events = [event for event in _events() if _is_in(event.time_s, block)]
        alerts = [alert for alert in _alerts() if _is_in(alert.time_s, block)]
        journal(block, events, alerts, Status(block.end_s > FROM_S + 1, False, (), block.end_s))
    journal.close(timeout_s=60.0)
    (session,) = sessions(path)
    session.put(Label(1, FALL_S, "fall", "true", "a-1", "Eva", "on\tthe mat", 1.78e9))
    return session


def excerpt(path: Path) -> Excerpt:
    """All of it."""
    session = recorded(path)
    return Excerpt(session, session.from_s, session.to_s)


def same(found: Sequence[SampleBlock], expected: Sequence[SampleBlock]) -> None:
    """Bit by bit."""
    assert [(b.end_s, b.lost, b.fault) for b in found] == [(b.end_s, b.lost, b.fault) for b in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("time_s", "accel_g", "gyro_dps"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def _is_in(time_s: float, block: SampleBlock) -> bool:
    return block.end_s - BLOCK_S < time_s <= block.end_s + 1e-6


def _events() -> list[Event]:
    falling = {"falling_score": Reading(3.5, 2.25), "peak_accel_g": Reading(4.0)}
    return [
        StepEvent(STEP_S, contact_s=STEP_S - 0.23, direction=Direction.BACKWARD, direction_score=-0.9),
        UnsafeStepEvent(STEP_S, reason="trunk leaning", score=0.9, direction=Direction.BACKWARD),
        Event(EventKind.FALLING, FALL_S, falling),
        StillEvent(FALL_S + 1, gravity_g=1.001, from_upright_deg=None),
    ]


def _alerts() -> list[Alert]:
    fall = (AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE)
    return [Alert("a-1", 1, *fall, FALL_S, {"falling_score": Reading(3.5, 2.25)})]
