"""The first start of a card that sets itself up: by a file on its boot partition, answered by another.

The file stays until all is done: a start that was broken off, or had no network, is gone on with by the next.
Then it bears another name and no codes; under its own name again it is done again. What is logged names
nobody; the answer may, and goes to the card and to the console only.
"""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from installer import slots, steps
from installer.machine import InstallError, Machine, Step, take
from installer.slots import PROGRAM, SETTINGS

UNIT = "rearguard-first-boot.service"
BOOT = "/boot/firmware"
ASKED = f"{BOOT}/rearguard.txt"
DONE = f"{BOOT}/rearguard-done.txt"
ANSWER = f"{BOOT}/rearguard-result.txt"
CONSOLE = "/dev/console"


AFTERWARDS = f"""
Too late for a code? Save {Path(DONE).name} as {Path(ASKED).name}, write codes into it, and start again.
Worn, before the first walk: sudo systemctl stop rearguard; sudo rearguard calibrate;
  sudo systemctl start rearguard
"""
NOT_YET = (
    "Not set up yet. It is tried again each minute, and at each start. Without a network it needs packages "
    "on the card. More on the screen, or by: journalctl -u rearguard-first-boot"
)


class MistakeError(Exception):
    """In the file: to try again changes nothing."""


def first_boot(machine: Machine, source: Path) -> int:
    """0 where it is set up, or nothing asked; 1 where trying again may help; 2 for mistakes in the file."""
    if not machine.path(ASKED).exists():
        print(f"there is no {ASKED}: nothing to do")
        return 0
    _answer(machine, "Rearguard is being set up. It takes some minutes; leave the power on.")
    try:
        said = _set_up(machine, source)
    except MistakeError as error:
        _answer(machine, f"Not set up: mend {ASKED}, and start again.\n\n{error}")
        print("now: wait for the file to be mended: it has mistakes")
        return 2
    except (InstallError, OSError) as error:
        _answer(machine, f"{NOT_YET}\n\n{error}")
        raise InstallError(str(error)) from None
    _answer(machine, f"Rearguard {slots.version(source)} is set up.\n\n{said}")
    machine.path(ASKED).unlink()
    os.sync()
    print("Rearguard is set up.")
    return 0


def _set_up(machine: Machine, source: Path) -> str:
    """Each step keeps what is there. Raises MistakeError and InstallError."""
    wheels, packages = (
        folder if folder.is_dir() else None for folder in (source / "wheels", source / "packages")
    )
    take(steps.before_the_settings(machine, source, wheels, packages), dry=False)
    settings = steps.with_account(_asked_for(machine))
    wanted = Step(
        f"write the settings, {SETTINGS}, as {ASKED} says",
        lambda: machine.read(SETTINGS) == settings,
        lambda: machine.write(SETTINGS, settings),
    )
    if take([wanted], dry=False):
        machine.agrees("systemctl", "--no-block", "try-restart", "rearguard")
    take(steps.settings_and_accounts(machine, source), dry=False)
    take(steps.units(machine), dry=False)
    found = ""
    if not machine.agrees("systemctl", "--quiet", "is-active", "rearguard"):
        print("now: try every part once (rearguard check)", flush=True)
        found = _tried(machine)
    take(steps.start(machine), dry=False)
    print("now: let the spotters in to the page", flush=True)
    page = machine.path(steps.PAGE_SETTINGS)
    done = ("--done", str(machine.path(DONE)))
    said = _rearguard(machine, "card", "pair", str(machine.path(ASKED)), "--config", str(page), *done)
    if said.returncode:
        raise InstallError(said.stderr.strip())
    numbers = machine.says("hostname", "-I")
    also = f"By number, in place of the name: {numbers}\n" if numbers else ""
    parts = f"\nWhat `rearguard check` found:\n{found}" if found else ""
    return f"{said.stdout}{also}{AFTERWARDS}{parts}"


def _asked_for(machine: Machine) -> str:
    """The settings that come of the file. Raises MistakeError."""
    words = ("card", "settings", str(machine.path(ASKED)), "--config", str(machine.path(SETTINGS)))
    said = _rearguard(machine, *words)
    if said.returncode == 2:
        raise MistakeError(said.stderr.strip())
    if said.returncode:
        raise InstallError(said.stderr.strip())
    return said.stdout


def _tried(machine: Machine) -> str:
    said = _rearguard(machine, "check", "--config", str(machine.path(SETTINGS)))
    return said.stdout


def _rearguard(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(machine.path("/etc/rearguard"))}
    return subprocess.run(
        (str(machine.path(PROGRAM)), *words), env=environment, capture_output=True, text=True, check=False
    )


def _answer(machine: Machine, words: str) -> None:
    """Beside the file, with Windows' line ends too, and on the screen if there is one."""
    text = f"{time.strftime('%Y-%m-%d %H:%M')} by this device's clock\n\n{words.rstrip()}\n"
    machine.write(ANSWER, text.replace("\n", "\r\n"))
    os.sync()
    with suppress(OSError):
        machine.path(CONSOLE).write_text(f"\n{text}\n", encoding="utf-8")
