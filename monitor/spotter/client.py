"""A spotter's side of MQTT: what comes from one device and from its other spotters, and what goes to them."""

import secrets
from collections.abc import Callable, Collection

from monitor.core.vocabulary import InputKind
from monitor.delivery.messages import (
    NO_CONTACT,
    Topics,
    encode_answer,
    encode_label,
    encode_missed,
    encode_phones_failed,
    encode_receipt,
    encode_repeat,
    encode_request,
    known_as,
    now,
)
from monitor.delivery.mqtt import Client, MqttSettings, What, Will
from monitor.spotter.client_name import ClientName
from monitor.spotter.incident import Incident, Notice
from monitor.spotter.view import NO_CONTACT_S, SpotterView

HERE_S = 1.5
"""How often the device learns that somebody is listening."""

RECEIPT_S = 2.0
"""How often the same report is receipted until the device knows it: a receipt may be lost on its way."""


class SpotterClient:
    """``view`` is what is known of the device. One thread's own. Raises what Client raises.

    It answers in the name of its account at the broker; where there is none, in whatever name is given.
    ``program`` keeps a session at the broker: what comes while it is away waits for it there; "" keeps none.
    ``names`` are those who can hear through this program, ``who`` alone where it is not given. ``has`` says
    whether one of them can be said to have an incident's latest report: it is receipted in that name then.
    While ``fails`` is true the device learns that this program reaches nobody, in place of that it listens.
    ``pictures``: the signal around alerts is wanted too.
    """

    def __init__(
        self,
        settings: MqttSettings,
        who: str,
        no_contact_s: float = NO_CONTACT_S,
        program: str = "",
        has: Callable[[Incident, str], bool] = lambda _incident, _name: True,
        fails: Callable[[], bool] = lambda: False,
        names: Callable[[], Collection[str]] | None = None,
        pictures: bool = False,
    ) -> None:
        self._topics = topics = Topics(settings.device)
        self._account = settings.username
        self._who = who
        self._has = has
        self._fails = fails
        self._names = names or (lambda: (who,))
        self._here: frozenset[str] = frozenset()  # who was said to be listening
        self._name = ClientName(f"{program}-{settings.device}-{who}") if program else None
        kept = self._name is not None and self._name.held
        name = self._name.name if kept and self._name else secrets.token_hex(4)
        self._client = Client(
            settings,
            f"rearguard-spotter-{name}",
            # What comes each second is of no use later, and would fill the session. Without one, QoS 1 keeps
            # no more, and RabbitMQ ties us to one node: when that dies, no other takes us under this name.
            subscriptions={
                topics.availability: 0,
                topics.state: 0,
                topics.alert: int(kept),
                topics.again: 0,
                topics.answers: int(kept),
                **({topics.clip: 0} if pictures else {}),
            },
            will=Will(
                topics.request, encode_request(InputKind.SPOTTER_GONE, self._bearer(who)), retain=False
            ),
            session=kept,
        )
        self._here_s = float("-inf")
        self._receipted_s: dict[tuple[str, int, str], float] = {}  # by report and name: when last
        self.view = SpotterView(settings.device, no_contact_s, self._account)

    @property
    def up(self) -> bool:
        """Is there a connection to the broker?"""
        return self._client.up

    def hear(self, timeout_s: float) -> list[Notice]:
        """What is new; call it several times a second."""
        letter = self._client.next(timeout_s)
        moment = now()
        notices: list[Notice] = []
        if letter is not None and letter.what is What.DOWN:
            notices = self.view.disconnected(letter.reason, moment)
        elif letter is not None and letter.what is What.RECEIVED:
            notices = self.view.update(letter.topic, letter.payload, letter.retained, moment)
            if letter.topic == self._topics.state and (since := self.view.asks()):
                self._client.publish(self._topics.request, encode_repeat(self._bearer(), since))
            self._receipt(moment.mono_s)
        self._say_who_is_here(moment.mono_s)
        return notices + self.view.tick(moment)

    def _say_who_is_here(self, now_s: float) -> None:
        """At once when somebody comes or goes, and again and again."""
        names = frozenset(self._names())
        if not self._client.up or (names == self._here and now_s - self._here_s <= HERE_S):
            return
        for name in self._here - names:
            self.request(InputKind.SPOTTER_GONE, name)
        self._here, self._here_s = names, now_s
        if self._fails():
            self._client.publish(self._topics.request, encode_phones_failed(self._bearer()))
            return
        for name in names:
            self.request(InputKind.SPOTTER_HERE, name)

    def _receipt(self, now_s: float) -> None:
        """Say of every urgent report that it is here, until the device's heartbeat shows that it knows."""
        waiting = {
            (incident.id, incident.sequence, name): incident
            for name in self._names()
            for incident in self.view.unreceipted(name)
        }
        self._receipted_s = {key: at_s for key, at_s in self._receipted_s.items() if key in waiting}
        for key, incident in waiting.items():
            due = now_s - self._receipted_s.get(key, float("-inf")) >= RECEIPT_S
            if due and self._has(incident, key[-1]):
                incident_id, sequence, name = key
                if self._answer(name, encode_receipt(incident_id, sequence, self._person(name))):
                    self._receipted_s[key] = now_s

    def answer(self, incident_id: str, word: InputKind, name: str = "") -> bool:
        """Say COMING, FALSE_ALARM or CLEAR; False if there is no way to say it now."""
        settled = self.view.settle(incident_id)
        name = name or self._who
        return settled or self._answer(name, encode_answer(incident_id, word, self._person(name)))

    def look_after_contact(self, name: str = "") -> list[Notice]:
        """Say to ourselves, and to other spotters if there is a way, that we look after lost contact."""
        name = name or self._who
        self._answer(name, encode_answer(NO_CONTACT, InputKind.COMING, self._person(name)))
        return self.view.look_after(name)

    def _answer(self, name: str, payload: bytes) -> bool:
        topic = self._topics.answer_of(self._account or name)
        return self._client.publish(topic, payload) is not None

    def _person(self, name: str) -> str:
        return name if self._account and name != self._account else ""

    def _bearer(self, name: str = "") -> str:
        """The name as the device will know it from answers."""
        return known_as(self._account, name or self._who)

    def request(self, word: InputKind, name: str = "") -> bool:
        """Say ARM, DISARM, PAUSE_SOUND, TEST or SPOTTER_HERE; False if there is no way to ask now."""
        request = encode_request(word, self._bearer(name))
        return self._client.publish(self._topics.request, request) is not None

    def label(self, incident_id: str, label: str, name: str, age_s: float) -> bool:
        """Say what ``name`` said of an incident ``age_s`` ago, "true" or "false"; False as in `request`."""
        said = encode_label(incident_id, label, name, age_s)
        return self._client.publish(self._topics.request, said) is not None

    def missed(self, about: str, name: str) -> bool:
        """Say that an alert of this kind is missed just now; False as in `request`."""
        return self._client.publish(self._topics.request, encode_missed(about, name)) is not None

    def wake(self) -> None:
        """End a `hear` that waits; from any thread."""
        self._client.wake()

    def close(self) -> None:
        for name in self._here:
            self.request(InputKind.SPOTTER_GONE, name)
        self._client.close()
        if self._name is not None:
            self._name.close()
