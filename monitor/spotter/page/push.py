"""Messages to phones through their browsers' push services: Web Push (RFC 8030, RFC 8291, RFC 8292).

A push service cannot read them. An endpoint is a secret: who has it, and the key, can send to the phone.
"""

import base64
import json
import logging
import os
import re
import ssl
import tempfile
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from monitor.core.vocabulary import RearguardError
from monitor.delivery.credentials import SecretError, check_secret

TIMEOUT_S = 5.0  # for each step of a connection
TOKEN_S = 12 * 3600  # push services take at most a day
LONGEST_ENDPOINT = 1000
RECORD_BYTES = 4096
LONGEST_BYTES = 3993
"""Push services take 4096: less the header (86), the delimiter (1) and GCM's tag (16)."""

AT_HOME = (".local", ".localhost", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".arpa")
"""Ends of names that no push service has. A name of home with another end has no good certificate."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PATH = r"/[!-\"$-~]*"  # without spaces and fragment
_ENDPOINT = re.compile(rf"https://((?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,59}}))(?::443)?{_PATH}")
_LOOPBACK = re.compile(rf"http://127\.0\.0\.1:\d+{_PATH}")
_CONTACT = re.compile(r"mailto:[^@\s]+@[^@\s]+\.[^@\s]+|https://[^\s/]+\.\S+")

Key = ec.EllipticCurvePrivateKey

_log = logging.getLogger(__name__)


class PushError(RearguardError):
    """Push cannot work this way: a key, a phone's subscription or a message is not as it should be."""


class Outcome(StrEnum):
    TAKEN = "taken"
    GONE = "gone"  # the phone has ended its subscription: forget it
    REFUSED = "refused"  # by the clock, the contact or the key; the subscription may be good
    FAILED = "failed"  # try again later


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a phone's browser receives messages, and its keys (base64url)."""

    endpoint: str = field(repr=False)
    p256dh: str = field(repr=False)
    auth: str = field(repr=False)


def make_keys(path: Path) -> str:
    """Make the private key that signs messages. The public one, for browsers, as base64url."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}.") as new:  # mode 0600
            new.write(pem)
            new.flush()
            os.fsync(new.fileno())
            os.link(new.name, path)  # in one step, and never over another
    except FileExistsError:
        raise PushError(f"{path} exists: new keys end all subscriptions: if so, remove it first") from None
    except OSError as error:
        raise PushError(f"cannot write {path}: {error.strerror}: expected a folder to write to") from None
    return _text(_point(key.public_key()))


def subscription_of(value: object, *, any_host: bool = False) -> Subscription:
    """What a browser posted, checked. Raises PushError. ``any_host``, for tests: http://127.0.0.1 too.

    Only public push services: the page must not be made to knock at the home network's doors.
    """
    match value:
        case {"endpoint": str(endpoint), "keys": {"p256dh": str(p256dh), "auth": str(auth)}}:
            pass
        case _:
            raise PushError(f"expected an endpoint and keys, found a {type(value).__name__}: subscribe again")
    found = _ENDPOINT.fullmatch(endpoint)
    public = found and not found[1].endswith(AT_HOME)
    if not (public or (any_host and _LOOPBACK.fullmatch(endpoint))) or len(endpoint) > LONGEST_ENDPOINT:
        raise PushError(
            "expected the https address of a public push service, with a name, without user and port, in "
            f"{LONGEST_ENDPOINT} characters; found another, of {len(endpoint)}: use another browser"
        )
    subscription = Subscription(endpoint, p256dh, auth)
    _phone_keys(subscription)
    return subscription


def encrypt(
    payload: bytes, subscription: Subscription, *, salt: bytes | None = None, key: Key | None = None
) -> bytes:
    """The payload as only this phone can read it. ``salt`` and ``key`` are for tests: never use one twice."""
    if len(payload) > LONGEST_BYTES:
        raise PushError(f"expected a message of at most {LONGEST_BYTES} bytes, found {len(payload)}: cut it")
    phone, auth = _phone_keys(subscription)
    salt, key = salt or os.urandom(16), key or ec.generate_private_key(ec.SECP256R1())
    point, shared = _point(key.public_key()), key.exchange(ec.ECDH(), phone)
    secret = HKDF(SHA256(), 32, auth, b"WebPush: info\0" + _point(phone) + point).derive(shared)
    content_key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(point)]) + point
    return header + AESGCM(content_key).encrypt(nonce, payload + b"\2", None)  # 2 ends the last record


def authorization(key: Key, endpoint: str, contact: str, now_s: float) -> str:
    """The header by which a push service knows who sends."""
    origin = "/".join(endpoint.split("/")[:3]).removesuffix(":443")
    claims = {"aud": origin, "exp": int(now_s) + TOKEN_S, "sub": contact}
    signed = ".".join(_text(_json(part)) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
    numbers = utils.decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    signature = b"".join(number.to_bytes(32, "big") for number in numbers)
    return f"vapid t={signed}.{_text(signature)}, k={_text(_point(key.public_key()))}"


def message(
    title: str,
    body: str,
    tag: str,
    url: str,
    *,
    actions: Sequence[tuple[str, str]] = (),
    silent: bool = False,
    data: Mapping[str, object] | None = None,
) -> bytes:
    """For the service worker, and for phones that show it without one (declarative Web Push, iOS 18.4).

    ``url`` is absolute; ``actions``: name and title of each button. A message takes the place of the last one
    of its ``tag`` and rings again, unless ``silent``. The end of a long ``body`` is cut.
    """
    buttons = [{"action": name, "title": label, "navigate": url} for name, label in actions]
    shown = {"title": title, "navigate": url, "tag": tag, "lang": "en", "dir": "ltr", "silent": silent}
    again = bool(tag) and not silent  # browsers refuse it without a tag
    shown |= {"requireInteraction": True, "renotify": again, "actions": buttons}
    shown["data"] = {"url": url, **(data or {})}

    def whole(body: str) -> bytes:
        return _json({"web_push": 8030, "notification": shown | {"body": body}})

    if len(whole(body)) <= LONGEST_BYTES:
        return whole(body)
    fitting = bisect_right(range(len(body)), LONGEST_BYTES, key=lambda end: len(whole(f"{body[:end]}…")))
    return whole(f"{body[: max(0, fitting - 1)]}…")


class Sender:
    """Sends, signed with the key in ``key_file``; threads may share it. Raises PushError.

    ``contact`` is whom a push service writes to: a mailto: or https: address, with a public name.
    """

    def __init__(self, key_file: Path, contact: str) -> None:
        if not _CONTACT.fullmatch(contact):  # Apple refuses others
            raise PushError(
                "expected a contact such as mailto:eva@example.org, found something else: change it"
            )
        self._key = _key(key_file)
        self.public_key = _text(_point(self._key.public_key()))
        """For browsers, as base64url."""
        self._contact = contact
        self._tls = ssl.create_default_context()
        self._warned: set[tuple[str, str]] = set()

    def send(
        self, subscription: Subscription, payload: bytes, ttl_s: int, urgency: str = "high", topic: str = ""
    ) -> Outcome:
        """Hand it to the push service, which keeps it for ``ttl_s``, and of one ``topic`` only the latest.

        Raises PushError for a payload or topic that is too long, nothing for trouble on the way.
        """
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,32}", topic):
            raise PushError(f"expected a topic of at most 32 letters, digits, - and _, found {topic!r}")
        headers = {"TTL": str(ttl_s), "Urgency": urgency} | ({"Topic": topic} if topic else {})
        headers |= {"Content-Encoding": "aes128gcm", "Content-Type": "application/octet-stream"}
        headers["Authorization"] = authorization(self._key, subscription.endpoint, self._contact, time.time())
        body = encrypt(payload, subscription)
        scheme, _, host, path = subscription.endpoint.split("/", 3)
        connection = HTTPConnection(host, timeout=TIMEOUT_S)
        if scheme == "https:":
            connection = HTTPSConnection(host, timeout=TIMEOUT_S, context=self._tls)
        try:
            with closing(connection):
                connection.request("POST", f"/{path}", body, headers)
                with connection.getresponse() as response:  # no redirect is followed, and no body read
                    status, why = response.status, f"HTTP status {response.status}"
        except (OSError, HTTPException) as error:
            status, why = 0, type(error).__name__  # its words may show the path
        outcome = _outcome(status)
        if outcome in (Outcome.REFUSED, Outcome.FAILED) and (host, why) not in self._warned:
            self._warned.add((host, why))
            _log.warning("push through %s %s: %s; repeats are not logged", host, outcome, why)
        return outcome


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.TAKEN
    if status in (404, 410):
        return Outcome.GONE
    return Outcome.REFUSED if 400 <= status < 500 and status != 429 else Outcome.FAILED


def _key(path: Path) -> Key:
    key = None
    try:
        check_secret(path)
        with suppress(ValueError, TypeError, UnsupportedAlgorithm):
            key = forms.load_pem_private_key(path.read_bytes(), None)
    except (SecretError, OSError) as error:
        raise PushError(f"no key for push: {error}; if there is none yet, make it first") from None
    if isinstance(key, Key) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise PushError(f"{path}: expected a P-256 key in PEM without password, found none: make a new one")


def _phone_keys(subscription: Subscription) -> tuple[ec.EllipticCurvePublicKey, bytes]:
    with suppress(ValueError):
        both = (f"{text}{'=' * (-len(text) % 4)}" for text in (subscription.p256dh, subscription.auth))
        point, auth = (base64.b64decode(text, b"-_", validate=True) for text in both)
        if len(point) == 65 and len(auth) == 16:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point), auth
    raise PushError("expected p256dh, a point of P-256, and auth, 16 bytes; found others: subscribe again")


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(forms.Encoding.X962, forms.PublicFormat.UncompressedPoint)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
