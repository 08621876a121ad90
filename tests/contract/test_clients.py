"""The clients of docs/examples/clients, each by an account of its own, against a real link and broker."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from queue import SimpleQueue

import pytest

from monitor.core.vocabulary import AlertKind, InputKind, Priority, Stage
from monitor.delivery import accounts
from monitor.delivery.accounts import Role
from monitor.delivery.link import Link
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import Client, Invitation, What
from tests.brokers import MOSQUITTO, Mosquitto, held_port
from tests.contract.document import ROOT
from tests.contract.examples import FALL, examples
from tests.contract.program import Account, Program, node_red, python, shell
from tests.listener import Listener
from tests.monitor.delivery.test_accounts import certificates
from tests.pulse import Pulse, wait_until
from tests.rights import until

WALKER = Topics("walker")
NAMES = {"python": "eva", "shell": "max", "node_red": "node-red"}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Account]]:
    """The shipped configuration, on loopback; the accounts by name."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp("broker")
    certificates(folder)
    words = {"walker": accounts.add(folder, "walker", "walker", Role.DEVICE)}
    words |= {name: accounts.add(folder, name, "walker") for name in (*NAMES.values(), "ear")}
    text = (ROOT / "systemd/mosquitto.conf").read_text().replace("/etc/mosquitto/rearguard", str(folder))
    with held_port() as port, held_port() as tls_port:
        text = text.replace("listener 1883 ", f"listener {port} ")
        text = text.replace("listener 8883", f"listener {tls_port} 127.0.0.1")
        with Mosquitto(folder, f"user root\npersistence_location {folder}/\n{text}", port):
            where = (port, tls_port, folder / "ca.crt")
            yield {name: Account(name, word, *where) for name, word in words.items()}


def settings(account: Account) -> Invitation:
    return Invitation(
        host="127.0.0.1", port=account.port, username=account.name, word=account.word, protocol=5
    )


def say(account: Account, *messages: tuple[str, bytes, bool]) -> None:
    """Publish, and wait until the broker has it all."""
    client = Client(settings(account), "says")
    until(client, What.UP)
    for topic, payload, retain in messages:
        client.publish(topic, payload, retain=retain)
        until(client, What.ACKED)
    client.close()


def is_reached(device: Pulse, program: Program, ears: Listener) -> None:
    """Tests, each over at once, until one of them is shown."""

    def shows_one() -> bool:
        device.raise_alert("before", AlertKind.TEST, Priority.LOW, stage=Stage.CLEARED)
        return "before" in program.says() and bool(ears.alerts())

    wait_until(shows_one)


@pytest.mark.parametrize("client", [python, shell, node_red], ids=list(NAMES))
def test_a_client_shows_each_report_once_and_its_answer_bears_its_account_s_name(
    client: Callable[[Account, Path], AbstractContextManager[Program]],
    broker: dict[str, Account],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    name = NAMES[request.node.callspec.id]
    folder = tmp_path / "client"
    folder.mkdir()
    say(broker["walker"], (WALKER.alert, examples()["alert"][0], True))  # which no device does
    with (
        Pulse(Link(settings(broker["walker"]), SimpleQueue())) as device,
        Listener(settings(broker["ear"])) as ears,
        client(broker[name], folder) as program,
    ):
        is_reached(device, program, ears)
        device.raise_alert("fall-1")
        wait_until(lambda: "fall-1" in program.says())
        wait_until(lambda: any(alert.id == "fall-1" for alert in ears.alerts()))
        (sent,) = (x.payload for x in ears.letters if b'"fall-1"' in x.payload and x.topic == WALKER.alert)
        say(broker["walker"], (WALKER.alert, sent, False), (WALKER.again, sent, False))
        program.answer("fall-1")
        wait_until(lambda: InputKind.COMING in device.kinds())
        wait_until(
            lambda: re.search(f"fall-1.*acknowledged.* {name}|acknowledged {name}.*fall-1", program.says())
        )
    answers = [word for word in device.heard if word.kind is InputKind.COMING]
    assert [(word.alert_id, word.who) for word in answers] == [("fall-1", name)]
    shown = [
        line for line in program.says().splitlines() if re.search("fall-1.* active|active.*fall-1", line)
    ]
    assert len(shown) == 1
    assert re.search("fall suspected", shown[0])
    assert FALL not in program.says()
