"""Which step times are flagged by themselves, before true contacts are held beside those that are found."""

import numpy as np
import pytest

from training.unsafe_ordinary import uneven

EVEN = [0.6] * 12


@pytest.mark.parametrize(
    ("times_s", "expected"),
    [
        (EVEN, (0, 9)),  # of the first three too little is known
        ([*EVEN, 1.2, *EVEN], (1, 22)),
        ([*EVEN, 3.0, *EVEN], (0, 18)),
    ],
    ids=["even", "a late step", "two walks"],
)
def test_the_rhythm_of_contacts_is_flagged_alone(times_s: list[float], expected: tuple[int, int]) -> None:
    assert uneven(np.cumsum([1.0, *times_s]).tolist()) == expected
