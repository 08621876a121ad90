"""RabbitMQ's accounts say what Mosquitto's access list says, and no more."""

import base64
import hashlib
import json
import re

import pytest

from monitor.delivery.accounts import Role, rights
from monitor.delivery.rabbitmq_accounts import OWN, User, definitions, hashed_word, known, user_of

TOPICS = [
    f"{root}/{device}/{topic}"
    for root in ("rearguard",)
    for device in ("walker", "walker2", "other")
    for topic in (
        "availability",
        "state",
        "alert",
        "again",
        "clip",
        "answer",
        "answer/eva",
        "answer/home",
        "request",
        "check",
    )
]
TOPICS += ["homeassistant/status", "homeassistant/device/rearguard_walker/config", "elsewhere"]


def granted(one: User, act: str) -> set[str]:
    """Topics that RabbitMQ lets the account write or read, by its regular expression of keys."""
    found = json.loads(json.dumps(definitions([one], {one.name: "x"})))["topic_permissions"][0]
    return {topic for topic in TOPICS if re.search(found[act], topic.replace("/", "."))}


@pytest.mark.parametrize(
    ("name", "role"), [("walker", Role.DEVICE), ("eva", Role.SPOTTER), ("ha", Role.HOME)]
)
def test_each_role_has_the_rights_it_has_at_mosquitto(name: str, role: Role) -> None:
    lines = rights(name, role, "walker")
    one = user_of(name, lines)
    for act in ("read", "write"):
        wanted = [line.removeprefix(f"topic {act} ") for line in lines if line.startswith(f"topic {act} ")]
        asked = "|".join(topic.replace("+", "[^/]+").replace("#", ".*") for topic in wanted)
        assert granted(one, act) == {topic for topic in TOPICS if re.fullmatch(asked, topic)}


@pytest.mark.parametrize(
    "wish", ["#", "rearguard/#", "rearguard/+/alert", "rearguard/walker/#", "+/walker/alert"]
)
def test_a_spotter_cannot_subscribe_to_more_than_his_own(wish: str) -> None:
    one = user_of("eva", rights("eva", Role.SPOTTER, "walker"))
    key = wish.replace("/", ".").replace("+", "*")
    expression = definitions([one], {"eva": "x"})["topic_permissions"][0]["read"]
    assert not re.search(expression, key)


def test_a_plus_is_one_word_and_lets_nobody_subscribe_to_all_below() -> None:
    found = definitions([User("reader", ["rearguard/+/alert"], [])], {"reader": "x"})["topic_permissions"][0]
    for key, allowed in {
        "rearguard.walker.alert": True,
        "rearguard.*.alert": True,
        "rearguard.#.alert": False,
        "rearguard.a.b.alert": False,
    }.items():
        assert bool(re.search(found["read"], key)) is allowed
    assert not re.search(found["write"], "rearguard.walker.alert")


def test_no_account_reaches_queues_that_are_not_mqtt_s() -> None:
    assert re.search(OWN, "mqtt-subscription-rearguard-walkerqos1")
    assert re.search(OWN, "amq.topic")
    assert not any(re.search(OWN, name) for name in ("payroll", "amq.topic.more", "amqxtopic", "amq.direct"))


def test_a_password_is_kept_salted_and_hashed() -> None:
    kept = base64.b64decode(hashed_word("swordfish", b"salt"))
    assert kept == b"salt" + hashlib.sha512(b"saltswordfish").digest()


def test_what_was_written_is_read_again() -> None:
    users = [
        user_of("walker", rights("walker", Role.DEVICE, "walker")),
        user_of("home", rights("home", Role.HOME, "a-b_c")),
        User("none", (), ()),
    ]
    found = known(json.loads(json.dumps(definitions(users, {"walker": "x", "home": "y", "none": "z"}))))
    assert {one.name: (set(one.rights), kept) for one, kept in found.items()} == {
        one.name: (set(one.rights), kept) for one, kept in zip(users, "xyz", strict=True)
    }
