"""What a roster changes at the broker: Mosquitto's two files, or those for a cluster of RabbitMQ nodes.

Interrupted anywhere, no account has a password without rights, and a second run ends what the first began:
who leaves loses the password first, then rights change, and who is new gets the password last.
"""

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from monitor.core.vocabulary import RearguardError
from monitor.delivery import accounts, owned_files
from monitor.delivery.accounts import FolderError, Role
from monitor.delivery.rabbitmq_accounts import User, definitions, hashed_word, known, user_of
from monitor.delivery.roster import Account

MARK = "# from a roster"
"""The line in Mosquitto's access list that says whose an account is: what was made by hand is left alone."""


SCRIPT = r"""#!/bin/sh
# Written by `rearguard pair --roster`: run it as root on one node of the cluster, while all of them run, with
# accounts.json beside it. A second time it changes nothing. Of accounts without the tag only RabbitMQ's own
# guest is deleted, whose password everybody knows.
set -eu
cd "$(dirname "$0")"
rabbitmqctl -s list_users | while read -r name tags; do
    case " NAMES " in *" $name "*) continue ;; esac
    [ "$tags" != "[roster]" ] || rabbitmqctl -s delete_user "$name" < /dev/null
done
# By its input: Debian's rabbitmqctl runs in another folder, as a user that may not read ours.
rabbitmqctl -s import_definitions < accounts.json
! rabbitmqctl -s authenticate_user guest guest > /dev/null 2>&1 || rabbitmqctl -s delete_user guest
# RabbitMQ looks at rights when a program subscribes, and keeps that for a day, over restarts: what an account
# has subscribed to and may no longer read ends here, and what waits for accounts that are gone.
rabbitmqctl -s eval '
[begin rabbit_amqqueue:delete(Q, false, false, <<"roster">>), U end ||
 Q <- rabbit_amqqueue:list(), #{user := U} <- [amqqueue:get_options(Q)],
 {resource, V, queue, <<"mqtt-subscription-", _/binary>>} <- [amqqueue:get_name(Q)],
 not rabbit_auth_backend_internal:exists(U) orelse lists:any(
   fun({binding, {resource, _, _, <<"amq.topic">>}, Key, _, _}) ->
        not rabbit_auth_backend_internal:check_topic_access({auth_user, U, [], none},
          {resource, V, topic, <<"amq.topic">>}, read, #{routing_key => Key, variable_map => #{}});
      (_) -> false
   end, rabbit_binding:list_for_destination(amqqueue:get_name(Q)))].' > /dev/null
"""
"""Tried with RabbitMQ 3.10.8."""


class AccountsError(RearguardError):
    """A file of accounts that somebody else has changed."""


class Known(NamedTuple):
    """An account as the broker has it. ``marked``: a roster made it, or one was there that named it."""

    rights: frozenset[str]
    has_password: bool
    marked: bool


@dataclass(frozen=True)
class Change:
    """From what is known to what the roster says: the accounts by what is done with them.

    ``new`` have no password, ``renewed`` get another; ``adopted`` were made by hand, ``changed`` have other
    rights: both keep their password. ``gone`` are no longer in the roster; ``others`` never were in one.
    """

    new: list[Account]
    renewed: list[Account]
    adopted: list[Account]
    changed: list[Account]
    kept: list[Account]
    gone: list[str]
    others: list[str]

    @property
    def passwords(self) -> list[Account]:
        """Who gets one."""
        return [*self.new, *self.renewed]

    def __bool__(self) -> bool:
        return bool(self.passwords or self.adopted or self.changed or self.gone)


def change(known: Mapping[str, Known], wanted: Sequence[Account], renew: Collection[str] = ()) -> Change:
    """What is to be done. ``renew``: who gets another password all the same."""
    found = Change([], [], [], [], [], [], [])
    for account in wanted:
        before = known.get(account.name)
        if before is None or not before.has_password:
            found.new.append(account)
        elif account.name in renew or _is_device(before, account.name) != (account.role is Role.DEVICE):
            found.renewed.append(account)  # whoever had the name before was somebody else
        else:
            same = before.rights == frozenset(account.rights)
            if not before.marked:
                found.adopted.append(account)
            if not same:
                found.changed.append(account)
            if same and before.marked:
                found.kept.append(account)
    named = {account.name for account in wanted}
    found.gone.extend(name for name, before in known.items() if before.marked and name not in named)
    found.others.extend(name for name, before in known.items() if not before.marked and name not in named)
    return found


class Broker(Protocol):
    """Where accounts are kept."""

    def known(self) -> dict[str, Known]:
        """The accounts as they are. Raises OSError."""
        ...

    def apply(self, change: Change, words: Mapping[str, str]) -> None:
        """Do it; ``words`` are the new passwords by name. Raises OSError, FolderError."""
        ...


class Mosquitto:
    """The password file and the access list in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._access = folder / "access"
        self._passwords = folder / "passwords"

    def known(self) -> dict[str, Known]:
        if not self._access.parent.is_dir():
            raise FolderError(f"{self._access.parent} is not there: sudo rearguard broker setup")
        named = {_name(line): list[str]() for line in accounts.read(self._passwords) if _name(line)}
        sections = named | accounts.sections(accounts.read(self._access))
        return {
            name: Known(_rights(lines), name in named, MARK in lines)
            for name, lines in sections.items()
            if name
        }

    def apply(self, change: Change, words: Mapping[str, str]) -> None:
        gone = set(change.gone)
        self._rewrite(self._passwords, lambda lines: [line for line in lines if _name(line) not in gone])
        given = {
            one.name: [f"user {one.name}", MARK, *one.rights, ""]
            for one in (*change.passwords, *change.adopted, *change.changed)
        }

        def access(lines: list[str]) -> list[str]:
            before = accounts.sections(lines)
            after = {name: given.get(name, section) for name, section in before.items() if name not in gone}
            return [line for section in (after | given).values() for line in section]

        self._rewrite(self._access, access)
        entries = {name: accounts.entry(name, word) for name, word in words.items()}
        self._rewrite(
            self._passwords,
            lambda lines: list(({_name(line): line for line in lines} | entries).values()),
        )

    @staticmethod
    def _rewrite(path: Path, by: Callable[[list[str]], list[str]]) -> None:
        before = accounts.read(path)
        if by(before) != before:
            accounts.rewrite(path, by)


class RabbitMq:
    """Two files: a cluster's accounts, all of them the roster's, and the script that gives them to it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "accounts.json"
        self.script = folder / "apply.sh"

    def known(self) -> dict[str, Known]:
        return {one.name: Known(frozenset(one.rights), True, True) for one in self._users()}

    def apply(self, change: Change, words: Mapping[str, str]) -> None:
        hashed = {one.name: kept for one, kept in self._users().items()}
        hashed |= {name: hashed_word(word, secrets.token_bytes(4)) for name, word in words.items()}
        wanted = [*change.kept, *change.changed, *change.passwords]
        users = sorted((user_of(one.name, one.rights) for one in wanted), key=lambda one: one.name)
        if change:
            names = " ".join(one.name for one in users)
            owned_files.write_private(self.script, SCRIPT.replace("NAMES", names))
            owned_files.write_private(self._file, json.dumps(definitions(users, hashed), indent=1) + "\n")

    def _users(self) -> dict[User, str]:
        text = "\n".join(accounts.read(self._file))
        try:
            return known(json.loads(text)) if text else {}
        except ValueError as error:
            raise AccountsError(f"{self._file}: {error}") from None


def is_marked(folder: Path, name: str) -> bool:
    """Is this account of Mosquitto's from a roster? Raises OSError."""
    return MARK in accounts.sections(accounts.read(folder / "access")).get(name, [])


def _name(entry: str) -> str:
    return entry.split(":", 1)[0]


def _rights(lines: Collection[str]) -> frozenset[str]:
    return frozenset(line for line in lines if line.startswith("topic "))


def _is_device(known: Known, name: str) -> bool:
    return f"topic write rearguard/{name}/alert" in known.rights
