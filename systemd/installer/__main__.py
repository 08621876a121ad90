"""``install``, ``uninstall``, ``upgrade`` and ``rollback``: what each says and does, in order."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from installer import steps, trial
from installer.machine import InstallError, Machine, take
from installer.removal import STAYS, removal
from installer.slots import PROGRAM, SETTINGS

SOURCE = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """0 where all is as wanted; 1 where something failed on the way; 2 where it was not begun."""
    args = _parser().parse_args(words)
    if os.geteuid() != 0 and not args.dry_run and args.root == Path("/"):
        print(f"root is needed: sudo {SOURCE}/systemd/{args.name}", file=sys.stderr)
        return 2
    os.umask(0o022)
    try:
        act: Callable[[Machine, argparse.Namespace], int] = args.act
        return act(Machine(args.root), args)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"{error}: run it by sudo, also with --dry-run", file=sys.stderr)
        return 2


def install(machine: Machine, args: argparse.Namespace) -> int:
    dry = args.dry_run
    changed = take(steps.before_the_settings(machine, SOURCE, args.wheels), dry=dry)
    changed |= take(steps.settings_and_accounts(machine, SOURCE), dry=dry)
    changed |= take(steps.units(machine), dry=dry)
    if not machine.agrees("systemctl", "--quiet", "is-active", "rearguard") and not dry:
        _try_every_part(machine)  # before the service has the sensor to itself
    changed |= take(steps.start(machine), dry=dry)
    if dry:
        print("nothing was changed")
        return 0
    for note in steps.notes(machine, SOURCE):
        print(f"note: {note}")
    if args.spotter:
        changed |= _let_in(machine, args.spotter)
    print("Rearguard is installed." if changed else "nothing was changed")
    print("A spotter's phone: sudo rearguard page pair NAME --config /etc/rearguard/page.yaml")
    print("Worn, before the first walk: sudo systemctl stop rearguard; sudo rearguard calibrate;")
    print("  sudo systemctl start rearguard")
    return 0


def uninstall(machine: Machine, args: argparse.Namespace) -> int:
    trial.refuse_while_walking(machine, force=args.force)
    changed = take(removal(machine), dry=args.dry_run)
    if args.dry_run or not changed:
        print("nothing was changed")
    print("Left as they are:")
    for words in STAYS:
        print(f"  {words}")
    return 0


def upgrade(machine: Machine, args: argparse.Namespace) -> int:
    trial.upgrade(machine, SOURCE, args.wheels, force=args.force, dry=args.dry_run)
    return 0


def rollback(machine: Machine, args: argparse.Namespace) -> int:
    trial.rollback(machine, force=args.force, dry=args.dry_run)
    return 0


def _try_every_part(machine: Machine) -> None:
    print("now: try every part once (rearguard check); what fails can be mended later", flush=True)
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(machine.path("/etc/rearguard"))}
    words = [str(machine.path(PROGRAM)), "check", "--config", str(machine.path(SETTINGS))]
    subprocess.run(words, env=environment, check=False)


def _let_in(machine: Machine, name: str) -> bool:
    """Show the spotter's QR code and the page's address, unless he is let in already."""
    page = (str(machine.path(PROGRAM)), "page")
    settings = ("--config", str(machine.path(steps.PAGE_SETTINGS)))
    if name in machine.says(*page, "spotters", *settings).splitlines():
        print(f"there already: {name} is let in to the page")
        return False
    print(f"now: let {name} in to the page", flush=True)
    machine.run(*page, "pair", name, *settings, quiet=False)
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="systemd", description="Rearguard on a Raspberry Pi or a Debian.")
    names = parser.add_subparsers(dest="name", required=True)
    for act, says in (
        (install, "make this machine ready and start watching; what is there already is kept"),
        (uninstall, "stop it and remove the program; settings, accounts and journal stay"),
        (upgrade, "build this version beside the one in use and switch; back by itself if it is not ready"),
        (rollback, "switch back to the version before"),
    ):
        one = names.add_parser(act.__name__, help=says, description=says[0].upper() + says[1:] + ".")
        one.set_defaults(act=act)
        one.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        one.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
        if act is install:
            one.add_argument("--spotter", metavar="NAME", help="let this spotter's phone in: shows a QR code")
        else:
            one.add_argument("--force", action="store_true", help="also while somebody is being watched")
        if act in (install, upgrade):
            one.add_argument(
                "--wheels",
                type=Path,
                metavar="FOLDER",
                help="packages from this folder, none from the network",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
