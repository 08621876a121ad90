import errno
import os
import threading
import time
from pathlib import Path

import pytest
from smbus2 import SMBus, i2c_msg

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


def test_an_address_that_a_kernel_driver_owns_is_left_alone() -> None:
    b = bench()
    b.wires.driven.add(0x68)
    b.wires.log = []
    with pytest.raises(AddressClaimedError, match=r"address 0x68: a kernel driver owns .*remove its overlay"):
        b.bus.read(0x68, WHO_AM_I, 1)
    assert b.wires.log == []


def test_the_kernel_is_asked_once_for_each_address_before_it_is_talked_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[int, int]] = []

    class Device(SMBus):
        def __init__(self) -> None:
            self.fd = os.open(tmp_path / "i2c", os.O_RDWR | os.O_CREAT)

        def i2c_rdwr(self, *messages: i2c_msg) -> None:
            asked.append((0x0707, messages[0].addr))

        def close(self) -> None:
            assert self.fd is not None
            os.close(self.fd)

    monkeypatch.setattr("firmware.bus.ioctl", lambda _, request, address: asked.append((request, address)))
    monkeypatch.setattr("firmware.bus.SMBus", lambda number: Device())
    own = Bus(1, lambda _: Device())
    own.write(0x68, 1, 2)
    own.close()
    assert asked == [(0x0703, 0x68), (0x0707, 0x68)]
    asked.clear()
    bus = Bus(1)
    for address in (0x68, 0x69, 0x68):
        bus.write(address, 1, 2)
    assert asked.pop(0) == (0x0702, 10)  # the time-out, in units of 10 ms
    assert asked == [(0x0703, 0x68), (0x0707, 0x68), (0x0703, 0x69), (0x0707, 0x69), (0x0707, 0x68)]
    bus.close()
    bus.write(0x68, 1, 2)
    assert asked[5:] == [(0x0702, 10), (0x0703, 0x68), (0x0707, 0x68)]
    bus.close()


def test_an_address_belongs_to_who_used_it_first_until_that_bus_is_closed() -> None:
    b = bench()
    other = Bus(1, b.wires.open)
    other.read(0x68, WHO_AM_I, 1)
    b.wires.log = []
    with pytest.raises(InUseError, match=r"address 0x68: another program is using it .*systemctl stop"):
        b.bus.read(0x68, WHO_AM_I, 1)
    assert b.wires.log == []
    other.close()
    b.bus.read(0x68, WHO_AM_I, 1)


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOENT, "dtparam=i2c_arm=on"),
        (errno.EACCES, "group i2c"),
        (errno.EPERM, "DeviceAllow=/dev/i2c-1 rw"),
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


def test_a_missing_device_file_is_reported_through_smbus2_itself() -> None:
    with pytest.raises(BusUnavailableError, match=r"I2C bus 250 cannot be opened .*right bus number"):
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

    def writes() -> None:
        for _ in range(5):
            bus.write(1, 2, 3)

    threads = [threading.Thread(target=writes) for _ in range(3)]
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
