"""The arrays of a recording's file: their names and types, how they are read, and what is refused.

docs/recordings.md describes them for people.
"""

from importlib.resources.abc import Traversable
from itertools import chain, pairwise
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G, likely

KINDS = ("fall", "stumble", "walk", "daily")
DIRECTIONS = ("forward", "backward", "left", "right", "turn", "stand")
RATES_HZ = (10.0, 10_000.0)
"""Slower, a step has too few samples; faster, nothing is worn on a belt."""

REQUIRED = ("samples", "first", "rate_hz", "name", "kind")
TEXTS = ("name", "dataset", "subject", "activity", "description", "kind", "laboratory", "style")
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
    """A recording's arrays; what it may leave out stands for itself. Raises OSError, and ValueError."""
    with path.open("rb") as file:
        start = file.read(6)
        if not start.startswith(b"PK"):
            kinds = {b"": "an empty file", b"\x93NUMPY": "a single array (.npy)"}
            found = kinds.get(
                start, "a file of another kind; `rearguard import` turns tables (.csv) into one"
            )
            raise ValueError(f"expected a recording (.npz), found {found}")
        file.seek(0)
        arrays: dict[str, Any] = {}
        try:
            with np.load(file, allow_pickle=False) as loaded:
                there = [name for name in ARRAYS if name in loaded.files]
                for name in there:
                    arrays[name] = loaded[name]
        except Exception as error:  # a bad header, archive or size brings any of Python's own
            if "Object arrays" in str(error):
                name = there[len(arrays)]
                found = "Python's objects; convert them, texts by .astype(str), numbers by .astype(float)"
                raise ValueError(f"{name}: expected plain values, found {found}") from error
            raise ValueError(
                "expected a recording (.npz), found one that is damaged, incomplete or not of plain arrays"
            ) from error
    for cuts, lists in ALL_LISTS.items():
        found_of = [name for name in (cuts, *lists) if name in arrays]
        if 0 < len(found_of) <= len(lists):
            missing = next(name for name in (cuts, *lists) if name not in arrays)
            raise ValueError(f"expected {missing} beside {found_of[0]}, found none")
    samples = arrays.get("samples")
    if isinstance(samples, np.ndarray) and samples.dtype.kind in "iu":
        low, high = int(samples.min(initial=0)), int(samples.max(initial=0))
        if low >= -32768 and high <= 32767:
            arrays["samples"] = samples.astype(np.int16, copy=False)
    return without(np.size(arrays.get("name", ""))) | arrays


def without(trials: int) -> dict[str, Any]:
    """What stands for the arrays that a file may leave out."""
    words = dict.fromkeys(TEXTS, "") | FORM_TEXTS | {"dataset": "own"}
    numbers = dict.fromkeys(NUMBERS, nan) | FORM_NUMBERS
    made = {
        **{name: np.full(trials, word) for name, word in words.items()},
        **{name: np.full(trials, number) for name, number in numbers.items()},
        **{cuts: np.zeros(trials + 1, np.int64) for cuts in ALL_LISTS},
        **{name: np.empty(0, np.int64) for name in chain(*ALL_LISTS.values())},
        **{name: np.empty(0, "U1") for name in LISTED_TEXTS},
    }
    return {name: array for name, array in made.items() if name not in REQUIRED}


def check(arrays: dict[str, Any]) -> None:
    """Raises ValueError for arrays that do not fit together: which one, what was expected and found.

    What single trials hold, unusable.py looks at.
    """

    def refuse(name: str, expected: str, found: str) -> None:
        raise ValueError(f"{name}: expected {expected}, found {found}")

    def expect(name: str, is_right: bool, expected: str) -> None:
        if not is_right:
            refuse(name, expected, f"{arrays[name].dtype} {arrays[name].shape}")

    def expect_cuts(name: str, most: int) -> None:
        cuts = arrays[name]
        is_right = cuts.shape == (trials + 1,) and cuts.dtype.kind in "iu"
        expect(name, is_right, f"whole numbers ({trials + 1},), one more than trials")
        numbers = [0, *cuts.tolist(), most]
        falling = next((pair for pair in pairwise(numbers) if pair[0] > pair[1]), None)
        if cuts[0] != 0 or falling:
            found = f"{falling[0]} before {falling[1]}" if falling else f"{cuts[0]} at the beginning"
            refuse(name, f"cuts rising from 0 to no more than {most}", found)

    missing = [name for name in ARRAYS if not isinstance(arrays.get(name), np.ndarray)]
    if missing:
        others = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise ValueError(f"expected the arrays of a recording, found no {', '.join(missing[:3])}{others}")
    samples, trials = arrays["samples"], arrays["name"].size
    if samples.dtype != np.int16 or samples.shape[1:] != (6,):
        refuse("samples", "int16 (N, 6)", f"{samples.dtype} {samples.shape}{likely(samples)}")
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
            is_kind = arrays[name].dtype.kind in kinds or (kinds == "U" and not arrays[name].size)
            is_right = arrays[name].ndim == 1 and is_kind
            expect(name, is_right, f"a list of {what}")
        expect_cuts(cuts, min(len(arrays[name]) for name in lists))
    for name in (*ALL_TEXTS, *LISTED_TEXTS):
        try:
            arrays[name].tolist()
        except (ValueError, SystemError) as error:  # a code point beyond Unicode
            raise ValueError(f"{name}: expected text, found what is not Unicode") from error
