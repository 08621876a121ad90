"""``rearguard export``: a session in four formats, and nothing written over unasked."""

from pathlib import Path

import pytest

from monitor.cli import main
from monitor.recordings.corpus import Corpus
from monitor.recordings.journal.sessions import sessions
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import FAULT, LSM6


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    made_session.recorded(tmp_path / "journal.db")
    return tmp_path / "journal.db"


def export(journal: Path, *words: object) -> int:
    return main(["export", "1", *map(str, words), "--journal", str(journal)])


@pytest.mark.parametrize(
    ("out", "options", "files"),
    [
        ("w.npz", [], ["w.npz"]),
        ("w.NPZ", [], ["w.NPZ"]),
        ("w.csv", [], ["w.csv", "w.steps.csv", "w.events.csv"]),
        ("walks", [], ["walks/sub-belt1/ses-1/motion", "walks/dataset_description.json"]),
        ("w.txt", ["--format", "csv"], ["w.txt", "w.steps.csv", "w.events.csv"]),
        ("w.bids", ["--format", "bids"], ["w.bids/README.md"]),
    ],
)
def test_the_ending_or_the_option_says_the_format(
    journal: Path, out: str, options: list[str], files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(journal, journal.parent / out, *options) == 0
    for file in files:
        assert (journal.parent / file).exists()
    assert capsys.readouterr().out.startswith(f"session 1, 6.0 s: {journal.parent}")


def test_mcap_is_one_of_them(journal: Path) -> None:
    assert export(journal, journal.parent / "w.mcap") == 0
    assert (journal.parent / "w.mcap").read_bytes().startswith(b"\x89MCAP0\r\n")


def test_another_ending_is_no_format(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(journal, journal.parent / "w.xls") == 2
    assert "expected a name that ends with .npz, .csv or .mcap, or a folder's" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["w.npz", "w.csv", "walks"])
def test_what_is_there_is_written_over_with_force_alone(
    journal: Path, out: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(journal, journal.parent / out) == 0
    assert export(journal, journal.parent / out, "--from", "0:04") == 2
    assert "there already; name another, or write over it with --force" in capsys.readouterr().err
    assert export(journal, journal.parent / out, "--from", "0:04", "--force") == 0


def test_a_table_beside_it_is_not_written_over_either(journal: Path) -> None:
    (journal.parent / "w.steps.csv").write_text("mine")
    assert export(journal, journal.parent / "w.csv") == 2
    assert (journal.parent / "w.steps.csv").read_text() == "mine"
    assert not (journal.parent / "w.csv").exists()


def test_a_folder_that_is_not_there_is_named(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(journal, journal.parent / "none" / "w.npz") == 2
    assert "none: no such folder; make it, or name another" in capsys.readouterr().err


def test_a_part_is_exported(journal: Path) -> None:
    assert export(journal, journal.parent / "w.npz", "--from", "0:03.5", "--to", "0:04.5") == 0
    (trial,) = Corpus(journal.parent / "w.npz")
    assert trial.duration_s == pytest.approx(1.0, abs=0.06)


def test_a_part_has_its_own_events_alone(journal: Path) -> None:
    assert export(journal, journal.parent / "w.csv", "--from", "0:01", "--to", "0:02") == 0
    whats = [line.split(",")[2:4] for line in (journal.parent / "w.events.csv").read_text().splitlines()[1:]]
    assert whats == [["state", "armed"], ["event", "unsafe_step"]]


def test_a_trial_of_a_session_replays_with_its_silence(
    journal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = journal.parent / "w.npz"
    assert export(journal, out) == 0
    assert main(["replay", str(out), "--trial", "session1-2", "--events"]) == 0
    assert FAULT in capsys.readouterr().out


def test_a_trial_of_a_session_goes_back_into_a_journal_in_its_chips_counts(journal: Path) -> None:
    out, other = journal.parent / "w.npz", journal.parent / "other.db"
    assert export(journal, out) == 0
    assert main(["replay", str(out), "--trial", "session1-3", "--record", str(other)]) == 0
    (session,) = sessions(other)
    assert session.forms() == [LSM6]
    trial = Corpus(out).find("session1-3")
    assert trial.recorded is not None
    expected = [b.accel_g.tobytes() for b in trial.recorded.blocks(trial.counts, trial.form)]
    assert [block.accel_g.tobytes() for block in session.blocks()] == expected


def test_a_session_that_is_not_there_is_said(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "7", "w.npz", "--journal", str(journal)]) == 2
    assert "no session 7; there is only 1" in capsys.readouterr().err
