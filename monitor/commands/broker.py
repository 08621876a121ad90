"""``rearguard broker setup``: Mosquitto on this machine, made ready for a device and its spotters."""

import argparse
import sys
from pathlib import Path

from monitor.commands.options import Commands, add_config, command, host, load
from monitor.delivery.broker_setup import is_active, notes, restart, steps


def add(commands: Commands) -> None:
    parser = command(
        commands, "broker", act, "set up Mosquitto on this machine: certificate, accounts, rights"
    )
    parser.add_argument("action", metavar="ACTION", choices=["setup"], help="setup: make what is missing")
    add_config(parser)
    parser.add_argument("--device", help="the walker's device; overrides mqtt.device")
    parser.add_argument("--host", type=host, help="a further name by which spotters reach this machine")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)


def act(args: argparse.Namespace) -> int:
    further = args.host or ""
    args.host = None  # of the broker's certificate, not of the broker that settings name
    device = load(args).settings.mqtt.device
    changed = False
    try:
        for step in steps(device, further, args.root):
            done = step.done()
            print(f"{_when(done, dry=args.dry_run)}: {step.words}", flush=True)
            if not done and not args.dry_run:
                step.do()
                changed = True
    except OSError as error:
        print(f"{error}; run it as root on the broker's machine", file=sys.stderr)
        return 2
    if not args.dry_run:
        for note in notes(device, further, args.root):
            print(f"note: {note}")
    if not changed and (args.dry_run or args.root != Path("/") or is_active()):
        print("nothing was changed")
        return 0
    if trouble := restart() if args.root == Path("/") else "":
        print(trouble, file=sys.stderr)
        return 1
    print(
        "The broker is ready. In the device's settings: "
        f"mqtt: {{device: {device}, username: {device}}}; then\n"
        "  sudo systemctl restart rearguard\n"
        f"  sudo rearguard pair NAME --device {device}    (for each spotter)"
    )
    return 0


def _when(done: bool, *, dry: bool) -> str:
    return "there already" if done else "would" if dry else "now"
