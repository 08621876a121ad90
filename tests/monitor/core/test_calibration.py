"""Calibration: every mounting is found, and where it is not clear nothing is guessed."""

import itertools

import numpy as np
import pytest

from monitor.core.calibration import BETWEEN_DEG, UnsureError, find_mounting, find_up, walk_begins
from monitor.core.samples import Floats
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.corpus import Corpus
from monitor.recordings.simulated_walker import Move
from monitor.weights import shipped
from tests.recordings import recorded

RATE_HZ = 100.0
STILL = 300
Pair = tuple[Floats, Floats]


def every_mounting() -> list[tuple[str, Floats]]:
    """All right-handed turns by whole quarter turns, by brute force."""
    found = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            turn = np.eye(3)[list(order)] * np.array(signs)[:, None]
            if np.linalg.det(turn) > 0:
                words = [f"{'+' if s > 0 else '-'}{'xyz'[o]}" for o, s in zip(order, signs, strict=True)]
                found.append((" ".join(words), turn))
    return found


def session(move: Move = Move.FORWARD, seed: int = 1, turn: Floats | None = None) -> tuple[Pair, Pair]:
    """Three seconds of standing, then walking, as a sensor turned by ``turn`` feels it."""
    walk = simulated_walker.walk([(3.0, Move.STAND), (8.0, move)], RATE_HZ, seed)
    turn = np.eye(3) if turn is None else turn
    accel_g, gyro_dps = walk.accel_g @ turn, walk.gyro_dps @ turn
    return (accel_g[:STILL], gyro_dps[:STILL]), (accel_g[STILL:], gyro_dps[STILL:])


@pytest.mark.parametrize(("name", "turn"), every_mounting())
def test_each_of_the_24_mountings_is_found(name: str, turn: Floats) -> None:
    still, walk = session(turn=turn)
    assert find_mounting(still, walk, RATE_HZ, shipped().contacts).mounting == name


@pytest.mark.parametrize("name", ["ipol/3-3", "ipol/5-4", "ipol/9-6"])
def test_forward_is_found_where_the_trunk_rolls_as_it_pitches(name: str) -> None:
    trial = Corpus(recorded("gait.npz")).find(name)
    block = corpus.whole(trial, RATE_HZ)
    start, stop = (round((trial.stretches[i].start_s - s) * RATE_HZ) for i, s in ((1, 0.5), (2, 0.0)))
    still, walk = (
        (block.accel_g[cut], block.gyro_dps[cut]) for cut in (slice(start - STILL, start), slice(start, stop))
    )
    assert find_mounting(still, walk, RATE_HZ, shipped().contacts).mounting == "+x +y +z"


def tilted(pair: Pair, degrees: float) -> Pair:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return pair[0] @ turn, pair[1] @ turn


def test_a_slanting_clip_is_found_and_one_between_its_axes_refused() -> None:
    still, walk = session()
    found = find_mounting(tilted(still, 20.0), tilted(walk, 20.0), RATE_HZ, shipped().contacts)
    assert found.mounting == "+x +y +z"
    assert found.off_axis_deg == pytest.approx(20.0, abs=2.0)
    with pytest.raises(UnsureError, match="from its nearest axis"):
        find_up(*tilted(still, BETWEEN_DEG + 3.0))


def test_the_offset_of_the_gyroscope_is_found_and_harmless() -> None:
    offset = np.array([4.0, -6.0, 3.0])
    (still_a, still_g), (walk_a, walk_g) = session()
    found = find_mounting((still_a, still_g + offset), (walk_a, walk_g + offset), RATE_HZ, shipped().contacts)
    assert found.mounting == "+x +y +z"
    assert found.gyro_bias_dps == pytest.approx(offset, abs=1.0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda a, g: (a * 1.3, g), "1.3"),
        (lambda a, g: (a, np.add(g, [40.0, 0.0, 0.0])), "at rest"),
        (lambda a, g: (a, g + 30.0 * np.sin(np.arange(len(g)))[:, None]), "you moved"),
    ],
)
def test_a_bad_stand_is_refused(spoil: object, said: str) -> None:
    still, _ = session()
    with pytest.raises(UnsureError, match=said):
        find_up(*spoil(*still))


def test_standing_instead_of_walking_is_refused() -> None:
    still, walk = session(Move.STAND)
    with pytest.raises(UnsureError, match="steps were seen"):
        find_mounting(still, walk, RATE_HZ, shipped().contacts)


def test_a_start_against_the_gait_is_refused() -> None:
    still, walk = session()
    walk[0][:80, 0] -= 0.5
    with pytest.raises(UnsureError, match="the start went the other way"):
        find_mounting(still, walk, RATE_HZ, shipped().contacts)


def test_walking_backward_finds_the_other_way_round() -> None:
    """Nothing in the motion tells a mirrored walker: the instruction says forward."""
    still, walk = session(Move.BACKWARD)
    assert find_mounting(still, walk, RATE_HZ, shipped().contacts).mounting == "-x -y +z"


@pytest.mark.parametrize("phase", range(0, 60, 4))
@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_not_matter_when_the_standing_is_looked_at(phase: int, seed: int) -> None:
    walk = simulated_walker.walk([(6.0, Move.STAND), (12.0, Move.FORWARD)], RATE_HZ, seed)
    still, end = slice(120 + phase, 420 + phase), 1420 + phase
    stood, went = ((walk.accel_g[part], walk.gyro_dps[part]) for part in (still, slice(still.stop, end)))
    assert find_mounting(stood, went, RATE_HZ, shipped().contacts).mounting == "+x +y +z"


@pytest.mark.parametrize(
    ("contacts_s", "first_s"),
    [
        ([3.0, 6.5, 7.1, 7.6, 8.2, 8.7], 6.5),  # a shuffle before the walk
        ([3.0, 3.4, 6.5, 7.1, 7.6, 8.2], 6.5),
        ([6.5, 7.1, 7.6, 8.2], 6.5),
        ([1.0, 3.0, 5.0, 7.0], None),  # never a walk
        ([5.2, 6.4, 7.0, 7.5, 8.0], 6.4),
        ([6.5, 7.1], None),
        ([], None),
    ],
)
def test_a_walk_begins_with_the_first_of_a_run_of_steps(
    contacts_s: list[float], first_s: float | None
) -> None:
    first = walk_begins(contacts_s)
    assert (contacts_s[first] if first < len(contacts_s) else None) == first_s


@pytest.mark.parametrize(("lead", "sure"), [(0.19, False), (0.21, True)])
def test_the_way_that_is_forward_must_lead_the_next_best_by_a_fifth(
    lead: float, sure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([0.7, 0.7 - lead, 0.0, 0.0])
    monkeypatch.setattr("monitor.core.calibration._gait", lambda *_: (next(scores), 0.5, 10))
    still, walk = session()
    if sure:
        assert find_mounting(still, walk, RATE_HZ, {}).score == 0.7
    else:
        with pytest.raises(UnsureError, match="does not show which way is forward"):
            find_mounting(still, walk, RATE_HZ, {})
