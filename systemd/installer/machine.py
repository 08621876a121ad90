"""The machine that is set up: its files below a root, and the commands it has."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


class InstallError(Exception):
    """It cannot be done: what was expected, what was found, what to do."""


@dataclass(frozen=True)
class Step:
    """``words`` say what ``do`` does; ``done`` whether it has been."""

    words: str
    done: Callable[[], bool]
    do: Callable[[], object]


@dataclass(frozen=True)
class Machine:
    """``root`` stands for "/"; commands are found on PATH."""

    root: Path = Path("/")

    def path(self, place: str) -> Path:
        """``place`` ("/etc/x") below the root."""
        return self.root / place.lstrip("/")

    def read(self, place: str) -> str:
        """The text of a file; "" where there is none."""
        path = self.path(place)
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def write(self, place: str, text: str, mode: int = 0o644) -> None:
        """In one step: whole or not at all, also after a power cut."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
        ) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def link(self, place: str, target: str) -> None:
        """Make or turn a link, in one step."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)

    def leads(self, place: str) -> str:
        """Where the link goes; "" where there is none."""
        path = self.path(place)
        return os.readlink(path) if path.is_symlink() else ""

    def has(self, command: str) -> bool:
        return shutil.which(command) is not None or shutil.which(command, path="/usr/sbin:/sbin") is not None

    def says(self, *words: str) -> str:
        """What a question prints; "" where it fails or nobody can answer."""
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    def agrees(self, *words: str) -> bool:
        """Whether a question is answered by exit status 0."""
        try:
            return subprocess.run(words, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            return False

    def run(self, *words: str, keep: tuple[int, ...] = (), quiet: bool = True) -> None:
        """A command that must succeed; what it says is shown where it fails.

        ``keep`` are descriptors that it inherits. Raises InstallError.
        """
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if quiet else None,
                stderr=subprocess.STDOUT if quiet else None,
                text=True,
                check=False,
                pass_fds=keep,
            )
        except FileNotFoundError:
            raise InstallError(f"{words[0]} is missing on this system") from None
        if done.returncode:
            raise InstallError(f"{' '.join(words)} failed: {(done.stdout or 'see above').strip()[-2000:]}")


def take(steps: Iterable[Step], *, dry: bool) -> bool:
    """Say each step, then do it; whether anything was (or, dry, would be) changed."""
    changed = False
    for step in steps:
        done = step.done()
        print(f"{'there already' if done else 'would' if dry else 'now'}: {step.words}", flush=True)
        changed = changed or not done
        if not done and not dry:
            step.do()
    return changed
