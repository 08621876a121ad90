"""What tuning is measured by, from what was reported and what people said of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.vocabulary import Alert, Stage
from monitor.recordings.journal.sessions import Label
from monitor.recordings.tuning.wishes import (
    AROUND_S,
    MISSED_AFTER_S,
    MISSED_BEFORE_S,
    Source,
    TuneError,
    around,
    of_session,
    sources,
)
from tests.journals import change
from tests.monitor.recordings.tuning.told_session import (
    FALL,
    FROM_S,
    STUMBLE,
    SUSPECTED,
    UNSAFE,
    label,
    report,
    told,
)

CLIMBED = (report(20, UNSAFE), report(22, STUMBLE), report(25, FALL, SUSPECTED), report(27, FALL))


def of(path: Path, *alerts: Alert, labels: tuple[Label, ...] = ()) -> Source:
    return of_session(told(path / "j.db", *alerts, labels=labels))


def wishes(source: Source) -> list[tuple[str, float, float, bool | None]]:
    return [(w.kind, w.from_s - FROM_S, w.to_s - FROM_S, w.wanted) for w in source.wishes]


def test_each_kind_that_an_incident_was_is_labelled_by_itself(tmp_path: Path) -> None:
    said = (label(22, "true", STUMBLE, "boot-1"), label(25, "false", FALL, "boot-1"))
    assert wishes(of(tmp_path, *CLIMBED, labels=said)) == [
        (UNSAFE, 18, 22, None),
        (STUMBLE, 20, 24, True),
        (FALL, 23, 29, False),
    ]


def test_while_worse_is_open_a_lesser_alarm_is_none(tmp_path: Path) -> None:
    over = report(30, FALL, stage=Stage.RECOVERED)
    hidden = {(w.kind, w.from_s - FROM_S, w.to_s - FROM_S) for w in of(tmp_path, *CLIMBED, over).hidden}
    assert hidden == {(UNSAFE, 20, 30), (STUMBLE, 23, 30), (UNSAFE, 23, 30)}


@pytest.mark.parametrize(("first", "last"), [("true", "false"), ("false", "true")])
def test_of_several_peoples_labels_the_last_counts(first: str, last: str, tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(20))
    for given_s, said, who in ((2.0, last, "Eva"), (1.0, first, "Tom")):
        change(
            tmp_path / "j.db",
            "INSERT INTO label (session, time_s, kind, label, incident, who, note, given_utc_s) "
            "VALUES (1, 1020, 'fall', ?, 'boot-1', ?, '', ?)",
            said,
            who,
            given_s,
        )
    assert [wanted for *_, wanted in wishes(of_session(session))] == [last == "true"]


def test_answers_and_what_is_said_once_more_are_no_alarms(tmp_path: Path) -> None:
    coming = report(22, stage=Stage.ACKNOWLEDGED, who="Eva", score=20.0)
    nobody_came = report(50, score=20.0)
    assert wishes(of(tmp_path, report(20), coming, nobody_came)) == [(FALL, 18, 22, None)]


def test_a_fall_that_an_earlier_run_left_open_was_not_seen_here(tmp_path: Path) -> None:
    kept = report(1, incident="earlier-7")
    source = of(tmp_path, kept, report(40, incident="earlier-7"))
    assert wishes(source) == [(FALL, 38, 42, None)]
    assert {w.from_s - FROM_S for w in source.hidden} == {-1}  # but hides what is less, from the start


def test_a_bookmark_and_an_sos_say_nothing_of_thresholds(tmp_path: Path) -> None:
    said = (replace(label(10, "bookmark"), kind=""), replace(label(20, "missed"), kind="sos"))
    assert wishes(of(tmp_path, labels=said)) == []


def test_what_was_missed_may_have_been_some_seconds_before(tmp_path: Path) -> None:
    source = of(tmp_path, labels=(label(30, "missed", STUMBLE),))
    assert wishes(source) == [(STUMBLE, 30 - MISSED_BEFORE_S, 30 + MISSED_AFTER_S, True)]


def test_an_alarm_that_came_is_not_the_one_that_was_missed(tmp_path: Path) -> None:
    """Or its ring would do for both, and the miss would count as found."""
    source = of(tmp_path, report(25, STUMBLE), labels=(label(30, "missed", STUMBLE),))
    assert wishes(source)[1] == (STUMBLE, 25 + AROUND_S, 35, True)
    assert around(30, [(20, 21), (34, 36), (29, 31)]) == (23, 32)
    assert around(30, [(20, 29.5), (30.5, 36)]) == (30, 30)


def test_where_samples_are_gone_a_label_counts_for_nothing_and_nobody_watched(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(10), report(50, incident="boot-2"))
    for at_s, incident in ((10, "boot-1"), (50, "boot-2")):
        session.put(label(at_s, "false", incident=incident))
    change(tmp_path / "j.db", "DELETE FROM samples WHERE to_s < 1030")
    source = of_session(session)
    assert wishes(source) == [(FALL, 48, 52, False)]
    assert [w.name for w in source.gone] == ["session 1 0:10.0 fall, false alarm"]
    assert source.hours == pytest.approx(30 / 3600, abs=1.5 / 3600)


def test_only_armed_time_is_watched(tmp_path: Path) -> None:
    source = of_session(told(tmp_path / "j.db", unarmed=(20, 50)))
    assert source.hours == pytest.approx(30 / 3600, abs=0.2 / 3600)


def test_a_session_of_a_treadmills_frame_is_refused_by_name_and_left_out_of_all(tmp_path: Path) -> None:
    told(tmp_path / "j.db", settings='{"profile": "treadmill"}', seconds=3)
    assert sources([], tmp_path / "j.db") == []
    with pytest.raises(TuneError, match="session 1 is from a treadmill's frame"):
        sources(["1"], tmp_path / "j.db")


def test_a_session_without_anything_is_a_source_without_wishes(tmp_path: Path) -> None:
    source = of_session(told(tmp_path / "j.db", seconds=0.1))
    assert source.wishes == ()
    assert source.hours < 1 / 3600
