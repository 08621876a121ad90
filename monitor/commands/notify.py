"""``rearguard notify``: alerts, and loss of contact, to phones."""

import argparse

from monitor.commands.options import Commands, add_config, command, load
from monitor.commands.watch import add_device
from monitor.spotter.notify import notify


def add(commands: Commands) -> None:
    parser = command(commands, "notify", act, "send alerts, and loss of contact, to phones, through Apprise")
    add_config(parser)
    add_device(parser)


def act(args: argparse.Namespace) -> int:
    settings = load(args).settings
    return notify(settings.mqtt, settings.notify)
