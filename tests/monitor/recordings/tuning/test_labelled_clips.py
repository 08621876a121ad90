"""A labelled moment as a trial: what it holds, what it expects, and where it is refused."""

from pathlib import Path

import numpy as np
import pytest

from monitor.recordings.journal.sessions import JournalError
from monitor.recordings.tuning.labelled_clips import AFTER_S, APART_S, BEFORE_S, RATE_HZ, clip
from tests.journals import change
from tests.monitor.recordings.tuning.told_session import FALL, STUMBLE, UNSAFE, label, report, told


def test_a_true_fall_expects_an_alarm_from_its_moment_on(tmp_path: Path) -> None:
    made = clip(told(tmp_path / "j.db", report(30)), label(30, "true", FALL, "boot-1"))
    assert made.kind == "fall"
    assert made.onset_s == pytest.approx(BEFORE_S - 1.0, abs=0.1)
    assert len(made.counts) == pytest.approx((BEFORE_S + AFTER_S) * RATE_HZ, abs=10)
    assert np.isnan(made.span_start_s)


def test_a_missed_stumble_may_lie_some_seconds_before_but_not_where_another_rang(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(22, STUMBLE))
    made = clip(session, label(30, "missed", STUMBLE))
    assert made.kind == "stumble"
    assert made.span_start_s == pytest.approx(BEFORE_S - 30 + 24, abs=0.1)
    assert made.span_stop_s == pytest.approx(BEFORE_S + 5, abs=0.1)


def test_a_false_alarm_expects_silence_and_holds_nothing_else_that_rings(tmp_path: Path) -> None:
    session = told(
        tmp_path / "j.db",
        report(25, STUMBLE, incident="boot-0"),
        report(30),
        labels=[label(36, "missed", STUMBLE)],
    )
    made = clip(session, label(30, "false", FALL, "boot-1"))
    assert made.kind == "daily"
    assert len(made.counts) / RATE_HZ == pytest.approx((36 - APART_S) - (25 + APART_S), abs=0.1)


def test_a_clip_ends_at_a_gap(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(30), silent=(32, 40))
    made = clip(session, label(30, "true", FALL, "boot-1"))
    assert len(made.counts) / RATE_HZ == pytest.approx(BEFORE_S + 2, abs=0.1)


def test_a_clip_at_the_sessions_end_is_shorter(tmp_path: Path) -> None:
    made = clip(told(tmp_path / "j.db", report(29.9), seconds=30), label(29.9, "true", FALL, "boot-1"))
    assert made.onset_s == pytest.approx(BEFORE_S - 1.0, abs=0.1)
    assert len(made.counts) / RATE_HZ == pytest.approx(BEFORE_S, abs=0.2)


def test_the_same_moment_has_the_same_name_whatever_was_said_of_it(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(30))
    first, second = (clip(session, label(30, said, FALL, "boot-1")) for said in ("true", "false"))
    assert first.name == second.name


@pytest.mark.parametrize("at_s", [34.0, 38.0])
def test_a_moment_without_samples_is_refused(at_s: float, tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", silent=(32, 40))
    with pytest.raises(JournalError, match="too few samples of that moment"):
        clip(session, label(at_s, "missed", FALL))


def test_a_moment_that_was_let_go_of_is_refused(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(30))
    change(tmp_path / "j.db", "DELETE FROM samples")
    with pytest.raises(JournalError, match="have been let go of"):
        clip(session, label(30, "true", FALL, "boot-1"))


@pytest.mark.parametrize(("kind", "words"), [(UNSAFE, "unsafe step"), ("", "a bookmark"), ("sos", "sos")])
def test_only_falls_and_stumbles_can_be_held(kind: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=f"{words}: only falls and stumbles"):
        clip(told(tmp_path / "j.db", seconds=1), label(0.5, "true", kind))  # type: ignore[arg-type]  # any text
