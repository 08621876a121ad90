"""``rearguard page``: the spotter's page, and who may open it."""

import argparse
import sys
import time
from importlib.metadata import version
from pathlib import Path

from monitor.commands.options import Commands, Loaded, add_config, add_port, command, host, load
from monitor.commands.run import state_folder
from monitor.delivery.accounts import FOLDER as BROKER
from monitor.delivery.invitation import qr
from monitor.delivery.page_certificate import make as make_certificate
from monitor.page_process import Order, become
from monitor.spotter.page.door import INVITATION_S, Door
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR, PUSH_KEY, address

ACTIONS = {
    "serve": "serve the page until stopped",
    "pair": "let a spotter in: a link, a QR code and a six-digit code, good for ten minutes",
    "unpair": "put a spotter out",
    "spotters": "list who is let in",
    "push-keys": "make the keys that push messages are signed with",
    "certificate": "make or renew the certificate for HTTPS, and say how a phone comes to trust it",
}


def add(commands: Commands) -> None:
    parser = command(commands, "page", act, "serve the spotter's page, and say who may open it")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "actions:\n" + "\n".join(f"  {name:11} {words}" for name, words in ACTIONS.items())
    parser.add_argument(
        "action", metavar="ACTION", nargs="?", choices=list(ACTIONS), default="serve", help="serve if none"
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="of the spotter, for pair and unpair")
    add_config(parser)
    parser.add_argument(
        "--host",
        type=host,
        action="append",
        help="the broker's name or address; overrides mqtt.host; for certificate, a further name or address "
        "of this machine, each with a --host of its own",
    )
    parser.add_argument("--device", help="the walker's device; overrides mqtt.device")
    add_port(parser)
    parser.add_argument(
        "--watches",
        metavar="DEVICES",
        help="pair: the walkers for whom this spotter is rung, with commas between, or all; without it as it "
        "was, and all for a new one",
    )
    parser.add_argument("--listen", type=_port, metavar="N", help="the page's port; 0 for any that is free")
    parser.add_argument("--folder", type=Path, help="where sessions are kept; overrides page.folder")
    parser.add_argument("--dry-run", action="store_true", help="certificate: say what would be done only")


def act(args: argparse.Namespace) -> int:
    if (args.name is None) == (args.action in ("pair", "unpair")):
        wanted = "whom? give a NAME" if args.name is None else f"{args.action} takes no NAME"
        print(f"rearguard page {args.action}: {wanted}", file=sys.stderr)
        return 2
    if args.dry_run and args.action != "certificate":
        print(f"rearguard page {args.action}: --dry-run is for certificate alone", file=sys.stderr)
        return 2
    if args.watches is not None and args.action != "pair":
        print(f"rearguard page {args.action}: --watches is for pair alone", file=sys.stderr)
        return 2
    hosts = args.host or []
    args.host = hosts[-1] if hosts and args.action != "certificate" else None
    loaded = load(args)
    settings = loaded.settings.page
    folder = args.folder or Path(settings.folder or _beside_the_outbox())
    if args.action == "serve":
        become(Order(loaded.settings.mqtt, settings, str(folder), version("rearguard"), args.listen))
    if args.action == "certificate":
        for line in make_certificate(folder, BROKER, hosts, time.time(), dry=args.dry_run):
            print(line, flush=True)
        return 0
    if args.action == "push-keys":
        return _push_keys(folder, settings)
    door = Door(folder / DOOR)
    try:
        return _at_the_door(door, args, loaded)
    finally:
        door.close()


def _at_the_door(door: Door, args: argparse.Namespace, loaded: Loaded) -> int:
    settings = loaded.settings.page
    if args.action == "pair":
        shown = settings.devices.split() or [loaded.settings.mqtt.device]
        watched = [] if args.watches in (None, "all") else args.watches.split(",")
        if unknown := [device for device in watched if device not in shown]:
            print(
                f"--watches: the page shows no {', '.join(unknown)!r}, but {', '.join(shown)}: name some of "
                "these, with commas between, or all; or add to page.devices first",
                file=sys.stderr,
            )
            return 2
        invitation = door.invite(args.name, time.time())
        if args.watches is not None:
            door.set_watches(args.name, watched)
        where = address(settings, args.listen or settings.port)
        link = f"{where}#enter={invitation.link}"
        print(qr(link), end="")
        print(f"{link}\nor open {where} and enter {invitation.code[:3]} {invitation.code[3:]}")
        print(f"for {_with_watched(door, invitation.name)}, once, within {INVITATION_S / 60:.0f} minutes")
    elif args.action == "unpair":
        before = door.names(time.time())
        ended = door.put_out(args.name)
        if door.names(time.time()) == before:
            print(f"nobody called {args.name} is paired: {', '.join(before) or 'nobody is'}")
            return 1
        print(f"{args.name} is out, on {ended} phone{'' if ended == 1 else 's'}")
    else:
        names = [_with_watched(door, name) for name in door.names(time.time())]
        print("\n".join(names) or "nobody is paired: rearguard page pair NAME")
    return 0


def _with_watched(door: Door, name: str) -> str:
    """The name, with the walkers for whom it is rung if that is not all of them."""
    devices = door.watches().get(name)
    return f"{name}, who watches {', '.join(sorted(devices))}" if devices else name


def _push_keys(folder: Path, settings: PageSettings) -> int:
    try:
        from monitor.spotter.page.push import make_keys
    except ImportError:
        print(f"{sys.executable} -m pip install 'rearguard[push]' first", file=sys.stderr)
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    make_keys(folder / PUSH_KEY)
    print(f"made {folder / PUSH_KEY}")
    if not settings.push_contact:
        print("now set page.push_contact, and start the page again")
    return 0


def _beside_the_outbox() -> Path:
    folder = state_folder(simulated=False)
    assert folder is not None
    return folder


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: a port is a whole number 0 to 65535")
    return int(text)
