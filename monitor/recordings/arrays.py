"""The arrays of a recording's file: their names and types, how they are read, and what is refused.

docs/recordings.md describes them for people.
"""

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.recordings.units import doubt

KINDS = ("fall", "stumble", "walk", "daily")
DIRECTIONS = ("forward", "backward", "left", "right", "turn", "stand")
RATES_HZ = (10.0, 10_000.0)
"""Slower, a step has too few samples; faster, nothing is worn on a belt."""

MAY_BE_MISSING = ("laboratory", "style")
TEXTS = ("name", "dataset", "subject", "activity", "description", "kind", *MAY_BE_MISSING)
NUMBERS = ("rate_hz", "onset_s", "impact_s", "span_start_s", "span_stop_s")
STRETCHES = ("direction", "direction_start_s", "direction_stop_s")
LISTS = {"contact_first": ("contact_s",), "direction_first": STRETCHES}
ARRAYS = ("samples", "first", *TEXTS, *NUMBERS, *LISTS, "contact_s", *STRETCHES)


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
    nothing = np.full(np.shape(arrays.get("name", "")), "")
    return dict.fromkeys(MAY_BE_MISSING, nothing) | arrays


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
    for name in TEXTS:
        expect(name, arrays[name].shape == (trials,) and arrays[name].dtype.kind == "U", f"text ({trials},)")
    for name in NUMBERS:
        is_right = arrays[name].shape == (trials,) and arrays[name].dtype.kind in "fiu"
        expect(name, is_right, f"numbers ({trials},)")
    expect_cuts("first", len(samples))
    for cuts, lists in LISTS.items():
        for name in lists:
            kinds, what = ("U", "texts") if name == "direction" else ("fiu", "numbers")
            expect(name, arrays[name].ndim == 1 and arrays[name].dtype.kind in kinds, f"a list of {what}")
        expect_cuts(cuts, min(len(arrays[name]) for name in lists))
        arrays = arrays | {name: arrays[name][: arrays[cuts][-1]] for name in lists}  # what is used

    for name in (*TEXTS, "direction"):
        try:
            is_printable = np.array([text.isprintable() for text in arrays[name].tolist()], bool)
        except (ValueError, SystemError) as error:  # a code point beyond Unicode
            raise ValueError(f"{name}: expected text, found what is not Unicode") from error
        expect_values(name, is_printable, "text that can be printed")
    expect_values("kind", np.isin(arrays["kind"], KINDS), f"only {', '.join(KINDS)}")
    expect_values("direction", np.isin(arrays["direction"], DIRECTIONS), f"only {', '.join(DIRECTIONS)}")
    for name in NUMBERS:
        expect_values(name, ~np.isinf(arrays[name]), "times in s, or NaN where unknown")
    for name in ("contact_s", "direction_start_s", "direction_stop_s"):
        expect_values(name, np.isfinite(arrays[name]), "times in s")
    slowest_hz, fastest_hz = RATES_HZ
    rates_hz = arrays["rate_hz"]
    is_possible = (rates_hz >= slowest_hz) & (rates_hz <= fastest_hz)
    expect_values("rate_hz", is_possible, f"{slowest_hz:g} to {fastest_hz:,.0f} Hz")
    _check_units(arrays)


def _check_units(arrays: dict[str, Any]) -> None:
    rates_hz, cuts = arrays["rate_hz"].tolist(), arrays["first"].tolist()
    for name, rate_hz, start, stop in zip(
        arrays["name"].tolist(), rates_hz, cuts[:-1], cuts[1:], strict=True
    ):
        doubtful = doubt(arrays["samples"][start:stop], rate_hz)
        if doubtful:
            raise ValueError(f"trial {name!r}: {doubtful}")
