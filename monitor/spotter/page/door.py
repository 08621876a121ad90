"""Who may come in: invitations by link or code, and the sessions that come of them.

A session belongs to a name that the walker's side chose, and every answer bears that name: what a browser
says of itself counts for nothing. Only digests of the secrets are kept. Times are wall times, as they must
outlive a restart.
"""

import hashlib
import logging
import os
import re
import secrets
import sqlite3
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery.messages import printable
from monitor.delivery.read_only import is_read_only, read_only_uri

INVITATION_S = 600.0
CARD_INVITATION_S = 3600.0
"""By a code written on the card: nobody stands beside the device at the moment when it is ready."""
CHOSEN = re.compile(r"(?=.*[a-z])[a-z0-9-]{8,31}", re.IGNORECASE | re.ASCII)
"""A code that somebody chose: longer than ours, shorter than a link, no date. Case does not count."""
CHOSEN_WORDS = "8 to 31 letters, digits and hyphens, with a letter among them"
SESSION_S = 180 * 86_400.0
"""Of a session that is not used."""
SEEN_EVERY_S = 3600.0
"""A session's use is written down at most so often: cards wear."""

MINUTE_S = 60.0
WRONG_PER_MINUTE = 5
"""Wrong codes from one address; and twice as many from all together."""
WRONG_PER_INVITATION = 20
"""So many wrong codes, from wherever, end every code (one in 50,000 guesses right); the links stay good."""

LONGEST_NAME = 32

WAIT_MS = 1000
"""So long another program at the file is waited for, and with it all phones."""

TABLES = """
CREATE TABLE IF NOT EXISTS invitations (
    code TEXT PRIMARY KEY, link TEXT UNIQUE, name TEXT, until_s REAL, wrong INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS sessions (secret TEXT PRIMARY KEY, name TEXT, since_s REAL, seen_s REAL);
CREATE TABLE IF NOT EXISTS subscriptions (
    secret TEXT PRIMARY KEY REFERENCES sessions ON DELETE CASCADE, origin TEXT, subscription TEXT);
CREATE TABLE IF NOT EXISTS watches (name TEXT PRIMARY KEY, devices TEXT);
"""


_log = logging.getLogger(__name__)


class DoorError(RearguardError):
    """The door's file cannot be used, or the name cannot be had."""


class TooManyError(Exception):
    """Too many wrong codes: nobody is let in by code for a minute."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Good for one entry, by either, in time."""

    name: str
    code: str
    link: str


class Door:
    """One thread's own; the file may have several users. Raises DoorError.

    On a disk that is read-only it knows who has come in, and lets in nobody else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wrong_s: dict[str, deque[float]] = {}
        if path.exists() and is_read_only(path):
            self._file = sqlite3.connect(read_only_uri(path), uri=True, isolation_level=None)
            _log.warning("%s is on a read-only disk: nobody new is let in", path)
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.fchmod(made, 0o600)
                if os.geteuid() == 0:  # `page pair` by root, before the service itself has made it
                    owner = path.parent.stat()
                    os.fchown(made, owner.st_uid, owner.st_gid)
            finally:
                os.close(made)
            self._file = sqlite3.connect(path, timeout=WAIT_MS / 1000, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        try:
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA foreign_keys=ON")
            self._file.executescript(TABLES)
        except sqlite3.Error as error:
            self._file.close()
            raise self._unusable(error) from None

    def invite(
        self, name: str, now_s: float, good_s: float = INVITATION_S, *, chosen: str = ""
    ) -> Invitation:
        """Make an invitation for ``name``, by the code ``chosen`` if there is one; his earlier ones end.

        Raises DoorError.
        """
        name = _shown(name)
        if not 1 <= len(name) <= LONGEST_NAME:
            raise DoorError(f"a spotter's name has 1 to {LONGEST_NAME} letters, found {len(name)}")
        if chosen and not CHOSEN.fullmatch(chosen):
            raise DoorError(f"the code for {name} must be {CHOSEN_WORDS}")
        code = chosen.lower() or f"{secrets.randbelow(1_000_000):06d}"
        invitation = Invitation(name, code, secrets.token_urlsafe(24))  # 32 letters
        with self._whole():
            self._do("DELETE FROM invitations WHERE name = ? OR until_s < ?", name, now_s)
            self._do(
                "INSERT OR REPLACE INTO invitations (code, link, name, until_s) VALUES (?, ?, ?, ?)",
                _digest(invitation.code),
                _digest(invitation.link),
                name,
                now_s + good_s,
            )
        return invitation

    def enter(self, word: str, address: str, now_s: float) -> str | None:
        """The secret of a new session for a code or a link's word, None if it opens nothing.

        Raises TooManyError.
        """
        by_code = bool((word.isdecimal() and len(word) == 6) or CHOSEN.fullmatch(word))
        if by_code:
            word = word.lower()
            self._allow(address, now_s)
        secret = secrets.token_urlsafe(32)
        with self._whole():  # whoever is put out meanwhile is out
            found = self._do(
                "DELETE FROM invitations WHERE (code = ? OR link = ?) AND until_s >= ? RETURNING name",
                _digest(word),
                _digest(word),
                now_s,
            ).fetchall()
            for (name,) in found[:1]:
                self._do("INSERT INTO sessions VALUES (?, ?, ?, ?)", _digest(secret), name, now_s, now_s)
            if by_code and not found:
                self._count(address, now_s)
        return secret if found else None

    def name_of(self, secret: str, now_s: float) -> str | None:
        """Whose session this is; None if it is none, or too old."""
        key = _digest(secret)
        found = self._do("SELECT name, seen_s FROM sessions WHERE secret = ?", key).fetchone()
        if found is None:
            return None
        name, seen_s = found
        if now_s - seen_s > SESSION_S:
            self._note("DELETE FROM sessions WHERE secret = ?", key)
            return None
        if now_s - seen_s > SEEN_EVERY_S:
            self._note("UPDATE sessions SET seen_s = ? WHERE secret = ?", now_s, key)
        return str(name)

    def leave(self, secret: str) -> None:
        """End a session."""
        self._do("DELETE FROM sessions WHERE secret = ?", _digest(secret))

    def put_out(self, name: str) -> int:
        """End every session and invitation of this name; how many sessions."""
        name = _shown(name)
        with self._whole():
            self._do("DELETE FROM invitations WHERE name = ?", name)
            self._do("DELETE FROM watches WHERE name = ?", name)
            return self._do("DELETE FROM sessions WHERE name = ?", name).rowcount

    def names(self, now_s: float) -> list[str]:
        """Who has a session, or an invitation, that is still good."""
        rows = self._do(
            "SELECT name FROM sessions WHERE seen_s >= ? UNION "
            "SELECT name FROM invitations WHERE until_s >= ? ORDER BY 1",
            now_s - SESSION_S,
            now_s,
        )
        return [str(row[0]) for row in rows]

    def set_watches(self, name: str, devices: Collection[str]) -> None:
        """Whom this name watches, and is rung for, from now on; all if ``devices`` is empty."""
        name = _shown(name)
        with self._whole():
            self._do("DELETE FROM watches WHERE name = ?", name)
            if devices:
                self._do("INSERT INTO watches VALUES (?, ?)", name, " ".join(sorted(devices)))

    def watches(self) -> dict[str, frozenset[str]]:
        """The devices that each name watches; who is not in it watches all."""
        if not self._do("SELECT 1 FROM sqlite_master WHERE name = 'watches'").fetchone():
            return {}  # an older version's file, on a read-only disk
        rows = self._do("SELECT name, devices FROM watches ORDER BY name")
        return {str(name): frozenset(str(devices).split()) for name, devices in rows}

    def subscribe(self, secret: str, origin: str, subscription: str) -> None:
        """Push messages of this session go there; "" for nowhere. They end with the session.

        Where an earlier session's went, as of a phone that came in again, they go once.
        """
        with self._whole():
            self.forget(_digest(secret))
            self._do("DELETE FROM subscriptions WHERE subscription = ?", subscription)
            if subscription:
                row = (_digest(secret), origin, subscription)
                self._do("INSERT INTO subscriptions VALUES (?, ?, ?)", *row)

    def forget(self, key: str) -> None:
        """The push service knows this subscription no longer."""
        self._do("DELETE FROM subscriptions WHERE secret = ?", key)

    def subscriptions(self) -> list[tuple[str, str, str, str]]:
        """Key, origin and subscription of every session that has one, and the session's name."""
        rows = self._do(
            "SELECT sessions.secret, origin, subscription, name FROM subscriptions "
            "JOIN sessions ON sessions.secret = subscriptions.secret"
        )
        return [(str(key), str(origin), str(text), str(name)) for key, origin, text, name in rows]

    def close(self) -> None:
        self._file.close()

    def _allow(self, address: str, now_s: float) -> None:
        for at_s in self._wrong_s.values():
            while at_s and now_s - at_s[0] > MINUTE_S:
                at_s.popleft()
        self._wrong_s = {one: at_s for one, at_s in self._wrong_s.items() if at_s}
        together = sum(len(at_s) for at_s in self._wrong_s.values())
        if len(self._wrong_s.get(address, ())) >= WRONG_PER_MINUTE or together >= 2 * WRONG_PER_MINUTE:
            raise TooManyError

    def _count(self, address: str, now_s: float) -> None:
        self._wrong_s.setdefault(address, deque()).append(now_s)
        self._do("UPDATE invitations SET wrong = wrong + 1")
        self._do("UPDATE invitations SET code = link WHERE wrong >= ?", WRONG_PER_INVITATION)

    def _do(self, words: str, *values: str | float) -> sqlite3.Cursor:
        try:
            return self._file.execute(words, values)
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What is done within is done all at once, or not at all."""
        self._do("BEGIN IMMEDIATE")
        try:
            yield
            self._do("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._file.execute("ROLLBACK")
            raise

    def _note(self, words: str, *values: str | float) -> None:
        """Write it if that can be done at once: it may fail, and nobody waits for it."""
        self._file.execute("PRAGMA busy_timeout = 0")
        with suppress(sqlite3.Error):
            self._file.execute(words, values)
        self._file.execute(f"PRAGMA busy_timeout = {WAIT_MS}")

    def _unusable(self, error: Exception) -> DoorError:
        return DoorError(f"cannot use {self._path}: {error}; set page.folder to a folder of your own")


def _shown(name: str) -> str:
    return printable(name).strip()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
