"""How a walk is made to look tired, before it is asked whether that is noticed."""

import numpy as np
import pytest

from monitor.recordings.corpus import Trial
from training.tired_walks import FROM_S, OVER_S, Grown, growing, joined, repeated, variability

RATE_HZ = 25.0
STEP_S = 0.6


@pytest.fixture
def trial() -> Trial:
    """Twenty minutes in which a spike marks each contact, and the trunk rolls evenly."""
    counts = np.zeros((round(1200 * RATE_HZ), 6), np.int16)
    counts[:, 3] = 1000
    return Trial("walk", "walk", RATE_HZ, counts)


@pytest.fixture
def contact_s() -> np.ndarray:
    took_s = STEP_S * (1 + 0.04 * np.random.default_rng(0).standard_normal(1900))
    return np.cumsum(took_s)


def test_rates_grow_slowly_and_only_after_the_first_minutes(trial: Trial, contact_s: np.ndarray) -> None:
    grown = growing(trial, contact_s, Grown("", 0.0, 0.5)).counts[:, 3]
    at = [round(s * RATE_HZ) for s in (FROM_S - 1, FROM_S + OVER_S / 2, FROM_S + OVER_S + 1)]
    assert grown[at] == pytest.approx([1000, 1250, 1500], abs=2)


@pytest.mark.parametrize("rhythm", [0.0, 0.5, 1.0])
def test_step_times_scatter_more_by_what_was_asked(
    trial: Trial, contact_s: np.ndarray, rhythm: float
) -> None:
    trial.counts[:, 0] = np.arange(len(trial.counts)) % 30000  # tells which sample went where
    moved = growing(trial, contact_s, Grown("", rhythm, 0.0)).counts[:, 0]
    began = round(FROM_S * RATE_HZ)
    assert moved[:began] == pytest.approx(trial.counts[:began, 0], abs=1)
    new_s = np.interp(contact_s, moved[:28000] / RATE_HZ, np.arange(28000) / RATE_HZ)
    late = (contact_s > FROM_S + OVER_S) & (contact_s < 1100.0)
    before, after = variability(np.diff(contact_s[late])), variability(np.diff(new_s[late]))
    assert after / before == pytest.approx(1 + rhythm, rel=0.15)


def test_hesitations_count_little_and_pauses_not() -> None:
    took_s = STEP_S * (1 + 0.04 * np.random.default_rng(0).standard_normal(2000))
    assert variability(took_s) == pytest.approx(0.04, rel=0.1)
    took_s[::50] = 30.0
    assert variability(took_s) == pytest.approx(0.04, rel=0.1)
    took_s[25::100] = 1.2
    assert variability(took_s) < 0.06


def test_walks_are_joined_and_repeated_sample_by_sample(trial: Trial) -> None:
    assert len(joined([trial, trial]).counts) == 2 * len(trial.counts)
    long = repeated(trial, 1800.0)
    assert long.duration_s == 1800.0
    assert np.array_equal(long.counts[len(trial.counts) :], trial.counts[: len(trial.counts) // 2])
