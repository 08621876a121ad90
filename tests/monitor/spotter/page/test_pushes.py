"""Push messages to every session that has subscribed, through a push service of the test's own."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from operator import eq
from pathlib import Path

import pytest

from monitor.spotter.escalation import Push
from monitor.spotter.page.door import Door
from monitor.spotter.page.push import Outcome, Sender, Subscription, make_keys
from monitor.spotter.page.pushes import ACTIONS, OTHER_S, URGENT_S, Pushes
from tests.monitor.spotter.page.test_push import CONTACT, Phone, Service, serving

NOW_S = 1e9
FALL = Push(
    "aaaa-1", "FALL: walker", "suspected\n12:00:00 FALL suspected", urgent=True, sequence=3, waits=True
)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with closing(Door(tmp_path / "page.db")) as door:
        yield door


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as here:
        yield here


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    make_keys(tmp_path / "push.pem")
    return Sender(tmp_path / "push.pem", CONTACT)


def subscribed(
    door: Door, name: str, subscription: Subscription, origin: str = "https://page.example"
) -> None:
    secret = door.enter(door.invite(name, NOW_S).link, "", NOW_S)
    assert secret is not None
    door.subscribe(secret, origin, Pushes.stored(subscription))


def test_a_message_reaches_every_phone_that_has_subscribed(
    door: Door, sender: Sender, service: Service
) -> None:
    phones = {name: Phone() for name in ("Eva", "Tom")}
    for name, phone in phones.items():
        subscribed(door, name, phone.subscription(f"{service.origin}/{name}"), f"https://{name}.example")
    asyncio.run(Pushes(sender, door).send("walker", FALL))
    assert sorted(path for path, _, _ in service.received) == ["/Eva", "/Tom"]
    for path, headers, body in service.received:
        shown = json.loads(phones[path[1:]].read(body))["notification"]
        assert (shown["title"], shown["body"]) == (FALL.title, FALL.body)
        assert shown["navigate"] == f"https://{path[1:]}.example/#walker"
        assert shown["data"] == {"url": shown["navigate"], "device": "walker", "incident": "aaaa-1"}
        assert shown["tag"] == headers["Topic"]
        assert not shown["silent"]
    assert len(door.subscriptions()) == 2


@pytest.mark.parametrize(
    ("push", "urgency", "ttl_s", "silent", "acts"),
    [
        (FALL, "high", URGENT_S, False, [name for name, _ in ACTIONS]),
        (replace(FALL, waits=False), "high", URGENT_S, False, []),
        (replace(FALL, urgent=False, waits=False), "normal", OTHER_S, True, []),
    ],
)
def test_what_is_urgent_is_sent_so_and_what_waits_can_be_answered(
    push: Push,
    urgency: str,
    ttl_s: int,
    silent: bool,
    acts: list[str],
    door: Door,
    sender: Sender,
    service: Service,
) -> None:
    phone = Phone()
    subscribed(door, "Eva", phone.subscription(service.endpoint))
    asyncio.run(Pushes(sender, door).send("walker", push))
    ((_, headers, body),) = service.received
    shown = json.loads(phone.read(body))["notification"]
    assert (headers["Urgency"], headers["TTL"]) == (urgency, str(ttl_s))
    assert shown["silent"] == silent
    assert [action["action"] for action in shown["actions"]] == acts


def test_a_thread_has_a_topic_of_its_own_and_another_device_s_another(
    door: Door, sender: Sender, service: Service
) -> None:
    """A push service keeps the latest of each topic, and shows its name to nobody who could read it."""
    subscribed(door, "Eva", Phone().subscription(service.endpoint))
    pushes = Pushes(sender, door)
    for device, push in (
        ("walker", FALL),
        ("walker", replace(FALL, body="confirmed")),
        ("walker", replace(FALL, thread="aaaa-2")),
        ("other", FALL),
    ):
        asyncio.run(pushes.send(device, push))
    topics = [headers["Topic"] for _, headers, _ in service.received]
    assert topics[0] == topics[1]
    assert len(set(topics)) == 3
    assert not [topic for topic in topics if "walker" in topic or "aaaa" in topic]


@pytest.mark.parametrize(
    ("status", "outcome", "kept"),
    [
        (201, Outcome.TAKEN, True),
        (404, Outcome.GONE, False),
        (410, Outcome.GONE, False),
        (403, Outcome.REFUSED, True),
        (413, Outcome.REFUSED, True),
        (429, Outcome.FAILED, True),
        (500, Outcome.FAILED, True),
        (302, Outcome.FAILED, True),
    ],
)
def test_a_subscription_is_forgotten_when_its_service_knows_it_no_longer_and_only_then(
    status: int, outcome: Outcome, kept: bool, door: Door, sender: Sender, service: Service
) -> None:
    service.status = status
    subscription = Phone().subscription(service.endpoint)
    subscribed(door, "Eva", subscription)
    assert sender.send(subscription, b"x", 1) is outcome
    asyncio.run(Pushes(sender, door).send("walker", FALL))
    assert len(service.received) == 2
    assert len(door.subscriptions()) == kept


def test_a_phone_that_is_gone_costs_no_other_its_message(
    door: Door, sender: Sender, service: Service
) -> None:
    with serving() as other:
        other.status = 410
        subscribed(door, "Eva", Phone().subscription(other.endpoint))
        subscribed(door, "Tom", Phone().subscription(service.endpoint))
        asyncio.run(Pushes(sender, door).send("walker", FALL))
        assert len(other.received) == len(service.received) == 1
    assert [json.loads(text)["endpoint"] for _, _, text, _ in door.subscriptions()] == [service.endpoint]


def test_a_service_that_is_not_there_costs_nothing_but_its_own_message(
    door: Door, sender: Sender, service: Service, free_port: int
) -> None:
    subscribed(door, "Eva", Phone().subscription(f"http://127.0.0.1:{free_port}/send"))
    subscribed(door, "Tom", Phone().subscription(service.endpoint))
    asyncio.run(Pushes(sender, door).send("walker", FALL))
    assert len(service.received) == 1
    assert len(door.subscriptions()) == 2


@pytest.mark.parametrize(
    "broken", ["no json", "[]", '{"endpoint": 1}', '{"endpoint": "x", "p256dh": "", "auth": ""}']
)
def test_a_row_that_cannot_be_read_costs_no_other_its_message(
    broken: str, door: Door, sender: Sender, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    secret = door.enter(door.invite("Ann", NOW_S).link, "", NOW_S)
    assert secret is not None
    door.subscribe(secret, "https://page.example", broken)
    subscribed(door, "Tom", Phone().subscription(service.endpoint))
    asyncio.run(Pushes(sender, door).send("walker", FALL))
    assert len(service.received) == 1
    assert "a push message is lost" in caplog.text


def test_whoever_is_put_out_is_sent_nothing(door: Door, sender: Sender, service: Service) -> None:
    subscribed(door, "Eva", Phone().subscription(service.endpoint))
    door.put_out("Eva")
    asyncio.run(Pushes(sender, door).send("walker", FALL))
    assert service.received == []


def test_what_is_stored_is_read_again_as_it_was(door: Door, sender: Sender) -> None:
    subscription = Phone().subscription()
    subscribed(door, "Eva", subscription)
    ((_, origin, text, _),) = door.subscriptions()
    assert (origin, Subscription(**json.loads(text))) == ("https://page.example", subscription)
    assert Pushes(sender, door).public_key == sender.public_key


def test_a_message_goes_to_those_who_are_rung_and_what_follows_to_whoever_had_it(
    door: Door, sender: Sender, service: Service
) -> None:
    """Whoever stood in for somebody is not left with an alarm on his phone that has long ended."""
    for name in ("Eva", "Tom"):
        subscribed(door, name, Phone().subscription(f"{service.origin}/{name}"))
    pushes = Pushes(sender, door)
    evas = partial(eq, "Eva")
    for device, push, rung, sent in (
        ("anna", FALL, evas, ["/Eva"]),
        ("bert", FALL, lambda _: True, ["/Eva", "/Tom"]),
        ("bert", replace(FALL, body="over", urgent=False, waits=False), evas, ["/Eva", "/Tom"]),
        ("bert", replace(FALL, thread="aaaa-2"), evas, ["/Eva"]),
        ("anna", FALL, lambda _: False, ["/Eva"]),
    ):
        service.received.clear()
        asyncio.run(pushes.send(device, push, rung))
        assert sorted(path for path, _, _ in service.received) == sent
