"""Two slots, and the link to the one in use: a version is built in one while the other goes on watching."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from installer.machine import InstallError, Machine

HOME = "/opt/rearguard"
CURRENT = f"{HOME}/current"
PROGRAM = f"{CURRENT}/.venv/bin/rearguard"
SETTINGS = "/etc/rearguard/config.yaml"
PARTS = (
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "config.yaml",
    "docs",
    "firmware",
    "monitor",
    "pyproject.toml",
)
"""What a slot holds of the source, beside systemd/."""
NEVER = shutil.ignore_patterns("__pycache__", "*.egg-info")


@dataclass(frozen=True)
class Slot:
    """``digest`` says which source it was made from; ``.venv/whole`` that it can be used."""

    machine: Machine
    name: str

    @property
    def place(self) -> str:
        return f"{HOME}/{self.name}"

    @property
    def digest(self) -> str:
        """ "" where the slot cannot be used."""
        whole = self.machine.path(f"{self.place}/.venv/whole").exists()
        return self.machine.read(f"{self.place}/digest") if whole else ""

    @property
    def version(self) -> str:
        return version(self.machine.path(self.place))

    def build(self, source: Path, wheels: Path | None = None, lock: int | None = None) -> None:
        """``source`` and its environment. Wherever this is broken off, the slot does not count as whole.

        ``lock`` stays locked as long as a child of ours works on, even when we were killed.
        """
        folder = self.machine.path(self.place)
        (folder / ".venv/whole").unlink(missing_ok=True)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        for part in (*PARTS, "systemd"):
            if (source / part).is_dir():
                shutil.copytree(source / part, folder / part, symlinks=True, ignore=NEVER)
            else:
                shutil.copy(source / part, folder / part)
        self.machine.run(
            "chmod", "-R", "u=rwX,go=rX", str(folder)
        )  # whatever the clone's modes: others run it
        self.machine.write(f"{self.place}/digest", digest(source))
        script = str(folder / "systemd/environment")
        more = [str(wheels.resolve())] if wheels else []
        self.machine.run("sh", script, str(folder), *more, keep=() if lock is None else (lock,), quiet=False)


def digest(source: Path) -> str:
    """Of everything in ``source`` that a slot holds."""
    found = sha256()
    for part in (*PARTS, "systemd"):
        top = source / part
        if not top.exists():
            raise InstallError(f"{top} is missing: run it from a whole clone or release")
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not {"__pycache__"} & set(path.parts) and ".egg-info" not in str(path):
                found.update(f"{path.relative_to(source)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def version(source: Path) -> str:
    lines = (source / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    return next((line.split('"')[1] for line in lines if line.startswith("version = ")), "unknown")


def current(machine: Machine) -> Slot | None:
    """The slot in use."""
    name = machine.leads(CURRENT)
    return Slot(machine, name) if name in ("a", "b") else None


def other(machine: Machine) -> Slot:
    """The slot that is not in use."""
    used = current(machine)
    return Slot(machine, "b" if used is not None and used.name == "a" else "a")


@contextmanager
def locked(machine: Machine) -> Iterator[int]:
    """Alone at work, against a second installer and `recover`. The kernel ends it with the process."""
    machine.path(HOME).mkdir(parents=True, exist_ok=True)
    lock = os.open(machine.path(HOME), os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InstallError(
                "another installation or upgrade is at work: wait until it has ended"
            ) from None
        yield lock
    finally:
        os.close(lock)
