"""A sensor's axes turned into the body's, from how a recorded person stands and lies."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def body_frame(standing_g: Floats, on_back_g: Floats, *, snapped: bool = True) -> Floats:
    """A matrix (3, 3) whose rows are forward, left and up in the sensor's axes.

    ``standing_g`` is the acceleration (3,) of a person who stands: 1 g along up. ``on_back_g`` is that of one
    who lies on the back: 1 g along forward. ``snapped`` takes the nearest of the sensor's axes for each.
    """
    up = _along(standing_g, snapped)
    forward = _along(on_back_g - up * (up @ on_back_g), snapped)
    return np.array([forward, np.cross(up, forward), up])


def turned(samples: Floats, frame: Floats) -> tuple[Floats, Floats]:
    """Samples (n, 6) in the sensor's axes as acceleration and gyro (n, 3) in the body's."""
    return samples[:, :3] @ frame.T, samples[:, 3:] @ frame.T


def _along(direction: Floats, snapped: bool) -> Floats:
    if not snapped:
        return direction / np.linalg.norm(direction)
    axis = np.zeros(3)
    largest = np.argmax(np.abs(direction))
    axis[largest] = np.sign(direction[largest])
    return axis
