"""``rearguard pair``: an account at the broker for a spotter or a device, or all that a roster names."""

import argparse
import sys
from pathlib import Path
from socket import gethostname
from typing import TextIO

from monitor.commands.options import Commands, add_config, command, host, load, port
from monitor.commands.pair_roster import pair_roster
from monitor.delivery import owned_files
from monitor.delivery.accounts import FOLDER, Role, exists, remove
from monitor.delivery.accounts import add as add_account
from monitor.delivery.invitation import address, show
from monitor.delivery.roster_accounts import is_marked


def add(commands: Commands) -> None:
    parser = command(
        commands, "pair", act, "make an account at the broker, shown as a QR code, or all that a roster names"
    )
    add_config(parser)
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="of the account: a spotter, or the device itself"
    )
    parser.add_argument("--device", help="the walker's device; overrides mqtt.device")
    parser.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.SPOTTER.value, help="account role"
    )
    parser.add_argument("--host", type=host, help="the broker's name as a spotter's phone finds it")
    parser.add_argument("--port", type=port, metavar="N", help="the broker's port for spotters (8883)")
    parser.add_argument(
        "--folder", type=Path, help=f"directory of the broker's account files (Mosquitto's: {FOLDER})"
    )
    parser.add_argument("--remove", action="store_true", help="take the account away")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="write the password there (mode 600), show nothing"
    )
    parser.add_argument(
        "--renew",
        action="store_true",
        help="a new password for an account that exists; with --roster and no NAME, for all",
    )
    several = parser.add_argument_group("accounts from a roster")
    several.add_argument(
        "--roster",
        type=Path,
        metavar="FILE",
        help="a table (CSV) of walkers and who watches them: docs/delivery.md",
    )
    several.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where slips and passwords are written (default: slips)"
    )
    several.add_argument(
        "--cluster", choices=["rabbitmq"], help="write the nodes and the accounts of a cluster into FOLDER"
    )
    several.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")


def act(args: argparse.Namespace) -> int:
    if wrong := _at_odds(args):
        print(f"rearguard pair: {wrong}", file=sys.stderr)
        return 2
    try:
        if args.roster:
            args.out = args.out or Path("slips")
            return pair_roster(args)
        return _pair_one(args, args.folder or FOLDER)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error}; run it as root on the broker's machine", file=sys.stderr)
        return 2


def _at_odds(args: argparse.Namespace) -> str:
    """What of the command line does not belong together."""
    if not args.roster:
        alone = {"--out": args.out, "--cluster": args.cluster, "--dry-run": args.dry_run}
        given = [option for option, value in alone.items() if value]
        return (
            f"{given[0]} is for --roster alone" if given else "" if args.name else "give a NAME, or --roster"
        )
    spotter = Role.SPOTTER.value
    alone = {"--device": args.device, "--remove": args.remove, "--password-file": args.password_file}
    given = [option for option, value in alone.items() if value]
    if given or args.role != spotter:
        return f"{(given or ['--role'])[0]} is for one NAME: with --roster the table says it"
    if args.name and not args.renew:
        return "a NAME with --roster is for --renew: give only --roster to make all accounts"
    if args.cluster and not args.host:
        return "--cluster needs --host: the nodes' names, with commas between"
    return ""


def _pair_one(args: argparse.Namespace, folder: Path) -> int:
    mqtt = load(args).settings.mqtt
    if args.remove:
        unpair(args.name, folder)
    elif is_marked(folder, args.name):
        print(
            f"{args.name} is from a roster; a new password: rearguard pair {args.name} --renew --roster FILE",
            file=sys.stderr,
        )
        return 2
    else:
        name = args.host or f"{gethostname()}.local"
        if exists(folder, args.name) and not (args.renew or _wants_another(args.name)):
            return 2
        role = Role(args.role)
        pair(args.name, mqtt.device, role, name, args.port or 8883, folder, file=args.password_file)
    return 0


def _wants_another(name: str) -> bool:
    """A new password locks out the programs that have the old one."""
    question = f"there is an account {name}: a new password locks out whoever has the old one"
    if not sys.stdin.isatty():
        print(f"{question}; give --renew to make one all the same", file=sys.stderr)
        return False
    try:
        return input(f"{question}. Make one all the same? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def pair(
    name: str,
    device: str,
    role: Role,
    host: str,
    port: int,
    folder: Path = FOLDER,
    out: TextIO | None = None,
    file: Path | None = None,
) -> None:
    """Make the account and show it, or write its password into ``file``.

    Raises what ``accounts.add`` does, and OSError for the file.
    """
    out = out or sys.stdout
    word = add_account(folder, name, device, role)
    if file is not None:
        owned_files.write(file, f"{word}\n", 0o600, 0)
        out.write(f"account {name}, password in {file}\n")
    elif role is Role.SPOTTER:
        show(address(name, word, host, port, device), out)
    else:
        out.write(f"account {name}, password {word}\n")
    out.write("Now let the broker read it: sudo systemctl reload mosquitto\n")


def unpair(name: str, folder: Path = FOLDER, out: TextIO | None = None) -> None:
    """Take the account away and say what is next. Raises what ``accounts.remove`` raises."""
    again = "; its roster, if it still names it, makes it again" if is_marked(folder, name) else ""
    remove(folder, name)
    # A reload would leave an open connection as it is.
    (out or sys.stdout).write(
        f"account {name} is gone{again}. Put it out: sudo systemctl restart mosquitto\n"
    )
