"""Which chip answers: every known identity, by address, register and value, found by reading alone.

Nothing is written to a chip that has not been recognised: it may be a clock, and the write cost its time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from firmware.bus import Bus
from firmware.chips import bmi160, icm20948, icm42688, invensense, lsm6ds3, lsm6dso, strangers
from firmware.chips.chip import Chip
from firmware.errors import NoAnswerError, UnknownChipError


@dataclass(frozen=True)
class Family:
    """Chips with one register map: where they live, where their identity stands, which are known.

    ``hidden`` says, by reading, whether such a chip was left in another register bank, in which its
    identity cannot be seen; ``bank_sel`` written 0 then brings it back.
    """

    driver: Callable[[Bus, int, int, int], Chip]
    addresses: tuple[int, ...]
    register: int
    identities: frozenset[int]
    hidden: Callable[[Bus, int], bool] | None = None
    bank_sel: int = 0


_INVENSENSE_OR_BOSCH = (0x68, 0x69)
_ST = (0x6A, 0x6B)
_MPU_WHO_AM_I = invensense.Register.WHO_AM_I
FAMILIES = (
    Family(invensense.Invensense, _INVENSENSE_OR_BOSCH, _MPU_WHO_AM_I, frozenset(invensense.VARIANTS)),
    Family(
        icm42688.Icm42688,
        _INVENSENSE_OR_BOSCH,
        icm42688.Register.WHO_AM_I,
        frozenset(icm42688.IDENTITIES),
        icm42688.is_hidden,
        icm42688.Register.BANK_SEL,
    ),
    Family(
        icm20948.Icm20948,
        _INVENSENSE_OR_BOSCH,
        icm20948.Register.WHO_AM_I,
        frozenset(icm20948.IDENTITIES),
        icm20948.is_hidden,
        icm20948.Register.BANK_SEL,
    ),
    Family(bmi160.Bmi160, _INVENSENSE_OR_BOSCH, bmi160.Register.CHIP_ID, frozenset(bmi160.IDENTITIES)),
    Family(lsm6ds3.Lsm6ds3, _ST, lsm6ds3.Register.WHO_AM_I, frozenset(lsm6ds3.IDENTITIES)),
    Family(lsm6dso.Lsm6dso, _ST, lsm6dso.Register.WHO_AM_I, frozenset(lsm6dso.IDENTITIES)),
)
ADDRESSES = (*_INVENSENSE_OR_BOSCH, *_ST)


@dataclass(frozen=True)
class _Stranger:
    """What answers at ``address`` without a driver: its identity registers, and its name if known."""

    address: int
    seen: dict[int, int]
    name: str

    @property
    def may_be_mpu(self) -> bool:
        """An MPU's place, and an identity that is not dead wires or another chip's."""
        identity = self.seen.get(_MPU_WHO_AM_I)
        return not self.name and identity not in (None, 0x00, 0xFF)

    def __str__(self) -> str:
        registers = ", ".join(
            f"0x{value:02X} in register 0x{number:02X}" for number, value in self.seen.items()
        )
        return f"0x{self.address:02X} has {registers}" + (f": {self.name}" if self.name else "")


def identify(
    bus: Bus, addresses: Iterable[int] = ADDRESSES, rate_hz: int = 100, allow_unknown: bool = False
) -> Chip:
    """The driver for the first known chip that answers at one of ``addresses``.

    With ``allow_unknown`` a stranger in an MPU's place is taken for an MPU: most clones are.
    Raises `UnknownChipError`, naming what answered, or the bus's own error.
    """
    found: list[_Stranger] = []
    silent: list[str] = []
    for address in addresses:
        try:
            chip = _look(bus, address, rate_hz)
        except NoAnswerError:
            silent.append(f"0x{address:02X}")
            continue
        if isinstance(chip, Chip):
            return chip
        found.append(chip)
    for stranger in found:
        if allow_unknown and stranger.may_be_mpu:
            return invensense.Invensense(bus, stranger.address, stranger.seen[_MPU_WHO_AM_I], rate_hz)
    raise UnknownChipError(_words(bus, found, silent))


def _look(bus: Bus, address: int, rate_hz: int) -> Chip | _Stranger:
    """The driver for what answers at ``address``, or what is to be seen of it."""
    families = [family for family in FAMILIES if address in family.addresses]
    seen = _identities(bus, address, families)
    if strangers.is_clock(bus, address):
        return _Stranger(address, seen, strangers.CLOCKS)
    family = _known(families, seen)
    if family is None:
        hidden = next((f for f in families if f.hidden is not None and f.hidden(bus, address)), None)
        if hidden is not None:  # recognised by what it shows in another bank
            bus.write(address, hidden.bank_sel, 0)
            seen = _identities(bus, address, families)
            family = _known(families, seen)
    if family is None:
        return _Stranger(address, seen, strangers.name_of(address, seen))
    if strangers.repeats(bus, address, family.register, seen[family.register]):
        return _Stranger(address, seen, "a chip with fewer registers than an IMU")
    return family.driver(bus, address, seen[family.register], rate_hz)


def _identities(bus: Bus, address: int, families: Iterable[Family]) -> dict[int, int]:
    """What stands in every identity register that a chip at ``address`` may have."""
    registers = {int(family.register) for family in families} or {int(_MPU_WHO_AM_I)}
    return {register: bus.read(address, register, 1)[0] for register in sorted(registers)}


def _known(families: Iterable[Family], seen: dict[int, int]) -> Family | None:
    return next((family for family in families if seen.get(family.register) in family.identities), None)


def _words(bus: Bus, found: list[_Stranger], silent: list[str]) -> str:
    if not found:
        return (
            f"I2C bus {bus.number}: no sensor answers at {', '.join(silent)}: check SDA, SCL, 3V3 and GND; "
            f"`i2cdetect -y {bus.number}` shows what is there"
        )
    if not any(stranger.name for stranger in found) and all(
        value in (0x00, 0xFF) for stranger in found for value in stranger.seen.values()
    ):
        advice = "all zeros or all ones is faulty wiring: check SDA, SCL, 3V3 and GND"
    elif any(stranger.may_be_mpu for stranger in found):
        advice = "if it is an MPU clone, set sensor.allow_unknown"
    else:
        advice = "use a sensor that Rearguard supports: docs/hardware.md lists them"
    return f"I2C bus {bus.number}: no supported sensor answers ({'; '.join(map(str, found))}): {advice}"
