"""The embedded broker comes up, carries, and does not outlive its parent."""

import multiprocessing
import socket
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue

import pytest

from monitor.delivery.embedded_broker import EmbeddedBroker
from monitor.delivery.link import Link
from monitor.delivery.mqtt import MqttSettings
from tests.background import spawned
from tests.listener import Listener
from tests.pulse import Pulse, wait_until

pytest.importorskip("amqtt", reason="amqtt is not installed")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True


def test_it_carries_alerts_and_ends_when_told() -> None:
    with EmbeddedBroker() as broker:
        settings = MqttSettings(host="127.0.0.1", port=broker.port)
        with Listener(settings) as spotter, Pulse(Link(settings, SimpleQueue())) as pulse:
            wait_until(lambda: not spotter.view.no_contact)
            pulse.raise_alert("1")
            wait_until(lambda: spotter.view.open)
    assert not listens(broker.port)


def test_a_taken_port_is_said_clearly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(RuntimeError, match="does not start"):
        EmbeddedBroker(taken.getsockname()[1]).start()


def _start_and_wait(pipe: Connection) -> None:
    broker = EmbeddedBroker()
    broker.start()
    pipe.send(broker.port)
    threading.Event().wait()


def test_it_dies_with_its_parent() -> None:
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    with spawned(_start_and_wait, theirs):
        port = ours.recv()
        assert listens(port)
    wait_until(lambda: not listens(port))
