"""A subscriber that keeps what it hears, on the same client the spotter's programs use."""

import secrets
import threading
from typing import Self

from monitor.delivery.messages import (
    AlertMessage,
    State,
    Topics,
    decode_alert,
    decode_state,
    encode_repeat,
    now,
)
from monitor.delivery.mqtt import Client, Letter, MqttSettings, What
from monitor.spotter.incident import Notice
from monitor.spotter.view import SpotterView


class Listener:
    """``letters`` is all that came; ``view`` and ``notices`` what a spotter made of it."""

    def __init__(self, settings: MqttSettings, also: tuple[str, ...] = ()) -> None:
        self._client = Client(
            settings,
            f"listener-{secrets.token_hex(4)}",
            dict.fromkeys((f"rearguard/{settings.device}/#", *also), 1),
        )
        self._topics = Topics(settings.device)
        self.view = SpotterView(settings.device)
        self.notices: list[Notice] = []
        self.letters: list[Letter] = []
        self.heard_s: list[float] = []  # when each notice was
        self.to_say: list[tuple[str, bytes, bool]] = []
        self.up = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.to_say.append((topic, payload, retain))

    def alerts(self) -> list[AlertMessage]:
        return [decode_alert(x.payload) for x in list(self.letters) if x.topic.endswith("/alert")]

    def again(self) -> list[AlertMessage]:
        return [decode_alert(x.payload) for x in list(self.letters) if x.topic.endswith("/again")]

    def states(self) -> list[State]:
        return [
            decode_state(x.payload)
            for x in list(self.letters)
            if x.topic.endswith("/state") and not x.retained
        ]

    def availability(self) -> list[bytes]:
        return [x.payload for x in list(self.letters) if x.topic.endswith("/availability")]

    def _run(self) -> None:
        while not self._end.is_set():
            letter = self._client.next(0.02)
            self.up = self._client.up
            self.notices += self.view.tick(now())
            if letter is not None and letter.what is What.RECEIVED:
                self.letters.append(letter)
                self.notices += self.view.update(letter.topic, letter.payload, letter.retained, now())
                if letter.topic == self._topics.state and (since := self.view.asks()):
                    self.say(self._topics.request, encode_repeat("listener", since))
            elif letter is not None and letter.what is What.DOWN:
                self.notices += self.view.disconnected(letter.reason, now())
            self.heard_s += [now().mono_s] * (len(self.notices) - len(self.heard_s))
            while self.up and self.to_say:
                topic, payload, retain = self.to_say.pop(0)
                self._client.publish(topic, payload, retain=retain)
        self._client.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
