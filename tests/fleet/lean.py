"""Lean devices, for numbers that real ones would need a larger machine for: asyncio, one connection each.

They say what a real one says, as often and of the same size: heartbeats and alerts at QoS 1, again on the
next connection where they were not acknowledged, and again for who asks. They have no outbox, read no
answers, and end their incidents by themselves.
"""

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from monitor.core.vocabulary import Alert, AlertKind, Certainty, Priority, Stage, Status
from monitor.delivery import mqtt
from monitor.delivery.messages import (
    OFFLINE,
    ONLINE,
    AlertMessage,
    State,
    Topics,
    alert_message,
    decode_request,
    encode,
    incidents,
    now,
)
from tests.fleet import packets
from tests.fleet.nodes import ADDRESSES, Where
from tests.fleet.people import walker
from tests.fleet.raised import Raised

OVERDUE_S = 3.0
STANDS_S = 2.0
SILENT_S = 10.0

REST = {"summary": "watching" * 12, "config": "0123456789ab", "version": "1.0"}
"""What brings a heartbeat to a real one's size."""


class Device:
    """``pending`` is what was said and not acknowledged."""

    def __init__(self, where: Where, name: str) -> None:
        self._where, self.name = where, name
        self._topics = Topics(name)
        self._boot = secrets.token_hex(4)
        self._hosts = random.sample(list(ADDRESSES.values()), len(ADDRESSES))
        self._writer: asyncio.StreamWriter | None = None
        self._mid = 0
        self._pending: dict[int, tuple[float, str, bytes, bool]] = {}
        self._said: list[AlertMessage] = []
        self._open: dict[str, Alert] = {}
        self._failures = 0
        self.linked = False
        self.losses = self.beats = self.sequence = 0

    async def live(self) -> None:
        """Connected for ever, to one node or the next, with the product's patience and pauses."""
        beating = asyncio.create_task(self._beat())
        try:
            while True:
                with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    await self._connect()
                turn = self._failures // len(self._hosts)
                self._failures += 1
                if self._writer is not None:
                    self._failures, turn = 1, 0
                    with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                        await self._read(self._reader)
                    self._close()
                    self.losses += 1
                self._hosts.append(self._hosts.pop(0))
                pause_s = mqtt.RETRY_S[min(turn, len(mqtt.RETRY_S) - 1)]
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
        finally:
            beating.cancel()
            self._close()

    async def _connect(self) -> None:
        writer = None
        turn = self._failures // len(self._hosts)
        try:
            async with asyncio.timeout(mqtt.PATIENCE_S[min(turn, len(mqtt.PATIENCE_S) - 1)]):
                self._reader, writer = await asyncio.open_connection(self._hosts[0], self._where.port)
                word = self._where.words[self.name]
                client = f"rearguard-{self.name}"
                writer.write(packets.connect(client, self.name, word, self._topics.availability, OFFLINE))
                answer = await self._reader.readexactly(4)
            if answer[3] == 0:
                topics = (
                    self._topics.answers,
                    self._topics.answer,
                    self._topics.request,
                    self._topics.availability,
                )
                writer.write(packets.subscribe(dict.fromkeys(topics, 0)))
                async with asyncio.timeout(mqtt.GRANTS_S[min(self._failures, len(mqtt.GRANTS_S) - 1)]):
                    await self._reader.readexactly(4 + len(topics))
                self._writer = writer
        finally:
            if writer is not None and self._writer is None:
                writer.close()
        if self._writer is not None:
            due, self._pending = self._pending, {}
            self.say(self._topics.availability, ONLINE, retain=True)
            for _, topic, payload, retain in due.values():
                if not retain:
                    self.say(topic, payload)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while True:
            async with asyncio.timeout(SILENT_S):  # wait_for of Python 3.11 may swallow a cancelling
                data = await reader.read(65536)
            if not data:
                return
            buffer += data
            for kind, flags, body in packets.read(buffer):
                if kind == packets.PUBACK:
                    self._pending.pop(int.from_bytes(body[:2], "big"), None)
                    self.linked = True
                elif kind == packets.PUBLISH:
                    self._hear(*packets.message(flags, body))

    def _hear(self, topic: str, payload: bytes, mid: int) -> None:
        if mid and self._writer is not None:
            self._writer.write(packets.puback(mid))
        if topic == self._topics.request and isinstance(since := decode_request(payload), int):
            for message in self._said[-64:]:
                if message.sequence >= since:
                    self.say(self._topics.again, encode(message))

    @property
    def busy(self) -> bool:
        """An incident is open, or an alert not acknowledged."""
        return bool(self._open) or any(topic == self._topics.alert for _, topic, *_ in self._pending.values())

    def raise_incident(self, incident: str, stage: Stage = Stage.ACTIVE) -> None:
        moment = now()
        self.sequence += 1
        alert = Alert(
            incident,
            self.sequence,
            AlertKind.STUMBLE,
            Priority.MEDIUM,
            Certainty.CONFIRMED,
            stage,
            moment.mono_s,
        )
        message = alert_message(alert, self._boot, moment)
        self._said.append(message)
        self.say(self._topics.alert, encode(message))
        if stage is Stage.ACTIVE:
            self._open[incident] = alert
        else:
            self._open.pop(incident, None)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._mid = self._mid % 65_535 + 1
        self._pending[self._mid] = (time.monotonic(), topic, payload, retain)
        if self._writer is not None:
            self._writer.write(packets.publish(topic, payload, self._mid, retain=retain))

    async def _beat(self) -> None:
        await asyncio.sleep(random.random())
        while True:
            now_s = time.monotonic()
            for incident, alert in list(self._open.items()):
                if now_s - alert.time_s > STANDS_S:
                    self.raise_incident(incident, Stage.RECOVERED)
            if self._writer is not None:
                oldest_s = min((at_s for at_s, *_ in self._pending.values()), default=now_s)
                if now_s - oldest_s > OVERDUE_S:
                    self._close()
                else:
                    self.beats += 1
                    self.say(self._topics.state, encode(self._state()), retain=True)
            await asyncio.sleep(1.0)

    def _state(self) -> State:
        moment = now()
        return State(
            boot=self._boot,
            sequence=self.beats,
            mono_s=moment.mono_s,
            wall_s=moment.wall_s,
            uptime_s=1.0,
            armed=True,
            sound_paused=False,
            incidents=incidents(Status(True, False, tuple(self._open.values()), moment.mono_s), moment),
            alerts=self.sequence,
            waiting=sum(topic == self._topics.alert for _, topic, *_ in self._pending.values()),
            **REST,
        )

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def lean(
    where: Where,
    numbers: Sequence[int],
    rate_hz: float,
    ready: Event,
    calm: Event,
    settled: Event,
    over: Event,
    results: "Queue[Raised]",
) -> None:
    """A process of such devices; as `devices.devices`."""
    results.put(asyncio.run(_all(where, numbers, rate_hz, ready, calm, settled, over)))


async def _all(
    where: Where,
    numbers: Sequence[int],
    rate_hz: float,
    ready: Event,
    calm: Event,
    settled: Event,
    over: Event,
) -> Raised:
    fleet = [Device(where, walker(number)) for number in numbers]
    tasks = [asyncio.create_task(device.live()) for device in fleet]
    raised = Raised()
    while not over.is_set():
        if not ready.is_set() and all(device.linked for device in fleet):
            ready.set()
        if ready.is_set() and not calm.is_set() and random.random() < rate_hz * 0.02:
            device = random.choice(fleet)
            incident = f"{device.name}-{len(raised.began_s)}"
            raised.began_s[incident] = time.monotonic()
            device.raise_incident(incident)
        if calm.is_set() and not any(device.busy for device in fleet):
            settled.set()
        await asyncio.sleep(0.02)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    raised.links_lost = sum(device.losses for device in fleet)
    raised.heartbeats = sum(device.beats for device in fleet)
    return raised
