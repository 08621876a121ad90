"""How a drift is made, and when it counts as found."""

import numpy as np
import pytest

from monitor.recordings.corpus import Trial
from monitor.recordings.units import COUNTS_PER_DPS
from training.veering import STARTS_S, drifts, first, found, spells


def test_a_walk_drifts_to_both_sides_from_each_moment_on() -> None:
    trial = Trial("walk", "walk", 25.0, np.zeros((25 * 300, 6), np.int16))
    made = drifts([trial], 2.0)
    assert len(made) == 2 * len(STARTS_S)
    for from_s, drifted in made:
        yaw_dps = drifted.counts[:, 5] / COUNTS_PER_DPS
        at = round(from_s * 25.0)
        assert np.all(yaw_dps[:at] == 0)
        assert np.abs(yaw_dps[at:]) == pytest.approx(2.0, abs=0.05)
    assert {int(np.sign(drifted.counts[-1, 5])) for _, drifted in made} == {-1, 1}


def test_a_drift_is_found_by_the_first_flag_after_it_began() -> None:
    firsts_s = [first([10.0, 70.0, 72.0], 60.0), first([10.0], 60.0)]
    assert firsts_s == [10.0, np.inf]
    assert found([*firsts_s, 12.0, 25.0]) == "25 / 50 / 50 / 75 %"


def test_flags_that_follow_each_other_are_of_one_spell() -> None:
    assert spells([1.0, 2.0, 9.0, 30.0, 31.0]) == 2
    assert spells([]) == 0
