"""The report of ``evaluate`` as text for people, no wider than 100 columns."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from monitor.recordings.arrays import KINDS
from monitor.recordings.scoring import FALL_KINDS, Score

WIDTH = 100

LEGEND = """\
a (b-c)         a share, and between b and c with a certainty of 95 %
a (n)           a per hour, n in all; 0 (<c) where there were none: below c with that certainty
Falls           sensitivity: falls with that alarm. specificity: other recordings without it.
                early: falls with an alarm more than 0.25 s before the onset, or 1.5 s before the
                impact where no onset is known. false/h: false alarms per hour of daily life, and of
                walking. falling is on the way down, impact after the blow, down lying afterwards.
before impact   falls in which falling was said before the impact; by how much: median, and the
                lead that 90 % of them reach (p10)
after peak      from the largest acceleration of a stumble to its alarm, median
unsafe          steps called unsafe, and those above the score for red, per 100 steps of walking
Steps           a step counts when it is found within 0.25 s, after one constant lag per data set;
                sd of what is left. Only where the recording has true contacts
Direction       of the time in labelled stretches, from 2.5 s after their beginning"""


def table(report: Score) -> str:
    """``report`` as lines of text, then what its columns mean; intervals are 95 %."""
    parts = (_trials, _falls, _starts, _stumbles, _steps, _directions, _activities)
    shown = ([line.rstrip() for line in part(report)] for part in parts)
    sections = ["\n".join(lines) for lines in shown if len(lines) > 1]  # more than the heading
    return "\n\n".join([*sections, LEGEND])


def _percent(score: Score | None, name: str, digits: int = 1) -> str:
    """``99.5 % (98.7-99.9)``, or a dash where nothing was there to count."""
    if score is None or score[name] is None:
        return "-"
    low, high = (f"{100 * limit:.{digits}f}" for limit in score[f"{name}_ci95"])
    return f"{100 * score[name]:.{digits}f} % ({low}-{high})"


def _rate(score: Score, name: str) -> str:
    """``0.51 (2)``: per hour, and how many there were; the interval's top where there were none."""
    if score[name] is None:
        return "-"
    count = score[f"{name}_n"][0]
    return f"{score[name]:.2f} ({count})" if count else f"0 (<{score[f'{name}_ci95'][1]:.1f})"


def _number(score: Score | None, name: str, factor: float = 1.0, digits: int = 0, unit: str = "") -> str:
    return "-" if score is None or score[name] is None else f"{factor * score[name]:.{digits}f}{unit}"


def _short(name: str, width: int) -> str:
    """A name that leaves a space in a column of ``width``."""
    return name if len(name) < width else f"{name[: width - 3]}.."


def _row(widths: Sequence[int], *cells: object) -> str:
    """Cells in columns; a negative width puts the text to the left."""
    return "".join(
        f"{cell!s:<{-width}}" if width < 0 else f"{cell!s:>{width}}"
        for width, cell in zip(widths, cells, strict=True)
    )


def _trials(report: Score) -> Iterator[str]:
    widths = (-12, 7, 10, 8, 8, 9, 15)
    yield _row(widths, "Recordings", "falls", "stumbles", "walks", "daily", "hours", "detector s/h")
    for name, part in report.items():
        counts = [part["trials"].get(kind, 0) for kind in KINDS]
        speed = _number(part["speed"], "seconds_per_hour", digits=2)
        yield _row(widths, _short(name, 12), *counts, f"{sum(part['hours'].values()):.2f}", speed)
    for doubt in report["all"]["axes"]:
        yield from wrap(doubt, WIDTH, subsequent_indent="  ")


def _falls(report: Score) -> Iterator[str]:
    widths = (-12, -8, 21, 21, 7, 16, 15)
    yield _row(widths, "Falls", "alarm", "sensitivity", "specificity", "early", "false/h daily", "walking")
    for name, part in report.items():
        for kind in ("any", *(kind.value for kind in FALL_KINDS)):
            score = part["fall"] if kind == "any" else part["fall"][kind]
            yield _row(
                widths,
                _short(name, 12) if kind == "any" else "",
                kind,
                _percent(score, "sensitivity"),
                _percent(score, "specificity"),
                score["before_window_n"][0] if score["before_window_n"][1] else "-",
                _rate(score, "false_alarms_per_hour_daily"),
                _rate(score, "false_alarms_per_hour_walk"),
            )
    for name, part in report.items():
        if "false_alarms_per_day" in part["fall"] and name != "all":
            rate = _rate(part["fall"], "false_alarms_per_day")
            days = part["fall"]["false_alarms_per_day_n"][1]
            yield f"{name}: false alarms per day {rate}, in {days:.1f} days of long recordings"


def _starts(report: Score) -> Iterator[str]:
    widths = (-12, -22, 22, 22, 9, 6)
    yield _row(widths, "Falls", "that begin", "any alarm", "before impact", "lead ms", "p10")
    for name, part in report.items():
        for start, score in (part["falls_by_start"] or {}).items():
            timed = score if "before_impact" in score else None
            yield _row(
                widths,
                _short(name, 12),
                start.replace("anyhow", "in any way").replace("_", " "),
                _percent(score, "any"),
                _percent(timed, "before_impact"),
                _number(timed, "lead_s_median", 1000),
                _number(timed, "lead_s_p10", 1000),
            )
    falling = report["all"]["falling"] or {"unlabelled": 0, "cut_short": 0}
    if falling["unlabelled"]:
        yield f"falls without a labelled impact: {falling['unlabelled']}; it is taken to be their largest"
        yield "  acceleration, after the onset where that is known"
    if falling["cut_short"]:
        yield f"falls that end within 1.5 s of the impact: {falling['cut_short']}; who is down hardly shows"


def _stumbles(report: Score) -> Iterator[str]:
    widths = (-12, 22, 18, 14, 18, 10)
    yield _row(
        widths, "Stumbles", "sensitivity", "false/h walking", "after peak", "unsafe: amber/100", "red/100"
    )
    for name, part in report.items():
        if part["stumble"]:
            yield _row(
                widths,
                _short(name, 12),
                _percent(part["stumble"], "sensitivity"),
                _rate(part["stumble"], "false_alarms_per_hour_walk"),
                _number(part["stumble"], "after_peak_s_median", 1000, unit=" ms"),
                _number(part["unsafe_step"], "amber_per_100", digits=2),
                _number(part["unsafe_step"], "red_per_100", digits=2),
            )


def _with_activities(report: Score, part: str, width: int) -> Iterator[tuple[str, Score]]:
    """A part of every data set, and of its activities where it has several; names cut to ``width``."""
    for name, data_set in report.items():
        if data_set[part]:
            yield _short(name, width), data_set[part]
            activities = {key: a for key, a in data_set["activities"].items() if a.get(part)}
            if name != "all" and len(activities) > 1:
                for key, activity in activities.items():
                    yield f"  {_short(key, width - 2)}", activity[part]


def _steps(report: Score) -> Iterator[str]:
    widths = (-32, 7, 22, 22, 8, 9)
    yield _row(widths, "Steps", "F1", "precision", "recall", "sd", "lag")
    for name, score in _with_activities(report, "steps", 32):
        yield _row(
            widths,
            name,
            _number(score, "f1", digits=3),
            _percent(score, "precision"),
            _percent(score, "recall"),
            _number(score, "timing_sd_s", 1000, unit=" ms"),
            _number(score, "lag_s", 1000, unit=" ms"),
        )


def _directions(report: Score) -> Iterator[str]:
    widths = (-26, -8, 22, 22, 22)
    yield _row(widths, "Direction", "", "right", "wrong", "unknown")
    for name, ways in _with_activities(report, "direction", 26):
        for way, score in ways.items():
            if score:
                yield _row(
                    widths, name, way, *(_percent(score, key) for key in ("right", "wrong", "unknown"))
                )


def _activities(report: Score) -> Iterator[str]:
    widths = (-60, 8, 10, 9, 7)
    yield _row(
        widths, "Activities with misses or false alarms", "trials", *(kind.value for kind in FALL_KINDS)
    )
    for name, part in report.items():
        for activity, score in part["activities"].items() if name != "all" else ():
            wrong = [score[part] for part in ("missed", "false_alarms") if part in score]
            counts = [sum(len(names[kind.value]) for names in wrong) for kind in FALL_KINDS]
            if any(counts):
                what = f"{name} {activity} {score['description']}"[:59]
                yield _row(widths, what, score["trials"], *counts)
