"""``install``, ``uninstall``, ``upgrade``, ``rollback``, ``card``, ``first-boot``: what each does in turn."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from installer import steps, trial
from installer.card import prepare
from installer.first_boot import first_boot
from installer.machine import InstallError, Machine, take
from installer.removal import STAYS, removal
from installer.slots import PROGRAM, SETTINGS

SOURCE = Path(__file__).resolve().parents[2]


def main(words: list[str]) -> int:
    """0 where all is as wanted; 1 where something failed on the way; 2 where it was not begun."""
    args = _parser().parse_args(words)
    if os.geteuid() != 0 and args.act is not card and not args.dry_run and args.root == Path("/"):
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
    changed = take(steps.before_the_settings(machine, SOURCE, args.wheels, args.packages), dry=dry)
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


def card(_: Machine, args: argparse.Namespace) -> int:
    more = {name: folder for name in ("wheels", "packages") if (folder := getattr(args, name))}
    prepare(args.image, SOURCE, more, args.settings)
    return 0


def by_file(machine: Machine, _: argparse.Namespace) -> int:
    return first_boot(machine, SOURCE)


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
    says_card = "Make an image, or a card, set itself up at its first start."
    says_first_boot = "What such a card does then: set up as rearguard.txt on its boot partition asks."
    parser.set_defaults(dry_run=False)
    for act, says in (
        (install, "make this machine ready and start watching; what is there already is kept"),
        (uninstall, "stop it and remove the program; settings, accounts and journal stay"),
        (upgrade, "build this version beside the one in use and switch; back by itself if it is not ready"),
        (rollback, "switch back to the version before"),
    ):
        one = names.add_parser(act.__name__, help=says, description=says[0].upper() + says[1:] + ".")
        one.set_defaults(act=act)
        one.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        if act is install:
            one.add_argument("--spotter", metavar="NAME", help="let this spotter's phone in: shows a QR code")
        else:
            one.add_argument("--force", action="store_true", help="also while somebody is being watched")
        if act in (install, upgrade):
            _from_folder(one, "--wheels", "Python's packages from this folder, none from the network")
        if act is install:
            _from_folder(one, "--packages", "the system's packages from this folder of .deb files")
    one = names.add_parser("card", description=says_card, help=says_card)
    one.set_defaults(act=card)
    one.add_argument(
        "image",
        metavar="IMAGE",
        type=Path,
        help="an unpacked image of Raspberry Pi OS Lite, or a card's device",
    )
    one.add_argument("--settings", metavar="FILE", type=Path, help="the card's rearguard.txt")
    _from_folder(one, "--wheels", "Python's packages that it brings, to need no network")
    _from_folder(one, "--packages", "the system's packages that it brings (.deb files)")
    one = names.add_parser("first-boot", help=says_first_boot, description=says_first_boot)
    one.set_defaults(act=by_file)
    for one in names.choices.values():
        one.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    return parser


def _from_folder(parser: argparse.ArgumentParser, name: str, says: str) -> None:
    parser.add_argument(name, type=Path, metavar="FOLDER", help=says)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
