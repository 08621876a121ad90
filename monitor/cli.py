"""``rearguard``: the commands by name. Each is a file of its own in commands/."""

import argparse
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import islice
from textwrap import wrap

from monitor import log
from monitor.commands import (
    broker,
    calibrate,
    check,
    config,
    demo,
    evaluate,
    export,
    import_,
    label,
    notify,
    page,
    pair,
    progress,
    replay,
    report,
    run,
    sessions,
    test,
    trials,
    tune,
    watch,
    why,
)
from monitor.core.vocabulary import RearguardError

GROUPS = {
    "Set up": (demo, check, calibrate, config),
    "Watch the walker, alert the spotter": (run, watch, page, notify, pair, broker),
    "Why did it ring?": (sessions, why, label, tune, replay),
    "Train": (report, progress, test),
    "Recordings": (trials, evaluate, export, import_),
}
"""The commands in the order in which somebody comes to need them; README.md has the same."""

COMMANDS = tuple(command for group in GROUPS.values() for command in group)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 well, 1 not, 2 wrong input."""
    _open_ends()
    log.start()
    try:
        args = parser().parse_args(arguments)
        if "act" not in args:
            parser().print_help()
            return 0
        status: int = args.act(args)
        sys.stdout.flush()  # here, where a closed pipe is understood
    except RearguardError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # `rearguard ... | head`: nobody wants to read on
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a full disk under standard output, a folder that is not ours
        where = f"{error.filename}: " if error.filename else ""
        print(f"rearguard: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    return status


def parser() -> argparse.ArgumentParser:
    """The command line; what the chosen command does is in ``act``."""
    root = argparse.ArgumentParser(
        prog="rearguard",
        description="A spotter's sixth sense for people who walk backwards. Not a medical device; it\n"
        "never replaces a treadmill's safety key.",
        usage="rearguard COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"rearguard {version('rearguard')}")
    commands = root.add_subparsers(metavar="COMMAND", help=argparse.SUPPRESS, prog="rearguard")
    for command in COMMANDS:
        command.add(commands)
    added = iter(commands.choices.items())
    listed: list[str] = []
    for title, group in GROUPS.items():
        listed += [title, *_lines(islice(added, len(group))), ""]
    root.epilog = "\n".join([*listed, "rearguard COMMAND --help says how to use one."])
    return root


def _lines(commands: Iterable[tuple[str, argparse.ArgumentParser]]) -> Iterator[str]:
    """What each command does, no wider than a small terminal."""
    for name, own in commands:
        for number, line in enumerate(wrap(own.description or "", 66, break_on_hyphens=False)):
            yield f"  {'' if number else name:10} {line}"


def _open_ends() -> None:
    """Standard streams that can be used, whatever we were started with."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open for the life of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a spotter's name may not fit the terminal


if __name__ == "__main__":
    sys.exit(main())
