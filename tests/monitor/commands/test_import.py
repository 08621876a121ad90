"""``rearguard import``: a logger's table in one line, and what export wrote without loss."""

from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main
from monitor.recordings.corpus import EXAMPLE, Corpus, Stretch, whole
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import same

WALK = whole(Corpus(EXAMPLE).find("backward-walk"), 100.0)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = np.column_stack([WALK.time_s + 7.0, WALK.accel_g * 9.80665, np.radians(WALK.gyro_dps)])
    head = "time_s,fore,side,ay,gx,gy,gz"
    np.savetxt(tmp_path / "walk.csv", rows, delimiter=",", header=head, comments="", fmt="%.7f")
    return tmp_path / "walk.csv"


def test_a_loggers_table_becomes_a_recording(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.with_suffix(".npz")
    words = [
        "--columns",
        "ax=fore, ay=side,az=ay",
        "--kind",
        "walk",
        "--direction",
        "backward",
        "--name",
        "mine",
    ]
    assert main(["import", str(table), str(out), *words, "--subject", "Ada", "--description", "at home"]) == 0
    (mine,) = Corpus(out)
    assert (mine.name, mine.kind, mine.subject, mine.description) == ("mine", "walk", "Ada", "at home")
    assert mine.stretches == (Stretch("backward", 0.0, 32.0),)
    np.testing.assert_allclose(whole(mine, 100.0).accel_g, WALK.accel_g, atol=1.01 / 2048)
    np.testing.assert_allclose(whole(mine, 100.0).gyro_dps, WALK.gyro_dps, atol=1.01 / 16.4)
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "acceleration: ax = fore, ay = side, az = ay over time_s in s, in m/s2 (guessed)"
    assert said[-1] == f"{out}: 1 trial, 32.0 s"


@pytest.mark.parametrize("ending", [".csv", ".npz"])
def test_what_export_wrote_comes_back_bit_by_bit(tmp_path: Path, ending: str) -> None:
    session = made_session.recorded(tmp_path / "journal.db")
    wrote, out = tmp_path / f"w{ending}", tmp_path / "back.npz"
    assert main(["export", "1", str(wrote), "--journal", str(tmp_path / "journal.db")]) == 0
    assert main(["import", str(wrote), str(out), "--name", "again", "--kind", "walk"]) == 0
    trials = list(Corpus(out))
    assert [trial.name for trial in trials] == ["again-1", "again-2", "again-3", "again-4"]
    assert {trial.kind for trial in trials} == {"walk"}
    back = [b for t in trials if t.recorded for b in t.recorded.blocks(t.counts, t.form)]
    same(back, list(session.blocks()))
    assert trials[0].recorded is not None
    assert trials[0].recorded.utc_offset_s == pytest.approx(session.utc_offset_s, abs=1e-6)


def test_what_says_itself_what_it_is_takes_no_units(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_session.recorded(tmp_path / "journal.db")
    wrote = tmp_path / "w.csv"
    assert main(["export", "1", str(wrote), "--journal", str(tmp_path / "journal.db")]) == 0
    words = ["--rate", "100", "--accel-unit", "g"]
    assert main(["import", str(wrote), str(tmp_path / "b.npz"), *words]) == 2
    assert "w.csv: says itself what is in it; leave out --rate, --accel-unit" in capsys.readouterr().err


def test_nothing_is_written_over_unasked(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = table.with_suffix(".npz")
    out.write_text("mine")
    assert main(["import", str(table), str(out)]) == 2
    assert "there already" in capsys.readouterr().err
    assert out.read_text() == "mine"


def test_a_recording_is_called_one(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(table), str(table.with_name("o.csv"))]) == 2
    assert "o.csv: expected a recording's name, which ends with .npz" in capsys.readouterr().err


def test_a_refused_table_leaves_no_file(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--columns", "ax=fore,ay=side,az=ay", "--accel-unit", "g"]
    assert main(["import", str(table), str(table.with_suffix(".npz")), *words]) == 2
    assert "probably values in m/s2 instead of g" in capsys.readouterr().err
    assert not table.with_suffix(".npz").exists()


def test_no_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "none.csv"), str(tmp_path / "o.npz")]) == 2
    assert "none.csv: expected a table (.csv), found no file there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--columns", "q=1"], "'q': expected ax, ay, az, gx, gy or gz"),
        (["--columns", "ax"], "'ax': expected ax, ay"),
        (["--mounting", "+x +y"], "three axes expected"),
        (["--mounting", "+x +y -z"], "is left-handed"),
        (["--rate", "5"], "'5': expected 10 to 10,000 Hz"),
        (["--rate", "fast"], "'fast': expected 10 to 10,000 Hz"),
    ],
)
def test_wrong_words_are_explained(
    table: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["import", str(table), "o.npz", *words])
    assert message in capsys.readouterr().err
