"""Thirty devices for the price of one connection: each says in its heartbeat what a test wants it to say."""

import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, Self

from monitor.delivery.messages import State, Topics, encode
from monitor.delivery.mqtt import Client, MqttSettings

MANY = [f"walker-{number:02}" for number in range(1, 31)]
HEARTBEAT_S = 0.5


class Heartbeats:
    """``says``: by device, fields of State that are not as usual. ``silent`` ones say nothing."""

    def __init__(self, broker: MqttSettings, devices: Sequence[str], every_s: float = HEARTBEAT_S) -> None:
        self._client = Client(broker, "heartbeats")
        self._devices, self._every_s = devices, every_s
        self._now: SimpleQueue[str] = SimpleQueue()
        self.says: dict[str, dict[str, Any]] = {}
        self.silent: set[str] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeats")

    def _run(self) -> None:
        client = self._client
        number, next_s = 0, 0.0
        while not self._end.is_set():
            client.next(0.05)
            number += 1
            due: list[str] = []
            while not self._now.empty():
                due.append(self._now.get())
            if client.up and time.monotonic() >= next_s:
                next_s = time.monotonic() + self._every_s
                due = [device for device in self._devices if device not in self.silent]
            for device in due:
                client.publish(Topics(device).state, encode(self._state(device, number)), qos=0)
        client.close()

    def say(self, device: str, fields: dict[str, Any]) -> float:
        """Let it say so at once; the monotonic time at which it begins to."""
        self.says[device] = fields
        said_s = time.monotonic()
        self._now.put(device)
        self._client.wake()
        return said_s

    def _state(self, device: str, number: int) -> State:
        fields = {"armed": True, "sound_paused": False, "alerts": 9} | self.says.get(device, {})
        return State("aaaa", number, time.monotonic(), time.time(), number, **fields)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
