"""Push messages to phones whose page is closed: to every session that has subscribed."""

import asyncio
import hashlib
import json
import logging
from dataclasses import asdict

from monitor.spotter.escalation import Push
from monitor.spotter.page.door import Door
from monitor.spotter.page.push import Outcome, Sender, Subscription, message

URGENT_S, OTHER_S = 3600, 600
"""How long a push service keeps a message for a phone that is away."""

ACTIONS = (("coming", "I'm coming"), ("false_alarm", "False alarm"))


_log = logging.getLogger(__name__)


class Pushes:
    """The event loop's own."""

    def __init__(self, sender: Sender, door: Door) -> None:
        self._sender = sender
        self._door = door
        self.public_key = sender.public_key

    @staticmethod
    def stored(subscription: Subscription) -> str:
        """As the door keeps it."""
        return json.dumps(asdict(subscription))

    async def send(self, device: str, push: Push) -> None:
        """To everybody at once; a subscription that its service no longer knows ends. Raises DoorError."""
        rows = self._door.subscriptions()
        ends = await asyncio.gather(
            *(self._send(key, origin, text, device, push) for key, origin, text in rows),
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
