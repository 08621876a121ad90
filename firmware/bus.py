"""One open I2C bus: bursts, register writes that are read back, errors that name the wiring.

A burst is one transaction, write the register's number, repeated start, read: smbus2's
``read_i2c_block_data`` ends at 32 bytes, and bytes fetched one by one tear samples apart.
"""

import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from fcntl import ioctl
from typing import Protocol, runtime_checkable

from smbus2 import SMBus, i2c_msg

from firmware import in_use
from firmware.errors import (
    AddressClaimedError,
    BusFaultError,
    BusHeldError,
    BusUnavailableError,
    InUseError,
    NoAnswerError,
    ShortReadError,
    WriteRefusedError,
)

_I2C_TIMEOUT = 0x0702  # linux/i2c-dev.h; in units of 10 ms
_I2C_SLAVE = 0x0703  # the only request at which the kernel looks whether a driver of its own has the address
_ATTEMPTS = 5  # of a transfer that was not acknowledged: no data had moved, so trying again is harmless
_TIMEOUT_S = 0.1  # the kernel's second would stop the whole line when a wire is held low

_WIRING = "check SDA, SCL, 3V3 and GND, and the address pin (AD0, SDO)"
_NOISE = "shorten the wires, keep them away from motors, one controller only"
_TRANSFER_ERRORS: dict[int, tuple[type[OSError], str]] = {
    errno.EREMOTEIO: (NoAnswerError, f"no answer: {_WIRING}"),
    errno.ENXIO: (NoAnswerError, f"no answer: {_WIRING}"),
    errno.EIO: (BusFaultError, f"the transfer broke off: {_NOISE}"),
    errno.EAGAIN: (BusFaultError, f"the bus was taken away in mid-transfer: {_NOISE}"),
    errno.ETIMEDOUT: (
        BusHeldError,
        "the transfer never ended, a line is held low: a short, or a chip stopped in mid-read; "
        "switch the sensor off and on",
    ),
    errno.EBUSY: (
        AddressClaimedError,
        "a kernel driver owns the address: remove its overlay (often a clock, or an IIO driver) from "
        "config.txt, or move the sensor to its other address (AD0, SDO)",
    ),
}

_OPEN_ERRORS = {
    errno.ENOENT: "switch I2C on: sudo raspi-config nonint do_i2c 0 (it writes dtparam=i2c_arm=on into "
    "config.txt and loads i2c-dev)",
    errno.ENODEV: "is this the right bus number? `ls /dev/i2c-*` shows which there are",
    errno.ENXIO: "is this the right bus number? `ls /dev/i2c-*` shows which there are",
    errno.EACCES: "add the user to the group i2c: sudo usermod -aG i2c $USER, then log in again",
    errno.EPERM: "let the service open it: DeviceAllow=/dev/i2c-{number} rw; if that is so, i2c-dev was "
    "loaded after the service started: sudo systemctl restart rearguard",
}

Message = i2c_msg


class Port(Protocol):
    """What is used of a bus's device: raw messages."""

    def i2c_rdwr(self, *messages: Message) -> None: ...

    def close(self) -> None: ...


@runtime_checkable
class Device(Port, Protocol):
    """A Port that is a file of Linux: smbus2's. ``fd`` is None where it is simulated."""

    fd: int | None


class LinuxPort:
    """An open /dev/i2c-N that makes sure, once for each address, that nobody else has the chip.

    I2C_RDWR, which carries the messages, is never refused: not where a kernel driver drives the same
    chip, nor where another program does. So the kernel is asked by I2C_SLAVE, and other programs by a lock.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._ours: set[int] = set()

    def i2c_rdwr(self, *messages: Message) -> None:
        for address in {message.addr for message in messages} - self._ours:
            if self._device.fd is not None:  # a simulated one has no file
                ioctl(self._device.fd, _I2C_SLAVE, address)
                in_use.take(self._device.fd, address)
            self._ours.add(address)
        self._device.i2c_rdwr(*messages)

    def close(self) -> None:
        self._device.close()


def open_port(number: int) -> Port:
    """Open /dev/i2c-``number``; a held line then costs 0.1 s, not a second."""
    device = SMBus(number)
    if device.fd is not None:
        with suppress(OSError):  # a controller without a settable timeout keeps its own
            ioctl(device.fd, _I2C_TIMEOUT, round(_TIMEOUT_S / 0.01))
    return LinuxPort(device)


class Bus:
    """The I2C bus ``number``; safe to share between threads.

    ``port`` opens the device behind it: smbus2, or a simulated bus. Every method raises a
    `FirmwareError` that names bus, address, likely cause and cure. With its first transfer an address is
    ours until `close`; `AddressClaimedError` or `InUseError` say whose it is instead.
    """

    def __init__(self, number: int = 1, port: Callable[[int], Port] = open_port) -> None:
        self.number = number
        self._open_port = port
        self._port: Port | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Open the device unless it is open. Raises `BusUnavailableError`."""
        with self._lock:
            if self._port is not None:
                return
            try:
                port = self._open_port(self.number)
                # Whoever opened it: a device of Linux is asked whose the chip is.
                self._port = LinuxPort(port) if isinstance(port, Device) else port
            except OSError as error:
                raise BusUnavailableError(
                    error.errno,
                    f"I2C bus {self.number} cannot be opened ({error.strerror}){self._open_cure(error)}",
                ) from error

    def close(self) -> None:
        """Close the device; `open` opens it again."""
        with self._lock:
            port, self._port = self._port, None
            if port is not None:
                with suppress(OSError):  # a dead bus may refuse; there is nothing left to lose
                    port.close()

    def read(self, address: int, register: int, length: int) -> bytes:
        """``length`` bytes from ``register`` on, in one burst."""
        answer = i2c_msg.read(address, length)
        self._transfer(address, i2c_msg.write(address, [register]), answer)
        data = bytes(answer)
        if len(data) != length:
            raise ShortReadError(
                f"{self._place(address)}: {length} bytes of register 0x{register:02X} expected, "
                f"{len(data)} came: check the wiring"
            )
        return data

    def write(self, address: int, register: int, value: int) -> None:
        """Write a register that cannot be read back: one that clears itself or triggers."""
        self._transfer(address, i2c_msg.write(address, [register, value]))

    def set(self, address: int, register: int, value: int) -> None:
        """Write a whole register and read it back. Raises `WriteRefusedError` where they differ."""
        self.write(address, register, value)
        stored = self.read(address, register, 1)[0]
        if stored != value:
            raise WriteRefusedError(
                f"{self._place(address)}: register 0x{register:02X} was set to 0x{value:02X} and reads "
                f"0x{stored:02X}: a loose wire, a weak supply or a faulty chip"
            )

    def _transfer(self, address: int, *messages: Message) -> None:
        self.open()
        with self._lock:
            port = self._port
            if port is None:  # closed by another thread in between
                raise BusUnavailableError(errno.EBADF, f"I2C bus {self.number} was closed")
            for attempt in range(_ATTEMPTS):
                try:
                    port.i2c_rdwr(*messages)
                    return
                except InUseError as error:
                    raise InUseError(f"{self._place(address)}: {error}") from error
                except OSError as error:
                    kind, words = _TRANSFER_ERRORS.get(
                        error.errno or 0,
                        (BusFaultError, f"{error.strerror}: {_NOISE}, then start the Pi again"),
                    )
                    if kind is not NoAnswerError or attempt == _ATTEMPTS - 1:
                        raise kind(error.errno, f"{self._place(address)}: {words}") from error

    def _open_cure(self, error: OSError) -> str:
        cure = _OPEN_ERRORS.get(error.errno or 0, "")
        if error.errno == errno.ENOENT and self.number != 1:
            cure = "is this the right bus number? `ls /dev/i2c-*` shows which there are"
        return cure and f": {cure.format(number=self.number)}"

    def _place(self, address: int) -> str:
        return f"I2C bus {self.number}, address 0x{address:02X}"
