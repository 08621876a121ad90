"""The page as it is served: what it refuses to start with, TLS, strangers' connections, and its end."""

import logging
import os
import pty
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from monitor.core.vocabulary import InputKind, RearguardError
from monitor.delivery import certificates
from monitor.delivery.credentials import SecretError
from monitor.delivery.mqtt import MqttSettings
from monitor.page_process import COMMAND, HANDED_OVER, Order
from monitor.spotter.page import serve as serve_file
from monitor.spotter.page.app import COOKIE
from monitor.spotter.page.door import INVITATION_S, Door, DoorError
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR, PUSH_KEY
from monitor.spotter.page.push import PushError
from monitor.spotter.page.serve import PageError, _place, serve
from tests.monitor.spotter.test_terminal import own_terminal
from tests.page_site import NOBODY, Site, Visitor, raw
from tests.pulse import PATIENCE_S, Pulse, wait_until

OPEN = PageSettings(host="127.0.0.2")
"""Not the loopback address, so as if other machines reached it; none does."""


# ---------------------------------------------------------------- what it refuses to start with


def refused(
    kind: type[RearguardError], folder: Path, settings: PageSettings, mqtt: MqttSettings = NOBODY
) -> str:
    """In which words it does not start."""
    with pytest.raises(kind) as why:
        Site(folder, mqtt, settings).start()
    return str(why.value)


def test_open_to_the_network_and_nobody_paired_it_does_not_start_and_says_what_to_do(tmp_path: Path) -> None:
    words = refused(PageError, tmp_path, OPEN)
    assert "page.host is 127.0.0.2, which other machines reach, and nobody is paired" in words
    assert "rearguard page pair NAME" in words
    assert "set page.host to 127.0.0.1" in words


def test_an_invitation_that_has_expired_or_somebody_who_was_put_out_is_nobody(tmp_path: Path) -> None:
    with closing(Door(tmp_path / DOOR)) as door:
        door.invite("Eva", time.time() - INVITATION_S - 1)
        door.invite("Tom", time.time())
        door.put_out("Tom")
    assert "nobody is paired" in refused(PageError, tmp_path, OPEN)


def test_open_to_the_network_it_starts_once_somebody_is_invited(tmp_path: Path) -> None:
    with closing(Door(tmp_path / DOOR)) as door:
        door.invite("Eva", time.time())
    with Site(tmp_path, settings=OPEN) as site:
        assert site.said == f"http://{socket.gethostname()}.local:{site.port}/"
        with socket.create_connection((OPEN.host, site.port), timeout=PATIENCE_S):
            pass


def test_closed_to_the_network_it_needs_nobody(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        assert site.said == f"http://127.0.0.1:{site.port}/"
        assert site.visitor().get("/").status == 200
    assert site.status == 0


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PageError) as why:
            Site(tmp_path, port=port).start()
    assert str(why.value) == (
        f"cannot listen on 127.0.0.1, port {port}: Address already in use; set page.host or page.port"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "x" * 64 + ".example"])
def test_an_address_that_is_not_this_machine_s_is_said(host: str, tmp_path: Path) -> None:
    with closing(Door(tmp_path / DOOR)) as door:
        door.invite("Eva", time.time())
    words = refused(PageError, tmp_path, PageSettings(host=host))
    assert words.startswith(f"cannot listen on {host}, port 0: ")
    assert words.endswith("; set page.host or page.port")


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "set page.folder" in refused(DoorError, tmp_path / "file" / "folder", PageSettings())


def test_push_without_its_keys_is_said(tmp_path: Path) -> None:
    settings = PageSettings(push_contact="mailto:eva@example.org")
    assert "no key for push" in refused(PushError, tmp_path, settings)
    (tmp_path / PUSH_KEY).write_text("nonsense")
    (tmp_path / PUSH_KEY).chmod(0o600)
    assert "expected a P-256 key" in refused(PushError, tmp_path, settings)


def test_a_broker_s_password_that_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    words = refused(SecretError, tmp_path, PageSettings(), replace(NOBODY, username="page"))
    assert "set password_file" in words


# ---------------------------------------------------------------- TLS

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and a certificate and key of 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("ca.key", "page.key"):
        (folder / name).write_text(certificates.key())
        (folder / name).chmod(0o600)
    (folder / "ca.crt").write_text(certificates.authority(folder / "ca.key"))
    signed = certificates.server(folder / "page.key", ["127.0.0.1"], folder / "ca.crt", folder / "ca.key")
    (folder / "page.crt").write_text(signed)
    return folder


def with_tls(folder: Path, certificate: str = "page.crt", key: str = "page.key") -> PageSettings:
    return PageSettings(certificate_file=str(folder / certificate), key_file=str(folder / key))


def encrypt(key: Path, locked: Path) -> None:
    """With a passphrase."""
    words = ["openssl", "pkcs8", "-topk8", "-passout", "pass:secret", "-in", str(key), "-out", str(locked)]
    subprocess.run(words, check=True, capture_output=True)
    locked.chmod(0o600)


@needs_openssl
def test_under_tls_cookie_headers_and_origins_are_for_https_only(tmp_path: Path, authority: Path) -> None:
    with Site(tmp_path, settings=with_tls(authority)) as site:
        assert site.said == f"https://127.0.0.1:{site.port}/"
        visitor = Visitor(site, tls=ssl.create_default_context(cafile=authority / "ca.crt"))
        body = {"word": site.invite("Eva").link}
        for origin in (f"http://127.0.0.1:{site.port}", "https://evil.example"):
            assert visitor.post("/enter", body, {"Origin": origin}).status == 403
        entered = visitor.post("/enter", body)
        assert entered.status == 200
        assert visitor.cookie.startswith(f"{COOKIE}=")
        words = {word.lower() for word in entered.headers["set-cookie"].split("; ")}
        assert {"secure", "httponly", "samesite=strict"} <= words
        me = visitor.get("/me")
        assert me.said["tls"]
        for reply in (entered, me, visitor.get("/"), visitor.get("/nothing")):
            assert reply.headers["strict-transport-security"] == "max-age=31536000"
        with visitor.live() as live:
            assert live.until("all")["you"] == "Eva"


@needs_openssl
def test_under_tls_nothing_is_said_in_the_clear(tmp_path: Path, authority: Path) -> None:
    with Site(tmp_path, settings=with_tls(authority)) as site, raw(site) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert closed(plain)


@needs_openssl
def test_certificates_that_cannot_be_used_are_said(tmp_path: Path, authority: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "other.key").write_text(certificates.key())
    encrypt(authority / "page.key", folder / "locked.key")
    (folder / "nonsense").write_text("nonsense")
    shutil.copy(authority / "page.key", folder / "open.key")
    for file in folder.iterdir():
        file.chmod(0o644 if file.name == "open.key" else 0o600)
    there = str(authority / "page.crt")
    for certificate, key in (
        (there, "other.key"),
        (there, "locked.key"),
        (there, "nonsense"),
        ("nonsense", "other.key"),
        ("missing", "other.key"),
    ):
        words = refused(PageError, tmp_path, with_tls(folder, certificate, key))
        assert "page.certificate_file and page.key_file cannot be used" in words
        assert "rearguard page certificate" in words
    assert "chmod 600" in refused(SecretError, tmp_path, with_tls(folder, there, "open.key"))
    assert "missing" in refused(SecretError, tmp_path, with_tls(folder, there, "missing"))


@needs_openssl
def test_a_key_with_a_passphrase_asks_nobody_for_it(tmp_path: Path, authority: Path) -> None:
    """OpenSSL would, at the terminal, and wait."""
    encrypt(authority / "page.key", tmp_path / "locked.key")
    settings = with_tls(authority, key=str(tmp_path / "locked.key"))
    order = Order(NOBODY, settings, str(tmp_path), "test", 0)
    own, its = pty.openpty()
    with subprocess.Popen(
        COMMAND,
        env={**os.environ, HANDED_OVER: msgspec.json.encode(order).decode()},
        stdin=its,
        stdout=its,
        stderr=its,
        preexec_fn=own_terminal,
    ) as process:
        os.close(its)
        said = b""
        with suppress(OSError):  # EIO: nobody is at the other end any more
            while b"pass phrase" not in said and (more := os.read(own, 4096)):
                said += more
        process.kill()
    os.close(own)
    assert b"cannot be used" in said


# ---------------------------------------------------------------- strangers' connections


def closed(connection: socket.socket) -> bool:
    """Has the other end closed it, without a word?"""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def asks(connection: socket.socket) -> bytes:
    """The first line of what it is answered."""
    connection.sendall(b"GET /me HTTP/1.1\r\nHost: x\r\n\r\n")
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(4096)
    return said.partition(b"\r\n")[0]


def test_one_address_cannot_take_every_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_file, "OF_ONE_ADDRESS", 5)
    monkeypatch.setattr(serve_file, "ASKED_S", 1e6)
    with Site(tmp_path) as site, ExitStack() as opened:
        own = [opened.enter_context(raw(site)) for _ in range(5)]
        for connection in own:
            assert asks(connection) == b"HTTP/1.1 401 Unauthorized"
        for _ in range(5):
            assert closed(opened.enter_context(raw(site)))
        elsewhere = socket.create_connection(
            ("127.0.0.1", site.port), timeout=PATIENCE_S, source_address=("127.0.0.3", 0)
        )
        assert asks(opened.enter_context(elsewhere)) == b"HTTP/1.1 401 Unauthorized"
        own[0].close()
        wait_until(lambda: len(site.server.server_state.connections) <= 5)
        assert asks(opened.enter_context(raw(site))) == b"HTTP/1.1 401 Unauthorized"


def test_all_together_have_a_limit_too_and_who_is_there_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_file, "CONNECTIONS", 5)
    monkeypatch.setattr(serve_file, "ASKED_S", 1e6)
    with Site(tmp_path) as site, ExitStack() as opened:
        visitor = site.visitor("Eva")
        wait_until(lambda: not site.server.server_state.connections)
        with visitor.live() as live:
            live.until("all")
            for number in range(2, 6):
                connection = socket.create_connection(
                    ("127.0.0.1", site.port), timeout=PATIENCE_S, source_address=(f"127.0.0.{number}", 0)
                )
                opened.enter_context(connection)
            assert closed(opened.enter_context(raw(site)))
            live.until("tile")
            live.until("tile")


def test_a_connection_that_asks_for_nothing_ends_and_a_stream_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve_file, "ASKED_S", 0.3)
    with Site(tmp_path) as site, site.visitor("Eva").live() as live, ExitStack() as opened:
        live.until("all")
        silent, begun = (opened.enter_context(raw(site)) for _ in range(2))
        begun.sendall(b"GET /me HTTP/1.1\r\nHost: ")  # and never goes on
        assert closed(silent)
        assert closed(begun)
        live.until("tile")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),  # one machine may have a whole network of these
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),  # as an IPv6 socket names IPv4
        ("::ffff:192.0.2.1", "192.0.2.1", True),
    ],
)
def test_a_place_is_an_address_or_a_network_of_ipv6(one: str, other: str, same: bool) -> None:
    class At:
        def __init__(self, host: str) -> None:
            self.client = (host, 1)

    assert (_place(At(one)) == _place(At(other))) == same  # type: ignore[arg-type]  # all of it that is asked


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 32_768,
        b"GET /live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"POST /enter HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345",
        b"GET /me HTTP/1.1\r\nHost: x\r\nCookie: rearguard=\xff\xfe; \xff\r\n\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: \xff\r\n\r\n",
    ],
)
def test_what_strangers_send_is_refused_and_not_even_written_down(
    sent: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Site(tmp_path) as site:
        with raw(site) as stranger:
            stranger.sendall(sent)
            assert stranger.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 403", b"HTTP/1.1 404")
        assert site.visitor().get("/").status == 200
    written = [
        record for record in caplog.records if record.name.startswith(("uvicorn", "asyncio", "monitor"))
    ]
    assert [record for record in written if record.levelno >= logging.WARNING] == []


# ---------------------------------------------------------------- its beginning and its end


def test_when_it_says_where_it_is_it_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_file._Server, "run", lambda self, sockets: None)
    reached = []

    def ready(address: str) -> None:
        port = int(address.rstrip("/").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S):
            reached.append(port)

    assert serve(NOBODY, PageSettings(), tmp_path, "test", ready, 0) == 1  # it never started
    assert len(reached) == 1


def test_the_devices_of_the_settings_are_shown(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> None:
    settings = PageSettings(devices=f" {mqtt.device}  another ")
    with Site(tmp_path, replace(mqtt, device="unused"), settings) as site, site.visitor("Eva").live() as live:
        whole = live.until("all")
        assert set(whole["strips"]) == {mqtt.device, "another"}
        tiles = {tile["device"]: tile for tile in whole["tiles"]}
        while tiles.get(mqtt.device, {"look": ""})["look"] != "safe" or len(tiles) < 2:
            tile = live.until("tile")
            tiles[tile["device"]] = tile
        assert {device: tile["look"] for device, tile in tiles.items()} == {
            mqtt.device: "safe",
            "another": "no_signal",
        }


def test_at_its_end_streams_end_and_the_device_learns_that_nobody_listens(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(tmp_path, mqtt)
    site.start()
    visitor = site.visitor("Eva")
    with visitor.live() as live:
        live.until("tile", lambda tile: tile["look"] == "safe")
        visitor.pulse()
        wait_until(lambda: InputKind.SPOTTER_HERE in pulse.kinds())
        site.stop()
        assert {kind for kind, _ in live.events()} <= {"tile", "people"}
    assert site.status == 0
    wait_until(lambda: InputKind.SPOTTER_GONE in pulse.kinds())
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_it_can_be_started_again_at_once_at_the_same_place(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        visitor = site.visitor("Eva")
        port = site.port
        with visitor.live() as live:
            live.until("all")
    with Site(tmp_path, port=port) as again:
        assert Visitor(again, visitor.cookie).get("/me").said["name"] == "Eva"
    assert sorted(os.listdir(tmp_path)) == [DOOR]  # SQLite's own files end with it
