"""The lock on a device file, between this process and another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import in_use
from firmware.errors import InUseError

HOLDER = """
import os, sys
from firmware import in_use
in_use.take(os.open(sys.argv[1], os.O_RDWR), 0x68)
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def device(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "i2c-1"
    path.touch()
    number = os.open(path, os.O_RDWR)
    yield number
    os.close(number)


@pytest.fixture
def holder(device: int, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "i2c-1")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        yield process


def test_a_part_that_another_program_has_is_refused_and_the_program_named(
    device: int, holder: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(InUseError, match=f"another program is using it .*process {holder.pid}"):
        in_use.take(device, 0x68)


def test_another_place_of_the_same_device_is_free(device: int, holder: "subprocess.Popen[str]") -> None:
    in_use.take(device, 0x69)


def test_the_lock_ends_with_its_program_however_that_ends(
    device: int, holder: "subprocess.Popen[str]"
) -> None:
    holder.kill()
    holder.wait()
    in_use.take(device, 0x68)


def test_a_holder_that_cannot_be_seen_is_refused_all_the_same(
    device: int, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(in_use, "LOCKS", tmp_path / "absent")
    with pytest.raises(InUseError, match="cannot be seen which"):
        in_use.take(device, 0x68)


def test_a_device_that_cannot_be_locked_is_used_without() -> None:
    read_only = os.open("/dev/null", os.O_RDONLY)
    in_use.take(read_only, 0x68)
    os.close(read_only)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (
            "/opt/venv/bin/python\0/opt/venv/bin/rearguard\0run\0--config\0x",
            "rearguard run, ",
        ),
        ("python3\0-m\0monitor.cli\0check", "monitor.cli check, "),
        ("", ""),
    ],
)
def test_a_program_is_named_by_its_command(
    line: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(in_use, "PROCESSES", tmp_path)
    (tmp_path / "812").mkdir()
    (tmp_path / "812" / "cmdline").write_text(line)
    assert in_use.program(812) == f"{name}process 812"
    assert in_use.program(813) == "process 813"
