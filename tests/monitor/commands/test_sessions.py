"""Sessions as a person lists, deletes and replays them."""

import argparse
import os
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.commands import options
from monitor.commands.sessions import HEADINGS, act, clock_words
from monitor.recordings.journal.file import opened
from monitor.recordings.journal.sessions import JournalError, sessions

Out = pytest.CaptureFixture[str]

NOBODY = 65534


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two sessions of the packaged example, an hour ago; the second with a hole."""
    path = tmp_path_factory.mktemp("recorded") / "journal.db"
    for trial in ("fall", "backward-walk"):
        assert main(["replay", "example", "--trial", trial, "--record", str(path)]) == 0
    file = opened(path)
    with file:
        file.execute("UPDATE session SET utc_offset_s = utc_offset_s - 3600")
        file.execute("INSERT INTO hole VALUES (2, 0.0, 75.0, 'not recorded: the disk was too slow')")
    file.close()
    return path.read_bytes()


@pytest.fixture
def journal(tmp_path: Path, recorded: bytes) -> str:
    path = tmp_path / "journal.db"
    path.write_bytes(recorded)
    return str(path)


def test_they_are_listed_a_line_each(journal: str, capsys: Out) -> None:
    assert main(["sessions", "--journal", journal]) == 0
    heading, fall, walk = capsys.readouterr().out.splitlines()
    assert heading.split() == [*HEADINGS]
    assert fall.split()[0] == "1"
    assert fall.split()[3:] == ["0:00:28", "21", "20", "-", "1", "fall", "-"]
    assert walk.split()[0] == "2"
    assert walk.split()[3] == "0:00:32"
    assert walk.split()[6:] == ["0:01:15", "-", "-"]


def test_one_is_replayed_as_it_was(journal: str, capsys: Out) -> None:
    assert main(["replay", "example", "--trial", "fall"]) == 0
    before = capsys.readouterr().out.splitlines()[1:]
    assert main(["replay", "--session", "1", "--journal", journal]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == f"session 1 of {sessions(Path(journal))[0].local(0):%Y}" + first[17:]
    assert [line.split("s  ")[1:] for line in lines] == [line.split("s  ")[1:] for line in before]


def test_a_stretch_of_one_is_replayed(journal: str, capsys: Out) -> None:
    words = ["replay", "--session", "1", "--journal", journal]
    assert main([*words, "--to", "0:10"]) == 0
    assert "ALERT" not in capsys.readouterr().out
    assert main([*words, "--from", "0:10", "--to", "25"]) == 0
    assert "ALERT fall confirmed" in capsys.readouterr().out


def test_one_is_deleted_and_the_others_stay(journal: str, capsys: Out) -> None:
    assert main(["sessions", "--delete", "1", "--journal", journal]) == 0
    assert capsys.readouterr().out == "session 1 is deleted\n"
    assert [session.number for session in sessions(Path(journal))] == [2]
    assert main(["sessions", "--delete", "2", "--journal", journal]) == 0
    capsys.readouterr()
    assert main(["sessions", "--journal", journal]) == 0
    assert capsys.readouterr().out == "no session yet: `rearguard run` records them\n"


def test_what_is_no_journal_is_not_pushed_aside(tmp_path: Path, capsys: Out) -> None:
    (tmp_path / "walk.npz").write_text("mine")
    assert main(["replay", "example", "--trial", "fall", "--record", str(tmp_path / "walk.npz")]) == 2
    assert "walk.npz: expected a journal, or no file yet" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["walk.npz"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sessions", "--delete", "3"], "no session 3; there are 1 to 2"),
        (["replay", "--session", "3"], "no session 3; there are 1 to 2"),
        (["replay", "--session", "1", "--from", "0:20", "--to", "0:20"], "nothing lies between them"),
        (["replay", "--session", "1", "--from", "later"], "expected seconds, or minutes:seconds"),
        (["replay", "--session", "1", "example"], "it goes with none of FILE.npz"),
        (["replay", "--session", "1", "--trial", "fall"], "it goes with none of FILE.npz, --trial"),
        (["replay", "example", "--trial", "fall"], "--journal go with --session"),
    ],
)
def test_what_cannot_be_is_said(journal: str, words: list[str], says: str, capsys: Out) -> None:
    assert main([*words, "--journal", journal]) == 2
    assert says in capsys.readouterr().err


def test_without_a_journal_it_says_what_to_do(tmp_path: Path, capsys: Out) -> None:
    assert main(["sessions", "--journal", str(tmp_path / "none.db")]) == 2
    assert "let `rearguard run` record a session" in capsys.readouterr().err


def test_a_journal_that_is_not_ours_asks_for_sudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's journal, and a person who types a command without sudo."""
    private = tmp_path / "state"
    private.mkdir()
    monkeypatch.setattr(options, "SERVICE_STATE", private)
    private.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)  # root may look everywhere
    try:
        with pytest.raises(JournalError) as refused:  # not by `main`: nobody may read our own files either
            act(argparse.Namespace(journal=None, delete=None))
    finally:
        os.seteuid(os.getuid())
        private.chmod(0o700)
    assert str(refused.value) == (
        f"{private / 'journal.db'}: is for its owner alone: put `sudo` before the command"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00:00"), (59.6, "0:01:00"), (3725, "1:02:05"), (90_000, "25:00:00")]
)
def test_a_length_is_said_in_hours_minutes_and_seconds(seconds: float, words: str) -> None:
    assert clock_words(seconds) == words
