import contextlib
import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from firmware.mounting import Mounting

SPELLINGS = [
    " ".join(sign + axis for sign, axis in zip(signs, axes, strict=True))
    for axes in itertools.permutations("xyz")
    for signs in itertools.product("+-", repeat=3)
]


def test_every_right_handed_mounting_is_accepted_and_no_other() -> None:
    accepted = set()
    for spelling in SPELLINGS:
        with contextlib.suppress(ValueError):
            accepted.add(tuple(Mounting(spelling).matrix.ravel()))
    turns_of_a_cube = {tuple(np.round(turn).ravel() + 0.0) for turn in Rotation.create_group("O").as_matrix()}
    assert accepted == turns_of_a_cube


@pytest.mark.parametrize(
    ("spelling", "what"),
    [
        ("+x +x +z", "axis x occurs twice"),
        ("+x +y", "three axes expected .*2 found"),
        ("+x +y +w", r'"\+w" is not an axis'),
        ("x y z", '"x" is not an axis'),
        ("", "0 found"),
        ("+x +y -z", r"left-handed.*forward \+x and left \+y, up is \+z"),
        ("+z +y +x", r"left-handed.*forward \+z and left \+y, up is -x"),
    ],
)
def test_what_is_wrong_is_said(spelling: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Mounting(spelling)


def test_the_words_name_the_sensor_axes_that_point_forward_left_and_up() -> None:
    sensor = np.array([[1.0, 2.0, 3.0]])
    assert Mounting("+y -x +z").to_body(sensor).tolist() == [[2.0, -1.0, 3.0]]


def test_vectors_agree_with_the_matrix() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    mounting = Mounting("-z +y +x")
    np.testing.assert_array_equal(mounting.to_body(vectors), vectors @ mounting.matrix.T)


@pytest.mark.parametrize("mounting", ["+x +y +z", "-z +y +x", "-z -x +y", "+z +x +y"])
@pytest.mark.parametrize(("axis", "sign"), list(itertools.product(range(3), (1, -1))))
def test_the_boards_own_axis_that_points_up_is_named_whatever_the_mounting(
    mounting: str, axis: int, sign: int
) -> None:
    sensor_g = np.eye(3)[axis : axis + 1] * sign
    seat = Mounting(mounting)
    assert seat.skyward(seat.to_body(sensor_g)[0]) == f"{'+' if sign > 0 else '-'}{'xyz'[axis]}"


def test_no_samples_stay_no_samples() -> None:
    assert Mounting("+x +y +z").to_body(np.empty((0, 3))).shape == (0, 3)
