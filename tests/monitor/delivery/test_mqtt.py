"""The client's way into a broker: secrets, certificates, refusals said in words."""

import contextlib
import gc
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.delivery import mqtt as mqtt_file
from monitor.delivery.credentials import SecretError, password
from monitor.delivery.mqtt import Client, Letter, MqttSettings, What, round_trip_s
from tests.pulse import PATIENCE_S, wait_until


def secret(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text("swordfish\n")
    path.chmod(mode)
    return path


def test_a_broker_that_answers_has_a_round_trip(mqtt: MqttSettings) -> None:
    assert round_trip_s(mqtt, PATIENCE_S) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_a_broker_that_does_not_is_an_error_in_words(host: str, free_port: int) -> None:
    with pytest.raises(ConnectionError, match=f"the broker at {host}:{free_port}"):
        round_trip_s(MqttSettings(host=host, port=free_port), 1.0)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_a_password_is_read_from_a_file_of_its_owner(tmp_path: Path, mode: int) -> None:
    assert password("walker", str(secret(tmp_path, mode))) == "swordfish"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o660])
def test_a_password_that_others_could_read_or_change_is_refused_and_not_shown(
    tmp_path: Path, mode: int
) -> None:
    with pytest.raises(SecretError, match="chmod 600") as refusal:
        password("walker", str(secret(tmp_path, mode)))
    assert "swordfish" not in str(refusal.value)


def test_a_password_may_come_from_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt_password").write_text("from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert password("walker", "") == "from systemd"


def test_an_account_without_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SecretError, match="password_file"):
        Client(MqttSettings(username="walker"), "x")


@pytest.mark.parametrize("key", ["ca_file", "certificate_file", "key_file"])
@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_certificate_that_is_missing_or_damaged_is_said_in_words_before_anything_runs(
    tmp_path: Path, key: str, content: str | None
) -> None:
    path = tmp_path / "bad.pem"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    files = {key: str(path)} | ({"certificate_file": str(path)} if key == "key_file" else {})
    with pytest.raises(SecretError, match=r"bad\.pem"):
        Client(MqttSettings(tls=True, **files), "x")  # type: ignore[arg-type]  # all are text


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-passout", "pass:swordfish", "-days", "2"),
            *("-subj", "/CN=walker", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    with pytest.raises(SecretError, match="passphrase"):
        Client(MqttSettings(tls=True, certificate_file=str(certificate), key_file=str(key)), "x")


def test_whatever_opening_a_connection_raises_is_a_broker_out_of_reach_and_tried_again(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no more threads")

    monkeypatch.setattr("paho.mqtt.client.Client.loop_start", fail)
    client = Client(MqttSettings(host="127.0.0.1", port=free_port), "x")
    letter = client.next(0.0)
    assert letter is not None
    assert letter.what is What.DOWN
    assert "no more threads" in letter.reason
    assert client.next(0.0) is None  # after a pause
    client.close()


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="no file"):
        password("walker", str(tmp_path))


@pytest.mark.parametrize(
    "host", ["", " ", "a b", "x" * 64, "a..b", "nul\0", "https://broker", "a,", ",a", "a,b:1883"]
)
def test_a_host_that_no_broker_can_have_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="host"):
        MqttSettings(host=host)


def test_a_broker_away_for_long_costs_no_file_descriptors(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    client = Client(MqttSettings(host="127.0.0.1", port=free_port), "x")
    gc.collect()
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/fd"))
        downs = 0
        while downs < 50:
            letter = client.next(0.1)
            downs += letter is not None and letter.what is What.DOWN
        client.close()
        wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before + 6)
    finally:
        gc.enable()


def test_small_messages_do_not_wait_for_each_other(mqtt: MqttSettings) -> None:
    client = Client(mqtt, "undelayed")
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert client._paho is not None
    opened = client._paho.socket()
    assert isinstance(opened, socket.socket)
    assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    client.close()


def test_an_encryption_that_is_broken_is_not_offered() -> None:
    assert mqtt_file._tls(MqttSettings(tls=True)).minimum_version >= ssl.TLSVersion.TLSv1_2


GRANTS = ("grants", "grants when asked to", "grants nothing", "forbids", "sends first")


class OldBroker:
    """Knows MQTT 3.1.1 only; ``manner`` is how it meets what it does not know, or a subscription."""

    def __init__(self, manner: str, address: str = "127.0.0.1", port: int = 0) -> None:
        self._manner = manner
        self._listener = socket.create_server((address, port))
        self.port = int(self._listener.getsockname()[1])
        self.versions: list[int] = []
        self.may_grant = threading.Event()
        self.left = b""
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._open.append(near)
                version = near.recv(1024)[8]  # after the fixed header and "MQTT"
                self.versions.append(version)
                if self._manner == "is mute":
                    continue
                if self._manner == "refuses":
                    near.sendall(b"\x20\x02\x00\x03")
                elif version == 4:
                    near.sendall(b"\x20\x02\x00\x00")
                    if self._manner in GRANTS:
                        self._subscribed(near)
                elif self._manner == "says so":
                    near.sendall(b"\x20\x02\x00\x01")
                elif self._manner == "closes":
                    near.shutdown(socket.SHUT_RDWR)

    def _subscribed(self, near: socket.socket) -> None:
        number = near.recv(1024)[2:4]
        if self._manner == "sends first":
            near.sendall(b"\x30\x05\x00\x01tok")
        elif self._manner == "grants when asked to":
            self.may_grant.wait(PATIENCE_S)
        if self._manner != "grants nothing":
            near.sendall(b"\x90\x03" + number + (b"\x80" if self._manner == "forbids" else b"\x00"))
        if self._manner == "grants when asked to":
            self.left = near.recv(1024)

    def close(self) -> None:
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.mark.parametrize("manner", ["says so", "closes", "says nothing"])
def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_it(
    manner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.PATIENCE_S", (1.0,))
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    broker = OldBroker(manner)
    client = Client(MqttSettings(host="127.0.0.1", port=broker.port), "x")
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert broker.versions == [5, 4]
    client.reopen()
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert broker.versions == [5, 4, 4]  # what it knows it is spoken to in from now on
    client.close()
    broker.close()


def subscriber(broker: OldBroker) -> Client:
    return Client(MqttSettings(host="127.0.0.1", port=broker.port, protocol=4), "x", {"t": 1})


def letters_until(client: Client, condition: Callable[[], bool]) -> list[Letter]:
    letters: list[Letter] = []

    def read() -> bool:
        if (letter := client.next(0.1)) is not None:
            letters.append(letter)
        return condition()

    wait_until(read)
    return letters


def test_a_broker_that_is_slow_to_grant_a_subscription_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.GRANTS_S", (PATIENCE_S,))
    broker = OldBroker("grants when asked to")
    client = subscriber(broker)
    wait_until(lambda: (client.next(0.1), client._answered_s)[1])
    client._deadline_s = 0.0  # for connecting alone
    assert client.next(0.1) is None
    assert not client.up
    assert client.publish("t", b"too soon") is None
    broker.may_grant.set()
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert broker.versions == [4]  # on the first connection
    client.close()
    broker.close()


@pytest.mark.parametrize(
    ("manner", "words"),
    [("grants nothing", "has not granted our subscriptions"), ("forbids", "refuses a subscription")],
)
def test_a_broker_that_does_not_grant_a_subscription_is_left_and_in_the_same_version(
    manner: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if manner == "grants nothing":
        monkeypatch.setattr("monitor.delivery.mqtt.GRANTS_S", (0.1,))
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    broker = OldBroker(manner)
    settings = MqttSettings(host="127.0.0.1", port=broker.port)
    client = Client(settings, "x", {"t": 1})
    client._protocol = 4  # found out before
    downs = letters_until(client, lambda: len(broker.versions) > 2)
    assert set(broker.versions) == {4}
    assert len(downs) >= 2
    assert all(letter.what is What.DOWN and words in letter.reason for letter in downs)
    assert client._failures >= 2  # it is more patient each time
    client.close()
    broker.close()


def test_a_host_that_grants_nothing_is_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.GRANTS_S", (1.0,))
    nodes, client = cluster(("grants nothing", "grants"), {"t": 1})
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert client._host == "127.0.0.2"
    client.close()
    for node in nodes:
        node.close()


def test_a_grant_that_waits_to_be_read_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor what a session sent with it, which is acknowledged at the broker."""
    broker = OldBroker("sends first")
    client = subscriber(broker)
    client.next(0.0)
    wait_until(lambda: client._letters.qsize() == 2)
    monkeypatch.setattr("monitor.delivery.mqtt.GRANTS_S", (0.0,))
    assert [letter.what for letter in (client.next(0.1), client.next(0.1)) if letter] == [
        What.RECEIVED,
        What.UP,
    ]
    client.close()
    broker.close()


def test_who_leaves_before_a_subscription_is_granted_leaves_in_order() -> None:
    """Its last will is not announced."""
    broker = OldBroker("grants when asked to")
    client = subscriber(broker)
    wait_until(lambda: (client.next(0.1), client._answered_s)[1])
    assert client._paho is not None
    network = client._paho._thread
    client.close()
    assert network is not None
    assert not network.is_alive()  # the process may end now
    broker.may_grant.set()
    wait_until(lambda: broker.left == b"\xe0\x00")
    broker.close()


def test_what_comes_before_a_subscription_is_granted_is_not_lost() -> None:
    """A session's messages are acknowledged by the network library as they come."""
    broker = OldBroker("sends first")
    client = subscriber(broker)
    letters = letters_until(client, lambda: client.up)
    found = [(letter.what, letter.payload) for letter in letters]
    assert found == [(What.RECEIVED, b"ok"), (What.UP, b"")]
    client.close()
    broker.close()


def test_clients_that_lost_one_broker_do_not_all_come_back_in_one_moment(free_port: int) -> None:
    settings = MqttSettings(host="127.0.0.1", port=free_port)
    clients = [Client(settings, "x") for _ in range(20)]
    pauses_s = []
    for client in clients:
        client._give_up()
        pauses_s.append(client._deadline_s - time.monotonic())
    assert max(pauses_s) <= mqtt_file.RETRY_S[0]
    assert max(pauses_s) - min(pauses_s) > 0.1 * mqtt_file.RETRY_S[0]


def cluster(
    manners: tuple[str, str], subscriptions: dict[str, int] | None = None
) -> tuple[list[OldBroker], Client]:
    """Two nodes at one port, and a client that knows both."""
    nodes = [OldBroker(manners[0])]
    nodes.append(OldBroker(manners[1], "127.0.0.2", nodes[0].port))
    hosts = "127.0.0.1,127.0.0.2"
    return nodes, Client(MqttSettings(host=hosts, port=nodes[0].port, protocol=4), "x", subscriptions)


def test_where_one_host_is_gone_the_next_is_tried() -> None:
    nodes, client = cluster(("says so", "says so"))
    wait_until(lambda: (client.next(0.1), client.up)[1])
    first = next(node for node in nodes if node.versions)
    first.close()
    wait_until(lambda: (client.next(0.1), not client.up)[1])
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert [len(node.versions) for node in nodes] == [1, 1]
    client.close()
    for node in nodes:
        node.close()


@pytest.mark.parametrize("manner", ["is mute", "refuses"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_host_that_takes_connections_and_does_not_serve_keeps_nobody(
    manner: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.PATIENCE_S", (0.5,))
    nodes, client = cluster((manner, "says so") if first == 0 else ("says so", manner))
    wait_until(lambda: (client.next(0.1), client.up)[1])
    good = nodes[1 - first]
    assert len(good.versions) == 1
    client.close()
    for node in nodes:
        node.close()


def test_each_host_is_asked_in_both_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.PATIENCE_S", (0.5,))
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    nodes, client = cluster(("is mute", "says so"))
    client.close()
    client = Client(MqttSettings(host="127.0.0.1,127.0.0.2", port=nodes[0].port), "x")
    wait_until(lambda: (client.next(0.1), client.up)[1])
    assert nodes[1].versions == [5, 4]
    client.close()
    for node in nodes:
        node.close()


def test_clients_of_one_list_do_not_all_begin_at_the_same_host() -> None:
    settings = MqttSettings(host="a,b,c")
    assert {Client(settings, "x")._host for _ in range(100)} == {"a", "b", "c"}


def test_the_certificate_must_bear_the_name_that_was_tried(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    client = Client(MqttSettings(host="127.0.0.1,127.0.0.2", port=free_port, tls=True), "x")
    context = client._tls
    assert context is not None
    seen = set()
    for _ in range(4):
        wait_until(lambda: (letter := client.next(0.1)) is not None and letter.what is What.DOWN)
        assert context.name in ("127.0.0.1", "127.0.0.2")
        seen.add(context.name)
    assert len(seen) == 2
    client.close()


def test_a_slow_name_server_is_waited_for(mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.PATIENCE_S", (0.2, 0.4, 0.8, 1.6, 3.2))
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    find = socket.getaddrinfo

    def slowly(*args: Any, **options: Any) -> Any:
        time.sleep(1.0)
        return find(*args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    client = Client(mqtt, "x")
    wait_until(lambda: (client.next(0.1), client.up)[1])
    client.close()


def test_an_address_that_was_good_is_kept_for_when_the_name_cannot_be_found(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.mqtt.RETRY_S", (0.0,))
    client = Client(replace(mqtt, host="localhost"), "x")
    wait_until(lambda: (client.next(0.1), client.up)[1])
    find = socket.getaddrinfo

    def lost(host: str, *args: Any, **options: Any) -> Any:
        if host == "localhost":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return find(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lost)
    client.reopen()
    wait_until(lambda: (client.next(0.1), client.up)[1])
    client.close()
