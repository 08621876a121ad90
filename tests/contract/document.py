"""docs/asyncapi.json: the channels, their messages and what these are made of."""

import json
import tomllib
from pathlib import Path
from typing import Any

from monitor.delivery.messages import DEVICE_WORDS
from tests.contract.channels import CHANNELS, Channel
from tests.contract.examples import shown
from tests.contract.shapes import MESSAGES, payload, schemas

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs/asyncapi.json"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

DESCRIPTION = (
    "What goes over MQTT between a Rearguard device and the programs of its spotters, as such a program sees "
    "it: it receives what the device sends, and sends answers and requests. More in docs/clients.md and "
    "docs/delivery.md. Read leniently what you receive: within one major version fields, values and topics "
    "may be added. What you send is read strictly: with a field that is not in here the whole message is "
    "ignored."
)
PARAMETERS = {
    "device": f"Name of the device, mqtt.device in its settings: {DEVICE_WORDS}",
    "account": "Name of the account at the broker that answers; the broker proves it",
}


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Rearguard",
            "version": PROJECT["version"],
            "description": DESCRIPTION,
            "license": {"name": PROJECT["license"]},
        },
        "defaultContentType": "application/json",
        "servers": {
            "network": {
                **_server("{host}:8883", "secure-mqtt", "From other machines. The certificate is ca.crt's."),
                "variables": {"host": {"default": "raspberrypi.local", "description": "The Pi's name"}},
            },
            "device": _server("localhost:1883", "mqtt", "On the Pi itself, without encryption."),
        },
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {
            f"{action}{channel.name[0].upper()}{channel.name[1:]}": _operation(channel, action)
            for channel in CHANNELS
            for action in channel.program
        },
        "components": {
            "messages": {name: _message(name) for name in MESSAGES},
            "schemas": schemas(),
            "parameters": {name: {"description": f"{words}."} for name, words in PARAMETERS.items()},
            "securitySchemes": {
                "account": {
                    "type": "userPassword",
                    "description": "An account at the broker: `sudo rearguard pair NAME --device DEVICE`.",
                }
            },
        },
    }


def _server(host: str, protocol: str, says: str) -> dict[str, Any]:
    return {
        "host": host,
        "protocol": protocol,
        "description": says,
        "security": [{"$ref": "#/components/securitySchemes/account"}],
    }


def _channel(channel: Channel) -> dict[str, Any]:
    retained = "retained" if channel.retained else "never retained"
    parameters = {name: {"$ref": f"#/components/parameters/{name}"} for name in channel.parameters}
    return {
        "address": channel.address,
        "description": f"From {channel.sender}, QoS {channel.qos}, {retained}. {channel.says}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in channel.messages},
        **({"parameters": parameters} if parameters else {}),
    }


def _operation(channel: Channel, action: str) -> dict[str, Any]:
    here = f"#/channels/{channel.name}"
    return {
        "action": action,
        "channel": {"$ref": here},
        "messages": [{"$ref": f"{here}/messages/{name}"} for name in channel.messages],
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retained, "bindingVersion": "0.2.0"}},
    }


def _message(name: str) -> dict[str, Any]:
    message = MESSAGES[name]
    plain = not isinstance(message.shape, type) and name != "announcement"
    examples = shown(name)
    return {
        "name": name,
        "summary": f"{message.says[0].upper()}{message.says[1:]}.",
        "contentType": "text/plain" if plain else "application/json",
        "payload": payload(message.shape),
        **({"examples": examples} if examples else {}),
    }
