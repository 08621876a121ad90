"""Settings written out: the commented config.yaml, the JSON schema for editors, the hash of the settings."""

import hashlib
import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from monitor.core.detector import DetectorSettings
from monitor.core.setting import About, about

SCHEMA_FILE = "config.schema.json"
COLUMNS = 99  # of a comment in the file: it is edited in small terminals


def fingerprint(settings: Any) -> str:
    """Twelve hex digits that change with any setting."""
    text = json.dumps(asdict(settings), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


DECIDING = (*(f.name for f in fields(DetectorSettings)), "arming", "alarm", "sensor")
"""The settings that events and alerts depend on."""


def detecting(settings: Any) -> str:
    """Those settings as JSON: what a session's replay needs."""
    every = asdict(settings)
    return json.dumps({name: every[name] for name in DECIDING})


def flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every setting as (dotted key, value), in order."""
    for f in fields(settings):
        value = getattr(settings, f.name)
        if is_dataclass(value):
            yield from flat(value, f"{prefix}{f.name}.")
        else:
            yield f"{prefix}{f.name}", value


def as_yaml(settings: Any, *, comments: bool = True) -> str:
    """The settings as config.yaml has them, with a comment above each key that says all about it."""
    lines = [f"# yaml-language-server: $schema={SCHEMA_FILE}"] if comments else []
    lines += _yaml_lines(settings, "", comments)
    return "\n".join(lines) + "\n"


def _yaml_lines(settings: Any, indent: str, comments: bool) -> list[str]:
    lines: list[str] = []
    hints = get_type_hints(type(settings))
    for f in fields(settings):
        value, said = getattr(settings, f.name), about(f.metadata)
        if comments and not indent:
            lines.append("")
        if is_dataclass(value):
            lines += [f"{indent}# {said.doc}"] if comments else []
            lines += [f"{indent}{f.name}:", *_yaml_lines(value, indent + "  ", comments)]
        else:
            if comments:
                lines += [f"{indent}# {line}" for line in comment(said, hints[f.name], f.default, indent)]
            lines.append(f"{indent}{f.name}: {scalar(value)}")
    return lines


def comment(said: About, hint: Any, default: Any, indent: str = "") -> list[str]:
    """What a setting is; then its range and default, and what lowering and raising it does."""
    doc = said.doc.rstrip(".")
    facts = f"[{allowed(hint, said)}; default {scalar(default)}]"
    moves = [f"{word}: {does}." for word, does in (("Lower", said.smaller), ("Higher", said.larger)) if does]
    paragraphs = (f"{doc[0].upper()}{doc[1:]}.", facts, *moves)
    width = COLUMNS - len(indent) - 2
    return [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, width)]


def allowed(hint: Any, said: About) -> str:
    """What a setting may be, in words."""
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    if hint is bool:
        return "true or false"
    if hint is str:
        return said.expected
    kind = "a whole number" if hint is int else "a number"
    return f"{kind} {said.low:g} to {said.high:g} {said.unit}".rstrip()


def scalar(value: Any) -> str:
    """A value as YAML has it."""
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
    hints = get_type_hints(shape)
    for f in fields(shape):
        hint, said = hints[f.name], about(f.metadata)
        if is_dataclass(hint):
            properties[f.name] = _schema_of(cast(type, hint)) | {"description": said.doc}
        else:
            properties[f.name] = {
                **_schema_value(hint, said),
                "description": " ".join(comment(said, hint, f.default)),
                "default": f.default,
            }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _schema_value(hint: Any, said: About) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if hint is bool:
        return {"type": "boolean"}
    if hint is str:
        return {"type": "string"} | ({"pattern": f"^(?:{said.pattern})$"} if said.pattern else {})
    return {"type": "integer" if hint is int else "number", "minimum": said.low, "maximum": said.high}
