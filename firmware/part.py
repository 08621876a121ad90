"""One device on one pin that may fail without taking another with it."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from firmware.errors import FirmwareError

RETRY_S = 5.0
"""Between two attempts to get a part that failed."""


class Part:
    """The device ``name`` on GPIO ``pin``: ``make`` builds it from the pins that ``pins`` brings.

    No method raises. Whatever does, when the device is built or later, is the part's ``fault`` in words; the
    device is released and built again after `RETRY_S`. The fault ends when it has worked for as long again.
    """

    def __init__(
        self,
        name: str,
        pin: int,
        make: Callable[[int, Any], Any],
        pins: Callable[[], Any],
        clock: Callable[[], float],
    ) -> None:
        self.name = name
        self.fault = ""
        self._pin, self._make, self._pins, self._clock = pin, make, pins, clock
        self._device: Any = None
        self._value: float | None = None
        self._retry_s = self._well_s = float("-inf")
        self.read("value")

    @property
    def works(self) -> bool:
        """Whether there is a device, as far as is known."""
        return self._device is not None

    def write(self, value: float) -> None:
        """Switch it; a part that failed is switched to the latest value when it is back."""
        if self._device is None or value != self._value:
            self._value = value
            self._use(lambda device: setattr(device, "value", value))

    def read(self, name: str) -> Any:
        """This attribute of the device; None while it has failed."""
        return self._use(lambda device: getattr(device, name))

    def mend(self) -> None:
        """Try again what failed, if it is time."""
        if self.fault:
            self.read("value")

    def close(self) -> None:
        """Let the pin go."""
        device, self._device = self._device, None
        if device is not None:
            with suppress(Exception):  # it may be what failed
                device.close()

    def _use(self, act: Callable[[Any], Any]) -> Any:
        if self._device is None and self._clock() < self._retry_s:
            return None
        try:
            if self._device is None:
                self._device = self._make(self._pin, self._pins())
                if self._value is not None:
                    self._device.value = self._value
            answer = act(self._device)
        except Exception as error:  # noqa: BLE001 - lgpio's own class exists only where lgpio does
            self.fault = self._words(error)
            self._retry_s = self._clock() + RETRY_S
            self._well_s = self._retry_s + RETRY_S  # or a part that is built but fails in use would flap
            self.close()
            return None
        if self._clock() >= self._well_s:
            self.fault = ""
        return answer

    def _words(self, error: Exception) -> str:
        if isinstance(error, FirmwareError):
            return str(error)
        words = str(error).strip("'\"") or type(error).__name__
        if "busy" in words:
            return f"GPIO {self._pin} is taken by another program or by an overlay in config.txt ({words})"
        return f"GPIO {self._pin} cannot be used: {words}"
