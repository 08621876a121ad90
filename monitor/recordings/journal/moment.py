"""A moment in the journal as people name it: the last alert, an alert's id, a time of a session or of day."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product
from math import inf

from monitor.core.alarm_rules import DANGERS
from monitor.core.vocabulary import Alert
from monitor.recordings.journal.sessions import JournalError, Session

EXPECTED = (
    "expected `last`, an alert's id, a session and a time in it such as 12+3:05, a time of day such as 14:03 "
    "or 14:03:22, or a date and a time such as '2026-05-31 14:03:22'"
)
NEAR_S = 60.0
"""A time of day may miss a session by so much."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of a session, and the alert that was asked for, if it was one."""

    session: Session
    time_s: float
    alert: Alert | None = None


def moment(found: Sequence[Session], text: str) -> Moment:
    """What ``text`` means among these sessions, the oldest first. Raises JournalError."""
    if not found:
        raise JournalError("the journal holds no session yet: `rearguard run` records them")
    if text == "last":
        return _alert(found, text, lambda alert: alert.kind in DANGERS)
    if match := re.fullmatch(r"(\d+)\+([\d:.]+)", text):
        session = numbered(found, int(match[1]))
        return _inside(session, session.from_s + seconds(match[2]), text)
    if clock := re.fullmatch(r"(?:(2\d{3}-\d\d-\d\d)[ T])?(\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)", text):
        return _at_clock(found, clock[1], clock[2], text)
    return _alert(found, text, lambda alert: alert.id == text)


def numbered(found: Sequence[Session], number: int) -> Session:
    """The session of that number. Raises JournalError."""
    for session in found:
        if session.number == number:
            return session
    known = "there are none"
    if found:
        first, last = found[0].number, found[-1].number
        known = f"there are {first} to {last}" if first < last else f"there is only {first}"
    raise JournalError(f"no session {number}; {known}: `rearguard sessions` lists them")


def seconds(text: str) -> float:
    """Seconds, minutes:seconds or hours:minutes:seconds. Raises JournalError."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0.0 <= part < inf for part in parts):
        raise JournalError(f"{text!r}: expected seconds, or minutes:seconds, such as 185 or 3:05")
    return sum(part * 60.0**i for i, part in enumerate(reversed(parts)))


def clock(seconds: float) -> str:
    """Minutes:seconds.tenths, as `seconds` reads it."""
    tenths = round(max(0.0, seconds) * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


def _alert(found: Sequence[Session], text: str, wanted: Callable[[Alert], bool]) -> Moment:
    for session in reversed(found):
        alerts = session.alerts()
        for alert in reversed(alerts):
            if wanted(alert):  # as what it came to: an unsafe step may have become a fall
                return _first(found, alert)
    if text == "last":
        raise JournalError("no alert in the journal: name a moment, such as 14:03:22 or 12+3:05")
    raise JournalError(f"{text!r}: {EXPECTED}")


def _first(found: Sequence[Session], alert: Alert) -> Moment:
    """Where its incident was first reported as that: after a restart the next session reports it again."""
    return next(
        Moment(session, first.time_s, first)
        for session in found
        for first in session.alerts()
        if (first.id, first.kind) == (alert.id, alert.kind)
    )


def _at_clock(found: Sequence[Session], named: str | None, shown: str, text: str) -> Moment:
    """The latest session in which the wall clock showed this; of a minute its first alert, if it has one."""
    try:
        asked = date.fromisoformat(named) if named else None
        clock = time.fromisoformat(f"0{shown}" if shown[1] == ":" else shown)
    except ValueError as error:
        raise JournalError(f"{text!r}: {error}; {EXPECTED}") from error
    best: tuple[float, float, Session] | None = None
    for session in reversed(found):
        last = session.local(session.to_s).date()  # the day before: it may have run past midnight
        days = [asked] if asked else [last + timedelta(days=days) for days in (1, 0, -1)]
        for day, fold in product(days, (0, 1)):  # an hour of the night in autumn comes twice
            wall = datetime.combine(day, clock.replace(fold=fold))
            time_s = wall.timestamp() - session.utc_offset_s
            misses_s = max(session.from_s - time_s, time_s - session.to_s, 0.0)
            if misses_s <= NEAR_S and (best is None or misses_s < best[0]):
                best = misses_s, time_s, session
    if best is None:
        raise JournalError(f"{text}: no session was recorded then: `rearguard sessions` lists them")
    _, time_s, session = best
    minute_s = 60.0 if shown.count(":") == 1 else 0.0
    for alert in session.alerts():
        if alert.kind in DANGERS and not alert.stage.ended and 0.0 <= alert.time_s - time_s < minute_s:
            return Moment(session, alert.time_s, alert)
    return Moment(session, min(max(time_s, session.from_s), session.to_s))


def _inside(session: Session, time_s: float, text: str) -> Moment:
    if not session.from_s <= time_s <= session.to_s + 1.0:
        raise JournalError(f"{text}: session {session.number} lasted {session.duration_s:.0f} s")
    return Moment(session, time_s)
