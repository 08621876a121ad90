"""``rearguard card``: what the file on the boot partition of a card that sets itself up asks for."""

import argparse
import re
import time
from pathlib import Path
from typing import Any

from monitor import config
from monitor.commands.options import Commands, add_config, command, load, settings_file
from monitor.settings import Settings
from monitor.settings_text import as_yaml
from monitor.spotter.page.door import CARD_INVITATION_S, CHOSEN, CHOSEN_WORDS, LONGEST_NAME, Door
from monitor.spotter.page.places import DOOR, address

MORE = "spotters"


def add(commands: Commands) -> None:
    parser = command(commands, "card", act, "read the file that a card sets itself up by")
    actions = {
        "settings": "the settings that come of it, or every mistake in it",
        "pair": "let its spotters in to the page, each by the code in it",
    }
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "actions:\n" + "\n".join(f"  {name:9} {words}" for name, words in actions.items())
    parser.add_argument("action", metavar="ACTION", choices=list(actions), help="settings or pair")
    parser.add_argument("file", metavar="FILE", type=Path, help="rearguard.txt")
    parser.add_argument(
        "--done", type=Path, metavar="FILE", help="pair: write the file here too, the codes struck out"
    )
    add_config(parser)


def act(args: argparse.Namespace) -> int:
    values, codes = asked(args.file)
    if args.action == "pair":
        return _pair(args, codes)
    path = settings_file(args.config)
    if path is None or not path.exists():
        text = as_yaml(Settings())
    else:
        text, now = path.read_text(encoding="utf-8"), config.load(path, Settings).mqtt.device
        if values.get("mqtt.device", now) != now:
            words = f"mqtt.device: it is {now} already, and accounts bear that name: take a fresh card"
            raise config.ConfigError([f"{args.file}: {words}"])
    print(config.changed(text, path or args.file, Settings, values), end="")
    return 0


def asked(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings in ``path`` by dotted key, and each spotter's code.

    Raises ConfigError with every mistake; it shows no code.
    """
    values, spotters, problems = config.with_more(path, Settings, MORE)
    codes: dict[str, str] = {}
    for line, name, code in spotters:
        at = f"{path}:{line}: {MORE}.{name[:LONGEST_NAME]}"
        if not name.isprintable() or not 1 <= len(name.strip()) <= LONGEST_NAME:
            problems.append(f"{at}: a spotter's name has 1 to {LONGEST_NAME} letters")
        elif not isinstance(code, str) or not CHOSEN.fullmatch(code):
            problems.append(f"{at}: expected a code behind the name: {CHOSEN_WORDS}")
        elif code.lower() in codes.values():
            problems.append(f"{at}: somebody else has this code: give everybody one of their own")
        else:
            codes[name] = code.lower()
    if not spotters:
        problems.append(f"{path}: {MORE}: names nobody, expected a line 'NAME: CODE' for each, indented")
    if problems:
        raise config.ConfigError(problems)
    return values, codes


def _pair(args: argparse.Namespace, codes: dict[str, str]) -> int:
    settings = load(args).settings.page
    now_s = time.time()
    door = Door(Path(settings.folder) / DOOR)
    try:
        for name, code in codes.items():
            door.invite(name, now_s, CARD_INVITATION_S, chosen=code)
    finally:
        door.close()
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(now_s + CARD_INVITATION_S))
    print(f"The page: {address(settings, settings.port)}")
    for name in codes:
        print(f"{name}: open it and enter your code. It is good once, until {until} by this device's clock.")
    if args.done:
        args.done.write_text(struck_out(args.file.read_text(encoding="utf-8-sig"), codes), encoding="utf-8")
    return 0


def struck_out(text: str, codes: dict[str, str]) -> str:
    """``text`` without the codes, wherever they stand."""
    return re.sub("|".join(map(re.escape, codes.values())), "(struck out)", text, flags=re.IGNORECASE)
