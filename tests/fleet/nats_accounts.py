"""Accounts at NATS servers: the same rights as at Mosquitto, in NATS' words.

One file for all nodes, which each includes in its own configuration.
"""

import base64
import ctypes
from collections.abc import Collection, Mapping, Sequence

from monitor.delivery.rabbitmq_accounts import User

DELIVERY = "$MQTT.sub.>"
"""Where NATS takes from what an account reads at QoS 1. MQTT clients cannot ask for it by name."""

COST = "04"
"""bcrypt's rounds, as a power of two, at each connection: ours are no chosen passwords."""

BCRYPT_WORDS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
)


def configuration(users: Sequence[User], hashed_words: Mapping[str, str]) -> str:
    """The file. What an account is not given is refused to it, and it may speak MQTT only."""
    lines = ["accounts {", "  rearguard {", "    jetstream: enabled", "    users: ["]
    for one in users:
        reads = [*one.reads, DELIVERY] if one.reads else []
        lines += [
            f'      {{ user: "{one.name}", password: "{hashed_words[one.name]}",',
            '        allowed_connection_types: ["MQTT"],',
            f"        permissions: {{ publish: {_allowed(one.writes)},",
            f"          subscribe: {_allowed(reads)} }} }}",
        ]
    return "\n".join([*lines, "    ]", "  }", "}", ""])


def hashed(word: str, salt: bytes) -> str:
    """A password as NATS keeps it: bcrypt, by the C library that Linux itself logs people in with.

    ``salt`` are 16 bytes.
    """
    letters = base64.b64encode(salt).decode().rstrip("=").translate(BCRYPT_WORDS)
    crypt = ctypes.CDLL("libcrypt.so.1").crypt
    crypt.restype = ctypes.c_char_p
    found: bytes = crypt(word.encode(), f"$2a${COST}${letters}".encode())
    return found.decode()


def _allowed(topics: Collection[str]) -> str:
    """MQTT's topics as NATS' subjects. Of an empty list NATS would make everything."""
    if not topics:
        return '{ deny: ">" }'
    subjects = [topic.replace("/", ".").replace("+", "*").replace("#", ">") for topic in topics]
    return "[" + ", ".join(f'"{subject}"' for subject in subjects) + "]"
