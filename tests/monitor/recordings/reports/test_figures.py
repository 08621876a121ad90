"""A session's figures, against what the simulated walker truly did."""

from math import isnan
from pathlib import Path

import pytest

from monitor.core.detector import Detector, DetectorSettings
from monitor.recordings.reports.figures import backward, facts_of, figures, longest_s, motions_of
from monitor.recordings.simulated_walker import SPEED_MPS, STEP_CV, STEP_S, Move
from monitor.weights import shipped
from tests.journals import BACKWARD, change, record

STAND = Move.STAND


def test_a_minute_backward_is_as_it_was_walked(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", BACKWARD)
    found = figures(session, leg_m=0.9)
    true_steps = 60 / STEP_S[Move.BACKWARD]
    assert found.backward.backward_steps == pytest.approx(true_steps, abs=4)
    assert found.backward.cadence_spm == pytest.approx(60 / STEP_S[Move.BACKWARD], rel=0.02)
    assert found.backward.walking_s == pytest.approx(60, abs=3)
    assert found.longest_s == pytest.approx(found.backward.walking_s)
    assert 100 * STEP_CV[Move.BACKWARD] < found.backward.step_time_cv_percent < 12  # and what finding costs
    assert found.sampled == 1.0
    assert found.first is None


def test_figures_from_the_journal_are_those_of_the_detector(tmp_path: Path) -> None:
    """Sway, cadence, variability and asymmetry, over all steps, by either way."""
    (session,) = record(tmp_path / "j.db", BACKWARD)
    detector = Detector(DetectorSettings(), shipped())
    for block in session.blocks():
        detector.update(block)
    live, read = detector.facts, facts_of(session.steps(), motions_of(session))
    assert read.steps == live.steps
    for name in ("walking_s", "cadence_spm", "step_time_cv_percent", "asymmetry_percent"):
        # the samples' times are kept in whole microseconds
        assert getattr(read, name) == pytest.approx(getattr(live, name), rel=1e-5)
    assert read.sway_dps == pytest.approx(live.sway_dps, rel=0.02)  # each walk begins a step earlier


def test_distance_is_calibrated_by_its_factor(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", BACKWARD)
    found = figures(session, leg_m=0.9)
    walked_m = SPEED_MPS * 0.6 * found.backward.walking_s
    factor = walked_m / found.model_m
    assert found.distance_m(factor) == pytest.approx(walked_m)
    assert found.pace_mps(factor) == pytest.approx(SPEED_MPS * 0.6)
    assert found.step_m(factor) == pytest.approx(SPEED_MPS * 0.6 * STEP_S[Move.BACKWARD], rel=0.02)


def test_where_the_samples_are_gone_the_steps_still_speak(tmp_path: Path) -> None:
    (whole,) = record(tmp_path / "j.db", BACKWARD)
    before = figures(whole, leg_m=0.9)
    change(whole.path, "DELETE FROM samples")
    left = figures(whole, leg_m=0.9)
    assert left.sampled == 0.0
    assert isnan(left.model_m)
    assert isnan(left.backward.sway_dps)
    assert left.backward.cadence_spm == before.backward.cadence_spm
    assert left.backward.step_time_cv_percent == before.backward.step_time_cv_percent


def test_half_the_samples_give_the_whole_distance(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", BACKWARD)
    whole = figures(session, leg_m=0.9)
    change(session.path, "DELETE FROM samples WHERE from_s > ?", session.from_s + 33)
    half = figures(session, leg_m=0.9)
    assert half.sampled == pytest.approx(0.5, abs=0.05)
    assert half.model_m == pytest.approx(whole.model_m, rel=0.1)


def test_a_gap_in_the_samples_costs_the_steps_in_it(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", BACKWARD)
    whole = figures(session, leg_m=0.9)
    began_s = session.from_s + 30
    change(session.path, "DELETE FROM samples WHERE to_s > ? AND from_s < ?", began_s, began_s + 5)
    left = figures(session, leg_m=0.9)
    assert len(motions_of(session)) == 2
    assert left.sampled == pytest.approx(1 - 6 / 60, abs=0.03)
    assert left.model_m == pytest.approx(whole.model_m, rel=0.05)
    assert left.backward.sway_dps == pytest.approx(whole.backward.sway_dps, rel=0.05)
    assert left.backward.step_time_cv_percent == whole.backward.step_time_cv_percent


def test_forward_steps_are_no_backward_walking(tmp_path: Path) -> None:
    script = [(3.0, STAND), (20.0, Move.BACKWARD), (3.0, STAND), (20.0, Move.FORWARD)]
    (session,) = record(tmp_path / "j.db", script)
    found = figures(session, leg_m=0.9)
    assert found.steps == pytest.approx(20 / 0.62 + 20 / 0.55, abs=5)
    assert found.backward.backward_steps == pytest.approx(20 / 0.62, abs=4)
    assert found.backward.cadence_spm == pytest.approx(60 / 0.62, rel=0.03)
    assert found.walking_s > found.backward.walking_s + 15


def test_a_pause_and_a_step_forward_end_a_walk(tmp_path: Path) -> None:
    script = [(3.0, STAND), (10.0, Move.BACKWARD), (4.0, STAND), (30.0, Move.BACKWARD)]
    (session,) = record(tmp_path / "j.db", script)
    steps = backward(session.steps())
    assert [isnan(step.step_s) for step in steps].count(True) == 2
    assert longest_s(steps) == pytest.approx(30, abs=3)


def test_seconds_of_a_session_have_figures_of_their_own(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", BACKWARD)
    part = figures(session, 0.9, from_s=session.from_s + 10, to_s=session.from_s + 30)
    assert part.backward.walking_s == pytest.approx(20, abs=1.5)


def test_a_long_walk_is_compared_with_itself(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", [(3.0, STAND), (190.0, Move.BACKWARD)])
    found = figures(session, leg_m=0.9)
    assert found.first is not None
    assert found.last is not None
    for third in (found.first, found.last):
        assert third.backward_steps == pytest.approx(found.backward.backward_steps / 3, abs=2)
        assert third.cadence_spm == pytest.approx(found.backward.cadence_spm, rel=0.02)
