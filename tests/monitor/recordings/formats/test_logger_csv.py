"""A logger's table becomes trials: put evenly, cut at gaps, turned, in units; what cannot be is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.samples import SampleBlock
from monitor.recordings.corpus import EXAMPLE, Corpus, RecordingError, Trial, whole
from monitor.recordings.formats.logger_csv import Imported, Source, _shared, trials_from

WALK = whole(Corpus(EXAMPLE).find("backward-walk"), 100.0)
NAMES = ("ax", "ay", "az", "gx", "gy", "gz")


def write(path: Path, names: str, *columns: np.ndarray, parts: str = ",", decimal: str = ".") -> Path:
    rows = (
        parts.join(f"{value:.7f}".replace(".", decimal) for value in row) for row in np.column_stack(columns)
    )
    path.write_text("\n".join([names, *rows]) + "\n")
    return path


def walked(path: Path, names: str = "time_s,ax,ay,az,gx,gy,gz", **changes: Any) -> Path:
    """The example's walk with accelerations in g and deg/s."""
    columns = {"time_s": WALK.time_s, "accel": WALK.accel_g, "gyro": WALK.gyro_dps} | changes
    return write(path, names, *columns.values())


def made(path: Path, **said: Any) -> Imported:
    return trials_from(Source(path, **said), path.stem, "walk")


def is_the_walk(trial: Trial, block: SampleBlock = WALK, within: float = 1.01) -> None:
    """Equal to the example up to rounding to counts, ``within`` so many."""
    found = whole(trial, 100.0)
    n = len(found.time_s)
    np.testing.assert_allclose(found.accel_g, block.accel_g[:n], atol=within / 2048)
    np.testing.assert_allclose(found.gyro_dps, block.gyro_dps[:n], atol=within / 16.4)


def test_a_plain_table_is_read_without_a_word(tmp_path: Path) -> None:
    (trial,), said = made(walked(tmp_path / "w.csv"))
    assert (trial.name, trial.rate_hz, trial.duration_s) == ("w", 100.0, 32.0)
    is_the_walk(trial)
    assert said == [
        "acceleration: ax = ax, ay = ay, az = az over time_s in s, in g (guessed)",
        "gyro: gx = gx, gy = gy, gz = gz over time_s in s, in dps (guessed)",
    ]


def test_a_phones_two_files_become_one_trial(tmp_path: Path) -> None:
    """As Sensor Logger writes them: apart, z first, m/s2 and rad/s, the gyro at times of its own."""
    ns, head = 1.7e18 + WALK.time_s * 1e9, "time,seconds_elapsed,z,y,x"
    accel = WALK.accel_g[:, ::-1] * 9.80665
    later_s = WALK.time_s + 0.004
    gyro = np.column_stack([np.interp(later_s, WALK.time_s, c) for c in np.radians(WALK.gyro_dps).T])[:, ::-1]
    path = write(tmp_path / "TotalAcceleration.csv", head, ns, WALK.time_s, accel)
    other = write(tmp_path / "Gyroscope.csv", head, ns, later_s, gyro)
    (trial,), said = made(path, gyro=other)
    found = whole(trial, 100.0)
    np.testing.assert_allclose(found.accel_g, WALK.accel_g[1 : len(found.time_s) + 1], atol=0.6)
    assert trial.duration_s == pytest.approx(31.99, abs=0.02)
    assert (
        np.corrcoef(found.gyro_dps[:, 1], np.interp(found.time_s + 0.004, WALK.time_s, WALK.gyro_dps[:, 1]))[
            0, 1
        ]
        > 0.999
    )
    assert "rad/s (guessed)" in said[1]


def test_two_files_of_two_recordings_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "time_s,x,y,z", WALK.time_s, WALK.accel_g)
    other = write(tmp_path / "g.csv", "time_s,x,y,z", WALK.time_s + 1e6, WALK.gyro_dps)
    with pytest.raises(RecordingError, match=r"a\.csv and .*g\.csv: expected times in common, found none"):
        made(path, gyro=other)


def test_semicolons_with_decimal_commas_and_quotes_are_read(tmp_path: Path) -> None:
    """As phyphox writes them for Excel."""
    path = write(
        tmp_path / "w.csv",
        '"Time (s)";"Acceleration x (m/s^2)";"Acceleration y (m/s^2)";"Acceleration z (m/s^2)";gx;gy;gz',
        *(WALK.time_s, WALK.accel_g * 9.80665, np.radians(WALK.gyro_dps)),
        parts=";",
        decimal=",",
    )
    (trial,), said = made(path)
    is_the_walk(trial)
    assert said[0].endswith("in m/s2")


def test_an_arduinos_counts_are_read(tmp_path: Path) -> None:
    path = walked(
        tmp_path / "w.csv",
        "millis,ax,ay,az,gx,gy,gz",
        time_s=np.rint(WALK.time_s * 1000),
        accel=np.rint(WALK.accel_g * 4096),
        gyro=np.rint(WALK.gyro_dps * 32.8),
    )
    (trial,), _said = made(path, accel_unit="counts:4096", gyro_unit="counts:32.8")
    is_the_walk(trial)


def test_wall_time_is_read(tmp_path: Path) -> None:
    path = walked(tmp_path / "w.csv")
    lines = path.read_text().splitlines()
    rows = (
        f"2026-05-31T14:{i // 6000:02}:{i / 100 % 60:06.3f}{row[row.index(',') :]}"
        for i, row in enumerate(lines[1:])
    )
    path.write_text("\n".join([lines[0].replace("time_s", "when time"), *rows]))
    (trial,), said = made(path)
    is_the_walk(trial)
    assert "over when time (ISO 8601)" in said[0]


def test_without_times_the_rate_is_said_and_columns_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "w.csv", "# a logger's remark", WALK.accel_g, WALK.gyro_dps)
    named = {name: str(i) for i, name in enumerate(NAMES, 1)}
    (trial,), _said = made(path, rate_hz=100.0, columns=named)
    is_the_walk(trial)


def test_jitter_is_put_evenly_and_said(tmp_path: Path) -> None:
    uneven_s = WALK.time_s + np.random.default_rng(2).uniform(-0.003, 0.003, len(WALK.time_s))
    columns = [np.interp(uneven_s, WALK.time_s, c) for c in np.hstack([WALK.accel_g, WALK.gyro_dps]).T]
    (trial,), said = made(write(tmp_path / "w.csv", "time_s,ax,ay,az,gx,gy,gz", uneven_s, *columns))
    assert "the times are uneven by up to" in said[2]
    found = whole(trial, 100.0)
    expected = np.interp(found.time_s + uneven_s[0], WALK.time_s, WALK.gyro_dps[:, 1])
    assert np.corrcoef(found.gyro_dps[:, 1], expected)[0, 1] > 0.99


def test_a_gap_cuts_and_nothing_is_made_up_across_it(tmp_path: Path) -> None:
    kept = np.delete(np.arange(len(WALK.time_s)), slice(700, 900))
    path = walked(
        tmp_path / "w.csv", time_s=WALK.time_s[kept], accel=WALK.accel_g[kept], gyro=WALK.gyro_dps[kept]
    )
    (first, second), said = made(path)
    assert [first.name, second.name] == ["w-1", "w-2"]
    assert (len(first.counts), len(second.counts)) == (700, 2300)
    is_the_walk(first)
    cut = slice(900, None)
    is_the_walk(second, SampleBlock(WALK.time_s[cut], WALK.accel_g[cut], WALK.gyro_dps[cut], 32.0))
    assert said[2] == "cut at 1 gap: a trial for each stretch"


def test_short_pieces_between_gaps_are_counted(tmp_path: Path) -> None:
    kept = np.delete(np.arange(len(WALK.time_s)), [*range(700, 750), *range(800, 850)])
    path = walked(
        tmp_path / "w.csv", time_s=WALK.time_s[kept], accel=WALK.accel_g[kept], gyro=WALK.gyro_dps[kept]
    )
    trials, said = made(path)
    assert len(trials) == 2
    assert "1 stretches of less than 1 s left out" in said


def test_a_sensor_worn_otherwise_is_turned_and_a_wrong_mounting_is_doubted(tmp_path: Path) -> None:
    turn = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]])  # "-z +y +x"
    path = walked(tmp_path / "w.csv", accel=WALK.accel_g @ turn, gyro=WALK.gyro_dps @ turn)
    (trial,), said = made(path, turn=turn.astype(float))
    is_the_walk(trial)
    assert "gravity" not in "".join(said)
    assert "gravity is mostly along forward" in made(path).said[-1]


def test_beyond_16_g_a_count_is_more(tmp_path: Path) -> None:
    accel_g = WALK.accel_g.copy()
    accel_g[500, 2] = 31.0
    (trial,), _said = made(walked(tmp_path / "w.csv", accel=accel_g))
    assert trial.form.g_per_count == 2 / 2048
    assert trial.counts[500, 2] * trial.form.g_per_count == 31.0


@pytest.mark.parametrize(
    ("changes", "said", "message"),
    [
        ({"accel": WALK.accel_g * 9.80665}, {"accel_unit": "g"}, "m/s2 instead of g; .*--accel-unit"),
        ({"gyro": np.radians(WALK.gyro_dps)}, {}, "probably rad/s instead of deg/s"),
        ({"gyro": WALK.gyro_dps * 0}, {}, "a recording needs a gyroscope's samples too"),
        ({"accel": WALK.accel_g - [0, 0, 1]}, {}, "expected gravity in it, found none: record the one with"),
        (
            {"time_s": np.sort(WALK.time_s)[[0, 2, 1, *range(3, 3200)]]},
            {},
            "line 4: expected times that rise, found one 0.01 s before the last",
        ),
        ({"time_s": WALK.time_s * 100}, {}, "time_s: expected times in steps of"),
        ({}, {"time": "when"}, "no column 'when' among time_s"),
        ({}, {"accel_unit": "feet"}, "--accel-unit feet: expected g, mg"),
    ],
)
def test_impossible_data_are_refused_with_the_likely_cause(
    tmp_path: Path, changes: dict[str, Any], said: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecordingError, match=message):
        made(walked(tmp_path / "w.csv", **changes), **said)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a heading and samples, found 0 lines"),
        ("time_s,ax,ay,az,gx,gy,gz\n", "expected a heading and samples, found 1 lines"),
        (
            "time_s,ax,ay,az,gx,gy,gz\n0,0,0,1,0,0,0\n0.01,0,0,1,0,0,O\n",
            "line 3: gz: expected a number, found 'O'",
        ),
        ("time_s,ax,ay,az,gx,gy,gz\n0,0,0,1\n0.01,0,0,1,0,0,0\n", "line 2: expected 7 values, found 4"),
        ("time,ax,ay,az,gx,gy,gz\nnoon,0,0,1,0,0,0\n", "expected a number, or a time such as"),
        ("time_s,ax,ay,az,gx,gy,gz\n0,0,0,1,0,0,0\n", "time_s: expected times in steps"),
        (
            "time_s,ax,ay,az,gx,gy,gz\n0,0,0,1,,,\n0.01,0,0,1,,,\n0.02,0,0,1,,,\n",
            "expected samples, found 0 in gx",
        ),
        (
            "time_s,ax,ay,az,gx,gy,gz\n0,0,0,1,0,0,0\n0.01,0,0,1,0,0,0\n0.02,0,0,1,0,0,0\n",
            "expected a second without a gap and more, found 0.02 s",
        ),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "w.csv").write_text(text)
    with pytest.raises(RecordingError, match=message):
        made(tmp_path / "w.csv")


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(RecordingError, match="expected a table of text"):
        made(tmp_path / "w.csv")


def test_a_last_line_that_was_cut_is_passed_over(tmp_path: Path) -> None:
    path = walked(tmp_path / "w.csv")
    path.write_text(path.read_text().rstrip()[:-40])
    (trial,), _said = made(path)
    assert len(trial.counts) == len(WALK.time_s) - 1


def test_samples_at_the_time_of_the_one_before_are_left_out_and_said(tmp_path: Path) -> None:
    time_s = WALK.time_s.copy()
    time_s[100] = time_s[99]
    _trials, said = made(walked(tmp_path / "w.csv", time_s=time_s))
    assert "1 samples with the time of the one before left out" in said[0]


def test_rows_of_one_sensor_at_a_time_are_understood(tmp_path: Path) -> None:
    rows = ["time_s,ax,ay,az,gx,gy,gz"]
    for time_s, accel, gyro in zip(WALK.time_s, WALK.accel_g, WALK.gyro_dps, strict=True):
        rows.append(f"{time_s:.3f},{','.join(map(str, accel))},,,")
        rows.append(f"{time_s:.3f},,,,{','.join(map(str, gyro))}")
    (tmp_path / "w.csv").write_text("\n".join(rows))
    (trial,), _said = made(tmp_path / "w.csv")
    is_the_walk(trial)


EDGES = st.lists(st.integers(0, 40), min_size=2, max_size=12, unique=True).map(sorted)


@given(EDGES, EDGES)
def test_shared_stretches_are_those_of_both(ones: list[int], others: list[int]) -> None:
    def runs(edges: list[int]) -> list[tuple[float, float]]:
        return [(float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=False)]

    def inside(found: list[tuple[float, float]]) -> set[int]:
        return {i for i in range(82) for a, b in found if a <= i / 2 <= b}

    found = list(_shared(runs(ones), runs(others)))
    assert inside(found) == inside(runs(ones)) & inside(runs(others))
