"""Does a message keep to the contract? By the document alone, as other people's tools read it."""

import copy
import json
import re
from typing import Any, NamedTuple

from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7


class Heard(NamedTuple):
    """A message as its publisher sent it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


def pointed_at(document: dict[str, Any], reference: str) -> Any:
    """What ``#/a/b`` leads to. Raises KeyError."""
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """For messages of this very version, which have no field that is not in the document."""
    document = copy.deepcopy(document)
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


class Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        registry = Registry().with_resource("urn:contract", DRAFT7.create_resource(document))
        self._validators = {
            name: Draft7Validator(
                {"$ref": f"urn:contract#/components/messages/{name}/payload"}, registry=registry
            )
            for name in document["components"]["messages"]
        }

    def channel(self, topic: str) -> str | None:
        """The channel of a topic, by name."""
        for name, channel in self.document["channels"].items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", channel["address"]), topic):
                return str(name)
        return None

    def operations(self, channel: str) -> list[dict[str, Any]]:
        here = f"#/channels/{channel}"
        return [one for one in self.document["operations"].values() if one["channel"]["$ref"] == here]

    def wrong(self, message: str, payload: bytes) -> list[str]:
        """What is wrong with the payload of a message."""
        kind = self.document["components"]["messages"][message]
        value = payload.decode() if kind["contentType"] == "text/plain" else json.loads(payload)
        return [
            f"{error.json_path}: {error.message}" for error in self._validators[message].iter_errors(value)
        ]

    def complaints(self, heard: Heard) -> list[str]:
        """Everything in which a message does not keep to the contract."""
        channel = self.channel(heard.topic)
        if channel is None:
            return [f"{heard.topic}: no channel"]
        sent_so = {"qos": heard.qos, "retain": heard.retain}
        found = [
            f"{heard.topic}: {name} is {sent_so[name]}"
            for operation in self.operations(channel)
            for name in sent_so
            if operation["bindings"]["mqtt"][name] != sent_so[name]
        ]
        wrong = [self.wrong(name, heard.payload) for name in self.document["channels"][channel]["messages"]]
        return (
            found if [] in wrong else [*found, *(f"{heard.topic}: {words}" for words in min(wrong, key=len))]
        )
