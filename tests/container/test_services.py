"""The units as they are shipped, installed by the installer, under Debian's own systemd.

Nothing of a unit is overridden. What a container has no way to give is not shown: memory limits, the order
of who runs first, the rule of which devices may be opened (all three are the kernel's, and the machine's own
systemd keeps them), the real I2C bus and pins. Of the installation one file is another: environment.
"""

import json
import re
import shutil
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import MOSQUITTO
from tests.container.container import Container, NoContainerError
from tests.pulse import PATIENCE_S, wait_until

pytestmark = pytest.mark.long

TREE = Path(__file__).parents[2]
PARTS = ("CHANGELOG.md", "LICENSE", "README.md", "config.yaml", "pyproject.toml")
FOLDERS = ("docs", "firmware", "monitor", "systemd")
OURS = ("environment", "simulated_sensor.py", "sandbox_probe.py")
CLONE = "/usr/src/rearguard"
WALKER = "/etc/rearguard-walker"  # simulated_sensor.py's
VENV = "python3-venv"
UNITS = ("rearguard", "rearguard-page", "rearguard-notify")

NOTIFY = """
mqtt: {device: walker, username: phones}
notify: {urls_file: /run/credentials/rearguard-notify.service/urls}
"""
NO_NETWORK = """
[Unit]
Before=network-online.target
[Service]
Type=oneshot
ExecStart=sleep infinity
[Install]
WantedBy=network-online.target
"""
WAITS_FOR_NETWORK = """
[Unit]
Wants=network-online.target
After=network-online.target
"""
SPOTTER = "mqtt: {device: walker, username: spotter, password_file: /etc/rearguard/spotter_password}"

CONTACT = "(contact: |ok )armed"

REFUSED = {
    "write where it keeps its state": "",
    "write in a folder that all may write in": "EROFS",
    "look into /home": "EACCES",
    "look into /root": "EACCES",
    "see what others have in /tmp": "ENOENT",
    "open a device that all may open": "ENOENT",
    "see other processes": "ENOENT",
    "get a network of another kind": "EAFNOSUPPORT",
    "make a namespace": "EPERM",
    "run what it has written": "EPERM EACCES",  # by a filter; by the kernel, where both can
    "make a file setuid": "EPERM",
    "take on another personality": "EPERM",
    "use a system call of debuggers": "EPERM",
} | dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0000000000000000")
"""What each service finds when it tries (sandbox_probe.py)."""


class Machine(Container):
    """With Rearguard's source on it, not yet installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, lends={sysconfig.get_path("purelib"): "/opt/packages"})
        source = self.files / CLONE[1:]
        for name in FOLDERS:
            shutil.copytree(
                TREE / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        for name in PARTS:
            shutil.copy(TREE / name, source)
        for name in OURS:
            shutil.copy(Path(__file__).with_name(name), source / "systemd")
        (self.files / WALKER[1:]).write_text("stand")

    def unit(self, name: str = "rearguard") -> dict[str, str]:
        """What systemd says of it."""
        shown = "ActiveState,DropInPaths,ExecMainCode,ExecMainStatus,MainPID,NRestarts,Result,StatusText"
        said = self.run("systemctl", "show", f"--property={shown}", name)
        return dict(line.partition("=")[::2] for line in said.splitlines())

    def is_active(self, name: str = "rearguard") -> bool:
        return self.unit(name)["ActiveState"] == "active"

    def is_armed(self) -> bool:
        return self.is_active() and self.unit()["StatusText"].startswith("armed")

    def heard(self, unit: str) -> list[str]:
        """What it has said since the machine was started."""
        return self.run("journalctl", "--quiet", "--boot", "--output=cat", f"--unit={unit}").splitlines()

    def until(self, unit: str, pattern: str, after: int = 0) -> int:
        """The number of its lines up to one that matches, among those after the first ``after``."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            lines = self.heard(unit)
            for number, line in enumerate(lines[after:], after + 1):
                if re.search(pattern, line):
                    return number
            time.sleep(0.1)
        raise AssertionError(f"{unit} did not say {pattern!r}, but:\n" + "\n".join(lines[after:]))

    def write(self, place: str, text: str) -> None:
        self.path(place).write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Booted. Where this machine boots no container, which holds nothing of ours yet, it is skipped."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path / "container"
    folder.mkdir()
    try:
        made = Machine(folder)
    except NoContainerError as reason:
        pytest.skip(str(reason))
    with made:
        try:
            made.boot()
        except NoContainerError as reason:
            pytest.skip(str(reason))
        version = made.says("python3", "-c", "import sys; print(*sys.version_info[:2])")
        if version != "{} {}".format(*sys.version_info[:2]):
            pytest.skip(f"these tests' packages are for another Python than the system's ({version})")
        if made.says("dpkg-query", "--show", "--showformat=${db:Status-Status}", VENV) != "installed":
            with made.path("/var/lib/dpkg/status").open("a") as status:  # this Python has it from elsewhere
                status.write(f"\nPackage: {VENV}\nStatus: install ok installed\nVersion: 0\n")
        yield made


def test_the_units_under_systemd(machine: Machine) -> None:
    """One long story, since each container costs an installation."""
    install(machine)
    three_services_run_in_their_sandboxes(machine)
    a_start_takes_a_whole_block(machine)
    a_process_that_hangs_is_restarted_and_a_spotter_learns_it(machine)
    a_process_that_dies_is_restarted_armed(machine)
    a_page_that_dies_harms_nobody_else(machine)
    a_stop_is_clean(machine)
    after_a_power_cut_it_watches_without_network_and_broker(machine)
    on_a_disk_that_is_read_only_it_watches_and_says_so(machine)


def install(machine: Machine) -> None:
    """As README and docs/delivery.md say, by root."""
    machine.run("mkdir", "--mode=777", "/srv/for-all")
    machine.run("touch", "/tmp/of-others")
    machine.run("mknod", "--mode=666", "/dev/for-all", "c", "10", "200")
    machine.run(f"{CLONE}/systemd/install", "--spotter", "eva")
    for name, secret in (("phones", "notify_password"), ("spotter", "spotter_password")):
        secret = f"/etc/rearguard/{secret}"
        machine.run("rearguard", "pair", name, "--device", "walker", "--password-file", secret)
    machine.run("systemctl", "reload", "mosquitto")
    machine.write("/etc/rearguard/notify.yaml", NOTIFY)
    machine.write("/etc/rearguard/notify_urls", "json://127.0.0.1:9/\n")
    machine.path("/etc/rearguard/notify_urls").chmod(0o600)
    machine.run("systemctl", "enable", "--now", "rearguard-notify")
    machine.write("/etc/rearguard/spotter.yaml", SPOTTER)
    watch = ("rearguard", "watch", "--config", "/etc/rearguard/spotter.yaml")
    machine.run("systemd-run", "--quiet", "--unit=spotter", "--setenv=PYTHONUNBUFFERED=1", *watch)


def three_services_run_in_their_sandboxes(machine: Machine) -> None:
    wait_until(lambda: all(machine.is_active(name) for name in UNITS))
    machine.until("rearguard-page", "^the page: http")
    machine.until("rearguard-notify", "^contact with the device")
    wait_until(machine.is_armed)
    password = "/etc/systemd/system/rearguard.service.d/password.conf"  # the installer's
    assert [machine.unit(name)["DropInPaths"] for name in UNITS] == [password, "", ""]
    for name in UNITS:
        probes = [line for line in machine.heard(name) if line.startswith("sandbox ")]
        assert probes
        for line in probes:
            found = json.loads(line.partition(" ")[2])
            if name == "rearguard":  # a container of these cgroups cannot say which devices may be opened
                del found["open a device that all may open"]
            assert {tried: e for tried, e in found.items() if e not in (REFUSED[tried].split() or [""])} == {}
        said = machine.run("systemd-analyze", "security", "--no-pager", f"{name}.service")
        level = re.search(r"exposure level for \S+: ([\d.]+)", said)
        assert level is not None
        assert float(level[1]) <= 2.0


def a_start_takes_a_whole_block(machine: Machine) -> None:
    heard = len(machine.heard("spotter"))
    machine.run("systemctl", "stop", "rearguard")
    machine.write(WALKER, "held")
    so_far = len(machine.heard("rearguard"))
    machine.run("systemctl", "start", "--no-block", "rearguard")
    machine.until("rearguard", "^the bus is held", so_far)
    assert machine.unit()["ActiveState"] == "activating"
    machine.write(WALKER, "walk")  # from now on nobody stands still: armed is who was armed before
    wait_until(machine.is_active)
    machine.until("spotter", CONTACT, machine.until("spotter", "NO CONTACT", heard))
    wait_until(machine.is_armed)


def a_process_that_hangs_is_restarted_and_a_spotter_learns_it(machine: Machine) -> None:
    before = machine.unit()
    heard = len(machine.heard("spotter"))
    machine.run("kill", "-STOP", before["MainPID"])
    machine.until("rearguard", "Watchdog timeout")
    lost = machine.until("spotter", "NO CONTACT", heard)
    machine.until("spotter", CONTACT, lost)
    assert machine.unit()["NRestarts"] == str(int(before["NRestarts"]) + 1)
    wait_until(machine.is_armed)


def a_process_that_dies_is_restarted_armed(machine: Machine) -> None:
    before = machine.unit()
    heard = len(machine.heard("spotter"))
    machine.run("kill", "-KILL", before["MainPID"])
    lost = machine.until("spotter", "NO CONTACT", heard)
    machine.until("spotter", CONTACT, lost)
    assert machine.unit()["NRestarts"] == str(int(before["NRestarts"]) + 1)
    wait_until(machine.is_armed)


def a_page_that_dies_harms_nobody_else(machine: Machine) -> None:
    before, page = machine.unit(), machine.unit("rearguard-page")
    heard = len(machine.heard("rearguard-page"))
    machine.run("kill", "-KILL", page["MainPID"])
    machine.until("rearguard-page", "^the page: http", heard)
    assert machine.unit("rearguard-page")["NRestarts"] == str(int(page["NRestarts"]) + 1)
    after = machine.unit()
    assert (after["MainPID"], after["NRestarts"]) == (before["MainPID"], before["NRestarts"])


def a_stop_is_clean(machine: Machine) -> None:
    heard = len(machine.heard("spotter"))
    for name in UNITS:
        machine.run("systemctl", "stop", name)
        ended = machine.unit(name)
        assert (ended["ActiveState"], ended["Result"]) == ("inactive", "success")
    assert machine.unit()["ExecMainStatus"] == "0"
    machine.until("spotter", "NO CONTACT: the device was switched off while armed", heard)


def after_a_power_cut_it_watches_without_network_and_broker(machine: Machine) -> None:
    """As in a park: the machine waits for the network for ever, and Debian 13's Mosquitto waits with it."""
    machine.run("systemctl", "start", *UNITS)
    wait_until(machine.is_armed)
    machine.write("/etc/systemd/system/no-network.service", NO_NETWORK)
    machine.run("mkdir", "/etc/systemd/system/mosquitto.service.d")
    machine.write("/etc/systemd/system/mosquitto.service.d/as-in-debian-13.conf", WAITS_FOR_NETWORK)
    machine.run("systemctl", "enable", "mosquitto", "no-network")
    machine.cut_power()
    machine.boot(wait=False)
    wait_until(lambda: all(machine.is_active(name) for name in UNITS))
    wait_until(machine.is_armed)
    assert machine.unit("mosquitto")["ActiveState"] == "inactive"
    machine.until("rearguard", "ALERT link confirmed .medium.: cannot reach the broker")


def on_a_disk_that_is_read_only_it_watches_and_says_so(machine: Machine) -> None:
    """As a card becomes that is worn out."""
    machine.cut_power()
    machine.boot(writable=False, wait=False)
    wait_until(machine.is_armed)
    machine.until("rearguard", "ALERT fault confirmed .medium.: this session is not recorded")
    assert not [line for line in machine.heard("rearguard") if "damaged" in line]
    machine.until("rearguard-page", "^the page: http")
