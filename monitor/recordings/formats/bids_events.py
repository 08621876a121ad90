"""The events of a session as BIDS has them: steps, alerts, labels, and the gaps and faults of its samples."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from monitor.core.samples import SampleBlock
from monitor.recordings.formats.excerpt import Excerpt, step_values
from monitor.recordings.formats.session_trials import GAP_INTERVALS

MISSING = "n/a"

EVENT_COLUMNS = ("onset", "duration", "trial_type", "incident", "stage", "who", "reason", "details")
EVENT_WORDS = {
    "trial_type": "What it is: gap and fault speak of the samples; step (at its initial contact), event and "
    "alert are what Rearguard detected and reported, input what people and parts said to it, label what a "
    "person said of it afterwards, state whether it was armed, hole a stretch that could not be recorded",
    "incident": "The id that all reports of an incident share",
    "stage": "Who had reacted to the incident",
    "who": "A person who reacted",
    "reason": "In words",
    "details": "All else as JSON; units are in the names",
}


def event_rows(
    excerpt: Excerpt, blocks: Sequence[SampleBlock], began_s: float, interval_s: float
) -> list[tuple[str, ...]]:
    """Sorted by their onset, as BIDS asks."""

    def row(
        time_s: float, what: str, words: Iterable[str], details: Any = None, duration_s: float | None = None
    ) -> tuple[str, ...]:
        clean = (re.sub(r"\s", " ", word) or MISSING for word in words)
        lasts = MISSING if duration_s is None else f"{duration_s:.6f}"
        return (f"{time_s - began_s:.6f}", lasts, what, *clean, json.dumps(details) if details else MISSING)

    found = []
    for step in excerpt.steps():
        figures = {
            name: value for name, value in step_values(step).items() if name not in ("contact_s", "direction")
        }
        details = {"detected_after_s": round(step.time_s - step.contact_s, 6), **figures}
        found.append(row(step.contact_s, f"step/{step.direction.name.lower()}", [""] * 4, details))
    for r in excerpt.rows():
        words = (r.incident, r.stage, r.who, r.reason)
        if r.what == "hole":
            found.append(row(r.time_s, r.what, words, None, r.details["to_s"] - r.time_s))
        else:
            found.append(row(r.time_s, "/".join(filter(None, (r.what, r.kind))), words, r.details))
    for from_s, to_s, lost in _gaps(blocks, interval_s):
        found.append(row(from_s, "gap", [""] * 4, {"lost": lost}, to_s - from_s))
    for from_s, to_s, fault in _faults(blocks):
        found.append(row(from_s, "fault", ["", "", "", fault], None, to_s - from_s))
    return sorted(found, key=lambda cells: float(cells[0]))


def _gaps(blocks: Sequence[SampleBlock], interval_s: float) -> Iterator[tuple[float, float, int]]:
    """From the sample before to the one behind, and how many samples the sensor says it lost there."""
    last_s: float | None = None
    lost = 0
    for block in blocks:
        lost += block.lost
        for time_s in block.time_s.tolist():
            if last_s is not None and time_s - last_s > GAP_INTERVALS * interval_s:
                yield last_s, time_s, lost
                lost = 0
            last_s = time_s
        if lost and len(block.time_s):  # the times do not show where
            yield float(block.time_s[0]), float(block.time_s[-1]), lost
            lost = 0
    if lost and last_s is not None:
        yield last_s, blocks[-1].end_s, lost


def _faults(blocks: Sequence[SampleBlock]) -> Iterator[tuple[float, float, str]]:
    """Neighbouring blocks with the same words are one."""
    began_s = last_s = 0.0
    words = ""
    for block in blocks:
        if block.fault != words:
            if words:
                yield began_s, last_s, words
            began_s, words = last_s or block.end_s, block.fault
        last_s = block.end_s
    if words:
        yield began_s, last_s, words
