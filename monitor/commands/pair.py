"""``rearguard pair``: an account at the broker for a spotter or a device, shown as a QR code."""

import argparse
import sys
from pathlib import Path
from socket import gethostname
from typing import TextIO

from monitor.commands.options import Commands, add_config, command, host, load, port
from monitor.delivery import owned_files
from monitor.delivery.accounts import FOLDER, Role, exists, remove
from monitor.delivery.accounts import add as add_account
from monitor.delivery.invitation import address, show


def add(commands: Commands) -> None:
    parser = command(commands, "pair", act, "make an account at the broker, shown as a QR code")
    add_config(parser)
    parser.add_argument("name", metavar="NAME", help="of the account: a spotter, or the device itself")
    parser.add_argument("--device", help="the walker's device; overrides mqtt.device")
    parser.add_argument(
        "--role", choices=[role.value for role in Role], default=Role.SPOTTER.value, help="account role"
    )
    parser.add_argument("--host", type=host, help="the broker's name as a spotter's phone finds it")
    parser.add_argument("--port", type=port, metavar="N", help="the broker's port for spotters (8883)")
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="directory of Mosquitto's password and ACL files"
    )
    parser.add_argument("--remove", action="store_true", help="take the account away")
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="write the password there (mode 600), show nothing"
    )
    parser.add_argument("--renew", action="store_true", help="a new password for an account that exists")


def act(args: argparse.Namespace) -> int:
    mqtt = load(args).settings.mqtt
    try:
        if args.remove:
            unpair(args.name, args.folder)
        else:
            name = args.host or f"{gethostname()}.local"
            if exists(args.folder, args.name) and not (args.renew or _wants_another(args.name)):
                return 2
            pair(
                args.name,
                mqtt.device,
                Role(args.role),
                name,
                args.port or 8883,
                args.folder,
                file=args.password_file,
            )
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error}; run it as root on the broker's machine", file=sys.stderr)
        return 2
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
        show(address(name, word, device, host, port), out)
    else:
        out.write(f"account {name}, password {word}\n")
    out.write("Now let the broker read it: sudo systemctl reload mosquitto\n")


def unpair(name: str, folder: Path = FOLDER, out: TextIO | None = None) -> None:
    """Take the account away and say what is next. Raises what ``accounts.remove`` raises."""
    remove(folder, name)
    # A reload would leave an open connection as it is.
    (out or sys.stdout).write(f"account {name} is gone. Put it out: sudo systemctl restart mosquitto\n")
