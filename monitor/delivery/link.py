"""The safety process's link to the broker: heartbeat and alerts out, answers and requests in.

One thread owns the MQTT client. It does what link_health.py decides, and sends what outbox.py and
heartbeat.py have to say.
"""

import logging
import random
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import msgspec

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Event, FaultCode, Input, InputKind, Status
from monitor.delivery import home_assistant
from monitor.delivery.clip import Clips
from monitor.delivery.heartbeat import Summary
from monitor.delivery.link_health import OVERDUE_S, LinkHealth
from monitor.delivery.memory import of as memory_of
from monitor.delivery.messages import (
    OFFLINE,
    ONLINE,
    SWITCHED_OFF,
    WORD_BYTES,
    Clock,
    State,
    Topics,
    encode,
    now,
)
from monitor.delivery.messages import alert_message as message_of
from monitor.delivery.mqtt import Client, Letter, MqttSettings, What, Will
from monitor.delivery.outbox import Key, Outbox, machine_boot
from monitor.delivery.reception import Reception
from monitor.delivery.wording import fault_words

BEAT_S = 1.0
HUNG_S = 1.5
"""No block for so long and the heartbeat stops: it vouches for the sensor's loop, not for this thread."""

STUCK_S = 3.0
"""The link's thread takes a turn every 0.1 s; after so long without one it is stuck."""

AGAIN_S = 5.0
"""So often an urgent alert is sent again that a spotter listens for and does not say that he has."""

LOST_S = 60.0
"""How long it is a fault that alerts may have been lost, once the link is up."""

IN_FLIGHT = 10
"""Alert stages sent and not yet acknowledged; more wait, so that a new urgent one overtakes them."""

FAREWELL_S = 0.5
"""How long the last word may wait for its acknowledgement."""

DEFECT_PAUSE_S = 0.5
"""Pause after a defect: one that stays takes neither the processor nor the log."""

_log = logging.getLogger(__name__)


class Fault(NamedTuple):
    """What is wrong on the device's side of the link."""

    code: FaultCode
    part: str = ""


class Link:
    """A sink of the loop. ``link(block, events, alerts, status)`` costs microseconds and never waits.

    ``inbox`` receives the spotters' words, LINK_LOST and LINK_BACK, and FAULT and FAULT_GONE of the outbox.
    ``store`` is the outbox's file, None for memory only. ``config`` is the hash of the effective settings.
    ``clock`` is the one the blocks' times are on: for ages and a loop that hangs; silence of the network is
    measured by the machine's. ``ignored`` counts what others would not take. ``boot`` names this run,
    ``first`` is the last sequence of the run before. ``overdue_s`` is for `LinkHealth`. ``lost``: what an
    earlier run remembered cannot be read. Raises what Client raises.
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
        boot: str = "",
        first: int = 0,
        overdue_s: float = OVERDUE_S,
        lost: bool = False,
    ) -> None:
        self.boot = boot or secrets.token_hex(4)
        self._first = first
        self._machine = machine_boot()
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
            subscriptions=dict.fromkeys(
                (
                    self._topics.answers,
                    self._topics.answer,
                    self._topics.request,
                    self._topics.availability,
                    *([home_assistant.BIRTH_TOPIC] if settings.home_assistant else []),
                ),
                0,  # the session ends with the connection: 1 keeps no more, and costs a cluster an election
            ),
            will=Will(self._topics.availability, OFFLINE, retain=True),
            largest_bytes=WORD_BYTES,
        )
        self._outbox = Outbox(store, clock, self._client.wake)
        self._reception = Reception(self._topics, inbox, self._outbox.received)
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)
        self._stopping = False
        self._draining = False
        self._drained = threading.Event()
        self._started_s = time.monotonic()
        self._turn_s = self._started_s  # when the link's thread was last seen to go on
        self._stuck = False
        self._loop_hangs = False
        self._summary: Summary | None = None
        self._clips = Clips(self.boot)
        self._clips_due: SimpleQueue[bytes] = SimpleQueue()
        self._changed = False
        # All below belongs to the link's thread.
        self._sent: dict[int, tuple[float, Key | None]] = {}
        self._unproven: set[Key] = set()  # acknowledged on a connection that is not yet proved
        self._tried_s: dict[Key, float] = {}  # alerts without an acknowledgement: when first sent
        self._again_s: dict[Key, float] = {}  # urgent ones without a receipt: when last sent
        self._health = LinkHealth(settings.device, settings.username, self._started_s, overdue_s)
        self._lost = lost
        self._lost_until_s = inf
        self._faults: dict[Fault, str] = {}  # with the reason
        self._name_conflict = Fault(FaultCode.NAME_CONFLICT, settings.device)
        self._online_mid: int | None = None  # of our availability, published last
        self._beat = 0
        self._beat_s = self._started_s
        self._announce_s = float("inf")

    def start(self) -> None:
        self._outbox.start()
        self._thread.start()

    def drain(self, timeout_s: float = 5.0) -> bool:
        """Wait until the broker has acknowledged all alerts, for at most ``timeout_s``: has it?

        For a process whose loop has ended, and whose last report must arrive.
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
        self._watch_thread()
        before = self._summary
        self._summary = (before or Summary(alerts=self._first)).after(block, events, alerts, status)
        if alerts or before is None or before.status.armed != status.armed:
            moment = self._clock()
            memory = memory_of(status, self._summary.alerts, moment, self._machine)
            self._outbox.put(*(message_of(alert, self.boot, moment) for alert in alerts), memory=memory)
        if alerts or before is None or before.shown != self._summary.shown:
            self._changed = True
            self._client.wake()
        for clip in self._clips.update(block, alerts):  # last: a picture that fails costs nothing else
            self._clips_due.put(encode(clip))

    def _watch_thread(self) -> None:
        """The loop looks after the link's thread: whatever that waits for, the walker learns of it."""
        stuck = self._thread.is_alive() and time.monotonic() - self._turn_s > STUCK_S
        if stuck != self._stuck:
            self._stuck = stuck
            kind = InputKind.FAULT if stuck else InputKind.FAULT_GONE
            reason = f"{STUCK_S:.0f} s" if stuck else ""
            self.inbox.put(Input(kind, fault=FaultCode.STUCK, part="link", reason=reason))

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
            self._turn_s = time.monotonic()
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
                self._give_up("a defect in the link; see the log")
                time.sleep(DEFECT_PAUSE_S)

    def _pause_s(self) -> float:
        return min(0.1, max(0.0, self._beat_s - time.monotonic()))

    def _read(self, letter: Letter) -> None:
        now_s = time.monotonic()
        if letter.what is What.UP:
            self._health.connected(now_s)
            self._announce()
            self._changed = True
        elif letter.what is What.DOWN:
            self._health.disconnected(now_s, letter.reason, refused=letter.refused)
            self._forget_sent()
        elif letter.what is What.ACKED and letter.mid in self._sent:
            # Others are at QoS 0: the network library reports them as done when they are sent.
            self._health.acknowledged(now_s)
            _, key = self._sent.pop(letter.mid)
            if letter.mid == self._online_mid:
                self._health.announcement_acknowledged(now_s)
            if key is not None and self._health.proven:
                self._outbox.acknowledged(key)
                self._again_s[key] = now_s
            elif key is not None:
                self._unproven.add(key)
        elif letter.topic == self._topics.availability:
            self._hear_availability(letter, now_s)
        elif letter.topic == home_assistant.BIRTH_TOPIC:
            if letter.payload == home_assistant.BIRTH and not letter.retained:
                # All devices receive it in the same moment: not all should answer in it.
                self._announce_s = now_s + random.uniform(0.1, 2.0)
        elif letter.what is What.RECEIVED:
            self._hear(letter, now_s)

    def _hear_availability(self, letter: Letter, now_s: float) -> None:
        if letter.retained:
            return  # from before our time, and published again already
        if letter.payload != ONLINE:
            self._health.contradicted(self._beat_s)
        elif self._health.echoed(now_s):
            self._unproven.clear()  # they may have been thrown away, and are due again

    def _announce(self) -> None:
        self._announce_s = float("inf")
        # An empty one takes back what was announced before it was switched off. Without acknowledgement: a
        # broker that forbids it must not cost us the link.
        entities = self._entities if self._discovery else b""
        self._client.publish(self._discovery_topic, entities, qos=0, retain=True)

    def _hear(self, letter: Letter, now_s: float) -> None:
        open_ids = {alert.id for alert in self._summary.status.incidents} if self._summary else set()
        since = self._reception.hear(letter.topic, letter.payload, letter.retained, open_ids, now_s)
        if since is not None:
            for message in self._outbox.recent():
                if message.sequence >= since:
                    self._say(self._topics.again, encode(message), retain=False)

    def _judge(self) -> None:
        """Is the link alive? Is the outbox on disk, our name our own?"""
        now_s = time.monotonic()
        oldest_s = min((sent_s for sent_s, _ in self._sent.values()), default=None)
        was_lost = self._health.lost
        alert_s = min(self._tried_s.values(), default=None)
        finding = self._health.judge(now_s, oldest_s, alert_s, sending=not self._hung())
        for news in finding.news:
            if self._health.lost:
                _log.warning("link lost: %s", news.reason)
            elif was_lost:
                _log.warning("the broker answers again")
            self.inbox.put(news)
        if finding.dead:
            self._forget_sent()
            self._client.reopen()
        faults: dict[Fault, str] = {}
        if self._health.rival:
            faults[self._name_conflict] = ""
        if self._alerts_lost(now_s):
            faults[Fault(FaultCode.ALERTS_LOST)] = ""
        if self._outbox.fault:
            faults[Fault(FaultCode.OUTBOX)] = self._outbox.fault
        for fault in self._faults.keys() - faults.keys():
            self.inbox.put(Input(InputKind.FAULT_GONE, fault=fault.code, part=fault.part))
        for fault in faults.keys() - self._faults.keys():
            self.inbox.put(Input(InputKind.FAULT, fault=fault.code, part=fault.part, reason=faults[fault]))
        self._faults = faults
        self._reception.tick(now_s)

    def _alerts_lost(self, now_s: float) -> bool:
        """What was damaged at the start is a fault until spotters have had a minute to learn it."""
        if not (self._lost or self._outbox.lost):
            return False
        if self._lost_until_s == inf and self._health.proven:
            self._lost_until_s = now_s + LOST_S
        return now_s < self._lost_until_s

    def _give_up(self, reason: str) -> None:
        self._health.given_up(reason)
        self._forget_sent()
        self._client.reopen()

    def _forget_sent(self) -> None:
        """What was not acknowledged, or on a connection that was not proved, is due again."""
        self._sent.clear()
        self._unproven.clear()

    def _send(self) -> None:
        now_s = time.monotonic()
        self._say_whether_it_hangs(now_s)
        # First, so that its echo comes before any acknowledgement: what is acknowledged later is passed on.
        due_online = now_s >= self._health.online_s and not self._loop_hangs
        if due_online and (mid := self._say(self._topics.availability, ONLINE)):
            self._health.announced(now_s)
            self._online_mid = mid
        under_way = {key for _, key in self._sent.values() if key is not None}
        due = self._outbox.due()
        waiting = {(message.boot, message.sequence) for message in due}
        self._tried_s = {key: tried_s for key, tried_s in self._tried_s.items() if key in waiting}
        for message in due:
            key = (message.boot, message.sequence)
            if len(under_way) >= IN_FLIGHT:
                break
            if key not in under_way and key not in self._unproven:
                left_s = message.lifetime_s - message.age_s
                if self._say(self._topics.alert, encode(message), retain=False, key=key, expiry_s=left_s):
                    under_way.add(key)
                    self._tried_s.setdefault(key, now_s)
        self._send_again(now_s)
        while not self._clips_due.empty():  # a picture: nobody's safety hangs on it
            self._client.publish(self._topics.clip, self._clips_due.get(), qos=0, retain=False)
        # A change is sent after the alerts that go with it, so that they arrive first.
        alerts_sent = len(self._outbox) <= len(under_way) + len(self._unproven)
        if now_s >= self._announce_s:
            self._announce()
        if now_s >= self._beat_s or (self._changed and alerts_sent):
            self._changed = False
            self._beat_s = now_s + BEAT_S
            if self._summary is not None and not self._hung():
                self._beat += 1
                self._say(self._topics.state, encode(self._state(self._summary)))

    def _say_whether_it_hangs(self, now_s: float) -> None:
        """Who goes by the availability alone must not take the link's life for the loop's."""
        hangs = self._summary is not None and self._hung() and self._client.up
        if hangs and not self._loop_hangs:
            self._say(self._topics.availability, OFFLINE)
        elif self._loop_hangs and not hangs:
            self._health.online_s = now_s
        self._loop_hangs = hangs

    def _send_again(self, now_s: float) -> None:
        """What is urgent, and what somebody who listens has not said that he has."""
        if not self._reception.spotters or not self._client.up:
            return
        unreceived = {(message.boot, message.sequence): message for message in self._outbox.unreceived()}
        self._again_s = {key: sent_s for key, sent_s in self._again_s.items() if key in unreceived}
        for key, message in unreceived.items():
            if now_s - self._again_s.get(key, float("-inf")) >= AGAIN_S:
                self._again_s[key] = now_s
                self._say(self._topics.again, encode(message), retain=False)

    def _say(
        self,
        topic: str,
        payload: bytes,
        retain: bool = True,
        key: Key | None = None,
        expiry_s: float | None = None,
    ) -> int | None:
        """The message's number, as its acknowledgement will carry it; None while there is no connection."""
        mid = self._client.publish(topic, payload, qos=1, retain=retain, expiry_s=expiry_s)
        if mid is not None:
            self._sent[mid] = (time.monotonic(), key)
        return mid

    def _hung(self) -> bool:
        return self._summary is None or self._clock().mono_s - self._summary.status.time_s > HUNG_S

    def _state(self, summary: Summary) -> State:
        state = summary.state(self.boot, self._beat, self._clock())
        own = (fault_words(fault.code, fault.part, reason)[:500] for fault, reason in self._faults.items())
        return msgspec.structs.replace(
            state,
            first=self._first,
            uptime_s=time.monotonic() - self._started_s,
            faults=(*state.faults, *own),
            spotters=self._reception.spotters,
            waiting=len(self._outbox),
            expired=self._outbox.expired,
            ignored=self._reception.ignored + self._client.dropped + self._ignored(),
            config=self._config,
            version=self._version,
        )
