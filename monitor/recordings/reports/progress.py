"""Progress: the plan, what was done, and how pace, balance and endurance go from session to session.

A session of the plan is a day with backward walking, however many runs of the safety process it took.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import isnan

from monitor.recordings.reports.document import Chart, Document, Heading, Line, Panel, Part, Table, Words
from monitor.recordings.reports.figures import Figures, together
from monitor.recordings.reports.plan import STUDY, PlanSettings, target
from monitor.recordings.reports.quantities import distance_words, quantity
from monitor.recordings.reports.report import FEWEST_STEPS, tiring
from monitor.recordings.reports.report_settings import ReportSettings

SHOWN = ("Steps backward", "Pace", "Step time variability", "Sway", "Longest without a break")
TRENDS = (
    ("Pace", ("Pace",)),
    ("Balance", ("Step time variability", "Sway")),
    ("Endurance", ("Longest without a break", "Backward walking")),
)


@dataclass(frozen=True, slots=True)
class Day:
    """One session of the plan, ``number`` from 1 on, 0 before the plan began."""

    day: date
    number: int
    figures: Figures


def days(found: Sequence[Figures], plan: PlanSettings) -> list[Day]:
    """The days with backward walking, in order; ``found`` are the figures of all sessions, in order."""
    walked = sorted(
        (figures for figures in found if figures.backward.backward_steps >= FEWEST_STEPS), key=_day_of
    )
    by_day = [(day, together(list(many))) for day, many in groupby(walked, _day_of)]
    first = plan.first_day([day for day, _ in by_day])
    before = sum(first is not None and day < first for day, _ in by_day)
    return [Day(day, max(0, i - before), figures) for i, (day, figures) in enumerate(by_day, 1)]


def _day_of(figures: Figures) -> date:
    return figures.session.local(figures.session.from_s).date()


def document(
    done: Sequence[Day], plan: PlanSettings, settings: ReportSettings, tests: Sequence[Part] = ()
) -> Document:
    """The progress of ``done``, the days of a journal; ``tests`` are put below it."""
    inside = [day for day in done if day.number]
    parts: list[Part] = [
        Heading("The plan"),
        *map(Words, _plan_words(plan)),
        *([_weeks(inside, plan, settings.factor)] if inside else []),
        *map(Words, _done_words(inside, plan, settings.factor)),
        *([Heading("Trends"), *_trends(done, plan, settings.factor)] if len(done) > 1 else []),
        *tests,
        Heading("How to read it"),
        Words(
            "More pace, a longer walk without a break, less variability and less sway are the better way. "
            "One session says little: look at the weeks. " + distance_words(settings)
        ),
        Words(
            "The figures are for comparing a walker's own sessions. Whether to train more, less or not at "
            "all is for the walker and a physiotherapist to decide. Rearguard is not a medical device."
        ),
    ]
    minutes = sum(day.figures.backward.walking_s for day in inside) / 60
    steps = sum(day.figures.backward.backward_steps for day in inside)
    return Document(
        "Progress in walking backward",
        f"{len(inside)} of {plan.sessions} sessions done: {minutes:,.0f} min and {steps:,} steps backward."
        if inside
        else "No session of the plan has been walked yet.",
        parts,
    )


def _plan_words(plan: PlanSettings) -> list[str]:
    said = [
        f"{plan.minutes} minutes of walking backward, {_times(plan.sessions_per_week)} a week, "
        f"{plan.weeks} weeks. Where the defaults are from: {STUDY}."
    ]
    if plan.gentle_sessions:
        gentle = [target(plan, n) for n in range(1, plan.gentle_sessions + 1)]
        minutes = ", ".join(f"{each.minutes:.0f}" for each in gentle)
        paces = ", ".join(_pace_words(plan, each.pace_share) for each in gentle)
        unit = "m/s" if plan.pace_mps else "of the usual pace"
        said.append(
            f"A gentle start: the first {plan.gentle_sessions} sessions have {minutes} minutes, at no more "
            f"than {paces} {unit}. Walking backward is new to legs and balance; time and pace rise evenly, "
            "the pace half as steeply. No study gives this start: it is Rearguard's own, and "
            "plan.gentle_sessions changes it."
        )
    return said


def _times(many: int) -> str:
    return {1: "once", 2: "twice", 3: "three times"}.get(many, f"{many} times")


def _pace_words(plan: PlanSettings, share: float) -> str:
    return f"{plan.pace_mps * share:.2f}" if plan.pace_mps else f"{100 * share:.0f} %"


def _weeks(done: Sequence[Day], plan: PlanSettings, factor: float) -> Table:
    """A row per week of the plan, and per week after it that was walked in."""
    first = plan.first_day([day.day for day in done]) or done[0].day
    of_week: dict[int, list[Day]] = {}
    for day in done:
        of_week.setdefault(plan.week_of(day.day, first), []).append(day)
    rows = []
    for week in range(max(plan.weeks, max(of_week) + 1)):
        walked = of_week.get(week, [])
        planned = plan.sessions_per_week if week < plan.weeks else 0
        numbers = range(week * plan.sessions_per_week + 1, week * plan.sessions_per_week + planned + 1)
        due_min = sum(target(plan, number).minutes for number in numbers)
        minutes = sum(day.figures.backward.walking_s for day in walked) / 60
        all_of_it = together([day.figures for day in walked]) if walked else None
        rows.append(
            (
                str(week + 1),
                f"{plan.day_of(week, first):%d %b}",
                f"{len(walked)} of {planned}",
                f"{minutes:.0f} of {due_min:.0f}",
                *(
                    each.shown(each.of(all_of_it, factor)) if all_of_it else "-"
                    for each in map(quantity, SHOWN)
                ),
            )
        )
    headings = ("week", "from", "sessions", "minutes", "steps", "pace", "variability", "sway", "longest")
    return Table("Done, and planned, week by week", headings, rows)


def _done_words(done: Sequence[Day], plan: PlanSettings, factor: float) -> list[str]:
    said = []
    following = target(plan, len(done) + 1)
    if len(done) < plan.sessions:
        pace = f", no faster than {_pace_words(plan, following.pace_share)}"
        pace += " m/s" if plan.pace_mps else " of the usual pace"
        said.append(
            f"Next: session {len(done) + 1}, {following.minutes:.0f} minutes"
            f"{pace if following.pace_share < 1 or plan.pace_mps else ''}."
        )
    else:
        said.append("The plan is done. plan.weeks sets a longer one.")
    if len(done) > 1:
        said.append(_change_words(done, factor))
    if done and (tired := tiring(done[-1].figures)):
        said.append(f"Of the last session: {tired[0].lower()}{tired[1:]}")
    return said


def _change_words(done: Sequence[Day], factor: float) -> str:
    """The first third of the sessions against the last."""
    third = max(1, len(done) // 3)
    first, last = (together([day.figures for day in part]) for part in (done[:third], done[-third:]))
    changes = []
    for each in map(quantity, SHOWN[1:]):
        before, after = each.of(first, factor), each.of(last, factor)
        if not isnan(before) and not isnan(after):
            changes.append(f"{each.name.lower()} {each.shown(before)} to {each.shown(after)}")
    many = f"{third} sessions" if third > 1 else "session"
    last_many = f"last {third}" if third > 1 else "last"
    return f"From the first {many} to the {last_many}: {', '.join(changes)}."


def _trends(done: Sequence[Day], plan: PlanSettings, factor: float) -> list[Part]:
    charts: list[Part] = []
    at = list(range(1, len(done) + 1))
    for title, names in TRENDS:
        panels = []
        for each in map(quantity, names):
            values = [each.of(day.figures, factor) for day in done]
            lines = [Line("done", at, values, dots=True)]
            if each.name == "Backward walking":
                due = [target(plan, day.number).minutes if day.number else float("nan") for day in done]
                lines.append(Line("planned", at, due))
            panels.append(Panel(f"{each.name}, {each.unit}", lines))
        ends = [
            f"{each.name} {each.shown(each.of(done[0].figures, factor))} at first, "
            f"{each.shown(each.of(done[-1].figures, factor))} at last"
            for each in map(quantity, names)
        ]
        charts.append(Chart(title, f"Session by session: {'; '.join(ends)}.", "session", panels))
    return charts
