"""Databases on a disk that has become read-only, as a worn card's does."""

import os
from pathlib import Path


def is_read_only(path: Path) -> bool:
    """The file system it lies on."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def read_only_uri(path: Path) -> str:
    """By which SQLite reads it there.

    The log of a process that was killed is read with the index that lies beside it. Without a log SQLite
    would make both, and must be told that nobody changes the file.
    """
    how = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    return f"{path.absolute().as_uri()}?{how}"
