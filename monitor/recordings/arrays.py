"""The arrays of a recording's file: their names and types, how they are read, and what is refused.

docs/recordings.md describes them for people.
"""

import re
from importlib.resources.abc import Traversable
from itertools import chain
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G, doubt

KINDS = ("fall", "stumble", "walk", "daily")
DIRECTIONS = ("forward", "backward", "left", "right", "turn", "stand")
MOUNTING = re.compile(r"[+-]([xyz]) [+-](?!\1)([xyz]) [+-](?!\1|\2)[xyz]")
RATES_HZ = (10.0, 10_000.0)
"""Slower, a step has too few samples; faster, nothing is worn on a belt."""

MAY_BE_MISSING = ("laboratory", "style")
TEXTS = ("name", "dataset", "subject", "activity", "description", "kind", *MAY_BE_MISSING)
NUMBERS = ("rate_hz", "onset_s", "impact_s", "span_start_s", "span_stop_s")
STRETCHES = ("direction", "direction_start_s", "direction_stop_s")
LISTS = {"contact_first": ("contact_s",), "direction_first": STRETCHES}

FORM_TEXTS = {"chip": "recording", "mounting": "+x +y +z"}
FORM_NUMBERS = {"g_per_count": 1 / COUNTS_PER_G, "dps_per_count": 1 / COUNTS_PER_DPS, "utc_offset_s": nan}
BLOCKS = ("block_end_us", "block_samples", "block_lost")
FAULTS = ("fault", "fault_start", "fault_stop")
OVERS = ("over_sample", "over_channel")
RECORDED = {"time_first": ("time_us",), "block_first": BLOCKS, "fault_first": FAULTS, "over_first": OVERS}
"""What a trial from the journal has beside these, with what stands for it elsewhere (recorded.py)."""

ALL_TEXTS, ALL_NUMBERS, ALL_LISTS = (*TEXTS, *FORM_TEXTS), (*NUMBERS, *FORM_NUMBERS), LISTS | RECORDED
LISTED_TEXTS = ("direction", "fault")
ARRAYS = ("samples", "first", *ALL_TEXTS, *ALL_NUMBERS, *ALL_LISTS, *chain(*ALL_LISTS.values()))


def read(path: Path | Traversable) -> dict[str, Any]:
    """A recording's arrays, as far as the file has them. Raises OSError, and ValueError: what it is."""
    with path.open("rb") as file:
        start = file.read(6)
        if not start.startswith(b"PK"):
            kinds = {b"": "an empty file", b"\x93NUMPY": "a single array (.npy)"}
            raise ValueError(
                f"expected a recording (.npz), found {kinds.get(start, 'a file of another kind')}"
            )
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as loaded:
                arrays = {name: loaded[name] for name in ARRAYS if name in loaded.files}
        except Exception as error:  # a bad header, archive or size brings any of Python's own
            raise ValueError(
                "expected a recording (.npz), found one that is damaged, incomplete or not of plain arrays"
            ) from error
    return without(np.size(arrays.get("name", ""))) | arrays


def without(trials: int) -> dict[str, Any]:
    """What stands for the arrays that a file may leave out."""
    words = dict.fromkeys(MAY_BE_MISSING, "") | FORM_TEXTS
    return {
        **{name: np.full(trials, word) for name, word in words.items()},
        **{name: np.full(trials, number) for name, number in FORM_NUMBERS.items()},
        **{cuts: np.zeros(trials + 1, np.int64) for cuts in RECORDED},
        **{name: np.empty(0, np.int64) for name in chain(*RECORDED.values())},
        "fault": np.empty(0, "U1"),
    }


def check(arrays: dict[str, Any]) -> None:
    """Raises ValueError for arrays that are not a recording's: which one, what was expected and found."""

    def refuse(name: str, expected: str, found: str) -> None:
        raise ValueError(f"{name}: expected {expected}, found {found}")

    def expect(name: str, is_right: bool, expected: str) -> None:
        if not is_right:
            refuse(name, expected, f"{arrays[name].dtype} {arrays[name].shape}")

    def expect_cuts(name: str, shortest: int) -> None:
        cuts = arrays[name]
        is_right = cuts.shape == (trials + 1,) and cuts.dtype.kind in "iu"
        expect(name, is_right, f"whole numbers ({trials + 1},), one more than trials")
        is_rising = cuts[0] == 0 and cuts[-1] <= shortest and bool(np.all(cuts[1:] >= cuts[:-1]))
        expect(name, is_rising, f"cuts rising from 0 to no more than {shortest}")

    def expect_values(name: str, is_right: npt.NDArray[np.bool_], expected: str) -> None:
        if not np.all(is_right):
            refuse(name, expected, repr(arrays[name][np.argmin(is_right)].item()))

    missing = [name for name in ARRAYS if not isinstance(arrays.get(name), np.ndarray)]
    if missing:
        others = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(f"expected the arrays of a recording, found no {', '.join(missing[:3])}{others}")
    samples, trials = arrays["samples"], arrays["name"].size
    expect("samples", samples.dtype == np.int16 and samples.shape[1:] == (6,), "int16 (N, 6)")
    expect("name", trials > 0, "at least one trial")
    for name in ALL_TEXTS:
        expect(name, arrays[name].shape == (trials,) and arrays[name].dtype.kind == "U", f"text ({trials},)")
    for name in ALL_NUMBERS:
        is_right = arrays[name].shape == (trials,) and arrays[name].dtype.kind in "fiu"
        expect(name, is_right, f"numbers ({trials},)")
    expect_cuts("first", len(samples))
    for cuts, lists in ALL_LISTS.items():
        for name in lists:
            kinds, what = ("U", "texts") if name in LISTED_TEXTS else ("fiu", "numbers")
            if cuts in RECORDED and name not in LISTED_TEXTS:
                kinds, what = "iu", "whole numbers"
            expect(name, arrays[name].ndim == 1 and arrays[name].dtype.kind in kinds, f"a list of {what}")
        expect_cuts(cuts, min(len(arrays[name]) for name in lists))
        arrays = arrays | {name: arrays[name][: arrays[cuts][-1]] for name in lists}  # what is used

    for name in (*ALL_TEXTS, *LISTED_TEXTS):
        try:
            is_printable = np.array([text.isprintable() for text in arrays[name].tolist()], bool)
        except (ValueError, SystemError) as error:  # a code point beyond Unicode
            raise ValueError(f"{name}: expected text, found what is not Unicode") from error
        expect_values(name, is_printable, "text that can be printed")
    expect_values("kind", np.isin(arrays["kind"], KINDS), f"only {', '.join(KINDS)}")
    expect_values("direction", np.isin(arrays["direction"], DIRECTIONS), f"only {', '.join(DIRECTIONS)}")
    for name in (*NUMBERS, "utc_offset_s"):
        expect_values(name, ~np.isinf(arrays[name]), "times in s, or NaN where unknown")
    for name in ("contact_s", "direction_start_s", "direction_stop_s"):
        expect_values(name, np.isfinite(arrays[name]), "times in s")
    slowest_hz, fastest_hz = RATES_HZ
    rates_hz = arrays["rate_hz"]
    is_possible = (rates_hz >= slowest_hz) & (rates_hz <= fastest_hz)
    expect_values("rate_hz", is_possible, f"{slowest_hz:g} to {fastest_hz:,.0f} Hz")
    is_mounting = np.array([bool(MOUNTING.fullmatch(axes)) for axes in arrays["mounting"].tolist()], bool)
    expect_values("mounting", is_mounting, "three different axes, such as +x +y +z")
    for name in ("g_per_count", "dps_per_count"):
        is_possible = np.isfinite(arrays[name]) & (arrays[name] > 0)
        expect_values(name, is_possible, "what one count is, more than 0")
    _check_recorded(arrays)
    _check_units(arrays)


def _check_recorded(arrays: dict[str, Any]) -> None:
    """The samples' own times, blocks and faults fit the samples."""
    if not any(arrays[cuts][-1] for cuts in RECORDED):
        return
    for i, name in enumerate(arrays["name"].tolist()):
        own = {
            part: arrays[part][slice(*arrays[cuts][i : i + 2])]
            for cuts, parts in RECORDED.items()
            for part in parts
        }
        samples, blocks = int(np.diff(arrays["first"][i : i + 2])[0]), len(own["block_end_us"])
        if not blocks and not len(own["time_us"]):
            continue
        reach = (("block_samples", samples), ("block_lost", 2**32), ("fault_start", blocks))
        limits = (*reach, ("fault_stop", blocks), ("over_sample", samples - 1), ("over_channel", 5))
        is_right = (
            len(own["time_us"]) == samples == own["block_samples"].sum()
            and all(np.all((own[part] >= 0) & (own[part] <= most)) for part, most in limits)
            and bool(np.all(np.diff(own["time_us"]) >= 0))
        )
        if not is_right:
            raise ValueError(
                f"trial {name!r}: expected times and blocks for its {samples} samples, found others"
            )


def _check_units(arrays: dict[str, Any]) -> None:
    """Those of the journal are the sensor's own, and are kept whatever it says."""
    cuts, in_time = arrays["first"].tolist(), np.diff(arrays["block_first"]) > 0
    scale = np.stack([arrays["g_per_count"] * COUNTS_PER_G, arrays["dps_per_count"] * COUNTS_PER_DPS], 1)
    for i, name in enumerate(arrays["name"].tolist()):
        if in_time[i]:
            continue
        counts = arrays["samples"][cuts[i] : cuts[i + 1]]
        if not np.all(scale[i] == 1.0):
            counts = counts * np.repeat(scale[i], 3)
        doubtful = doubt(counts, arrays["rate_hz"][i].item())
        if doubtful:
            raise ValueError(f"trial {name!r}: {doubtful}")
