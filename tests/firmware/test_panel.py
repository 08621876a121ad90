"""The panel on gpiozero's mock pins: what a meter would read, what a finger would do."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from firmware import panel as panel_file
from firmware.panel import Panel, PanelSettings
from firmware.patterns import PATTERNS, Look
from monitor.core.samples import BLOCK_S
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Input, InputKind, Priority, Stage, Status

FALL = Alert("fall-1", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 0.0)


@dataclass
class Walker:
    """A panel, its pins, and a clock that the blocks move."""

    settings: PanelSettings = field(default_factory=PanelSettings)
    now_s: float = 500.0
    said: list[Input] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.panel = Panel(self.settings, clock=lambda: self.now_s, mock=True)

    def show(self, *alerts: Alert, seconds: float = BLOCK_S, paused: bool = False) -> list[bool]:
        """The buzzer pin after every block of the next ``seconds``."""
        heard = []
        for _ in range(round(seconds / BLOCK_S)):
            self.said += self.panel.presses()
            self.panel.show(Status(True, paused, alerts, self.now_s))
            self.panel.beat()
            heard.append(self.high(self.settings.buzzer_pin))
            self.now_s += BLOCK_S
        return heard

    def pin(self, number: int) -> Any:
        return self.panel.pins.pin(number)

    def high(self, number: int) -> bool:
        return bool(self.pin(number).state)

    def press(self, seconds: float) -> None:
        self.pin(self.settings.button_pin).drive_low()
        self.show(seconds=seconds)
        self.pin(self.settings.button_pin).drive_high()
        self.show()


@pytest.fixture
def walker() -> Iterator[Walker]:
    walker = Walker()
    yield walker
    walker.panel.close()


def test_an_alarm_sounds_and_shines_red_within_one_block(walker: Walker) -> None:
    walker.show(seconds=1.0)
    assert not walker.high(18)
    walker.show(FALL)
    assert walker.high(18)
    assert (walker.high(17), walker.high(27), walker.high(22)) == (True, False, False)
    assert walker.panel.light == "red, flashing fast"
    assert walker.panel.sound == "five urgent beeps, repeated"


def test_the_sound_follows_its_rhythm(walker: Walker) -> None:
    heard = walker.show(FALL, seconds=1.0)
    assert heard == [True] * 3 + [False] * 2 + [True] * 3 + [False] * 2 + [True] * 3 + [False] * 7


def test_a_paused_sound_is_silent_while_the_light_goes_on(walker: Walker) -> None:
    assert not any(walker.show(FALL, seconds=2.0, paused=True))
    assert walker.panel.sound == "silent: paused"
    assert "red" in walker.panel.light


def test_a_press_is_confirmed_by_one_short_beep_also_where_all_else_is_silent(walker: Walker) -> None:
    walker.show(seconds=1.0)
    walker.panel.confirm()
    assert walker.show(seconds=0.5) == [True] * 3 + [False] * 7
    walker.panel.confirm()
    assert walker.show(FALL, seconds=0.5, paused=True) == [True] * 3 + [False] * 7


def test_a_new_incident_sounds_from_its_beginning(walker: Walker) -> None:
    walker.show(FALL, seconds=1.55)
    assert not walker.high(18)
    walker.show(Alert("fall-2", 2, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 0.0))
    assert walker.high(18)


def test_a_further_stage_of_an_incident_does_not_stutter(walker: Walker) -> None:
    confirmed = Alert("fall-1", 2, AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, 0.0)
    heard = walker.show(FALL, seconds=0.2) + walker.show(confirmed, seconds=0.2)
    assert heard == [True] * 3 + [False] * 2 + [True] * 3


def test_everything_goes_dark_at_the_end() -> None:
    walker = Walker()
    walker.show(FALL)
    pins = [walker.pin(number) for number in (17, 18, 22, 27)]
    walker.panel.close()
    assert not any(pin.state for pin in pins)


@pytest.mark.parametrize(
    ("presses", "kinds"),
    [
        ([0.1], [InputKind.BUTTON_SHORT]),
        ([3.2], [InputKind.BUTTON_LONG]),
        ([0.1, 0.1], [InputKind.BUTTON_DOUBLE]),
    ],
)
def test_the_button_is_understood(walker: Walker, presses: list[float], kinds: list[InputKind]) -> None:
    walker.show(seconds=1.0)
    for seconds in presses:
        walker.press(seconds)
    walker.show(seconds=1.0)
    assert [word.kind for word in walker.said] == kinds
    assert {word.who for word in walker.said} == {"walker"}


@pytest.mark.parametrize("presses", [[0.1], [3.2], [0.1, 0.1]])
def test_a_word_of_the_button_says_when_its_first_press_began(walker: Walker, presses: list[float]) -> None:
    walker.show(seconds=1.0)
    began_s = walker.now_s
    for seconds in presses:
        walker.press(seconds)
    walker.show(seconds=1.0)
    assert [word.time_s for word in walker.said] == [began_s]


def test_a_press_between_two_blocks_is_not_missed(walker: Walker) -> None:
    walker.show()
    walker.pin(23).drive_low()
    walker.now_s += 0.02
    walker.pin(23).drive_high()
    walker.show(seconds=1.0)
    assert [word.kind for word in walker.said] == [InputKind.BUTTON_SHORT]


LAMPS = [
    lamp
    for count in (1, 2, 3)
    for lamp in itertools.combinations(("red_pin", "green_pin", "blue_pin"), count)
]


@pytest.mark.parametrize("lamp", LAMPS, ids=" ".join)
@pytest.mark.parametrize("look", Look)
def test_every_lamp_shows_every_look_in_the_colours_it_has(
    look: Look, lamp: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(panel_file, "look_of", lambda _: look)
    wanted = {
        name
        for name, part in zip(("red_pin", "green_pin", "blue_pin"), PATTERNS[look].colour, strict=True)
        if part
    }
    absent = {name: -1 for name in ("red_pin", "green_pin", "blue_pin") if name not in lamp}
    walker = Walker(replace(PanelSettings(), **absent))
    walker.show()
    lit = {name for name in lamp if walker.high(getattr(walker.settings, name))}
    assert lit == (wanted & set(lamp) or set(lamp))
    walker.panel.close()


def test_a_passive_buzzer_gets_its_tone() -> None:
    walker = Walker(PanelSettings(buzzer_hz=2700))
    walker.show(FALL)
    assert walker.pin(18).frequency == 2700
    assert walker.pin(18).state == 0.5
    walker.panel.close()


def test_the_dead_man_line_changes_with_every_beat_and_only_then() -> None:
    walker = Walker(PanelSettings(deadman_pin=5))
    walker.panel.show(Status(True, False, (), walker.now_s))
    assert not walker.high(5)
    seen = []
    for _ in range(6):
        walker.show()
        seen.append(walker.high(5))
    assert seen == [True, False] * 3
    walker.panel.close()


def test_the_sensors_supply_is_on_until_switched() -> None:
    walker = Walker(PanelSettings(sensor_power_pin=6))
    assert walker.high(6)
    walker.panel.power(False)
    assert not walker.high(6)
    walker.panel.power(True)
    assert walker.high(6)
    walker.panel.close()


def test_everything_may_be_absent() -> None:
    absent = PanelSettings(red_pin=-1, green_pin=-1, blue_pin=-1, buzzer_pin=-1, button_pin=-1)
    panel = Panel(absent, mock=True)
    panel.show(Status(True, False, (FALL,), 1.0))
    panel.beat()
    assert panel.presses() == []
    assert panel.faults == {}
    panel.power(False)
    assert (panel.lit, panel.sounding) == (True, True)  # in words at least
    panel.close()


def test_where_there_is_no_pi_the_pins_are_mocked() -> None:
    panel = Panel(PanelSettings())
    assert panel.mock
    panel.close()
