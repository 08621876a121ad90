"""What the journal lets go of: samples that are too old or too many, those round alerts last."""

import sqlite3

from monitor.core.alarm_rules import DANGERS
from monitor.recordings.journal.file import file_bytes, free_bytes

ROWS = 500
"""So many rows of samples go at a time."""

KEEP_S = 30.0
"""Samples this near to an alert or a label are its clip."""

_AROUND = f"BETWEEN s.from_s - {KEEP_S} AND s.to_s + {KEEP_S}"
_KINDS = ", ".join(f"'{kind}'" for kind in sorted(DANGERS))
_NEAR_ALERT = f"""EXISTS (SELECT 1 FROM alert a WHERE a.session = s.session AND a.kind IN ({_KINDS})
    AND a.reported_s {_AROUND})"""
_NEAR_LABEL = f"EXISTS (SELECT 1 FROM label l WHERE l.session = s.session AND l.time_s {_AROUND})"
_NEAR_UNLABELLED = f"""EXISTS (SELECT 1 FROM alert a WHERE a.session = s.session AND a.kind IN ({_KINDS})
    AND a.reported_s {_AROUND} AND NOT EXISTS (SELECT 1 FROM label l WHERE l.incident = a.incident))"""


def tidy(file: sqlite3.Connection, largest_bytes: float, oldest_utc_s: float) -> None:
    """Let go of samples: older ones than that, then the oldest until no more than ``largest_bytes`` are used.

    Clips go last, and those of alerts that nobody has labelled never.
    """
    plain = f"NOT {_NEAR_ALERT} AND NOT {_NEAR_LABEL}"
    begun = "SELECT id, ? - utc_offset_s FROM session WHERE began_s + utc_offset_s < ?"
    for session in file.execute(begun, (oldest_utc_s, oldest_utc_s)).fetchall():
        while _delete(file, f"s.session = ? AND s.from_s < ? AND {plain}", session):
            pass
    for rest in (plain, f"NOT {_NEAR_UNLABELLED}"):
        while file_bytes(file) - free_bytes(file) > largest_bytes and _delete(file, rest, ()):
            pass


def _delete(file: sqlite3.Connection, condition: str, values: tuple[float, ...]) -> int:
    """The oldest rows of samples that meet the condition, some at a time; how many went."""
    with file:
        chosen = f"SELECT s.rowid FROM samples s WHERE {condition} ORDER BY s.rowid LIMIT {ROWS}"
        return file.execute(f"DELETE FROM samples WHERE rowid IN ({chosen})", values).rowcount
