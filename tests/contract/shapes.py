"""What the messages are made of: JSON Schemas of the code's structs, with their docstrings' words.

AsyncAPI 3.0 reads schemas as draft 07, msgspec writes 2020-12; where the two differ it is put right here.
"""

import re
from collections.abc import Sequence
from enum import Enum
from inspect import getdoc
from typing import Any, NamedTuple

import msgspec

from monitor.core.vocabulary import FaultCode
from monitor.delivery import home_assistant, messages
from monitor.delivery.messages import AlertMessage, Answer, Clip, Gait, Incident, Label, Request, State

Schema = dict[str, Any]
STRUCTS: tuple[type[msgspec.Struct], ...] = (
    *(AlertMessage, State, Incident, Gait, Clip, Answer, Request, Label),
)
REFERENCE = "#/components/schemas/{name}"


class Message(NamedTuple):
    """A struct, or the words or the schema of what is no struct."""

    shape: type[msgspec.Struct] | Sequence[bytes] | Schema
    says: str


ANNOUNCEMENT: Schema = {"type": "object", "required": ["device", "origin", "components"]}
MESSAGES: dict[str, Message] = {
    "availability": Message(
        (messages.ONLINE, messages.SWITCHED_OFF, messages.OFFLINE),
        "online; switched off after an orderly end; offline when the broker lost the device, or when its "
        "sensor's loop hangs",
    ),
    "state": Message(State, "the heartbeat"),
    "alert": Message(AlertMessage, "a report of an incident"),
    "clip": Message(Clip, "the signal around an alert"),
    "answer": Message(Answer, "an answer or a receipt"),
    "request": Message(Request, "a request"),
    "label": Message(Label, "what a person says of an alert, or of the lack of one, for the journal"),
    "check": Message({"type": "string"}, "any text"),
    "announcement": Message(
        ANNOUNCEMENT, "device discovery, by Home Assistant's rules; empty where it is withdrawn"
    ),
    "birth": Message((home_assistant.BIRTH, b"offline"), "online; of anything else nothing follows"),
}


def words(struct: type) -> tuple[str, dict[str, str]]:
    """A docstring as its first part, and what it says of each field in lines ``name: words``."""
    first, *lines = (getdoc(struct) or "").replace("``", "`").splitlines()
    said: dict[str, str] = {}
    rest = [first]
    for line in lines:
        if found := re.fullmatch(r" *(\w+): (.+)", line):
            said[found[1]] = found[2]
        elif line:
            rest.append(line)
    return " ".join(rest), said


def schemas() -> dict[str, Schema]:
    """By name: the structs, and what they are made of."""
    _, found = msgspec.json.schema_components(STRUCTS, ref_template=REFERENCE)
    of_structs = {struct.__name__: words(struct) for struct in STRUCTS}
    for name, schema in found.items():
        if name not in of_structs:
            schema["description"] = schema["description"].replace("None", "null")
            continue
        schema["description"], said = of_structs[name]
        for field, below in schema["properties"].items():
            schema["properties"][field] = _described(below, said.get(field, ""))
        if "fault" in schema["properties"]:
            schema["properties"]["fault"]["examples"] = [code.value for code in FaultCode]
    return {name: _draft_07(schema) for name, schema in sorted(found.items())}


def payload(shape: type[msgspec.Struct] | Sequence[bytes] | Schema) -> Schema:
    """The schema of a message."""
    if isinstance(shape, type):
        return {"$ref": REFERENCE.format(name=shape.__name__)}
    return shape if isinstance(shape, dict) else {"type": "string", "enum": [word.decode() for word in shape]}


def _described(schema: Schema, said: str) -> Schema:
    """In draft 07 nothing beside a reference counts."""
    if "$ref" in schema:
        schema = {**schema, "allOf": [{"$ref": schema["$ref"]}]}
        del schema["$ref"]
    return {"description": said, **schema} if said else schema


def _draft_07(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_draft_07(item) for item in schema]
    if isinstance(schema, Enum):
        return schema.value
    if not isinstance(schema, dict):
        return schema
    changed = {key: _draft_07(value) for key, value in schema.items()}
    if "prefixItems" in changed:
        changed["items"] = changed.pop("prefixItems")
    return changed
