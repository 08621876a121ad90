"""Accounts at the broker: Mosquitto's password file and access list.

A device may write only what is its own, a spotter may read the devices that he watches,
and write only answers and requests.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery import home_assistant, owned_files
from monitor.delivery.messages import DEVICE_PATTERN, Topics

FOLDER = Path("/etc/mosquitto/rearguard")
FILE_MODE = 0o640
ROUNDS = 1000
"""PBKDF2 rounds. The password has 144 random bits: rounds protect chosen passwords, not these."""


class FolderError(RearguardError):
    """Root must not write into a folder that somebody else may write too."""


class Role(StrEnum):
    """Whom an account is for."""

    SPOTTER = "spotter"
    DEVICE = "device"
    HOME = "home"  # Home Assistant: a spotter that also looks for announcements, and announces itself


def rights(name: str, role: Role, *devices: str) -> list[str]:
    """What the account may do, as lines of Mosquitto's access list; a device's ``devices`` are itself."""
    reads: list[str] = []
    writes: list[str] = []
    for device in devices:
        topics = Topics(device)
        announcement = home_assistant.topic(device)
        if role is Role.DEVICE:
            proof = [topics.availability, topics.state, topics.check]  # its own, to know they are passed on
            reads += [topics.answers, topics.answer, topics.request, *proof, home_assistant.BIRTH_TOPIC]
            writes += [topics.availability, topics.state, topics.alert, topics.again, topics.clip]
            writes += [topics.check, announcement]
        else:
            reads += [topics.availability, topics.state, topics.alert, topics.again]
            reads += [topics.clip, topics.answers]  # one another's answers
            writes += [topics.answer_of(name), topics.request]
        if role is Role.HOME:
            writes.append(announcement)  # Home Assistant may delete the device
            if name != home_assistant.ACCOUNT:
                writes.append(topics.answer_of(home_assistant.ACCOUNT))
    if role is Role.HOME:
        reads.append("homeassistant/#")
        writes.append(home_assistant.BIRTH_TOPIC)
    return [*(f"topic read {topic}" for topic in reads), *(f"topic write {topic}" for topic in writes)]


def hashed(word: str, salt: bytes) -> str:
    """A password as Mosquitto keeps it: PBKDF2 with SHA-512 (mosquitto_passwd's format 7)."""
    digest = hashlib.pbkdf2_hmac("sha512", word.encode(), salt, ROUNDS, 64)
    return f"$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def add(folder: Path, name: str, device: str, role: Role = Role.SPOTTER) -> str:
    """Make (or renew) the account ``name``; its new password. Mosquitto must reload afterwards.

    Raises ValueError for names that are not allowed, FolderError,
    and OSError if the folder cannot be written.
    """
    if not re.fullmatch(DEVICE_PATTERN, name):
        raise ValueError(f"account name {name!r}: 1 to 32 of a-z, 0-9, _ and - are allowed")
    if (name == device) != (role is Role.DEVICE):
        raise ValueError(f"account name {name!r}: a device's account bears its name, and no other does")
    if name == home_assistant.ACCOUNT and role is not Role.HOME:
        raise ValueError(f"account name {name!r}: Home Assistant answers by it, so it is for --role home")
    section = [f"user {name}", *rights(name, role, device), ""]
    word = new_word()
    # Rights first: an account is there as soon as it has a password.
    rewrite(folder / "access", lambda lines: [*_without_section(lines, name), *section])
    rewrite(folder / "passwords", lambda lines: [*_without(lines, name), entry(name, word)])
    return word


def exists(folder: Path, name: str) -> bool:
    """Is there an account ``name``? Raises OSError if the folder cannot be read."""
    lines = read(folder / "passwords")
    return _without(lines, name) != lines


def lacking(folder: Path) -> dict[str, list[str]]:
    """What accounts of an earlier version lack of the rights that they are given today. Raises OSError."""
    found = {}
    for name, lines in sections(read(folder / "access")).items():
        devices = dict.fromkeys(
            device for line in lines for device in re.findall(f"rearguard/({DEVICE_PATTERN})/alert$", line)
        )
        spotter = Role.HOME if "topic read homeassistant/#" in lines else Role.SPOTTER
        needed = rights(name, Role.DEVICE if name in devices else spotter, *devices) if devices else []
        found[name] = [line for line in needed if line not in lines]
    return {name: lines for name, lines in found.items() if lines}


def grant(folder: Path) -> None:
    """Give every account what it is ``lacking``; its password stays. Raises FolderError, OSError."""
    more = {f"user {name}": lines for name, lines in lacking(folder).items()}
    rewrite(folder / "access", lambda lines: [one for line in lines for one in (line, *more.get(line, []))])


def remove(folder: Path, name: str) -> None:
    """Take the account ``name`` away. Raises ValueError if there is none, FolderError, OSError."""
    passwords = folder / "passwords"
    lines = read(passwords)
    if _without(lines, name) == lines:
        raise ValueError(f"there is no account {name!r} in {passwords}")
    rewrite(folder / "passwords", lambda lines: _without(lines, name))
    rewrite(folder / "access", lambda lines: _without_section(lines, name))


def sections(lines: Iterable[str]) -> dict[str, list[str]]:
    """What stands in an access list below each account's name; below "" what is for all."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line.startswith("user "):
            name = line.removeprefix("user ")
        found.setdefault(name, []).append(line)
    return found


def entry(name: str, word: str) -> str:
    """The account's line in Mosquitto's file of passwords."""
    return f"{name}:{hashed(word, secrets.token_bytes(12))}"


def new_word() -> str:
    """A password."""
    return secrets.token_urlsafe(18)


def _without(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if line.split(":", 1)[0] != name]


def _without_section(lines: list[str], name: str) -> list[str]:
    return [line for other, section in sections(lines).items() if other != name for line in section]


def rewrite(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Replace the file. It gets its folder's group, which is the broker's; the folder itself is root's."""
    folder = path.parent.stat()
    if os.geteuid() == 0 and folder.st_uid != 0:  # its owner could exchange what root writes
        raise FolderError(f"{path.parent} does not belong to root: sudo rearguard broker setup")
    text = "".join(f"{line}\n" for line in change(read(path)))
    owned_files.write(path, text, FILE_MODE, folder.st_gid)


def read(path: Path) -> list[str]:
    """The file's lines, none if there is no file. Raises OSError for a link."""
    try:
        opened = owned_files.open_itself(path)
    except FileNotFoundError:
        return []
    with os.fdopen(opened, encoding="utf-8") as file:
        return file.read().splitlines()
