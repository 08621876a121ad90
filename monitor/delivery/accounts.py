"""Accounts at the broker: Mosquitto's password file and access list.

A device may write only what is its own, a spotter may read one device, and write
only answers and requests.
"""

import base64
import errno
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from monitor.delivery import home_assistant
from monitor.delivery.messages import DEVICE_PATTERN, Topics

FOLDER = Path("/etc/mosquitto/rearguard")
ROUNDS = 1000
"""PBKDF2 rounds. The password has 144 random bits: rounds protect chosen passwords, not these."""


class Role(StrEnum):
    """Whom an account is for."""

    SPOTTER = "spotter"
    DEVICE = "device"
    HOME = "home"  # Home Assistant: a spotter that also looks for announcements, and announces itself


def rights(device: str, role: Role) -> list[str]:
    """The account's section in Mosquitto's access list."""
    topics = Topics(device)
    announcement = home_assistant.topic(device)
    if role is Role.DEVICE:
        proof = [topics.availability, topics.state, topics.check]  # its own, to know that they are passed on
        reads = [topics.answer, topics.request, *proof, home_assistant.BIRTH_TOPIC]
        writes = [topics.availability, topics.state, topics.alert, topics.again, topics.check, announcement]
    else:
        reads = [topics.availability, topics.state, topics.alert, topics.again]
        reads.append(topics.answer)  # one another's
        writes = [topics.answer, topics.request]
    if role is Role.HOME:
        reads.append("homeassistant/#")
        writes += [home_assistant.BIRTH_TOPIC, announcement]  # Home Assistant may delete the device
    return [*(f"topic read {topic}" for topic in reads), *(f"topic write {topic}" for topic in writes)]


def hashed(word: str, salt: bytes) -> str:
    """A password as Mosquitto keeps it: PBKDF2 with SHA-512 (mosquitto_passwd's format 7)."""
    digest = hashlib.pbkdf2_hmac("sha512", word.encode(), salt, ROUNDS, 64)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def add(folder: Path, name: str, device: str, role: Role = Role.SPOTTER) -> str:
    """Make (or renew) the account ``name``; its new password. Mosquitto must reload afterwards.

    Raises ValueError for names that are not allowed, and
    OSError if the folder cannot be written.
    """
    if not re.fullmatch(DEVICE_PATTERN, name):
        raise ValueError(f"account name {name!r}: 1 to 32 of a-z, 0-9, _ and - are allowed")
    if (name == device) != (role is Role.DEVICE):
        raise ValueError(f"account name {name!r}: a device's account bears its name, and no other does")
    section = [f"user {name}", *rights(device, role), ""]
    word = secrets.token_urlsafe(18)
    _rewrite(folder / "passwords", lambda lines: [*_without(lines, name), _entry(name, word)])
    _rewrite(folder / "access", lambda lines: [*_without_section(lines, name), *section])
    return word


def exists(folder: Path, name: str) -> bool:
    """Is there an account ``name``? Raises OSError if the folder cannot be read."""
    lines = _lines(folder / "passwords")
    return _without(lines, name) != lines


def remove(folder: Path, name: str) -> None:
    """Take the account ``name`` away. Raises ValueError if there is none, and OSError."""
    passwords = folder / "passwords"
    lines = _lines(passwords)
    if _without(lines, name) == lines:
        raise ValueError(f"there is no account {name!r} in {passwords}")
    _rewrite(folder / "passwords", lambda lines: _without(lines, name))
    _rewrite(folder / "access", lambda lines: _without_section(lines, name))


def _entry(name: str, word: str) -> str:
    return f"{name}:{hashed(word, secrets.token_bytes(12))}"


def _without(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if line.split(":", 1)[0] != name]


def _without_section(lines: list[str], name: str) -> list[str]:
    kept, ours = [], False
    for line in lines:
        if line.startswith("user "):
            ours = line == f"user {name}"
        if not ours:
            kept.append(line)
    return kept


def _rewrite(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Replace the file in one step: the broker, whose group the folder has, may read it at any moment.

    In an older folder the broker's user may write, and root writes here: no link is followed, and only a file
    that was made here is given away.
    """
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    lines = change(_lines(path))
    made = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(made, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fchmod(file.fileno(), 0o640)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _lines(path: Path) -> list[str]:
    """Raises OSError for a link."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{path} is a link, expected a file: remove it") from None
        raise
    with os.fdopen(opened, encoding="utf-8") as file:
        return file.read().splitlines()
