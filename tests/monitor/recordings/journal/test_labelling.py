"""Labels that are given while the session runs stand in the journal: of incidents, and of moments."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Input,
    InputKind,
    Priority,
    Stage,
    Status,
)
from monitor.recordings.journal.journal import Journal, JournalSettings
from monitor.recordings.journal.rows import Opening
from monitor.recordings.journal.sessions import Label, Session, sessions

OFFSET_S = 1e9
FALL, STUMBLE = AlertKind.FALL, AlertKind.STUMBLE

SUSPECTED, CONFIRMED = Certainty.SUSPECTED, Certainty.CONFIRMED


def alert(
    incident: str,
    sequence: int,
    stage: Stage = Stage.ACTIVE,
    who: str = "",
    kind: AlertKind = FALL,
    time_s: float = 100.0,
    certainty: Certainty = Certainty.CONFIRMED,
) -> Alert:
    state = (Priority.HIGH, certainty, stage)
    return Alert(incident, sequence, kind, *state, time_s, who=who)


def label(incident: str, said: str, who: str = "Eva", age_s: float = 0.0) -> Input:
    return Input(InputKind.LABEL, incident, who, label=said, age_s=age_s)


class Run:
    """A session of the journal, block by block. Its wall clock is OFFSET_S ahead of the blocks' times."""

    def __init__(self, journal: Journal, inputs: list[Input]) -> None:
        self._journal, self._inputs = journal, inputs
        self._time_s = 100.0

    def block(self, *alerts: Alert, says: Sequence[Input] = ()) -> float:
        """The end of a block in which this was reported and said."""
        self._time_s += 2.0
        self._inputs[:] = says
        status = Status(True, False, (), self._time_s)
        self._journal(SampleBlock.silent(self._time_s, ""), [], alerts, status)
        return self._time_s


@contextmanager
def recorded(path: Path, boot: str) -> Iterator[Run]:
    inputs: list[Input] = []
    journal = Journal(
        path,
        JournalSettings(),
        Opening(boot, "walker", "1.0", "aaaa", "{}"),
        heard=lambda: inputs,
        clock=lambda: 0.0,
        wall=lambda: OFFSET_S,
    )
    journal.start()
    try:
        yield Run(journal, inputs)
    finally:
        journal.close(60.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def found(session: Session) -> list[tuple[str, str, str, str]]:
    return [(one.incident, one.kind, one.label, one.who) for one in session.labels()]


@pytest.mark.parametrize(
    ("kind", "certainty", "stage", "who", "labels"),
    [
        (FALL, SUSPECTED, Stage.CANCELLED, "walker", ["false"]),  # "I'm OK"
        (FALL, CONFIRMED, Stage.CANCELLED, "walker", []),  # "I'm OK": he may have fallen all the same
        (FALL, CONFIRMED, Stage.CANCELLED, "Eva", ["false"]),  # "false alarm"
        (STUMBLE, CONFIRMED, Stage.CANCELLED, "walker", ["false"]),
        (AlertKind.UNSAFE_STEP, CONFIRMED, Stage.CANCELLED, "walker", ["false"]),
        (AlertKind.SOS, CONFIRMED, Stage.CANCELLED, "Eva", ["false"]),
        (AlertKind.TEST, CONFIRMED, Stage.CANCELLED, "Eva", []),
        (FALL, CONFIRMED, Stage.ACKNOWLEDGED, "Eva", []),
        (FALL, CONFIRMED, Stage.CLEARED, "Eva", []),  # people clear without meaning anything
        (FALL, CONFIRMED, Stage.RECOVERED, "", []),
    ],
)
def test_what_a_person_cancels_is_labelled_false_and_what_ends_otherwise_is_not(
    kind: AlertKind, certainty: Certainty, stage: Stage, who: str, labels: list[str], path: Path
) -> None:
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1, kind=kind, certainty=certainty))
        end_s = run.block(alert("aaaa-1", 2, stage, who, kind, 104.0, certainty))
    (session,) = sessions(path)
    assert session.labels() == [
        Label(session.number, 100.0, kind, said, "aaaa-1", who, "", end_s + OFFSET_S) for said in labels
    ]


def test_each_person_has_one_label_for_an_incident_and_the_one_given_last_comes_last(path: Path) -> None:
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1))
        run.block(alert("aaaa-1", 2, Stage.CANCELLED, "walker", certainty=SUSPECTED))
        run.block(says=[label("aaaa-1", "false", "Eva"), label("aaaa-1", "true", "Tom")])
        run.block(says=[label("aaaa-1", "true", "Eva")])
        for _ in range(2):  # said again, by a page that comes back
            run.block(says=[label("aaaa-1", "false", "Zoe", age_s=3600.0)])
    (session,) = sessions(path)
    assert found(session) == [
        ("aaaa-1", FALL, "false", "Zoe"),
        ("aaaa-1", FALL, "false", "walker"),
        ("aaaa-1", FALL, "true", "Tom"),
        ("aaaa-1", FALL, "true", "Eva"),
    ]


def test_the_label_that_counts_is_the_last_one_also_where_another_names_a_later_report(path: Path) -> None:
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1, time_s=101.0), alert("aaaa-2", 2, kind=STUMBLE, time_s=102.0))
        run.block(alert("aaaa-1", 3, time_s=103.0))
    (session,) = sessions(path)
    terminal = Label(session.number, 103.0, FALL, "false", "aaaa-1", "pi", "", OFFSET_S)
    session.put(terminal)
    with recorded(path, "bbbb") as run:
        run.block(says=[label("aaaa-1", "true"), label("aaaa-2", "true")])
    assert found(session) == [
        ("aaaa-1", FALL, "false", "pi"),
        ("aaaa-1", FALL, "true", "Eva"),
        ("aaaa-2", STUMBLE, "true", "Eva"),
    ]


def test_a_label_of_an_earlier_run_stands_in_its_session_at_the_first_report(path: Path) -> None:
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1, kind=STUMBLE, time_s=50.5))
        run.block(alert("aaaa-1", 2, time_s=52.5))  # it became a fall
    with recorded(path, "bbbb") as run:
        run.block(alert("aaaa-1", 3, time_s=0.5))  # open again
        said_s = run.block(says=[label("aaaa-1", "true", age_s=10.0)])
    first, second = sessions(path)
    assert first.labels() == [
        Label(first.number, 50.5, FALL, "true", "aaaa-1", "Eva", "", said_s + OFFSET_S - 10.0)
    ]
    assert second.labels() == []


def test_a_label_may_come_with_the_report_it_is_of(path: Path) -> None:
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1), says=[label("aaaa-1", "true")])
    assert found(sessions(path)[0]) == [("aaaa-1", FALL, "true", "Eva")]


def test_a_label_of_what_the_journal_does_not_know_is_ignored_and_said_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1, kind=AlertKind.LINK))
        for incident in ("cccc-1", "aaaa-1", "'; DROP TABLE label; --"):
            run.block(says=[label(incident, "true")])
        run.block(alert("aaaa-2", 2), says=[label("aaaa-2", "true")])
    assert found(sessions(path)[0]) == [("aaaa-2", FALL, "true", "Eva")]
    warnings = [vars(record) for record in caplog.records if record.levelno == logging.WARNING]
    assert [warning["private"] for warning in warnings] == ["cccc-1"]


def test_what_is_missed_and_what_is_marked_stands_at_the_moment_it_was_said(path: Path) -> None:
    missed = Input(InputKind.LABEL, who="Eva", label="missed", about=STUMBLE)
    bookmark = Input(InputKind.LABEL, who="walker", label="bookmark", time_s=3.0)
    with recorded(path, "aaaa") as run:
        once_s = run.block(says=[missed, bookmark])
        later_s = run.block(says=[missed, missed])  # the same message once more
    (session,) = sessions(path)
    assert session.labels() == [
        Label(session.number, once_s, STUMBLE, "missed", "", "Eva", "", once_s + OFFSET_S),
        Label(session.number, once_s, "", "bookmark", "", "walker", "", once_s + OFFSET_S),
        Label(session.number, later_s, STUMBLE, "missed", "", "Eva", "", later_s + OFFSET_S),
    ]


def test_labels_are_among_what_was_said_then(path: Path) -> None:
    said = [
        label("aaaa-1", "true", age_s=2.5),
        Input(InputKind.LABEL, who="Eva", label="missed", about=STUMBLE),
        Input(InputKind.COMING, "aaaa-1", "Eva"),
    ]
    with recorded(path, "aaaa") as run:
        run.block(alert("aaaa-1", 1))
        run.block(says=said)
    assert [given for _, given in sessions(path)[0].inputs()] == said
