"""``rearguard progress`` as a person types it."""

from pathlib import Path

import pytest

from monitor.cli import main
from tests.journals import BACKWARD, empty, record


def test_the_plan_is_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path / "j.db", BACKWARD)
    capsys.readouterr()
    words = ["progress", "--config", "/dev/null", "--journal", str(tmp_path / "j.db")]
    page, paper = tmp_path / "p.html", tmp_path / "p.pdf"
    assert main([*words, "--html", str(page), "--pdf", str(paper), "--letter"]) == 0
    said = capsys.readouterr().out
    assert "1 of 12 sessions done: 1 min and " in said
    heading, first = (line for line in said.splitlines() if line.startswith(("week", "1  ")))
    assert first.index("1 of 3") == heading.index("sessions")
    assert "Trends" not in said
    assert max(map(len, said.splitlines())) <= 100
    assert "<h2>The plan</h2>" in page.read_text()
    assert b"612 792" in paper.read_bytes()


def test_an_empty_journal_shows_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty(tmp_path / "j.db")
    assert main(["progress", "--config", "/dev/null", "--journal", str(tmp_path / "j.db")]) == 0
    assert "No session of the plan has been walked yet." in capsys.readouterr().out
