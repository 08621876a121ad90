"""The plan: its targets, session by session, and its days."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.setting import SettingError
from monitor.recordings.reports.plan import FIRST_SHARE, PlanSettings, target


def test_the_first_sessions_are_shorter_and_slower() -> None:
    found = [target(PlanSettings(), number) for number in range(1, 7)]
    assert [each.minutes for each in found] == pytest.approx([12, 16.5, 21, 25.5, 30, 30])
    assert [each.pace_share for each in found] == pytest.approx([0.7, 0.775, 0.85, 0.925, 1, 1])


@given(st.integers(0, 30), st.integers(1, 120), st.integers(1, 40))
def test_targets_rise_to_the_plans_minutes_and_never_fall(gentle: int, minutes: int, number: int) -> None:
    plan = PlanSettings(minutes=minutes, gentle_sessions=gentle)
    now, later = target(plan, number), target(plan, number + 1)
    assert FIRST_SHARE * minutes <= now.minutes <= later.minutes <= minutes
    assert (number > gentle) == (now.minutes == minutes)


def test_the_plan_begins_on_its_day_or_with_the_first_walk() -> None:
    walked = [date(2026, 3, 4), date(2026, 3, 6)]
    assert PlanSettings().first_day(walked) == date(2026, 3, 4)
    assert PlanSettings().first_day([]) is None
    plan = PlanSettings(begins="2026-03-02")
    assert plan.first_day([]) == date(2026, 3, 2)
    assert [plan.week_of(date(2026, 3, d), date(2026, 3, 2)) for d in (1, 2, 8, 9)] == [-1, 0, 0, 1]


def test_a_day_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="found 2026-02-30, which is no day"):
        PlanSettings(begins="2026-02-30")
