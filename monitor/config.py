"""Settings files: config.yaml read into frozen dataclasses, with every mistake named and nothing guessed.

A settings class is declared as core/setting.py says; settings_text.py writes what this file reads.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from monitor.core.setting import About, SettingError, about
from monitor.core.vocabulary import RearguardError
from monitor.settings_text import allowed, as_yaml, scalar

S = TypeVar("S")
LARGEST_FILE = 1_000_000  # bytes

CURES = (
    ("duplicate key", "each key may occur once: remove one of them"),
    (r"'\t'", "indent with spaces, not with tabs"),
    ("another document", "remove the line '---' and what follows it"),
    ("YAML document", "remove the line that begins with %YAML"),
    ("alias", "write the value itself"),
    ("cannot start", "put the value into quotes"),
    ("end of stream", "a quote is opened and never closed"),
    ("stream end", "a bracket is opened and never closed"),
)
"""What to do about what the YAML reader found, by words of its own; for all else see below."""
CURE = "check the indentation, and quote text that contains a colon"


class ConfigError(RearguardError, ValueError):
    """Settings that must not be run with: one line per mistake, in the order of the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path, shape: type[S]) -> S:
    """Read ``path`` into ``shape``; keys left out keep their defaults.

    Raises ConfigError with one line per mistake: file, line, key, what was found, what is allowed.
    """
    return _settings(_text(path), path, shape)


def parsed(text: str, name: str, shape: type[S]) -> S:
    """Settings kept as ``text``, JSON or YAML; ``name`` is where they are from. Raises ConfigError."""
    return _settings(text, Path(name), shape)


def change(path: Path, shape: type, key: str, value: Any) -> None:
    """Set one dotted ``key`` in the file and keep all its comments; a file that is not there is made.

    The file keeps its owner and mode, a link stays a link. Raises ConfigError for what would not be
    valid settings, which is not written, and for a file that cannot be written.
    """
    _refuse_other_than_a_file(path)
    write(path, changed(_text(path) if path.exists() else as_yaml(shape()), path, shape, {key: value}))


def changed(text: str, path: Path, shape: type, values: Mapping[str, Any]) -> str:
    """What `change` makes of the ``text`` of the file ``path``, for several keys at once."""
    _settings(text, path, shape)
    yaml = _yaml()
    yaml.width = 4096  # leave long lines as they are
    yaml.preserve_quotes = True
    tree = yaml.load(text) or CommentedMap()
    for key, value in values.items():
        *groups, name = key.split(".")
        place = tree
        for group in groups:
            place = place.setdefault(group, CommentedMap())
        place[name] = DoubleQuotedScalarString(value) if isinstance(value, str) else value
    written = StringIO()
    yaml.dump(tree, written)
    _settings(written.getvalue(), path, shape)
    return written.getvalue()


class Entry(NamedTuple):
    """``key: value``, and in which line."""

    line: int
    key: str
    value: Any


def with_more(path: Path, shape: type, more: str) -> tuple[dict[str, Any], list[Entry], list[str]]:
    """A file of some settings, and of one group ``more`` that is none.

    The settings that it names by dotted key, what the group holds, and the mistakes in the settings. Raises
    ConfigError for what cannot be read at all.
    """
    tree = _tree(_text(path), path)
    group = tree.pop(more, None) if isinstance(tree, dict) else None
    entries = group.items() if isinstance(group, dict) else ()
    held = [Entry(_line(group, key, 1), str(key), value) for key, value in entries]
    try:
        _read(tree, path, shape)
    except ConfigError as error:
        return {}, held, error.problems
    return dict(_said(tree)), held, []


def _said(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _said(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def write(path: Path, text: str, backup: Path | None = None) -> None:
    """Put ``text`` in place of a settings file, whose earlier self goes to ``backup``. Raises ConfigError."""
    path = path.resolve()
    _refuse_other_than_a_file(path)
    try:
        if backup is not None:
            shutil.copy2(path, backup)
        _replace(path, text)
    except OSError as error:
        cure = "run this as the file's owner, or name another file with --config"
        raise ConfigError([f"{path}: cannot be written: {error.strerror}; {cure}"]) from error


def _refuse_other_than_a_file(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise ConfigError([f"{path}: cannot be written: it is not a regular file"])


def _replace(path: Path, text: str) -> None:
    """Put ``text`` in the file's place at once, so that no power cut leaves half of it."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    try:
        draft.touch(mode=0o600 if path.exists() else 0o666, exist_ok=False)
        draft.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, draft)
            os.chown(draft, path.stat().st_uid, path.stat().st_gid)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file() and path.resolve() != Path(os.devnull):
            raise ConfigError([f"{path}: is not a regular file"])
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ConfigError([f"{path}: is larger than 1 MB, so it is not a settings file"])
        return content.decode("utf-8-sig")  # some editors begin a file with a mark
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text: save it as UTF-8"]) from error


class _Composer(Composer):
    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node, but no alias: a few lines of nested ones stand for more than any memory holds."""
        if self.parser.check_event(AliasEvent):
            problem = "found an alias (*) where the value itself belongs"
            raise ComposerError(None, None, problem, self.parser.peek_event().start_mark)
        return super().compose_node(parent, index)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.Composer = _Composer
    return yaml


def _settings(text: str, path: Path, shape: type[S]) -> S:
    """The text of ``path`` as a ``shape``, or a ConfigError with all its mistakes."""
    return _read(_tree(text, path), path, shape)


def _tree(text: str, path: Path) -> Any:
    try:
        tree = _yaml().load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = (error.problem or "not YAML").splitlines()[0].partition(" with value")[0][:100]
        cure = next((cure for words, cure in CURES if words in problem), CURE)
        raise ConfigError([f"{path}:{line}: not valid YAML: {problem}; {cure}"]) from error
    except Exception as error:  # odd tags, keys and depths bring any of Python's own
        problem = str(error).partition("\n")[0][:100]
        raise ConfigError(
            [f"{path}: is not a settings file: {problem}; `rearguard config default` prints one"]
        ) from error
    return {} if tree is None else tree


def _read(tree: Any, path: Path, shape: type[S]) -> S:
    reading = _Reading(path)
    settings = reading.group(shape, tree, "", 1)
    if reading.problems:
        raise ConfigError([words for _, words in sorted(reading.problems, key=lambda found: found[0])])
    return cast(S, settings)


class _Reading:
    """One file's mistakes, as (line, words), while its tree is turned into settings."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[tuple[int, str]] = []

    def group(self, shape: type, tree: Any, prefix: str, line: int) -> Any:
        """``tree`` as a ``shape``; None where it or anything in it is wrong."""
        if not isinstance(tree, dict):
            self._refuse(line, prefix, f"found {_say(tree)}, expected settings as 'key: value' lines")
            return None
        hints = get_type_hints(shape)
        declared = {f.name: about(f.metadata) for f in fields(shape)}
        values: dict[str, Any] = {}
        for key, value in tree.items():
            at = _line(tree, key, line)
            word = key[:60] if isinstance(key, str) else _say(key)
            if key not in hints:
                near = get_close_matches(word, hints, n=1)
                advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(hints)}"
                self._refuse(at, prefix + word, f"unknown key; {advice}")
            elif is_dataclass(hints[key]):
                values[key] = self.group(hints[key], value, f"{prefix}{key}.", at)
            elif _fits(hints[key], value, declared[key]):
                values[key] = _plain(hints[key], value)
            else:
                self._refuse(
                    at, prefix + word, f"found {_say(value)}, allowed: {allowed(hints[key], declared[key])}"
                )
        if any(value is None for value in values.values()):
            return None  # its own mistakes are listed already
        try:
            return shape(**values)
        except SettingError as error:  # how settings go with each other
            lines = (_line_of(tree, key) for key in (error.key, *error.others))
            at = next((number for number in lines if number), line)
            self._refuse(at, f"{prefix}{error.key}", error.problem)
            return None

    def _refuse(self, line: int, key: str, words: str) -> None:
        self.problems.append((line, f"{self._path}:{line}: {key.rstrip('.') or 'the file'}: {words}"))


def _line(tree: Any, key: Any, otherwise: int) -> int:
    """The line of a key; merged keys have none of their own."""
    lines = (tree.lc.data if isinstance(tree, CommentedMap) else None) or {}
    return lines[key][0] + 1 if key in lines else otherwise


def _line_of(tree: Any, dotted: str) -> int:
    """The line of a dotted key; 0 where the file does not have it."""
    key, _, rest = dotted.partition(".")
    if not isinstance(tree, dict) or key not in tree:
        return 0
    return _line_of(tree[key], rest) if rest else _line(tree, key, 0)


def _fits(kind: Any, value: Any, said: About) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    is_switch = isinstance(value, (bool, ScalarBoolean))  # ruamel's is an int: a switch with an anchor
    if kind is bool or is_switch:
        return kind is bool and is_switch
    if kind is str:
        return isinstance(value, str) and (not said.pattern or bool(re.fullmatch(said.pattern, value)))
    is_number = isinstance(value, (int, float) if kind is float else int)
    return is_number and said.low is not None and said.high is not None and said.low <= value <= said.high


def _plain(hint: Any, value: Any) -> Any:
    """The value without YAML's wrappings."""
    return str(value) if get_origin(hint) is Literal else hint(value)


def _say(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str) and "@" in value:
        return "text with an @"  # an address, or an account with its password: it would be logged
    if isinstance(value, ScalarBoolean):
        return scalar(bool(value))
    if isinstance(value, int) and abs(value) >= 10**40:  # Python refuses to write the longest ones
        return "a number of more than 40 digits"
    text = str(value) if isinstance(value, float) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
