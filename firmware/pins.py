"""The Pi's pins behind gpiozero: their driver, the lock on them, and what can sit on one."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gpiozero import Button, DigitalOutputDevice, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from firmware import in_use
from firmware.errors import FirmwareError, PinsError
from firmware.part import RETRY_S

_BOUNCE_S = 0.02
_CHIP = "/dev/gpiochip{}"


class _Quiet:
    """A device that failed fails again when it is thrown away: that is no news."""

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()  # type: ignore[attr-defined]  # of the device that this is mixed into


class _Line(_Quiet, DigitalOutputDevice):  # type: ignore[misc]  # gpiozero has no types
    pass


class _Tone(_Quiet, PWMOutputDevice):  # type: ignore[misc]
    pass


class _Button(_Quiet, Button):  # type: ignore[misc]
    pass


def line(pin: int, factory: Any) -> Any:
    """An LED, or anything else that is on or off."""
    return _Line(pin, pin_factory=factory)


def supply(pin: int, factory: Any) -> Any:
    """A line that is high from the start."""
    return _Line(pin, initial_value=True, pin_factory=factory)


def buzzer(tone_hz: int) -> Callable[[int, Any], Any]:
    """An active buzzer where ``tone_hz`` is 0, else one that is given its tone."""

    def make(pin: int, factory: Any) -> Any:
        if tone_hz:
            return _Tone(pin, frequency=tone_hz, pin_factory=factory)
        return _Line(pin, pin_factory=factory)

    return make


def button(changed: Callable[[bool], None]) -> Callable[[int, Any], Any]:
    """A button to ground; ``changed`` is called from another thread: pressed or not."""

    def make(pin: int, factory: Any) -> Any:
        bounce_s = None if isinstance(factory, MockFactory) else _BOUNCE_S
        device = _Button(pin, bounce_time=bounce_s, pin_factory=factory)
        device.when_pressed = lambda: changed(True)
        device.when_released = lambda: changed(False)
        return device

    return make


class Pins:
    """The driver of the pins, real or mock; while it cannot be made, `fault` says why."""

    def __init__(self, mock: bool, clock: Callable[[], float]) -> None:
        self.factory: Any = MockFactory(pin_class=MockPWMPin) if mock else None
        self.fault = ""
        self._clock = clock
        self._retry_s = float("-inf")
        self._chip: int | None = None  # the open device file that carries the lock

    def driver(self) -> Any:
        """gpiozero's pin factory. Raises `FirmwareError`."""
        if self.factory is None:
            if self._clock() < self._retry_s:
                raise PinsError(self.fault)
            try:
                self.factory = _lgpio()
                self._lock()
            except FirmwareError as error:
                self.fault = str(error)
                self._retry_s = self._clock() + RETRY_S
                self.close()
                raise
            self.fault = ""
        return self.factory

    def _lock(self) -> None:
        with suppress(OSError):  # no device file: nothing that another program could have
            self._chip = os.open(_CHIP.format(self.factory.chip), os.O_RDWR | os.O_CLOEXEC)
        if self._chip is not None:
            in_use.take(self._chip, 0)

    def forget(self) -> None:
        """Mock pins keep every state they ever had: drop them."""
        if isinstance(self.factory, MockFactory):
            for pin in self.factory.pins.values():
                pin.clear_states()

    def close(self) -> None:
        """Let all pins go."""
        factory, self.factory = self.factory, None
        chip, self._chip = self._chip, None
        with suppress(Exception):  # it may be what failed
            if factory is not None:
                factory.close()
        if chip is not None:
            os.close(chip)


def _lgpio() -> Any:
    """lgpio by name, not by gpiozero's search: on a Pi 5 nothing else works, and a silent fall back
    would leave the walker with a dark lamp and a dead button."""
    try:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:  # lgpio raises a class of its own, which exists only where lgpio does
        raise PinsError(f"the Pi's pins cannot be driven ({error}): {_cure(error)}") from error


def _cure(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "sudo apt install python3-lgpio, and make the virtual environment with --system-site-packages"
    if isinstance(error, FileNotFoundError):  # lgpio's pipe .lgd-nfy, made where it is imported
        return "start Rearguard in a folder that it may write to, or name one in LG_WD"
    return "put the user into the group gpio: sudo usermod -aG gpio $USER, then log in again"
