"""Which trials of a recording cannot be used, and why: values that no recording can have."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.recordings.arrays import (
    ALL_LISTS,
    ALL_TEXTS,
    DIRECTIONS,
    KINDS,
    LISTED_TEXTS,
    NUMBERS,
    RATES_HZ,
    RECORDED,
)
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G, doubt

MOUNTING = re.compile(r"[+-]([xyz]) [+-](?!\1)([xyz]) [+-](?!\1|\2)[xyz]")
OUTSIDE_S = 0.5
"""Labels may lie so far outside their trial, and stretches over each other: clocks and frames differ."""

Right = npt.NDArray[np.bool_]


def unusable(arrays: dict[str, Any]) -> dict[int, str]:
    """By a trial's number the first reason: which array, what was expected and found.

    The arrays have passed ``arrays.check``.
    """
    found: dict[int, str] = {}
    names = arrays["name"].tolist()
    for name, is_right, expected in chain(_values(arrays), _times(arrays)):
        if np.all(is_right):
            continue
        trials = _trials_of(name, arrays)
        duration_s = _duration_s(arrays)
        for at in np.flatnonzero(~is_right).tolist():
            i = int(trials[at])
            there = expected.format(duration_s=duration_s[i])
            found.setdefault(i, f"{name}: expected {there}, found {arrays[name][at].item()!r}")
    for i in range(len(names)):
        if i not in found and (reason := _misfit(arrays, i) or _units(arrays, i)):
            found[i] = reason
    return {i: f"trial {names[i]!r}: {found[i]}" for i in sorted(found)}


def _trials_of(name: str, arrays: dict[str, Any]) -> npt.NDArray[np.int64]:
    """The trial of each value of ``name``."""
    cuts = next((cuts for cuts, lists in ALL_LISTS.items() if name in lists), None)
    trials = np.arange(arrays["name"].size)
    return trials if cuts is None else np.repeat(trials, np.diff(arrays[cuts].astype(np.int64)))


def _duration_s(arrays: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Without end where the samples' own times say more than their number, or the rate nothing."""
    rates_hz = arrays["rate_hz"].astype(float)
    is_even = (rates_hz > 0) & (np.diff(arrays["time_first"]) == 0)
    samples = np.diff(arrays["first"].astype(np.int64))
    return np.where(is_even, samples / np.where(is_even, rates_hz, 1.0), np.inf)


def _used(name: str, arrays: dict[str, Any]) -> Any:
    """The values of a list that belong to a trial."""
    cuts = next(cuts for cuts, lists in ALL_LISTS.items() if name in lists)
    return arrays[name][: arrays[cuts][-1]]


def _values(arrays: dict[str, Any]) -> Iterator[tuple[str, Right, str]]:
    for name in (*ALL_TEXTS, *LISTED_TEXTS):
        texts = arrays[name] if name in ALL_TEXTS else _used(name, arrays)
        is_right = np.array([text.isprintable() for text in texts.tolist()], bool)
        yield name, is_right, "text that can be printed"
    yield "kind", np.isin(arrays["kind"], KINDS), f"only {', '.join(KINDS)}"
    directions = _used("direction", arrays).tolist()
    is_right = np.array([direction in DIRECTIONS for direction in directions], bool)
    yield "direction", is_right, f"only {', '.join(DIRECTIONS)}"
    for name in (*NUMBERS, "utc_offset_s"):
        yield name, ~np.isinf(arrays[name]), "times in s, or NaN where unknown"
    for name in ("contact_s", "direction_start_s", "direction_stop_s"):
        yield name, np.isfinite(_used(name, arrays)), "times in s"
    (slowest_hz, fastest_hz), rates_hz = RATES_HZ, arrays["rate_hz"]
    is_right = (rates_hz >= slowest_hz) & (rates_hz <= fastest_hz)
    yield "rate_hz", is_right, f"{slowest_hz:g} to {fastest_hz:,.0f} Hz"
    is_right = np.array([bool(MOUNTING.fullmatch(axes)) for axes in arrays["mounting"].tolist()], bool)
    yield "mounting", is_right, "three different axes, such as +x +y +z"
    for name in ("g_per_count", "dps_per_count"):
        yield name, np.isfinite(arrays[name]) & (arrays[name] > 0), "what one count is, more than 0"


def _times(arrays: dict[str, Any]) -> Iterator[tuple[str, Right, str]]:
    """Labels in milliseconds or in samples would only look like misses."""
    duration_s = _duration_s(arrays)
    within = "seconds from the trial's beginning, which lasts {duration_s:.1f} s"
    for name in NUMBERS[1:]:
        times_s = arrays[name]
        yield name, ~((times_s < -OUTSIDE_S) | (times_s > duration_s + OUTSIDE_S)), within
    for name in ("contact_s", "direction_start_s", "direction_stop_s"):
        times_s, lasts_s = _used(name, arrays), duration_s[_trials_of(name, arrays)]
        yield name, (times_s >= -OUTSIDE_S) & (times_s <= lasts_s + OUTSIDE_S), within
    for name, later in (("onset_s", "impact_s"), ("span_start_s", "span_stop_s")):
        yield name, ~(arrays[name] > arrays[later]), f"no later than {later}"
    starts_s, stops_s = (_used(name, arrays) for name in ("direction_start_s", "direction_stop_s"))
    yield "direction_start_s", starts_s <= stops_s, "no later than direction_stop_s"
    trials = _trials_of("direction_start_s", arrays)
    scored = np.flatnonzero(np.isin(_used("direction", arrays), ("forward", "backward")))
    order = scored[np.lexsort((starts_s[scored], trials[scored]))]
    before, after = order[:-1], order[1:]
    overlaps = (trials[after] == trials[before]) & (starts_s[after] < stops_s[before] - OUTSIDE_S)
    is_right = np.ones(len(starts_s), bool)
    is_right[after[overlaps]] = False
    yield "direction_start_s", is_right, "stretches of forward and backward behind each other"


def _misfit(arrays: dict[str, Any], i: int) -> str:
    """Do the samples' own times, blocks and faults fit the samples?"""
    own = {
        part: arrays[part][slice(*arrays[cuts][i : i + 2])]
        for cuts, parts in RECORDED.items()
        for part in parts
    }
    samples, blocks = int(np.diff(arrays["first"][i : i + 2])[0]), len(own["block_end_us"])
    if not blocks and not len(own["time_us"]):
        return ""
    reach = (("block_samples", samples), ("block_lost", 2**32), ("fault_start", blocks))
    limits = (*reach, ("fault_stop", blocks), ("over_sample", samples - 1), ("over_channel", 5))
    is_right = (
        len(own["time_us"]) == samples == own["block_samples"].sum()
        and all(np.all((own[part] >= 0) & (own[part] <= most)) for part, most in limits)
        and bool(np.all(np.diff(own["time_us"]) >= 0))
    )
    return "" if is_right else f"expected times and blocks for its {samples} samples, found others"


def _units(arrays: dict[str, Any], i: int) -> str:
    """Those of the journal are the sensor's own, and are kept whatever it says."""
    if np.diff(arrays["block_first"][i : i + 2])[0] > 0:
        return ""
    counts = arrays["samples"][slice(*arrays["first"][i : i + 2])]
    scale = (arrays["g_per_count"][i] * COUNTS_PER_G, arrays["dps_per_count"][i] * COUNTS_PER_DPS)
    if scale != (1.0, 1.0):
        counts = counts * np.repeat(scale, 3)
    return doubt(counts, arrays["rate_hz"][i].item())
