import errno
import os
import sys
import threading
import time
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from firmware.bus import Bus, open_port
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
from tests.firmware.bench import bench

WHO_AM_I = 0x75
CONFIG = 0x1A


def test_a_burst_is_one_transaction_of_a_write_and_a_read() -> None:
    b = bench()
    b.wires.log = []
    assert b.bus.read(0x68, WHO_AM_I, 1) == b"\x68"
    assert b.wires.log == [(0x68, bytes([WHO_AM_I])), (0x68, 1)]


def test_a_written_register_is_read_back() -> None:
    b = bench()
    b.wires.log = []
    b.bus.set(0x68, CONFIG, 3)
    assert b.wires.log == [(0x68, bytes([CONFIG, 3])), (0x68, bytes([CONFIG])), (0x68, 1)]


def test_a_register_that_keeps_its_value_is_an_error_that_names_both() -> None:
    with pytest.raises(WriteRefusedError, match=r"0x68.*0x75 was set to 0x12 and reads 0x68: a loose wire"):
        bench().bus.set(0x68, WHO_AM_I, 0x12)


def test_a_read_that_comes_back_short_is_an_error() -> None:
    b = bench()
    b.wires.cut(2)
    with pytest.raises(ShortReadError, match="6 bytes of register 0x3B expected, 4 came"):
        b.bus.read(0x68, 0x3B, 6)


@pytest.mark.parametrize(
    ("number", "error", "cure"),
    [
        (errno.EREMOTEIO, NoAnswerError, "check SDA, SCL"),
        (errno.ENXIO, NoAnswerError, "check SDA, SCL"),
        (errno.EIO, BusFaultError, "shorten the wires"),
        (errno.EAGAIN, BusFaultError, "shorten the wires"),
        (errno.ETIMEDOUT, BusHeldError, "switch the sensor off and on"),
        (errno.EBUSY, AddressClaimedError, "remove its overlay"),
        (errno.EINVAL, BusFaultError, "start the Pi again"),
    ],
)
def test_every_failed_transfer_names_bus_address_cause_and_cure(
    number: int, error: type[OSError], cure: str
) -> None:
    b = bench()
    b.wires.fail(number)
    with pytest.raises(error, match=f"I2C bus 1, address 0x68: .*{cure}") as caught:
        b.bus.read(0x68, WHO_AM_I, 1)
    assert caught.value.errno == number


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOENT, "dtparam=i2c_arm=on"),
        (errno.EACCES, "group i2c"),
        (errno.EPERM, "DeviceAllow"),
        (errno.ENODEV, "ls /dev/i2c"),
    ],
)
def test_a_bus_that_cannot_be_opened_says_what_to_do(number: int, cure: str) -> None:
    b = bench()
    b.wires.open_error = number
    with pytest.raises(BusUnavailableError, match=f"I2C bus 1 cannot be opened .*{cure}"):
        b.bus.read(0x68, WHO_AM_I, 1)


def test_a_real_port_gives_up_after_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Opened:
        fd = 7

    monkeypatch.setattr("firmware.bus.SMBus", lambda number: Opened())
    monkeypatch.setattr("firmware.bus.ioctl", lambda *request: asked.append(request))
    open_port(1)
    assert asked == [(7, 0x0702, 10)]  # I2C_TIMEOUT, in units of 10 ms


def test_a_missing_device_file_is_told_through_smbus2_itself() -> None:
    with pytest.raises(BusUnavailableError, match="I2C bus 250 cannot be opened"):
        Bus(250).open()


def test_four_missing_acknowledges_are_bridged_and_five_are_not() -> None:
    b = bench()
    b.wires.fail(errno.EREMOTEIO, 4)
    assert b.bus.read(0x68, WHO_AM_I, 1) == b"\x68"
    b.wires.fail(errno.EREMOTEIO, 5)
    with pytest.raises(NoAnswerError):
        b.bus.read(0x68, WHO_AM_I, 1)


def test_a_transfer_that_may_have_moved_data_is_not_repeated() -> None:
    b = bench()
    b.wires.fail(errno.EIO, 1)
    with pytest.raises(BusFaultError):
        b.bus.read(0x68, WHO_AM_I, 1)


def test_transfers_of_two_threads_do_not_interleave() -> None:
    inside = []
    overlaps = []

    class Port:
        def i2c_rdwr(self, *messages: object) -> None:
            inside.append(1)
            time.sleep(0.001)
            overlaps.append(len(inside) > 1)
            inside.pop()

        def close(self) -> None: ...

    bus = Bus(1, lambda number: Port())
    threads = [threading.Thread(target=lambda: [bus.write(1, 2, 3) for _ in range(5)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == [False] * 15


def test_a_closed_bus_opens_again_by_itself() -> None:
    b = bench()
    b.bus.close()
    b.bus.close()
    assert b.bus.read(0x68, WHO_AM_I, 1) == b"\x68"


def test_one_program_has_the_bus_and_the_next_is_told_what_to_stop() -> None:
    b = bench()
    b.bus.open()
    second = Bus(1, b.wires.open)
    with pytest.raises(InUseError, match=r"in use by another program .*: stop it first; the service by sudo"):
        second.open()
    b.bus.close()
    second.open()


def test_an_address_that_a_kernel_driver_owns_is_not_read_and_is_free_after_the_next_opening() -> None:
    b = bench()
    b.wires.owned.add(0x68)
    with pytest.raises(AddressClaimedError, match="address 0x68: a kernel driver owns the address"):
        b.bus.read(0x68, WHO_AM_I, 1)
    b.wires.owned.clear()
    assert b.bus.read(0x68, WHO_AM_I, 1) == b"\x68"


class FakeDevice:
    """A file in the device's place: flock cares for neither kind."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT)

    def close(self) -> None:
        os.close(self.fd)


def test_the_lock_is_on_the_device_and_dies_with_its_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "i2c-1"
    monkeypatch.setattr("firmware.bus.SMBus", lambda number: FakeDevice(device))
    holds = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(); input()"
    with Popen([sys.executable, "-uc", holds, str(device)], stdin=PIPE, stdout=PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InUseError, match=f"I2C bus 1 is in use .*process {holder.pid}"):
            open_port(1)
        holder.kill()
    open_port(1).close()
