"""The wires: they carry messages to the chips, or fail as wires and controllers do."""

import errno
import os
import random

from firmware import in_use
from firmware.bus import Message
from firmware.errors import InUseError
from firmware.simulated.chip import SimulatedChip

_READ = 0x0001  # I2C_M_RD, linux/i2c.h


class SimulatedBus:
    """Stands where ``smbus2.SMBus`` stands: ``Bus(1, port=SimulatedBus(chip).open)``.

    Errors are those of the Pi's i2c-bcm2835: EREMOTEIO for a missing acknowledge, EOPNOTSUPP for a read
    before the last message, ETIMEDOUT for a transfer that never ends: a held line. ``log`` holds every
    message as (address, written bytes) or (address, count read).
    """

    def __init__(self, *chips: SimulatedChip) -> None:
        self.chips = {chip.address: chip for chip in chips}
        self.log: list[tuple[int, bytes | int]] | None = None
        self.open_error = 0
        self._powered = True
        self._held = False
        self._failures: list[int] = []
        self._standing_failure = 0
        self._noise: random.Random | None = None
        self._noise_share = 0.0
        self._cut = 0
        self._snap_bytes = 0
        self.driven: set[int] = set()  # addresses that a driver of the kernel has
        self.holders: dict[int, SimulatedPort] = {}  # by address: who used it first

    def open(self, number: int) -> "SimulatedPort":  # noqa: ARG002 - the signature of a port opener
        """As opening /dev/i2c-``number``; fails with ``open_error``."""
        if self.open_error:
            raise OSError(self.open_error, os.strerror(self.open_error))
        return SimulatedPort(self)

    def i2c_rdwr(self, *messages: Message) -> None:
        """One transaction: every message in turn, as smbus2 has it."""
        if any(message.flags & _READ for message in messages[:-1]):
            raise _error(errno.EOPNOTSUPP)
        self._fail_if_planted()
        for message in messages:
            chip = self.chips.get(message.addr) if self._powered else None
            if chip is None:
                raise _error(errno.EREMOTEIO)
            reading = bool(message.flags & _READ)
            if self.log is not None:
                self.log.append((message.addr, message.len if reading else bytes(message)))
            if not reading:
                chip.write(bytes(message))
                continue
            message.len = max(0, message.len - self._cut)
            self._cut = 0
            data = chip.read(message.len)
            if self._snap_bytes and len(data) >= self._snap_bytes:
                self._snap_bytes = 0
                raise _error(errno.EIO)
            for index, byte in enumerate(data):
                message.buf[index] = byte

    def _fail_if_planted(self) -> None:
        if self._held:
            raise _error(errno.ETIMEDOUT)
        if self._failures:
            raise _error(self._failures.pop(0))
        if self._standing_failure:
            raise _error(self._standing_failure)
        if self._noise is not None and self._noise.random() < self._noise_share:
            raise _error(errno.EREMOTEIO)

    def fail(self, number: int, times: int = 0) -> None:
        """The next ``times`` transfers fail with errno ``number``; all of them where it is 0."""
        if times:
            self._failures += [number] * times
        else:
            self._standing_failure = number

    def lose(self, share: float, seed: int = 0) -> None:
        """From now on ``share`` of all transfers go unacknowledged."""
        self._noise, self._noise_share = random.Random(seed), share

    def cut(self, count: int) -> None:
        """The next read brings ``count`` bytes too few."""
        self._cut = count

    def snap(self, size: int = 12) -> None:
        """The next read of ``size`` bytes or more breaks off after the chip has given them away."""
        self._snap_bytes = size

    def hold(self) -> None:
        """A chip keeps SDA low: nothing gets through until it loses its supply."""
        self._held = True

    def unplug(self) -> None:
        """The cable comes off, or the sensors' supply is switched off: held lines come free."""
        self._powered = self._held = False

    def plug(self) -> None:
        """The cable is back: every chip starts from its reset state."""
        self._powered = True
        for chip in self.chips.values():
            chip.brown_out()

    def power(self, on: bool) -> None:
        """The sensors' supply, switched by a GPIO."""
        if on:
            self.plug()
        else:
            self.unplug()

    def heal(self) -> None:
        """Take every planted fault of the wires back."""
        self._held, self._failures, self._standing_failure, self._noise = False, [], 0, None
        self._cut = self._snap_bytes = self.open_error = 0
        self.driven.clear()
        if not self._powered:
            self.plug()


class SimulatedPort:
    """One program's open device, as `firmware.bus.LinuxPort`: each address is asked for once."""

    def __init__(self, wires: SimulatedBus) -> None:
        self._wires = wires
        self._ours: set[int] = set()

    def i2c_rdwr(self, *messages: Message) -> None:
        for address in {message.addr for message in messages} - self._ours:
            if address in self._wires.driven:
                raise _error(errno.EBUSY)
            if self._wires.holders.setdefault(address, self) is not self:
                raise InUseError(in_use.words(in_use.program(os.getpid())))
            self._ours.add(address)
        self._wires.i2c_rdwr(*messages)

    def close(self) -> None:
        for address in self._ours:
            del self._wires.holders[address]
        self._ours.clear()


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
