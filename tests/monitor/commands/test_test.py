"""``rearguard test`` as a person types it."""

import re
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.reports.walk_tests import FILE, kept


@pytest.mark.long
def test_a_simulated_walker_walks_three_metres_and_progress_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert main(["test", "backward-3m", "--simulate", "--config", "/dev/null"]) == 0
    said = capsys.readouterr().out
    counted = [line for line in said.splitlines() if re.match(r"\d$|GO!|Too early", line)]
    assert counted == ["3", "2", "1", "GO! Press at the line."]  # a busy machine has more to say in between
    assert "What it cannot say" in said
    assert max(map(len, said.splitlines())) < 180
    (result,) = kept(tmp_path / FILE)
    assert result.from_first_step_s == pytest.approx(3.0 / 0.66 + 0.3, abs=0.5)
    assert 0 < result.seconds - result.from_first_step_s < 3
    assert result.steps == pytest.approx(8, abs=1)
    assert len(sessions(tmp_path / "journal.db")) == 1
    assert main(["progress", "--config", "/dev/null"]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf" {result.seconds:.1f} s +{result.from_first_step_s:.1f} s +{result.steps}\n", shown)
    assert "Published times, from the signal" in shown
    assert "Carter et al. 2019" in shown


def test_no_other_test_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["test", "backward-4m"])
    assert "backward-3m" in capsys.readouterr().err
