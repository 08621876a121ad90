"""Hears everything at a broker as its publishers sent it: with their QoS, and whether to be retained."""

import threading
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.contract.checking import Heard
from tests.pulse import wait_until

EVERYTHING = ("rearguard/#", "homeassistant/#")


class Collector:
    """``heard`` is all that came; it may say something, too."""

    def __init__(self, port: int) -> None:
        self.heard: list[Heard] = []
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._received
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _connected(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(topic, SubscribeOptions(qos=2, retainAsPublished=True)) for topic in EVERYTHING])

    def _received(self, _client: paho.Client, _data: Any, letter: paho.MQTTMessage) -> None:
        self.heard.append(Heard(letter.topic, letter.payload, letter.qos, letter.retain))

    def say(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self._client.publish(topic, payload, qos)

    def on(self, topic: str) -> list[bytes]:
        return [heard.payload for heard in list(self.heard) if heard.topic == topic]

    def __enter__(self) -> Self:
        wait_until(self._subscribed.is_set)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        del self._client  # which closes its sockets
