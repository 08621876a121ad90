"""The safety process for benchmarks/lean.py: ``rearguard run``, its sensor and pins in place of a Pi's.

The chip is simulated by another process, at the far end of a Unix socket; the pins are gpiozero's own mock.
All else is what a Pi runs. This file loads nothing that the command does not.
"""

import socket
import struct
import sys
from types import SimpleNamespace

from gpiozero.pins.mock import MockFactory, MockPWMPin
from smbus2 import i2c_msg

from firmware import bus, panel

HEAD = struct.Struct("<HHH")
"""Before each message of a transfer: address, flags, length; then the bytes of one that writes."""

READS = 0x0001  # I2C_M_RD, linux/i2c.h
MOST_BYTES = 4096


class FarBus:
    """Stands where ``smbus2.SMBus`` stands."""

    fd = None

    def __init__(self, path: str) -> None:
        self._wires = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._wires.connect(path)

    def i2c_rdwr(self, *messages: i2c_msg) -> None:
        asked = b""
        for message in messages:
            asked += HEAD.pack(message.addr, message.flags, message.len)
            if not message.flags & READS:
                asked += bytes(message)
        self._wires.send(asked)
        number, *data = self._wires.recv(MOST_BYTES)
        if number:
            raise OSError(number, "the simulated bus")
        answered = iter(data)
        for message in messages:
            if message.flags & READS:
                for index in range(message.len):
                    message.buf[index] = next(answered)

    def close(self) -> None:
        self._wires.close()


def main(path: str, arguments: list[str]) -> int:
    bus.SMBus = lambda _: FarBus(path)  # type: ignore[assignment, attr-defined, misc]  # as tests replace it
    panel.on_a_pi = lambda: True
    factory = MockFactory(pin_class=MockPWMPin)
    factory.chip = -1  # whose file is not there: nothing to lock
    lgpio = SimpleNamespace(LGPIOFactory=lambda: factory)
    sys.modules["gpiozero.pins.lgpio"] = lgpio  # type: ignore[assignment]  # all that is asked of it
    from monitor import start

    sys.argv = ["rearguard", *arguments]
    return start.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
