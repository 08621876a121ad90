"""Where the recordings of people lie: they are no part of the repository (docs/recordings.md)."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("REARGUARD_CORPUS") or Path(__file__).parents[1] / "recordings")
"""The folder ``recordings`` at the top of the repository, which git ignores, or $REARGUARD_CORPUS."""

FILES = ("sisfall.npz", "kfall.npz", "gait.npz", "hapt.npz", "hapt_off.npz", "dsads.npz")
"""What falls and stumbles are learned from. Motion capture, which has no impacts, is in gait.npz only."""
