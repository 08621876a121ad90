"""What the two networks have learned (training/ says how): read here, handed to the core."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np

from monitor.core.detector import Weights

_HERE = files(__name__)
FALLS, CONTACTS = _HERE / "falls.npz", _HERE / "contacts.npz"


@cache
def shipped() -> Weights:
    """The weights that come with the package, read once in a process."""
    return read()


def read(falls: Path | Traversable = FALLS, contacts: Path | Traversable = CONTACTS) -> Weights:
    """Weights by layer; the shipped ones where no other file is named. Raises OSError and ValueError."""
    with falls.open("rb") as file, np.load(file) as arrays:
        fall_layers = {name: arrays[name].astype(np.float32) for name in arrays.files}
    with contacts.open("rb") as file, np.load(file) as arrays:
        contact_layers = {name: arrays[name].astype(np.float64) for name in arrays.files}
    return Weights(fall_layers, contact_layers)
