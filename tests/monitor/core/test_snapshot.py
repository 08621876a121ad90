"""State taken in mid-session and given to another: it goes on as if it had seen every sample."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.detector import Detector, DetectorSettings
from monitor.core.filters import StateSpace
from monitor.core.samples import SampleBlock
from monitor.core.snapshot import restore, snapshot
from monitor.core.vocabulary import Event, Input, InputKind
from monitor.recordings import corpus
from monitor.recordings.simulated_walker import Move, walk
from monitor.weights import shipped
from tests.monitor.core.deck import deck
from tests.monitor.core.enacted import fall


def walked() -> list[SampleBlock]:
    """Standing, walking both ways, half a second lost on the way, then a fall."""
    script = [(4.0, Move.STAND), (12.0, Move.BACKWARD), (2.0, Move.STAND), (8.0, Move.FORWARD)]
    begin = list(corpus.blocks(walk(script, 100.0, seed=3).trial("walk"), 100.0))
    begin[300:310] = [SampleBlock.silent(block.end_s, "no sensor answers") for block in begin[300:310]]
    time_s, accel_g, gyro_dps = fall(180.0)
    return begin + in_blocks(begin[-1].end_s + 0.01 + time_s, accel_g, gyro_dps)


def on_the_deck() -> list[SampleBlock]:
    time_s, accel_g = deck(30.0, np.arange(2.0, 20.0, 0.6))
    return in_blocks(time_s, accel_g, np.zeros_like(accel_g))


def in_blocks(time_s: Any, accel_g: Any, gyro_dps: Any) -> list[SampleBlock]:
    cuts = np.searchsorted(time_s, np.arange(time_s[0], time_s[-1], 0.05)[1:])
    pieces = zip(*(np.split(array, cuts) for array in (time_s, accel_g, gyro_dps)), strict=True)
    return [SampleBlock(t, a, g, float(t[-1]) + 0.005) for t, a, g in pieces if len(t)]


SESSIONS = {"belt": walked, "treadmill": on_the_deck}


def detector(profile: str) -> Detector:
    return Detector(DetectorSettings(profile=profile), shipped())  # type: ignore[arg-type]  # of the table above


@pytest.mark.parametrize("profile", SESSIONS)
def test_a_detector_restored_at_any_time_goes_on_as_the_first_would(profile: str) -> None:
    blocks = SESSIONS[profile]()
    whole, one = detector(profile), detector(profile)
    expected = [whole.update(block) for block in blocks]
    assert len({event.kind for events in expected for event in events}) >= (5 if profile == "belt" else 2)
    for k, block in enumerate(blocks):
        if k % 37 == 0:
            state = one.snapshot()
            one.update(block)  # what the first goes on to see changes nothing in what was taken
            one = detector(profile)
            one.restore(state)
        assert repr(one.update(block)) == repr(expected[k])  # as text: NaN equals itself
    assert repr(one.facts) == repr(whole.facts)


def parts(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, part
    for name in part.STATE:
        within = getattr(part, name)
        for key, value in within.items() if isinstance(within, dict) else [("", within)]:
            if hasattr(value, "STATE"):
                yield from parts(value, f"{path}.{name}{key}")


@pytest.mark.parametrize("profile", SESSIONS)
def test_nothing_outside_the_state_changes(profile: str) -> None:
    blocks = SESSIONS[profile]()
    one = detector(profile)
    for block in blocks[:20]:
        one.update(block)
    one._start = lambda: pytest.fail("the stages were made anew")  # type: ignore[method-assign]
    whole = [block for block in blocks[20:] if len(block.time_s)]
    shift = blocks[19].end_s
    before = {path: (part, copy.deepcopy(outside(part))) for path, part in parts(one)}
    for block in whole:
        if block.end_s - shift > 0.2:
            break  # a gap begins new parts
        shift = block.end_s
        one.update(block)
    for path, (part, rest) in before.items():
        np.testing.assert_equal(outside(part), rest, err_msg=path)


def outside(part: Any) -> dict[str, Any]:
    """What ``part`` holds beside its state; a filter's matrices are looked into."""
    rest = {name: value for name, value in vars(part).items() if name not in part.STATE}
    return {
        name: vars(value) if isinstance(value, StateSpace) else value
        for name, value in rest.items()
        if not hasattr(value, "STATE") and not isinstance(value, dict) and not callable(value)
    }


def test_an_alarm_restored_goes_on_as_the_first_would() -> None:
    blocks = walked()
    events: list[list[Event]] = []
    judge = detector("belt")
    events = [judge.update(block) for block in blocks]
    inputs = {0: [Input(InputKind.LINK_BACK)], 200: [Input(InputKind.SPOTTER_HERE, who="Eva")]}
    inputs |= {1: [Input(InputKind.ARM)], len(blocks) - 40: [Input(InputKind.PAUSE_SOUND)]}

    def alarm() -> Alarm:
        return Alarm(AlarmSettings(), ArmingSettings())

    whole, one = alarm(), alarm()
    told = 0
    for k, block in enumerate(blocks):
        if k % 17 == 0:
            state = snapshot(one)
            one = alarm()
            restore(one, state)
        expected = whole.update(block.end_s, events[k], inputs.get(k, []))
        assert one.update(block.end_s, events[k], inputs.get(k, [])) == expected
        assert one.status == whole.status
        told += len(expected)
    assert told >= 2


def test_a_state_of_another_part_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Alarm: expected a state of .* found"):
        restore(Alarm(AlarmSettings(), ArmingSettings()), detector("belt").snapshot())
