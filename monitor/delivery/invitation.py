"""An account as one URL, and as a QR code: what a spotter's program needs to reach the device's broker."""

import io
import sys
from dataclasses import asdict
from typing import TextIO
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from monitor.delivery.credentials import SecretError
from monitor.delivery.mqtt import Invitation, MqttSettings


def address(name: str, word: str, host: str, port: int, *devices: str) -> str:
    """All a spotter's program needs, as one URL."""
    account = f"{quote(name, safe='')}:{quote(word, safe='')}"
    return f"mqtts://{account}@{host}:{port}/?{urlencode([('device', device) for device in devices])}"


def settings_of(url: str, others: MqttSettings | None = None, device: str = "") -> Invitation:
    """What ``address`` wrote, read again; whatever it does not say (certificates) comes from ``others``.

    Of several devices ``device`` is taken, or the first. Raises SecretError, which does not show the URL.
    """
    others = others or MqttSettings()
    try:
        parts = urlsplit(url)
        devices = tuple(dict.fromkeys(parse_qs(parts.query, strict_parsing=True)["device"]))
        if parts.scheme not in ("mqtts", "mqtt") or not parts.username or parts.password is None:
            raise ValueError
        tls = parts.scheme == "mqtts"
        told = {
            "host": parts.hostname or "",
            "port": parts.port or (8883 if tls else 1883),
            "username": unquote(parts.username),
            "word": unquote(parts.password),
            "tls": tls,
            "devices": devices,
        }
        each = {one: Invitation(**asdict(others) | told | {"device": one}) for one in devices}
    except (ValueError, KeyError):
        raise SecretError(
            "this is no address of an account: expected mqtts://NAME:PASSWORD@HOST:PORT/?device=DEVICE, "
            "as rearguard pair prints it, in quotes"
        ) from None
    if device and device not in each:
        raise SecretError(f"this account does not watch {device!r}: it watches {', '.join(devices)}")
    return each[device or devices[0]]


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


def drawing(url: str) -> str:
    """The URL as a QR code for a web page, if segno is installed; else nothing."""
    try:
        import segno
    except ImportError:
        return ""
    drawn: str = segno.make(url, micro=False).svg_inline(omitsize=True)
    return drawn
