"""What `rearguard why` says of a moment: every sentence true, also where nothing rang or nothing is known."""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.vocabulary import Event, EventKind, Input, InputKind, Stage
from monitor.recordings.journal.sessions import Session
from monitor.recordings.tuning.explanation import Explanation, Score, explain
from monitor.recordings.tuning.explanation_words import text, verdict
from monitor.settings import Settings
from monitor.weights import shipped
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


def at(session: Session, at_s: float) -> Explanation:
    return explain(session, FROM_S + at_s, Settings(), shipped())


def seen(found: Explanation, *events: tuple[float, EventKind]) -> Explanation:
    """As if the detector had seen these."""
    return replace(found, seen=tuple(Event(kind, FROM_S + at_s) for at_s, kind in events))


def answer(found: Explanation) -> str:
    return "\n".join(verdict(found))


def page(found: Explanation) -> list[str]:
    return list(text(found))


def test_where_nothing_happened_it_says_how_far_off_it_was(tmp_path: Path) -> None:
    found = at(told(tmp_path / "j.db"), 30)
    said = answer(found)
    assert "It rang" not in said
    assert "No fall: the falling score reached" in said
    assert "below its limit of 2.25" in said
    assert "Alerts  none" in page(found)
    assert "Sensor  all samples there" in page(found)


def test_what_rang_is_said_with_what_led_to_it(tmp_path: Path) -> None:
    found = at(told(tmp_path / "j.db", report(30, FALL, SUSPECTED), report(32, FALL)), 31)
    assert "It rang at 0:30.0: fall, suspected, because falling score 30 (limit 2.25)." in answer(found)
    assert answer(found).count("It rang") == 1


def test_a_stumble_that_became_a_fall_rang_twice(tmp_path: Path) -> None:
    said = answer(at(told(tmp_path / "j.db", report(28, STUMBLE), report(31, FALL)), 30))
    assert "0:28.0: stumble" in said
    assert "0:31.0: fall" in said
    assert "did not ring" not in said


def test_what_rang_again_under_an_open_incident_did_ring(tmp_path: Path) -> None:
    found = at(told(tmp_path / "j.db", report(10, FALL), report(40, FALL)), 40)
    assert "It rang at 0:40.0: fall" in answer(seen(found, (40, EventKind.DOWN)))
    assert "did not ring" not in answer(seen(found, (40, EventKind.DOWN)))


def test_an_answer_is_no_ring(tmp_path: Path) -> None:
    coming = report(40, stage=Stage.ACKNOWLEDGED, who="Eva", score=10)
    found = at(told(tmp_path / "j.db", report(10), coming), 40)
    assert "It rang" not in answer(found)
    assert "        0:40.0  fall acknowledged by Eva" in page(found)


@pytest.mark.parametrize(
    ("kind", "event", "name"),
    [(FALL, EventKind.STUMBLE, "A stumble"), (STUMBLE, EventKind.UNSAFE_STEP, "An unsafe step")],
)
def test_what_was_hidden_is_said_with_what_hid_it(
    kind: object, event: EventKind, name: str, tmp_path: Path
) -> None:
    found = at(told(tmp_path / "j.db", report(10, kind)), 30)  # type: ignore[arg-type]  # one of two alarms
    said = answer(seen(found, (31, event)))
    assert (
        f"{name} was seen at 0:31.0 and did not ring: a {kind}, which says more, was open since 0:10.0."
        in said
    )


def test_what_was_over_hides_nothing(tmp_path: Path) -> None:
    found = at(told(tmp_path / "j.db", report(10), report(12, stage=Stage.CANCELLED, who="walker")), 30)
    said = answer(seen(found, (31, EventKind.STUMBLE)))
    assert "did not ring: with the settings of then nothing was reported" in said


def test_who_was_not_armed_is_told_so_for_the_moment_that_is_meant(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(25, UNSAFE), unarmed=(28, 50))
    found = at(session, 30)
    assert "It rang for nothing else: it was not armed." in answer(found)
    assert "A stumble was seen at 0:31.0 and did not ring: it was not armed." in answer(
        seen(found, (31, EventKind.STUMBLE))
    )
    assert "Watch   NOT ARMED" in page(found)
    assert "Watch   armed since 0:50.0" in page(at(session, 55))
    assert "not armed" not in answer(at(session, 10))


def test_armed_since_is_when_it_was_armed_and_not_when_the_sound_was_paused(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", unarmed=(0, 5))
    change(tmp_path / "j.db", "INSERT INTO state VALUES (1, 1020, 1, 1, '[]')")
    assert "Watch   armed since 0:05.0" in page(at(session, 30))


def test_a_sensor_that_had_long_been_silent_is_why(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", silent=(10, 60))
    for at_s in (12, 50):
        assert "It did not ring: the sensor did not report (" in answer(at(session, at_s))
        assert any("blocks without samples; no answer on the bus" in line for line in page(at(session, at_s)))


def test_what_was_not_recorded_is_said(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", missing=(20, 30))
    change(tmp_path / "j.db", "INSERT INTO hole VALUES (1, 1020, 1030, 'the disk was full')")
    assert (
        answer(at(session, 25)) == "It did not ring, and these seconds were not recorded: the disk was full."
    )
    assert "Hole    from 0:20.0 to 0:30.0 nothing was recorded: the disk was full" in page(at(session, 33))
    assert not any(line.startswith("Hole") for line in page(at(session, 50)))


def test_where_the_samples_are_gone_what_was_reported_still_stands(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", report(30))
    change(tmp_path / "j.db", "DELETE FROM samples")
    found = at(session, 30)
    assert "It rang at 0:30.0: fall" in answer(found)
    assert any("have been let go of" in line for line in page(found))
    assert found.scores == ()


def test_whom_it_reached_and_whom_not(tmp_path: Path) -> None:
    got = Input(InputKind.RECEIVED, "boot-1", "Eva's phone", sequence=1)
    session = told(tmp_path / "j.db", report(30), report(50, incident="boot-2"), inputs=[(31, got)])
    assert "        0:31.0  received by Eva's phone" in page(at(session, 30))
    assert not any("received by nobody" in line for line in page(at(session, 30)))
    assert "        received by nobody" in page(at(session, 50))


def test_labels_near_the_moment_stand_below(tmp_path: Path) -> None:
    session = told(tmp_path / "j.db", labels=[label(29, "missed", STUMBLE), label(50, "missed", FALL)])
    assert page(at(session, 30))[-1] == "Label   stumble missed (Eva)"


def test_a_score_is_over_from_its_limit_on() -> None:
    assert Score("falling score", "log-odds", 2.25, 2.25, 0.0).over
    assert not Score("falling score", "log-odds", 2.24, 2.25, 0.0).over


def test_only_the_seconds_around_count(tmp_path: Path) -> None:
    found = at(told(tmp_path / "j.db", report(10, UNSAFE), report(14, UNSAFE, stage=Stage.RECOVERED)), 30)
    assert found.alerts == ()
    assert {round(block.end_s - FROM_S) for block in found.blocks} == set(range(22, 37))
