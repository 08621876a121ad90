"""Settings: config.yaml read into frozen dataclasses, with every mistake named and nothing guessed.

A settings class is a frozen dataclass whose fields come from ``vocabulary.setting`` or are settings
classes themselves. This file walks such classes: to check a file, to write the commented default
file, the JSON schema for editors, and the hash that says which settings are in force.
"""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

S = TypeVar("S")
SCHEMA_FILE = "config.schema.json"


class ConfigError(ValueError):
    """Settings that must not be run with; says where each mistake stands and what is allowed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path, shape: type[S]) -> S:
    """Read ``path`` into ``shape``; keys left out keep their defaults.

    Raises ConfigError with one line per mistake: file, line, key, what was found, what is allowed.
    """
    try:
        tree = YAML().load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; give a file with --config"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: is not UTF-8 text: save it as UTF-8"]) from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = (error.problem or "not YAML").splitlines()[0]
        raise ConfigError(
            [f"{path}:{line}: not valid YAML: {problem}; check indentation and quotes"]
        ) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError([f"{path}: not valid YAML: {str(error).splitlines()[0]}"]) from error
    problems: list[str] = []
    settings = _read(shape, {} if tree is None else tree, "", 1, str(path), problems)
    if problems:
        raise ConfigError(problems)
    return cast(S, settings)


def change(path: Path, shape: type, key: str, value: Any) -> None:
    """Set one dotted ``key`` in the file and keep all its comments; a file that is not there is made.

    What would not be valid settings is not written: raises ConfigError.
    """
    yaml = YAML()
    yaml.width = 4096  # leave long lines as they are
    yaml.preserve_quotes = True
    text = path.read_text(encoding="utf-8") if path.exists() else as_yaml(shape())
    tree = yaml.load(text) or CommentedMap()
    *groups, name = key.split(".")
    place = tree
    for group in groups:
        place = place.setdefault(group, CommentedMap())
    place[name] = DoubleQuotedScalarString(value) if isinstance(value, str) else value
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    try:
        load(draft, shape)
    except ConfigError:
        draft.unlink()
        raise
    draft.replace(path)


def _read(shape: type, tree: Any, prefix: str, line: int, path: str, problems: list[str]) -> Any:
    """``tree`` as a ``shape``; mistakes are added to ``problems``."""
    if not isinstance(tree, dict):
        where = f"{path}:{line}: {prefix.rstrip('.') or 'the file'}"
        problems.append(f"{where}: found {_say(tree)}, expected settings as 'key: value' lines")
        return None
    hints = _hints(shape)
    values: dict[str, Any] = {}
    for key, value in tree.items():
        at = tree.lc.data[key][0] + 1 if isinstance(tree, CommentedMap) and key in tree.lc.data else line
        name = f"{path}:{at}: {prefix}{key}"
        if key not in hints:
            near = get_close_matches(str(key), hints, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(hints)}"
            problems.append(f"{name}: unknown key; {advice}")
        elif is_dataclass(hints[key]):
            values[key] = _read(hints[key], value, f"{prefix}{key}.", at, path, problems)
        else:
            metadata = next(f.metadata for f in fields(shape) if f.name == key)
            if (allowed := _refusal(hints[key], metadata, value)) is not None:
                problems.append(f"{name}: found {_say(value)}, allowed: {allowed}")
            else:
                values[key] = _plain(hints[key], value)
    if any(value is None for value in values.values()):
        return None  # its own mistakes are told already
    try:
        return shape(**values)
    except ValueError as error:  # how settings stand to each other
        problems.append(f"{path}:{line}: {prefix.rstrip('.') or 'the file'}: {error}")
        return None


def _refusal(hint: Any, metadata: Any, value: Any) -> str | None:
    """What would be allowed, if ``value`` is not."""
    allowed = _allowed(hint, metadata)
    if get_origin(hint) is Literal:
        good = value in get_args(hint)
    elif get_origin(hint) is tuple:
        good = isinstance(value, list) and all(_fits(get_args(hint)[0], item, metadata) for item in value)
    else:
        good = _fits(hint, value, metadata)
    return None if good else allowed


def _fits(kind: type, value: Any, metadata: Any) -> bool:
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is str:
        return isinstance(value, str)
    if not isinstance(value, (int, float) if kind is float else int) or not math.isfinite(value):
        return False
    low, high = metadata.get("low"), metadata.get("high")
    return (low is None or value >= low) and (high is None or value <= high)


def _plain(hint: Any, value: Any) -> Any:
    """The value without YAML's wrappings."""
    if hint is float:
        return float(value)
    if isinstance(value, list):
        return tuple(_plain(get_args(hint)[0], item) for item in value)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    return int(value) if isinstance(value, int) else str(value)


def _say(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a group of keys"
    text = str(value) if isinstance(value, float) else json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _allowed(hint: Any, metadata: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) is tuple:
        return f"a list, each {_allowed(get_args(hint)[0], metadata)}"
    low, high, unit = metadata.get("low"), metadata.get("high"), metadata.get("unit", "")
    if hint is bool:
        return "true or false"
    if hint is str:
        return "text"
    kind = "a whole number" if hint is int else "a number"
    span = f" {_number(low)} to {_number(high)}" if low is not None and high is not None else ""
    return f"{kind}{span}{' ' + unit if unit else ''}"


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
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_scalar, value)) + "]"
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
                "default": list(f.default) if isinstance(f.default, tuple) else f.default,
            }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema_value(hint: Any, metadata: Any) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _schema_value(get_args(hint)[0], metadata)}
    words = {bool: "boolean", str: "string", int: "integer", float: "number"}
    limits = {
        word: metadata[key]
        for key, word in (("low", "minimum"), ("high", "maximum"))
        if metadata.get(key) is not None and hint in (int, float)
    }
    return {"type": words[hint], **limits}
