"""Which chip answers: every known identity, by address, register and value."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firmware.bus import Bus
from firmware.chips import invensense
from firmware.chips.chip import Chip
from firmware.errors import NoAnswerError, UnknownChipError


@dataclass(frozen=True)
class Family:
    """Chips with one register map: where they live, where their identity stands, which are known."""

    driver: Callable[[Bus, int, int, int], Chip]
    addresses: tuple[int, ...]
    register: int
    identities: frozenset[int]


FAMILIES = (
    Family(
        invensense.Invensense,
        (0x68, 0x69),
        invensense.Register.WHO_AM_I,
        frozenset(invensense.VARIANTS),
    ),
)

ADDRESSES = tuple(sorted({address for family in FAMILIES for address in family.addresses}))


def identify(
    bus: Bus, addresses: Iterable[int] = ADDRESSES, rate_hz: int = 100, allow_unknown: bool = False
) -> Chip:
    """The driver for the first known chip that answers at one of ``addresses``; nothing is written.

    With ``allow_unknown`` a stranger in an MPU's place is taken for an MPU: most clones are.
    Raises `UnknownChipError`, naming what answered, or the bus's own error.
    """
    strangers = []
    silent = []
    for address in addresses:
        seen = {}
        try:
            for family in FAMILIES:
                if address not in family.addresses:
                    continue
                if family.register not in seen:
                    seen[family.register] = bus.read(address, family.register, 1)[0]
                if seen[family.register] in family.identities:
                    return family.driver(bus, address, seen[family.register], rate_hz)
        except NoAnswerError:
            silent.append(f"0x{address:02X}")
            continue
        strangers.append((address, seen))
    for address, seen in strangers:
        identity = seen.get(invensense.Register.WHO_AM_I)
        if allow_unknown and identity not in (None, 0x00, 0xFF):
            return invensense.Invensense(bus, address, identity, rate_hz)
    raise UnknownChipError(_words(bus, strangers, silent))


def _words(bus: Bus, strangers: list[tuple[int, dict[int, int]]], silent: list[str]) -> str:
    if not strangers:
        return (
            f"I2C bus {bus.number}: no sensor answers at {', '.join(silent)}: check SDA, SCL, 3V3 and GND; "
            f"`i2cdetect -y {bus.number}` shows what is there"
        )
    found = "; ".join(
        f"0x{address:02X} has "
        + ", ".join(f"0x{value:02X} in register 0x{register:02X}" for register, value in seen.items())
        for address, seen in strangers
    )
    return (
        f"I2C bus {bus.number}: what answers is no chip Rearguard knows ({found}): if it is an MPU clone, "
        "set sensor.allow_unknown; 0x00 or 0xFF is faulty wiring"
    )
