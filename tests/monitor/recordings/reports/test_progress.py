"""What was done of the plan, from a journal of several days."""

from dataclasses import replace
from math import isnan

import pytest

from monitor.recordings.reports.document import Chart, Document, Table, Words
from monitor.recordings.reports.figures import Figures, figures, together
from monitor.recordings.reports.plan import PlanSettings
from monitor.recordings.reports.progress import Day, days, document
from monitor.recordings.reports.report_settings import ReportSettings
from monitor.recordings.simulated_walker import Move, Script
from tests.journals import DAY_S, change, record

SHORT: Script = [(3.0, Move.STAND), (20.0, Move.BACKWARD)]
LONG: Script = [(3.0, Move.STAND), (40.0, Move.BACKWARD)]
STANDING: Script = [(8.0, Move.STAND)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[Figures]:
    """Day 0: two runs; day 2: nothing but standing; day 3, and day 9: a long walk."""
    path = tmp_path_factory.mktemp("days") / "j.db"
    made = record(path, SHORT, SHORT, STANDING, LONG, LONG)
    offset_s = 1_780_000_000.0 - made[0].from_s
    for session, day in zip(made, (0, 0, 2, 3, 9), strict=True):
        since_s = session.from_s - made[0].from_s
        change(
            path,
            "UPDATE session SET utc_offset_s = ? WHERE id = ?",
            offset_s + day * DAY_S - since_s,
            session.number,
        )
    return [figures(session, 0.9) for session in record(path)]


def progress(found: list[Figures], plan: PlanSettings = PlanSettings()) -> tuple[list[Day], Document]:  # noqa: B008 - frozen
    done = days(found, plan)
    return done, document(done, plan, ReportSettings())


def test_a_day_with_backward_walking_is_a_session_of_the_plan(found: list[Figures]) -> None:
    done, made = progress(found)
    assert [day.number for day in done] == [1, 2, 3]
    assert (done[1].day - done[0].day).days == 3
    assert done[0].figures.backward.backward_steps == sum(f.backward.backward_steps for f in found[:2])
    assert made.summary.startswith("3 of 12 sessions done: 2 min and ")


def test_weeks_say_what_was_done_and_what_was_planned(found: list[Figures]) -> None:
    _, made = progress(found)
    (table,) = (part for part in made.parts if isinstance(part, Table))
    assert [row[2] for row in table.rows] == ["2 of 3", "1 of 3", "0 of 3", "0 of 3"]
    assert [row[3] for row in table.rows] == ["1 of 50", "1 of 86", "0 of 90", "0 of 90"]
    assert int(table.rows[0][4]) == sum(f.backward.backward_steps for f in found[:4])
    assert table.rows[2][4:] == ("-",) * 5


def test_days_before_the_plan_and_weeks_after_it(found: list[Figures]) -> None:
    first = days(found, PlanSettings())[0].day
    later = PlanSettings(begins=first.replace(day=first.day + 2).isoformat(), weeks=1, sessions_per_week=1)
    done, made = progress(found, later)
    assert [day.number for day in done] == [0, 1, 2]
    (table,) = (part for part in made.parts if isinstance(part, Table))
    assert [row[2] for row in table.rows] == ["1 of 1", "1 of 0"]
    assert "The plan is done" in str(made)


def test_the_next_target_and_the_change_are_said(found: list[Figures]) -> None:
    _, made = progress(found)
    words = " ".join(part.text for part in made.parts if isinstance(part, Words))
    assert "Next: session 4, 26 minutes, no faster than 92 % of the usual pace." in words
    assert "From the first session to the last: pace " in words
    assert "longest without a break 0.3 min to 0.6 min" in words
    _, paced = progress(found, PlanSettings(pace_mps=0.5))
    assert "no faster than 0.46 m/s" in str(paced)


def test_trends_are_drawn_over_the_sessions(found: list[Figures]) -> None:
    done, made = progress(found)
    charts = [part for part in made.parts if isinstance(part, Chart)]
    assert [chart.title for chart in charts] == ["Pace", "Balance", "Endurance"]
    walked, planned = charts[2].panels[1].lines
    assert list(walked.values) == [day.figures.backward.walking_s / 60 for day in done]
    assert list(planned.values) == pytest.approx([12, 16.5, 21])
    _, one = progress(found[:1])
    assert not [part for part in one.parts if isinstance(part, Chart)]


def test_an_empty_journal_has_a_plan_all_the_same() -> None:
    _, made = progress([])
    assert made.summary == "No session of the plan has been walked yet."
    assert "Next: session 1, 12 minutes, no faster than 70 %" in str(made)


def test_sessions_together_are_sums_and_means_by_time(found: list[Figures]) -> None:
    short, long = found[0], found[3]
    both = together([short, long])
    weights = short.backward.walking_s, long.backward.walking_s
    sway = (short.backward.sway_dps * weights[0] + long.backward.sway_dps * weights[1]) / sum(weights)
    assert both.backward.sway_dps == pytest.approx(sway)
    assert both.model_m == pytest.approx(short.model_m + long.model_m)
    assert both.longest_s == long.longest_s


def test_a_session_without_samples_takes_the_others_pace(found: list[Figures]) -> None:
    bare = replace(found[0], model_m=float("nan"), backward=replace(found[0].backward, sway_dps=float("nan")))
    both = together([bare, found[3]])
    assert both.pace_mps(1.0) == pytest.approx(found[3].pace_mps(1.0))
    assert both.backward.sway_dps == found[3].backward.sway_dps
    assert isnan(together([bare]).model_m)
