"""The broker: settings, and a client whose every word comes to one thread. paho is known only here.

paho's network thread dies of an exception in a callback and believes a silent link for 20 s, so callbacks
here only put letters into a queue, a connection is used once, and its owner goes by acknowledgements
whether it lives (docs/delivery.md).
"""

import random
import re
import secrets
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from monitor.core.setting import SettingError, number, switch, text
from monitor.delivery.credentials import SecretError, check_secret, password
from monitor.delivery.messages import DEVICE_PATTERN, DEVICE_WORDS, Topics
from monitor.delivery.wording import no_rights

HOST_PATTERN = r"[^\s\0/@]+"
HOST_WORDS = "the name or address of the broker, or those of a cluster's nodes with commas between them"
PLAIN_PORT, TLS_PORT = 1883, 8883

RETRY_S = (0.5, 1.0, 2.0)
"""Pause at most before each further attempt to connect, half of it at least; the last one stays."""

PATIENCE_S = (3.0, 3.0, 6.0, 12.0, 24.0)
"""How long each further attempt to connect may take: a slow name server or network is waited for."""

GRANTS_S = (3.0, 10.0)
"""And how long a broker that has taken us may take until it has granted our subscriptions, by attempt.

One that cannot is soon left for the next; but a thousand that come at once and go on giving up so soon keep a
cluster busy with what they gave up. Two keepalives of silence end a connection sooner.
"""

SESSION_S = 86_400
"""How long a broker with MQTT 5 keeps messages for a program that is away; one with 3.1.1 decides itself."""

OURS = 0
"""In place of a connection's number: a letter of our own."""

UNREAD_LETTERS = 1000
"""More than this unread and further messages are dropped: a flood costs messages, not memory."""


@dataclass(frozen=True)
class MqttSettings:
    """Where the broker is and who we are there. Raises ValueError for an impossible device or host."""

    device: str = text("walker", "name of this device, part of every topic", DEVICE_PATTERN, DEVICE_WORDS)
    host: str = text("localhost", "name or address of the broker", HOST_PATTERN, HOST_WORDS)
    port: int = number(1883, 1, 65535, "", "port of the broker: 1883 plain, 8883 with TLS")
    protocol: int = number(
        5, 4, 5, "", "version of MQTT: 5, and 3.1.1 where the broker does not know it; 4 for 3.1.1 only"
    )
    keepalive_s: int = number(
        5,
        2,
        60,
        "s",
        "MQTT keepalive; the broker sends the last will after 1.5 times this",
        "a lost device is reported sooner, a weak network more often",
        "a lost device is reported later",
    )
    username: str = text("", "account at the broker; empty for none")
    password_file: str = text(
        "", "file with the password, readable by its owner only; empty for systemd's credential"
    )
    tls: bool = switch(False, "encrypt the connection and check the broker's certificate")
    ca_file: str = text("", "CA certificate that signed the broker's; empty for the system's")
    certificate_file: str = text("", "client certificate; empty for none")
    key_file: str = text("", "private key of the client certificate, readable by its owner only")

    home_assistant: bool = switch(False, "announce this device to Home Assistant by MQTT discovery")

    def __post_init__(self) -> None:
        if not re.fullmatch(DEVICE_PATTERN, self.device):
            raise SettingError("device", f"found {self.device!r}, allowed: {DEVICE_WORDS}")
        for host in self.hosts:
            try:
                host.encode("idna")  # as the socket will, in a thread that would die of it
                possible = re.fullmatch(HOST_PATTERN, host) is not None
            except UnicodeError:
                possible = False
            if re.fullmatch(r"[^:]+:\d+|\[.+\](:\d+)?", host):
                raise SettingError("host", f"found {host!r}: the port goes into mqtt.port, without brackets")
            if not possible:
                raise SettingError("host", f"found {self.host!r}, allowed: {HOST_WORDS}")

    @property
    def hosts(self) -> list[str]:
        """One broker, or the nodes of a cluster."""
        return self.host.split(",")

    def password(self) -> str:
        """The account's password. Raises SecretError."""
        return password(self.username, self.password_file)


@dataclass(frozen=True)
class Invitation(MqttSettings):
    """Settings with the password in memory, as a pairing URL brings them; ``devices`` are those it names."""

    word: str = field(default="", repr=False)
    devices: tuple[str, ...] = ()

    def password(self) -> str:
        return self.word


class What(Enum):
    """What a letter says."""

    UP = auto()
    DOWN = auto()
    ACKED = auto()
    RECEIVED = auto()
    WOKEN = auto()


@dataclass(frozen=True, slots=True)
class Letter:
    """A word from the network thread (or, WOKEN, from any other)."""

    what: What
    mid: int = 0
    topic: str = ""
    payload: bytes = b""
    retained: bool = False
    reason: str = ""
    unspoken: bool = False  # the broker may not know this version of MQTT
    refused: bool = False  # it does not take our messages


@dataclass(frozen=True)
class Will:
    """What the broker says when we vanish."""

    topic: str
    payload: bytes
    retain: bool


class Client:
    """Keeps a connection to the broker. All methods but ``wake`` belong to the one thread that owns it.

    ``next`` must be called at least every second: it also opens the next connection when one is lost.
    ``name`` must be the only client of that name at the broker, or the two throw each other out.
    ``subscriptions`` are topics with the QoS they are wanted at; it is up when the broker has granted them.
    With a ``session`` the broker keeps what comes for this name, at QoS 1, while it is away; that may come
    before it is up. Raises SecretError if its secrets or certificates are unusable.

    Of several hosts each attempt takes the next, also after a connection that was good: a node that has lost
    its cluster may take connections and serve nobody.
    """

    def __init__(
        self,
        settings: MqttSettings,
        name: str,
        subscriptions: Mapping[str, int] | None = None,
        will: Will | None = None,
        largest_bytes: int = 65_536,
        session: bool = False,
    ) -> None:
        self._settings = settings
        self._name = name
        self._subscriptions = dict(subscriptions or {})
        self._session = session
        self._will = will
        self._largest_bytes = largest_bytes
        self._password = settings.password() if settings.username else None
        self._tls = _tls(settings) if settings.tls else None
        self._letters: SimpleQueue[tuple[int, Letter]] = SimpleQueue()  # with its connection's number
        self._paho: paho.Client | None = None
        self._connection = OURS
        self._answered_s: list[float] = []  # when the broker has taken us, on this connection
        self._failures = 0
        self._protocol = settings.protocol
        # Not all from the same one on: the others would take over a dead node's clients evenly, too.
        self._hosts = random.sample(settings.hosts, len(settings.hosts))
        self._reached = ""  # the address of the broker in the attempt under way
        self._addresses: dict[str, str] = {}  # by host, the last good one
        self._deadline_s = 0.0  # while connecting: give up; while apart: try again
        self.up = False
        self.dropped = 0

    def next(self, timeout_s: float) -> Letter | None:
        """The next letter, None after ``timeout_s`` without one."""
        if not self.up and self._letters.empty() and time.monotonic() >= self._due_s:
            if self._paho is None:
                try:
                    self._open()
                except Exception as error:  # noqa: BLE001  whatever paho refuses, we try again after a pause
                    reason = f"cannot reach {self._where}: {_why(error)}"
                    self._give_up()
                    return Letter(What.DOWN, reason=reason)
            else:
                if self._answered_s:
                    reason = f"{self._where} has not granted our subscriptions"
                else:
                    reason = f"no answer from {self._where} for {self._of_round(PATIENCE_S):.0f} s"
                    self._speak_otherwise()
                self._give_up()
                return Letter(What.DOWN, reason=reason)
        try:
            sender, letter = self._letters.get(timeout=timeout_s)
        except Empty:
            return None
        if sender == OURS:
            return letter
        if sender != self._connection or self._paho is None:
            return None  # a late word from a connection already given up
        if letter.what is What.UP:
            self.up = True
            self._failures = 0
            self._addresses[self._host] = self._reached
        elif letter.what is What.DOWN:
            if letter.unspoken:
                self._speak_otherwise()
            self._give_up()
        return letter

    def publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, expiry_s: float | None = None
    ) -> int | None:
        """Hand a message to the network; the number its ACKED letter will carry, or None if we are apart."""
        if not self.up or self._paho is None:
            return None
        properties = None
        if expiry_s is not None and self._protocol == paho.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own gap
            properties.MessageExpiryInterval = max(1, int(expiry_s))
        info = self._paho.publish(topic, payload, qos, retain, properties)
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def reopen(self) -> None:
        """Give the connection up as dead and open another at once."""
        self._give_up()
        self._deadline_s = 0.0

    def wake(self) -> None:
        """Let ``next`` return at once. From any thread; never blocks."""
        self._letters.put((OURS, Letter(What.WOKEN)))

    def close(self) -> None:
        """Leave the broker in order: it will not announce our will."""
        leaving = self._paho if self._answered_s else None
        self._give_up()
        if leaving is not None:
            leaving.loop_stop()

    @property
    def _host(self) -> str:
        """The one that is connected, or is to be tried."""
        return self._hosts[0]

    @property
    def _round(self) -> int:
        """So often each host has failed in a row."""
        return self._failures // len(self._hosts)

    @property
    def _where(self) -> str:
        return f"the broker at {self._host}:{self._settings.port}"

    @property
    def _due_s(self) -> float:
        """When the next attempt is due, or the one under way is over."""
        answered_s = self._answered_s if self._paho is not None else ()
        if not answered_s:
            return self._deadline_s
        return answered_s[0] + GRANTS_S[min(self._failures, len(GRANTS_S) - 1)]

    def _of_round(self, times_s: tuple[float, ...]) -> float:
        return times_s[min(self._round, len(times_s) - 1)]

    def _speak_otherwise(self) -> None:
        """Use the other version of MQTT for the next round, where the settings leave the choice."""
        last = (self._failures + 1) % len(self._hosts) == 0
        if last and self._reached and self._settings.protocol == paho.MQTTv5:
            self._protocol = paho.MQTTv311 if self._protocol == paho.MQTTv5 else paho.MQTTv5

    def _open(self) -> None:
        settings = self._settings
        five = self._protocol == paho.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._name,
            clean_session=None if five else not self._session,
            protocol=MQTTProtocolVersion(self._protocol),
            reconnect_on_failure=False,
        )
        if settings.username:
            client.username_pw_set(settings.username, self._password)
        if self._tls is not None:
            self._tls.name = self._host
            client.tls_set_context(self._tls)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=self._will.retain)
        self._listen(client)
        self._paho = client
        self._reached = ""
        client.connect_timeout = self._of_round(PATIENCE_S)
        self._deadline_s = time.monotonic() + client.connect_timeout
        properties = None
        if five and self._session:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own gap
            properties.SessionExpiryInterval = SESSION_S
        # A name that cannot be found just now had an address before: every other round goes there.
        address = self._addresses.get(self._host)
        host = address if self._round % 2 and address else self._host
        client.connect_async(
            host,
            settings.port,
            settings.keepalive_s,
            clean_start=not self._session if five else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        client.loop_start()

    def _listen(self, client: paho.Client) -> None:
        """Attach callbacks that only put letters: nothing in them can raise or wait."""
        letters = self._letters
        self._connection = number = self._connection + 1
        self._answered_s = answered_s = []
        rights = no_rights(self._settings.device, self._settings.username)

        def put(letter: Letter) -> None:
            # By number: a letter nobody reads must not keep a client and its sockets.
            letters.put((number, letter))

        def connected(_c: Any, _u: Any, _flags: Any, code: Any, _p: Any) -> None:
            if code.is_failure:
                unknown = code == "Unsupported protocol version"
                put(Letter(What.DOWN, reason=f"{self._where} refuses us: {code}", unspoken=unknown))
                return
            answered_s.append(time.monotonic())
            if self._subscriptions:
                client.subscribe(list(self._subscriptions.items()))
            else:
                put(Letter(What.UP))

        def subscribed(_c: Any, _u: Any, _mid: int, codes: list[Any], _p: Any) -> None:
            if any(code.is_failure for code in codes):
                put(Letter(What.DOWN, reason=f"{self._where} refuses a subscription"))
            else:
                put(Letter(What.UP))

        def failed(_c: Any, _u: Any) -> None:
            # paho calls this while it handles the error and does not pass it on.
            client.disconnect()
            put(Letter(What.DOWN, reason=f"cannot reach {self._where}: {_why(sys.exc_info()[1])}"))

        def disconnected(_c: Any, _u: Any, _flags: Any, code: Any, _p: Any) -> None:
            put(Letter(What.DOWN, reason=f"lost {self._where}: {code}", unspoken=not answered_s))

        def published(_c: Any, _u: Any, mid: int, code: Any, _p: Any) -> None:
            if code.is_failure:  # only MQTT 5 says so
                why = f"; {rights}" if code == "Not authorized" else ""
                reason = f"{self._where} refuses our messages: {code}{why}"
                put(Letter(What.DOWN, reason=reason, refused=True))
            else:
                put(Letter(What.ACKED, mid=mid))

        def received(_c: Any, _u: Any, message: paho.MQTTMessage) -> None:
            if len(message.payload) > self._largest_bytes or letters.qsize() >= UNREAD_LETTERS:
                self.dropped += 1
                return
            put(Letter(What.RECEIVED, 0, message.topic, bytes(message.payload), message.retain))

        def opened(_c: Any, _u: Any, sock: Any) -> None:
            # Small messages back to back would wait for each other's TCP acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._connection == number:
                self._reached = sock.getpeername()[0]

        client.on_connect = connected
        client.on_subscribe = subscribed
        client.on_connect_fail = failed
        client.on_disconnect = disconnected
        client.on_publish = published
        client.on_message = received
        client.on_socket_open = opened

    def _give_up(self) -> None:
        if self._paho is not None:
            # Its thread ends by itself, at the latest when its keepalive runs out; nobody waits for it.
            self._paho.disconnect()
            _deafen(self._paho)
            self._paho = None
        self.up = False
        # Not all in one moment: a broker that is back has them all to take in.
        self._deadline_s = time.monotonic() + self._of_round(RETRY_S) * random.uniform(0.5, 1.0)
        self._failures += 1
        self._hosts.append(self._hosts.pop(0))


def _deafen(client: paho.Client) -> None:
    """Take the callbacks off: with them a client refers to itself and keeps its sockets until collected."""
    client.on_connect = client.on_subscribe = client.on_connect_fail = client.on_disconnect = None
    client.on_publish = client.on_message = client.on_socket_open = None


def round_trip_s(settings: MqttSettings, timeout_s: float = 5.0) -> float:
    """How long a message takes to the broker and back. Raises ConnectionError, saying why it does not come.

    Under MQTT 3.1.1 a broker acknowledges also what it throws away for want of rights: only what comes back
    was passed on.
    """
    topic, word = Topics(settings.device).check, secrets.token_hex(8).encode()
    client = Client(settings, f"rearguard-check-{secrets.token_hex(4)}", {topic: 1})
    reason = f"no acknowledgement for {timeout_s:.0f} s"
    deadline_s = time.monotonic() + timeout_s
    sent_s = 0.0
    try:
        while time.monotonic() < deadline_s:
            letter = client.next(0.1)
            if letter is None:
                continue
            if letter.what is What.UP:
                sent_s = time.monotonic()
                client.publish(topic, word)
            elif letter.what is What.ACKED:
                why = no_rights(settings.device, settings.username)
                reason = f"acknowledged but not passed on: {why}"
            elif letter.payload == word:
                return time.monotonic() - sent_s
            elif letter.what is What.DOWN:
                reason = letter.reason
    finally:
        client.close()
    raise ConnectionError(reason)


def retained(settings: MqttSettings, topic: str, timeout_s: float = 1.0) -> bytes | None:
    """What the broker keeps under ``topic``; None where it keeps nothing, or cannot be reached."""
    client = Client(settings, f"rearguard-check-{secrets.token_hex(4)}", {topic: 1})
    deadline_s = time.monotonic() + timeout_s
    try:
        while time.monotonic() < deadline_s:
            letter = client.next(0.1)
            if letter is not None and letter.what is What.RECEIVED and letter.retained:
                return letter.payload
    finally:
        client.close()
    return None


class _Named(ssl.SSLContext):
    """The certificate must bear the name of the settings, also where we go by the last good address."""

    name = ""

    def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:  # type: ignore[override]  # its own names each option
        return super().wrap_socket(sock, **options | {"server_hostname": self.name})


def _tls(settings: MqttSettings) -> _Named:
    """Raises SecretError: what is wrong, and with which file."""
    file = settings.ca_file or "the system's certificates"
    try:
        context = _Named(ssl.PROTOCOL_TLS_CLIENT)
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
        else:
            context.load_default_certs()
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's OpenSSL offers older ones
        if settings.certificate_file:
            file = " and ".join(filter(None, (settings.certificate_file, settings.key_file)))
            check_secret(Path(settings.key_file or settings.certificate_file))
            # Without a word for it OpenSSL would ask the terminal for an encrypted key's.
            context.load_cert_chain(settings.certificate_file, settings.key_file or None, lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SecretError(
            f"cannot use {file}: expected PEM, a key without a passphrase; found: {error}"
        ) from None
    return context


def _why(error: BaseException | None) -> str:
    """What ``error`` says, without its number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error)
