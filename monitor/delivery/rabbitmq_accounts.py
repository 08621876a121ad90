"""Accounts at a cluster of RabbitMQ nodes: the same rights as at Mosquitto, as RabbitMQ reads them.

What ``definitions`` gives, as JSON, is read by ``rabbitmqctl import_definitions FILE`` at any one node, while
they run: all get it, and accounts that are there already stay.
"""

import base64
import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OWN = r"^(amq\.topic|mqtt-subscription-.*)$"
"""The exchange, and the queues that RabbitMQ makes for what an MQTT client reads."""

TAG = "roster"
"""What RabbitMQ shows beside the account in `rabbitmqctl list_users`: others are not ours."""


@dataclass(frozen=True)
class User:
    """An account, and the topics it may read and write: MQTT's, with ``+`` and ``#``."""

    name: str
    reads: Collection[str]
    writes: Collection[str]

    @property
    def rights(self) -> list[str]:
        """As lines of Mosquitto's access list."""
        return [
            *(f"topic read {topic}" for topic in self.reads),
            *(f"topic write {one}" for one in self.writes),
        ]


def user_of(name: str, rights: Sequence[str]) -> User:
    """An account with these lines of Mosquitto's access list."""
    lines = [line.split(" ", 2)[1:] for line in rights]
    reads, writes = ([topic for act, topic in lines if act == wanted] for wanted in ("read", "write"))
    return User(name, reads, writes)


def definitions(users: Collection[User], hashed: Mapping[str, str]) -> dict[str, Any]:
    """RabbitMQ's own form; ``hashed`` are their passwords, by `hashed_word`. What is not given is refused."""
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {
                "name": one.name,
                "password_hash": hashed[one.name],
                "hashing_algorithm": "rabbit_password_hashing_sha512",
                "tags": TAG,
            }
            for one in users
        ],
        "permissions": [
            {"user": one.name, "vhost": "/", "configure": OWN, "write": OWN, "read": OWN} for one in users
        ],
        "topic_permissions": [
            {
                "user": one.name,
                "vhost": "/",
                "exchange": "amq.topic",
                "write": _expression(one.writes),
                "read": _expression(one.reads),
            }
            for one in users
        ],
    }


def known(found: Any) -> dict[User, str]:
    """What ``definitions`` gave: the accounts and their hashed passwords. Raises ValueError for all else."""
    try:
        hashed = {one["name"]: one["password_hash"] for one in found["users"]}
        users = [
            User(one["user"], _topics(one["read"]), _topics(one["write"]))
            for one in found["topic_permissions"]
        ]
        ours = definitions(users, hashed) == found
    except (KeyError, TypeError, AttributeError):
        ours = False
    if not ours:
        raise ValueError("it is not as rearguard pair --roster wrote it: bring it back as it was")
    return {user: hashed[user.name] for user in users}


def hashed_word(word: str, salt: bytes) -> str:
    """A password as RabbitMQ keeps it; ``salt`` are 4 bytes. One round: ours have 144 random bits."""
    return base64.b64encode(salt + hashlib.sha512(salt + word.encode()).digest()).decode()


def _expression(topics: Collection[str]) -> str:
    """MQTT's topics as one regular expression, of what is written and of what somebody subscribes to."""
    keys = [r"\.".join(_word(word) for word in topic.split("/")) for topic in topics]
    return f"^({'|'.join(keys)})$" if keys else "^$"


def _topics(expression: str) -> tuple[str, ...]:
    """What ``_expression`` was made of."""
    keys = expression.removeprefix("^").removesuffix("$").removeprefix("(").removesuffix(")")
    for ours, theirs in (("/", r"\."), ("+", "[^.#]+"), ("#", ".*"), ("", "\\")):
        keys = keys.replace(theirs, ours)
    return tuple(filter(None, keys.split("|")))


def _word(word: str) -> str:
    return {"+": "[^.#]+", "#": ".*"}.get(word, re.escape(word))
