"""A client in a thread of its own, on Rearguard's own MQTT: what it received, and when."""

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Self

from monitor.delivery.mqtt import Client, Letter, MqttSettings, What, Will


class Ear:
    """``letters`` are what came, each with its time; ``acked`` the numbers that were acknowledged."""

    def __init__(
        self,
        settings: MqttSettings,
        name: str,
        topics: Mapping[str, int] | None = None,
        will: Will | None = None,
        session: bool = False,
        first: str = "",
    ) -> None:
        self._client = Client(settings, name, topics, will, session=session)
        if first:  # else it is left to chance
            self._client._hosts.sort(key=lambda host: host != first)
        self.letters: list[tuple[float, Letter]] = []
        self.acked: dict[int, float] = {}
        self.up = False
        self.address = ""
        self.downs = 0
        self._to_say: deque[tuple[str, bytes, bool, list[int]]] = deque()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, topic: str, payload: bytes, retain: bool = False, within_s: float = 10.0) -> float | None:
        """Publish at QoS 1; seconds until it is acknowledged, None if it is not within the time."""
        mids: list[int] = []
        began_s = time.monotonic()
        self._to_say.append((topic, payload, retain, mids))
        self._client.wake()
        if self.wait(lambda: bool(mids) and mids[0] in self.acked, within_s):
            return self.acked[mids[0]] - began_s
        self._to_say.clear()  # not on another connection, for this is about the one
        return None

    def wait(self, condition: Callable[[], object], within_s: float) -> bool:
        """Does it hold within the time?"""
        deadline_s = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(0.005)
        return True

    def got(self, payload: bytes, topic: str = "") -> list[float]:
        """When it came, each time."""
        return [
            at_s for at_s, letter in list(self.letters) if letter.payload == payload and topic in letter.topic
        ]

    def vanish(self) -> None:
        """The connection ends without a word, as of a process that died."""
        self._over.set()
        self._thread.join()
        client = self._client._paho
        if client is not None and isinstance(sock := client.socket(), socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._client.close()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._over.is_set():
            letter = self._client.next(0.05)
            self.up = self._client.up
            if letter is not None and letter.what is What.UP:
                self.address = self._client._reached
            elif letter is not None and letter.what is What.DOWN:
                self.downs += 1
            elif letter is not None and letter.what is What.ACKED:
                self.acked[letter.mid] = time.monotonic()
            elif letter is not None and letter.what is What.RECEIVED:
                self.letters.append((time.monotonic(), letter))
            while self._to_say and self._client.up:
                topic, payload, retain, mids = self._to_say[0]
                mid = self._client.publish(topic, payload, retain=retain)
                if mid is None:
                    break
                mids.append(mid)
                self._to_say.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
