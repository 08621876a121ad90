"""Accounts at a cluster of NATS servers, which speak MQTT 3.1.1: the same rights as at Mosquitto, in NATS' words.

One file for all nodes: what ``configuration`` gives is included by each node's own, and read again by
``nats-server --signal reload``.
"""

import base64
import ctypes
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from monitor.core.vocabulary import RearguardError
from monitor.delivery import accounts
from monitor.delivery.accounts import Role
from monitor.delivery.messages import DEVICE_PATTERN

DELIVERY = "$MQTT.sub.>"
"""Where NATS itself takes from what an account reads at QoS 1. MQTT clients cannot ask for it by name."""

COST = "04"
"""bcrypt's rounds, as a power of two: they protect chosen passwords, not 144 random bits, at each connection."""

BCRYPT_WORDS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
)


class HashError(RearguardError):
    """This machine cannot hash a password as NATS wants it."""


@dataclass(frozen=True)
class User:
    """An account: ``hashed`` is its password by `hashed`, the topics are MQTT's, with ``+`` and ``#``."""

    name: str
    hashed: str
    reads: Collection[str]
    writes: Collection[str]


def user(name: str, device: str, role: Role, hashed_word: str) -> User:
    """One device's account, or one of its spotters'. Raises ValueError for names that are not allowed."""
    if not re.fullmatch(DEVICE_PATTERN, name):
        raise ValueError(f"account name {name!r}: 1 to 32 of a-z, 0-9, _ and - are allowed")
    if (name == device) != (role is Role.DEVICE):
        raise ValueError(f"account name {name!r}: a device's account bears its name, and no other does")
    rights = [line.split(" ", 2)[1:] for line in accounts.rights(device, role)]
    return User(
        name,
        hashed_word,
        [topic for act, topic in rights if act == "read"],
        [topic for act, topic in rights if act == "write"],
    )


def configuration(users: Sequence[User]) -> str:
    """The file. What an account is not given is refused to it, and it may speak MQTT only."""
    lines = ["accounts {", "  rearguard {", "    jetstream: enabled", "    users: ["]
    for one in users:
        reads = [*one.reads, DELIVERY] if one.reads else []
        lines += [
            f'      {{ user: "{one.name}", password: "{one.hashed}", allowed_connection_types: ["MQTT"],',
            f"        permissions: {{ publish: {_allowed(one.writes)},",
            f"          subscribe: {_allowed(reads)} }} }}",
        ]
    return "\n".join([*lines, "    ]", "  }", "}", ""])


def hashed(word: str, salt: bytes) -> str:
    """A password as NATS keeps it: bcrypt, by the C library that Linux itself logs people in with.

    ``salt`` are 16 bytes. Raises HashError.
    """
    letters = base64.b64encode(salt).decode().rstrip("=").translate(BCRYPT_WORDS)
    try:
        crypt = ctypes.CDLL("libcrypt.so.1").crypt
    except OSError as error:
        raise HashError(f"cannot hash a password: {error}: sudo apt install libcrypt1") from None
    crypt.restype = ctypes.c_char_p
    found: bytes | None = crypt(word.encode(), f"$2a${COST}${letters}".encode())
    if found is None or not found.startswith(b"$2a$"):
        raise HashError("cannot hash a password: libcrypt.so.1 knows no bcrypt")
    return found.decode()


def _allowed(topics: Collection[str]) -> str:
    """MQTT's topics as NATS' subjects. Of an empty list NATS would make everything."""
    if not topics:
        return '{ deny: ">" }'
    subjects = [topic.replace("/", ".").replace("+", "*").replace("#", ">") for topic in topics]
    return "[" + ", ".join(f'"{subject}"' for subject in subjects) + "]"
