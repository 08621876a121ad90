"""The line put together: what the panel says reaches the alarm, and the dead-man line beats last."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware import pins
from monitor import line as line_file
from monitor.core.arming import ArmingSettings
from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.session import Facts
from monitor.core.vocabulary import Direction, Event, FaultCode, Input, InputKind, Status, StepEvent
from monitor.line import Line, warned
from monitor.loop import Inbox
from monitor.recordings.journal.journal import JournalSettings
from monitor.recordings.journal.sessions import sessions
from monitor.settings import Settings
from tests.firmware.test_panel_faults import Pins


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> Pins:
    """The pins of a Pi, as the panel finds them."""
    factory = Pins()
    monkeypatch.setattr("firmware.panel.on_a_pi", lambda: True)
    monkeypatch.setattr(pins, "_lgpio", lambda: factory)
    monkeypatch.setattr(pins, "_CHIP", "/nonexistent/gpiochip{}")
    return factory


def blocks(count: int) -> Iterator[SampleBlock]:
    for number in range(count):
        yield SampleBlock(np.empty(0), np.empty((0, 3)), np.empty((0, 3)), 0.05 * number)


def test_a_busy_pin_is_a_fault_of_its_part_and_the_line_is_built(driven: Pins) -> None:
    driven.busy = {18}
    line = Line(Settings(), publish=False)
    (told,) = line.inbox.drain()
    assert (told.kind, told.fault, told.part) == (InputKind.FAULT, FaultCode.PANEL, "the buzzer")
    assert "GPIO 18" in told.reason
    line.run(blocks(3))


def test_a_part_that_heals_takes_its_fault_back(driven: Pins) -> None:
    driven.busy = {18}
    line = Line(Settings(), publish=False)
    line.inbox.drain()
    line._panel_faults |= {"the lamp's red": "it was broken"}
    line._report_panel()
    assert line.inbox.drain() == [Input(InputKind.FAULT_GONE, fault=FaultCode.PANEL, part="the lamp's red")]
    line.panel.close()
    line.narrator.close()


def test_the_dead_man_line_beats_after_every_other_sink(driven: Pins) -> None:
    settings = Settings()
    line = Line(replace(settings, panel=replace(settings.panel, deadman_pin=5)), publish=False)
    seen: list[bool] = []
    line.run(blocks(4), {"eye": lambda *_: seen.append(bool(driven.pin(5).state))})
    assert seen == [False, True, False, True]  # what the last sink sees is the beat of the block before


def test_what_the_button_says_reaches_the_alarm_with_the_block(driven: Pins) -> None:
    line = Line(Settings(), publish=False)
    told: list[Input] = []
    put = line.inbox.put

    def listen(word: Input, *_: object) -> None:
        told.append(word)
        put(word)

    line.inbox.put = listen  # type: ignore[method-assign,assignment]

    def pressing() -> Iterator[SampleBlock]:
        for number, block in enumerate(blocks(4)):
            if number == 1:
                driven.pin(23).drive_low()
                driven.pin(23).drive_high()
            if number == 2:
                line.panel._clock = lambda: 1e9  # much later: one press, and no more
            yield block

    line.run(pressing())
    assert [word.kind for word in told] == [InputKind.BUTTON_SHORT]


class Walk:
    """A detector that sees one step, with the first block."""

    facts = Facts()

    def update(self, block: SampleBlock) -> list[Event]:
        return [StepEvent(0.0, contact_s=0.0, direction=Direction.BACKWARD)] if block.end_s == 0.0 else []

    def restart(self) -> None: ...


@pytest.mark.parametrize(
    ("bookmarks", "recorded", "passed_s", "marked"),
    [
        (True, True, 2.9, True),
        (True, True, 3.1, False),  # the walker stands
        (False, True, 2.9, False),
        (True, False, 2.9, False),  # there is nothing to mark it in
    ],
)
def test_two_presses_while_walking_mark_the_moment_with_a_beep_or_else_disarm(
    bookmarks: bool, recorded: bool, passed_s: float, marked: bool, driven: Pins, tmp_path: Path
) -> None:
    settings = Settings(
        arming=ArmingSettings(needs_stillness=False),
        journal=JournalSettings(record=recorded, bookmark_by_button=bookmarks),
    )
    line = Line(settings, publish=False, journal=tmp_path / "journal.db")
    line.detector = Walk()  # type: ignore[assignment]  # as the loop needs it

    def pressing() -> Iterator[SampleBlock]:
        first, *rest = blocks(6)
        yield first
        for _ in range(2):
            driven.pin(23).drive_low()
            driven.pin(23).drive_high()
        line.panel._clock = lambda: 1e9  # much later: two presses, and no more
        yield from (replace(block, end_s=block.end_s - 0.05 + passed_s) for block in rest)

    armed: list[bool] = []
    sounds: list[bool] = []

    def look(_b: SampleBlock, _e: object, _a: object, status: Status) -> None:
        armed.append(status.armed)
        sounds.append(line.panel.sounding)

    line.run(pressing(), {"eye": look})
    assert armed == [True] + [marked] * 5
    assert sounds == [False] + [marked] * 3 + [False] * 2
    if recorded:
        (session,) = sessions(tmp_path / "journal.db")
        found = [(label.label, label.who, label.time_s) for label in session.labels()]
        assert found == ([("bookmark", "walker", passed_s)] if marked else [])


def test_a_missing_password_costs_the_network_and_not_the_buzzer(driven: Pins, tmp_path: Path) -> None:
    settings = Settings()
    mqtt = replace(settings.mqtt, username="walker", password_file=str(tmp_path / "absent"))
    line = Line(replace(settings, mqtt=mqtt), publish=True)
    (lost,) = line.inbox.drain()
    assert lost.kind is InputKind.LINK_LOST
    assert "absent" in lost.reason
    line.inbox.put(lost)
    line.inbox.put(Input(InputKind.BUTTON_LONG))
    looks: list[str] = []
    line.run(blocks(3), {"eye": lambda *_: looks.append(line.panel.light)})
    assert looks == ["red, flashing fast"] * 3


def test_alerts_are_queued_before_hardware_is_touched_and_the_watchdog_and_dead_man_line_come_last(
    driven: Pins, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(line_file, "run", lambda _b, _d, _a, _i, sinks: order.extend(sinks))
    Line(Settings(), publish=True).run(blocks(1), {"watchdog": lambda *_: None})
    assert order == ["link", "panel", "narrator", "watchdog", "dead-man line"]


class Watched:
    """A sampler without a sensor."""

    warning = ""

    def __iter__(self) -> Iterator[SampleBlock]:
        return blocks(line_file.POWER_BLOCKS * 4)


def test_a_supply_that_can_no_longer_be_read_is_not_good_again(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([True, None, None, False])
    monkeypatch.setattr(line_file, "undervoltage", lambda: next(readings))
    inbox = Inbox()
    told = [word.kind for _ in warned(Watched(), inbox) for word in inbox.drain()]  # type: ignore[arg-type]
    assert told == [InputKind.POWER_LOW, InputKind.POWER_GOOD]


def test_the_supply_is_read_every_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    read = iter(range(100))
    monkeypatch.setattr(line_file, "undervoltage", lambda: bool(next(read)) and None)
    for _ in warned(Watched(), Inbox()):  # type: ignore[arg-type]
        pass
    assert line_file.POWER_BLOCKS * BLOCK_S == 2.0
    assert next(read) == 4
