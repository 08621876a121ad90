"""The safety process's link to the broker: heartbeat and alerts out, answers and requests in.

One thread owns the MQTT client. The link is judged by the age of the last acknowledged round trip, which the
heartbeat gives every second, and not by what the network library believes. An acknowledgement counts on a
connection that has proved itself: under MQTT 3.1.1 a broker acknowledges also what it throws away for want of
rights, so we listen to our own availability.
"""

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from monitor.core.vocabulary import (
    Alert,
    Event,
    EventKind,
    FaultCode,
    Input,
    InputKind,
    SampleBlock,
    Status,
)
from monitor.delivery import home_assistant
from monitor.delivery.messages import (
    OFFLINE,
    ONLINE,
    SWITCHED_OFF,
    WORD_BYTES,
    Clock,
    Moment,
    State,
    Topics,
    encode,
    incidents,
    now,
)
from monitor.delivery.messages import alert_message as message_of
from monitor.delivery.mqtt import Client, Letter, MqttSettings, What, Will
from monitor.delivery.outbox import Key, Outbox
from monitor.delivery.reception import Reception
from monitor.delivery.wording import fault_words, missing

BEAT_S = 1.0
OVERDUE_S = 3.0
"""A link without an acknowledgement for so long is lost."""

PROOF_S = 30.0
"""How often the availability is published again, and must come back: rights may be taken away."""

NOT_PASSED_ON = (
    "the broker takes our messages but does not pass them on: the account {account} may not write and read "
    "rearguard/{device}/...; rearguard pair {device} --role device renews its rights"
)

HUNG_S = 1.5
"""No block for so long and the heartbeat stops: it vouches for the sensor's loop, not for this thread."""

IN_FLIGHT = 10
"""Alert stages sent and not yet acknowledged; more wait, so that a new urgent one overtakes them."""

BRIEF_S = 5.0
BRIEF_TIMES = 3
"""So many connections in a row that did not last so long: another client of our name throws us out."""

FAREWELL_S = 0.5
"""How long the last word may wait for its acknowledgement."""

DEFECT_PAUSE_S = 0.5
"""Pause after a defect: one that stays takes neither the processor nor the log."""

WALKING_S = 2.0
"""So long after a step the heartbeat says walking."""

_log = logging.getLogger(__name__)


class Fault(NamedTuple):
    """What is wrong on the device's side of the link."""

    code: FaultCode
    part: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the loop knew after its latest block."""

    status: Status
    fault: str
    alerts: int
    steps: int
    step_s: float


class Link:
    """A sink of the loop. ``link(block, events, alerts, status)`` costs microseconds and never waits.

    ``inbox`` receives the spotters' words, LINK_LOST and LINK_BACK, and FAULT and FAULT_GONE of the outbox.
    ``store`` is the outbox's file, None for memory only. ``config`` is the hash of the effective settings.
    ``clock`` is the one the blocks' times are on: for ages and a loop that hangs; the network is judged by
    the machine's. ``ignored`` counts what others would not take. Raises what Client raises.
    """

    def __init__(
        self,
        settings: MqttSettings,
        inbox: "SimpleQueue[Input]",
        store: Path | None = None,
        config: str = "",
        version: str = "",
        clock: Clock = now,
        ignored: Callable[[], int] = lambda: 0,
    ) -> None:
        self.boot = secrets.token_hex(4)
        self.inbox = inbox
        self._clock = clock
        self._ignored = ignored
        self._config, self._version = config, version
        self._topics = Topics(settings.device)
        self._discovery = settings.home_assistant
        self._discovery_topic = home_assistant.topic(settings.device)
        self._entities = home_assistant.announcement(settings.device, version)
        self._client = Client(
            settings,
            f"rearguard-{settings.device}",
            subscriptions=(
                self._topics.answer,
                self._topics.request,
                self._topics.availability,
                *([home_assistant.BIRTH_TOPIC] if settings.home_assistant else []),
            ),
            will=Will(self._topics.availability, OFFLINE, retain=True),
            largest_bytes=WORD_BYTES,
        )
        self._reception = Reception(self._topics, self.boot, inbox)
        self._outbox = Outbox(store, clock, self._client.wake)
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._stopping = False
        self._draining = False
        self._drained = threading.Event()
        self._started_s = time.monotonic()
        self._seen: _Seen | None = None
        self._alerts = self._steps = 0
        self._step_s = float("-inf")
        self._changed = False
        # All below belongs to the link's thread.
        self._sent: dict[int, tuple[float, Key | None]] = {}
        self._acked_s = self._started_s
        self._proven = False  # this connection passes our words on
        self._unproven: set[Key] = set()  # acknowledged before that was known
        self._online_s = float("inf")  # when to say it again
        self._echo_due_s = float("inf")
        self._not_passed_on = NOT_PASSED_ON.format(
            account=settings.username or "used here", device=settings.device
        )
        self._lost: bool | None = None  # None: never yet answered, nor missed
        self._faults: dict[Fault, str] = {}  # with the reason
        self._reason = ""
        self._up_s = float("-inf")
        self._brief = 0  # connections in a row
        self._name_conflict = Fault(FaultCode.NAME_CONFLICT, settings.device)
        self._beat = 0
        self._beat_s = self._started_s
        self._announce_s = float("inf")

    def start(self) -> None:
        self._outbox.start()
        self._thread.start()

    def drain(self, timeout_s: float = 5.0) -> bool:
        """Wait until the broker has acknowledged all alerts, for at most ``timeout_s``: has it?

        For a process whose loop has ended, and that wants its last word heard.
        """
        self._drained.clear()
        self._draining = True
        self._client.wake()
        return self._drained.wait(timeout_s)

    def stop(self, timeout_s: float = 2.0) -> None:
        """Send what waits if there is a broker, say goodbye to it and end, within about ``timeout_s``."""
        if self._client.up:
            self.drain(timeout_s / 2)
        self._stopping = True
        self._client.wake()
        self._thread.join(timeout_s)
        self._outbox.stop()

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], status: Status
    ) -> None:
        """Take what the loop has just found out."""
        steps = [event.time_s for event in events if event.kind is EventKind.STEP]
        if steps:
            self._steps += len(steps)
            self._step_s = steps[-1]
        if alerts:
            moment = self._clock()
            for alert in alerts:
                self._alerts = max(self._alerts, alert.sequence)
                self._outbox.put(message_of(alert, self.boot, moment))
        before, self._seen = (
            self._seen,
            _Seen(status, block.fault, self._alerts, self._steps, self._step_s),
        )
        if alerts or before is None or _shown(before) != _shown(self._seen):
            self._changed = True
            self._client.wake()

    def _run(self) -> None:
        """The link's thread. However it ends, it says so (and if in order), and leaves no connection."""
        try:
            self._work()
        finally:
            self._say(self._topics.availability, SWITCHED_OFF if self._stopping else OFFLINE)
            self._acknowledged()
            self._client.close()

    def _acknowledged(self) -> None:
        """Wait a moment for what was sent.

        Closed with an answer unread a socket is reset, and the broker takes the orderly end for a death.
        """
        deadline_s = time.monotonic() + FAREWELL_S
        while self._sent and self._client.up and time.monotonic() < deadline_s:
            letter = self._client.next(0.05)
            if letter is not None and letter.what is What.ACKED:
                self._sent.pop(letter.mid, None)

    def _work(self) -> None:
        failed = ""
        while not self._stopping:
            try:
                letter = self._client.next(self._pause_s())
                if letter is not None:
                    self._read(letter)
                self._judge()
                self._send()
                if self._draining and not self._outbox:
                    self._drained.set()
            except Exception as error:  # noqa: BLE001  the way to the spotter must outlive a defect of its own
                if repr(error) != failed:
                    failed = repr(error)
                    _log.exception(
                        "the MQTT thread failed and restarts; repeats of this error are not logged"
                    )
                self._apart("a defect in the link; see the log")
                self._client.reopen()
                time.sleep(DEFECT_PAUSE_S)

    def _pause_s(self) -> float:
        return min(0.1, max(0.0, self._beat_s - time.monotonic()))

    def _read(self, letter: Letter) -> None:
        if letter.what is What.UP:
            self._reason = ""
            self._up_s = time.monotonic()
            self._say_online()
            self._announce()
            self._changed = True
        elif letter.what is What.DOWN:
            self._brief += time.monotonic() - self._up_s < BRIEF_S
            self._up_s = float("-inf")
            self._apart(letter.reason)
        elif letter.what is What.ACKED:
            _, key = self._sent.pop(letter.mid, (0.0, None))
            if key is not None and self._proven:
                self._outbox.remove(key)
            elif key is not None:
                self._unproven.add(key)
            self._acked_s = time.monotonic()
            self._find()
        elif letter.topic == self._topics.availability:
            self._hear_availability(letter)
        elif letter.topic == home_assistant.BIRTH_TOPIC:
            if letter.payload == home_assistant.BIRTH and not letter.retained:
                # All devices hear it in the same moment: not all should answer in it.
                self._announce_s = time.monotonic() + random.uniform(0.1, 2.0)
        elif letter.what is What.RECEIVED:
            self._hear(letter)

    def _say_online(self) -> None:
        now_s = time.monotonic()
        self._online_s = now_s + (PROOF_S if self._proven else OVERDUE_S)
        if self._say(self._topics.availability, ONLINE):
            self._echo_due_s = min(self._echo_due_s, now_s + OVERDUE_S)

    def _hear_availability(self, letter: Letter) -> None:
        """Our own word proves the connection; another one (a late will, a namesake) must not stay."""
        if letter.retained:
            return  # from before our time, and published again already
        if letter.payload != ONLINE:
            self._online_s = min(self._online_s, self._beat_s)  # not at once: two could not stop arguing
            return
        self._echo_due_s = float("inf")
        self._acked_s = time.monotonic()
        if not self._proven:
            self._proven = True
            self._online_s = self._acked_s + PROOF_S
            self._unproven.clear()  # they may have been thrown away, and are due again
            self._find()

    def _find(self) -> None:
        """The link is there, if it has been proved."""
        if self._proven and self._lost is not False:
            if self._lost:
                _log.warning("the broker answers again")
            self._lost = False
            self.inbox.put(Input(InputKind.LINK_BACK))

    def _lose(self, reason: str) -> None:
        if not self._lost:
            self._lost = True
            _log.warning("link lost: %s", reason)
            self.inbox.put(Input(InputKind.LINK_LOST, reason=reason))

    def _announce(self) -> None:
        self._announce_s = float("inf")
        if self._discovery:
            # Without acknowledgement: a broker that forbids it must not cost us the link.
            self._client.publish(self._discovery_topic, self._entities, qos=0, retain=True)

    def _hear(self, letter: Letter) -> None:
        open_ids = {alert.id for alert in self._seen.status.incidents} if self._seen else set()
        now_s = time.monotonic()
        if self._reception.hear(letter.topic, letter.payload, letter.retained, open_ids, now_s):
            for message in self._outbox.recent():
                self._say(self._topics.alert, encode(message), retain=False)

    def _judge(self) -> None:
        """Is the link alive? Only acknowledgements say so. Is the outbox on disk, our name our own?"""
        now_s = time.monotonic()
        if self._client.up and now_s - self._up_s > BRIEF_S:
            self._brief = 0
        faults: dict[Fault, str] = {}
        if self._brief >= BRIEF_TIMES:
            faults[self._name_conflict] = ""
        if self._outbox.fault:
            faults[Fault(FaultCode.OUTBOX)] = self._outbox.fault
        for fault in self._faults.keys() - faults.keys():
            self.inbox.put(Input(InputKind.FAULT_GONE, fault=fault.code, part=fault.part))
        for fault in faults.keys() - self._faults.keys():
            self.inbox.put(Input(InputKind.FAULT, fault=fault.code, part=fault.part, reason=faults[fault]))
        self._faults = faults
        self._reception.tick(now_s)
        if self._hung():
            self._acked_s = now_s  # no beat is sent, so none can be missing
        oldest_s = min((sent_s for sent_s, _ in self._sent.values()), default=now_s)
        if now_s - oldest_s > OVERDUE_S:
            self._apart(f"no acknowledgement from the broker for {OVERDUE_S:.0f} s")
            self._client.reopen()
        if now_s - self._acked_s > OVERDUE_S:
            self._lose(self._reason or f"no acknowledgement from the broker for {OVERDUE_S:.0f} s")
        elif now_s > self._echo_due_s:
            self._proven = False
            self._lose(self._not_passed_on)

    def _apart(self, reason: str) -> None:
        self._reason = reason
        self._sent.clear()  # what was not acknowledged is due again
        self._unproven.clear()
        self._proven = False
        self._online_s = self._echo_due_s = float("inf")

    def _send(self) -> None:
        under_way = {key for _, key in self._sent.values() if key is not None}
        for message in self._outbox.due():
            key = (message.boot, message.sequence)
            if len(under_way) >= IN_FLIGHT:
                break
            if key not in under_way and key not in self._unproven:
                left_s = message.lifetime_s - message.age_s
                if self._say(self._topics.alert, encode(message), retain=False, key=key, expiry_s=left_s):
                    under_way.add(key)
        # A change is sent after the alerts that go with it, so that they arrive first.
        alerts_sent = len(self._outbox) <= len(under_way) + len(self._unproven)
        now_s = time.monotonic()
        if now_s >= self._announce_s:
            self._announce()
        if now_s >= self._online_s:
            self._say_online()
        if now_s >= self._beat_s or (self._changed and alerts_sent):
            self._changed = False
            self._beat_s = now_s + BEAT_S
            if self._seen is not None and not self._hung():
                self._beat += 1
                self._say(self._topics.state, encode(self._state(self._seen, self._clock())))

    def _say(
        self,
        topic: str,
        payload: bytes,
        retain: bool = True,
        key: Key | None = None,
        expiry_s: float | None = None,
    ) -> bool:
        mid = self._client.publish(topic, payload, qos=1, retain=retain, expiry_s=expiry_s)
        if mid is None:
            return False
        self._sent[mid] = (time.monotonic(), key)
        return True

    def _fault_words(self) -> list[str]:
        return [fault_words(fault.code, fault.part, reason) for fault, reason in self._faults.items()]

    def _hung(self) -> bool:
        return self._seen is None or self._clock().mono_s - self._seen.status.time_s > HUNG_S

    def _state(self, seen: _Seen, moment: Moment) -> State:
        return State(
            boot=self.boot,
            sequence=self._beat,
            mono_s=moment.mono_s,
            wall_s=moment.wall_s,
            uptime_s=time.monotonic() - self._started_s,
            armed=seen.status.armed,
            sound_paused=seen.status.sound_paused,
            incidents=incidents(seen.status, self.boot, moment.mono_s),
            faults=tuple(words[:500] for words in (seen.fault, *self._fault_words()) if words),
            waits_for=tuple(missing(waiting)[:500] for waiting in seen.status.waits_for),
            spotters=self._reception.spotters,
            alerts=seen.alerts,
            block_age_s=max(0.0, moment.mono_s - seen.status.time_s),
            steps=seen.steps,
            walking=moment.mono_s - seen.step_s < WALKING_S,
            waiting=len(self._outbox),
            expired=self._outbox.expired,
            ignored=self._reception.ignored + self._client.dropped + self._ignored(),
            config=self._config,
            version=self._version,
        )


def _shown(seen: _Seen) -> tuple[object, ...]:
    """What a spotter must see change at once, not at the next beat."""
    status = seen.status
    return status.armed, status.sound_paused, status.incidents, status.waits_for, bool(seen.fault)
