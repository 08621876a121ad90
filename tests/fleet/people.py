"""Who may do what at the clusters: walkers and spotters by Rearguard's table, and two of the test's own."""

import secrets
from dataclasses import dataclass

from monitor.delivery.accounts import Role, rights
from monitor.delivery.rabbitmq_accounts import User, user_of

READER = "reader"
"""Reads what all devices say, and may ask each for what is missing: one program in place of many spotters."""

TESTER = "tester"
"""May do anything: what a broker keeps is asked by it."""


def walker(number: int) -> str:
    return f"walker-{number}"


def spotter(number: int) -> str:
    return f"spotter-{number}"


@dataclass(frozen=True)
class People:
    """``words`` are the passwords by name."""

    users: list[User]
    words: dict[str, str]


def people(count: int) -> People:
    """A walker and a spotter each, ``count`` times, and the two of the test's."""
    users = [User(READER, ["rearguard/+/+"], ["rearguard/+/request"]), User(TESTER, ["#"], ["#"])]
    for number in range(count):
        device = walker(number)
        users += [
            user_of(device, rights(device, Role.DEVICE, device)),
            user_of(spotter(number), rights(spotter(number), Role.SPOTTER, device)),
        ]
    return People(users, {one.name: secrets.token_urlsafe(18) for one in users})
