"""``rearguard config``: check and show settings."""

import argparse
import json
from pathlib import Path

from monitor import config
from monitor.commands.options import Act, Commands, add_config, command, load, settings_file
from monitor.settings import Settings
from monitor.settings_text import as_yaml, fingerprint, schema


def add(commands: Commands) -> None:
    actions = command(commands, "config", show, "check and show settings").add_subparsers(
        required=True, metavar="ACTION"
    )

    def action(name: str, act: Act, says: str) -> argparse.ArgumentParser:
        return command(actions, name, act, says)

    action(
        "check", check, "list every mistake in a settings file: file, line, key, what is allowed"
    ).add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="settings file (default: the one in force)"
    )
    add_config(action("show", show, "the settings in force, and their hash"))
    action("default", default, "a commented file with every default")
    action("schema", schema_, "a JSON schema of the file, for editors")


def check(args: argparse.Namespace) -> int:
    path = settings_file(args.file)
    if path is None:
        raise config.ConfigError(["no settings file here: the built-in defaults are in force"])
    settings = config.load(path, Settings)
    print(f"{path.resolve()} (hash {fingerprint(settings)}): all settings are valid")
    return 0


def show(args: argparse.Namespace) -> int:
    loaded = load(args)
    where = loaded.path.resolve() if loaded.path else "built-in defaults"
    print(f"# {where}, hash {loaded.hash}")
    print(as_yaml(loaded.settings, comments=False), end="")
    return 0


def default(_: argparse.Namespace) -> int:
    print(as_yaml(Settings()), end="")
    return 0


def schema_(_: argparse.Namespace) -> int:
    print(json.dumps(schema(Settings), indent=2))
    return 0
