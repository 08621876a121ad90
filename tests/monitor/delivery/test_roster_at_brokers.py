"""A gym's roster at a real Mosquitto and a real RabbitMQ node: who receives what, and who left is put out."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from glob import glob
from pathlib import Path
from typing import Protocol

import pytest

from monitor.delivery import accounts, home_assistant, rabbitmq_nodes
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import Client, Invitation, MqttSettings, What
from monitor.delivery.roster import parsed
from monitor.delivery.roster_accounts import Broker, Mosquitto, RabbitMq, change
from tests import brokers
from tests.brokers import MOSQUITTO, held_port
from tests.pulse import wait_until
from tests.rights import carried, refused, until

RABBITMQ = next(iter(sorted(glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))), None)
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


class Server(Protocol):
    def reload(self) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


class RabbitServer:
    """One node, on loopback ports, set up by the files that ``folder`` has for it, as a gym's."""

    def __init__(self, folder: Path, port: int, epmd: int, distribution: int) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        rabbitmq_nodes.make(folder, ["localhost"], port)
        own = folder / "localhost"
        words = (own / "rabbitmq.conf").read_text().replace("/etc/rabbitmq/rearguard", str(own))
        words = words.replace(f"default = {port}", f"default = 127.0.0.1:{port}")
        (folder / "node.conf").write_text(words)
        (folder / ".erlang.cookie").write_text((own / "cookie").read_text())
        (folder / ".erlang.cookie").chmod(0o400)
        self._epmd = str(epmd)
        self._environment = {
            **os.environ,
            "PATH": f"{RABBITMQ}:{os.environ['PATH']}",
            "HOME": str(folder),
            "RABBITMQ_NODENAME": rabbitmq_nodes.NODE.format(host="localhost"),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(folder / "node.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(own / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(folder / "store"),
            "RABBITMQ_LOG_BASE": str(folder / "store"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": self._epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def start(self) -> None:
        epmd = shutil.which("epmd") or "epmd"
        for command in ([epmd, "-port", self._epmd, "-address", "127.0.0.1"], ["rabbitmq-server"]):
            self._running.append(
                subprocess.Popen(
                    [shutil.which(command[0], path=self._environment["PATH"]) or "", *command[1:]],
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
        wait_until(lambda: self._run("rabbitmqctl", "-s", "await_startup") == 0)

    def reload(self) -> None:
        assert self._run("sh", str(self._folder / "apply.sh")) == 0

    def kill(self) -> None:
        while self._running:
            process = self._running.pop()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _run(self, *command: str) -> int:
        return subprocess.run(command, env=self._environment, capture_output=True, check=False).returncode


@dataclass
class Gym:
    """A broker, its files, and everybody's passwords."""

    files: Broker
    server: Server
    port: int
    words: dict[str, str]
    authority: str = ""

    def follow(self, text: str) -> None:
        found = change(self.files.known(), parsed(text, "roster.csv"))
        new = {account.name: accounts.new_word() for account in found.passwords}
        self.words |= new
        self.files.apply(found, new)

    def settings(self, name: str, device: str = "") -> MqttSettings:
        return Invitation(
            device=device or name,
            host="localhost",
            port=self.port,
            tls=bool(self.authority),
            ca_file=self.authority,
            protocol=4,  # RabbitMQ 3.10 knows no other
            username=name,
            word=self.words[name],
        )


def opened(kind: str, folder: Path) -> Iterator[Gym]:
    if (MOSQUITTO if kind == "mosquitto" else RABBITMQ) is None:
        pytest.skip(f"{kind} is not installed")
    with held_port() as port, held_port() as epmd, held_port() as distribution:
        gym: Gym
        if kind == "mosquitto":
            text = CONFIGURATION.format(port=port, folder=folder)
            gym = Gym(Mosquitto(folder), brokers.Mosquitto(folder, text, port), port, {})
        else:
            server = RabbitServer(folder, port, epmd, distribution)
            gym = Gym(RabbitMq(folder), server, port, {}, str(folder / "ca.crt"))
        gym.follow(GYM)
        try:
            gym.server.start()
            gym.server.reload()
            yield gym
        finally:
            gym.server.kill()


@pytest.fixture(scope="module", params=["mosquitto", "rabbitmq"])
def gym(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gym]:
    yield from opened(request.param, tmp_path_factory.mktemp(request.param))


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
    wait_until(partial(carried, of(gym, sender), of(gym, receiver), topic))


@pytest.mark.parametrize(("sender", "receiver", "topic"), FORBIDDEN)
def test_what_it_does_not_say_is_refused(gym: Gym, sender: str, receiver: str, topic: str) -> None:
    assert not carried(of(gym, sender), of(gym, receiver), topic)


@pytest.mark.parametrize("asked", ["#", "rearguard/#", "rearguard/+/alert", "rearguard/anna/#"])
def test_who_asks_for_more_receives_no_more(gym: Gym, asked: str) -> None:
    assert not carried(gym.settings("carl"), gym.settings("eva", "anna"), CARL.alert, asked)


def test_who_left_is_put_out_and_who_changes_walker_receives_the_new_one_alone(gym: Gym) -> None:
    """The last, for it changes the roster."""
    left = gym.settings("max", "carl")
    ears = {
        "left": Client(left, "max", {CARL.alert: 1}),
        "stays": Client(gym.settings("page", "anna"), "page", {ANNA.alert: 1, BERT.alert: 1}),
        "changes": Client(gym.settings("eva", "bert"), "eva", {ANNA.alert: 1, BERT.alert: 1}, session=True),
    }
    try:
        for ear in ears.values():
            until(ear, What.UP)
        gym.follow(LATER)
        if isinstance(gym.files, Mosquitto):  # as the command says: somebody has left
            gym.server.kill()
            gym.server.start()
            for name in ("stays", "changes"):
                until(ears[name], What.UP)
        else:
            gym.server.reload()
            gym.server.reload()  # which does no harm
            until(ears["changes"], What.DOWN)  # what she had subscribed to
        assert until(ears["left"], What.DOWN)
        for name, topic in (("anna", ANNA.alert), ("bert", BERT.alert)):
            say(gym.settings(name), topic)
        assert [until(ears["stays"], What.RECEIVED).topic for _ in range(2)] == [ANNA.alert, BERT.alert]
        if isinstance(gym.files, Mosquitto):
            assert until(ears["changes"], What.RECEIVED).topic == BERT.alert
    finally:
        for ear in ears.values():
            ear.close()
    refused(left, r"(?i)not authori|bad user|refuses us")
    for name, topics in {"bert": BERT, "carl": CARL}.items():
        device, eva = gym.settings(name), gym.settings("eva", name)
        wait_until(partial(carried, device, eva, topics.alert))
        wait_until(partial(carried, eva, device, topics.answer_of("eva")))
    assert not carried(gym.settings("anna"), gym.settings("eva", "anna"), ANNA.alert)
    assert not carried(gym.settings("eva", "anna"), gym.settings("anna"), ANNA.answer_of("eva"))


def say(settings: MqttSettings, topic: str) -> None:
    mouth = Client(settings, "mouth")
    try:
        until(mouth, What.UP)
        mouth.publish(topic, b"hello")
        until(mouth, What.ACKED)
    finally:
        mouth.close()
