"""A disk that has become read-only, as a card's does that is worn out."""

import subprocess
import sys
from pathlib import Path

import pytest

MOUNT = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && echo mounted && shift && exec "$@"'


def said_where_read_only(folder: Path, code: str, *words: str) -> str:
    """What Python code says where ``folder`` cannot be written to."""
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh", str(folder)]
    done = subprocess.run(
        [*alone, sys.executable, "-c", code, *words], capture_output=True, text=True, check=False
    )
    if not done.stdout.startswith("mounted\n"):
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    return done.stdout.removeprefix("mounted\n")
