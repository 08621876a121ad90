"""The panel's parts, each failing alone: at the start, later, and well again."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from firmware import in_use, pins
from firmware import panel as panel_file
from firmware.errors import InUseError
from firmware.panel import PANEL, Panel, PanelSettings
from monitor.core.samples import BLOCK_S
from monitor.core.vocabulary import Alert, AlertKind, Certainty, InputKind, Priority, Stage, Status

FALL = Alert("fall-1", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 0.0)
WHOLE = PanelSettings(deadman_pin=5, sensor_power_pin=6)
PARTS = {
    "the lamp's red": 17,
    "the lamp's green": 27,
    "the lamp's blue": 22,
    "the buzzer": 18,
    "the button": 23,
    "the dead-man line": 5,
    "the sensor's supply": 6,
}


class Pins(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """Mock pins of which somebody else has some, or which a broken wire takes away."""

    def __init__(self) -> None:
        super().__init__(pin_class=MockPWMPin)
        self.busy: set[int] = set()
        self.chip = 0

    def pin(self, name: int) -> Any:
        if name in self.busy:
            raise RuntimeError("'GPIO busy'")  # as lgpio says it, quotes and all
        return super().pin(name)


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self.pins = Pins()
        monkeypatch.setattr(pins, "_lgpio", lambda: self.pins)
        monkeypatch.setattr(pins, "_CHIP", "/nonexistent/gpiochip{}")
        self._monkeypatch = monkeypatch

    def panel(self, settings: PanelSettings = WHOLE) -> Panel:
        return Panel(settings, clock=lambda: self.now_s, mock=False)

    def live(self, panel: Panel, seconds: float, *alerts: Alert) -> list[InputKind]:
        said = []
        for _ in range(round(seconds / BLOCK_S)):
            said += [word.kind for word in panel.presses()]
            panel.show(Status(True, False, alerts, self.now_s))
            panel.beat()
            self.now_s += BLOCK_S
        return said

    def spoil(self, pin: int, spoilt: bool = True) -> None:
        """From now on whatever is done with the pin raises."""

        def fails(*_: object) -> None:
            raise RuntimeError("bad file descriptor")

        device = self.pins.pin(pin)
        for act in ("_get_state", "_set_state", "_set_function"):
            if spoilt:
                self._monkeypatch.setattr(device, act, fails)
            else:
                self._monkeypatch.delattr(device, act)

    def high(self, pin: int) -> bool:
        return bool(self.pins.pin(pin).state)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(monkeypatch)
    yield bench
    bench.pins.busy.clear()
    bench.pins.reset()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_whose_pin_somebody_has_is_a_fault_and_heals_and_the_others_work(
    part: str, bench: Bench
) -> None:
    bench.pins.busy = {PARTS[part]}
    panel = bench.panel()
    assert panel.faults == {
        part: f"GPIO {PARTS[part]} is taken by another program or by an overlay in config.txt (GPIO busy)"
    }
    bench.live(panel, 0.05, FALL)
    if part != "the lamp's red":
        assert bench.high(17)
    if part != "the buzzer":
        assert bench.high(18)
    bench.live(panel, 5.0)
    assert list(panel.faults) == [part]
    bench.pins.busy.clear()
    bench.live(panel, 11.0)
    assert panel.faults == {}
    bench.live(panel, 0.05, FALL)
    assert bench.high(17)
    assert bench.high(18)
    panel.close()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_breaks_while_it_runs_is_a_fault_and_heals(part: str, bench: Bench) -> None:
    panel = bench.panel()
    bench.live(panel, 1.0)
    bench.spoil(PARTS[part])
    bench.live(panel, 1.0, FALL)
    panel.power(False)
    bench.live(panel, 8.0)
    words = {part: f"GPIO {PARTS[part]} cannot be used: bad file descriptor"}
    assert panel.faults == ({} if part == "the lamp's blue" else words)  # blue was not used meanwhile
    bench.spoil(PARTS[part], False)
    bench.live(panel, 11.0)
    assert panel.faults == {}
    assert not bench.high(6)  # what was wanted of it meanwhile is done
    panel.close()


def test_a_part_that_can_be_had_but_not_used_is_one_lasting_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = bench.panel()
    bench.live(panel, 1.0)

    def fails(high: object) -> None:
        if high:
            raise RuntimeError("bad file descriptor")

    monkeypatch.setattr(bench.pins.pin(18), "_set_state", fails)
    bench.live(panel, 1.0, FALL)
    for _ in range(600):
        bench.live(panel, 0.1, FALL)
        assert list(panel.faults) == ["the buzzer"]
    panel.close()


def test_a_lamp_that_lost_a_colour_shows_the_rhythm_in_the_others(bench: Bench) -> None:
    bench.pins.busy = {17}
    panel = bench.panel()
    bench.live(panel, 0.05, FALL)
    assert bench.high(27)
    assert bench.high(22)
    panel.close()


def test_a_buzzer_that_can_have_no_tone_is_a_fault(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(pins, "_lgpio", MockFactory)  # pins without PWM
    monkeypatch.setattr(pins, "_CHIP", "/nonexistent/gpiochip{}")
    monkeypatch.setattr(MockFactory, "chip", 0, raising=False)
    panel = bench.panel(replace(WHOLE, buzzer_hz=2700))
    assert list(panel.faults) == ["the buzzer"]
    assert "GPIO 18 cannot be used" in panel.faults["the buzzer"]
    panel.close()


def test_a_button_that_fails_in_mid_press_says_nothing(bench: Bench) -> None:
    panel = bench.panel()
    bench.live(panel, 0.5)
    bench.pins.pin(23).drive_low()
    bench.live(panel, 0.2)
    bench.spoil(23)
    assert bench.live(panel, 9.0) == []
    bench.spoil(23, False)
    assert bench.live(panel, 12.0) == []
    panel.close()


def test_a_button_that_stays_down_is_a_fault_until_it_comes_up(bench: Bench) -> None:
    panel = bench.panel()
    bench.pins.pin(23).drive_low()
    assert bench.live(panel, 9.0) == [InputKind.BUTTON_LONG]
    assert panel.faults == {}
    assert bench.live(panel, 20.0) == []
    assert "release it" in panel.faults["the button"]
    bench.pins.pin(23).drive_high()
    bench.live(panel, 0.1)
    assert panel.faults == {}
    panel.close()


NO_DRIVER = {
    "ImportError": (ImportError("No module named 'lgpio'"), "apt install python3-lgpio"),
    "its pipe": (FileNotFoundError(2, "No such file or directory", ".lgd-nfy-3"), "LG_WD"),
    "rights": (PermissionError("can not open gpiochip"), "group gpio"),
}


@pytest.mark.parametrize("why", NO_DRIVER)
def test_where_no_pin_can_be_driven_that_is_one_fault_with_its_cure(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    error, cure = NO_DRIVER[why]

    class Lgpio:
        def __getattr__(self, name: str) -> object:
            raise error

    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", Lgpio())
    panel = Panel(PanelSettings(), mock=False)
    assert list(panel.faults) == [PANEL]
    assert panel.faults[PANEL].startswith("the Pi's pins cannot be driven")
    assert cure in panel.faults[PANEL]
    panel.show(Status(True, False, (FALL,), 1.0))
    assert panel.light == "red, flashing fast"  # the words are still told
    assert panel.presses() == []
    panel.close()


def test_a_panel_that_another_program_has_is_left_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(device: int, place: int) -> None:
        raise InUseError(in_use.words("rearguard run, process 812"))

    monkeypatch.setattr(pins, "_CHIP", "/dev/null")
    monkeypatch.setattr(in_use, "take", held)
    panel = bench.panel()
    assert list(panel.faults) == [PANEL]
    assert "process 812" in panel.faults[PANEL]
    monkeypatch.setattr(in_use, "take", lambda device, place: None)
    bench.live(panel, 11.0)
    assert panel.faults == {}
    panel.close()


@pytest.mark.parametrize(
    ("model", "cpuinfo", "pi"),
    [
        ("Raspberry Pi 5 Model B Rev 1.0\0", "", True),
        (None, "processor : 0\nModel : Raspberry Pi 4 Model B Rev 1.4\n", True),  # in a container
        (None, "model name : AMD Ryzen 7\n", False),
        ("Radxa ROCK 5B\0", "", False),
    ],
)
def test_a_pi_is_known_by_its_model_also_where_the_device_tree_is_hidden(
    model: str | None, cpuinfo: str, pi: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(panel_file, "_MODEL", tmp_path / "model")
    monkeypatch.setattr(panel_file, "_CPUINFO", tmp_path / "cpuinfo")
    if model is not None:
        (tmp_path / "model").write_text(model)
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert panel_file.on_a_pi() is pi
