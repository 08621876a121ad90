"""docs/recordings.md: its scripts do what it says, on files made in the form of the originals."""

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.sampler import Sampler
from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
from monitor.core.samples import SampleBlock
from monitor.playback import shifted
from monitor.recordings import arrays, units
from monitor.recordings.corpus import EXAMPLE, Corpus, Trial, blocks, whole
from monitor.recordings.formats.session_csv import FIGURES, SAMPLES
from monitor.recordings.formats.session_mcap import SCHEMAS
from monitor.settings import Settings

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "docs" / "examples"
PAGE = (ROOT / "docs" / "recordings.md").read_text()

SENSOR = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])
"""Rows: forward, left and up in the axes of a sensor that sits with x to the right and y down."""

TURNED_OVER = np.diag([-1.0, -1.0, 1.0])
"""What was backward is forward: a fall on the back becomes one on the belly."""


def run(script: str, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    monkeypatch.setattr(sys, "argv", [script, str(source), str(target)])
    monkeypatch.syspath_prepend(str(SCRIPTS))
    runpy.run_path(str(SCRIPTS / script), run_name="__main__")
    return Corpus(target)


def as_sensed(trial: Trial, rate_hz: float, turn: np.ndarray | None = None) -> np.ndarray:
    """Acceleration in g and gyro in deg/s (n, 6), in the sensor's axes."""
    block = whole(trial, rate_hz)
    sensor = SENSOR if turn is None else turn @ SENSOR
    return np.hstack([block.accel_g @ sensor, block.gyro_dps @ sensor])


def same(found: Trial, original: Trial, within: float = 12.0) -> None:
    """Equal up to the rounding of the made file."""
    expected = whole(original, found.rate_hz)
    read = whole(found, found.rate_hz)
    np.testing.assert_allclose(read.accel_g, expected.accel_g[: len(read.accel_g)], atol=within / 2048)
    np.testing.assert_allclose(read.gyro_dps, expected.gyro_dps[: len(read.gyro_dps)], atol=within / 16.4)


def test_the_sensors_blocks_become_a_recording(capsys: pytest.CaptureFixture[str]) -> None:
    walk = Corpus(EXAMPLE).find("backward-walk")
    record = runpy.run_path(str(SCRIPTS / "record.py"))["recorded"]
    live = [SampleBlock.silent(0.05, "the sensor is starting"), *shifted(blocks(walk, 100.0), 7.0)]
    mine = record(live, 20.0, 100.0)
    assert capsys.readouterr().out == "no samples: the sensor is starting\n"
    assert mine.duration_s == pytest.approx(20.0, abs=0.1)
    same(mine, walk, within=1.01)


def test_the_sensor_itself_can_be_recorded() -> None:
    walk = Corpus(EXAMPLE).find("backward-walk")
    block = whole(walk, 100.0)
    time_s = [0.0]

    def sleep(seconds: float) -> None:
        time_s[0] += seconds

    chip = SimulatedInvensense(recording(block.accel_g, block.gyro_dps, 100.0), lambda: time_s[0])
    sampler = Sampler(Settings().sampled, Bus(port=SimulatedBus(chip).open), lambda: time_s[0], sleep)
    mine = runpy.run_path(str(SCRIPTS / "record.py"))["recorded"](sampler, 10.0, 100.0)
    assert mine.duration_s == pytest.approx(10.0, abs=0.1)
    assert np.median(np.linalg.norm(mine.counts[:, :3], axis=1)) == pytest.approx(2048, rel=0.05)


def test_sisfall_in_its_own_form_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, fall, stumble = (Corpus(EXAMPLE).find(name) for name in ("forward-walk", "fall", "stumble"))
    files = {"D01": (walk, None), "F02": (fall, None), "F04": (fall, TURNED_OVER), "D18": (stumble, None)}
    (tmp_path / "SA01").mkdir()
    for code, (trial, turn) in files.items():
        counts = np.rint(as_sensed(trial, 200.0, turn) * np.repeat([256, 14.375], 3)).astype(int)
        lines = (", ".join(map(str, [*row, 0, 0, 0])) + ";" for row in counts.tolist())
        (tmp_path / "SA01" / f"{code}_SA01_R01.txt").write_text("\n".join(lines) + "\n\n")
    (tmp_path / "Readme.txt").write_text("SisFall")
    found = run("sisfall.py", tmp_path, tmp_path / "sisfall.npz", monkeypatch)
    assert [(t.activity, t.kind) for t in found] == [
        ("D01", "walk"),
        ("D18", "stumble"),
        ("F02", "fall"),
        ("F04", "fall"),
    ]
    assert np.isnan(found[2].impact_s)
    assert found[2].description.startswith("Backward fall while walking")
    for trial, original in zip(found, (walk, stumble, fall), strict=False):
        same(trial, original)


def workbook(path: Path, rows: Sequence[Sequence[object]]) -> None:
    openpyxl = pytest.importorskip(
        "openpyxl", reason="openpyxl, which kfall.py reads labels with, is not installed"
    )
    book = openpyxl.Workbook()
    book.active.append(
        ["Task Code (Task ID)", "Description", "Trial ID", "Fall_onset_frame", "Fall_impact_frame"]
    )
    for row in rows:
        book.active.append(row)
    book.save(path)


def test_kfall_in_its_own_form_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    standing, fall = (Corpus(EXAMPLE).find(name) for name in ("standing", "fall"))
    workbook(
        tmp_path / "SA06_label.xlsx",
        [
            ["F11 (30)", "Forward fall while walking caused by a trip", 1, 1601, 1671],
            ["F15 (34)", "Backward fall while walking caused by a slip", 1, 1601, 1671],
            [None, None, 2, 1701, 1771],
        ],
    )
    files = {
        "T01R01": (standing, None),
        "T34R01": (fall, None),
        "T34R02": (fall, None),
        "T30R01": (fall, TURNED_OVER),
    }
    for code, (trial, turn) in files.items():
        samples = as_sensed(trial, 100.0, turn)
        frame = np.arange(1, len(samples) + 1)
        table = np.column_stack([frame / 100, frame, samples, np.zeros((len(frame), 3))])
        np.savetxt(
            tmp_path / f"S06{code}.csv",
            table,
            delimiter=",",
            header="TimeStamp(s),...",
            comments="",
            fmt="%.5f",
        )
    found = run("kfall.py", tmp_path, tmp_path / "kfall.npz", monkeypatch)
    first, second = found.find("SA06T34R01"), found.find("SA06T34R02")
    assert (first.kind, first.onset_s, first.impact_s) == ("fall", 16.0, 16.7)
    assert (second.description, second.onset_s) == ("Backward fall while walking caused by a slip", 17.0)
    assert found.find("SA06T01R01").kind == "daily"
    same(first, fall, within=1.01)


def test_hapt_in_its_own_form_is_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fall, walk = (Corpus(EXAMPLE).find(name) for name in ("fall", "forward-walk"))
    samples = np.vstack([as_sensed(trial, 50.0) for trial in (fall, walk)])
    began = len(whole(fall, 50.0).time_s)
    lying = (began - 300, began)
    np.savetxt(tmp_path / "acc_exp01_user01.txt", samples[:, :3], fmt="%.9f")
    np.savetxt(tmp_path / "gyro_exp01_user01.txt", np.radians(samples[:, 3:]), fmt="%.9f")
    labels = [(5, 0, 200), (6, *lying), (1, began + 250, began + 1350)]
    np.savetxt(tmp_path / "labels.txt", [(1, 1, *label) for label in labels], fmt="%d")
    protocol, walking = run("hapt.py", tmp_path, tmp_path / "hapt.npz", monkeypatch)
    assert (protocol.kind, len(protocol.counts)) == ("daily", began + 1350)
    assert (walking.kind, walking.stretches[0].direction, walking.duration_s) == ("walk", "forward", 22.0)
    accel_g, expected_g = whole(walking, 50.0).accel_g, whole(walk, 50.0).accel_g[250:1350]
    assert accel_g.mean(axis=0) == pytest.approx([0.0, 0.0, 1.0], abs=0.05)
    for axis in range(3):
        assert np.corrcoef(accel_g[:, axis], expected_g[:, axis])[0, 1] > 0.95


def test_the_page_names_every_array_and_every_script() -> None:
    for name in arrays.ARRAYS:
        assert f"`{name}`" in PAGE
    for word in (*arrays.KINDS, *arrays.DIRECTIONS):
        assert word in PAGE
    for column in {*SAMPLES, *SCHEMAS} - {*FIGURES[1:-1]}:
        assert f"`{column}`" in PAGE
    for script in SCRIPTS.glob("*.py"):
        assert f"examples/{script.name}" in PAGE
    assert f"{units.COUNTS_PER_G:.0f} counts per g" in PAGE
    assert f"{units.COUNTS_PER_DPS:g} counts per deg/s" in PAGE


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "training/README.md", "docs/recordings.md"])
def test_no_document_sends_the_reader_to_a_folder_outside(page: str) -> None:
    assert "../shared" not in (ROOT / page).read_text()
