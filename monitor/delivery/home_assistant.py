"""Home Assistant finds the device by itself: one message announces all its entities.

After https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery (device discovery). The heartbeat feeds
the entities, so they become unavailable three beats after it stops; alerts feed an event entity.
"""

import json
import re
from typing import Any

from monitor.core.vocabulary import AlertKind, Stage
from monitor.delivery.messages import OFFLINE, ONLINE, Topics

BIRTH_TOPIC = "homeassistant/status"
BIRTH = b"online"

EXPIRE_S = 4
"""Three missed heartbeats, and one for the way."""

DANGERS = [AlertKind.FALL, AlertKind.SOS, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP]
FAULTS = [AlertKind.SENSOR, AlertKind.LINK, AlertKind.BATTERY, AlertKind.FAULT]


def topic(device: str) -> str:
    """Where the announcement goes, retained."""
    return f"homeassistant/device/rearguard_{device}/config"


def announcement(device: str, version: str) -> bytes:
    """All entities of the device, as JSON."""
    topics = Topics(device)
    payload = {
        "device": {
            "identifiers": [f"rearguard_{device}"],
            "name": f"Rearguard {device}",
            "manufacturer": "Rearguard",
            "model": "belt sensor",
            "sw_version": version,
        },
        "origin": {"name": "rearguard", "sw_version": version},
        "availability": [
            {
                "topic": topics.availability,
                "payload_available": ONLINE.decode(),
                "payload_not_available": OFFLINE.decode(),
                # "switched off" is not online either.
                "value_template": "{{ value if value == 'online' else 'offline' }}",
            }
        ],
        "state_topic": topics.state,
        "qos": 1,
        "components": {
            name: entity | {"unique_id": f"rearguard_{device}_{name}"}
            for name, entity in _entities(device, topics).items()
        },
    }
    return json.dumps(payload, separators=(",", ":")).encode()


def _entities(device: str, topics: Topics) -> dict[str, dict[str, Any]]:
    alarm = f"binary_sensor.{_slug(f'rearguard_{device}_alarm')}"
    return {
        "alarm": _binary("Alarm", "safety", _any_of(DANGERS))
        | {
            "default_entity_id": alarm,
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ {'incident': (value_json.incidents | first | default({})).id "
            "| default(''), 'incidents': value_json.incidents, 'armed': value_json.armed} | to_json }}",
        },
        "fault": _binary("Fault", "problem", f"({_any_of(FAULTS)}) or value_json.faults | length > 0")
        | {"entity_category": "diagnostic"},
        "walking": _binary("Walking", "moving", "value_json.walking"),
        "steps": {
            "platform": "sensor",
            "name": "Steps",
            "state_class": "total_increasing",
            "value_template": "{{ value_json.steps }}",
            "expire_after": EXPIRE_S,
        },
        "event": {
            "platform": "event",
            "name": "Alert",
            "default_entity_id": f"event.{_slug(f'rearguard_{device}_alert')}",
            "state_topic": topics.alert,
            "event_types": [
                *(kind.value for kind in AlertKind),
                *(stage.value for stage in Stage if stage.ended or stage is Stage.ACKNOWLEDGED),
            ],
            "value_template": "{{ {'event_type': value_json.kind if value_json.stage == 'active' "
            "else value_json.stage, 'incident': value_json.id, 'certainty': value_json.certainty, "
            "'sequence': value_json.sequence, "
            "'kind': value_json.kind, 'stage': value_json.stage, 'priority': value_json.priority, "
            "'age_s': value_json.age_s, 'reason': value_json.reason, 'who': value_json.who} | to_json }}",
        },
        "armed": {
            "platform": "switch",
            "name": "Armed",
            "value_template": "{{ 'ON' if value_json.armed else 'OFF' }}",
            "state_on": "ON",
            "state_off": "OFF",
            "command_topic": topics.request,
            "payload_on": _request("arm"),
            "payload_off": _request("disarm"),
        },
        "coming": _answer("Coming", "coming", topics, alarm),
        "false_alarm": _answer("False alarm", "false_alarm", topics, alarm),
        "clear": _answer("Clear", "clear", topics, alarm),
        "pause_sound": _button("Pause the sound", topics.request, _request("pause_sound")),
        "test": _button("Test", topics.request, _request("test")) | {"entity_category": "diagnostic"},
    }


def _slug(words: str) -> str:
    """As Home Assistant writes the ids of entities: no hyphen, no two underscores in a row."""
    return re.sub("_+", "_", re.sub("[^a-z0-9_]", "_", words))


def _any_of(kinds: list[AlertKind]) -> str:
    names = [kind.value for kind in kinds]
    return f"value_json.incidents | selectattr('kind', 'in', {names}) | list | length > 0"


def _binary(name: str, device_class: str, condition: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "value_template": f"{{{{ 'ON' if {condition} else 'OFF' }}}}",
        "expire_after": EXPIRE_S,
    }


def _button(name: str, command_topic: str, payload: str) -> dict[str, Any]:
    return {"platform": "button", "name": name, "command_topic": command_topic, "payload_press": payload}


def _answer(name: str, act: str, topics: Topics, alarm: str) -> dict[str, Any]:
    """A button that answers the most urgent alert, which the alarm entity names.

    People rename entities: the alarm is found as the sensor of the button's own device that has an incident;
    ``alarm``, its first id, is asked only where a button does not know its device.
    """
    template = (
        f"{{% set ids = device_entities(device_id(entity_id)) if entity_id is defined else ['{alarm}'] %}}"
        '{"id": "{% for id in ids if id.startswith("binary_sensor.") and state_attr(id, "incident") %}'
        '{{ state_attr(id, "incident") }}{% endfor %}", "act": "{{ value }}", "who": "Home Assistant"}'
    )
    return _button(name, topics.answer, act) | {"command_template": template}


def _request(act: str) -> str:
    return json.dumps({"act": act, "who": "Home Assistant"})
