"""Tables for spreadsheets: whole, read by pandas as they are meant, and the session's blocks again."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas
import pytest

from monitor.core.samples import SampleBlock
from monitor.recordings.corpus import RecordingError
from monitor.recordings.formats import session_csv
from monitor.recordings.formats.excerpt import Excerpt
from monitor.recordings.formats.session_csv import FIGURES
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import FALL_S, FAULT, LSM6, MPU, STEP_S, UTC_OFFSET_S, same


@pytest.fixture
def excerpt(tmp_path: Path) -> Excerpt:
    return made_session.excerpt(tmp_path / "journal.db")


@pytest.fixture
def table(excerpt: Excerpt, tmp_path: Path) -> Path:
    session_csv.write(tmp_path / "s.csv", excerpt)
    return tmp_path / "s.csv"


def test_the_samples_are_the_sessions_blocks_bit_by_bit(excerpt: Excerpt, table: Path) -> None:
    samples, utc_offset_s = session_csv.read(table)
    assert [form for form, _block in samples] == [form for form, _block in excerpt.samples()]
    same([block for _form, block in samples], list(excerpt.session.blocks()))
    assert utc_offset_s == pytest.approx(UTC_OFFSET_S, abs=1e-6)


def test_pandas_reads_samples_gaps_and_faults(excerpt: Excerpt, table: Path) -> None:
    read = pandas.read_csv(table, keep_default_na=False, na_values=dict.fromkeys(FIGURES, ""))
    blocks = list(excerpt.session.blocks())
    body = np.vstack([np.hstack([block.accel_g, block.gyro_dps]) for block in blocks])
    sampled = read.dropna(subset=list(FIGURES))
    np.testing.assert_array_equal(sampled[list(FIGURES)].to_numpy(float), body)
    np.testing.assert_array_equal(sampled["time_s"], np.concatenate([b.time_s for b in blocks]))
    silent = read[read["accel_x_g"].isna()]
    assert list(silent["time_s"]) == [block.end_s for block in blocks if not len(block.time_s)]
    assert set(silent["fault"]) == {FAULT, ""}
    assert list(sampled["fault"]) == [block.fault for block in blocks for _sample in block.time_s]
    lost = pandas.to_numeric(read["lost"], errors="coerce").sum()
    assert lost == sum(block.lost for block in blocks)
    wall = pandas.to_datetime(read["time_iso"], utc=True)
    assert ((wall - wall[0]).dt.total_seconds() - (read["time_s"] - read["time_s"][0])).abs().max() < 2e-6


def test_pandas_reads_steps_and_events(table: Path) -> None:
    _samples, steps_file, events_file = session_csv.files(table)
    (step,) = pandas.read_csv(steps_file).to_dict("records")
    assert (step["time_s"], step["direction"], step["direction_score"]) == (STEP_S, "backward", -0.9)
    assert np.isnan(step["cadence_spm"])
    events = pandas.read_csv(events_file, keep_default_na=False)
    assert sorted(set(events["what"])) == ["alert", "event", "input", "label", "state"]
    (alert,) = events[events["what"] == "alert"].to_dict("records")
    assert (alert["time_s"], alert["kind"], alert["incident"], alert["stage"]) == (
        FALL_S,
        "fall",
        "a-1",
        "active",
    )
    assert json.loads(alert["details"])["evidence"]["falling_score"] == {"value": 3.5, "limit": 2.25}
    (label,) = events[events["what"] == "label"].to_dict("records")
    assert (label["who"], label["reason"], json.loads(label["details"])["label"]) == (
        "Eva",
        "on\tthe mat",
        "true",
    )


def test_wall_time_has_its_zone(table: Path) -> None:
    first = table.read_text().splitlines()[1].split(",")
    when = datetime.fromisoformat(first[1])
    assert when.utcoffset() is not None
    assert when.timestamp() == pytest.approx(float(first[0]) + UTC_OFFSET_S, abs=2e-6)


def test_the_sensor_is_named_where_another_begins(table: Path) -> None:
    named = [line.rpartition(",")[2] for line in table.read_text().splitlines()[1:]]
    assert [name.split(";")[0] for name in named if name] == [LSM6.chip, MPU.chip]


def test_an_export_of_a_part_names_its_sensor(excerpt: Excerpt, tmp_path: Path) -> None:
    part = Excerpt(excerpt.session, excerpt.from_s + 3.5, excerpt.from_s + 4.5)
    session_csv.write(tmp_path / "part.csv", part)
    samples, _offset_s = session_csv.read(tmp_path / "part.csv")
    same([block for _form, block in samples], [block for _form, block in part.samples()])


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda text: text.replace(",0.0", ",O.0", 1), 2),
        (lambda text: text[:-20], 0),
        (lambda text: text.replace("LSM6DSO; ", ""), 2),
    ],
)
def test_a_table_that_was_changed_is_refused(table: Path, spoil: Callable[[str], str], line: int) -> None:
    table.write_text(spoil(table.read_text()))
    with pytest.raises(RecordingError, match=rf"s\.csv, line {line or ''}.*export it again"):
        session_csv.read(table)


def test_other_tables_are_not_taken_for_ours(table: Path, tmp_path: Path) -> None:
    assert session_csv.is_ours(table)
    (tmp_path / "other.csv").write_bytes(b"time_s,ax\n\xff,1\n")
    assert not session_csv.is_ours(tmp_path / "other.csv")


def test_a_session_without_samples_is_written_too(tmp_path: Path) -> None:
    silent = [(LSM6, SampleBlock.silent(1000.0 + i / 20, "no answer")) for i in range(1, 9)]
    session = made_session.recorded(tmp_path / "j.db", silent)
    session_csv.write(tmp_path / "s.csv", Excerpt(session, session.from_s, session.to_s))
    samples, _offset_s = session_csv.read(tmp_path / "s.csv")
    same([block for _form, block in samples], [block for _form, block in silent])
