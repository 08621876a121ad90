"""A name at the broker that is the same at the next start, and no other running program's."""

import fcntl
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TextIO

SLOTS = 8
"""Programs of one person on one machine at a time."""


class ClientName:
    """Holds ``name`` until it is closed or the program ends. ``held`` is false where no name could be had."""

    def __init__(self, owner: str, folder: Path | None = None) -> None:
        folder = folder or Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        digest = hashlib.sha256(f"{owner}-{_machine()}-{os.getuid()}".encode()).hexdigest()[:12]
        self.name = ""
        self._file: TextIO | None = None
        for slot in range(SLOTS):
            name = f"{digest}-{slot}"
            if file := _locked(folder / f"rearguard-{name}.lock"):
                self.name, self._file = name, file
                return

    @property
    def held(self) -> bool:
        return self._file is not None

    def close(self) -> None:
        """Let the name go; the broker keeps what comes for it."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _locked(path: Path) -> TextIO | None:
    """The file, locked; None where another program has it, or it cannot be had."""
    try:
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    file = os.fdopen(made, "r+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _machine() -> str:
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
