"""MQTT 3.1.1 in bytes, as much of it as a lean client needs."""

import socket
from collections.abc import Iterator, Mapping

CONNACK, PUBLISH, PUBACK, SUBACK = 2, 3, 4, 9
PING = b"\xc0\x00"


def connect(name: str, account: str, word: str, will_topic: str, will: bytes, keepalive_s: int = 5) -> bytes:
    """A clean session, with a retained last will at QoS 1 where there is a topic for it."""
    flags = 0b1100_0010 | (0b0010_1100 if will_topic else 0)
    body = _text(b"MQTT") + bytes([4, flags]) + keepalive_s.to_bytes(2, "big") + _text(name.encode())
    if will_topic:
        body += _text(will_topic.encode()) + _text(will)
    return _packet(0x10, body + _text(account.encode()) + _text(word.encode()))


def subscribe(topics: Mapping[str, int]) -> bytes:
    wanted = b"".join(_text(topic.encode()) + bytes([qos]) for topic, qos in topics.items())
    return _packet(0x82, b"\x00\x01" + wanted)


def publish(topic: str, payload: bytes, mid: int, *, retain: bool = False, dup: bool = False) -> bytes:
    """At QoS 1."""
    return _packet(0x32 | 8 * dup | retain, _text(topic.encode()) + mid.to_bytes(2, "big") + payload)


def puback(mid: int) -> bytes:
    return b"\x40\x02" + mid.to_bytes(2, "big")


def read(buffer: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Whole packets, taken off the buffer: kind, flags, body."""
    while len(buffer) >= 2:
        length = shift = 0
        at = 1
        while True:
            if at == len(buffer):
                return
            length |= (buffer[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not buffer[at - 1] & 0x80:
                break
        if len(buffer) < at + length:
            return
        first, body = buffer[0], bytes(buffer[at : at + length])
        del buffer[: at + length]
        yield first >> 4, first & 0xF, body


def message(flags: int, body: bytes) -> tuple[str, bytes, int]:
    """Of a PUBLISH: topic, payload, and the number to acknowledge, 0 at QoS 0."""
    end = 2 + int.from_bytes(body[:2], "big")
    topic = body[2:end].decode()
    if not flags & 0b0110:
        return topic, body[end:], 0
    return topic, body[end + 2 :], int.from_bytes(body[end : end + 2], "big")


def serves(address: str, port: int, account: str, word: str) -> bool:
    """Does the broker there take a client?"""
    try:
        with socket.create_connection((address, port), timeout=3.0) as opened:
            opened.sendall(connect("ready?", account, word, "", b""))
            return opened.recv(4) == b"\x20\x02\x00\x00"
    except OSError:
        return False


def _text(words: bytes) -> bytes:
    return len(words).to_bytes(2, "big") + words


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    sized = bytearray([first])
    while True:
        length, low = divmod(length, 128)
        sized.append(low | (0x80 if length else 0))
        if not length:
            return bytes(sized) + body
