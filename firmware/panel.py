"""The walker's side: one lamp, one buzzer, one button; each of them may be absent."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from firmware import pins
from firmware.gestures import Gestures
from firmware.part import Part
from firmware.patterns import CONFIRM_BLOCKS, PATTERNS, Colour, is_on, look_of
from monitor.core.setting import SettingError, number
from monitor.core.vocabulary import Input, Status

PANEL = "the panel"
"""All its parts, where the pins themselves cannot be driven."""

BUTTON = "the button"

_STUCK_S = 10.0  # a button held for so long is no call for help any more
_MODEL = Path("/proc/device-tree/model")
_CPUINFO = Path("/proc/cpuinfo")  # names the board too, and is not hidden in a container


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
        "frequency of a passive buzzer; 0 for an active one, which needs only DC",
        "a lower tone",
        "a higher tone",
    )
    button_pin: int = number(23, -1, 27, "", "GPIO of the button, which connects it to ground; -1: none")
    deadman_pin: int = number(
        -1,
        -1,
        27,
        "",
        "GPIO that toggles every 50 ms, for an external alarm that sounds when it stops; -1: none",
    )
    sensor_power_pin: int = number(
        -1, -1, 27, "", "GPIO that powers the sensor, so that a hung one can be power-cycled; -1: none"
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
    """Whether this machine has a Raspberry Pi's pins at all."""
    with suppress(OSError):
        for place in (_MODEL, _CPUINFO):
            if place.exists() and "Raspberry Pi" in place.read_text(errors="replace"):
                return True
    return False


class Panel:
    """Shows a `Status` by light and sound, and says what was done with the button.

    ``mock`` drives gpiozero's mock pins instead of real ones; left out, that is so wherever there is no Pi.
    Nothing here raises: a part that cannot be driven is in `faults`, is tried again every few seconds, and
    keeps no other from its work. `show` steps the rhythms; if the loop stands still, so do they.
    """

    def __init__(
        self,
        settings: PanelSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        mock: bool | None = None,
    ) -> None:
        self._clock = clock
        self.mock = not on_a_pi() if mock is None else mock
        self._edges: deque[tuple[bool, float]] = deque()
        self._pins = pins.Pins(self.mock, clock)
        self._tone = 0.5 if settings.buzzer_hz else 1.0  # a tone's duty cycle

        def part(name: str, pin: int, make: Callable[[int, Any], Any] = pins.line) -> Part | None:
            return Part(name, pin, make, self._pins.driver, clock) if pin >= 0 else None

        self._lamp = [
            part("the lamp's red", settings.red_pin),
            part("the lamp's green", settings.green_pin),
            part("the lamp's blue", settings.blue_pin),
        ]
        self._buzzer = part("the buzzer", settings.buzzer_pin, pins.buzzer(settings.buzzer_hz))
        self._button = part(BUTTON, settings.button_pin, pins.button(self._changed))
        self._deadman = part("the dead-man line", settings.deadman_pin)
        self._power = part("the sensor's supply", settings.sensor_power_pin, pins.supply)
        self._gestures = Gestures()
        self._up_s = clock()  # when the button was last seen up
        self._beats = 0
        self._shown: tuple[object, ...] = ()
        self._began_s = 0.0
        self._confirming = 0  # blocks in which it still sounds that a press was understood
        self.light = self.sound = ""  # what they do now, in words
        self.lit = self.sounding = False  # what they do this moment

    @property
    def pins(self) -> Any:
        """gpiozero's pin factory; None while there is none."""
        return self._pins.factory

    @property
    def faults(self) -> dict[str, str]:
        """What does not work now, and why, by the name of the part."""
        if self._pins.fault:
            return {PANEL: self._pins.fault}
        faults = {part.name: part.fault for part in self._parts if part.fault}
        if self._button is not None and self._clock() - self._up_s > _STUCK_S:
            faults[self._button.name] = (
                f"it has read pressed for {_STUCK_S:.0f} s: release it, or check the button and its wiring"
            )
        return faults

    def show(self, status: Status) -> None:
        """Call it with every block: steps light and sound."""
        look = look_of(status)
        pattern = PATTERNS[look]
        # A new incident sounds from its beginning, even where it looks like the one before.
        shown = (look, status.incidents[0].id if status.incidents else "")
        if shown != self._shown:
            self._shown, self._began_s = shown, status.time_s
        elapsed_s = status.time_s - self._began_s
        self.light = pattern.light_words
        self.sound = "silent: paused" if status.sound_paused and pattern.sound else pattern.sound_words
        self._switch_lamp(pattern.colour, is_on(pattern.light, elapsed_s))
        sounds = is_on(pattern.sound, elapsed_s) and not status.sound_paused
        confirms, self._confirming = self._confirming > 0, max(0, self._confirming - 1)
        self._switch_buzzer(sounds or confirms)
        for part in self._parts:
            part.mend()
        self._pins.forget()

    def confirm(self) -> None:
        """Sound once, shortly, from the next block on: a press was understood."""
        self._confirming = CONFIRM_BLOCKS

    def presses(self) -> list[Input]:
        """What the button has said since the last call; call it with every block."""
        now_s = self._clock()
        if self._button is None:
            return []
        if not self._button.read("is_pressed"):
            self._up_s = now_s
        moments = [self._edges.popleft() for _ in range(len(self._edges))]
        if not self._button.works:
            self._gestures = Gestures()  # nobody will see it come up: half a press says nothing
            return []
        down = moments[-1][0] if moments else self._gestures.down
        gestures = [self._gestures.update(*moment) for moment in (*moments, (down, now_s))]
        return [Input(g.kind, who="walker", time_s=g.began_s) for g in gestures if g is not None]

    def beat(self) -> None:
        """Change the dead-man line; call it last, when all others have had the block."""
        if self._deadman is not None:
            self._beats += 1
            self._deadman.write(self._beats % 2)

    def power(self, on: bool) -> None:
        """Switch the sensor's supply; without a pin for it nothing happens."""
        if self._power is not None:
            self._power.write(on)

    @property
    def parts(self) -> dict[str, Callable[[bool], None]]:
        """A switch for each colour of the lamp and for the buzzer, as far as they are wired, by name."""
        switches: dict[str, Callable[[bool], None]] = {
            part.name: part.write for part in self._lamp if part is not None
        }
        return switches | ({self._buzzer.name: self._switch_buzzer} if self._buzzer is not None else {})

    @property
    def pressed(self) -> bool | None:
        """Whether the button is down; None where there is none, or none that works."""
        pressed = self._button.read("is_pressed") if self._button is not None else None
        return None if pressed is None else bool(pressed)

    def close(self) -> None:
        """Lamp and buzzer off, pins free."""
        for part in self._parts:
            part.close()
        self._pins.close()

    @property
    def _parts(self) -> list[Part]:
        parts = (*self._lamp, self._buzzer, self._button, self._deadman, self._power)
        return [part for part in parts if part is not None]

    def _switch_lamp(self, colour: Colour, on: bool) -> None:
        there = [led is not None and led.works for led in self._lamp]
        if not any(part and works for part, works in zip(colour, there, strict=True)):
            colour = (1, 1, 1)  # none of its LEDs is there: any other shows the rhythm
        self.lit = on
        for led, part in zip(self._lamp, colour, strict=True):
            if led is not None:
                led.write(on and part)

    def _switch_buzzer(self, on: bool) -> None:
        if self._buzzer is not None:
            self._buzzer.write(self._tone * on)
        self.sounding = on

    def _changed(self, pressed: bool) -> None:
        self._edges.append((pressed, self._clock()))
