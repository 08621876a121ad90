"""What is done to recordings before their direction is asked."""

import numpy as np
import pytest

from monitor.core import direction
from monitor.core.detector import Detector
from monitor.core.vocabulary import StepEvent
from monitor.recordings.corpus import Stretch, Trial
from monitor.recordings.evaluate import detect
from monitor.recordings.simulated_walker import Move, walk
from monitor.recordings.units import COUNTS_PER_DPS, COUNTS_PER_G
from monitor.settings import Settings
from monitor.weights import shipped
from training.direction import WITHOUT, cell, reversed_in_time, slower


@pytest.fixture(scope="module")
def trial() -> Trial:
    return walk([(3, Move.STAND), (8, Move.BACKWARD), (2, Move.STAND)], 100.0, seed=1).trial("walk")


def test_reversed_twice_it_is_the_same(trial: Trial) -> None:
    once = reversed_in_time(trial)
    assert [s.direction for s in once.stretches if s.direction in ("forward", "backward")] == ["forward"]
    twice = reversed_in_time(once)
    assert np.array_equal(twice.counts, trial.counts)
    for got, asked in zip(twice.stretches, trial.stretches, strict=True):
        assert got == Stretch(asked.direction, pytest.approx(asked.start_s), pytest.approx(asked.stop_s))


@pytest.mark.parametrize("constant", WITHOUT.values())
def test_what_an_ablation_takes_away_was_there(
    trial: Trial, constant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scores() -> list[float]:
        run = detect(trial, lambda: Detector(Settings(), shipped()))
        return [event.direction_score for _, event in run.reported if isinstance(event, StepEvent)]

    whole = scores()
    monkeypatch.setattr(direction, constant, 0.0)
    assert len(whole) > 4
    assert not np.allclose(scores(), whole)


def test_slower_motion_has_smaller_rates_and_accelerations_but_the_same_gravity(trial: Trial) -> None:
    slow = slower(trial, 2.0)
    assert slow.duration_s == pytest.approx(2 * trial.duration_s)
    assert [s.start_s for s in slow.stretches] == [2 * s.start_s for s in trial.stretches]
    spread = np.ptp(slow.counts, axis=0) / np.ptp(trial.counts, axis=0)
    assert spread[2] == pytest.approx(0.25, abs=0.05)
    assert spread[3:] == pytest.approx(0.5, abs=0.01)
    assert np.linalg.norm(slow.counts[:, :3].mean(axis=0)) / COUNTS_PER_G == pytest.approx(1.0, abs=0.02)
    assert slow.counts[:, 3:].max() / COUNTS_PER_DPS < 2000.0


def test_a_cell_says_right_and_wrong_in_percent_and_of_how_much() -> None:
    figures = {"right_s": 97.0, "wrong_s": 0.5, "of_s": 100.0}
    assert cell(figures) == "97.0 / 0.5 %"
    assert cell(figures, long=True) == "97.0 / 0.5 % of 100 s"
    assert cell(None) == "-"
