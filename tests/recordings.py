"""Recordings of people, for the tests that need them: they are no part of the repository."""

from pathlib import Path

import pytest

from training.folder import FOLDER

RECORDINGS = sorted(path.name for path in FOLDER.glob("*.npz")) or ["gait.npz", "kfall.npz", "sisfall.npz"]


def recorded(name: str) -> Path:
    """The path of a file of recordings; skips the test where it is not there."""
    if not (FOLDER / name).is_file():
        pytest.skip(
            f"{name}, recordings of people, may not be passed on: docs/recordings.md says how to get them"
        )
    return FOLDER / name
