"""Motion-BIDS: the official validator accepts the folder, and pandas finds all samples, gaps and faults."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from monitor.recordings.corpus import RecordingError
from monitor.recordings.formats import motion_bids
from monitor.recordings.formats.excerpt import Excerpt
from monitor.recordings.formats.motion_bids import CHANNELS
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import DOUBT, FALL_S, FAULT, STEP_S, UTC_OFFSET_S

STEM = "sub-belt1_ses-1_task-walking"


@pytest.fixture
def excerpt(tmp_path: Path) -> Excerpt:
    return made_session.excerpt(tmp_path / "journal.db")


@pytest.fixture
def folder(excerpt: Excerpt, tmp_path: Path) -> Path:
    motion_bids.write(tmp_path / "walks", excerpt)
    return tmp_path / "walks"


def validated(folder: Path) -> list[Any]:
    """What the validator of the standard's authors says."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    validator = shutil.which("bids-validator-deno", path=places)
    assert validator is not None, "make test installs bids-validator-deno"
    words = [validator, str(folder), "--format", "json", "--max-rows", "-1"]
    said = subprocess.run(
        words, capture_output=True, text=True, check=False, env=os.environ | {"PATH": places}
    )
    issues = json.loads(said.stdout)["issues"]["issues"]
    assert isinstance(issues, list)
    return issues


def test_the_official_validator_finds_no_error(folder: Path) -> None:
    issues = validated(folder)
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert {issue["code"] for issue in issues} <= {
        "JSON_KEY_RECOMMENDED",
        "NO_AUTHORS",
        "SIDECAR_KEY_RECOMMENDED",
        "TOO_FEW_AUTHORS",
    }  # what only the laboratory knows


def test_the_official_validator_would_find_one(folder: Path) -> None:
    channels = folder / f"sub-belt1/ses-1/motion/{STEM}_tracksys-imu_channels.tsv"
    channels.write_text(channels.read_text().replace("ACCEL", "ACCELERATION"))
    assert "error" in {issue["severity"] for issue in validated(folder)}


def table(folder: Path, name: str, **how: Any) -> Any:
    return pandas.read_csv(folder / "sub-belt1/ses-1" / name, sep="\t", na_values="n/a", **how)


def test_pandas_reads_each_sample_and_rows_of_nothing_for_gaps(excerpt: Excerpt, folder: Path) -> None:
    names = table(folder, f"motion/{STEM}_tracksys-imu_channels.tsv")["name"]
    assert list(names) == [channel[0] for channel in CHANNELS]
    motion = table(folder, f"motion/{STEM}_tracksys-imu_motion.tsv", header=None, names=names)
    blocks = list(excerpt.session.blocks())
    found = motion.dropna()
    time_s = np.concatenate([block.time_s for block in blocks])
    np.testing.assert_allclose(found["latency"], time_s - time_s[0], atol=1e-9)
    accel_g = found[["accel_x", "accel_y", "accel_z"]].to_numpy() / 9.80665
    np.testing.assert_array_equal(np.round(accel_g, 6), np.vstack([block.accel_g for block in blocks]))
    gyro = found[["gyro_x", "gyro_y", "gyro_z"]].to_numpy()
    np.testing.assert_array_equal(gyro, np.vstack([block.gyro_dps for block in blocks]))
    missing = motion[motion.isna().all(axis=1)]
    assert len(missing) == len(motion) - len(found) == 2 + 104  # two lost, and a second of silence
    nominal_hz = json.loads((folder / f"sub-belt1/ses-1/motion/{STEM}_tracksys-imu_motion.json").read_text())
    assert nominal_hz["SamplingFrequency"] == 104
    np.testing.assert_allclose(motion["latency"].dropna(), motion["latency"].dropna().index / 104, atol=0.01)


def test_pandas_reads_gaps_faults_and_what_happened(folder: Path) -> None:
    events = table(folder, f"motion/{STEM}_events.tsv")
    assert events["onset"].is_monotonic_increasing
    faults = events[events["trial_type"] == "fault"]
    assert set(faults["reason"]) == {FAULT, DOUBT}
    assert faults["duration"].max() == pytest.approx(0.1)
    gaps = events[events["trial_type"] == "gap"]
    assert list(gaps["duration"].round(2)) == [0.02, 0.02, 0.05, 1.01]
    assert [json.loads(details)["lost"] for details in gaps["details"]] == [1, 1, 3, 10]
    (alert,) = events[events["trial_type"] == "alert/fall"].to_dict("records")
    began_s = 1000.009615
    assert alert["onset"] == pytest.approx(FALL_S - began_s, abs=1e-6)
    (step,) = events[events["trial_type"] == "step/backward"].to_dict("records")
    assert step["onset"] == pytest.approx(STEP_S - 0.23 - began_s, abs=1e-6)
    details = json.loads(step["details"])
    assert (details["detected_after_s"], details["direction_score"], details["step_s"]) == (0.23, -0.9, None)
    (label,) = events[events["trial_type"] == "label/fall"].to_dict("records")
    assert label["reason"] == "on the mat"


def test_a_stretch_that_was_not_recorded_is_an_event_that_lasts(excerpt: Excerpt, tmp_path: Path) -> None:
    with closing(sqlite3.connect(excerpt.session.path)) as file, file:
        file.execute("INSERT INTO hole VALUES (1, 1002.0, 1002.5, 'not recorded: a full disk')")
    motion_bids.write(tmp_path / "w", excerpt)
    events = table(tmp_path / "w", f"motion/{STEM}_events.tsv")
    (hole,) = events[events["trial_type"] == "hole"].to_dict("records")
    assert (hole["duration"], hole["reason"]) == (0.5, "not recorded: a full disk")


def test_wall_time_is_in_scans(folder: Path) -> None:
    (scan,) = table(folder, "sub-belt1_ses-1_scans.tsv").to_dict("records")
    assert (folder / "sub-belt1/ses-1" / scan["filename"]).exists()
    wall = pandas.Timestamp(scan["acq_time"]).timestamp()
    assert wall == pytest.approx(1000.009615 + UTC_OFFSET_S, abs=2e-6)


def test_what_a_person_has_written_about_the_data_set_stays(excerpt: Excerpt, folder: Path) -> None:
    (folder / "README.md").write_text("Our laboratory")
    (folder / "participants.tsv").write_text("participant_id\tage\nsub-belt0\t70\n")
    motion_bids.write(folder, excerpt)
    assert (folder / "README.md").read_text() == "Our laboratory"
    assert (folder / "participants.tsv").read_text() == "participant_id\tage\nsub-belt0\t70\nsub-belt1\tn/a\n"
    motion_bids.write(folder, excerpt)
    assert (folder / "participants.tsv").read_text().count("belt1") == 1


def test_a_folder_with_other_files_is_left_alone(excerpt: Excerpt, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat.png").touch()
    with pytest.raises(RecordingError, match="expected a new folder or a BIDS data set"):
        motion_bids.write(tmp_path / "photos", excerpt)
    assert len(list((tmp_path / "photos").iterdir())) == 1
