"""``rearguard report`` as a person types it."""

import re
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.recordings.simulated_walker import SESSION
from tests.journals import BACKWARD, empty, record


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("journal") / "j.db"
    record(path, BACKWARD, SESSION)
    return str(path)


def report(journal: str, folder: Path, *words: str) -> int:
    return main(["report", "--config", "/dev/null", "--journal", journal, "--folder", str(folder), *words])


def test_the_latest_session_is_written_as_page_and_paper(
    journal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(journal, tmp_path / "for-eva") == 0
    said = capsys.readouterr().out
    assert "1 fall, 1 stumble, 1 unsafe step" in said
    assert f"Written: {tmp_path}/for-eva/session-2.html, {tmp_path}/for-eva/session-2.pdf" in said
    page = (tmp_path / "for-eva/session-2.html").read_text()
    assert page.count("<svg") == 3
    assert "the session before" in page
    assert (tmp_path / "for-eva/session-2.pdf").read_bytes().startswith(b"%PDF")


def test_letter_is_another_paper(journal: str, tmp_path: Path) -> None:
    assert report(journal, tmp_path, "1", "--letter") == 0
    assert b"612 792" in (tmp_path / "session-1.pdf").read_bytes()


def test_a_walked_distance_calibrates(
    journal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["1", "--walked", "20m", "--from", "10", "--to", "0:40"]
    assert report(journal, tmp_path, *words) == 0
    factor = re.search(r"report:\n  step_factor: ([\d.]+)\n", capsys.readouterr().out)
    assert factor is not None
    assert (
        f"calibrated by one walked distance (factor {factor[1]})" in (tmp_path / "session-1.html").read_text()
    )
    settings = tmp_path / "config.yaml"
    settings.write_text(factor[0])
    assert (
        main(["report", "1", "--config", str(settings), "--journal", journal, "--folder", str(tmp_path)]) == 0
    )
    assert f"(factor {factor[1]})" in (tmp_path / "session-1.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["7"], "no session 7; there are 1 to 2"),
        (["1", "--walked", "500"], "do not make 500 m by any factor from 0.3 to 3.0"),
        (["1", "--walked", "5", "--from", "0", "--to", "2"], "the 0 backward steps found there"),
        (["1", "--from", "10"], "give it with --walked METRES"),
    ],
)
def test_wrong_words_are_answered(
    journal: str, tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(journal, tmp_path, *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("distance", ["2", "x", "-20", "20km", "99999"])
def test_an_impossible_distance_is_refused(
    journal: str, tmp_path: Path, distance: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        report(journal, tmp_path, f"--walked={distance}")
    assert f"'{distance}': expected 3 to 10000 metres" in capsys.readouterr().err


def test_an_empty_journal_and_none_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(str(tmp_path / "none.db"), tmp_path) == 2
    assert "found no file there" in capsys.readouterr().err
    empty(tmp_path / "empty.db")
    assert report(str(tmp_path / "empty.db"), tmp_path) == 2
    assert "the journal holds no session yet" in capsys.readouterr().err
