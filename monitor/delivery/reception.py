"""What other people's programs say to the device: into the inbox, or ignored, counted and once logged."""

import logging
from collections.abc import Callable
from queue import SimpleQueue

from monitor.core.vocabulary import FaultCode, Input, InputKind
from monitor.delivery.messages import MessageError, Topics, decode_answer, decode_request

SPOTTER_S = 5.0
"""A spotter's program says every second or two that it is listening; after so long a silence it is not."""

GONE_S = 2.0
"""A spotter who says goodbye is gone after this, if nobody of his name says that he is here."""

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
        self._failing_s: dict[str, float] = {}  # notifiers that reach no phone
        self._repeated_s = float("-inf")
        self._complained: set[str] = set()
        self.ignored = 0

    @property
    def spotters(self) -> tuple[str, ...]:
        """Who is listening."""
        return tuple(self._here_s)

    def hear(
        self, topic: str, payload: bytes, retained: bool, open_ids: set[str], now_s: float
    ) -> int | None:
        """Take one message; from which sequence on the latest alerts are to be sent again, if they are.

        ``open_ids`` are those of the open incidents: other answers come too late, or from elsewhere.
        """
        try:
            word = self._read(topic, payload, retained, open_ids)
        except MessageError as error:
            self.ignored += 1
            where = topic if self._topics.account(topic) is None else self._topics.answer  # without a name
            if where not in self._complained and len(self._complained) < UNREAD:
                self._complained.add(where)
                _log.warning(
                    "a message on %s is ignored, further ones are only counted",
                    where,
                    extra={"private": error},  # its words may be the message's
                )
            return None
        if isinstance(word, int):
            wanted = now_s - self._repeated_s >= REPEAT_S
            self._repeated_s = now_s if wanted else self._repeated_s
            return word if wanted else None
        if word.kind is InputKind.SPOTTER_HERE:
            self._works(word.who)
            new = word.who not in self._here_s
            self._here_s[word.who] = now_s
            if new:
                self._inbox.put(word)
        elif word.kind is InputKind.FAULT:
            self._part(word.who)
            new = word.who not in self._failing_s
            self._failing_s[word.who] = now_s
            if new:
                self._inbox.put(word)
        elif word.kind is InputKind.SPOTTER_GONE:
            # Another program of that name may go on, and says so in a moment.
            for at_s in (self._here_s, self._failing_s):
                if word.who in at_s:
                    at_s[word.who] = min(at_s[word.who], now_s - SPOTTER_S + GONE_S)
        elif word.kind is not InputKind.RECEIVED or word.alert_id in open_ids:
            self._inbox.put(word)
        return None

    def tick(self, now_s: float) -> None:
        """Let go of spotters that have fallen silent."""
        for who in [who for who, here_s in self._here_s.items() if now_s - here_s > SPOTTER_S]:
            self._part(who)
        for who in [who for who, at_s in self._failing_s.items() if now_s - at_s > SPOTTER_S]:
            self._works(who)

    def _read(self, topic: str, payload: bytes, retained: bool, open_ids: set[str]) -> Input | int:
        if retained:
            raise MessageError("it was retained: an old wish is not obeyed")
        if self._inbox.qsize() >= UNREAD:
            raise MessageError("too many at once")
        if topic == self._topics.request:
            word = decode_request(payload)
            present = (InputKind.SPOTTER_HERE, InputKind.FAULT)
            if isinstance(word, Input) and word.kind in present and self._crowded(word.who):
                raise MessageError("too many spotters")
            return word
        account = self._topics.account(topic)
        if account is None:
            raise MessageError("nothing is expected on this topic")
        word = decode_answer(payload, account)
        if word.kind is InputKind.RECEIVED:
            self._received(word.alert_id, word.sequence)
        elif word.alert_id not in open_ids:
            raise MessageError("the answer names an incident that is not open")
        return word

    def _crowded(self, who: str) -> bool:
        known = self._here_s.keys() | self._failing_s.keys()
        return who not in known and len(known) >= UNREAD

    def _works(self, who: str) -> None:
        if self._failing_s.pop(who, None) is not None:
            self._inbox.put(Input(InputKind.FAULT_GONE, fault=FaultCode.PHONES, part=who))

    def _part(self, who: str) -> None:
        if self._here_s.pop(who, None) is not None:
            self._inbox.put(Input(InputKind.SPOTTER_GONE, who=who))
