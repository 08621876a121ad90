"""The journal's file: where it is, its tables, and how it is opened for writing."""

import sqlite3
from pathlib import Path

FILE = "journal.db"
PAGE_BYTES = 1024
"""Small: each commit writes whole pages. With 4096 a card must write twice as much (docs/journal.md)."""

VERSION = 1
APPLICATION_ID = 0x52474A31  # "RGJ1"

TABLES = """
CREATE TABLE IF NOT EXISTS session (id INTEGER PRIMARY KEY, boot TEXT NOT NULL UNIQUE, device TEXT NOT NULL,
    version TEXT NOT NULL, settings_hash TEXT NOT NULL, settings TEXT NOT NULL,
    began_s REAL NOT NULL, utc_offset_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS form (id INTEGER PRIMARY KEY, chip TEXT NOT NULL, g_per_count REAL NOT NULL,
    dps_per_count REAL NOT NULL, mounting TEXT NOT NULL,
    UNIQUE (chip, g_per_count, dps_per_count, mounting));
CREATE TABLE IF NOT EXISTS samples (session INTEGER NOT NULL, from_s REAL NOT NULL, to_s REAL NOT NULL,
    form INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS samples_by_time ON samples (session, from_s);
CREATE TABLE IF NOT EXISTS step (session INTEGER NOT NULL, time_s REAL NOT NULL, contact_s REAL NOT NULL,
    direction INTEGER NOT NULL, direction_score REAL NOT NULL, step_s REAL, cadence_spm REAL,
    sway_percent REAL, rhythm_percent REAL);
CREATE INDEX IF NOT EXISTS step_by_time ON step (session, time_s);
CREATE TABLE IF NOT EXISTS event (session INTEGER NOT NULL, time_s REAL NOT NULL, kind TEXT NOT NULL,
    reason TEXT NOT NULL, evidence TEXT NOT NULL, more TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_by_time ON event (session, time_s);
CREATE TABLE IF NOT EXISTS alert (session INTEGER NOT NULL, sequence INTEGER NOT NULL, incident TEXT NOT NULL,
    reported_s REAL NOT NULL, kind TEXT NOT NULL, stage TEXT NOT NULL, report TEXT NOT NULL,
    PRIMARY KEY (session, sequence));
CREATE INDEX IF NOT EXISTS alert_by_incident ON alert (incident);
CREATE TABLE IF NOT EXISTS input (session INTEGER NOT NULL, time_s REAL NOT NULL, kind TEXT NOT NULL,
    incident TEXT NOT NULL, who TEXT NOT NULL, report TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state (session INTEGER NOT NULL, time_s REAL NOT NULL, armed INTEGER NOT NULL,
    sound_paused INTEGER NOT NULL, waits_for TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hole (session INTEGER NOT NULL, from_s REAL NOT NULL, to_s REAL NOT NULL,
    reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS label (id INTEGER PRIMARY KEY, session INTEGER NOT NULL, time_s REAL NOT NULL,
    kind TEXT NOT NULL, label TEXT NOT NULL, incident TEXT NOT NULL, who TEXT NOT NULL, note TEXT NOT NULL,
    given_utc_s REAL NOT NULL);
"""


def opened(path: Path) -> sqlite3.Connection:
    """A journal to write to, made where there is none. Raises sqlite3.Error, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
    file = sqlite3.connect(path, timeout=5.0)
    try:
        (version,) = file.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise OSError(
                f"{path} is of version {version}, expected {VERSION}: move it away, or update Rearguard"
            )
        if version == 0:
            _make(file, path)
        file.execute("PRAGMA journal_mode = WAL")
    except BaseException:
        file.close()
        raise
    return file


def _make(file: sqlite3.Connection, path: Path) -> None:
    """The tables, all or none."""
    file.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("BEGIN IMMEDIATE")
    with file:
        if file.execute("PRAGMA user_version").fetchone() == (VERSION,):
            return  # another process was quicker
        if file.execute("SELECT count(*) FROM sqlite_schema").fetchone() != (0,):
            raise OSError(f"{path} is another program's database, expected a journal: name another file")
        for statement in TABLES.split(";"):
            file.execute(statement)
        file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        file.execute(f"PRAGMA user_version = {VERSION}")


def is_damaged(error: Exception) -> bool:
    """Whether the file itself is at fault, and not what is round it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def file_bytes(file: sqlite3.Connection) -> int:
    """Of the whole file."""
    return _pragma(file, "page_count") * _pragma(file, "page_size")


def free_bytes(file: sqlite3.Connection) -> int:
    """Inside the file: the pages of what was deleted."""
    return _pragma(file, "freelist_count") * _pragma(file, "page_size")


def _pragma(file: sqlite3.Connection, name: str) -> int:
    (value,) = file.execute(f"PRAGMA {name}").fetchone()
    return int(value)
