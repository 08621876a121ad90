"""Which columns of another device's table are what, and in which units, by the names that loggers give."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from monitor.core.samples import GRAVITY_MPS2, Floats
from monitor.recordings.arrays import RATES_HZ
from monitor.recordings.corpus import RecordingError

ACCEL, GYRO = ("ax", "ay", "az"), ("gx", "gy", "gz")

SENSOR = r"a|ac|acc|accel|acceleration|accelerometer|g|gy|gyr|gyro|gyroscope|w|omega|rot|rotation"
OTHERS = {"linear", "user", "gravity", "absolute", "magnitude", "mag", "magnetic", "magnetometer", "time"}
"""Words of columns that are not what the two sensors measure."""

TIMES = (
    r"seconds_elapsed",
    r"time_s",
    r"time\b.*",
    r"t",
    r"timestamp.*",
    r"(milli|micro)s?",
    r"[mun]?s",
    r".*time.*",
)
"""How columns of times are called, the best first."""

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ACCEL_UNITS = {"g": 1.0, "mg": 1e-3, "m/s2": 1 / GRAVITY_MPS2}
GYRO_UNITS = {"dps": 1.0, "mdps": 1e-3, "rad/s": 180 / np.pi}
TIME_NAMES = (
    (r"milli|(^|[_ (\[])ms[)\]]?$", "ms"),
    (r"micro|(^|[_ (\[])us[)\]]?$", "us"),
    (r"nano|(^|[_ (\[])ns[)\]]?$", "ns"),
    (r"sec|(^|[_ (\[])s[)\]]?$", "s"),
)
ACCEL_NAMES = ((r"m/s|m·s|ms-2|ms2|mps2", "m/s2"), (r"\bmg\b|_mg$", "mg"), (r"[(\[ _]g[)\]]?$", "g"))
GYRO_NAMES = ((r"rad", "rad/s"), (r"mdps", "mdps"), (r"deg|dps|°", "dps"))
GRAVITY = {"g": (0.5, 2.0), "m/s2": (5.0, 20.0), "mg": (500.0, 2000.0)}
"""What a trunk's acceleration is in each unit, in the middle of all samples."""


class Unit(NamedTuple):
    """``factor`` makes g or deg/s of a value; ``is_guessed`` where neither a person nor a name said so."""

    name: str
    factor: float
    is_guessed: bool = False


def mapped(names: Sequence[str], given: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    """The column of each of ``wanted``, such as "ax": as given, else by its name. Raises RecordingError."""
    found: dict[str, str] = {}
    for name in names:
        axis = axis_of(name)
        if len(axis) == 1:  # the file holds one sensor
            axis = next((key for key in wanted if key[1] == axis), "")
        found.setdefault(axis, name)
    found |= given
    missing = [key for key in wanted if found.get(key, "") not in names]
    if missing:
        unknown = [given[key] for key in missing if key in given]
        what = f"no column {unknown[0]!r}" if unknown else f"no column for {', '.join(missing)}"
        raise RecordingError(
            f"{what} among {', '.join(names)}; name them: --columns 'ax=NAME,ay=NAME,az=NAME,gx=NAME,gy=NAME,"
            "gz=NAME'; a gyroscope's file of its own: --gyro FILE"
        )
    return {key: found[key] for key in wanted}


def axis_of(name: str) -> str:
    """ "ax" to "gz", "x" to "z" where the name does not say of which sensor, "" of other columns."""
    bare = re.sub(r"\(.*?\)|\[.*?\]", " ", name)
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare).lower())
    if OTHERS & set(words):
        return ""
    axis = next((word for word in words if word in "xyz"), "")
    sensor = next((word for word in words if re.fullmatch(SENSOR, word)), "")
    if axis and sensor:  # before what is joined: GyX is Gy and X
        return ("a" if sensor.startswith("a") else "g") + axis
    for word in words:
        if joined := re.fullmatch(rf"({SENSOR})([xyz])", word):
            return ("a" if joined[1].startswith("a") else "g") + joined[2]
    return axis if words == [axis] else ""


def time_column(names: Sequence[str]) -> str:
    """The column of times. Raises RecordingError."""
    for pattern in TIMES:
        for name in names:
            if re.fullmatch(pattern, re.sub(r"\s*(\(.*?\)|\[.*?\])", "", name).strip().lower()):
                return name
    raise RecordingError(
        f"no column of times among {', '.join(names)}; name it: --time NAME; or, if there is none: --rate HZ"
    )


def time_unit(name: str, times: Floats) -> Unit:
    """As the column's ``name`` says, else the one in which samples come 10 to 10,000 times a second.

    Raises RecordingError.
    """
    steps = np.diff(times)
    step = float(np.median(steps[steps > 0])) if np.any(steps > 0) else 0.0
    slowest_hz, fastest_hz = RATES_HZ
    named = _named([name], TIME_NAMES)
    for unit_name, factor in TIME_UNITS.items():
        if named in ("", unit_name) and 1 / fastest_hz <= step * factor <= 1 / slowest_hz:
            return Unit(unit_name, factor, is_guessed=not named)
    raise RecordingError(
        f"{name}: expected times in steps of 0.0001 to 0.1 s, found steps of {step:g} {named}; name the "
        "column with --time, its unit with --time-unit, or the rate with --rate"
    )


def unit(text: str, known: Mapping[str, float], option: str) -> Unit:
    """What a person named: one of ``known``, or counts:N. Raises RecordingError."""
    if text in known:
        return Unit(text, known[text])
    counts = re.fullmatch(r"counts:(\d+(?:\.\d+)?)", text)
    if not counts or float(counts[1]) == 0.0:
        raise RecordingError(f"{option} {text}: expected {', '.join(known)} or counts:N, N counts for one")
    return Unit(text, 1 / float(counts[1]))


def accel_unit(names: Iterable[str], values: Floats) -> Unit:
    """By the columns' names, else by gravity in ``values`` (n, 3). Raises RecordingError."""
    if named := _named(names, ACCEL_NAMES):
        return Unit(named, ACCEL_UNITS[named])
    size = float(np.median(np.linalg.norm(values, axis=1)))
    for name, (low, high) in GRAVITY.items():
        if low <= size <= high:
            return Unit(name, ACCEL_UNITS[name], is_guessed=True)
    near = 2 ** round(np.log2(size)) if size > 100 else 0
    hint = f"counts:{near}" if near else "g, mg, m/s2 or counts:N"
    raise RecordingError(
        f"acceleration: expected about 1 g, 9.8 m/s2 or 1000 mg in the middle, found {size:.4g}; say what it "
        f"is: --accel-unit {hint}"
    )


def gyro_unit(names: Iterable[str], accel: Unit) -> Unit:
    """By the columns' names, else what goes with the acceleration's unit. Raises RecordingError."""
    if named := _named(names, GYRO_NAMES):
        return Unit(named, GYRO_UNITS[named])
    if accel.name.startswith("counts"):
        raise RecordingError(
            "gyro: expected its unit, found none in its columns' names; say --gyro-unit counts:N"
        )
    usual = "rad/s" if accel.name == "m/s2" else "dps"
    return Unit(usual, GYRO_UNITS[usual], is_guessed=True)


def _named(names: Iterable[str], patterns: Iterable[tuple[str, str]]) -> str:
    text = next(iter(names)).lower()
    return next((name for pattern, name in patterns if re.search(pattern, text)), "")
