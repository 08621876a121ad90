"""What other people's programs say to the device: into the inbox, or ignored, counted and once logged."""

import logging
from collections.abc import Callable
from queue import SimpleQueue

from monitor.core.vocabulary import Input, InputKind
from monitor.delivery.messages import MessageError, Topics, decode_answer, decode_request

SPOTTER_S = 5.0
"""A spotter's program says every second or two that it is listening; after so long a silence it is not."""

REPEAT_S = 1.0
"""The latest alerts are repeated at most this often, whoever asks."""

UNREAD = 100
"""More words than this wait unread, and further ones are ignored; so are further spotters than this."""

_log = logging.getLogger(__name__)


class Reception:
    """Reads answers and requests for one device; one thread's own.

    ``received`` is called for each receipt, with the incident's id and the report's sequence.
    """

    def __init__(
        self,
        topics: Topics,
        inbox: "SimpleQueue[Input]",
        received: Callable[[str, int], None] = lambda _id, _sequence: None,
    ) -> None:
        self._topics = topics
        self._inbox = inbox
        self._received = received
        self._here_s: dict[str, float] = {}
        self._repeated_s = float("-inf")
        self._complained: set[str] = set()
        self.ignored = 0

    @property
    def spotters(self) -> tuple[str, ...]:
        """Who is listening."""
        return tuple(self._here_s)

    def hear(self, topic: str, payload: bytes, retained: bool, open_ids: set[str], now_s: float) -> bool:
        """Take one message; True if the latest alerts are to be sent again.

        ``open_ids`` are those of the open incidents: other answers come too late, or from elsewhere.
        """
        try:
            word = self._read(topic, payload, retained, open_ids)
        except MessageError as error:
            self.ignored += 1
            if topic not in self._complained and len(self._complained) < UNREAD:
                self._complained.add(topic)
                _log.warning("a message on %s is ignored, further ones are only counted: %s", topic, error)
            return False
        if word is None:
            wanted = now_s - self._repeated_s >= REPEAT_S
            self._repeated_s = now_s if wanted else self._repeated_s
            return wanted
        if word.kind is InputKind.SPOTTER_HERE:
            new = word.who not in self._here_s
            self._here_s[word.who] = now_s
            if new:
                self._inbox.put(word)
        elif word.kind is InputKind.SPOTTER_GONE:
            self._part(word.who)
        elif word.kind is not InputKind.RECEIVED or word.alert_id in open_ids:
            self._inbox.put(word)
        return False

    def tick(self, now_s: float) -> None:
        """Let go of spotters that have fallen silent."""
        for who in [who for who, here_s in self._here_s.items() if now_s - here_s > SPOTTER_S]:
            self._part(who)

    def _read(self, topic: str, payload: bytes, retained: bool, open_ids: set[str]) -> Input | None:
        if retained:
            raise MessageError("it was retained: an old wish is not obeyed")
        if self._inbox.qsize() >= UNREAD:
            raise MessageError("too many at once")
        if topic == self._topics.request:
            word = decode_request(payload)
            if word is not None and word.kind is InputKind.SPOTTER_HERE and self._crowded(word.who):
                raise MessageError("too many spotters")
            return word
        if topic != self._topics.answer:
            raise MessageError("nothing is expected on this topic")
        word = decode_answer(payload)
        if word.kind is InputKind.RECEIVED:
            self._received(word.alert_id, word.sequence)
        elif word.alert_id not in open_ids:
            raise MessageError("the answer names an incident that is not open")
        return word

    def _crowded(self, who: str) -> bool:
        return who not in self._here_s and len(self._here_s) >= UNREAD

    def _part(self, who: str) -> None:
        if self._here_s.pop(who, None) is not None:
            self._inbox.put(Input(InputKind.SPOTTER_GONE, who=who))
