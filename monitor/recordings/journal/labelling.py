"""Labels that are given while a session is recorded: by an answer, by the button, from the spotter's page."""

import json
import sqlite3
from collections.abc import Sequence

from monitor.core.alarm_rules import DANGERS
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Input, InputKind, Stage

WALKER = "walker"
"""Who pressed the button, in the alarm's words."""

REPEATED_S = 1.0
"""The same said again of a moment so near is the same message once more."""


def write(
    file: sqlite3.Connection,
    session: int | None,
    alerts: Sequence[tuple[float, Alert]],
    inputs: Sequence[tuple[float, Input]],
    offset_s: float,
) -> list[str]:
    """Write what these say into the table `label`; the incidents among them that are not known.

    Each comes with the end of its block, in monotonic seconds of ``session``; ``offset_s`` more is wall time.
    An incident may be of an earlier session; each person has one label for it, the last.
    """
    unknown = []
    for end_s, alert in alerts:
        if alert.stage is Stage.CANCELLED and not _is_up_again(alert):
            _label_incident(file, alert.id, "false", alert.who, end_s + offset_s)
    for end_s, given in inputs:
        if given.kind is not InputKind.LABEL:
            continue
        given_utc_s = end_s + offset_s - given.age_s
        if not given.alert_id:
            _label_moment(file, session, end_s, given, given_utc_s)
        elif not _label_incident(file, given.alert_id, given.label, given.who, given_utc_s):
            unknown.append(given.alert_id)
    return unknown


def _is_up_again(alert: Alert) -> bool:
    """Is it the walker's "I'm OK" after a confirmed fall? It may well have been one."""
    confirmed_fall = alert.kind is AlertKind.FALL and alert.certainty is Certainty.CONFIRMED
    return confirmed_fall and alert.who == WALKER


def _label_incident(file: sqlite3.Connection, incident: str, label: str, who: str, utc_s: float) -> bool:
    """At the incident's first report, of the kind it came to; False where no such incident is known."""
    reports = file.execute(
        "SELECT session, kind, report FROM alert WHERE incident = ? ORDER BY session, sequence", (incident,)
    ).fetchall()
    if not reports or reports[-1][1] not in DANGERS:
        return False
    (session, _, first), kind = reports[0], reports[-1][1]
    file.execute("DELETE FROM label WHERE incident = ? AND who = ?", (incident, who))
    _insert(file, (session, json.loads(first)["time_s"], kind, label, incident, who, utc_s))
    return True


def _label_moment(
    file: sqlite3.Connection, session: int | None, time_s: float, given: Input, utc_s: float
) -> None:
    kind = given.about or ""
    file.execute(
        "DELETE FROM label WHERE (session, incident, kind, label, who) = (?, '', ?, ?, ?) "
        "AND abs(time_s - ?) < ?",
        (session, kind, given.label, given.who, time_s, REPEATED_S),
    )
    _insert(file, (session, time_s, kind, given.label, "", given.who, utc_s))


def _insert(file: sqlite3.Connection, row: tuple[object, ...]) -> None:
    file.execute(
        "INSERT INTO label (session, time_s, kind, label, incident, who, note, given_utc_s) "
        "VALUES (?, ?, ?, ?, ?, ?, '', ?)",
        row,
    )
