"""A session as trials: cut at gaps, with the sensor's own counts, and its blocks again from the file."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.core.samples import SampleBlock
from monitor.recordings import corpus
from monitor.recordings.corpus import MPU_6050, Corpus, RecordingError, Trial
from monitor.recordings.formats.excerpt import Excerpt
from monitor.recordings.formats.session_trials import session_trials, trials_of
from monitor.recordings.journal.sessions import Label
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import FALL_S, FAULT, FROM_S, LSM6, MPU, same


@pytest.fixture
def excerpt(tmp_path: Path) -> Excerpt:
    return made_session.excerpt(tmp_path / "journal.db")


def its_blocks(trials: Iterable[Trial]) -> list[SampleBlock]:
    return [b for trial in trials if trial.recorded for b in trial.recorded.blocks(trial.counts, trial.form)]


def test_the_file_holds_the_sessions_blocks_bit_by_bit(excerpt: Excerpt, tmp_path: Path) -> None:
    corpus.save(tmp_path / "s.npz", session_trials(excerpt))
    same(its_blocks(Corpus(tmp_path / "s.npz")), list(excerpt.session.blocks()))


def test_a_trial_begins_behind_each_gap_and_with_another_sensor(excerpt: Excerpt) -> None:
    trials = session_trials(excerpt)
    assert [trial.name for trial in trials] == ["session1-1", "session1-2", "session1-3", "session1-4"]
    assert [trial.form for trial in trials] == [LSM6, LSM6, LSM6, MPU]
    began_s = [trial.recorded.time_us[0] / 1e6 - FROM_S for trial in trials if trial.recorded]
    assert began_s == pytest.approx([0.01, 0.52, 3.01, 5.01], abs=0.01)  # a sample lost; a silence; a chip
    rates_hz = [trial.rate_hz for trial in trials]
    assert rates_hz == pytest.approx(
        [102.0, 104.0, 104.0, 104.0], abs=0.1
    )  # the first lost one within a block


def test_silence_and_its_faults_stay_with_the_trial_before(excerpt: Excerpt) -> None:
    before = session_trials(excerpt)[1]
    assert before.recorded is not None
    assert np.count_nonzero(before.recorded.samples == 0) == 20
    assert {fault.words for fault in before.recorded.faults} == {FAULT}


def test_silence_at_the_beginning_goes_with_the_first_samples() -> None:
    blocks = [(LSM6, SampleBlock.silent(FROM_S, "starting")), *made_session.blocks()]
    trials = trials_of(blocks, "s")
    assert trials[0].recorded is not None
    assert trials[0].recorded.faults[0].words == "starting"
    same(its_blocks(trials), [block for _form, block in blocks])


def test_what_a_count_is_is_the_chips_own(excerpt: Excerpt) -> None:
    block = corpus.whole(session_trials(excerpt)[2], 100.0)
    assert np.median(block.accel_g[:, 0]) == pytest.approx(-2048 * 0.000488, abs=0.002)


def test_a_reader_of_even_samples_gets_them_at_even_times() -> None:
    time_s = np.array([0.0, 0.01, 0.021, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09])
    accel_g = np.zeros((10, 3))
    accel_g[:, 2] = np.round(time_s * 10, 6)
    block = SampleBlock(time_s, accel_g, np.zeros((10, 3)), 0.1)
    (trial,) = trials_of([(MPU_6050, block)], "s")
    assert corpus.whole(trial, 100.0).accel_g[:, 2] == pytest.approx(np.arange(10) / 10, abs=1 / 2048)


def test_as_it_came_begins_at_zero_with_all_blocks(excerpt: Excerpt) -> None:
    trial = session_trials(excerpt)[1]
    played = list(corpus.as_it_came(trial, 100.0))
    assert trial.recorded is not None
    assert len(played) == len(trial.recorded.end_us)
    assert played[0].time_s[0] == 0.0
    assert played[-1].fault == "" or played[-1].fault == FAULT


def test_a_label_of_a_fall_makes_a_fall_with_its_impact(tmp_path: Path) -> None:
    blocks = made_session.blocks()
    hit = next(i for i, (_form, block) in enumerate(blocks) if block.end_s > FALL_S + 0.3)
    form, block = blocks[hit]
    blocks[hit] = (
        form,
        replace(block, accel_g=np.round(np.full_like(block.accel_g, 3000 * form.g_per_count), 6)),
    )
    session = made_session.recorded(tmp_path / "journal.db", blocks)
    trials = session_trials(Excerpt(session, session.from_s, session.to_s))
    assert [trial.kind for trial in trials] == ["daily", "daily", "fall", "daily"]
    began_s = trials[2].recorded.time_us[0] / 1e6  # type: ignore[union-attr]  # of the journal
    assert trials[2].impact_s + began_s == pytest.approx(FALL_S + 0.3, abs=0.05)
    assert np.isnan(trials[2].onset_s)
    assert trials[2].description.endswith("; fall, labelled true: on the mat")


@pytest.mark.parametrize(("label", "kind"), [("missed", "stumble"), ("false", "daily")])
def test_a_label_of_a_stumble_makes_one_with_a_span(tmp_path: Path, label: str, kind: str) -> None:
    excerpt = made_session.excerpt(tmp_path / "journal.db")
    excerpt.session.put(Label(1, FROM_S + 5.5, "stumble", label, "", "Eva", "", 1.78e9))
    last = session_trials(excerpt)[-1]
    assert last.kind == kind
    if kind == "stumble":
        assert (last.span_start_s, last.span_stop_s) == pytest.approx((0.0, last.duration_s), abs=0.02)


def test_a_session_of_faults_alone_is_no_recording() -> None:
    with pytest.raises(RecordingError, match="s: expected samples, found none"):
        trials_of([(LSM6, SampleBlock.silent(1.0, "no answer"))], "s")


def test_few_samples_have_the_rate_of_the_others() -> None:
    blocks = made_session.blocks()
    last = blocks[-1][1]
    time_s = last.time_s[0] + np.array([9.0, 9.00001])  # as the first two samples of a sensor may come
    late = SampleBlock(time_s, last.accel_g[:2], last.gyro_dps[:2], FROM_S + 15.0)
    assert trials_of([*blocks, (MPU, late)], "s")[-1].rate_hz == pytest.approx(104.0, abs=0.1)
