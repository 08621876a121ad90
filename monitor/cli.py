"""``rearguard``: the commands by name. Each is a file of its own in commands/."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

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

COMMANDS = (
    run,
    demo,
    replay,
    check,
    calibrate,
    watch,
    page,
    notify,
    pair,
    broker,
    trials,
    evaluate,
    sessions,
    report,
    progress,
    test,
    why,
    label,
    tune,
    export,
    import_,
    config,
)


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
        print(f"rearguard: {error.strerror or error}", file=sys.stderr)
        return 2
    return status


def parser() -> argparse.ArgumentParser:
    """The command line; what the chosen command does is in ``act``."""
    root = argparse.ArgumentParser(
        prog="rearguard",
        description="A spotter's sixth sense for people who walk backwards. Not a medical device; it never "
        "replaces a treadmill's safety key.",
    )
    root.add_argument("--version", action="version", version=f"rearguard {version('rearguard')}")
    commands = root.add_subparsers(metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return root


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
