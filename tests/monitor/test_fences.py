"""Whatever stage or sink raises, at the start or later: every sink gets every block, and the alert leaves."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Event, EventKind, FaultCode, Input, InputKind, Status
from monitor.fences import HEALED_S, Fences
from monitor.loop import Inbox, Sink, run

FALLS_AT = 40
"""The block in which the walker falls."""


def blocks(count: int = 60) -> Iterator[SampleBlock]:
    for number in range(count):
        yield SampleBlock(np.empty(0), np.empty((0, 3)), np.empty((0, 3)), 0.05 * (number + 1))


class Falls:
    """A detector that finds a fall, and raises in the blocks ``broken``."""

    def __init__(self, broken: range = range(0)) -> None:
        self._broken = broken
        self._block = -1
        self.restarts = 0

    def restart(self) -> None:
        self.restarts += 1

    def update(self, block: SampleBlock, /) -> list[Event]:
        self._block += 1
        if self._block in self._broken:
            raise RuntimeError("detector")
        return [Event(EventKind.DOWN, block.end_s)] if self._block == FALLS_AT else []


def armed() -> Alarm:
    return Alarm(AlarmSettings(), ArmingSettings(needs_stillness=False))


class Eye:
    """A sink that sees."""

    def __init__(self) -> None:
        self.blocks = 0
        self.alerts: list[Alert] = []
        self.status = Status(False, False, (), 0.0)

    def __call__(self, _b: SampleBlock, _e: Sequence[Event], alerts: Sequence[Alert], status: Status) -> None:
        self.blocks += 1
        self.alerts += alerts
        self.status = status

    @property
    def kinds(self) -> list[AlertKind]:
        return [alert.kind for alert in self.alerts]


def broken(*_: object) -> None:
    raise OSError("GPIO busy")


def broken_later() -> Sink:
    calls = iter(range(1000))

    def sink(*_: object) -> None:
        if next(calls) >= FALLS_AT:
            raise OSError("GPIO busy")

    return sink


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("make", [lambda: broken, broken_later], ids=["from the start", "with the fall"])
def test_a_sink_that_raises_costs_itself_only(place: int, make: Callable[[], Sink]) -> None:
    eyes = [Eye() for _ in range(4)]
    sinks: dict[str, Sink] = {f"eye {number}": eye for number, eye in enumerate(eyes)}
    sinks[f"eye {place}"] = make()
    run(blocks(), Falls(), armed(), Inbox(), sinks)
    for number, eye in enumerate(eyes):
        if number != place:
            assert eye.blocks == 60
            assert AlertKind.FALL in eye.kinds
            (fault,) = [alert for alert in eye.alerts if alert.kind is AlertKind.FAULT]
            assert (fault.fault, fault.part) == (FaultCode.DEFECT, f"eye {place}")
            assert fault.reason == "OSError: GPIO busy"


def test_a_detector_that_raises_is_restarted_and_a_fault_and_finds_the_next_fall() -> None:
    eye, detector = Eye(), Falls(range(10, 20))
    run(blocks(200), detector, armed(), Inbox(), {"eye": eye})
    assert detector.restarts == 10
    assert [(alert.kind, alert.stage) for alert in eye.alerts] == [
        ("fault", "active"),
        ("fall", "active"),
        ("fault", "recovered"),
    ]
    fault, _, healed = eye.alerts
    assert (fault.fault, fault.part, fault.time_s) == (FaultCode.DEFECT, "detector", pytest.approx(0.55))
    assert healed.time_s >= 20 * 0.05 + HEALED_S


class Fragile(Alarm):
    """An alarm that one event, or every call in a while, makes raise."""

    fails: Callable[[Sequence[Event]], bool]

    def update(self, now_s: float, events: Sequence[Event], inputs: Sequence[Input]) -> list[Alert]:  # type: ignore[override]
        if self.fails(events):
            raise RuntimeError("alarm")
        return super().update(now_s, events, inputs)


def test_an_event_that_makes_the_alarm_fail_costs_no_other_event_of_its_block() -> None:
    alarm = Fragile(AlarmSettings(), ArmingSettings(needs_stillness=False))
    alarm.fails = lambda events: any(event.kind is EventKind.STUMBLE for event in events)

    class Both(Falls):
        def update(self, block: SampleBlock, /) -> list[Event]:
            fall = super().update(block)
            return [Event(EventKind.STUMBLE, block.end_s), *fall] if fall else []

    eye = Eye()
    run(blocks(), Both(), alarm, Inbox(), {"eye": eye})
    assert AlertKind.FALL in eye.kinds
    (fault,) = [alert for alert in eye.alerts if alert.kind is AlertKind.FAULT]
    assert (fault.fault, fault.part) == (FaultCode.DEFECT, "alarm")


def test_an_alarm_that_always_fails_never_looks_green() -> None:
    alarm = Fragile(AlarmSettings(), ArmingSettings(needs_stillness=False))
    alarm.fails = lambda _: True
    eye = Eye()
    run(blocks(), Falls(), alarm, Inbox(), {"eye": eye})
    (fault,) = eye.status.incidents
    assert (fault.kind, fault.fault, fault.part) == (AlertKind.FAULT, FaultCode.DEFECT, "alarm")
    assert eye.status.time_s == 0.0  # which the watchdog and the heartbeat take for a loop that hangs


def test_what_fails_now_and_then_is_one_fault_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()
    fences = Fences(inbox)
    for number in range(100):
        with fences.around("panel", number * 1.0):
            if number % 4 == 0 and number < 50:
                raise OSError("now and then")
    assert [given.kind for given in inbox.drain()] == [InputKind.FAULT, InputKind.FAULT_GONE]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
