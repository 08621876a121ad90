"""Some minutes of the day that benchmarks/endurance.py lives through."""

import pytest

from benchmarks.endurance import FAMILIES, RECOVERY_S, live


@pytest.mark.parametrize(("seed", "name"), list(enumerate(FAMILIES)))
def test_random_faults_lose_no_sample_undeclared_and_end_well(seed: int, name: str) -> None:
    account = live(name, 200.0, seed)
    assert account.planted >= 5
    assert account.samples > 10_000
    assert account.undeclared == 0
    assert account.unwell == []
    assert account.worst_recovery_s < RECOVERY_S
    assert account.worst_late_s < 0.006
