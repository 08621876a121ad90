"""The announcement follows Home Assistant's rules for MQTT device discovery, and its templates say the truth.

The rules are those of homeassistant/components/mqtt (schemas.py and one file per platform): which keys each
platform takes, which it needs, which values are allowed.
"""

import ast
import contextlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from monitor.core.vocabulary import Alert, AlertKind, Certainty, InputKind, Priority, Stage, Status
from monitor.delivery import home_assistant, messages
from monitor.delivery.link import Link
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter import repetition
from tests.listener import Listener
from tests.pulse import Pulse, wait_until

ROOT = {"device", "origin", "components", "availability", "availability_mode", "state_topic", "command_topic"}
ROOT |= {"qos", "encoding"}
WITHOUT_A_FIRST = re.compile(r"\| *first")
"""Of an empty list Home Assistant's Jinja warns, each second."""
COMMON = {"platform", "name", "unique_id", "default_entity_id", "entity_category", "icon", "availability"}
COMMON |= {"json_attributes_topic", "json_attributes_template", "enabled_by_default", "qos", "encoding"}
KEYS = {
    "binary_sensor": {
        "device_class",
        "expire_after",
        "force_update",
        "off_delay",
        "payload_on",
        "payload_off",
    }
    | {"state_topic", "value_template"},
    "sensor": {"device_class", "expire_after", "state_class", "unit_of_measurement", "state_topic"}
    | {"value_template", "suggested_display_precision"},
    "event": {"device_class", "event_types", "state_topic", "value_template"},
    "button": {"command_template", "command_topic", "device_class", "payload_press", "retain"},
    "switch": {"command_topic", "command_template", "payload_on", "payload_off", "state_on", "state_off"}
    | {"state_topic", "value_template", "optimistic", "retain", "device_class"},
}
NEEDED = {"event": {"event_types"}, "button": {"command_topic"}, "switch": {"command_topic"}}
BINARY_CLASSES = {"safety", "problem", "moving", "occupancy", "running"}

CONFIG: dict[str, Any] = json.loads(home_assistant.announcement("walker", "1.0"))
ENTITIES: dict[str, dict[str, Any]] = CONFIG["components"]


def test_the_root_follows_the_rules() -> None:
    assert set(CONFIG) <= ROOT
    assert CONFIG["device"]["identifiers"]
    assert CONFIG["origin"]["name"]
    assert CONFIG["qos"] in (0, 1, 2)
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", home_assistant.topic("walker"))


@pytest.mark.parametrize("name", ENTITIES)
def test_each_entity_follows_the_rules_of_its_platform(name: str) -> None:
    entity = ENTITIES[name]
    platform = entity["platform"]
    assert set(entity) <= COMMON | KEYS[platform]
    assert NEEDED.get(platform, set()) <= set(entity)
    assert entity["unique_id"] == f"rearguard_walker_{name}"
    assert "object_id" not in entity  # withdrawn in 2026.4
    assert entity.get("default_entity_id", f"{platform}.x").startswith(f"{platform}.")
    assert entity.get("entity_category", "diagnostic") in ("config", "diagnostic")
    if platform == "binary_sensor":
        assert entity.get("device_class", "running") in BINARY_CLASSES
    if platform in ("binary_sensor", "sensor") and name != "was_armed":
        assert entity["expire_after"] == home_assistant.EXPIRE_S
    # What says that there is no contact must be there when there is none.
    assert ("availability" in entity) == (name not in ("status", "was_armed"))


def test_ids_are_unique() -> None:
    ids = [entity["unique_id"] for entity in ENTITIES.values()]
    assert len(set(ids)) == len(ids)


def render(template: str, value: Any = "", incident: str = "", **names: Any) -> str:
    """As Home Assistant does, with the few names our templates use."""
    jinja2 = pytest.importorskip("jinja2", reason="jinja2 is not installed")
    environment = jinja2.Environment()
    environment.filters["to_json"] = json.dumps
    return str(
        environment.from_string(template).render(
            {"value_json": value, "value": value, "state_attr": lambda _entity, _name: incident} | names
        )
    )


def heartbeat(*alerts: Alert, faults: tuple[str, ...] = ()) -> dict[str, Any]:
    status = Status(True, False, alerts, 1.0)
    state = messages.State(
        "ab12",
        1,
        1.0,
        1.0,
        1.0,
        True,
        False,
        messages.incidents(status, messages.Moment(1.0, 1.0)),
        faults=faults,
    )
    return dict(json.loads(messages.encode(state)))


FALL = Alert("ab12-1", 1, AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, 1.0, who="Eva")
LINK = Alert("ab12-2", 2, AlertKind.LINK, Priority.MEDIUM, Certainty.CONFIRMED, Stage.ACTIVE, 1.0)


@pytest.mark.parametrize(
    ("state", "alarm", "fault"),
    [
        (heartbeat(), "OFF", "OFF"),
        (heartbeat(FALL), "ON", "OFF"),
        (heartbeat(LINK), "OFF", "ON"),
        (heartbeat(LINK, FALL), "ON", "ON"),
        (heartbeat(faults=("disk full",)), "OFF", "ON"),
    ],
)
def test_alarm_and_fault_are_two_things(state: dict[str, Any], alarm: str, fault: str) -> None:
    assert render(ENTITIES["alarm"]["value_template"], state) == alarm
    assert render(ENTITIES["fault"]["value_template"], state) == fault


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("stage", Stage)
def test_every_stage_of_every_alert_is_an_event_the_entity_knows(kind: AlertKind, stage: Stage) -> None:
    alert = Alert("ab12-1", 1, kind, Priority.HIGH, Certainty.CONFIRMED, stage, 1.0, who='said "so"')
    message = messages.alert_message(alert, "ab12", messages.Moment(1.0, 1.0))
    event = json.loads(render(ENTITIES["event"]["value_template"], json.loads(messages.encode(message))))
    assert event["event_type"] in ENTITIES["event"]["event_types"]
    assert (event["incident"], event["stage"], event["who"]) == ("ab12-1", stage.value, 'said "so"')


@pytest.mark.parametrize("name", ["coming", "false_alarm", "clear"])
def test_an_answering_button_says_what_the_device_understands(name: str) -> None:
    attributes = json.loads(render(ENTITIES["alarm"]["json_attributes_template"], heartbeat(FALL)))
    button = ENTITIES[name]
    payload = render(button["command_template"], button["payload_press"], attributes["incident"])
    word = messages.decode_answer(payload.encode(), home_assistant.ACCOUNT)
    assert (word.kind, word.alert_id, word.who) == (InputKind(name), "ab12-1", "home")


@pytest.mark.parametrize(
    "device", ["walker", "walker-1", "a--b", "-_-", "_", "9", "x" * 32, *("ab-_0" * n for n in range(1, 7))]
)
def test_ids_are_valid_and_buttons_answer_whatever_the_device_is_called(device: str) -> None:
    """Valid by the rule of homeassistant/core.py, which slugs what is not: then nothing finds it."""
    entities = json.loads(home_assistant.announcement(device, "1"))["components"]
    ids = [entity["default_entity_id"] for entity in entities.values() if "default_entity_id" in entity]
    assert len(ids) == 2
    for entity_id in ids:
        assert re.fullmatch(r"(?!.+__)(?!_)[\da-z_]+(?<!_)\.(?!_)[\da-z_]+(?<!_)", entity_id)
    incidents = {ids[0]: "ab12-1"}
    payload = render(
        entities["coming"]["command_template"],
        "coming",
        state_attr=lambda entity_id, _: incidents.get(entity_id),
    )
    assert messages.decode_answer(payload.encode(), home_assistant.ACCOUNT).alert_id == "ab12-1"


def test_the_buttons_find_the_alarm_although_its_entity_was_renamed() -> None:
    entities = {"event.last": "ab12-9", "binary_sensor.grandma": "ab12-1", "binary_sensor.moving": None}
    payload = render(
        ENTITIES["clear"]["command_template"],
        "clear",
        entity_id="button.anything",
        device_id=lambda _entity: "f00",
        device_entities=lambda _device: list(entities),
        state_attr=lambda entity_id, _name: entities[entity_id],
    )
    assert messages.decode_answer(payload.encode(), home_assistant.ACCOUNT).alert_id == "ab12-1"


@pytest.mark.parametrize(
    ("payload", "shown"),
    [(messages.ONLINE, "online"), (messages.OFFLINE, "offline"), (messages.SWITCHED_OFF, "offline")],
)
def test_switched_off_is_not_available_either(payload: bytes, shown: str) -> None:
    (availability,) = ENTITIES["alarm"]["availability"]
    assert render(availability["value_template"], payload.decode()) == shown
    assert shown in (availability["payload_available"], availability["payload_not_available"])


def test_with_no_alert_an_answering_button_says_nothing_that_counts() -> None:
    attributes = json.loads(render(ENTITIES["alarm"]["json_attributes_template"], heartbeat()))
    assert attributes["incident"] == ""
    payload = render(ENTITIES["clear"]["command_template"], "clear", "")
    assert (
        messages.decode_answer(payload.encode(), home_assistant.ACCOUNT).alert_id == ""
    )  # which no incident has


@pytest.mark.parametrize(
    ("entity", "key", "kind"),
    [
        ("armed", "payload_on", InputKind.ARM),
        ("armed", "payload_off", InputKind.DISARM),
        ("pause_sound", "payload_press", InputKind.PAUSE_SOUND),
        ("test", "payload_press", InputKind.TEST),
    ],
)
def test_switch_and_buttons_say_what_the_device_understands(entity: str, key: str, kind: InputKind) -> None:
    word = messages.decode_request(ENTITIES[entity][key].encode())
    assert not isinstance(word, int)
    assert word.kind is kind


def test_it_is_announced_on_connecting_and_again_when_home_assistant_is_born(mqtt: MqttSettings) -> None:
    settings = replace(mqtt, home_assistant=True)
    announced = home_assistant.topic(mqtt.device)
    with (
        Listener(settings, also=(announced,)) as home,
        Pulse(Link(settings, SimpleQueue())) as pulse,
    ):

        def times() -> int:
            return sum(letter.topic == announced for letter in home.letters)

        wait_until(lambda: times() == 1)
        wait_until(lambda: pulse.linked)
        home.say(home_assistant.BIRTH_TOPIC, home_assistant.BIRTH)
        wait_until(lambda: times() == 2)


class Input:
    """`!input name` in a blueprint."""

    yaml_tag = "!input"

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def from_yaml(cls, _: Any, node: Any) -> "Input":
        return cls(node.value)


def blueprint() -> Any:
    yaml = YAML(typ="safe")
    yaml.register_class(Input)
    return yaml.load(Path(__file__).parents[3] / "docs" / "home-assistant-blueprint.yaml")


def test_the_blueprint_uses_every_input_it_asks_for_and_its_templates_can_be_read() -> None:
    jinja2 = pytest.importorskip("jinja2", reason="jinja2 is not installed")
    whole = blueprint()
    used: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, Input):
            used.add(node.name)
        elif isinstance(node, str):
            jinja2.Environment().parse(node)
        elif isinstance(node, dict):
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk({key: value for key, value in whole.items() if key != "blueprint"})
    assert used == set(whole["blueprint"]["input"])
    assert whole["blueprint"]["domain"] == "automation"


@pytest.mark.parametrize("name", ENTITIES)
def test_no_template_asks_for_the_first_of_what_may_be_empty(name: str) -> None:
    assert not [key for key, text in ENTITIES[name].items() if WITHOUT_A_FIRST.search(str(text))]


@dataclass
class Home:
    """Home Assistant's side of the blueprint: the alarm entity's attributes, None while it is unavailable."""

    attributes: dict[str, Any] | None

    def text(self, template: str, **names: Any) -> str:
        jinja2 = pytest.importorskip("jinja2", reason="jinja2 is not installed")
        environment = jinja2.Environment()
        environment.filters["to_json"] = json.dumps
        environment.filters["timestamp_custom"] = lambda time_s, _form: f"{time_s:.0f}"
        environment.filters["expand"] = lambda entities: entities
        attributes = self.attributes or {}
        text = environment.from_string(template).render(
            {
                "alarm": "binary_sensor.alarm",
                "state_attr": lambda _, name: attributes.get(name),
                "states": lambda _: "unavailable" if self.attributes is None else "on",
                "device_id": lambda _: "f00",
                "device_entities": lambda _: [],
            }
            | names
        )
        return str(text.strip())

    def says(self, template: str, **names: Any) -> bool:
        text = self.text(template, **names)
        assert text in ("True", "False")
        return text == "True"

    def variables(self, trigger: dict[str, Any], **names: Any) -> dict[str, Any]:
        """What the blueprint makes of ``trigger``; text that reads as a list or dictionary is one."""
        found: dict[str, Any] = {}
        for name, template in blueprint()["actions"][1]["variables"].items():
            if name == "began":
                continue
            value: Any = self.text(template, trigger=trigger, **found | names)
            with contextlib.suppress(ValueError, SyntaxError):
                value = ast.literal_eval(value) if value[:1] in "[{" else value
            found[name] = value == "True" if value in ("True", "False") else value
        return found


def alarm_of(*alerts: Alert) -> Home:
    return Home(json.loads(render(ENTITIES["alarm"]["json_attributes_template"], heartbeat(*alerts))))


STUMBLE = Alert("3", 3, AlertKind.STUMBLE, Priority.MEDIUM, Certainty.CONFIRMED, Stage.ACTIVE, 1.0)
TEST = Alert("4", 4, AlertKind.TEST, Priority.LOW, Certainty.CONFIRMED, Stage.ACTIVE, 1.0)
COMING = replace(FALL, stage=Stage.ACKNOWLEDGED)


@pytest.mark.parametrize(
    ("alerts", "ring"),
    [
        ((), ""),
        ((FALL,), "ab12-1/1"),
        ((LINK, FALL), "ab12-1/1"),
        ((COMING,), ""),
        ((COMING, STUMBLE, LINK), ""),
        ((TEST,), "4/4"),
        ((TEST, FALL), "ab12-1/1"),
    ],
    ids=["nothing", "a fall", "beside a fault", "answered", "lesser ones", "a test", "a fall in a test"],
)
def test_phones_ring_for_what_is_high_and_waits_and_for_a_test(alerts: tuple[Alert, ...], ring: str) -> None:
    home = alarm_of(*alerts)
    assert home.attributes is not None
    assert home.attributes["ring"] == ring
    for trigger in ("ring", "start"):
        assert home.variables({"id": trigger})["ring"] == ring


def test_the_alarm_s_attributes_do_not_change_with_each_heartbeat() -> None:
    """Home Assistant writes them into its database whenever they do."""

    def attributes(mono_s: float) -> str:
        moment = messages.Moment(mono_s, 1e9 + mono_s)
        status = Status(True, False, (FALL, LINK), mono_s)
        state = messages.State("ab12", 1, *moment, 1.0, True, False, messages.incidents(status, moment))
        return render(ENTITIES["alarm"]["json_attributes_template"], json.loads(messages.encode(state)))

    assert attributes(2.0) == attributes(3.0) == attributes(99.7)


def test_no_event_ends_the_ringing_of_another_incident() -> None:
    assert blueprint()["mode"] == "parallel"
    assert blueprint()["max"] >= 10


def ringing() -> tuple[list[dict[str, Any]], dict[str, Any], Any]:
    """The steps that ring until answered, their whole repetition, and on what condition."""
    ring, _ = blueprint()["actions"][2]["choose"]
    repeat = ring["sequence"][0]["repeat"]
    return repeat["sequence"], repeat, ring["conditions"]


def ends(home: Home, **names: Any) -> bool:
    _, repeat, _ = ringing()
    (until,) = repeat["until"]
    known = {"ring": "ab12-1/1", "lost": False, "repeat": {"index": 1}}
    return home.says(until["value_template"], **known | names)


@pytest.mark.parametrize(
    ("home", "over"),
    [
        (alarm_of(FALL), False),
        (alarm_of(FALL, STUMBLE, LINK), False),
        (alarm_of(COMING), True),
        (alarm_of(replace(FALL, sequence=4)), True),  # the run of its next report rings
        (alarm_of(STUMBLE), True),
        (alarm_of(), True),
        (Home(None), True),  # no contact rings
    ],
    ids=["open", "with others", "acknowledged", "next report", "other incident only", "ended", "unseen"],
)
def test_the_ringing_of_a_fall_ends_with_this_report_of_this_incident(home: Home, over: bool) -> None:
    assert ends(home) == over
    assert ends(home, repeat={"index": 1000})


def test_the_ringing_of_silence_ends_when_the_device_is_seen() -> None:
    assert not ends(Home(None), lost=True)
    assert ends(alarm_of(FALL), lost=True)


def test_ringing_that_nobody_answers_becomes_rare_and_ends() -> None:
    (_, wait, _), _, _ = ringing()
    now_s, rings = 1e9, 0
    while True:
        rings += 1
        names = {"began": 1e9, "now": lambda time_s=now_s: time_s, "as_timestamp": lambda time_s: time_s}
        pause_s = int(Home(None).text(wait["timeout"], **names))
        assert pause_s == round(repetition.pause_s(now_s - 1e9, 15))
        now_s += pause_s
        if ends(alarm_of(FALL), repeat={"index": rings}):
            break
    assert rings == 60
    assert now_s - 1e9 > 24 * 3600


def test_a_phone_answers_the_incident_it_rings_for_with_its_person_s_name() -> None:
    steps, _, _ = ringing()
    ring, wait, choice = steps
    offered = [action["action"] for action in ring["data"]["actions"]]
    pressed = [
        trigger["event_data"]["action"] for trigger in wait["wait_for_trigger"] if "event_data" in trigger
    ]
    assert offered == pressed
    assert all(action.endswith("_{{ incident }}") for action in offered)
    publish = choice["then"][0]
    assert publish["action"] == "mqtt.publish"
    known = alarm_of(FALL).variables({"id": "ring"})
    for act in (InputKind.COMING, InputKind.FALSE_ALARM):
        names = known | {"wait": {"trigger": {"id": act.value}}, "person": "Eva"}
        assert Home(None).says(choice["if"], **names)
        payload = Home(None).text(publish["data"]["payload"], **names)
        word = messages.decode_answer(payload.encode(), home_assistant.ACCOUNT)
        assert (word.kind, word.alert_id, word.who) == (act, "ab12-1", "Eva (home)")
    assert Home(None).text(publish["data"]["topic"], **known) == "rearguard/walker/answer/home"
    assert not Home(None).says(choice["if"], wait={"trigger": None})
    assert not Home(None).says(choice["if"], wait={"trigger": {"id": "changed"}})


@pytest.mark.parametrize(
    ("trigger", "rings"),
    [
        ({"id": "ring"}, False),
        ({"id": "no_contact", "from_state": {"attributes": {"armed": True, "ring": ""}}}, True),
        ({"id": "no_contact", "from_state": {"attributes": {"armed": False, "ring": "ab12-1/1"}}}, True),
        ({"id": "no_contact", "from_state": {"attributes": {"armed": False, "ring": ""}}}, False),
        ({"id": "no_contact", "from_state": {"attributes": {}}}, False),
        ({"id": "no_contact", "from_state": None}, False),
    ],
)
def test_silence_rings_only_if_the_device_was_armed_or_something_rang(
    trigger: dict[str, Any], rings: bool
) -> None:
    attributes = (trigger.get("from_state") or {}).get("attributes", {})
    attributes.setdefault("answer_topic", "rearguard/walker/answer/home")
    found = Home(None).variables(trigger)
    assert found["lost"] is rings
    _, _, conditions = ringing()
    assert Home(None).says(conditions, **found) == rings


@pytest.mark.parametrize(("armed", "rings"), [("on", True), ("off", False)])
def test_a_device_that_died_armed_before_home_assistant_started_rings(armed: str, rings: bool) -> None:
    entities = [
        SimpleNamespace(state="unavailable", attributes={}),
        SimpleNamespace(state=armed, attributes={"last_contact": "rearguard"}),
    ]
    names = {"device_entities": lambda _: entities}
    assert Home(None).variables({"id": "start"}, **names)["lost"] is rings
    assert alarm_of().variables({"id": "start"}, **names)["lost"] is False
    was_armed = ENTITIES["was_armed"]
    assert render(was_armed["value_template"], heartbeat()) == "ON"
    assert "last_contact" in json.loads(render(was_armed["json_attributes_template"], heartbeat()))


def test_a_phone_is_shown_what_it_rings_for_and_since_when() -> None:
    alert = replace(FALL, time_s=-59.0, reason="unverified, it was not armed")
    found = alarm_of(alert).variables({"id": "ring"})
    assert (found["headline"], found["detail"]) == (
        "FALL, confirmed",
        "unverified, it was not armed, since -59",
    )


@pytest.mark.parametrize(
    ("alert", "least", "shown"),
    [
        (STUMBLE, 2, ("STUMBLE", "")),
        (replace(STUMBLE, stage=Stage.ACKNOWLEDGED, who="Eva"), 2, ("STUMBLE, acknowledged", "by Eva")),
        (replace(LINK, reason="no route"), 2, ("LINK", "no route")),
        (replace(LINK, reason="no route", stage=Stage.RECOVERED), 2, ("LINK, over", "")),
        (STUMBLE, 3, None),
        (replace(STUMBLE, kind=AlertKind.UNSAFE_STEP, priority=Priority.LOW), 2, None),
        (replace(STUMBLE, kind=AlertKind.UNSAFE_STEP, priority=Priority.LOW), 1, ("UNSAFE STEP", "")),
        (FALL, 1, None),  # rings
        (TEST, 1, None),
    ],
)
def test_other_alerts_are_shown_once_from_the_least_priority_on(
    alert: Alert, least: int, shown: tuple[str, str] | None
) -> None:
    message = messages.alert_message(alert, "ab12", messages.Moment(1.0, 1.0))
    event = json.loads(render(ENTITIES["event"]["value_template"], json.loads(messages.encode(message))))
    names = {"trigger": {"id": "news", "to_state": {"attributes": event}}, "least": str(least)}
    _, news = blueprint()["actions"][2]["choose"]
    assert Home(None).says(news["conditions"], **names) == (shown is not None)
    if shown is not None:
        (push,) = news["sequence"]
        assert (Home(None).text(push["title"], **names), Home(None).text(push["message"], **names)) == shown


def test_what_happened_before_a_restart_is_no_news() -> None:
    (news,) = [trigger for trigger in blueprint()["triggers"] if trigger["id"] == "news"]
    assert "unavailable" in news["not_from"]


@pytest.mark.parametrize(
    ("value", "before", "shown"),
    [
        ("offline", "watching", "no contact"),
        ("switched off", "watching", "no contact"),
        ("online", "no contact", "no contact"),  # until the heartbeat says more
        ('{"id": "ab12-1", "kind": "fall"}', "watching", "watching"),
        (
            messages.encode(messages.State("ab", 1, 0, 0, 0, True, False, summary="watching")).decode(),
            "",
            "watching",
        ),
    ],
)
def test_the_status_says_what_a_carer_wants_to_read(value: str, before: str, shown: str) -> None:
    names = {"value": value, "this": SimpleNamespace(state=before)}
    with contextlib.suppress(ValueError):
        names["value_json"] = json.loads(value)
    status = ENTITIES["status"]
    assert status["state_topic"] == "rearguard/walker/+"
    assert Home(None).text(status["value_template"], **names) == shown


def test_which_faults_there_are_is_in_the_fault_entity() -> None:
    state = heartbeat(FALL, replace(LINK, reason="no route"), faults=("disk full",))
    attributes = json.loads(render(ENTITIES["fault"]["json_attributes_template"], state))
    assert attributes == {"faults": ["no route", "disk full"]}


def test_the_announcement_is_withdrawn_when_it_is_switched_off(mqtt: MqttSettings) -> None:
    announced = home_assistant.topic(mqtt.device)
    with Listener(mqtt, also=(announced,)) as home:
        wait_until(lambda: home.up)
        home.say(announced, b"{}", retain=True)
        wait_until(lambda: any(letter.topic == announced for letter in home.letters))
        with Pulse(Link(replace(mqtt, home_assistant=False), SimpleQueue())):
            wait_until(lambda: [x.payload for x in home.letters if x.topic == announced] == [b"{}", b""])
