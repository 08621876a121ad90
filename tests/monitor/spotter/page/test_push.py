"""Web Push against a push service and a phone played here, which read what arrives by code of their own."""

import hashlib
import hmac
import json
import logging
import re
import socket
import ssl
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256

from monitor.spotter.page import push
from monitor.spotter.page.push import (
    LONGEST_BYTES,
    Outcome,
    PushError,
    Sender,
    Subscription,
    authorization,
    encrypt,
    make_keys,
    message,
    subscription_of,
)

CONTACT = "mailto:eva@example.org"
PUBLIC = "https://push.example.net/send/abc?token=1"
PATH = "/send/s3cret-Path?token=hidden"
P256 = ec.SECP256R1()


def raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


class Phone:
    """A browser's side: its keys, and reading what was encrypted for it (RFC 8188, RFC 8291)."""

    def __init__(self, key: ec.EllipticCurvePrivateKey | None = None, auth: bytes = b"0123456789abcdef"):
        self.key = key or ec.generate_private_key(P256)
        self.auth = auth

    def posted(self, endpoint: str = PUBLIC) -> dict[str, Any]:
        keys = {"p256dh": text(point(self.key)), "auth": text(self.auth)}
        return {"endpoint": endpoint, "expirationTime": None, "keys": keys, "other": 1}

    def subscription(self, endpoint: str = PUBLIC) -> Subscription:
        return subscription_of(self.posted(endpoint), any_host=True)

    def read(self, body: bytes) -> bytes:
        salt, record_size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= record_size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(P256, sender))
        secret = derived(self.auth, shared, b"WebPush: info\0" + point(self.key) + sender, 32)
        content_key = derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = derived(salt, secret, b"Content-Encoding: nonce\0", 12)
        reading = Cipher(algorithms.AES(content_key), modes.GCM(nonce, record[-16:])).decryptor()
        padded = (reading.update(record[:-16]) + reading.finalize()).rstrip(b"\0")
        assert padded[-1:] == b"\2"
        return padded[:-1]


def derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF (RFC 5869), for one block."""
    extracted = hmac.digest(salt, secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\1", hashlib.sha256)[:length]


def claims(header: str) -> dict[str, Any]:
    """What the header of authorization claims. Raises InvalidSignature."""
    found = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)", header)
    assert found is not None
    head, body, signature, key = found.groups()
    assert json.loads(raw(head)) == {"typ": "JWT", "alg": "ES256"}
    numbers = raw(signature)
    assert len(numbers) == 64
    r, s = (int.from_bytes(half, "big") for half in (numbers[:32], numbers[32:]))
    signer = ec.EllipticCurvePublicKey.from_encoded_point(P256, raw(key))
    signer.verify(encode_dss_signature(r, s), f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    return json.loads(raw(body))


class Service:
    """A push service: what it was sent, and the status and headers that it answers with."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.endpoint = f"{self.origin}{PATH}"
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 201
        self.headers: dict[str, str] = {}


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Service]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.received.append((self.path, dict(self.headers), body))
            self.send_response(here.status)
            for name, value in here.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b'{"reason": "' + PATH.encode() + b'"}')

        do_GET = do_POST  # noqa: N815  where a redirect would lead

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    here = Service(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as here:
        yield here


@pytest.fixture
def sender(tmp_path: Path) -> Sender:
    make_keys(tmp_path / "push.pem")
    return Sender(tmp_path / "push.pem", CONTACT)


RFC_PLAIN = b"When I grow up, I want to be a watermelon"
RFC_BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK"
    "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
RFC_PHONE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
RFC_PHONE_POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
RFC_SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RFC_AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
RFC_SALT = "DGv6ra1nlYgDCS1FRnbzlw"


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(raw(text), "big"), P256)


def test_the_example_of_rfc_8291_is_reproduced() -> None:
    phone = Subscription(PUBLIC, RFC_PHONE_POINT, RFC_AUTH)
    body = encrypt(RFC_PLAIN, phone, salt=raw(RFC_SALT), key=private(RFC_SENDER))
    assert text(body) == RFC_BODY


def test_the_phone_of_these_tests_reads_the_example_of_rfc_8291() -> None:
    assert Phone(private(RFC_PHONE), raw(RFC_AUTH)).read(raw(RFC_BODY)) == RFC_PLAIN


@pytest.mark.parametrize("size", [0, 1, LONGEST_BYTES])
def test_a_phone_reads_its_messages_up_to_the_longest(size: int) -> None:
    phone = Phone()
    body = encrypt(b"x" * size, phone.subscription())
    assert len(body) == size + 103
    assert len(body) <= 4096
    assert phone.read(body) == b"x" * size


def test_a_message_that_is_too_long_is_refused() -> None:
    with pytest.raises(PushError, match="at most 3993 bytes, found 3994"):
        encrypt(b"x" * (LONGEST_BYTES + 1), Phone().subscription())


@pytest.mark.parametrize("place", [0, 86, -1])
def test_a_phone_does_not_read_what_was_changed(place: int) -> None:
    phone = Phone()
    body = bytearray(encrypt(b"fall", phone.subscription()))
    body[place] ^= 1
    with pytest.raises(InvalidTag):
        phone.read(bytes(body))


def test_another_phone_does_not_read_it() -> None:
    body = encrypt(b"fall", Phone().subscription())
    with pytest.raises(InvalidTag):
        Phone().read(body)


def test_no_two_messages_have_a_key_or_salt_in_common() -> None:
    phone = Phone().subscription()
    one, other = encrypt(b"fall", phone), encrypt(b"fall", phone)
    assert one[:16] != other[:16]
    assert one[21:86] != other[21:86]


@pytest.mark.parametrize(
    ("endpoint", "origin"),
    [
        (PUBLIC, "https://push.example.net"),
        ("https://push.example.net:443/a:443", "https://push.example.net"),
        ("http://127.0.0.1:8443/a", "http://127.0.0.1:8443"),
    ],
)
def test_the_authorization_is_signed_for_twelve_hours_and_one_service(endpoint: str, origin: str) -> None:
    key = ec.generate_private_key(P256)
    header = authorization(key, endpoint, CONTACT, 1_800_000_000.9)
    assert claims(header) == {"aud": origin, "exp": 1_800_043_200, "sub": CONTACT}
    assert header.endswith(f", k={text(point(key))}")


def test_an_authorization_of_another_key_is_found_out() -> None:
    header = authorization(ec.generate_private_key(P256), PUBLIC, CONTACT, 0.0)
    other = text(point(ec.generate_private_key(P256)))
    with pytest.raises(InvalidSignature):
        claims(f"{header.partition(', k=')[0]}, k={other}")


def test_numbers_of_a_signature_keep_their_leading_zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.spotter.page.push.utils.decode_dss_signature", lambda _: (1, 2**255))
    header = authorization(ec.generate_private_key(P256), PUBLIC, CONTACT, 0.0)
    signature = raw(header.partition(",")[0].rpartition(".")[2])
    assert signature == bytes(31) + b"\1\x80" + bytes(31)


def test_what_a_browser_posts_is_a_subscription() -> None:
    phone = Phone()
    posted = phone.posted("https://updates.push.services.example.com/wpush/v2/gAAA-_~%20:@!$&'()*+,;=")
    found = subscription_of(posted)
    assert (found.endpoint, found.p256dh) == (posted["endpoint"], posted["keys"]["p256dh"])
    assert raw(found.auth) == phone.auth
    padded = {name: f"{value}{'=' * (-len(value) % 4)}" for name, value in posted["keys"].items()}
    assert subscription_of({**posted, "keys": padded}).auth.endswith("==")


def test_a_subscription_does_not_show_its_secrets() -> None:
    assert repr(Phone().subscription()) == "Subscription()"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "push.example.net/a",
        "http://push.example.net/a",
        "HTTPS://push.example.net/a",
        "ftp://push.example.net/a",
        "file:///etc/hostname",
        "https:///a",
        "https://push.example.net",
        "https://push.example.net:8443/a",
        "https://eva:secret@push.example.net/a",
        "https://eva@push.example.net/a",
        "https://push.example.net@router/a",
        "https://push.example.net\\@router/a",
        "https://push/a",
        "https://push./a",
        "https://.example.net/a",
        "https://push..net/a",
        "https://push.example.net./a",
        "https://-push.example.net/a",
        "https://push_service.example.net/a",
        f"https://{'a' * 64}.example.net/a",
        "https://localhost/a",
        "https://localhost./a",
        "https://phone.localhost/a",
        "https://raspberrypi.local/a",
        "https://nas.lan/a",
        "https://router.home.arpa/a",
        "https://metadata.google.internal/a",
        "https://192.168.1.1/a",
        "https://127.1/a",
        "https://127.0.0.0x1/a",
        "https://0x7f000001/a",
        "https://2130706433/a",
        "https://[::1]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://push.example.net/a b",
        "https://push.example.net/a\r\nHost: router",
        "https://push.example.net/a\n",
        "https://push.example.net/a\x7f",
        "https://push.example.net/a#b",
        "https://push.example.net/ü",
        "https://püsh.example.net/a",
        "https://push.example.net?a",
        "https://push.example.net/".ljust(1001, "a"),
        "http://127.0.0.1:8080/a",
        "http://localhost:8080/a",
    ],
)
def test_only_a_public_push_service_is_taken(endpoint: str) -> None:
    with pytest.raises(PushError, match="expected the https address of a public push service") as raised:
        subscription_of(Phone().posted(endpoint))
    assert not endpoint or endpoint not in str(raised.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:8080@router/a",
        "http://127.0.0.1:8080",
        "http://127.0.0.2:8080/a",
        "http://push.example.net/a",
        "https://router/a",
    ],
)
def test_for_tests_loopback_alone_is_taken_too(endpoint: str) -> None:
    subscription_of(Phone().posted("http://127.0.0.1:8080/a"), any_host=True)
    with pytest.raises(PushError):
        subscription_of(Phone().posted(endpoint), any_host=True)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://push.example.net/".ljust(1000, "a"),
        "https://push.example.net:443/a",
        "https://push.local.example/a",
        "https://push.xn--p1ai/a",
    ],
    ids=["long", "port", "local", "punycode"],
)
def test_other_public_push_services_are_taken(endpoint: str) -> None:
    assert subscription_of(Phone().posted(endpoint)).endpoint == endpoint


GOOD = raw(RFC_PHONE_POINT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p256dh", ""),
        ("p256dh", text(GOOD[:-1])),
        ("p256dh", text(GOOD + b"\0")),
        ("p256dh", text(GOOD[1:])),
        ("p256dh", text(b"\2" + GOOD[1:])),
        ("p256dh", text(b"\2" + GOOD[1:33])),
        ("p256dh", text(b"\6" + GOOD[1:])),
        ("p256dh", text(b"\4" + bytes(64))),
        ("p256dh", text(GOOD[:-1] + bytes([GOOD[-1] ^ 1]))),
        ("p256dh", f"{text(GOOD)[:-1]}!"),
        ("p256dh", f"{text(GOOD)}\n"),
        ("p256dh", f"{text(GOOD)}!!!!"),
        ("p256dh", f"ü{text(GOOD)[1:]}"),
        ("auth", ""),
        ("auth", text(bytes(15))),
        ("auth", text(bytes(17))),
        ("auth", text(bytes(16))[:-1] + " "),
        ("auth", f"====={text(bytes(16))}"),
    ],
)
def test_only_keys_of_a_browser_are_taken(name: str, value: str) -> None:
    posted = Phone().posted()
    posted["keys"][name] = value
    with pytest.raises(PushError, match="expected p256dh, a point of P-256, and auth, 16 bytes"):
        subscription_of(posted)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "text",
        {},
        {"endpoint": PUBLIC},
        {"endpoint": PUBLIC, "keys": None},
        {"endpoint": PUBLIC, "keys": {"p256dh": text(GOOD)}},
        {"endpoint": PUBLIC, "keys": {"auth": text(bytes(16))}},
        {"endpoint": PUBLIC, "keys": {"p256dh": text(GOOD), "auth": 5}},
        {"endpoint": PUBLIC, "keys": {"p256dh": None, "auth": text(bytes(16))}},
        {"endpoint": 5, "keys": {"p256dh": text(GOOD), "auth": text(bytes(16))}},
        {"keys": {"p256dh": text(GOOD), "auth": text(bytes(16))}},
    ],
)
def test_what_is_no_subscription_is_refused(value: object) -> None:
    with pytest.raises(PushError, match=f"expected an endpoint and keys, found a {type(value).__name__}"):
        subscription_of(value)


def test_the_private_key_is_for_its_owner_alone_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "push.pem"
    public = make_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(raw(public)) == 65
    assert raw(public)[0] == 4
    assert Sender(path, CONTACT).public_key == public
    before = path.read_bytes()
    assert before.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(PushError, match=r"new keys end all subscriptions.*remove it first"):
        make_keys(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_nowhere_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "push.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PushError, match="exists"):
        make_keys(tmp_path / "push.pem")
    assert not (tmp_path / "elsewhere").exists()


def test_keys_that_cannot_be_written_are_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(PushError, match=r"cannot write .*No such file or directory: expected a folder"):
        make_keys(tmp_path / "missing" / "push.pem")


def pem(key: Any, password: bytes = b"") -> bytes:
    lock = forms.BestAvailableEncryption(password) if password else forms.NoEncryption()
    return key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, lock)


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"",
        lambda: b"nonsense",
        lambda: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        lambda: pem(ec.generate_private_key(ec.SECP384R1())),
        lambda: pem(ec.generate_private_key(ec.SECP256K1())),
        lambda: pem(rsa.generate_private_key(65537, 2048)),
        lambda: pem(ec.generate_private_key(P256), b"password"),
    ],
    ids=["empty", "nonsense", "no key", "P-384", "secp256k1", "RSA", "password"],
)
def test_a_file_without_a_p_256_key_is_refused(tmp_path: Path, content: Callable[[], bytes]) -> None:
    path = tmp_path / "push.pem"
    path.touch(0o600)
    path.write_bytes(content())
    with pytest.raises(PushError, match=r"push\.pem: expected a P-256 key in PEM without password.*make"):
        Sender(path, CONTACT)


def test_a_key_file_that_is_missing_or_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "push.pem"
    with pytest.raises(PushError, match=r"No such file or directory.*make it first"):
        Sender(path, CONTACT)
    make_keys(path)
    path.chmod(0o644)
    with pytest.raises(PushError, match="chmod 600"):
        Sender(path, CONTACT)
    with pytest.raises(PushError, match="is no file"):
        Sender(tmp_path, CONTACT)


@pytest.mark.parametrize(
    "contact", ["mailto:eva@example.org", "https://example.org", "https://example.org/eva"]
)
def test_a_contact_has_a_public_name(tmp_path: Path, contact: str) -> None:
    make_keys(tmp_path / "push.pem")
    Sender(tmp_path / "push.pem", contact)


@pytest.mark.parametrize(
    "contact",
    ["", "eva@example.org", "mailto:eva", "mailto:eva@localhost", "http://example.org", "https://pi/"],
)
def test_a_contact_that_push_services_refuse_is_refused(tmp_path: Path, contact: str) -> None:
    make_keys(tmp_path / "push.pem")
    with pytest.raises(PushError, match=r"expected a contact such as mailto:eva@example\.org"):
        Sender(tmp_path / "push.pem", contact)


def test_a_message_arrives_and_only_the_phone_reads_it(sender: Sender, service: Service) -> None:
    phone = Phone()
    before_s = int(time.time())
    assert sender.send(phone.subscription(service.endpoint), b"fall", 600, topic="ab12-1") is Outcome.TAKEN
    after_s = int(time.time())
    [(path, headers, body)] = service.received
    assert path == PATH
    assert b"fall" not in body
    assert phone.read(body) == b"fall"
    authorized = headers["Authorization"]
    assert {
        name: headers[name] for name in ("TTL", "Urgency", "Topic", "Content-Encoding", "Content-Type")
    } == {
        "TTL": "600",
        "Urgency": "high",
        "Topic": "ab12-1",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
    }
    claimed = claims(authorized)
    assert authorized.endswith(f", k={sender.public_key}")
    assert claimed["aud"] == service.origin
    assert claimed["sub"] == CONTACT
    assert before_s <= claimed["exp"] - 12 * 3600 <= after_s


def test_without_a_topic_there_is_no_such_header(sender: Sender, service: Service) -> None:
    sender.send(Phone().subscription(service.endpoint), b"calm", 0, urgency="normal")
    [(_, headers, _)] = service.received
    assert headers["Urgency"] == "normal"
    assert headers["TTL"] == "0"
    assert "Topic" not in headers


@pytest.mark.parametrize("topic", ["a" * 33, "a b", "a/b", "ü", "a\r\nX: y", "a\n"])
def test_a_topic_that_is_none_is_not_sent(sender: Sender, service: Service, topic: str) -> None:
    with pytest.raises(PushError, match="expected a topic of at most 32"):
        sender.send(Phone().subscription(service.endpoint), b"fall", 600, topic=topic)
    assert service.received == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.TAKEN),
        (201, Outcome.TAKEN),
        (202, Outcome.TAKEN),
        (302, Outcome.FAILED),
        (400, Outcome.REFUSED),
        (401, Outcome.REFUSED),
        (403, Outcome.REFUSED),
        (404, Outcome.GONE),
        (410, Outcome.GONE),
        (413, Outcome.REFUSED),
        (429, Outcome.FAILED),
        (500, Outcome.FAILED),
        (503, Outcome.FAILED),
    ],
)
def test_what_the_status_means(
    sender: Sender, service: Service, status: int, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    service.status = status
    subscription = Phone().subscription(service.endpoint)
    assert [sender.send(subscription, b"fall", 600) for _ in range(2)] == [outcome] * 2
    expected = 1 if outcome in (Outcome.REFUSED, Outcome.FAILED) else 0
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * expected
    for record in caplog.records:
        assert f"{outcome}: HTTP status {status}; repeats" in record.getMessage()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(sender: Sender, service: Service, status: int) -> None:
    service.status, service.headers = status, {"Location": f"{service.origin}/other"}
    assert sender.send(Phone().subscription(service.endpoint), b"fall", 600) is Outcome.FAILED
    assert [path for path, _, _ in service.received] == [PATH]


def test_each_kind_of_trouble_is_logged_once_and_never_the_path(
    sender: Sender, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    subscription = Phone().subscription(service.endpoint)
    for service.status in (403, 500, 403, 410, 500):
        sender.send(subscription, b"fall", 600)
    sender.send(Phone().subscription(refusing()), b"fall", 600)
    words = [record.getMessage() for record in caplog.records]
    assert [line.partition(" ")[0] for line in words] == ["push"] * 3
    assert [re.findall("status 403|status 500|ConnectionRefusedError", line) for line in words] == [
        ["status 403"],
        ["status 500"],
        ["ConnectionRefusedError"],
    ]
    for secret in ("s3cret", "hidden", "token", subscription.auth, subscription.p256dh):
        assert secret not in caplog.text


def refusing() -> str:
    """An endpoint at a port where nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}{PATH}"


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 2x1 \r\n\r\n"])
def test_what_is_no_answer_has_failed(
    sender: Sender, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def speak() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as request:
                length = 0
                while (line := request.readline()) not in (b"", b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                request.read(length)
                connection.sendall(answer)

        thread = threading.Thread(target=speak, daemon=True)
        thread.start()
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}{PATH}"
        assert sender.send(Phone().subscription(endpoint), b"fall", 600) is Outcome.FAILED
        thread.join()
    assert "s3cret" not in caplog.text


def test_a_service_that_is_silent_has_failed(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(push, "TIMEOUT_S", 0.1)
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        endpoint = f"http://127.0.0.1:{server.getsockname()[1]}{PATH}"
        assert sender.send(Phone().subscription(endpoint), b"fall", 600) is Outcome.FAILED
    assert "TimeoutError" in caplog.text


@pytest.mark.parametrize(("trusted", "outcome"), [(True, Outcome.TAKEN), (False, Outcome.FAILED)])
def test_only_a_service_with_a_good_certificate_is_sent_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, outcome: Outcome
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate(tmp_path))
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path)))
    make_keys(tmp_path / "push.pem")
    phone = Phone()
    with serving(tls) as service:
        endpoint = service.endpoint.replace("http:", "https:")
        given = Subscription(endpoint, text(point(phone.key)), text(phone.auth))
        assert Sender(tmp_path / "push.pem", CONTACT).send(given, b"fall", 600) is outcome
        assert [phone.read(body) for _, _, body in service.received] == ([b"fall"] if trusted else [])


def certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    path = folder / "service.pem"
    if path.exists():
        return path
    key, now = ec.generate_private_key(P256), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "push")])
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    only = {"encipher_only": False, "decipher_only": False}
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=True, **usage, **only), True)
        .sign(key, SHA256())
    )
    path.write_bytes(pem(key) + made.public_bytes(forms.Encoding.PEM))
    return path


URL = "https://pi.example.net/"


def test_a_message_is_declarative() -> None:
    said = message(
        "FALL: walk",
        "Eva fell — 12:01",
        "ab12-1",
        URL,
        actions=[("coming", "I am coming")],
        data={"incident": "1"},
    )
    assert json.loads(said) == {
        "web_push": 8030,
        "notification": {
            "title": "FALL: walk",
            "body": "Eva fell — 12:01",
            "navigate": URL,
            "tag": "ab12-1",
            "lang": "en",
            "dir": "ltr",
            "silent": False,
            "requireInteraction": True,
            "renotify": True,
            "actions": [{"action": "coming", "title": "I am coming", "navigate": URL}],
            "data": {"url": URL, "incident": "1"},
        },
    }


def test_without_a_tag_nothing_is_to_ring_again() -> None:
    """Browsers refuse to show what has renotify and no tag."""
    shown = json.loads(message("test", "", "", URL))["notification"]
    assert shown["renotify"] is False
    assert (shown["actions"], shown["data"]) == ([], {"url": URL})


def test_a_silent_message_does_not_ring_again() -> None:
    shown = json.loads(message("ALL CLEAR", "", "ab12-1", URL, silent=True))["notification"]
    assert (shown["silent"], shown["renotify"]) == (True, False)


@pytest.mark.parametrize("piece", ["x", "—", "🚑", "\n", '"\\', "ab\x01"])
def test_a_long_body_is_cut_to_what_is_taken(piece: str) -> None:
    said = message("FALL: walk", piece * LONGEST_BYTES, "ab12-1", URL)
    assert LONGEST_BYTES - 6 < len(said) <= LONGEST_BYTES
    body = json.loads(said)["notification"]["body"]
    assert body.endswith("…")
    assert (piece * LONGEST_BYTES).startswith(body[:-1])
    encrypt(said, Phone().subscription())


def test_a_body_that_just_fits_is_not_cut() -> None:
    room = LONGEST_BYTES - len(message("FALL", "", "t", URL))
    for size, whole in ((room - 1, True), (room, True), (room + 1, False)):
        body = json.loads(message("FALL", "x" * size, "t", URL))["notification"]["body"]
        assert (body == "x" * size) is whole


def test_half_a_character_does_no_harm() -> None:
    assert json.loads(message("FALL", "a\ud800", "t", URL))["notification"]["body"] == "a?"


def test_a_title_without_end_leaves_no_body_and_is_refused_in_sending() -> None:
    said = message("x" * 5000, "body", "t", URL)
    assert json.loads(said)["notification"]["body"] == "…"
    with pytest.raises(PushError, match="cut it"):
        encrypt(said, Phone().subscription())
