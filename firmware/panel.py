"""The walker's side: one lamp, one buzzer, one button; each of them may be absent."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from gpiozero import LED, Button, DigitalOutputDevice, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from firmware.errors import PinsError
from firmware.gestures import Gestures
from firmware.patterns import PATTERNS, Colour, is_on, look_of
from monitor.core.setting import SettingError, number
from monitor.core.vocabulary import Input, Status

_BOUNCE_S = 0.02
_MODEL = Path("/proc/device-tree/model")


@dataclass(frozen=True)
class PanelSettings:
    """The pins by their GPIO (BCM) numbers; -1 is absent."""

    red_pin: int = number(17, -1, 27, "", "GPIO of the lamp's red, or of a single LED; -1: none")
    green_pin: int = number(27, -1, 27, "", "GPIO of the lamp's green; -1: none")
    blue_pin: int = number(22, -1, 27, "", "GPIO of the lamp's blue; -1: none")
    buzzer_pin: int = number(18, -1, 27, "", "GPIO of the buzzer; -1: none")
    buzzer_hz: int = number(
        0,
        0,
        5000,
        "Hz",
        "tone of a passive buzzer; 0 for an active one that only wants current",
        "lower",
        "higher",
    )
    button_pin: int = number(23, -1, 27, "", "GPIO of the button, which connects it to ground; -1: none")
    deadman_pin: int = number(
        -1, -1, 27, "", "GPIO that changes with every block, for an alarm that sounds when it stops; -1: none"
    )
    sensor_power_pin: int = number(
        -1, -1, 27, "", "GPIO that feeds the sensor, to switch a hung one off and on; -1: none"
    )

    def __post_init__(self) -> None:
        taken: dict[int, str] = {}
        for key, pin in self.pins.items():
            if pin in taken:
                raise SettingError(
                    key, f"GPIO {pin} is {taken[pin]} already: give each part its own pin", taken[pin]
                )
            taken[pin] = key

    @property
    def pins(self) -> dict[str, int]:
        """The GPIO of each part that is there, by its key."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name.endswith("_pin")}
        return {key: pin for key, pin in named.items() if pin >= 0}


def on_a_pi() -> bool:
    """Whether this machine has pins at all."""
    return _MODEL.exists() and "Raspberry Pi" in _MODEL.read_text(errors="replace")


class Panel:
    """Shows a `Status` by light and sound, and puts what the button says into ``put``.

    ``mock`` drives gpiozero's mock pins instead of real ones; left out, that is so wherever there
    is no Pi. On a Pi whose pins cannot be driven it raises `PinsError`: a lamp that stays dark
    must be known. `show` steps the rhythms; if the loop stands still, so do they.
    """

    def __init__(
        self,
        settings: PanelSettings,
        put: Callable[[Input], None],
        clock: Callable[[], float] = time.monotonic,
        mock: bool | None = None,
    ) -> None:
        self._put = put
        self._clock = clock
        self.mock = not on_a_pi() if mock is None else mock
        self.pins = MockFactory(pin_class=MockPWMPin) if self.mock else _real_pins()
        pins = {"pin_factory": self.pins}
        self._lamp = [
            LED(pin, **pins) if pin >= 0 else None
            for pin in (settings.red_pin, settings.green_pin, settings.blue_pin)
        ]
        self._buzzer = self._button = self._deadman = self._power = None
        if settings.buzzer_pin >= 0 and settings.buzzer_hz:
            self._buzzer = PWMOutputDevice(settings.buzzer_pin, frequency=settings.buzzer_hz, **pins)
        elif settings.buzzer_pin >= 0:
            self._buzzer = DigitalOutputDevice(settings.buzzer_pin, **pins)
        if settings.deadman_pin >= 0:
            self._deadman = DigitalOutputDevice(settings.deadman_pin, **pins)
        if settings.sensor_power_pin >= 0:
            self._power = DigitalOutputDevice(settings.sensor_power_pin, initial_value=True, **pins)
        self._gestures = Gestures()
        self._edges: deque[tuple[bool, float]] = deque()
        if settings.button_pin >= 0:
            self._button = Button(settings.button_pin, bounce_time=None if self.mock else _BOUNCE_S, **pins)
            self._button.when_pressed = lambda: self._edges.append((True, clock()))
            self._button.when_released = lambda: self._edges.append((False, clock()))
        self._shown: tuple[object, ...] = ()
        self._began_s = 0.0
        self.light = self.sound = ""  # what they do now, in words
        self.lit = self.sounding = False  # what they do this moment

    def show(self, status: Status) -> None:
        """Call it with every block: steps light and sound, and passes on what the button said."""
        look = look_of(status)
        pattern = PATTERNS[look]
        # A new story sounds from its beginning, even where it looks like the one before.
        shown = (look, status.incidents[0].id if status.incidents else "")
        if shown != self._shown:
            self._shown, self._began_s = shown, status.time_s
        elapsed_s = status.time_s - self._began_s
        self.light = pattern.light_words
        self.sound = "silent: paused" if status.sound_paused and pattern.sound else pattern.sound_words
        self._switch_lamp(pattern.colour, is_on(pattern.light, elapsed_s))
        self._switch_buzzer(is_on(pattern.sound, elapsed_s) and not status.sound_paused)
        if self._deadman is not None:
            self._deadman.toggle()
        self._listen()

    def power(self, on: bool) -> None:
        """Switch the sensor's supply; without a pin for it nothing happens."""
        if self._power is not None:
            self._power.value = on

    @property
    def parts(self) -> dict[str, Callable[[bool], None]]:
        """A switch for each colour of the lamp and for the buzzer, as far as they are wired."""
        switches: dict[str, Callable[[bool], None]] = {
            f"lamp {name}": partial(_switch, led)
            for name, led in zip(("red", "green", "blue"), self._lamp, strict=True)
            if led is not None
        }
        return switches | ({"buzzer": self._switch_buzzer} if self._buzzer is not None else {})

    @property
    def pressed(self) -> bool | None:
        """Whether the button is down; None where there is none."""
        return None if self._button is None else bool(self._button.is_pressed)

    def close(self) -> None:
        """Lamp and buzzer off, pins free."""
        devices = (*self._lamp, self._buzzer, self._button, self._deadman, self._power)
        for device in devices:
            if device is not None:
                device.close()
        self.pins.close()

    def _switch_lamp(self, colour: Colour, on: bool) -> None:
        if not any(part for led, part in zip(self._lamp, colour, strict=True) if led is not None):
            colour = (1, 1, 1)  # none of its LEDs is there: any other shows the rhythm
        self.lit = on
        for led, part in zip(self._lamp, colour, strict=True):
            if led is not None and led.value != (on and part):
                led.value = on and part

    def _switch_buzzer(self, on: bool) -> None:
        if self._buzzer is not None and on != self.sounding:
            self._buzzer.value = on / 2 if isinstance(self._buzzer, PWMOutputDevice) else on
        self.sounding = on

    def _listen(self) -> None:
        moments = [self._edges.popleft() for _ in range(len(self._edges))]
        down = moments[-1][0] if moments else self._gestures.down
        for pressed, time_s in (*moments, (down, self._clock())):
            gesture = self._gestures.update(pressed, time_s)
            if gesture is not None:
                self._put(Input(gesture.kind, who="walker", time_s=gesture.began_s))


def _switch(led: LED, on: bool) -> None:
    led.value = on


def _real_pins() -> Any:
    """lgpio by name, not by gpiozero's search: on a Pi 5 nothing else works, and a silent fall back
    would leave the walker with a dark lamp and a dead button."""
    try:
        from gpiozero.pins.lgpio import LGPIOFactory

        return LGPIOFactory()
    except Exception as error:  # lgpio raises a class of its own, which exists only where lgpio does
        raise PinsError(
            f"the Pi's pins cannot be driven ({error}): sudo apt install python3-lgpio, make the virtual "
            "environment with --system-site-packages, and put the user into the group gpio"
        ) from error
