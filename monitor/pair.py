"""``rearguard pair``: an account at the broker for a spotter or a device, and the QR code that carries it.

A device may write only what is its own, a spotter may read one device and write only answers and requests.
"""

import base64
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TextIO
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from monitor import homeassistant
from monitor.credentials import SecretError
from monitor.messages import DEVICE_PATTERN, Topics
from monitor.mqtt import Invitation, MqttSettings

FOLDER = Path("/etc/mosquitto/rearguard")
ROUNDS = 1000
"""PBKDF2 rounds. The password has 144 random bits: rounds protect chosen passwords, not these."""


class Role(StrEnum):
    """Whom an account is for."""

    SPOTTER = "spotter"
    DEVICE = "device"
    HOME = "home"  # Home Assistant: a spotter that also looks for announcements, and announces itself


def pair(
    name: str, device: str, role: Role, host: str, port: int, folder: Path = FOLDER, out: TextIO | None = None
) -> None:
    """Make the account and show it. Raises what ``add`` raises."""
    out = out or sys.stdout
    word = add(folder, name, device, role)
    if role is Role.SPOTTER:
        show(address(name, word, device, host, port), out)
    else:
        out.write(f"account {name}, password {word}\n")
    out.write("Now let the broker read it: sudo systemctl reload mosquitto\n")


def unpair(name: str, folder: Path = FOLDER, out: TextIO | None = None) -> None:
    """Take the account away and say what is next. Raises what ``remove`` raises."""
    remove(folder, name)
    # A reload would leave a connection open that stands.
    (out or sys.stdout).write(f"account {name} is gone. Put it out: sudo systemctl restart mosquitto\n")


def rights(device: str, role: Role) -> list[str]:
    """The account's section in Mosquitto's access list."""
    topics = Topics(device)
    announcement = homeassistant.topic(device)
    if role is Role.DEVICE:
        reads = [topics.answer, topics.request, homeassistant.BIRTH_TOPIC]
        writes = [topics.availability, topics.state, topics.alert, topics.check, announcement]
    else:
        reads, writes = [topics.availability, topics.state, topics.alert], [topics.answer, topics.request]
    if role is Role.HOME:
        reads.append("homeassistant/#")
        writes.append(homeassistant.BIRTH_TOPIC)
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


def remove(folder: Path, name: str) -> None:
    """Take the account ``name`` away. Raises ValueError if there is none, and OSError."""
    passwords = folder / "passwords"
    lines = passwords.read_text(encoding="utf-8").splitlines() if passwords.exists() else []
    if _without(lines, name) == lines:
        raise ValueError(f"there is no account {name!r} in {passwords}")
    _rewrite(folder / "passwords", lambda lines: _without(lines, name))
    _rewrite(folder / "access", lambda lines: _without_section(lines, name))


def address(name: str, word: str, device: str, host: str, port: int) -> str:
    """All a spotter's program needs, as one URL."""
    account = f"{quote(name, safe='')}:{quote(word, safe='')}"
    return f"mqtts://{account}@{host}:{port}/?{urlencode({'device': device})}"


def settings_of(url: str, others: MqttSettings | None = None) -> Invitation:
    """What ``address`` wrote, read again; whatever it does not say (certificates) comes from ``others``.

    Raises SecretError, which does not show the URL.
    """
    others = others or MqttSettings()
    try:
        parts = urlsplit(url)
        (device,) = parse_qs(parts.query, strict_parsing=True)["device"]
        if parts.scheme not in ("mqtts", "mqtt") or not parts.username or parts.password is None:
            raise ValueError
        tls = parts.scheme == "mqtts"
        told = {
            "device": device,
            "host": parts.hostname or "",
            "port": parts.port or (8883 if tls else 1883),
            "username": unquote(parts.username),
            "word": unquote(parts.password),
            "tls": tls,
        }
        return Invitation(**asdict(others) | told)
    except (ValueError, KeyError):
        raise SecretError(
            "this is no address of an account: expected mqtts://NAME:PASSWORD@HOST:PORT/?device=DEVICE, "
            "as rearguard pair prints it, in quotes"
        ) from None


def show(url: str, out: TextIO | None = None) -> None:
    """Print the URL as a QR code, if segno is installed, and as text."""
    out = out or sys.stdout
    try:
        import segno
    except ImportError:
        out.write("(pip install segno to see this as a QR code)\n")
    else:
        segno.make(url).terminal(out, compact=True)
    out.write(f"{url}\n")


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
    """Replace the file in one step, keeping its owner: the broker may read it at any moment."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in change(lines)))
    owner = path.parent.stat()
    if os.geteuid() == 0:
        os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(path)
