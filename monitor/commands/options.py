"""What several commands share: the types of their options, and the settings they lead to."""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from monitor import config
from monitor.core.setting import SettingError
from monitor.recordings.journal.file import FILE
from monitor.settings import HERE, INSTALLED, Settings
from monitor.settings_text import fingerprint

SERVICE_STATE = Path("/var/lib/rearguard")
OWN_STATE = Path(os.environ.get("HOME", "/")) / ".local/state/rearguard"  # a service may have no home at all
"""Where the safety process keeps its outbox and its journal: started by systemd, and by hand."""

Act = Callable[[argparse.Namespace], int]


class Commands(Protocol):
    """argparse's subparsers."""

    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser: ...


def command(commands: Commands, name: str, act: Act, says: str) -> argparse.ArgumentParser:
    """A parser for ``name``; the chosen command's ``act`` is in ``act``."""
    parser = commands.add_parser(name, help=says, description=says[0].upper() + says[1:] + ".")
    parser.set_defaults(act=act)
    return parser


def add_config(parser: argparse.ArgumentParser) -> None:
    """--config: which settings."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"settings file (default: {INSTALLED}, else ./{HERE}, else the built-in defaults)",
    )


def add_journal(parser: argparse.ArgumentParser) -> None:
    """--journal: which one."""
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE",
        help="the journal (default: the service's, else this user's own)",
    )


def journal_file(args: argparse.Namespace) -> Path:
    """The journal that is read: the one named, else the service's, else the user's."""
    folders = (os.environ.get("STATE_DIRECTORY"), SERVICE_STATE)
    served = (Path(folder) / FILE for folder in folders if folder)
    found: Path = args.journal or next(filter(_is_there, served), OWN_STATE / FILE)
    return found


def _is_there(path: Path) -> bool:
    """Also where only others may look: reading it then says so."""
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def add_port(parser: argparse.ArgumentParser) -> None:
    """--port: of the broker."""
    parser.add_argument("--port", type=port, metavar="N", help="the broker's port; overrides mqtt.port")


def port(text: str) -> int:
    """1 to 65535."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: a port is a whole number 1 to 65535")
    return int(text)


def seconds(text: str) -> float:
    """0 to 3600."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 to 3600 seconds")
    return value


def host(text: str) -> str:
    """The name or address of a machine."""
    if not text or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a host name or an address")
    return text


class Loaded(NamedTuple):
    """The settings in force, with what the command line says on top, and the file they came from."""

    settings: Settings
    path: Path | None

    @property
    def hash(self) -> str:
        return fingerprint(self.settings)


def load(args: argparse.Namespace) -> Loaded:
    """The settings a command runs with; which file and hash these are is said on standard error.

    Raises ConfigError.
    """
    path = settings_file(args.config)
    settings = config.load(path, Settings) if path else Settings()
    named = {name: getattr(args, name, None) for name in ("host", "port", "device")}
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    try:
        loaded = Loaded(replace(settings, mqtt=replace(settings.mqtt, **given)) if given else settings, path)
    except SettingError as error:
        raise config.ConfigError([f"command line: --{error}"]) from error
    where = path.resolve() if path and path != Path(os.devnull) else "built-in defaults"
    said = f"settings: {where} (hash {loaded.hash}){_passed_over(args, path)}"
    print(said, file=sys.stderr, flush=True)
    return loaded


def settings_file(named: Path | None) -> Path | None:
    """The file that holds the settings: the one named, else the service's own, else the folder's."""
    return named or next((place for place in (INSTALLED, HERE) if place.exists()), None)


def _passed_over(args: argparse.Namespace, path: Path | None) -> str:
    """A second candidate with other settings is named, so that nobody edits the wrong one."""
    if args.config or path != INSTALLED or not HERE.exists() or HERE.samefile(INSTALLED):
        return ""
    try:
        if fingerprint(config.load(HERE, Settings)) == fingerprint(config.load(INSTALLED, Settings)):
            return ""
    except config.ConfigError:
        pass
    return f"; {HERE.resolve()} says otherwise and is not used: name it with --config to use it"
