"""Messages while the page is closed: the service worker shows them, and its buttons answer.

The push service is played by the browser's own tool (ServiceWorker.deliverPushMessage): the real one is out
of reach here. What is delivered is what `push.message` makes.
"""

import json
from typing import Any

from monitor.core.vocabulary import InputKind
from monitor.spotter.page.push import message
from monitor.spotter.page.pushes import ACTIONS
from tests.monitor.spotter.page.conftest import Opens
from tests.page_process import PageProcess, Phone, eventually
from tests.pulse import Pulse

SHOWN = "navigator.serviceWorker.ready.then((r) => r.getNotifications()).then((all) => all.map((n) => "
FIELDS = "({ title: n.title, body: n.body, tag: n.tag, actions: n.actions.map((a) => a.action) })))"


def delivered(phone: Phone, server: PageProcess, payload: bytes) -> None:
    """The push service's message reaches the browser."""
    session = phone.context.new_cdp_session(phone.page)
    registrations: list[dict[str, Any]] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated", lambda found: registrations.extend(found["registrations"])
    )
    session.send("ServiceWorker.enable")
    eventually(phone, lambda: registrations)
    session.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": server.address.rstrip("/"),
            "registrationId": registrations[-1]["registrationId"],
            "data": payload.decode(),
        },
    )


def fall(device: str, incident: str, server: PageProcess) -> bytes:
    return message(
        f"FALL: {device}",
        "12:00:00 FALL suspected",
        "topic",
        f"{server.address}#{device}",
        actions=ACTIONS,
        data={"device": device, "incident": incident},
    )


def test_a_message_is_shown_with_its_buttons_and_the_next_takes_its_place(
    opens: Opens, pulse: Pulse, server: PageProcess
) -> None:
    phone = opens("Eva", permissions=["notifications"])
    phone.shows("Safe")
    phone.ask("navigator.serviceWorker.ready.then(() => true)")
    delivered(phone, server, fall("anna", "1", server))
    eventually(phone, lambda: phone.ask(SHOWN + FIELDS))
    expected = {"title": "FALL: anna", "body": "12:00:00 FALL suspected", "tag": "topic"}
    assert phone.ask(SHOWN + FIELDS) == [expected | {"actions": ["coming", "false_alarm"]}]
    over = json.loads(fall("anna", "1", server))
    over["notification"] |= {"title": "ALL CLEAR: anna", "actions": []}
    delivered(phone, server, json.dumps(over).encode())
    eventually(phone, lambda: phone.ask(SHOWN + FIELDS)[0]["title"] == "ALL CLEAR: anna")
    assert len(phone.ask(SHOWN + FIELDS)) == 1


def test_a_button_answers_in_the_name_of_the_session(
    opens: Opens, pulse: Pulse, server: PageProcess, mqtt: Any
) -> None:
    phone = opens("Eva", permissions=["notifications"])
    phone.shows("Safe")
    phone.ask("navigator.serviceWorker.ready.then(() => true)")
    pulse.raise_alert("1")
    phone.shows("Falling")
    incident = phone.ask("rearguard.known.tiles.values().next().value.tile.alerts[0].id")
    delivered(phone, server, fall(mqtt.device, incident, server))
    eventually(phone, lambda: phone.ask(SHOWN + FIELDS))
    (worker,) = phone.context.service_workers
    worker.evaluate(
        "self.registration.getNotifications().then(([notification]) => self.dispatchEvent("
        "new NotificationEvent('notificationclick', { notification, action: 'coming' })))"
    )
    phone.page.get_by_text("You are coming").wait_for()
    assert [(word.kind, word.who) for word in pulse.heard if word.kind is InputKind.COMING] == [
        (InputKind.COMING, "Eva")
    ]
    eventually(phone, lambda: phone.ask(SHOWN + FIELDS) == [])
