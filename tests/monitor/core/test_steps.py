"""Steps and their direction: a simulated walker's, recorded people's, and none where nobody walks."""

import math
from collections.abc import Sequence
from functools import cache
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitor.core import contact_network, steps
from monitor.core.contact_network import HOP, LOOK_AHEAD, ContactScore
from monitor.core.direction import RUNNING_G, RUNNING_SPM, DirectionSense, DirectionSettings
from monitor.core.posture import Body, Posture
from monitor.core.samples import Floats
from monitor.core.steps import LONGEST_S, SHORTEST_S, SURE, SURE_EARLY, SURE_IN_TIME, Step, Steps
from monitor.core.vocabulary import Direction, EventKind
from monitor.recordings.corpus import Corpus, whole
from monitor.recordings.simulated_walker import Move, Walk, walk
from monitor.weights import shipped
from tests.recordings import recorded

RATE_HZ = 100.0
CUTS = st.lists(st.integers(0, 3000), max_size=6).map(sorted)


def found(accel_g: Floats, gyro_dps: Floats, cuts: Sequence[int] = ()) -> list[Step]:
    """Steps of a stretch of samples from time 0, given in pieces."""
    posture, finder = Posture(RATE_HZ), Steps(DirectionSettings(), RATE_HZ, shipped().contacts)
    time_s = np.arange(len(accel_g)) / RATE_HZ
    pieces = zip(np.split(time_s, cuts), np.split(accel_g, cuts), np.split(gyro_dps, cuts), strict=True)
    return [step for t, a, g in pieces if len(t) for step in finder.update(t, posture.update(a, g))]


@cache
def there_and_back() -> Walk:
    return walk(
        [(3, Move.STAND), (12, Move.BACKWARD), (3, Move.STAND), (12, Move.FORWARD), (2, Move.STAND)],
        RATE_HZ,
        seed=1,
    )


def test_every_contact_of_a_walker_is_found_once() -> None:
    told = np.array([s.contact_s for s in found(there_and_back().accel_g, there_and_back().gyro_dps)])
    true = np.array(there_and_back().contact_s)
    nearest = np.abs(told[:, None] - true).min(axis=0)
    assert (nearest[1:] < 0.15).mean() > 0.95  # a first step from standing may begin without a contact
    assert len(told) <= len(true) + 4  # feet drawn together at the stops


def test_a_step_is_proved_a_quarter_of_a_second_after_its_contact() -> None:
    for step in found(there_and_back().accel_g, there_and_back().gyro_dps):
        late_s = step.proved_s - step.contact_s
        assert (HOP * (LOOK_AHEAD + 0.5)) / RATE_HZ <= late_s <= (HOP * (LOOK_AHEAD + 2)) / RATE_HZ


def test_directions_are_right_and_a_stop_forgets_them() -> None:
    told = found(there_and_back().accel_g, there_and_back().gyro_dps)
    asked = {Direction.BACKWARD: (6.0, 15.0), Direction.FORWARD: (21.0, 30.0)}
    for direction, (start_s, stop_s) in asked.items():
        assert {s.direction for s in told if start_s < s.proved_s < stop_s} == {direction}


@given(cuts=CUTS)
@settings(max_examples=10)
def test_steps_are_the_same_however_the_samples_are_cut(cuts: list[int]) -> None:
    accel, gyro = there_and_back().accel_g, there_and_back().gyro_dps
    expected, told = [s.event() for s in found(accel, gyro)], [s.event() for s in found(accel, gyro, cuts)]
    assert [(e.kind, e.time_s) for e in told] == [(e.kind, e.time_s) for e in expected]
    for event, other in zip(told, expected, strict=True):
        assert event.direction is other.direction
        found_, right = ([e.contact_s, e.direction_score, e.step_s, e.cadence_spm] for e in (event, other))
        np.testing.assert_allclose(found_, right, atol=1e-6)


def test_single_samples_give_the_steps_of_one_block() -> None:
    accel, gyro = there_and_back().accel_g[:700], there_and_back().gyro_dps[:700]
    whole_, single = found(accel, gyro), found(accel, gyro, list(range(1, 700)))
    assert [s.proved_s for s in single] == [s.proved_s for s in whole_]


def test_nobody_standing_steps() -> None:
    quiet = walk([(20, Move.STAND)], RATE_HZ)
    assert found(quiet.accel_g, quiet.gyro_dps) == []


@pytest.mark.parametrize("up", [1.0, -1.0], ids=["upright", "upside down"])
def test_a_noisy_sensor_at_rest_makes_no_steps(up: float) -> None:
    noise = np.random.default_rng(0)
    accel = noise.normal([0.0, 0.0, up], 0.01, (6000, 3))
    assert found(accel, noise.normal(0.0, 0.1, (6000, 3))) == []


def test_a_step_says_what_it_knows() -> None:
    first, second = (s.event() for s in found(there_and_back().accel_g, there_and_back().gyro_dps)[:2])
    assert first.kind is EventKind.STEP
    assert [math.isnan(value) for value in (first.step_s, first.cadence_spm)] == [True, True]
    assert second.step_s == pytest.approx(second.contact_s - first.contact_s)
    assert second.cadence_spm == pytest.approx(60 / second.step_s)
    assert -1.0 <= second.direction_score <= 1.0


@pytest.mark.parametrize("value", [0.0, 1.0, 16.0, -16.0])
def test_a_dead_or_clipping_sensor_makes_no_steps(value: float) -> None:
    assert found(np.full((600, 3), value), np.full((600, 3), 100 * value)) == []


@given(arrays(float, (300, 6), elements=st.sampled_from([0.0, 1.0, -16.0, 16.0])))
@settings(max_examples=20)
def test_garbage_raises_nothing(samples: Floats) -> None:
    for step in found(samples[:, :3], samples[:, 3:] * 125):
        assert np.isfinite([step.contact_s, step.direction_score]).all()


class Scripted:
    """Scores as a test wants them, one per hop."""

    def __init__(self, scores: list[float]) -> None:
        self._scores = scores

    def update(self, body: Body) -> Floats:
        return np.array(self._scores)


def proved(scores: list[float], monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    monkeypatch.setattr(steps, "ContactScore", lambda *_: Scripted(scores))
    n = HOP * len(scores)
    accel = np.tile([0.0, 0.0, 1.0], (n, 1))
    finder = Steps(DirectionSettings(), RATE_HZ, shipped().contacts)
    return finder.update(np.arange(n) / RATE_HZ, Posture(RATE_HZ).update(accel, np.zeros((n, 3))))


def peaks(*hops: int, height: float = 3.0) -> list[float]:
    scores = [-5.0] * 300
    for hop in hops:
        scores[hop] = height
    return scores


STORIES = [
    ("two steps a beat apart", (50, 80), [nan, 0.6]),
    ("a second peak too soon is the same step", (50, 50 + round(SHORTEST_S * 50) - 1), [nan]),
    ("one just late enough is another", (50, 50 + round(SHORTEST_S * 50) + 1), [nan, 0.26]),
    ("a pause begins a new walk", (50, 50 + round(LONGEST_S * 50) + 1), [nan, nan]),
    ("a slow step is no pause", (50, 50 + round(LONGEST_S * 50) - 1), [nan, 1.58]),
]


@pytest.mark.parametrize(("hops", "times_s"), [s[1:] for s in STORIES], ids=[s[0] for s in STORIES])
def test_step_times(hops: tuple[int, ...], times_s: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    told = [step.step_s for step in proved(peaks(*hops), monkeypatch)]
    np.testing.assert_allclose(told, times_s, atol=1e-9)


@pytest.mark.parametrize(("height", "count"), [(SURE + 0.01, 1), (SURE - 0.01, 0)])
def test_a_moment_must_be_sure_to_be_a_contact(height: float, count: int, monkeypatch) -> None:
    assert len(proved(peaks(50, height=height), monkeypatch)) == count


RHYTHM = [  # after contacts at a beat of 0.6 s, the next in s, and the log-odds that it needs
    ("on the beat", 0.6, SURE_IN_TIME),
    ("somewhat quicker", 0.46, SURE_IN_TIME),
    ("somewhat slower", 0.78, SURE_IN_TIME),
    ("much quicker", 0.42, SURE),
    ("much slower", 0.84, SURE),
    ("twice as quick", 0.34, SURE_EARLY),
    ("after a pause", 1.7, SURE),
]


@pytest.mark.parametrize(("next_s", "least"), [r[1:] for r in RHYTHM], ids=[r[0] for r in RHYTHM])
@pytest.mark.parametrize(("over", "more"), [(0.01, 1), (-0.01, 0)], ids=["above", "below"])
def test_a_contact_on_the_beat_needs_less_and_an_early_one_more(
    next_s: float, least: float, over: float, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = peaks(50, 80, 110, 140)
    scores[140 + round(next_s * 50)] = least + over
    assert len(proved(scores, monkeypatch)) == 4 + more


def test_two_contacts_are_no_rhythm(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = peaks(50, 80)
    scores[110] = SURE - 0.01
    assert len(proved(scores, monkeypatch)) == 2


def test_a_contact_lies_look_ahead_before_its_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    (step,) = proved(peaks(50), monkeypatch)
    assert step.proved == 51 * HOP + 1
    assert step.contact_s == pytest.approx(((50 - LOOK_AHEAD) * HOP + 0.5) / RATE_HZ)


def test_a_cadence_is_the_median_of_the_last_four_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    told = proved(peaks(20, 50, 80, 110, 140, 200), monkeypatch)
    assert [round(step.cadence_spm) for step in told[1:]] == [100] * 5
    assert isnan(told[0].cadence_spm)


DECISIONS = [
    ("sure enough", 0.25, Direction.UNKNOWN, Direction.FORWARD),
    ("not quite", 0.24, Direction.UNKNOWN, Direction.UNKNOWN),
    ("sure the other way", -0.25, Direction.FORWARD, Direction.BACKWARD),
    ("kept while it still points there", -0.1, Direction.BACKWARD, Direction.BACKWARD),
    ("given up below that", -0.09, Direction.BACKWARD, Direction.UNKNOWN),
    ("not kept against the score", 0.2, Direction.BACKWARD, Direction.UNKNOWN),
]


@pytest.mark.parametrize(
    ("score", "before", "now"), [d[1:] for d in DECISIONS], ids=[d[0] for d in DECISIONS]
)
def test_a_direction_is_decided_kept_or_given_up(score: float, before: Direction, now: Direction) -> None:
    assert DirectionSense(DirectionSettings(), RATE_HZ).decide(score, before, 0.2, 100.0) is now


@pytest.mark.parametrize(
    ("bounce_g", "cadence_spm", "runs"),
    [
        (RUNNING_G + 0.01, RUNNING_SPM + 1, True),
        (RUNNING_G, RUNNING_SPM + 1, False),
        (1.0, RUNNING_SPM, False),
    ],
)
def test_running_has_no_direction(bounce_g: float, cadence_spm: float, runs: bool) -> None:
    decide = DirectionSense(DirectionSettings(), RATE_HZ).decide
    assert (decide(0.9, Direction.FORWARD, bounce_g, cadence_spm) is Direction.UNKNOWN) == runs


@pytest.mark.parametrize(("turned", "sign"), [(1.0, 1), (-1.0, -1)])
def test_gaining_speed_while_falling_is_forward(turned: float, sign: int) -> None:
    t = np.arange(1000) / RATE_HZ
    swing = 2 * np.pi * 1.8 * t
    accel = np.stack([turned * 0.1 * np.sin(swing), 0 * t, 1 + 0.2 * np.cos(swing)], axis=1)
    # vertical velocity ~ sin: forward acceleration with it is backward travel
    body = Posture(RATE_HZ).update(accel * [-1, 1, 1], np.zeros((1000, 3)))
    score, bounce = DirectionSense(DirectionSettings(), RATE_HZ).scores(body)
    assert sign * score[-1] > 0.7
    assert bounce[-1] == pytest.approx(0.2 / np.sqrt(2), abs=0.02)


def test_standing_has_no_direction() -> None:
    body = Posture(RATE_HZ).update(np.tile([0.0, 0.0, 1.0], (500, 1)), np.zeros((500, 3)))
    assert np.abs(DirectionSense(DirectionSettings(), RATE_HZ).scores(body)[0]).max() < 1e-6


def test_the_network_is_its_written_definition() -> None:
    weights = shipped().contacts
    rng = np.random.default_rng(0)
    accel = np.array([0, 0, 1.0]) + 0.2 * rng.normal(size=(400, 3))
    body = Posture(RATE_HZ).update(accel, 20 * rng.normal(size=(400, 3)))
    x = contact_network.motions(body).reshape(6, 200, 2).mean(axis=2)
    mean = np.array([np.mean(x[0, : i + 1] ** 2) for i in range(150)])
    for i in range(150, 200):
        mean = np.append(mean, mean[-1] + (x[0, i] ** 2 - mean[-1]) / 150)
    x = (x / np.maximum(np.sqrt(mean), contact_network.LEAST_SWING_G)).T
    for i, dilation in enumerate(contact_network.DILATIONS):
        back = [np.maximum(np.arange(200) - (4 - tap) * dilation, 0) for tap in range(contact_network.WIDTH)]
        taps = np.concatenate([x[rows] for rows in back], axis=1)
        x = np.maximum(taps @ weights[f"layer.{i}.weight"] + weights[f"layer.{i}.bias"], 0)
    expected = (x @ weights["out.weight"] + weights["out.bias"])[:, 0]
    np.testing.assert_allclose(ContactScore(weights, RATE_HZ).update(body), expected, atol=1e-9)


def test_recorded_people_are_followed_to_the_corner_and_back() -> None:
    trials = [t for t in Corpus(recorded("gait.npz")) if t.dataset == "ipol"][::12]
    hits = told_count = true_count = 0
    for trial in trials:
        samples = whole(trial, RATE_HZ)
        told = found(samples.accel_g, samples.gyro_dps)
        contact_s = np.array([s.contact_s for s in told])
        for stretch in (s for s in trial.stretches if s.direction == "forward"):
            true = np.array([c for c in trial.contact_s if stretch.start_s + 1 < c < stretch.stop_s - 1])
            inside = contact_s[(contact_s > true[0] - 0.15) & (contact_s < true[-1] + 0.15)]
            hits += int((np.abs(true[:, None] - inside).min(axis=1) < 0.15).sum())
            told_count, true_count = told_count + len(inside), true_count + len(true)
            late = [s for s in told if stretch.start_s + 2.5 < s.proved_s < stretch.stop_s]
            assert {s.direction for s in late} == {Direction.FORWARD}
    assert 2 * hits / (told_count + true_count) > 0.97


def test_the_cadence_is_the_median_of_the_last_four_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = np.cumsum([50, 30, 30, 40, 50, 50])  # steps of 0.6, 0.6, 0.8, 1.0 and 1.0 s
    cadences = [step.cadence_spm for step in proved(peaks(*hops.tolist()), monkeypatch)]
    assert cadences[1:] == pytest.approx([100.0, 100.0, 100.0, 60 / 0.7, 60 / 0.9])
