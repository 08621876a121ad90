"""How it goes again. What a person has entered or recorded stays."""

import shutil
from collections.abc import Iterator

from installer.card import PLACE
from installer.first_boot import UNIT
from installer.machine import Machine, Step
from installer.slots import CURRENT, HOME
from installer.steps import COMMAND, LINKED, LOGS, MODULES, UNIT_FOLDER
from installer.trial import RECOVERY

STAYS = (
    "/etc/rearguard (settings, passwords)",
    "/var/lib/rearguard and /var/lib/rearguard-page (journal, outbox, who is let in)",
    "the broker: Mosquitto, /etc/mosquitto/rearguard and /etc/mosquitto/conf.d/rearguard.conf",
    "the system's packages; the groups i2c and gpio, and the rules for their devices",
)
"""What is left alone."""


def removal(machine: Machine) -> Iterator[Step]:
    """The units first: what runs is stopped before its files go."""
    units = (*LINKED, *RECOVERY, UNIT)
    yield Step(
        f"stop and disable {', '.join(units)}",
        lambda: not any(_there(machine, f"{UNIT_FOLDER}/{unit}") for unit in units),
        lambda: _stop(machine, units),
    )
    files = [f"{HOME}/{name}" for name in ("a", "b", "current", "recover", "trial")]
    for place in (COMMAND, MODULES, LOGS, *files, PLACE):
        yield Step(
            f"remove {place}",
            lambda place=place: not _there(machine, place),  # type: ignore[misc]  # bound at once
            lambda place=place: _remove(machine, place),  # type: ignore[misc]  # as above
        )


def _stop(machine: Machine, units: tuple[str, ...]) -> None:
    machine.agrees("systemctl", "disable", "--now", *units)
    for unit in units:
        machine.path(f"{UNIT_FOLDER}/{unit}").unlink(missing_ok=True)
    machine.run("systemctl", "daemon-reload")


def _there(machine: Machine, place: str) -> bool:
    path = machine.path(place)
    return path.is_symlink() or path.exists()


def _remove(machine: Machine, place: str) -> None:
    path = machine.path(place)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    home = machine.path(HOME)
    if place.startswith(CURRENT.rpartition("/")[0]) and home.exists() and not any(home.iterdir()):
        home.rmdir()
