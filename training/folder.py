"""Where the recordings of people lie: they are no part of the repository."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("REARGUARD_CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
"""$REARGUARD_CORPUS, else ../shared/corpus beside the repository."""
