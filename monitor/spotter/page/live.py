"""What open pages are sent, and what waits for each of them."""

import asyncio

import msgspec

UNSENT, UNSENT_EACH = 60, 20
"""Messages that may wait for a slow page, and for each device more than one if they are more; then it is cut
off, and comes back for what is true by then."""


class Person(msgspec.Struct, frozen=True):
    """Whose page is open, and whether one of his phones can ring."""

    name: str
    can_ring: bool
    why: str


class Call(msgspec.Struct, frozen=True):
    """A roll call: who has pressed, after how long."""

    number: int
    by: str
    age_s: float
    pressed: dict[str, float]


class People(msgspec.Struct, frozen=True):
    """``watches``: the devices of each name that does not watch all."""

    people: list[Person]
    roll_call: Call | None
    watches: dict[str, list[str]]


class Page:
    """One open page: what waits to be sent to it."""

    def __init__(self, devices: int = 1) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(max(UNSENT, UNSENT_EACH * devices))

    def send(self, message: bytes) -> bool:
        """False if it is too slow; it then ends."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.end()
            return False
        return True

    def end(self) -> None:
        """Let its stream end."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


def event(kind: str, data: bytes) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2)."""
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"
