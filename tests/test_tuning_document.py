"""docs/tuning.md's commands, in its order, as they stand."""

import re
import shlex
from pathlib import Path

import pytest

from monitor.cli import main

PAGE = (Path(__file__).parents[1] / "docs/tuning.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in BLOCKS for line in block.splitlines() if line.startswith(("rearguard ", "printf "))
]


def test_every_command_of_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = ""
    for command in COMMANDS:
        words = shlex.split(command)
        if words[0] == "printf":
            (tmp_path / words[-1]).write_text(words[1].encode().decode("unicode_escape"))
            continue
        assert main(words[1:]) == 0, command
        said += capsys.readouterr().out
    assert len(COMMANDS) >= 12
    shown = [
        line for block in BLOCKS for line in block.splitlines() if line.startswith(("It rang", "No stumble"))
    ]
    assert shown
    for line in shown:
        assert line in said, "the page shows what the command says"
    assert "written: mine.yaml" in said
    for picture in ("why.png", "tuning.png", "both.png"):
        assert (tmp_path / picture).exists()
