"""Columns, times and units of loggers are guessed by their names, and never beyond doubt."""

import numpy as np
import pytest

from monitor.recordings.corpus import RecordingError
from monitor.recordings.formats.logger_columns import (
    ACCEL,
    ACCEL_UNITS,
    GYRO,
    accel_unit,
    axis_of,
    gyro_unit,
    mapped,
    time_column,
    time_unit,
    unit,
)


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("ax", "ax"),
        ("AccX (g)", "ax"),
        ("Accel X", "ax"),
        ("accel_x_g", "ax"),
        ("acc_y[mg]", "ay"),
        ("Acceleration z (m/s^2)", "az"),
        ("accelerometerAccelerationX(G)", "ax"),
        ("gyroRotationY(rad/s)", "gy"),
        ("Gyroscope x (rad/s)", "gx"),
        ("gyro_z_dps", "gz"),
        ("gyr.y", "gy"),
        ("AcX", "ax"),
        ("GyX", "gx"),
        ("GyY", "gy"),
        ("gyy", "gy"),
        ("gx", "gx"),
        ("wz", "gz"),
        ("x", "x"),
        ("Z (m/s^2)", "z"),
        ("Linear Acceleration x (m/s^2)", ""),
        ("motionUserAccelerationX(G)", ""),
        ("gravity_x", ""),
        ("mag_x", ""),
        ("Absolute acceleration (m/s^2)", ""),
        ("accelerometerTimestamp_sinceReboot(s)", ""),
        ("time_s", ""),
        ("x_position", ""),
        ("temperature", ""),
    ],
)
def test_a_column_is_known_by_the_names_that_loggers_give(name: str, axis: str) -> None:
    assert axis_of(name) == axis


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (["time", "seconds_elapsed", "z"], "seconds_elapsed"),
        (["Time (s)", "X (m/s^2)"], "Time (s)"),
        (["ax", "ms"], "ms"),
        (["micros", "ax"], "micros"),
        (["timestamp_us", "ax"], "timestamp_us"),
        (["t", "time_s"], "time_s"),
    ],
)
def test_the_column_of_times_is_known_by_its_name(names: list[str], best: str) -> None:
    assert time_column(names) == best


def test_no_column_of_times_is_said() -> None:
    with pytest.raises(RecordingError, match=r"no column of times among ax, ay; .* --rate HZ"):
        time_column(["ax", "ay"])


@pytest.mark.parametrize(("step", "name"), [(0.01, "s"), (10, "ms"), (5, "ms"), (10_000, "us"), (1e7, "ns")])
def test_the_unit_of_times_is_the_one_that_can_be(step: float, name: str) -> None:
    found = time_unit("t", 1e6 + step * np.arange(300.0))
    assert (found.name, found.is_guessed) == (name, True)


@pytest.mark.parametrize(
    ("column", "step", "name"),
    [
        ("seconds_elapsed", 0.01, "s"),
        ("Time (s)", 0.01, "s"),
        ("time_ms", 10, "ms"),
        ("millis", 10, "ms"),
        ("timestamp [us]", 10_000, "us"),
        ("micros", 10_000, "us"),
    ],
)
def test_the_unit_of_times_is_the_one_in_their_name(column: str, step: float, name: str) -> None:
    found = time_unit(column, step * np.arange(300.0))
    assert (found.name, found.is_guessed) == (name, False)


@pytest.mark.parametrize(
    ("name", "times"),
    [("time_s", [0.0, 0.5, 1.0]), ("t", [3.0, 3.0, 3.0]), ("t", [5.0]), ("ms", [0.0, 0.01])],
)
def test_times_of_no_sensor_are_refused(name: str, times: list[float]) -> None:
    with pytest.raises(RecordingError, match=rf"^{name}: expected times in steps of 0\.0001 to 0\.1 s"):
        time_unit(name, np.array(times))


def test_given_columns_go_before_names() -> None:
    names = ["ax", "ay", "az", "up"]
    assert mapped(names, {"az": "up"}, ACCEL) == {"ax": "ax", "ay": "ay", "az": "up"}


def test_a_file_of_one_sensor_needs_but_axes() -> None:
    assert mapped(["time", "z", "y", "x"], {}, GYRO) == {"gx": "x", "gy": "y", "gz": "z"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ax": "nope"}, "no column 'nope' among time, ax, ay"),
        ({}, "no column for az among time, ax, ay; name them: --columns"),
    ],
)
def test_a_missing_column_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        mapped(["time", "ax", "ay"], given, ACCEL)


@pytest.mark.parametrize(
    ("name", "size", "unit_name", "is_guessed"),
    [
        ("Acceleration x (m/s^2)", 1.0, "m/s2", False),
        ("AccX (g)", 9.8, "g", False),
        ("acc_x_mg", 1.0, "mg", False),
        ("ax", 1.0, "g", True),
        ("ax", 9.8, "m/s2", True),
        ("ax", 1000.0, "mg", True),
    ],
)
def test_the_accelerations_unit_is_named_or_shown_by_gravity(
    name: str, size: float, unit_name: str, is_guessed: bool
) -> None:
    found = accel_unit([name], np.full((9, 3), [0.0, 0.0, size]))
    assert (found.name, found.is_guessed) == (unit_name, is_guessed)
    assert found.factor == ACCEL_UNITS[unit_name]


def test_counts_are_not_guessed_but_suggested() -> None:
    with pytest.raises(RecordingError, match=r"--accel-unit counts:16384$"):
        accel_unit(["ax"], np.full((9, 3), [0.0, 0.0, 16350.0]))


def test_the_gyros_unit_goes_with_the_accelerations() -> None:
    usual = {"m/s2": "rad/s", "g": "dps", "mg": "dps"}
    for accel, gyro in usual.items():
        assert gyro_unit(["gx"], unit(accel, ACCEL_UNITS, "--accel-unit")).name == gyro
    assert gyro_unit(["gx (deg/s)"], unit("m/s2", ACCEL_UNITS, "--accel-unit")).name == "dps"
    with pytest.raises(RecordingError, match="--gyro-unit counts:N"):
        gyro_unit(["gx"], unit("counts:16384", ACCEL_UNITS, "--accel-unit"))


@pytest.mark.parametrize("text", ["counts", "counts:0", "counts:x", "feet"])
def test_a_unit_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(RecordingError, match=f"--accel-unit {text}: expected g, mg, m/s2 or counts:N"):
        unit(text, ACCEL_UNITS, "--accel-unit")


def test_counts_are_divided() -> None:
    assert unit("counts:16384", ACCEL_UNITS, "--accel-unit").factor == 1 / 16384
