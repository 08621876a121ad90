"""Some minutes of the day that benchmarks/endurance.py lives through."""

import pytest

from benchmarks.endurance import FAMILIES, RECOVERY_S, live


@pytest.mark.parametrize(("seed", "name"), list(enumerate(FAMILIES)))
def test_random_faults_lose_no_sample_undeclared_and_end_well(seed: int, name: str) -> None:
    life = live(name, 200.0, seed)
    assert life.planted >= 5
    assert life.samples > 10_000
    assert life.ledger.undeclared == 0
    assert life.unwell == []
    assert life.worst_recovery_s < RECOVERY_S
    assert life.ledger.worst_late_s < 0.006
