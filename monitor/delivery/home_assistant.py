"""Home Assistant finds the device by itself: one message announces all its entities.

After https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery (device discovery). The heartbeat feeds
the entities, so they become unavailable three beats after it stops; alerts feed an event entity.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from monitor.core.alarm_rules import OF_THE_WALKER
from monitor.core.vocabulary import AlertKind, Stage
from monitor.delivery.messages import OFFLINE, ONLINE, Topics

ACCOUNT = "home"
"""Its answers come under this name, whatever its account is called: the announcement cannot know that."""

BIRTH_TOPIC = "homeassistant/status"
BIRTH = b"online"

EXPIRE_S = 4
"""Three missed heartbeats, and one for the way."""

FAULTS = [AlertKind.SENSOR, AlertKind.LINK, AlertKind.BATTERY, AlertKind.FAULT]

OPEN = """
{% set open = namespace(list=[]) %}
{% for i in value_json.incidents %}
{% set open.list = open.list + [{'id': i.id, 'sequence': i.sequence, 'kind': i.kind, 'certainty': i.certainty,
 'stage': i.stage, 'priority': i.priority, 'reason': i.reason, 'who': i.who, 'since': i.wall_s}] %}
{% endfor %}"""
"""The open incidents without their ages, which would be another row in the database each second."""

RINGING = """
{% set active = value_json.incidents | selectattr('stage', 'eq', 'active') | list %}
{% set high = active | selectattr('priority', 'eq', 3) | list %}
{% set rings = (high + (active | selectattr('kind', 'eq', 'test') | list) + [{}])[0] %}"""
"""What phones ring for: the first high incident that nobody has answered, or a test of it."""

ALARM = (
    OPEN
    + RINGING
    + """
{{ {'ring': (rings.id ~ '/' ~ rings.sequence) if rings else '',
 'incident': value_json.incidents[0].id if value_json.incidents else '',
 'incidents': open.list, 'armed': value_json.armed, 'answer_topic': ANSWER} | to_json }}"""
)
FAULT = """
{{ {'faults': (value_json.incidents | selectattr('kind', 'in', KINDS) | map(attribute='reason') | list)
 + value_json.faults} | to_json }}"""

STATUS = """
{% if value in ['offline', 'switched off'] %}no contact
{% elif value_json is defined and value_json is mapping and value_json.summary is defined %}
{{ value_json.summary[:255] }}
{% else %}{{ this.state if this is defined else '' }}{% endif %}"""
"""Also of who died: the last will and the heartbeat come under one name."""


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
    seen = _seen(topics)
    return {
        "alarm": _binary("Alarm", "safety", _any_of(OF_THE_WALKER), "mdi:alarm-light")
        | {
            "default_entity_id": alarm,
            "json_attributes_topic": topics.state,
            "json_attributes_template": ALARM.replace("ANSWER", repr(topics.answer_of(ACCOUNT))),
        }
        | seen,
        "status": {
            "platform": "sensor",
            "name": "Status",
            "icon": "mdi:shield-account",
            "state_topic": f"rearguard/{device}/+",
            "value_template": STATUS,
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ {'waits_for': value_json.waits_for, "
            "'spotters': value_json.spotters, 'sound_paused': value_json.sound_paused} | to_json }}",
            "expire_after": EXPIRE_S,
        },
        "was_armed": {
            "platform": "binary_sensor",
            "name": "Armed at last contact",
            "icon": "mdi:shield-clock",
            "entity_category": "diagnostic",
            "value_template": "{{ 'ON' if value_json.armed else 'OFF' }}",
            "json_attributes_topic": topics.state,
            "json_attributes_template": "{{ {'last_contact': 'rearguard'} | to_json }}",
        },
        "fault": _binary(
            "Fault", "problem", f"({_any_of(FAULTS)}) or value_json.faults | length > 0", "mdi:alert"
        )
        | {
            "entity_category": "diagnostic",
            "json_attributes_topic": topics.state,
            "json_attributes_template": FAULT.replace("KINDS", str([kind.value for kind in FAULTS])),
        }
        | seen,
        "walking": _binary("Walking", "moving", "value_json.walking", "mdi:walk") | seen,
        "steps": {
            "platform": "sensor",
            "name": "Steps",
            "icon": "mdi:shoe-print",
            "unit_of_measurement": "steps",
            "state_class": "total_increasing",
            "value_template": "{{ value_json.steps }}",
            "expire_after": EXPIRE_S,
        }
        | seen,
        "event": {
            "platform": "event",
            "name": "Alert",
            "icon": "mdi:message-alert",
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
        }
        | seen,
        "armed": {
            "platform": "switch",
            "name": "Armed",
            "icon": "mdi:shield-check",
            "value_template": "{{ 'ON' if value_json.armed else 'OFF' }}",
            "state_on": "ON",
            "state_off": "OFF",
            "command_topic": topics.request,
            "payload_on": _request("arm"),
            "payload_off": _request("disarm"),
        }
        | seen,
        "coming": _answer("Coming", "coming", topics, alarm) | {"icon": "mdi:run"} | seen,
        "false_alarm": _answer("False alarm", "false_alarm", topics, alarm) | {"icon": "mdi:bell-off"} | seen,
        "clear": _answer("Clear", "clear", topics, alarm) | {"icon": "mdi:check"} | seen,
        "pause_sound": _button("Pause the sound", topics.request, _request("pause_sound"))
        | {"icon": "mdi:volume-off"}
        | seen,
        "test": _button("Test", topics.request, _request("test"))
        | {"icon": "mdi:bell-ring", "entity_category": "diagnostic"}
        | seen,
    }


def _seen(topics: Topics) -> dict[str, Any]:
    """Available only while the device is online."""
    return {
        "availability": [
            {
                "topic": topics.availability,
                "payload_available": ONLINE.decode(),
                "payload_not_available": OFFLINE.decode(),
                # "switched off" is not online either.
                "value_template": "{{ value if value == 'online' else 'offline' }}",
            }
        ]
    }


def _slug(words: str) -> str:
    """As Home Assistant writes the ids of entities: no hyphen, no two underscores in a row."""
    return re.sub("_+", "_", re.sub("[^a-z0-9_]", "_", words))


def _any_of(kinds: Iterable[AlertKind]) -> str:
    names = [kind.value for kind in kinds]
    return f"value_json.incidents | selectattr('kind', 'in', {names}) | list | length > 0"


def _binary(name: str, device_class: str, condition: str, icon: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": name,
        "icon": icon,
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
        '{{ state_attr(id, "incident") }}{% endfor %}", "act": "{{ value }}"}'
    )
    return _button(name, topics.answer_of(ACCOUNT), act) | {"command_template": template}


def _request(act: str) -> str:
    return json.dumps({"act": act, "who": "Home Assistant"})
