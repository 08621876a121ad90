"""What makes a fresh machine ready, in order. Each step keeps what is there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from installer import slots, trial
from installer.machine import InstallError, Machine, Step
from installer.slots import CURRENT, HOME, PROGRAM, SETTINGS, Slot

UNIT_FOLDER = "/etc/systemd/system"
COMMAND = "/usr/local/bin/rearguard"
PAGE_SETTINGS = "/etc/rearguard/page.yaml"
PAGE_PASSWORD = "/etc/rearguard/page_password"
MODULES = "/etc/modules-load.d/rearguard.conf"
RULES = "/etc/udev/rules.d/60-rearguard.rules"
RULE = {
    "i2c": 'SUBSYSTEM=="i2c-dev", GROUP="i2c", MODE="0660"\n',
    "gpio": 'SUBSYSTEM=="gpio", KERNEL=="gpiochip*", GROUP="gpio", MODE="0660"\n',
}
"""The groups that rearguard.service needs; Raspberry Pi OS has them, and these rules."""
JOURNALD = "/etc/systemd/journald.conf"
LOGS = f"{JOURNALD}.d/rearguard.conf"
LOGS_LIMIT = "[Journal]\nSystemMaxUse=100M\n"
"""journald's own limit is a tenth of the card."""
STARTED = ("rearguard.service", "rearguard-page.service")
LINKED = (*STARTED, "rearguard-notify.service")


def before_the_settings(
    machine: Machine, source: Path, wheels: Path | None, brought: Path | None = None
) -> Iterator[Step]:
    """The system's part, and the program itself; from ``wheels`` and ``brought`` packages, or the network."""
    packages = ["python3-venv", "mosquitto", "openssl", "procps"]  # procps has what reloads Mosquitto
    if machine.says("apt-cache", "show", "python3-lgpio"):  # Raspberry Pi OS has it, Debian has not
        packages.append("python3-lgpio")
    yield Step(
        f"install from the system's packages: {', '.join(packages)}",
        lambda: all(_installed(machine, package) for package in packages),
        lambda: _install(machine, packages, brought),
    )
    if machine.has("raspi-config"):
        yield Step(
            "switch the I2C bus on (raspi-config)",
            lambda: machine.says("raspi-config", "nonint", "get_i2c") == "0",
            lambda: machine.run("raspi-config", "nonint", "do_i2c", "0"),
        )
    yield Step(
        f"load the module i2c-dev, now and at each start ({MODULES})",
        lambda: machine.read(MODULES) == "i2c-dev\n",
        lambda: _load(machine),
    )
    # A unit whose group is missing does not start.
    for group, rule in RULE.items():
        yield Step(
            f"make the group {group}, and let it use the devices ({RULES})",
            lambda group=group: machine.agrees("getent", "group", group),  # type: ignore[misc]  # bound at once
            lambda group=group, rule=rule: _make_group(machine, group, rule),  # type: ignore[misc]  # as above
        )
    slot = slots.current(machine) or Slot(machine, "a")
    yield Step(
        f"build version {slots.version(source)} in {slot.place}: some minutes on a small Pi",
        lambda: bool(slot.digest),
        lambda: _build(machine, slot, source, wheels),
    )
    yield Step(
        f"use it: {CURRENT} leads there",
        lambda: bool(machine.leads(CURRENT)),
        lambda: machine.link(CURRENT, slot.name),
    )
    yield Step(
        f"make the command rearguard ({COMMAND})",
        lambda: machine.leads(COMMAND) == PROGRAM,
        lambda: machine.link(COMMAND, PROGRAM),
    )


def settings_and_accounts(machine: Machine, source: Path) -> Iterator[Step]:
    """Settings, broker, and an account each for the device and the page."""
    template = (source / "config.yaml").read_text(encoding="utf-8")
    yield Step(
        f"write the settings, {SETTINGS}, with the account of the device",
        machine.path(SETTINGS).exists,
        lambda: machine.write(SETTINGS, with_account(template)),
    )
    device = of_mqtt(machine.read(SETTINGS) or template, "device")
    program, settings = str(machine.path(PROGRAM)), str(machine.path(SETTINGS))
    broker = (program, "broker", "setup", "--config", settings)
    yield Step(
        "set up Mosquitto: certificate, accounts, rights (rearguard broker setup)",
        lambda: _is_set_up(machine.says(*broker, "--dry-run")),
        lambda: machine.run(*broker, quiet=False),
    )
    yield Step(
        f"make the page's own account at the broker, its password in {PAGE_PASSWORD}",
        machine.path(PAGE_PASSWORD).exists,
        lambda: _pair_page(machine, device),
    )
    yield Step(
        f"write the page's settings, {PAGE_SETTINGS}",
        machine.path(PAGE_SETTINGS).exists,
        lambda: machine.write(PAGE_SETTINGS, page_settings(device)),
    )


def units(machine: Machine) -> Iterator[Step]:
    """Started by systemd from the slot in use, so that a switch of slots switches them too."""
    folder = machine.path(f"{CURRENT}/systemd")
    yield Step(
        f"put what undoes a half upgrade outside the slots ({HOME}/recover)",
        lambda: folder.exists() and trial.has_recovery(machine, folder),
        lambda: trial.put_recovery(machine, folder),
    )
    for unit in LINKED:
        yield Step(
            f"link {UNIT_FOLDER}/{unit}",
            _leads(machine, f"{UNIT_FOLDER}/{unit}", f"{CURRENT}/systemd/{unit}"),
            lambda unit=unit: machine.link(f"{UNIT_FOLDER}/{unit}", f"{CURRENT}/systemd/{unit}"),  # type: ignore[misc]  # bound at once
        )
    yield Step(
        f"let the system's log take 100 MB at most, unless it is limited already ({LOGS})",
        lambda: _logs_are_limited(machine),
        lambda: _limit_logs(machine),
    )


def start(machine: Machine) -> Iterator[Step]:
    for unit in STARTED:
        yield Step(
            f"start {unit}, now and at each start of the machine",
            lambda unit=unit: (  # type: ignore[misc]  # bound at once
                machine.agrees("systemctl", "--quiet", "is-enabled", unit)
                and machine.agrees("systemctl", "--quiet", "is-active", unit)
            ),
            lambda unit=unit: _start(machine, unit),  # type: ignore[misc]  # as above
        )


def notes(machine: Machine, source: Path) -> Iterator[str]:
    """What was kept or left, and may need a person."""
    text = machine.read(SETTINGS)
    if not of_mqtt(text, "username"):
        yield f"{SETTINGS} is kept and names no account: under mqtt set username to {of_mqtt(text, 'device')}"
    boot = machine.read("/boot/firmware/config.txt")
    if (
        boot
        and not machine.has("raspi-config")
        and not re.search(r"^dtparam=.*i2c_arm=on", boot, re.MULTILINE)
    ):
        yield "the I2C bus is off: add the line dtparam=i2c_arm=on to /boot/firmware/config.txt, then restart"
    used = slots.current(machine)
    if used is not None and used.digest != slots.digest(source):
        yield f"version {used.version} stays in use; for this one: sudo ./systemd/upgrade"


def with_account(settings: str) -> str:
    """The device's account bears the device's name; its password comes from systemd."""
    return settings.replace('  username: ""', f'  username: "{of_mqtt(settings, "device")}"', 1)


def of_mqtt(settings: str, key: str) -> str:
    """One word of the section mqtt; "" where it is missing."""
    section = re.search(r"^mqtt:(.*?)(?=^\S|\Z)", settings, re.MULTILINE | re.DOTALL)
    found = re.search(rf"\b{key}: *[\"']?([\w-]*)", section[1]) if section else None
    return found[1] if found else {"device": "walker"}.get(key, "")


def page_settings(device: str) -> str:
    return (
        "# The spotter's page: docs/page.md\n"
        f"mqtt:\n  device: {device}\n  username: page\n"
        "page:\n  host: 0.0.0.0\n  folder: /var/lib/rearguard-page\n"
    )


def _leads(machine: Machine, place: str, target: str) -> Callable[[], bool]:
    return lambda: machine.leads(place) == target


def _installed(machine: Machine, package: str) -> bool:
    return machine.says("dpkg-query", "--show", "--showformat", "${db:Status-Status}", package) == "installed"


def _install(machine: Machine, packages: list[str], brought: Path | None) -> None:
    if not machine.has("apt-get"):
        raise InstallError(
            f"this is no Debian: install by hand what {', '.join(packages)} hold, then run it again"
        )
    options = ("-o", "DPkg::Lock::Timeout=120", "--quiet", "--yes")
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive")
    machine.run(*quiet, "dpkg", "--configure", "--pending")  # after a power cut apt does nothing before it
    if brought is None:
        machine.run("apt-get", *options, "update")
        more = []
    else:
        more = [str(path) for path in sorted(brought.resolve().glob("*.deb"))]
    machine.run(*quiet, "apt-get", *options, "install", "--no-install-recommends", *packages, *more)


def _load(machine: Machine) -> None:
    machine.agrees("modprobe", "i2c-dev")  # a kernel without it says so in `rearguard check`
    machine.write(MODULES, "i2c-dev\n")


def _logs_are_limited(machine: Machine) -> bool:
    """By us or by somebody else, whose limit stays."""
    more = sorted(machine.path(f"{JOURNALD}.d").glob("*.conf"))
    places = [place for place in (machine.path(JOURNALD), *more) if place.is_file()]
    return any(re.search(r"^SystemMaxUse=", place.read_text("utf-8"), re.MULTILINE) for place in places)


def _limit_logs(machine: Machine) -> None:
    machine.write(LOGS, LOGS_LIMIT)
    machine.agrees("systemctl", "try-restart", "systemd-journald")  # it holds what its clients have open


def _make_group(machine: Machine, group: str, rule: str) -> None:
    rules = machine.read(RULES)
    if rule not in rules:
        machine.write(RULES, rules + rule)
    machine.run("groupadd", "--system", group)
    if machine.has("udevadm"):
        machine.agrees("udevadm", "control", "--reload")
        machine.agrees("udevadm", "trigger", "--subsystem-match=i2c-dev", "--subsystem-match=gpio")


def _build(machine: Machine, slot: Slot, source: Path, wheels: Path | None) -> None:
    with slots.locked(machine) as lock:
        slot.build(source, wheels, lock)


def _is_set_up(said: str) -> bool:
    return bool(said) and not re.search(r"^would: ", said, re.MULTILINE)


def _pair_page(machine: Machine, device: str) -> None:
    words = ("--device", device, "--renew", "--password-file", str(machine.path(PAGE_PASSWORD)))
    machine.run(str(machine.path(PROGRAM)), "pair", "page", "--config", str(machine.path(SETTINGS)), *words)
    machine.run("systemctl", "reload-or-restart", "mosquitto")


def _start(machine: Machine, unit: str) -> None:
    machine.run("systemctl", "daemon-reload")
    # Not waited for: without a sensor it starts too, and says so itself.
    machine.run("systemctl", "--no-block", "enable", "--now", unit)
