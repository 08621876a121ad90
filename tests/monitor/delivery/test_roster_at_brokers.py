"""A gym's roster at a real Mosquitto and a real NATS server: who receives what, and who left is put out."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from monitor.delivery import accounts, home_assistant
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import Client, Invitation, MqttSettings, What
from monitor.delivery.roster import parsed
from monitor.delivery.roster_accounts import Broker, Mosquitto, Nats, change
from tests import brokers
from tests.brokers import MOSQUITTO, held_port
from tests.pulse import wait_until
from tests.rights import carried, refused, until

NATS = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")
ANNA, BERT, CARL = Topics("anna"), Topics("bert"), Topics("carl")
GYM = "walker,spotters,programs\nanna,eva,\nbert,eva,\ncarl,max,\n*,,page home\n"
LATER = "walker,spotters,programs\nanna,uwe,\nbert,eva,\ncarl,eva,\n*,,page home\n"
"""Max has left, eva watches another walker, uwe is new."""

CONFIGURATION = """\
user root
listener {port} 127.0.0.1
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/access
"""
NATS_CONFIGURATION = """\
server_name: one
include "accounts.conf"
listen: "127.0.0.1:{client}"
mqtt {{ listen: "127.0.0.1:{port}" }}
jetstream {{ store_dir: "{folder}/store" }}
"""


class Server(Protocol):
    def reload(self) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


class NatsServer:
    """One node in ``folder``, on a loopback port."""

    def __init__(self, folder: Path, port: int, client: int) -> None:
        self._file = folder / "node.conf"
        self._file.write_text(NATS_CONFIGURATION.format(folder=folder, port=port, client=client))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert NATS is not None
        self._process = subprocess.Popen(
            [NATS, "-c", str(self._file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass
class Gym:
    """A broker, its files, and everybody's passwords."""

    files: Broker
    server: Server
    port: int
    words: dict[str, str]

    def follow(self, text: str) -> None:
        found = change(self.files.known(), parsed(text, "roster.csv"))
        new = {account.name: accounts.new_word() for account in found.passwords}
        self.words |= new
        self.files.apply(found, new)

    def settings(self, name: str, device: str = "") -> MqttSettings:
        return Invitation(
            device=device or name,
            host="127.0.0.1",
            port=self.port,
            protocol=4,  # NATS knows no other
            username=name,
            word=self.words[name],
        )

    def restart(self) -> None:
        self.server.kill()
        self.server.start()
        self.ready()

    def ready(self) -> None:
        for _ in range(2):  # NATS' first client makes its streams
            client = Client(self.settings("bert"), "ready")
            try:
                until(client, What.UP)
            finally:
                client.close()


def opened(kind: str, folder: Path) -> Iterator[Gym]:
    if (MOSQUITTO if kind == "mosquitto" else NATS) is None:
        pytest.skip(f"{kind} is not installed")
    with held_port() as port, held_port() as client:
        gym: Gym
        if kind == "mosquitto":
            text = CONFIGURATION.format(port=port, folder=folder)
            gym = Gym(Mosquitto(folder), brokers.Mosquitto(folder, text, port), port, {})
        else:
            gym = Gym(Nats(folder / "accounts.conf"), NatsServer(folder, port, client), port, {})
        gym.follow(GYM)
        gym.server.start()
        try:
            gym.ready()
            yield gym
        finally:
            gym.server.kill()


@pytest.fixture(scope="module", params=["mosquitto", "nats"])
def gym(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gym]:
    yield from opened(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(params=["mosquitto", "nats"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gym]:
    """One to change."""
    yield from opened(request.param, tmp_path)


ALLOWED = [
    *[("anna", "eva:anna", topic) for topic in (ANNA.availability, ANNA.state, ANNA.alert, ANNA.again)],
    ("anna", "eva:anna", ANNA.clip),
    ("bert", "eva:bert", BERT.alert),
    ("eva:anna", "anna", ANNA.answer_of("eva")),
    ("eva:bert", "bert", BERT.answer_of("eva")),
    ("eva:bert", "bert", BERT.request),
    ("eva:anna", "page:anna", ANNA.answer_of("eva")),  # spotters see that another looks after it
    ("carl", "page:carl", CARL.alert),
    ("page:carl", "carl", CARL.answer_of("page")),
    ("anna", "anna", ANNA.availability),  # to know that it is passed on
    ("anna", "anna", ANNA.check),
    ("bert", "home:bert", home_assistant.topic("bert")),
    ("home:bert", "home:bert", home_assistant.topic("bert")),
    ("home:bert", "carl", home_assistant.BIRTH_TOPIC),
    ("home:carl", "carl", CARL.answer_of("home")),
]
FORBIDDEN = [
    *[("eva:anna", "anna", ANNA.answer_of(name)) for name in ("max", "page", "home", "anna", "")],
    ("eva:anna", "anna", ANNA.answer),
    *[("eva:anna", "page:carl", topic) for topic in (CARL.answer_of("eva"), CARL.answer_of("max"))],
    ("eva:anna", "carl", CARL.request),
    ("carl", "eva:anna", CARL.alert),
    *[("eva:anna", "page:anna", topic) for topic in (ANNA.availability, ANNA.state, ANNA.alert, ANNA.again)],
    *[("anna", "page:bert", topic) for topic in (BERT.availability, BERT.state, BERT.alert, BERT.again)],
    ("anna", "bert", BERT.request),
    ("anna", "anna", ANNA.answer_of("anna")),
    ("anna", "home:anna", home_assistant.topic("bert")),
    ("eva:anna", "anna", home_assistant.BIRTH_TOPIC),
    ("eva:anna", "home:anna", home_assistant.topic("anna")),
    ("anna", "page:anna", "anything/else"),
]


def of(gym: Gym, who: str) -> MqttSettings:
    """``eva:anna`` is eva, watching anna."""
    return gym.settings(*who.split(":"))


@pytest.mark.parametrize(("sender", "receiver", "topic"), ALLOWED)
def test_what_the_roster_says_is_allowed(gym: Gym, sender: str, receiver: str, topic: str) -> None:
    assert carried(of(gym, sender), of(gym, receiver), topic)


@pytest.mark.parametrize(("sender", "receiver", "topic"), FORBIDDEN)
def test_what_it_does_not_say_is_refused(gym: Gym, sender: str, receiver: str, topic: str) -> None:
    assert not carried(of(gym, sender), of(gym, receiver), topic)


@pytest.mark.parametrize("asked", ["#", "rearguard/#", "rearguard/+/alert", "$MQTT/sub/#"])
def test_who_asks_for_more_receives_no_more(gym: Gym, asked: str) -> None:
    # The last is where NATS itself hands out what accounts read.
    assert not carried(gym.settings("carl"), gym.settings("eva", "anna"), CARL.alert, asked)


def test_who_left_is_refused_and_the_others_go_on(another: Gym) -> None:
    old = another.settings("max", "carl")
    stays = Client(another.settings("eva", "bert"), "stays", {BERT.alert: 1})
    try:
        until(stays, What.UP)
        another.follow(LATER)
        another.restart()
        refused(old, r"(?i)not authori|bad user")
        until(stays, What.UP)  # by itself, with the password it had
    finally:
        stays.close()
    assert carried(another.settings("bert"), another.settings("eva", "bert"), BERT.alert)
    assert carried(another.settings("eva", "bert"), another.settings("bert"), BERT.answer_of("eva"))


def say(settings: MqttSettings, topic: str) -> None:
    mouth = Client(settings, "mouth")
    try:
        until(mouth, What.UP)
        mouth.publish(topic, b"hello")
        until(mouth, What.ACKED)
    finally:
        mouth.close()


def test_who_changes_walker_receives_and_answers_the_new_one_alone(another: Gym) -> None:
    ear = Client(another.settings("eva", "bert"), "a session", {ANNA.alert: 1, BERT.alert: 1}, session=True)
    try:
        until(ear, What.UP)
        another.follow(LATER)
        if isinstance(another.server, NatsServer):
            another.restart()  # a reload leaves her open connection what it subscribed to
            wait_until(lambda: "refuses a subscription" in until(ear, What.DOWN).reason)
        else:
            another.server.reload()
            wait_until(lambda: carried(another.settings("carl"), another.settings("eva", "carl"), CARL.alert))
            for name, topic in (("anna", ANNA.alert), ("bert", BERT.alert)):
                say(another.settings(name), topic)
            assert until(ear, What.RECEIVED).topic == BERT.alert
    finally:
        ear.close()
    assert carried(another.settings("carl"), another.settings("eva", "carl"), CARL.alert)
    assert carried(another.settings("eva", "carl"), another.settings("carl"), CARL.answer_of("eva"))
    assert not carried(another.settings("anna"), another.settings("eva", "anna"), ANNA.alert)
    assert not carried(another.settings("eva", "anna"), another.settings("anna"), ANNA.answer_of("eva"))
