"""Push messages to phones whose page is closed: to sessions that have subscribed, each for its walkers."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict

from monitor.spotter.escalation import Push
from monitor.spotter.page.door import Door
from monitor.spotter.page.push import Outcome, Sender, Subscription, message

URGENT_S, OTHER_S = 3600, 600
"""How long a push service keeps a message for a phone that is away."""

THREADS = 1000
"""Of so many it is kept who was sent something of them: he is sent what follows, too."""

ACTIONS = (("coming", "I'm coming"), ("false_alarm", "False alarm"))


_log = logging.getLogger(__name__)


class Pushes:
    """The event loop's own."""

    def __init__(self, sender: Sender, door: Door) -> None:
        self._sender = sender
        self._door = door
        self.public_key = sender.public_key
        self._told: dict[tuple[str, str], set[str]] = {}  # by device and thread: whose sessions

    @staticmethod
    def stored(subscription: Subscription) -> str:
        """As the door keeps it."""
        return json.dumps(asdict(subscription))

    async def send(self, device: str, push: Push, rung: Callable[[str], bool] = lambda _name: True) -> None:
        """To all whose name is ``rung``, and who were before in this thread, at once.

        A subscription that its service no longer knows ends. Raises DoorError.
        """
        told = self._told.setdefault((device, push.thread), set())
        while len(self._told) > THREADS:
            del self._told[next(iter(self._told))]
        rows = [row for row in self._door.subscriptions() if row[0] in told or rung(row[3])]
        told.update(key for key, *_ in rows)
        ends = await asyncio.gather(
            *(self._send(key, origin, text, device, push) for key, origin, text, _ in rows),
            return_exceptions=True,
        )
        for end in ends:
            if isinstance(end, Exception):
                _log.warning("a push message is lost", extra={"private": end})

    async def _send(self, key: str, origin: str, subscription: str, device: str, push: Push) -> None:
        topic = hashlib.sha256(f"{device}-{push.thread}".encode()).hexdigest()[:32]
        payload = message(
            push.title,
            push.body,
            topic,
            f"{origin}/#{device}",
            actions=ACTIONS if push.waits else (),
            silent=not push.urgent,
            data={"device": device, "incident": push.thread},
        )
        outcome = await asyncio.to_thread(
            self._sender.send,
            Subscription(**json.loads(subscription)),
            payload,
            URGENT_S if push.urgent else OTHER_S,
            "high" if push.urgent else "normal",
            topic,
        )
        if outcome is Outcome.GONE:
            self._door.forget(key)
