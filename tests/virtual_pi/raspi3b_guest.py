"""What runs in `raspi3b`'s guest: our code on the Pi's own drivers. It prints OK or FAILED and more."""

import errno
import mmap
import os
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from smbus2 import SMBus, i2c_msg

from firmware import pins
from firmware.bus import Bus
from firmware.errors import BusHeldError, NoAnswerError

THERMOMETER, EEPROM, NOBODY = 0x48, 0x50, 0x68
LIMITS = {2: b"\x4b\x00", 3: b"\x50\x00"}
"""Registers of a TMP105, and what they hold from the start."""

EEPROM_BYTES = 256
FIFO_BYTES = 1024
"""The longest burst that any sensor's FIFO makes us read."""

LED = 17
PIN_LINES = 54  # of a BCM2837
INTERRUPTS = 0x3F00B000  # the page of the interrupt controller
ENABLE, DISABLE, I2C = 0x214, 0x220, 1 << 21  # interrupt 53, in the second bank


def failure(transfer: Callable[[], object]) -> OSError:
    try:
        transfer()
    except OSError as error:
        return error
    raise AssertionError("it succeeded")


@contextmanager
def without_interrupts() -> Iterator[None]:
    """The controller's never reach its driver: as where a transfer never ends."""
    device = os.open("/dev/mem", os.O_RDWR | os.O_SYNC)
    try:
        with mmap.mmap(device, mmap.PAGESIZE, offset=INTERRUPTS) as page:
            words = memoryview(page).cast("I")
            words[DISABLE // 4] = I2C
            try:
                yield
            finally:
                words[ENABLE // 4] = I2C
                words.release()
    finally:
        os.close(device)


def taken_s(call: Callable[[], object]) -> float:
    began_s = time.monotonic()
    call()
    return time.monotonic() - began_s


def bus_as_promised() -> str:
    assert Path("/sys/bus/i2c/devices/i2c-1/name").read_text().startswith("bcm2835 (i2c@7e804000)")
    plain = SMBus(1)
    word = i2c_msg.read(THERMOMETER, 2)

    def never_ends() -> None:
        error = failure(lambda: plain.i2c_rdwr(word))
        assert error.errno == errno.ETIMEDOUT, error

    with without_interrupts():
        kernels_s = taken_s(never_ends)
    bus = Bus(1)
    for register, value in LIMITS.items():
        assert bus.read(THERMOMETER, register, 2) == value
    content = bytes(index ^ 0x5A for index in range(EEPROM_BYTES))
    for register, value in enumerate(content):
        bus.write(EEPROM, register, value)
    bus.set(EEPROM, 7, 7)
    bus.set(EEPROM, 7, content[7])
    times = FIFO_BYTES // EEPROM_BYTES
    assert bus.read(EEPROM, 0, FIFO_BYTES) == content * times  # it begins again at its end
    assert bus.read(EEPROM, 100, 30) == content[100:130]

    for transfer in (lambda: bus.read(NOBODY, 0x75, 1), lambda: bus.write(NOBODY, 0x6B, 0)):
        absent = failure(transfer)
        assert isinstance(absent, NoAnswerError), absent
        assert absent.errno == errno.EREMOTEIO, absent
    alone = i2c_msg.read(NOBODY, 1)
    assert failure(lambda: plain.i2c_rdwr(alone)).errno == errno.EREMOTEIO
    twice = failure(lambda: plain.i2c_rdwr(word, word))
    assert twice.errno == errno.EOPNOTSUPP, twice
    assert bus.read(THERMOMETER, 2, 2) == LIMITS[2], "an error has spoilt it"

    def gives_up() -> None:
        error = failure(lambda: bus.read(THERMOMETER, 2, 2))
        assert isinstance(error, BusHeldError), error

    with without_interrupts():
        ours_s = taken_s(gives_up)
    assert ours_s < kernels_s / 2, f"it gave up after {ours_s:.2f} s, {kernels_s:.2f} s without I2C_TIMEOUT"
    assert bus.read(THERMOMETER, 2, 2) == LIMITS[2], "the bus has not come back"
    bus.close()
    return (
        f"{FIFO_BYTES} bytes at once; nobody there: errno {absent.errno}; two reads: errno {twice.errno}; "
        f"no interrupt: gave up after {ours_s:.2f} s ({kernels_s:.2f} s without I2C_TIMEOUT), then read on"
    )


def level(number: int) -> str:
    """What the pins' driver reads back from the chip."""
    text = Path("/sys/kernel/debug/gpio").read_text()
    found = re.search(rf"\(GPIO{number} .*\) (out (?:hi|lo))", text)
    assert found, text
    return found[1]


def pins_as_promised() -> str:
    import lgpio  # only on a Pi

    chip = lgpio.gpiochip_open(0)
    _, lines, _, label = lgpio.gpio_get_chip_info(chip)
    lgpio.gpiochip_close(chip)
    assert (lines, label) == (PIN_LINES, "pinctrl-bcm2835"), (lines, label)
    panel = pins.Pins(mock=False, clock=time.monotonic)
    lamp = pins.line(LED, panel.driver())
    levels = []
    for on in (True, False, True):
        lamp.value = on
        levels.append(level(LED))
    assert levels == ["out hi", "out lo", "out hi"], levels
    lamp.close()
    panel.close()
    return f"{label}, {lines} lines, one driven"


def main() -> None:
    began_s = float(Path("/proc/uptime").read_text().split()[0])
    try:
        print(f"OK: {bus_as_promised()}; {pins_as_promised()}; Python {began_s:.0f} s after power")
    except Exception:  # noqa: BLE001 - all of it goes to the host
        print(f"FAILED: {traceback.format_exc()}")


if __name__ == "__main__":
    main()
