"""What stands beside the code must say the same as the code."""

import json
import re
import shutil
import subprocess
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

import pytest

from monitor.cli import COMMANDS, main
from monitor.core.setting import about
from monitor.settings import Settings
from monitor.settings_text import SCHEMA_FILE, as_yaml, schema
from tests.fresh.blocks import NOT_RUN, blocks, commands, documents

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
NAMES = list(COMMANDS)


def test_config_yaml_is_what_the_code_writes() -> None:
    """If this fails: rearguard config default > config.yaml."""
    assert (ROOT / "config.yaml").read_text() == as_yaml(Settings())


def test_the_schema_is_what_the_code_writes() -> None:
    """If this fails: rearguard config schema > config.schema.json."""
    assert json.loads((ROOT / SCHEMA_FILE).read_text()) == schema(Settings)


def every_setting(shape: type, prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for f in fields(shape):
        kind = get_type_hints(shape)[f.name]
        found += every_setting(kind, f"{prefix}{f.name}.") if is_dataclass(kind) else [(prefix + f.name, f)]  # type: ignore[arg-type]  # as above
    return found


@pytest.mark.parametrize(("name", "f"), every_setting(Settings))
def test_every_number_has_limits_around_its_default_and_says_what_moving_it_does(
    name: str, f: object
) -> None:
    said = about(f.metadata)  # type: ignore[attr-defined]  # a dataclasses.Field
    default = f.default  # type: ignore[attr-defined]  # as above
    assert said.doc, name
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        assert said.low <= default <= said.high, name
    if isinstance(default, float):
        assert said.smaller, name
        assert said.larger, name


def test_no_line_of_config_yaml_is_longer_than_a_small_terminal() -> None:
    assert [line for line in (ROOT / "config.yaml").read_text().splitlines() if len(line) >= 100] == []


def test_the_readme_names_every_command() -> None:
    for name in NAMES:
        assert f"rearguard {name}" in README
    for target in ("make demo", "make test"):
        assert target in README


def test_the_readmes_table_has_the_commands_in_the_order_of_the_help() -> None:
    table = README.partition("## Commands\n")[2].partition("\nAll settings")[0]
    assert re.findall(r"^\| `rearguard (\w+)", table, re.MULTILINE) == NAMES


def test_make_prints_its_targets() -> None:
    said = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    named = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "run", "test", "check", "cover", "chaos", "mutants", "fresh", "docs"} <= set(named)
    for target in named:
        assert f"make {target} " in said.stdout


def test_no_command_is_excused_that_no_document_has() -> None:
    """Every block fenced with sh is run by make fresh, but for what blocks.py gives a reason for."""
    found = [line for page in documents() for block in blocks(page) for line in block]
    for part in NOT_RUN:
        assert any(part in command for command in found), part


def test_a_command_block_is_a_command_a_line_without_remarks() -> None:
    block = "one --a \\\n  --b # why\nprintf 'x' |\n  sudo tee y\n# nothing\ncd 'a#b'\n"
    assert commands(block) == ["one --a --b", "printf 'x' | sudo tee y", "cd 'a#b'"]


UNITS = ["rearguard.service", "rearguard-notify.service", "rearguard-page.service"]


@pytest.mark.parametrize("name", [*UNITS, "rearguard-first-boot.service"])
def test_the_units_are_understood_by_systemd(name: str, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = (ROOT / "systemd" / name).read_text()
    program = tmp_path / "rearguard"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / name
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={program}", unit, flags=re.MULTILINE))
    said = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    complaints = [line for line in said.stderr.splitlines() if name in line]
    assert complaints == []  # its exit status says nothing of unknown keys


def directives(name: str, key: str) -> list[str]:
    """All that a unit says under ``key``."""
    unit = (ROOT / "systemd" / name).read_text()
    return [word for line in re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE) for word in line.split()]


@pytest.mark.parametrize("name", UNITS)
def test_no_unit_waits_for_the_network_or_the_broker(name: str) -> None:
    """Debian's mosquitto.service comes after network-online.target, which a Pi in a park never reaches."""
    waits = [
        word
        for key in ("After", "Wants", "Requires", "BindsTo", "Requisite")
        for word in directives(name, key)
    ]
    assert set(waits) <= {"modprobe@i2c_dev.service", "rearguard-recover.service"}


def test_a_loop_that_hangs_is_restarted_after_three_seconds_and_for_ever() -> None:
    assert directives("rearguard.service", "WatchdogSec") == ["3"]
    assert directives("rearguard.service", "Restart") == ["always"]
    assert directives("rearguard.service", "StartLimitIntervalSec") == ["0"]


@pytest.mark.parametrize("name", UNITS)
def test_the_units_are_exposed_to_little(name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(ROOT / "systemd" / name)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    level = re.search(r"exposure level for \S+: ([\d.]+)", said)
    if level is None:
        pytest.skip("this systemd-analyze rates no files")
    assert float(level[1]) <= 2.0


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        *([name, "--help"] for name in NAMES),
        *(["config", action, "--help"] for action in ("check", "show", "default", "schema")),
    ],
)
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 0
    assert "usage: rearguard" in capsys.readouterr().out
