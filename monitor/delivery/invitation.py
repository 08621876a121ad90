"""An account as one URL, and as a QR code: what a spotter's program needs to reach the device's broker."""

import io
import sys
from dataclasses import asdict
from typing import TextIO
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from monitor.delivery.credentials import SecretError
from monitor.delivery.mqtt import Invitation, MqttSettings


def address(name: str, word: str, device: str, host: str, port: int) -> str:
    """All a spotter's program needs, as one URL."""
    account = f"{quote(name, safe='')}:{quote(word, safe='')}"
    return f"mqtts://{account}@{host}:{port}/?{urlencode({'device': device})}"


def settings_of(url: str, others: MqttSettings | None = None) -> Invitation:
    """What ``address`` wrote, read again; whatever it does not say (certificates) comes from ``others``.

    Raises SecretError, which does not show the URL.
    """
    others = others or MqttSettings()
    try:
        parts = urlsplit(url)
        (device,) = parse_qs(parts.query, strict_parsing=True)["device"]
        if parts.scheme not in ("mqtts", "mqtt") or not parts.username or parts.password is None:
            raise ValueError
        tls = parts.scheme == "mqtts"
        told = {
            "device": device,
            "host": parts.hostname or "",
            "port": parts.port or (8883 if tls else 1883),
            "username": unquote(parts.username),
            "word": unquote(parts.password),
            "tls": tls,
        }
        return Invitation(**asdict(others) | told)
    except (ValueError, KeyError):
        raise SecretError(
            "this is no address of an account: expected mqtts://NAME:PASSWORD@HOST:PORT/?device=DEVICE, "
            "as rearguard pair prints it, in quotes"
        ) from None


def show(url: str, out: TextIO | None = None) -> None:
    """Print the URL as a QR code, if segno is installed, and as text."""
    out = out or sys.stdout
    out.write(f"{qr(url)}{url}\n")


def qr(url: str) -> str:
    """The URL as a QR code for a terminal, if segno is installed; else a line that says so."""
    try:
        import segno
    except ImportError:
        return "(pip install segno to see this as a QR code)\n"
    drawn = io.StringIO()
    segno.make(url).terminal(drawn, compact=True)
    return drawn.getvalue()
