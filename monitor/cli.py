"""``rearguard``: the commands by name. Each is a file of its own in commands/."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import islice
from textwrap import wrap

from monitor import log
from monitor.core.vocabulary import RearguardError

GROUPS = {
    "Set up": ("demo", "check", "calibrate", "config", "card"),
    "Watch the walker, alert the spotter": ("run", "watch", "page", "notify", "pair", "broker"),
    "Why did it ring?": ("sessions", "why", "label", "tune", "replay"),
    "Train": ("report", "progress", "test"),
    "Recordings": ("trials", "evaluate", "export", "import"),
}
"""The commands in the order in which somebody comes to need them; README.md has the same."""

COMMANDS = tuple(name for group in GROUPS.values() for name in group)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 well, 1 not, 2 wrong input."""
    _open_ends()
    log.start()
    try:
        words = list(sys.argv[1:] if arguments is None else arguments)
        meant = parser(words[0] if words else "")
        args = meant.parse_args(words)
        if "act" not in args:
            meant.print_help()
            return 0
        status: int = args.act(args)
        sys.stdout.flush()  # here, where a closed pipe is understood
    except RearguardError as error:
        print(log.marked(str(error), logging.ERROR), file=sys.stderr)
        return 2
    except BrokenPipeError:  # `rearguard ... | head`: nobody wants to read on
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    except OSError as error:  # a full disk under standard output, a folder that is not ours
        where = f"{error.filename}: " if error.filename else ""
        said = f"rearguard: {where}{error.strerror or error}"
        print(log.marked(said, logging.ERROR), file=sys.stderr)
        return 2
    return status


def parser(first: str = "") -> argparse.ArgumentParser:
    """The command line; what the chosen command does is in ``act``.

    Where the ``first`` word is a command only that one's file is loaded: `run` must be quick to start.
    """
    root = argparse.ArgumentParser(
        prog="rearguard",
        description="A spotter's sixth sense for people who walk backwards. Not a medical device; it\n"
        "never replaces a treadmill's safety key.",
        usage="rearguard COMMAND ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"rearguard {version('rearguard')}")
    commands = root.add_subparsers(metavar="COMMAND", help=argparse.SUPPRESS, prog="rearguard")
    for name in (first,) if first in COMMANDS else COMMANDS:
        file = "import_" if name == "import" else name  # which is a word of the language
        import_module(f"monitor.commands.{file}").add(commands)
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
