"""A session as trials of a recording: one for each stretch between gaps, and all that makes it again."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import isnan, nan

import numpy as np

from monitor.core.samples import Floats, SampleBlock
from monitor.recordings.arrays import RATES_HZ
from monitor.recordings.corpus import RecordingError, Trial
from monitor.recordings.formats.excerpt import Excerpt, iso
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.sessions import Label
from monitor.recordings.recorded import recorded

GAP_INTERVALS = 1.5
"""Samples further apart than so many usual intervals have a gap between them: at least one is missing."""

IMPACT_S = (1.0, 3.0)
"""Before and after a fall's label: its impact is the largest acceleration there."""

STUMBLE_S = (2.0, 2.0)
"""Before and after a stumble's label: its span."""

ENOUGH = 10
"""Fewer samples than these do not show their rate."""

Stretch = tuple[Form, list[SampleBlock]]


def session_trials(excerpt: Excerpt) -> list[Trial]:
    """The trials ``session12-1``, ``session12-2`` ...; raises RecordingError where there is no sample."""
    session = excerpt.session
    trials = trials_of(excerpt.samples(), f"session{session.number}", session.utc_offset_s)
    return [_labelled(replace(trial, subject=session.device), session.labels()) for trial in trials]


def trials_of(
    samples: Iterable[tuple[Form, SampleBlock]], name: str, utc_offset_s: float = nan, kind: str = "daily"
) -> list[Trial]:
    """Blocks as trials, cut at gaps and where another sensor begins. Raises RecordingError."""
    held = list(samples)
    times = [block.time_s for _form, block in held if len(block.time_s)]
    if not times:
        raise RecordingError(f"{name}: expected samples, found none; .csv and .mcap hold its faults")
    interval_s = float(np.median(np.diff(np.concatenate(times)))) if sum(map(len, times)) > 1 else nan
    trials = []
    for i, (form, blocks) in enumerate(_stretches(held, GAP_INTERVALS * interval_s), 1):
        counts, own = recorded(blocks, form, utc_offset_s)
        rate_hz = _rate_hz(own.time_us / 1e6, interval_s)
        began = "" if isnan(utc_offset_s) else f", {iso(own.time_us[0] / 1e6 + utc_offset_s)[:19]}"
        described = f"{name}{began}"
        trials.append(
            Trial(f"{name}-{i}", kind, rate_hz, counts, description=described, form=form, recorded=own)
        )
    return trials


def _stretches(held: Sequence[tuple[Form, SampleBlock]], gap_s: float) -> list[Stretch]:
    """Blocks without samples stay with those before them; at the beginning, with those behind."""
    found: list[Stretch] = []
    blocks: list[SampleBlock] = []
    last: tuple[Form, float] | None = None
    for form, block in held:
        if len(block.time_s):
            if last and (form != last[0] or block.time_s[0] - last[1] > gap_s):
                found.append((last[0], blocks))
                blocks = []
            last = form, float(block.time_s[-1])
        blocks.append(block)
    return [*found, (last[0], blocks)] if last else found


def _rate_hz(time_s: Floats, interval_s: float) -> float:
    """As measured; of few samples, that of the others."""
    if len(time_s) >= ENOUGH:
        return (len(time_s) - 1) / float(time_s[-1] - time_s[0])
    return 1 / interval_s if interval_s > 0 else RATES_HZ[0]


def _labelled(trial: Trial, labels: Sequence[Label]) -> Trial:
    """With what people said of a fall in it, else of a stumble."""
    assert trial.recorded is not None
    began_s, ended_s = (float(trial.recorded.time_us[i]) / 1e6 for i in (0, -1))
    said = {
        label.kind: label
        for label in reversed(labels)
        if label.label in ("true", "missed") and began_s <= label.time_s <= ended_s
    }
    if label := said.get("fall"):
        impact_s = _largest_s(trial, label.time_s - began_s)
        return replace(trial, kind="fall", impact_s=impact_s, description=_noted(trial, label))
    if label := said.get("stumble"):
        before_s, after_s = STUMBLE_S
        return replace(
            trial,
            kind="stumble",
            span_start_s=max(label.time_s - before_s, began_s) - began_s,
            span_stop_s=min(label.time_s + after_s, ended_s) - began_s,
            description=_noted(trial, label),
        )
    return trial


def _largest_s(trial: Trial, at_s: float) -> float:
    """When the acceleration is largest near there, seconds from the trial's start."""
    assert trial.recorded is not None
    time_s = (trial.recorded.time_us - trial.recorded.time_us[0]) / 1e6
    before_s, after_s = IMPACT_S
    near = np.flatnonzero((time_s >= at_s - before_s) & (time_s <= at_s + after_s))
    size = np.linalg.norm(trial.counts[near, :3].astype(float), axis=1)
    return float(time_s[near[np.argmax(size)]])


def _noted(trial: Trial, label: Label) -> str:
    words = f"{trial.description}; {label.kind}, labelled {label.label}"
    note = "".join(letter if letter.isprintable() else " " for letter in label.note)
    return f"{words}: {note}" if note else words
