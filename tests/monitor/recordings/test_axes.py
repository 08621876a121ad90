"""Axes that are not the body's are found; those of real recordings raise no doubt."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.recordings.axes import doubts
from monitor.recordings.corpus import EXAMPLE, Corpus, Trial
from tests.recordings import recorded

WRONG = {
    "gyro turned round": ([0, 1, 2, 3, 4, 5], [1, 1, 1, -1, -1, -1]),
    "left-handed": ([0, 1, 2, 3, 4, 5], [1, -1, 1, 1, -1, 1]),
    "x and y of the acceleration swapped": ([1, 0, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1]),
    "axes of the gyro in another order": ([0, 1, 2, 4, 5, 3], [1, 1, 1, 1, 1, 1]),
}
"""Where each channel is taken from, and its sign."""


def changed(trials: list[Trial], order: list[int], signs: list[int]) -> list[Trial]:
    return [replace(t, counts=t.counts[:, order] * np.array(signs, np.int16)) for t in trials]


def falls() -> list[Trial]:
    fall = Corpus(EXAMPLE).find("fall-and-up-again")
    return [replace(fall, name=str(number)) for number in range(3)]


@pytest.mark.parametrize("what", WRONG)
def test_wrong_axes_are_found_by_how_the_trunk_tilts(what: str) -> None:
    assert doubts(falls()) == []
    (doubt,) = doubts(changed(falls(), *WRONG[what]))
    assert "the trunk tilting otherwise than the gyro says" in doubt
    assert doubts(changed(falls()[:2], *WRONG[what])) == []  # too few to say


def test_a_sensor_upside_down_is_found_while_walking() -> None:
    walk = Corpus(EXAMPLE).find("forward-walk")
    assert doubts([walk]) == []
    (doubt,) = doubts(changed([walk], [0, 1, 2, 3, 4, 5], [1, -1, -1, 1, -1, -1]))
    assert "gravity at x -0.0, y 0.0, z -1.0 while walking" in doubt


def test_what_shows_nothing_raises_no_doubt() -> None:
    nothing = np.zeros((0, 6), np.int16)
    assert doubts([Trial("a", "walk", 100.0, nothing), Trial("b", "fall", 100.0, nothing)]) == []
    assert doubts([]) == []


@pytest.mark.parametrize("file", ["dsads.npz", "gait.npz", "kfall.npz"])
def test_real_recordings_raise_no_doubt_and_with_axes_swapped_do(file: str) -> None:
    every = Corpus(recorded(file))
    groups: dict[str, list[Trial]] = {}
    for trial in every[:: max(1, len(every) // 60)]:
        groups.setdefault(trial.dataset, []).append(trial)
    for trials in groups.values():
        assert doubts(trials) == []
        upside_down = changed(trials, [0, 1, 2, 3, 4, 5], [1, -1, -1, 1, -1, -1])
        assert doubts(upside_down) or not any(trial.kind == "walk" for trial in trials)
