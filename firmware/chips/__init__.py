"""Which chip answers: every known identity, by address, register and value."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firmware.bus import Bus
from firmware.chips import bmi160, icm20948, icm42688, invensense, lsm6ds3, lsm6dso
from firmware.chips.chip import Chip
from firmware.errors import NoAnswerError, UnknownChipError


@dataclass(frozen=True)
class Family:
    """Chips with one register map: where they live, where their identity stands, which are known."""

    driver: Callable[[Bus, int, int, int], Chip]
    addresses: tuple[int, ...]
    register: int
    identities: frozenset[int]


_INVENSENSE_OR_BOSCH = (0x68, 0x69)
_ST = (0x6A, 0x6B)
_MPU_WHO_AM_I = invensense.Register.WHO_AM_I
FAMILIES = (
    Family(invensense.Invensense, _INVENSENSE_OR_BOSCH, _MPU_WHO_AM_I, frozenset(invensense.VARIANTS)),
    Family(
        icm42688.Icm42688, _INVENSENSE_OR_BOSCH, icm42688.Register.WHO_AM_I, frozenset(icm42688.IDENTITIES)
    ),
    Family(
        icm20948.Icm20948, _INVENSENSE_OR_BOSCH, icm20948.Register.WHO_AM_I, frozenset(icm20948.IDENTITIES)
    ),
    Family(bmi160.Bmi160, _INVENSENSE_OR_BOSCH, bmi160.Register.CHIP_ID, frozenset(bmi160.IDENTITIES)),
    Family(lsm6ds3.Lsm6ds3, _ST, lsm6ds3.Register.WHO_AM_I, frozenset(lsm6ds3.IDENTITIES)),
    Family(lsm6dso.Lsm6dso, _ST, lsm6dso.Register.WHO_AM_I, frozenset(lsm6dso.IDENTITIES)),
)
ADDRESSES = (*_INVENSENSE_OR_BOSCH, *_ST)


def identify(
    bus: Bus, addresses: Iterable[int] = ADDRESSES, rate_hz: int = 100, allow_unknown: bool = False
) -> Chip:
    """The driver for the first known chip that answers at one of ``addresses``.

    With ``allow_unknown`` a stranger in an MPU's place is taken for an MPU: most clones are.
    Raises `UnknownChipError`, naming what answered, or the bus's own error.
    """
    strangers: list[tuple[int, dict[int, int]]] = []
    silent: list[str] = []
    for address in addresses:
        try:
            seen = _identities(bus, address)
            if not _known(address, seen) and address in _INVENSENSE_OR_BOSCH:
                # An ICM-20948 that was left in another bank hides its identity: call it back to bank 0.
                bus.write(address, icm20948.Register.BANK_SEL, 0)
                seen = _identities(bus, address)
        except NoAnswerError:
            silent.append(f"0x{address:02X}")
            continue
        family = _known(address, seen)
        if family is not None:
            return family.driver(bus, address, seen[family.register], rate_hz)
        strangers.append((address, seen))
    for address, seen in strangers:
        identity = seen.get(_MPU_WHO_AM_I)
        if allow_unknown and identity not in (None, 0x00, 0xFF):
            return invensense.Invensense(bus, address, identity, rate_hz)
    raise UnknownChipError(_words(bus, strangers, silent))


def _identities(bus: Bus, address: int) -> dict[int, int]:
    """What stands in every identity register that a chip at ``address`` may have."""
    registers = {family.register for family in FAMILIES if address in family.addresses} or {_MPU_WHO_AM_I}
    return {register: bus.read(address, register, 1)[0] for register in sorted(registers)}


def _known(address: int, seen: dict[int, int]) -> Family | None:
    for family in FAMILIES:
        if address in family.addresses and seen.get(family.register) in family.identities:
            return family
    return None


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
