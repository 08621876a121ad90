"""What can be typed: every command of ``rearguard`` and its words."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from monitor.pair import FOLDER, Role

Act = Callable[[argparse.Namespace], int]

PLACES = (Path("config.yaml"), Path("/etc/rearguard/config.yaml"))
"""Where settings are looked for when no --config names them."""


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: 0 to 3600 seconds")
    return seconds


def _name(text: str) -> str:
    if not text or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a machine")
    return text


def parser(acts: Mapping[str, Act], version: str) -> argparse.ArgumentParser:
    """The command line; the chosen one of ``acts``, named as typed, is in ``command``."""
    root = argparse.ArgumentParser(
        prog="rearguard",
        description="A spotter's sixth sense for people who walk backwards. No medical device; it never "
        "replaces a treadmill's safety key.",
    )
    root.add_argument("--version", action="version", version=f"rearguard {version}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, says: str, *, settings: bool = True) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
        added.set_defaults(command=acts[name])
        if settings:
            added.add_argument("--config", type=Path, metavar="FILE", help="settings (default: config.yaml)")
        return added

    run = command("run", "watch the walker: sensor to buzzer to spotter, until stopped")
    run.add_argument(
        "--simulate",
        nargs="?",
        const="",
        metavar="FILE.npz",
        help="a simulated chip on a simulated bus, fed by a simulated walker or by a recording; "
        "the signal USR1 pulls its cable out and puts it back",
    )
    run.add_argument("--trial", metavar="NAME", help="which trial of the recording")

    demo = command("demo", "see it all without hardware: a walker falls, you are the spotter", settings=False)

    replay = command("replay", "judge a recording, or the simulated walker, again")
    for plays in (demo, replay):
        plays.add_argument(
            "file", metavar="FILE.npz", nargs="?", help="a recording (default: the simulated walker)"
        )
        plays.add_argument("--trial", metavar="NAME", help="which trial; a wrong name lists near ones")
    replay.add_argument(
        "--through-chip", action="store_true", help="in real time, through the simulated chip and its driver"
    )
    replay.add_argument("--events", action="store_true", help="tell every event, with its evidence")
    replay.add_argument("--publish", action="store_true", help="tell the broker and so the spotter")
    replay.add_argument(
        "--linger",
        type=_seconds,
        default=0.0,
        metavar="SECONDS",
        help="how long to wait at the end for an answer to what still stands",
    )

    check = command("check", "try every part once: sensor, lamp, buzzer, broker")
    check.add_argument("--json", action="store_true", help="one JSON object per line")
    check.add_argument(
        "--live", action="store_true", help="show the axes while you turn the sensor, until Ctrl-C"
    )
    check.add_argument("--simulate", action="store_true", help="a simulated chip in place of the sensor")

    calibrate = command("calibrate", "find how the sensor sits: stand still, then walk ten steps")
    calibrate.add_argument("--simulate", action="store_true", help="a simulated walker in place of you")
    calibrate.add_argument("--dry-run", action="store_true", help="say what was found, change nothing")

    watch = command("watch", "be a spotter in the terminal")
    watch.add_argument("url", metavar="URL", nargs="?", help="what rearguard pair printed, in quotes")
    watch.add_argument("--name", help="who the walker is told is coming")

    notify = command("notify", "bring alerts and silence to phones, through Apprise")
    for listens in (watch, notify):
        listens.add_argument("--host", type=_name, help="the broker's name or address")
        listens.add_argument("--device", help="the walker's device")
    for talks in (run, replay, check, watch, notify):
        talks.add_argument("--port", type=_port, help="the broker's port, whatever the settings say")

    pair = command("pair", "make an account at the broker, shown as a QR code")
    pair.add_argument("name", metavar="NAME", help="of the account: a spotter, or the device itself")
    pair.add_argument("--device", help="the walker's device")
    pair.add_argument("--role", type=Role, choices=list(Role), default=Role.SPOTTER, help="whom it is for")
    pair.add_argument("--host", type=_name, help="the broker's name as a spotter's phone finds it")
    pair.add_argument("--port", type=_port, help="the broker's port for spotters (8883)")
    pair.add_argument("--folder", type=Path, default=FOLDER, help="of the broker's passwords and access list")

    pair.add_argument("--remove", action="store_true", help="take the account away")

    evaluate = command("evaluate", "score the judgement on labelled recordings")
    evaluate.add_argument("files", nargs="+", metavar="FILE.npz")
    evaluate.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    evaluate.add_argument("--jobs", type=int, metavar="N", help="processes (default: one per core)")

    config = commands.add_parser("config", help="check and show settings", description="Settings.")
    actions = config.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, says: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
        added.set_defaults(command=acts[f"config {name}"])
        return added

    action("check", "say what is wrong with a settings file").add_argument(
        "file", type=Path, nargs="?", default=PLACES[0]
    )
    action("show", "the settings in force, and their hash").add_argument(
        "--config", type=Path, metavar="FILE"
    )
    action("default", "a commented file with every default")
    action("schema", "a JSON schema of the file, for editors")
    return root
