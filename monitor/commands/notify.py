"""``rearguard notify``: alerts, and loss of contact, to phones."""

import argparse

from monitor.commands.options import Commands, add_config, command, load
from monitor.commands.watch import add_device
from monitor.spotter.notify import notify, send_test


def add(commands: Commands) -> None:
    parser = command(commands, "notify", act, "send alerts, and loss of contact, to phones, through Apprise")
    add_config(parser)
    parser.add_argument("--test", action="store_true", help="send a test that rings as a fall does, and end")
    add_device(parser)


def act(args: argparse.Namespace) -> int:
    settings = load(args).settings
    return (send_test if args.test else notify)(settings.mqtt, settings.notify)
