"""The report on a session, for the walker and a physiotherapist: what was walked, how, what was unsafe."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan

from monitor.core.vocabulary import AlertKind, Stage, StepEvent
from monitor.recordings.journal.sessions import Session
from monitor.recordings.reports.document import Chart, Document, Heading, Line, Panel, Part, Table, Words
from monitor.recordings.reports.figures import Figures, Motion, backward, facts_of
from monitor.recordings.reports.quantities import QUANTITIES, distance_words, middle, quantity
from monitor.recordings.reports.report_settings import ReportSettings
from monitor.recordings.reports.unsafe_moments import NAMES, UnsafeMoment, most_serious, signal

EARLIER = 5
"""Sessions that a session is compared with."""

FEWEST_STEPS = 20
"""Backward steps from which on a session has anything to compare."""

DRAWN = 8
"""Unsafe moments whose signal is drawn: four pages of them are read by nobody."""


def document(
    now: Figures,
    earlier: Sequence[Figures],
    motions: Sequence[Motion],
    moments: Sequence[UnsafeMoment],
    settings: ReportSettings,
    *,
    comments: bool,
) -> Document:
    """The report. ``earlier`` are the figures of sessions before, any number, the latest last."""
    session = now.session
    began = session.local(session.from_s)
    parts: list[Part] = [
        Heading("The walk in figures"),
        _figures(now, earlier, settings.factor),
        *map(Words, _remarks(now, settings)),
        *_minutes(now, motions),
        Heading("Unsafe moments"),
        *_unsafe(session, moments),
        *(_comments(session) if comments else ()),
        Heading("What the figures mean"),
        Table(
            "How each is measured", ("figure", "meaning"), [(each.name, each.meaning) for each in QUANTITIES]
        ),
        Heading("What they cannot say"),
        *map(Words, LIMITS),
        Words(
            f"Session {session.number} of device “{session.device}”, recorded with Rearguard "
            f"{session.version}, settings {session.settings_hash}."
        ),
    ]
    title = f"Backward walking on {began.day} {began:%B %Y, %H:%M}"
    return Document(title, _summary(now, moments, settings.factor), parts)


LIMITS = (
    "One sensor at the belt sees the trunk, not the feet: neither step width nor which foot, nor whether "
    "somebody or a rail gave support. On a treadmill the belt carries the walker: distance and pace rest on "
    "the trunk's rise and fall all the same, and the treadmill's own display is the better source.",
    "The figures are for comparing a walker's own sessions, on days with the same shoes, floor and mounting. "
    "They are no diagnosis and no measure of the risk of falling, and Rearguard is not a medical device. A "
    "change of a few percent from one session to the next is ordinary.",
)


def _summary(now: Figures, moments: Sequence[UnsafeMoment], factor: float) -> str:
    if not now.backward.backward_steps:
        return f"No step of this session was surely backward ({now.steps} steps, {_unsafe_words(moments)})."
    way = now.distance_m(factor)
    walked = "" if isnan(way) else f", about {way:,.0f} m at {now.pace_mps(factor):.2f} m/s"
    return (
        f"{now.backward.walking_s / 60:.1f} minutes of walking backward, "
        f"{now.backward.backward_steps:,} steps{walked}; {_unsafe_words(moments)}."
    )


def _unsafe_words(moments: Sequence[UnsafeMoment]) -> str:
    counts = {name: sum(moment.kind is kind for moment in moments) for kind, name in NAMES.items()}
    return ", ".join(_many(n, name) for name, n in counts.items() if n) or "no unsafe moment"


def _many(count: int, name: str) -> str:
    plural = "calls for help" if name == "call for help" else f"{name}s"
    return f"{count} {name if count == 1 else plural}"


def _figures(now: Figures, earlier: Sequence[Figures], factor: float) -> Table:
    before = [other for other in earlier if other.backward.backward_steps >= FEWEST_STEPS][-EARLIER:]
    many = f"the {len(before)} sessions before" if len(before) > 1 else "the session before"
    if not before:
        rows = [(each.name, each.shown(each.of(now, factor))) for each in QUANTITIES]
        return Table(
            "Backward walking; there is no earlier session to compare it with", ("", "this session"), rows
        )
    compared = []
    for each in QUANTITIES:
        value = each.of(now, factor)
        usual = middle([each.of(other, factor) for other in before])
        change = "-" if isnan(value) or isnan(usual) or not usual else _change(value / usual)
        compared.append((each.name, each.shown(value), each.shown(usual), change))
    usual_name = many if len(before) == 1 else f"median of {many}"
    caption = f"Backward walking, compared with {many}"
    return Table(caption, ("", "this session", usual_name, "change"), compared)


def _change(ratio: float) -> str:
    percent = round(100 * (ratio - 1))
    return f"{percent:+} %" if percent else "0 %"


def _remarks(now: Figures, settings: ReportSettings) -> list[str]:
    """How far the distance can be trusted, what is missing, and how the walker changed on the way."""
    if not now.backward.backward_steps:
        return [
            "Nothing can be said of backward walking. The direction is seen only by a sensor on the body, "
            "from the third step of a walk or so; one on a treadmill's frame counts steps and no more."
        ]
    said = []
    if not isnan(now.model_m):
        said.append(distance_words(settings))
    if now.sampled < 0.95:
        said.append(
            f"The samples of {100 * (1 - now.sampled):.0f} % of the backward steps are not there: let go of "
            "with age, or never written. "
            + (
                "Distance, pace, step length and sway rest on the others."
                if now.sampled
                else "So distance, pace, step length, sway and signals are missing."
            )
        )
    holes = now.session.holes()
    if holes:
        lost_s = sum(hole.to_s - hole.from_s for hole in holes)
        reasons = ", ".join(dict.fromkeys(hole.reason for hole in holes))
        said.append(f"{lost_s:.0f} s of the session were not recorded ({reasons}).")
    if tired := tiring(now):
        said.append(tired)
    reported_s = [
        alert.time_s
        for alert in now.session.alerts()
        if alert.kind is AlertKind.TIRING and alert.stage is Stage.ACTIVE
    ]
    if reported_s:
        moments = ", ".join(clock(now.session, time_s) for time_s in reported_s)
        said.append(f"While walking, tiring was reported to the spotter at {moments}.")
    return said


def tiring(now: Figures) -> str:
    """How the walker changed on the way; "" of a short walk."""
    if now.first and now.last:
        changes = [
            f"{each.name.lower()} from {each.shown(early)} to {each.shown(late)}"
            for each in map(quantity, ("Cadence", "Step time variability", "Sway"))
            if not isnan(early := each.of(replace(now, backward=now.first), 1.0))
            and not isnan(late := each.of(replace(now, backward=now.last), 1.0))
        ]
        return (
            f"From the first third of the backward walking to the last: {', '.join(changes)}. More "
            "variability and more sway towards the end are signs of tiring."
        )
    return ""


def _minutes(now: Figures, motions: Sequence[Motion]) -> list[Part]:
    """The session minute by minute, if it has two of backward walking."""
    session = now.session
    minutes: dict[int, list[float]] = {}
    for number, steps in _by_minute(session).items():
        facts = facts_of(steps, motions)
        if facts.backward_steps >= FEWEST_STEPS:
            minutes[number] = [facts.cadence_spm, facts.step_time_cv_percent, facts.sway_dps]
    if len(minutes) < 2:
        return []
    at = list(range(min(minutes), max(minutes) + 1))
    columns = zip(*(minutes.get(minute, [nan] * 3) for minute in at), strict=True)
    names = ("Cadence, steps/min", "Step time variability, %", "Sway, deg/s")
    panels = [
        Panel(name, (Line("", [minute + 1 for minute in at], list(values), dots=True),))
        for name, values in zip(names, columns, strict=True)
    ]
    ends = [
        f"{panel.quantity} {panel.lines[0].values[0]:.0f} to {panel.lines[0].values[-1]:.0f}"
        for panel in panels
    ]
    alt = f"Minute {at[0] + 1} to minute {at[-1] + 1} of the session: {'; '.join(ends)}."
    return [Chart("Minute by minute", alt, "minute", panels)]


def _by_minute(session: Session) -> dict[int, list[StepEvent]]:
    found: dict[int, list[StepEvent]] = {}
    for step in backward(session.steps()):
        found.setdefault(int((step.contact_s - session.from_s) // 60), []).append(step)
    return found


def _unsafe(session: Session, moments: Sequence[UnsafeMoment]) -> list[Part]:
    if not moments:
        return [Words("None was found.")]
    rows = [
        (clock(session, moment.time_s), NAMES[moment.kind], moment.reason or "-", moment.ended, moment.said)
        for moment in moments
    ]
    headings = ("at", "what", "why", "how it ended", "people said")
    parts: list[Part] = [Table("In order of time, from the start of the session", headings, rows)]
    drawn = most_serious(moments, DRAWN)
    if len(moments) > len(drawn):
        parts.append(Words(f"The signal of the {DRAWN} most serious is drawn."))
    charts = [signal(session, moment, clock(session, moment.time_s)) for moment in drawn]
    if None in charts:
        parts.append(Words("Where no signal is drawn, its samples have been let go of."))
    return [*parts, *(chart for chart in charts if chart)]


def _comments(session: Session) -> list[Part]:
    rows = [
        (clock(session, label.time_s), label.label, label.note or "-", label.who or "-")
        for label in session.labels()
    ]
    if not rows:
        return []
    return [Heading("Comments"), Table("What people noted", ("at", "label", "note", "by"), rows)]


def clock(session: Session, time_s: float) -> str:
    """Minutes and seconds of the session."""
    seconds = int(time_s - session.from_s)
    return f"{seconds // 60}:{seconds % 60:02}"
