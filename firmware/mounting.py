"""How the sensor sits on the belt: which of its axes points forward, left and up (docs/frames.md)."""

import numpy as np

from monitor.core.samples import Floats

_AXES = {"x": 0, "y": 1, "z": 2}
_NAMES = tuple(_AXES)


class Mounting:
    """The turn from sensor axes to body axes.

    ``axes`` names the sensor's axis that points forward, left and up, as "+x +y +z" or "-z -y -x".
    24 of the 48 spellings exist in a right-handed world; any other raises ValueError.
    """

    def __init__(self, axes: str) -> None:
        self.axes = axes
        words = axes.split()
        for word in words:
            if len(word) != 2 or word[0] not in "+-" or word[1] not in _AXES:
                raise ValueError(
                    f'"{axes}": "{word}" is not an axis; write three of +x -x +y -y +z -z '
                    "for forward, left, up"
                )
        if len(words) != 3:
            raise ValueError(f'"{axes}": three axes expected (forward, left, up), {len(words)} found')
        self._index = [_AXES[word[1]] for word in words]
        self._sign = np.array([1.0 if word[0] == "+" else -1.0 for word in words])
        for name, axis in _AXES.items():
            if self._index.count(axis) > 1:
                raise ValueError(f'"{axes}": axis {name} occurs twice; write each of x, y and z once')
        matrix = self.matrix
        if np.linalg.det(matrix) < 0:
            up = np.cross(matrix[0], matrix[1])
            axis = int(np.argmax(np.abs(up)))
            raise ValueError(
                f'"{axes}" is left-handed, as no sensor is: with forward {words[0]} '
                f"and left {words[1]}, up is {'+' if up[axis] > 0 else '-'}{_NAMES[axis]}"
            )

    @property
    def matrix(self) -> Floats:
        """(3, 3): body = matrix @ sensor."""
        matrix: Floats = np.eye(3)[self._index] * self._sign[:, None]
        return matrix

    def to_body(self, vectors: Floats) -> Floats:
        """Vectors (n, 3) in sensor axes, of any unit, in body axes."""
        body: Floats = vectors[:, self._index] * self._sign + 0.0  # no negative zeros
        return body

    def skyward(self, accel_g: Floats) -> str:
        """The sensor's axis that points up, as "+z", from what it reads at rest, (3,) in body axes."""
        sensor_g = accel_g @ self.matrix
        axis = int(np.argmax(np.abs(sensor_g)))
        return f"{'-' if sensor_g[axis] < 0 else '+'}{_NAMES[axis]}"
