"""The report of ``evaluate`` as text for people, no wider than 100 columns."""

from collections.abc import Iterator, Sequence

from monitor.recordings.arrays import KINDS
from monitor.recordings.scoring import FALL_KINDS, Score


def table(report: Score) -> str:
    """``report`` as lines of text; intervals are 95 %."""
    parts = (_trials, _falls, _starts, _stumbles, _steps, _directions, _activities)
    return "\n".join(line.rstrip() for part in parts for line in part(report))


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
        yield _row(widths, name, *counts, f"{sum(part['hours'].values()):.2f}", speed)


def _falls(report: Score) -> Iterator[str]:
    widths = (-10, -9, 22, 22, 18, 16)
    yield ""
    yield _row(widths, "Falls", "alarm", "sensitivity", "specificity", "false/h daily", "walking")
    for name, part in report.items():
        for kind in ("any", *(kind.value for kind in FALL_KINDS)):
            score = part["fall"] if kind == "any" else part["fall"][kind]
            yield _row(
                widths,
                name if kind == "any" else "",
                kind,
                _percent(score, "sensitivity"),
                _percent(score, "specificity"),
                _rate(score, "false_alarms_per_hour_daily"),
                _rate(score, "false_alarms_per_hour_walk"),
            )


def _starts(report: Score) -> Iterator[str]:
    widths = (-10, -22, 22, 22, 9, 6)
    yield ""
    yield _row(widths, "Falls", "that begin", "any alarm", "before impact", "lead ms", "p10")
    for name, part in report.items():
        for start, score in (part["falls_by_start"] or {}).items():
            timed = score if "before_impact" in score else None
            yield _row(
                widths,
                name,
                start.replace("_", " "),
                _percent(score, "any"),
                _percent(timed, "before_impact"),
                _number(timed, "lead_s_median", 1000),
                _number(timed, "lead_s_p10", 1000),
            )


def _stumbles(report: Score) -> Iterator[str]:
    widths = (-12, 22, 18, 14, 18, 10)
    yield ""
    yield _row(
        widths, "Stumbles", "sensitivity", "false/h walking", "after peak", "unsafe: amber/100", "red/100"
    )
    for name, part in report.items():
        if part["stumble"]:
            yield _row(
                widths,
                name,
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
            yield name, data_set[part]
            activities = {key: a for key, a in data_set["activities"].items() if a.get(part)}
            if name != "all" and len(activities) > 1:
                for key, activity in activities.items():
                    end = key if len(key) <= width - 2 else f"..{key[4 - width :]}"
                    yield f"  {end}", activity[part]


def _steps(report: Score) -> Iterator[str]:
    widths = (-32, 7, 22, 22, 8, 9)
    yield ""
    yield _row(widths, "Steps", "F1", "precision", "recall", "sd", "lag")
    for name, score in _with_activities(report, "steps", 31):
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
    yield ""
    yield _row(widths, "Direction", "", "right", "wrong", "unknown")
    for name, ways in _with_activities(report, "direction", 25):
        for way, score in ways.items():
            if score:
                yield _row(
                    widths, name, way, *(_percent(score, key) for key in ("right", "wrong", "unknown"))
                )


def _activities(report: Score) -> Iterator[str]:
    widths = (-60, 8, 10, 9, 7)
    yield ""
    yield _row(
        widths, "Activities with misses or false alarms", "trials", *(kind.value for kind in FALL_KINDS)
    )
    for name, part in report.items():
        for activity, score in part["activities"].items() if name != "all" else ():
            wrong = score["missed"] if score["kind"] == "fall" else score["false_alarms"]
            counts = [len(wrong[kind.value]) for kind in FALL_KINDS]
            if any(counts):
                what = f"{name} {activity} {score['description']}"[:59]
                yield _row(widths, what, score["trials"], *counts)
