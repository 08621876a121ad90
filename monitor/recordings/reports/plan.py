"""The training plan: how long, how often, and gently at first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from monitor.core.setting import SettingError, number, text

STUDY = (
    "Chang, Lin, Yen, Yang, Tanaka and Guo, Int. J. Environ. Res. Public Health 18:2376, 2021: eight people "
    "with chronic stroke walked backward on a treadmill for 30 minutes, three times a week, for four weeks, "
    "beside their physiotherapy"
)
"""Where the plan's defaults come from."""

FIRST_SHARE = 0.4
"""Of the minutes, in the first session; from there the share rises evenly. No study gives it: it is ours."""


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """How long and how often to walk backward."""

    minutes: int = number(
        30,
        1,
        120,
        "min",
        "walking backward in a session",
        "sessions are shorter",
        "sessions are longer",
    )
    sessions_per_week: int = number(
        3, 1, 7, "", "sessions in a week", "there are more days of rest", "there are fewer days of rest"
    )
    weeks: int = number(4, 1, 52, "", "length of the plan", "it ends sooner", "it ends later")
    gentle_sessions: int = number(
        4,
        0,
        30,
        "",
        "first sessions that are shorter and slower, from 40 % of the minutes up",
        "the full time comes sooner",
        "the full time comes later",
    )
    pace_mps: float = number(
        0.0,
        0.0,
        2.0,
        "m/s",
        "pace to come to; 0: the walker's own, and the gentle start is in percent of it",
        "targets are slower",
        "targets are faster",
    )
    begins: str = text(
        "",
        "first day of the plan, such as 2026-03-02; empty: the first day with backward walking",
        r"(\d{4}-\d\d-\d\d)?",
        "a date such as 2026-03-02, or nothing",
    )

    def __post_init__(self) -> None:
        try:
            _ = self.begins and date.fromisoformat(self.begins)
        except ValueError as error:
            raise SettingError("begins", f"found {self.begins}, which is no day of the calendar") from error

    @property
    def sessions(self) -> int:
        """Of the whole plan."""
        return self.weeks * self.sessions_per_week

    def first_day(self, walked: Sequence[date]) -> date | None:
        """When the plan begins, with the days on which somebody ``walked``, in order; None: not yet."""
        return date.fromisoformat(self.begins) if self.begins else next(iter(walked), None)

    def week_of(self, day: date, first: date) -> int:
        """0 for the first week; negative before the plan."""
        return (day - first).days // 7

    def day_of(self, week: int, first: date) -> date:
        """On which a week begins."""
        return first + timedelta(weeks=week)


@dataclass(frozen=True, slots=True)
class Target:
    """What one session is to be: at most ``pace_share`` of the pace that is to be come to."""

    minutes: float
    pace_share: float


def target(plan: PlanSettings, session: int) -> Target:
    """Of the session of that number, from 1 on: the gentle ones rise evenly to the plan's minutes.

    The pace rises half as much as the time: whoever tires early should be slow rather than brief.
    """
    rise = (1 - FIRST_SHARE) / max(plan.gentle_sessions, 1)
    share = min(1.0, FIRST_SHARE + rise * (session - 1)) if session <= plan.gentle_sessions else 1.0
    return Target(plan.minutes * share, (1 + share) / 2)
