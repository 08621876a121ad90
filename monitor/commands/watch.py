"""``rearguard watch``: be a spotter in the terminal."""

import argparse
import getpass
import sys

from monitor.commands.options import Commands, add_config, add_port, command, host, load
from monitor.delivery.invitation import settings_of
from monitor.spotter.keys import ended_by_signals
from monitor.spotter.terminal import watch


def add(commands: Commands) -> None:
    parser = command(commands, "watch", act, "be a spotter in the terminal")
    add_config(parser)
    parser.add_argument("url", metavar="URL", nargs="?", help="what rearguard pair printed, in quotes")
    parser.add_argument("--name", help="your name, which the walker and other spotters see")
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """--host, --device, --port: which device, by which broker."""
    parser.add_argument("--host", type=host, help="the broker's name or address; overrides mqtt.host")
    parser.add_argument("--device", help="the walker's device; overrides mqtt.device")
    add_port(parser)


def act(args: argparse.Namespace) -> int:
    mqtt = load(args).settings.mqtt
    with ended_by_signals():
        settings = mqtt
        if args.url:
            settings = settings_of(args.url, mqtt, args.device or "")
            if len(settings.devices) > 1 and not args.device:
                others = ", ".join(settings.devices[1:])
                print(f"watching {settings.device}; --device for another: {others}", file=sys.stderr)
        return watch(settings, args.name or settings.username or _user(), program="watch")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in containers
        return "spotter"
