"""What a roster changes at the broker: Mosquitto's two files, or the one of a cluster of NATS servers.

Interrupted anywhere, no account has a password without rights, and a second run ends what the first began:
who leaves loses the password first, then rights change, and who is new gets the password last.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from monitor.delivery import accounts, nats_accounts, owned_files
from monitor.delivery.accounts import FolderError, Role
from monitor.delivery.nats_accounts import User, UsersError
from monitor.delivery.roster import Account

MARK = "# from a roster"
"""The line in Mosquitto's access list that says whose an account is: what was made by hand is left alone."""


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


class Nats:
    """The file that each node of the cluster includes; whatever is in it is the roster's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def known(self) -> dict[str, Known]:
        return {one.name: Known(_rights(one.rights), True, True) for one in self._users()}

    def apply(self, change: Change, words: Mapping[str, str]) -> None:
        hashes = {one.name: one.hashed for one in self._users() if one.name not in change.gone}
        hashes |= {name: nats_accounts.hashed(word, secrets.token_bytes(16)) for name, word in words.items()}
        accounts_of = {one.name: one for one in (*change.kept, *change.changed, *change.passwords)}
        users = [nats_accounts.user_of(name, accounts_of[name].rights, hashes[name]) for name in hashes]
        if change:
            owned_files.write_private(self._file, nats_accounts.configuration(users))

    def _users(self) -> list[User]:
        try:
            return nats_accounts.users("".join(f"{line}\n" for line in accounts.read(self._file)))
        except UsersError as error:
            raise UsersError(f"{self._file}: {error}") from None


def is_marked(folder: Path, name: str) -> bool:
    """Is this account of Mosquitto's from a roster? Raises OSError."""
    return MARK in accounts.sections(accounts.read(folder / "access")).get(name, [])


def _name(entry: str) -> str:
    return entry.split(":", 1)[0]


def _rights(lines: Collection[str]) -> frozenset[str]:
    return frozenset(line for line in lines if line.startswith("topic "))


def _is_device(known: Known, name: str) -> bool:
    return f"topic write rearguard/{name}/alert" in known.rights
