"""The installer, on a machine in a folder (fake_machine.py): what it changes and keeps, wherever killed."""

import fcntl
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.fake_machine import TREE, FakeMachine
from tests.pulse import PATIENCE_S

KEPT = {
    "etc/rearguard/config.yaml": "mine\n",
    "etc/rearguard/mqtt_password": "secret\n",
    "var/lib/rearguard/journal.db": "recorded\n",
    "var/lib/private/rearguard-page/door.db": "eva\n",
}


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path / "machine")


@pytest.fixture
def installed(machine: FakeMachine) -> FakeMachine:
    """With version 1 in slot a, and what a person has put in since."""
    assert machine.run(machine.source("1.0"), "install").returncode == 0
    for name, text in KEPT.items():
        path = machine.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return machine


def is_kept(machine: FakeMachine) -> bool:
    return all((machine.root / name).read_text() == text for name, text in KEPT.items())


# ---- install


def test_a_fresh_machine_watches_at_the_end(machine: FakeMachine) -> None:
    done = machine.run(machine.source("1.0"), "install", "--spotter", "eva")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert machine.running()["Slot"] == machine.running("rearguard-page")["Slot"] == "a"
    assert 'username: "walker"' in (machine.root / "etc/rearguard/config.yaml").read_text()
    assert "username: page" in (machine.root / "etc/rearguard/page.yaml").read_text()
    assert (machine.root / "etc/rearguard/page_password").read_text() == "secret\n"
    assert (machine.folder / "spotters").read_text() == "eva\n"
    assert (machine.folder / "i2c").read_text() == "0\n"  # raspi-config's word for on
    assert (machine.folder / "installed/procps").exists()  # has what Mosquitto is reloaded with
    unit = machine.root / "etc/systemd/system/rearguard.service"
    assert os.readlink(unit) == "/opt/rearguard/current/systemd/rearguard.service"


def test_each_thing_is_said_before_it_is_done(machine: FakeMachine) -> None:
    killed = machine.run(machine.source("1.0"), "install", kill_at=50)
    last = killed.stdout.strip().splitlines()[-1]
    assert last == "now: build version 1.0 in /opt/rearguard/a: some minutes on a small Pi"
    assert (machine.home / "a").exists()


def test_a_dry_run_changes_nothing_and_says_all(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    said = machine.run(source, "install", "--dry-run").stdout
    assert machine.files() == {}
    asked = re.compile(r"apt-cache|dpkg-query|getent|raspi-config nonint get_i2c|systemctl --quiet is-")
    assert [line for line in machine.log() if not asked.match(line)] == []
    done = machine.run(source, "install").stdout
    wanted = [line.removeprefix("would: ") for line in said.splitlines() if line.startswith("would: ")]
    assert [words for words in wanted if f"now: {words}\n" not in done] == []
    assert len(wanted) >= 15


def test_a_second_run_changes_nothing_and_says_so(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    machine.run(source, "install", "--spotter", "eva")
    before, running = machine.files(), machine.running()
    said = machine.run(source, "install", "--spotter", "eva").stdout
    assert (machine.files(), machine.running()) == (before, running)
    assert "now: " not in said
    assert "nothing was changed" in said


def test_settings_are_never_overwritten(installed: FakeMachine) -> None:
    said = installed.run(installed.folder / "source-1.0", "install").stdout
    assert is_kept(installed)
    assert "note: /etc/rearguard/config.yaml is kept and names no account" in said


def test_raspberry_pi_oss_own_gpio_library_is_taken(machine: FakeMachine) -> None:
    (machine.folder / "is-raspberry-pi-os").touch()
    machine.run(machine.source("1.0"), "install")
    assert (machine.folder / "installed/python3-lgpio").exists()


def test_groups_that_are_there_are_left_alone(machine: FakeMachine) -> None:
    (machine.folder / "groups/i2c").touch()
    machine.run(machine.source("1.0"), "install")
    assert [line for line in machine.log() if line.startswith("groupadd")] == ["groupadd --system gpio"]
    assert "i2c-dev" not in (machine.root / "etc/udev/rules.d/60-rearguard.rules").read_text()


def test_without_a_network_it_says_what_failed_and_goes_on_later(machine: FakeMachine) -> None:
    source = machine.source("1.0")
    (machine.folder / "no-network").touch()
    failed = machine.run(source, "install")
    assert failed.returncode == 1
    assert "no network" in failed.stdout
    (machine.folder / "no-network").unlink()
    assert machine.run(source, "install").returncode == 0
    assert machine.running()["Slot"] == "a"


@pytest.mark.parametrize("point", range(1, 150, 15))
def test_an_installation_that_was_killed_is_finished_by_the_next(machine: FakeMachine, point: int) -> None:
    source = machine.source("1.0")
    assert machine.run(source, "install", kill_at=point).returncode == -9
    until_unlocked(machine)
    again = machine.run(source, "install")
    assert again.returncode == 0, again.stderr
    assert machine.running()["Slot"] == "a"
    assert (machine.root / "etc/rearguard/page_password").exists()


def test_the_systems_log_is_limited_unless_it_is_already(machine: FakeMachine) -> None:
    ours = machine.root / "etc/systemd/journald.conf.d/rearguard.conf"
    theirs = machine.root / "etc/systemd/journald.conf"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("[Journal]\n#SystemMaxUse=\n")
    source = machine.source("1.0")
    machine.run(source, "install")
    assert ours.read_text() == "[Journal]\nSystemMaxUse=100M\n"
    machine.run(source, "uninstall")
    assert not ours.exists()
    theirs.write_text("[Journal]\nSystemMaxUse=2G\n")
    said = machine.run(source, "install").stdout
    assert not ours.exists()
    assert "there already: let the system's log" in said


def test_what_the_recovery_undoes_is_a_warning_in_the_journal(installed: FakeMachine) -> None:
    (installed.home / "trial").write_text("a")
    words = ["sh", str(installed.home / "recover"), str(installed.root)]
    environment = installed.environment() | {"JOURNAL_STREAM": "8:1"}
    said = subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout
    assert "<4>an upgrade was broken off: back to slot a\n" in said


def test_a_python_of_somebodys_own_is_passed_over(tmp_path: Path) -> None:
    """The services do not see homes: an environment of that Python could not be used."""
    (tmp_path / "python3").write_text("#!/bin/sh\necho of somebody\n")
    (tmp_path / "python3").chmod(0o755)
    said = subprocess.run(
        [TREE / "systemd/install", "--help"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "of somebody" not in said.stdout


# ---- uninstall


def test_uninstalling_leaves_settings_and_journal_and_says_so(installed: FakeMachine) -> None:
    done = installed.run(installed.folder / "source-1.0", "uninstall")
    assert done.returncode == 0
    assert is_kept(installed)
    assert "journal" in done.stdout.partition("Left as they are:")[2]
    left = installed.files()
    assert [name for name in left if name.startswith(("opt", "etc/systemd", "usr", "etc/modules"))] == []
    assert list((installed.folder / "enabled").iterdir()) == list((installed.folder / "run").iterdir()) == []


def test_uninstalling_twice_is_no_mistake(installed: FakeMachine) -> None:
    source = installed.folder / "source-1.0"
    installed.run(source, "uninstall")
    again = installed.run(source, "uninstall")
    assert (again.returncode, "nothing was changed" in again.stdout) == (0, True)


def test_what_was_uninstalled_can_be_installed_again(installed: FakeMachine) -> None:
    source, before = installed.folder / "source-1.0", installed.files()
    installed.run(source, "uninstall")
    assert installed.run(source, "install").returncode == 0
    assert installed.files() == before


# ---- upgrade and rollback


def test_an_upgrade_takes_over_and_the_version_before_is_kept(installed: FakeMachine) -> None:
    done = installed.run(installed.source("2.0"), "upgrade")
    assert done.returncode == 0, done.stderr
    assert installed.running()["Slot"] == installed.running("rearguard-page")["Slot"] == "b"
    assert (installed.home / "current/monitor/file").read_text() == "2.0"
    assert not (installed.folder / "timer").exists()
    assert is_kept(installed)
    back = installed.run(installed.folder / "source-2.0", "rollback")
    assert back.returncode == 0, back.stderr
    assert installed.running()["Slot"] == "a"


def test_the_same_version_again_is_no_upgrade(installed: FakeMachine) -> None:
    before = installed.running()
    said = installed.run(installed.folder / "source-1.0", "upgrade").stdout
    assert "nothing was changed" in said
    assert installed.running() == before


@pytest.mark.parametrize("status", ["armed; all is well", "disarmed, walking; all is well"])
@pytest.mark.parametrize("words", [["upgrade"], ["rollback"], ["uninstall"]])
def test_nothing_is_switched_while_somebody_walks(
    installed: FakeMachine, status: str, words: list[str]
) -> None:
    source = installed.source("2.0")
    installed.run(source, "upgrade", STATUS=status)
    before = installed.running()
    refused = installed.run(installed.source("3.0"), *words)
    assert refused.returncode == 1
    assert "somebody is being watched" in refused.stderr
    assert installed.running() == before
    assert installed.run(installed.folder / "source-3.0", *words, "--force").returncode == 0


@pytest.mark.parametrize("fault", ["broken", "refuses"])
def test_a_version_that_does_not_start_or_refuses_the_settings_gives_way(
    installed: FakeMachine, fault: str
) -> None:
    done = installed.run(installed.source("2.0", fault), "upgrade")
    assert done.returncode == 1
    assert installed.running()["Slot"] == installed.running("rearguard-page")["Slot"] == "a"
    assert installed.running()["ActiveState"] == "active"
    assert not (installed.home / "trial").exists()


def test_a_version_with_a_fault_that_the_old_one_had_not_gives_way(installed: FakeMachine) -> None:
    done = installed.run(installed.source("2.0"), "upgrade", STATUS="disarmed; no sensor answers")
    assert done.returncode == 1
    assert "no sensor answers" in done.stdout
    assert os.readlink(installed.home / "current") == "a"


def test_two_upgrades_at_once_are_refused(installed: FakeMachine) -> None:
    lock = os.open(installed.home, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = installed.run(installed.source("2.0"), "upgrade")
    finally:
        os.close(lock)
    assert "another installation or upgrade is at work" in refused.stderr


@pytest.mark.parametrize("point", range(2, 66, 7))
def test_there_is_no_way_back_into_a_slot_that_was_half_built(installed: FakeMachine, point: int) -> None:
    installed.run(installed.source("2.0"), "upgrade")
    installed.run(installed.source("3.0"), "upgrade", kill_at=point)
    until_unlocked(installed)
    back = installed.run(installed.folder / "source-2.0", "rollback")
    version = (installed.home / "current/monitor/file").read_text()
    assert (back.returncode, version) in ((1, "2.0"), (0, "1.0"), (0, "3.0"))
    assert version == "2.0" or len(list(installed.home.glob("current/*/file"))) == 3


def test_without_a_second_version_there_is_no_way_back(installed: FakeMachine) -> None:
    refused = installed.run(installed.folder / "source-1.0", "rollback")
    assert "nothing to go back to" in refused.stderr


def until_unlocked(machine: FakeMachine) -> None:
    """Children of an installer that was killed work on for a moment."""
    if not machine.home.exists():
        return
    lock = os.open(machine.home, os.O_RDONLY)
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(0.01)
        raise AssertionError("a child holds the lock")
    finally:
        os.close(lock)


def goes_on(machine: FakeMachine, versions: str) -> None:
    """One of these versions runs, the one that the link leads to, and nothing waits to be undone."""
    assert (machine.home / "current/monitor/file").read_text() in versions.split()
    used = os.readlink(machine.home / "current")
    assert machine.running() | {"Slot": used, "ActiveState": "active"} == machine.running()
    assert machine.running("rearguard-page")["Slot"] == used
    assert not (machine.home / "trial").exists()
    assert not (machine.folder / "timer").exists()
    assert is_kept(machine)
    again = machine.run(machine.source("4.0"), "upgrade")
    assert again.returncode == 0, again.stderr


SWITCH = 34
"""From so many points before its end on, an upgrade may have begun to switch."""


@pytest.mark.parametrize("back", [*range(SWITCH), *range(SWITCH, 80, 9)])
def test_an_upgrade_killed_anywhere_leaves_a_running_monitor(installed: FakeMachine, back: int) -> None:
    """``back`` counts its changes from the last one, which is POINTS."""
    killed = installed.run(installed.source("2.0"), "upgrade", kill_at=POINTS - back)
    assert killed.returncode == -9
    assert back < SWITCH or not (installed.home / "trial").exists()
    until_unlocked(installed)
    if (installed.folder / "timer").exists():  # 75 s later
        installed.recover()
    goes_on(installed, "1.0 2.0")


def test_an_upgrade_right_after_one_that_was_killed_on_trial_builds_in_the_spare_slot(
    installed: FakeMachine,
) -> None:
    """The slot on trial is the spare one then, not the one that the link leads to."""
    installed.run(installed.source("2.0"), "upgrade", kill_at=POINTS - 20)
    assert (os.readlink(installed.home / "current"), (installed.home / "trial").read_text()) == ("b", "a\n")
    again = installed.run(installed.source("3.0", "broken"), "upgrade")
    assert again.returncode == 1
    assert "undo an upgrade that was broken off: back to slot a" in again.stdout
    goes_on(installed, "1.0")


POINTS = 87
"""So often an upgrade changes a file or starts a command."""


def test_every_point_of_an_upgrade_is_counted(installed: FakeMachine) -> None:
    said = installed.run(installed.source("2.0"), "upgrade").stderr
    assert said.splitlines()[-1] == f"{POINTS} points"


@pytest.mark.parametrize("back", range(0, SWITCH, 2))
def test_a_broken_upgrade_killed_while_on_trial_leaves_the_old_version(
    installed: FakeMachine, back: int
) -> None:
    killed = installed.run(installed.source("2.0", "broken"), "upgrade", kill_at=POINTS - back)
    assert killed.returncode == -9
    until_unlocked(installed)
    if (installed.folder / "timer").exists():
        installed.recover()
    goes_on(installed, "1.0")


COMMANDS = [
    "python3 -m venv",
    "pip wheel",
    "pip install",
    "config check",
    "broker setup",
    "start rearguard-recover",
]
COMMANDS += ["systemctl daemon-reload", "try-restart", "stop rearguard-recover"]


@pytest.mark.parametrize("broken", [False, True], ids=["good", "broken"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_power_cut_during_a_command_leaves_a_monitor_that_boots(
    installed: FakeMachine, command: str, broken: bool
) -> None:
    source = installed.source("2.0", *(["broken"] if broken else []))
    cut = installed.run(source, "upgrade", POWER_CUT_AT=command)
    assert cut.returncode == -9
    until_unlocked(installed)
    installed.boot()
    goes_on(installed, "1.0" if broken else "1.0 2.0")


def test_another_python_is_noticed_and_the_environment_made_again(installed: FakeMachine) -> None:
    """As Debian 12 becomes Debian 13, without a network."""
    commands = installed.folder / "bin"
    (commands / "python3.11").rename(commands / "python3.13")
    (commands / "python3").unlink()
    (commands / "python3").symlink_to("python3.13")
    (installed.folder / "no-network").touch()
    installed.boot()
    made = installed.home / "a/.venv"
    assert [path.name for path in (made / "lib").iterdir()] == ["python3.13"]
    assert (made / "bin/rearguard").exists()
    before = len(installed.log())
    installed.recover()
    assert [line for line in installed.log()[before:] if "venv" in line] == []
