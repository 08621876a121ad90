"""Which chip answers: every known identity, by address, register and value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from firmware.bus import Bus
from firmware.chips import bmi160, icm20948, icm42688, invensense, lsm6ds3, lsm6dso, strangers
from firmware.chips.chip import Chip
from firmware.errors import AddressClaimedError, FirmwareError, InUseError, NoAnswerError, UnknownChipError


@dataclass(frozen=True)
class Family:
    """Chips with one register map: where they live, where their identity is, which are known.

    One byte is no proof: ``zero_bits`` are others that must read 0, as masks by register. Where the map
    has banks, the identity shows only in bank 0: ``banks`` holds the same for what the bank's register reads
    in the others.
    """

    driver: Callable[[Bus, int, int, int], Chip]
    addresses: tuple[int, ...]
    register: int
    identities: frozenset[int]
    zero_bits: Mapping[int, int]
    bank_register: int = 0
    banks: Mapping[int, Mapping[int, int]] = field(default_factory=dict)


_INVENSENSE_OR_BOSCH = (0x68, 0x69)
_ST = (0x6A, 0x6B)
_MPU = Family(
    invensense.Invensense,
    _INVENSENSE_OR_BOSCH,
    invensense.Register.WHO_AM_I,
    frozenset(invensense.VARIANTS),
    invensense.ZERO_BITS,
)
FAMILIES = (
    _MPU,
    Family(
        icm42688.Icm42688,
        _INVENSENSE_OR_BOSCH,
        icm42688.Register.WHO_AM_I,
        frozenset(icm42688.IDENTITIES),
        icm42688.ZERO_BITS,
        icm42688.Register.BANK_SEL,
        icm42688.BANKS,
    ),
    Family(
        icm20948.Icm20948,
        _INVENSENSE_OR_BOSCH,
        icm20948.Register.WHO_AM_I,
        frozenset(icm20948.IDENTITIES),
        icm20948.ZERO_BITS,
        icm20948.Register.BANK_SEL,
        icm20948.BANKS,
    ),
    Family(
        bmi160.Bmi160,
        _INVENSENSE_OR_BOSCH,
        bmi160.Register.CHIP_ID,
        frozenset(bmi160.IDENTITIES),
        bmi160.ZERO_BITS,
    ),
    Family(lsm6ds3.Lsm6ds3, _ST, lsm6ds3.Register.WHO_AM_I, frozenset(lsm6ds3.IDENTITIES), lsm6ds3.ZERO_BITS),
    Family(lsm6dso.Lsm6dso, _ST, lsm6dso.Register.WHO_AM_I, frozenset(lsm6dso.IDENTITIES), lsm6dso.ZERO_BITS),
)
ADDRESSES = (*_INVENSENSE_OR_BOSCH, *_ST)


@dataclass(frozen=True)
class _Stranger:
    """Something that answers and is no chip that is served."""

    address: int
    seen: dict[int, int]  # identity registers and what they read
    name: str  # "" if nobody knows
    may_be_mpu: bool  # nothing speaks against it but its identity

    def __str__(self) -> str:
        if self.name:
            return f"0x{self.address:02X} is {self.name}"
        values = (f"0x{value:02X} in register 0x{register:02X}" for register, value in self.seen.items())
        return f"0x{self.address:02X} has {', '.join(values)}"


def identify(
    bus: Bus, addresses: Iterable[int] = ADDRESSES, rate_hz: int = 100, allow_unknown: bool = False
) -> Chip:
    """The driver for the first known chip that answers at one of ``addresses``.

    Nothing is written to a chip that has not been recognised by reading. With ``allow_unknown`` a stranger
    in an MPU's place is taken for an MPU: most clones are. Raises `UnknownChipError`, naming what
    answered, or the bus's own error.
    """
    found: list[_Stranger] = []
    silent: list[str] = []
    taken: FirmwareError | None = None  # one address that others have says nothing of the next
    for address in addresses:
        try:
            chip = _look(bus, address, rate_hz)
        except NoAnswerError:
            silent.append(f"0x{address:02X}")
        except (AddressClaimedError, InUseError) as error:
            taken = taken or error
        else:
            if isinstance(chip, Chip):
                return chip
            found.append(chip)
    for stranger in found:
        if allow_unknown and stranger.may_be_mpu:
            return _MPU.driver(bus, stranger.address, stranger.seen[_MPU.register], rate_hz)
    if taken is not None:
        raise taken
    raise UnknownChipError(_words(bus, found, silent, allow_unknown))


def _look(bus: Bus, address: int, rate_hz: int) -> "Chip | _Stranger":
    """The chip at ``address``, by reading alone. Raises the bus's errors."""
    seen = _identities(bus, address)
    if address in _INVENSENSE_OR_BOSCH and strangers.is_clock(bus.read(address, 0x00, 10)):
        return _Stranger(address, seen, strangers.CLOCK, may_be_mpu=False)
    for family in FAMILIES:
        if _hides(bus, address, family):
            bus.write(address, family.bank_register, 0)
            seen = _identities(bus, address)
        if _is(bus, address, family, seen):
            return family.driver(bus, address, seen[family.register], rate_hz)
    name = strangers.name_of(address, seen)  # after the known: what is an identity there is a trim value here
    identity = seen.get(_MPU.register, 0)
    may_be_mpu = (
        not name
        and address in _MPU.addresses
        and identity not in (0x00, 0xFF, *_MPU.identities)
        and not strangers.is_memory(bus, address, _MPU.register, identity)
        and _zero(bus, address, _MPU.zero_bits)
    )
    return _Stranger(address, seen, name, may_be_mpu)


def _identities(bus: Bus, address: int) -> dict[int, int]:
    """What is in every identity register that a chip at ``address`` may have."""
    registers = {family.register for family in FAMILIES if address in family.addresses}
    registers = (registers | strangers.registers_at(address)) or {_MPU.register}
    return {register: bus.read(address, register, 1)[0] for register in sorted(registers)}


def _is(bus: Bus, address: int, family: Family, seen: dict[int, int]) -> bool:
    return (
        address in family.addresses
        and seen[family.register] in family.identities
        and not strangers.is_memory(bus, address, family.register, seen[family.register])
        and _zero(bus, address, family.zero_bits)
    )


def _hides(bus: Bus, address: int, family: Family) -> bool:
    """Whether a chip of this family was left in another bank, where its identity does not show."""
    if address not in family.addresses or not family.banks:
        return False
    bank = bus.read(address, family.bank_register, 1)[0]
    return (
        bank in family.banks
        and not strangers.is_memory(bus, address, family.bank_register, bank)
        and _zero(bus, address, family.banks[bank])
    )


def _zero(bus: Bus, address: int, masks: Mapping[int, int]) -> bool:
    return not any(bus.read(address, register, 1)[0] & mask for register, mask in masks.items())


def _words(bus: Bus, found: list[_Stranger], silent: list[str], allow_unknown: bool) -> str:
    if not found:
        return (
            f"I2C bus {bus.number}: no sensor answers at {', '.join(silent)}: check SDA, SCL, 3V3 and GND; "
            f"`i2cdetect -y {bus.number}` shows what is there"
        )
    words = f"I2C bus {bus.number}: what answers is no chip Rearguard knows ({'; '.join(map(str, found))})"
    if not allow_unknown and any(stranger.may_be_mpu for stranger in found):
        return f"{words}: if it is an MPU clone, set sensor.allow_unknown"
    if all(value in (0x00, 0xFF) for stranger in found for value in stranger.seen.values()):
        return f"{words}: 0x00 and 0xFF alone are faulty wiring or a faulty chip"
    return f"{words}: docs/hardware.md lists the sensors that are served"
