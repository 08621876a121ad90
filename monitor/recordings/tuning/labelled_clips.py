"""A labelled moment of a session as a trial: samples and what is expected of them, for evaluate and tests."""

from math import nan

import numpy as np

from monitor.core.alarm_rules import DANGERS
from monitor.core.vocabulary import AlertKind
from monitor.recordings.corpus import Trial, to_counts
from monitor.recordings.journal.sessions import JournalError, Label, Session
from monitor.recordings.tuning.wishes import alarms, around

BEFORE_S, AFTER_S = 20.0, 10.0
"""The networks look 4 s back."""

APART_S = 2.0

SHORTEST_S = 2.0
"""Less holds nothing that a detector could find."""

RATE_HZ = 100.0
LONGEST_GAP_S = 0.5
"""As long as the detector bridges; a trial has no gaps."""


def clip(session: Session, label: Label) -> Trial:
    """The seconds round a label, evenly spaced, and what it expects.

    A false alarm becomes a trial of daily life, in which nothing may ring. Raises JournalError where that is
    impossible.
    """
    if label.kind not in (AlertKind.FALL, AlertKind.STUMBLE):
        raise JournalError(
            f"{label.kind.replace('_', ' ') or 'a bookmark'}: only falls and stumbles can be held as "
            "tests; an unsafe step is one by the minutes of walking before it, which no clip holds"
        )
    blocks = list(session.blocks(*_window(session, label)))
    time_s = np.concatenate([np.empty(0), *(block.time_s for block in blocks)])
    if not len(time_s):
        raise JournalError(f"session {session.number}: its samples of that moment have been let go of")
    values = np.concatenate([np.hstack([block.accel_g, block.gyro_dps]) for block in blocks])
    breaks = np.flatnonzero(np.diff(time_s) > LONGEST_GAP_S) + 1
    edges = [0, *breaks.tolist(), len(time_s)]
    at = int(np.clip(np.searchsorted(time_s, label.time_s), 0, len(time_s) - 1))
    nearest_s = np.abs(time_s[max(at - 1, 0) : at + 1] - label.time_s).min()
    begin, end = next((a, b) for a, b in zip(edges, edges[1:], strict=False) if a <= at < b)
    if nearest_s > LONGEST_GAP_S or time_s[end - 1] - time_s[begin] < SHORTEST_S:
        raise JournalError(f"session {session.number}: too few samples of that moment are there for a test")
    time_s, values = time_s[begin:end], values[begin:end]
    grid_s = np.arange(time_s[0], time_s[-1], 1 / RATE_HZ)
    even = np.column_stack([np.interp(grid_s, time_s, column) for column in values.T])
    when = label.time_s - float(time_s[0])
    wanted = label.label != "false"
    kind = label.kind if wanted else "daily"
    span = (when - 1.0, when + 1.0)
    if label.label == "missed":
        reported = alarms(session, session.alerts()).items()
        near = around(label.time_s, [span for (_, kind), span in reported if kind == label.kind])
        span = near[0] - float(time_s[0]), near[1] - float(time_s[0])
    return Trial(
        name=f"{session.boot}-{label.time_s - session.from_s:.1f}s-{label.kind}",
        kind=kind,
        rate_hz=RATE_HZ,
        counts=to_counts(even[:, :3], even[:, 3:]),
        activity=f"{label.kind} {label.label}",
        description=" ".join(label.note.split()),
        onset_s=max(0.0, span[0]) if kind == "fall" else nan,
        span_start_s=max(0.0, span[0]) if kind == "stumble" else nan,
        span_stop_s=span[1] if kind == "stumble" else nan,
    )


def _window(session: Session, label: Label) -> tuple[float, float]:
    """From when to when: of a false alarm not so far that anything else that may ring is in it."""
    from_s, to_s = label.time_s - BEFORE_S, label.time_s + AFTER_S
    if label.label == "false":
        rang = {
            a.id: a.time_s for a in reversed(session.alerts()) if a.kind in DANGERS and a.id != label.incident
        }
        others = [*rang.values(), *(other.time_s for other in session.labels() if other.label == "missed")]
        from_s = max([from_s, *(time_s + APART_S for time_s in others if time_s < label.time_s)])
        to_s = min([to_s, *(time_s - APART_S for time_s in others if time_s > label.time_s)])
    return from_s, to_s
