"""``rearguard pair --roster``: all that the roster names get accounts, and who left loses his."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import gethostname

from monitor.core.vocabulary import RearguardError
from monitor.delivery import accounts, rabbitmq_nodes, roster, slips
from monitor.delivery.accounts import Role
from monitor.delivery.roster import Account
from monitor.delivery.roster_accounts import Broker, Change, Mosquitto, RabbitMq, change


def pair_roster(args: argparse.Namespace) -> int:
    """Say what the roster changes, and do it. Raises RearguardError and OSError: then run it again."""
    wanted = roster.load(args.roster)
    names = [account.name for account in wanted]
    if args.name and args.name not in names:
        print(
            f"{args.roster} does not name {args.name!r}: expected one of {' '.join(names)}", file=sys.stderr
        )
        return 2
    folder = args.folder or (args.out if args.cluster else accounts.FOLDER)
    broker: Broker = RabbitMq(folder) if args.cluster else Mosquitto(folder)
    found = change(broker.known(), wanted, [args.name] if args.name else names if args.renew else [])
    host, port = args.host or f"{gethostname()}.local", args.port or 8883
    nodes = rabbitmq_nodes.lacking(folder, host.split(","), port) if args.cluster else []
    for line in _said(found, args.out, folder, nodes, dry=args.dry_run):
        print(line, flush=True)
    if args.dry_run:
        return 0
    words = {account.name: accounts.new_word() for account in found.passwords}
    try:
        outdated = slips.hand_out(args.out, wanted, found, words, host, port)
        broker.apply(found, words)
        if nodes:
            rabbitmq_nodes.make(folder, host.split(","), port)
    except (RearguardError, OSError) as error:
        print(f"{error}; not all of this was done: run the same again", file=sys.stderr)
        return 2
    for account in outdated:
        print(
            f"note: the slip that {account.name} has names other walkers: end its address with "
            f"?{'&'.join(f'device={device}' for device in account.devices)}, "
            f"or make another: rearguard pair {account.name} --renew --roster {args.roster}"
        )
    for line in _next(found, args.out, folder if args.cluster else None, nodes):
        print(line)
    return 0


def _said(found: Change, out: Path, folder: Path, nodes: list[str], *, dry: bool) -> Iterator[str]:
    """What is done, in order, and what is not."""
    now = "would" if dry else "now"
    for host in nodes:
        yield f"{now}: make what the node {host} needs, in {folder / host}"
    for name in found.gone:
        yield f"{now}: take away {name}, whom the roster no longer names"
    for account in found.new:
        yield f"{now}: make {account}, {_where(account, out)}"
    for account in found.renewed:
        yield f"{now}: make a new password for {account}, {_where(account, out)}"
    for account in found.adopted:
        yield f"{now}: make {account}, who was paired by hand, the roster's; the password stays"
    for account in found.changed:
        yield f"{now}: change the rights of {account}; the password stays"
    if found.kept:
        yield f"there already: {' '.join(account.name for account in found.kept)}"
    if found.others:
        yield f"left as they are, paired by hand: {' '.join(found.others)}"
    everyone = dict.fromkeys((*found.passwords, *found.adopted, *found.changed, *found.kept))
    watched = {
        device for account in everyone if account.role is not Role.DEVICE for device in account.devices
    }
    for account in everyone:
        if account.role is Role.DEVICE and account.name not in watched:
            yield f"note: nobody watches {account.name}"


def _where(account: Account, out: Path) -> str:
    if account.on_slip:
        return f"on a slip in {out / slips.SHEET}"
    return f"in {slips.password_file(out, account.name)}"


def _next(found: Change, out: Path, cluster: Path | None, nodes: list[str]) -> Iterator[str]:
    """What is left to people."""
    for host in nodes:
        yield f"Copy {cluster}/{host} to {host}, and there: sudo sh {host}/setup.sh; one node after the other"
    if not found:
        if not nodes:
            yield "nothing was changed"
        return
    closes = bool(found.gone or found.renewed)
    if cluster:
        yield f"Copy accounts.json and apply.sh from {cluster} to one node, and there: sudo sh apply.sh"
        yield f"Keep {cluster}, and keep it to yourself: the next roster begins from it"
    elif closes:  # a reload would leave an open connection as it is
        yield "Put out who is gone or has an old password: sudo systemctl restart mosquitto"
    else:
        yield "Let the broker read it: sudo systemctl reload mosquitto"
    if any(account.on_slip for account in found.passwords):
        yield f"Print {out / slips.SHEET}, and give each spotter the slip"
    if any(not account.on_slip for account in found.passwords):
        yield "Put each .password where its program reads it, mode 600: on a Pi, /etc/rearguard/mqtt_password"
    if found.passwords:
        yield f"Then delete slips, .url and .password in {out}: they are keys, and nobody can read them again"
