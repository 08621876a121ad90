"""A spotter's side of MQTT: what comes from one device and from its other spotters, and what goes to them."""

import secrets

from monitor.core.vocabulary import InputKind
from monitor.delivery.messages import (
    NO_CONTACT,
    Topics,
    encode_answer,
    encode_repeat,
    encode_request,
    now,
)
from monitor.delivery.mqtt import Client, MqttSettings, What, Will
from monitor.spotter.incident import Notice
from monitor.spotter.view import NO_CONTACT_S, SpotterView

HERE_S = 1.5
"""How often the device learns that somebody is listening."""


class SpotterClient:
    """``view`` is what is known of the device. One thread's own. Raises what Client raises."""

    def __init__(self, settings: MqttSettings, who: str, no_contact_s: float = NO_CONTACT_S) -> None:
        self._topics = Topics(settings.device)
        self._who = who
        self._client = Client(
            settings,
            f"rearguard-spotter-{secrets.token_hex(4)}",
            subscriptions=(
                self._topics.availability,
                self._topics.state,
                self._topics.alert,
                self._topics.answer,
            ),
            will=Will(self._topics.request, encode_request(InputKind.SPOTTER_GONE, who), retain=False),
        )
        self._here_s = float("-inf")
        self.view = SpotterView(settings.device, no_contact_s)

    def hear(self, timeout_s: float) -> list[Notice]:
        """What is new; call it several times a second."""
        letter = self._client.next(timeout_s)
        moment = now()
        notices: list[Notice] = []
        if letter is not None and letter.what is What.DOWN:
            notices = self.view.disconnected(letter.reason, moment)
        elif letter is not None and letter.what is What.RECEIVED:
            notices = self.view.update(letter.topic, letter.payload, letter.retained, moment)
            if letter.topic == self._topics.state and self.view.asks():
                self._client.publish(self._topics.request, encode_repeat(self._who))
        if self._client.up and moment.mono_s - self._here_s > HERE_S:
            self._here_s = moment.mono_s
            self.request(InputKind.SPOTTER_HERE)
        return notices + self.view.tick(moment)

    def answer(self, incident_id: str, word: InputKind) -> bool:
        """Say COMING, FALSE_ALARM or CLEAR; False if there is no way to say it now."""
        if self.view.settle(incident_id):
            return True
        return (
            self._client.publish(self._topics.answer, encode_answer(incident_id, word, self._who)) is not None
        )

    def look_after_contact(self) -> list[Notice]:
        """Say to ourselves, and to other spotters if there is a way, that we look after lost contact."""
        self._client.publish(self._topics.answer, encode_answer(NO_CONTACT, InputKind.COMING, self._who))
        return self.view.look_after(self._who)

    def request(self, word: InputKind) -> bool:
        """Say ARM, DISARM, PAUSE_SOUND, TEST or SPOTTER_HERE; False if there is no way to ask now."""
        return self._client.publish(self._topics.request, encode_request(word, self._who)) is not None

    def close(self) -> None:
        self.request(InputKind.SPOTTER_GONE)
        self._client.close()
