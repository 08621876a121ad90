"""What can go wrong between the Pi's pins and a sample: one class per meaning, the cure in the words."""

from monitor.core.vocabulary import RearguardError


class FirmwareError(RearguardError):
    """Something on the hardware side failed."""

    def __str__(self) -> str:
        return str(self.args[-1]) if self.args else ""  # without OSError's "[Errno 2]" in front


class BusUnavailableError(FirmwareError, OSError):
    """The I2C bus itself cannot be opened."""


class NoAnswerError(FirmwareError, OSError):
    """Nobody acknowledged the address."""


class BusFaultError(FirmwareError, OSError):
    """The transfer broke off: noise, arbitration lost, a controller in trouble."""


class BusHeldError(FirmwareError, OSError):
    """The transfer never ended: a line is held low."""


class AddressClaimedError(FirmwareError, OSError):
    """A kernel driver owns the address."""


class InUseError(FirmwareError):
    """Another program of ours has the part."""


class ShortReadError(FirmwareError):
    """Fewer bytes came than were asked for."""


class WriteRefusedError(FirmwareError):
    """A register reads back otherwise than it was written."""


class UnknownChipError(FirmwareError):
    """Nothing known answers, or something unknown does."""


class ChipError(FirmwareError):
    """The chip answers, but not as a working chip does."""


class FifoError(FirmwareError):
    """The chip's FIFO overflowed or no longer holds whole packets: flush it."""


class PinsError(FirmwareError):
    """The Pi's pins cannot be driven."""
