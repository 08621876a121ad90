"""Which phones have the page open, which of them can ring, and who has pressed in a roll call. Arithmetic.

A phone says each second whether its sound runs: only what has been proved lately counts. Time is a given
monotonic one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

PHONE_S = 2.6
"""Without a word for so long a phone can no longer ring: with the device's own patience, within 5 s."""

PAGES = 8
"""Of one name; the one that has been silent longest goes."""

ROLL_CALL_S = 120.0
BETWEEN_CALLS_S = 10.0


@dataclass(slots=True)
class Phone:
    """One open page. ``why`` says why it cannot ring; ``has`` the latest report it shows, by incident."""

    name: str
    can_ring: bool = False
    why: str = ""
    heard_s: float = 0.0
    has: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RollCall:
    by: str
    began_s: float
    number: int
    pressed: dict[str, float] = field(default_factory=dict)  # name -> seconds until


class Phones:
    """One thread writes; any thread may ask `can_ring` and `has`: what there is is replaced, not changed."""

    def __init__(self) -> None:
        self._phones: Mapping[str, Phone] = {}
        self._calls = 0
        self._call: RollCall | None = None

    def pulse(self, page: str, phone: Phone) -> None:
        """What the page of this key says of its phone."""
        others = {
            key: other
            for key, other in self._phones.items()
            if key != page and phone.heard_s - other.heard_s < PHONE_S
        }
        own = [key for key, other in others.items() if other.name == phone.name]
        for key in own[: max(0, len(own) - PAGES + 1)]:
            del others[key]
        self._phones = {**others, page: phone}

    def can_ring(self, now_s: float) -> frozenset[str]:
        """Whose phone would ring now."""
        return frozenset(phone.name for phone in self._there(now_s) if phone.can_ring)

    def has(self, incident: str, sequence: int, name: str, now_s: float) -> bool:
        """Does a phone of this name show that report, and ring?"""
        return any(
            phone.name == name and phone.can_ring and phone.has.get(incident, -1) >= sequence
            for phone in self._there(now_s)
        )

    def people(self, now_s: float) -> list[tuple[str, bool, str]]:
        """Name, whether one of his phones can ring, and if none why, of everybody whose page is open."""
        found: dict[str, tuple[bool, str]] = {}
        for phone in self._there(now_s):
            can, why = found.get(phone.name, (False, ""))
            found[phone.name] = (True, "") if can or phone.can_ring else (False, why or phone.why)
        return [(name, *found[name]) for name in sorted(found)]

    def call(self, by: str, now_s: float) -> None:
        """Begin a roll call: every phone rings until its owner presses. One that has just begun goes on."""
        if self._call is not None and now_s - self._call.began_s < BETWEEN_CALLS_S:
            return
        self._calls += 1
        self._call = RollCall(by, now_s, self._calls)

    def press(self, name: str, now_s: float) -> None:
        if self._call is not None:
            self._call.pressed.setdefault(name, now_s - self._call.began_s)

    def roll_call(self, now_s: float) -> RollCall | None:
        """The one under way, or just over."""
        if self._call is not None and now_s - self._call.began_s > ROLL_CALL_S:
            self._call = None
        return self._call

    def _there(self, now_s: float) -> list[Phone]:
        return [phone for phone in self._phones.values() if now_s - phone.heard_s < PHONE_S]
