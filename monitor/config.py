"""Settings: config.yaml read into frozen dataclasses, with every mistake named and nothing guessed.

A settings class is a frozen dataclass whose fields come from ``vocabulary.setting`` or are settings
classes themselves. This file walks such classes: to check a file, to write the commented default
file, the JSON schema for editors, and the hash that says which settings are in force.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

S = TypeVar("S")
SCHEMA_FILE = "config.schema.json"
LARGEST_FILE = 1_000_000  # bytes


class ConfigError(ValueError):
    """Settings that must not be run with; says where each mistake stands and what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path, shape: type[S]) -> S:
    """Read ``path`` into ``shape``; keys left out keep their defaults.

    Raises ConfigError with one line per mistake: file, line, key, what was found, what is allowed.
    """
    return _settings(_text(path), path, shape)


def change(path: Path, shape: type, key: str, value: Any) -> None:
    """Set one dotted ``key`` in the file and keep all its comments; a file that is not there is made.

    The file keeps its owner and mode, a link stays a link. Raises ConfigError for what would not be
    valid settings, which is not written, and for a file that cannot be written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise ConfigError([f"{path}: cannot be written: not a regular file; give one with --config"])
    text = _text(path) if path.exists() else as_yaml(shape())
    _settings(text, path, shape)
    yaml = _yaml()
    yaml.width = 4096  # leave long lines as they are
    yaml.preserve_quotes = True
    tree = yaml.load(text) or CommentedMap()
    *groups, name = key.split(".")
    place = tree
    for group in groups:
        place = place.setdefault(group, CommentedMap())
    place[name] = DoubleQuotedScalarString(value) if isinstance(value, str) else value
    changed = StringIO()
    yaml.dump(tree, changed)
    _settings(changed.getvalue(), path, shape)
    try:
        _replace(path, changed.getvalue())
    except OSError as error:
        cure = "run it as the owner or give another file with --config"
        raise ConfigError([f"{path}: cannot be written: {error.strerror}; {cure}"]) from error


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
            raise ConfigError([f"{path}: is not a regular file; give one with --config"])
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ConfigError(
                [f"{path}: is larger than 1 MB and so no settings file; give one with --config"]
            )
        return content.decode("utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; give a file with --config"]) from error
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
    try:
        tree = _yaml().load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = (error.problem or "not YAML").splitlines()[0][:100]
        raise ConfigError(
            [f"{path}:{line}: not valid YAML: {problem}; check indentation and quotes"]
        ) from error
    except Exception as error:  # odd tags, keys and depths bring any of Python's own
        problem = str(error).partition("\n")[0][:100]
        raise ConfigError(
            [f"{path}: is no settings file: {problem}; rearguard config default prints one"]
        ) from error
    problems: list[str] = []
    settings = _read(shape, {} if tree is None else tree, "", 1, str(path), problems)
    if problems:
        raise ConfigError(problems)
    return cast(S, settings)


def _read(shape: type, tree: Any, prefix: str, line: int, path: str, problems: list[str]) -> Any:
    """``tree`` as a ``shape``; mistakes are added to ``problems``."""
    if not isinstance(tree, dict):
        where = f"{path}:{line}: {prefix.rstrip('.') or 'the file'}"
        problems.append(f"{where}: found {_say(tree)}, expected settings as 'key: value' lines")
        return None
    hints = _hints(shape)
    lines = (tree.lc.data if isinstance(tree, CommentedMap) else None) or {}  # none with merged keys only
    values: dict[str, Any] = {}
    for key, value in tree.items():
        at = lines[key][0] + 1 if key in lines else line
        word = key[:60] if isinstance(key, str) else _say(key)
        name = f"{path}:{at}: {prefix}{word}"
        if key not in hints:
            near = get_close_matches(word, hints, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(hints)}"
            problems.append(f"{name}: unknown key; {advice}")
        elif is_dataclass(hints[key]):
            values[key] = _read(hints[key], value, f"{prefix}{key}.", at, path, problems)
        else:
            metadata = next(f.metadata for f in fields(shape) if f.name == key)
            if _fits(hints[key], value, metadata):
                values[key] = _plain(hints[key], value)
            else:
                allowed = _allowed(hints[key], metadata)
                problems.append(f"{name}: found {_say(value)}, allowed: {allowed}")
    if any(value is None for value in values.values()):
        return None  # its own mistakes are told already
    try:
        return shape(**values)
    except ValueError as error:  # how settings stand to each other
        problems.append(f"{path}:{line}: {prefix.rstrip('.') or 'the file'}: {error}")
        return None


def _fits(kind: Any, value: Any, metadata: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    is_switch = isinstance(value, (bool, ScalarBoolean))  # ruamel's is an int: a switch with an anchor
    if kind is bool or is_switch:
        return kind is bool and is_switch
    if kind is str:
        return isinstance(value, str)
    is_number = isinstance(value, (int, float) if kind is float else int)
    return is_number and bool(metadata["low"] <= value <= metadata["high"])


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
    if isinstance(value, ScalarBoolean):
        return _scalar(bool(value))
    if isinstance(value, int) and abs(value) >= 10**40:  # Python refuses to write the longest ones
        return "a number of more than 40 digits"
    text = str(value) if isinstance(value, float) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed(hint: Any, metadata: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if hint is bool:
        return "true or false"
    if hint is str:
        return "text"
    kind = "a whole number" if hint is int else "a number"
    return f"{kind} {_number(metadata['low'])} to {_number(metadata['high'])} {metadata['unit']}".rstrip()


def _number(value: float) -> str:
    return f"{value:g}"


def _hints(shape: type) -> dict[str, Any]:
    return get_type_hints(shape)


# ---- what the settings look like from outside


def fingerprint(settings: Any) -> str:
    """Twelve hex digits that change with any setting."""
    text = json.dumps(asdict(settings), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as (dotted key, value), in order."""
    for f in fields(settings):
        value = getattr(settings, f.name)
        if is_dataclass(value):
            yield from flat(value, f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", value


def as_yaml(settings: Any, *, comments: bool = True) -> str:
    """The settings as config.yaml has them: one comment line above each key."""
    lines: list[str] = []
    if comments:
        lines += [f"# yaml-language-server: $schema={SCHEMA_FILE}"]
    lines += _yaml_lines(settings, "", comments)
    return "\n".join(lines) + "\n"


def _yaml_lines(settings: Any, indent: str, comments: bool) -> list[str]:
    lines: list[str] = []
    for f in fields(settings):
        value = getattr(settings, f.name)
        if comments and (not indent or not is_dataclass(value)):
            lines += [""] if is_dataclass(value) or not indent else []
        if is_dataclass(value):
            if comments and f.metadata.get("meaning"):
                lines.append(f"{indent}# {f.metadata['meaning']}")
            lines.append(f"{indent}{f.name}:")
            lines += _yaml_lines(value, indent + "  ", comments)
        else:
            if comments:
                lines.append(f"{indent}# {comment(f.metadata, _hints(type(settings))[f.name], f.default)}")
            lines.append(f"{indent}{f.name}: {_scalar(value)}")
    return lines


def comment(metadata: Any, hint: Any, default: Any) -> str:
    """One line: meaning, unit, range, default, what smaller and larger values do."""
    meaning = metadata["meaning"].rstrip(".")
    text = f"{meaning[0].upper()}{meaning[1:]} [{_allowed(hint, metadata)}; default {_scalar(default)}]"
    moves = [f"{word}: {metadata[word]}" for word in ("smaller", "larger") if metadata.get(word)]
    return "; ".join([text, *moves])


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def schema(shape: type) -> dict[str, Any]:
    """A JSON schema (draft 2020-12) of the file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rearguard config.yaml",
        **_schema_of(shape),
    }


def _schema_of(shape: type) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for f in fields(shape):
        hint = _hints(shape)[f.name]
        if is_dataclass(hint):
            properties[f.name] = _schema_of(cast(type, hint))
            if f.metadata.get("meaning"):
                properties[f.name]["description"] = f.metadata["meaning"]
        else:
            properties[f.name] = {
                **_schema_value(hint, f.metadata),
                "description": comment(f.metadata, hint, f.default),
                "default": f.default,
            }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema_value(hint: Any, metadata: Any) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    words = {bool: "boolean", str: "string", int: "integer", float: "number"}
    limits = {
        word: metadata[key]
        for key, word in (("low", "minimum"), ("high", "maximum"))
        if metadata.get(key) is not None and hint in (int, float)
    }
    return {"type": words[hint], **limits}
