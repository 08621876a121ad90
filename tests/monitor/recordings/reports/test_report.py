"""What the report says of a session, part by part."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.core.vocabulary import Alert, AlertKind, Certainty, Priority, Stage
from monitor.recordings.journal.sessions import Label, Session
from monitor.recordings.reports.document import Chart, Document, Heading, Table, Words
from monitor.recordings.reports.figures import figures, motions_of
from monitor.recordings.reports.report import DRAWN, document
from monitor.recordings.reports.report_settings import ReportSettings
from monitor.recordings.reports.unsafe_moments import UnsafeMoment, most_serious, unsafe_moments
from monitor.recordings.simulated_walker import SESSION, Move
from tests.journals import BACKWARD, change, record

LEG_M = 0.9


def report(session: Session, *earlier: Session, comments: bool = True, factor: float = 0.0) -> Document:
    motions = motions_of(session)
    return document(
        figures(session, LEG_M, motions),
        [figures(other, LEG_M) for other in earlier],
        motions,
        unsafe_moments(session),
        ReportSettings(step_factor=factor),
        comments=comments,
    )


def words(made: Document) -> str:
    return " ".join(part.text for part in made.parts if isinstance(part, Words))


def tables(made: Document) -> dict[str, Table]:
    return {table.caption: table for table in made.parts if isinstance(table, Table)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """An unsafe step, a stumble and a fall."""
    (session,) = record(tmp_path_factory.mktemp("demo") / "j.db", SESSION)
    return session


def test_the_first_session_has_nothing_to_be_compared_with(demo: Session) -> None:
    made = report(demo)
    table = tables(made)["Backward walking; there is no earlier session to compare it with"]
    shown: dict[str, str] = dict(table.rows)
    assert shown["Cadence"].endswith(" steps/min")
    assert int(shown["Steps backward"]) == demo_steps(demo)
    assert f"{demo_steps(demo)} steps" in made.summary


def demo_steps(session: Session) -> int:
    return sum(step.direction < 0 for step in session.steps())


def test_a_session_is_compared_with_the_median_of_those_before(tmp_path: Path) -> None:
    slow = [(3.0, Move.STAND), (30.0, Move.BACKWARD)]
    few = [(3.0, Move.STAND), (6.0, Move.BACKWARD)]
    first, too_short, second, now = record(tmp_path / "j.db", slow, few, slow, BACKWARD)
    table = next(iter(tables(report(now, first, too_short, second)).values()))
    assert table.headings[2] == "median of the 2 sessions before"
    rows = {row[0]: row[1:] for row in table.rows}
    today, before, change_ = rows["Steps backward"]
    mean = (demo_steps(first) + demo_steps(second)) / 2
    assert float(before) == pytest.approx(mean, abs=0.5)
    assert change_ == f"{round(100 * (int(today) / mean - 1)):+} %"
    assert rows["Distance"][0] != "-"


def test_each_unsafe_moment_is_listed_once_and_drawn(demo: Session) -> None:
    made = report(demo)
    rows = tables(made)["In order of time, from the start of the session"].rows
    assert [row[1] for row in rows] == ["unsafe step", "stumble", "fall"]
    assert [row[3] for row in rows] == ["confirmed, over by itself", "it grew worse", "confirmed, no answer"]
    charts = [part for part in made.parts if isinstance(part, Chart) and part.moment == 0.0]
    assert [chart.title.split(" at")[0] for chart in charts] == ["Unsafe step", "Stumble", "Fall"]
    fall = charts[2]
    accel = fall.panels[0].lines[0]
    assert max(accel.values) > 5
    assert abs(accel.at[accel.values.index(max(accel.values))]) < 1.0  # its impact is near the mark
    assert fall.panels[0].limits == (("limit", 2.8),)
    assert "1 fall, 1 stumble, 1 unsafe step" in made.summary


def test_what_was_found_while_not_armed_is_listed_too(demo: Session, tmp_path: Path) -> None:
    copy = tmp_path / "j.db"
    copy.write_bytes(demo.path.read_bytes())
    change(copy, "DELETE FROM alert")
    found = unsafe_moments(replace(demo, path=copy))
    assert [(moment.kind, moment.ended) for moment in found] == [
        (AlertKind.UNSAFE_STEP, "it was not armed"),
        (AlertKind.STUMBLE, "it was not armed"),
        (AlertKind.FALL, "it was not armed"),
    ]


def test_labels_are_beside_their_moments_and_comments_can_be_left_out(demo: Session, tmp_path: Path) -> None:
    copy = replace(demo, path=tmp_path / "j.db")
    copy.path.write_bytes(demo.path.read_bytes())
    fall = next(alert for alert in copy.alerts() if alert.kind is AlertKind.FALL)
    copy.put(Label(copy.number, fall.time_s, "fall", "true", fall.id, "eva", "on the mat, on purpose", 0.0))
    made = report(copy)
    assert tables(made)["In order of time, from the start of the session"].rows[-1][-1] == "true"
    assert tables(made)["What people noted"].rows == [("0:30", "true", "on the mat, on purpose", "eva")]
    without = report(copy, comments=False)
    assert "What people noted" not in tables(without)
    assert "on purpose" not in str(without)


def test_what_is_missing_is_said(demo: Session, tmp_path: Path) -> None:
    copy = replace(demo, path=tmp_path / "j.db")
    copy.path.write_bytes(demo.path.read_bytes())
    change(copy.path, "DELETE FROM samples")
    change(copy.path, "INSERT INTO hole VALUES (?, ?, ?, ?)", copy.number, 10.0, 22.0, "the disk is full")
    made = report(copy)
    assert "The samples of 100 % of the backward steps are not there" in words(made)
    assert "12 s of the session were not recorded (the disk is full)." in words(made)
    assert "Where no signal is drawn" in words(made)
    assert not [part for part in made.parts if isinstance(part, Chart) and part.moment == 0.0]
    rows: dict[str, str] = dict(
        tables(made)["Backward walking; there is no earlier session to compare it with"].rows
    )
    assert (rows["Distance"], rows["Sway"]) == ("-", "-")
    assert rows["Cadence"] != "-"


@pytest.mark.parametrize(
    ("factor", "said"), [(0.0, "not calibrated for this walker (factor 1.20)"), (1.4, "(factor 1.40)")]
)
def test_the_error_of_the_distance_is_stated(demo: Session, factor: float, said: str) -> None:
    made = words(report(demo, factor=factor))
    assert said in made
    assert ("within 15 %" if not factor else "within 10 %") in made


def test_standing_is_no_backward_walking(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", [(10.0, Move.STAND)])
    made = report(session)
    assert made.summary == "No step of this session was surely backward (0 steps, no unsafe moment)."
    assert "None was found." in words(made)
    assert "Nothing can be said of backward walking" in words(made)


def test_tiring_is_said_in_figures_and_drawn_by_minutes(tmp_path: Path) -> None:
    (session,) = record(tmp_path / "j.db", [(3.0, Move.STAND), (190.0, Move.BACKWARD)])
    made = report(session)
    assert "From the first third of the backward walking to the last: cadence from 9" in words(made)
    (minutes,) = (part for part in made.parts if isinstance(part, Chart) and part.title == "Minute by minute")
    assert [panel.quantity for panel in minutes.panels] == [
        "Cadence, steps/min", "Step time variability, %", "Sway, deg/s",
    ]  # fmt: skip
    assert list(minutes.panels[0].lines[0].at) == [1, 2, 3, 4]  # the fourth has no more than 13 s


def test_what_was_said_of_tiring_while_walking_is_in_the_report(
    demo: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Alert(
        "1", 1, AlertKind.TIRING, Priority.LOW, Certainty.CONFIRMED, Stage.ACTIVE, demo.from_s + 65.0
    )
    ended = replace(opened, stage=Stage.RECOVERED, time_s=demo.from_s + 125.0)
    assert "tiring was reported" not in words(report(demo))
    monkeypatch.setattr(type(demo), "alerts", lambda _: [opened, ended])
    assert "While walking, tiring was reported to the spotter at 1:05." in words(report(demo))


def test_of_many_moments_the_most_serious_are_drawn() -> None:
    kinds = [AlertKind.UNSAFE_STEP] * 20 + [AlertKind.FALL, AlertKind.STUMBLE]
    moments = [UnsafeMoment(float(i), kind, "", {}, "", "") for i, kind in enumerate(kinds)]
    drawn = most_serious(moments, DRAWN)
    assert [moment.time_s for moment in drawn] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 20.0, 21.0]


PARTS: list[tuple[Callable[[Document], bool], str]] = [
    (lambda made: "What they cannot say" in str(made), "limits"),
    (lambda made: "not a medical device" in words(made), "no medical device"),
    (lambda made: sum(isinstance(part, Heading) for part in made.parts) >= 4, "headings"),
]


@pytest.mark.parametrize("part", [part for part, _ in PARTS], ids=[name for _, name in PARTS])
def test_no_report_goes_without(demo: Session, part: Callable[[Document], bool]) -> None:
    assert part(report(demo))
