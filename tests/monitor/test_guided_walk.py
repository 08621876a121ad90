"""The three-metre test, step by step: what is said, what sounds, and what comes out."""

import numpy as np
import pytest

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Direction,
    Event,
    Priority,
    Stage,
    Status,
    StepEvent,
    StillEvent,
)  # fmt: skip
from monitor.guided_walk import BEEPS, PATIENCE_S, SILENCE_S, GuidedWalk

STATUS = Status(armed=True, sound_paused=False, incidents=(), time_s=0.0)
B, F, U = Direction.BACKWARD, Direction.FORWARD, Direction.UNKNOWN


class Enacted:
    """A guide, and what it said and sounded, block after block, from 100 s on."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.sounded_s: list[float] = []
        self.now_s = 100.0
        self._presses: list[float] = []
        self.guide = GuidedWalk(self._pressed, self.said.append, lambda: self.sounded_s.append(self.now_s))

    def _pressed(self) -> list[float]:
        pressed, self._presses = self._presses, []
        return pressed

    def block(self, *events: Event, alerts: tuple[Alert, ...] = (), samples: bool = True) -> None:
        self.now_s = round(self.now_s + BLOCK_S, 6)
        time_s = np.array([self.now_s] if samples else [])
        still = np.tile([0.0, 0.0, 1.0], (len(time_s), 1))
        block = SampleBlock(time_s, still, 0 * still, self.now_s, fault="" if samples else "the cable is out")
        self.guide(block, events, alerts, STATUS)

    def wait(self, seconds: float, *, samples: bool = True) -> None:
        for _ in range(round(seconds / BLOCK_S)):
            self.block(samples=samples)

    def stand(self) -> None:
        self.block(StillEvent(self.now_s, gravity_g=1.0, from_upright_deg=0.0))

    def step(self, contact_s: float, way: Direction) -> None:
        self.block(StepEvent(self.now_s, contact_s=contact_s, direction=way))

    def go(self) -> float:
        """Up to the long beep; when it was."""
        self.stand()
        began_s = self.now_s
        self.wait(BEEPS)
        return began_s + BEEPS

    def press(self, at_s: float) -> None:
        self._presses.append(at_s)
        self.block()


def test_a_walk_is_timed_from_the_signal_and_from_the_first_step() -> None:
    test = Enacted()
    go_s = test.go()
    assert test.said == ["3", "2", "1", "GO! Press at the line."]
    test.wait(1.0)
    for contact_s, way in ((0.6, F), (1.2, B), (1.8, B), (2.4, B)):
        test.step(go_s + contact_s, way)
    test.press(go_s + 3.3)
    test.wait(3.5)
    assert test.guide.over
    walked = test.guide.walked
    assert walked is not None
    assert walked.seconds == pytest.approx(3.3)
    assert walked.from_first_step_s == pytest.approx(2.7)
    assert walked.steps == 4


def test_three_short_beeps_and_a_long_one() -> None:
    test = Enacted()
    go_s = test.go()
    test.wait(1.0)
    groups = np.split(np.array(test.sounded_s), np.flatnonzero(np.diff(test.sounded_s) > 0.3) + 1)
    assert [group[0] - go_s for group in groups] == pytest.approx([-2.95, -2, -1, 0], abs=0.06)
    assert [len(group) for group in groups[:3]] == [3, 3, 3] or [len(g) for g in groups[:3]] == [2, 3, 3]
    assert len(groups[3]) > 9


def test_nothing_sounds_before_standing_still() -> None:
    test = Enacted()
    test.wait(10.0)
    assert (test.said, test.sounded_s) == ([], [])


def test_who_sets_out_too_early_begins_again() -> None:
    test = Enacted()
    test.stand()
    test.wait(1.0)
    test.step(test.now_s, U)
    assert test.said[-1] == "Too early. Stand still again ..."
    test.go()
    assert test.said[-1] == "GO! Press at the line."


def test_a_press_before_the_signal_ends_nothing() -> None:
    test = Enacted()
    test.stand()
    test.press(test.now_s)
    test.wait(10.0)
    assert not test.guide.over


def test_a_button_that_went_down_before_the_signal_ends_nothing() -> None:
    test = Enacted()
    test.press(test.go() - 0.1)
    test.wait(3.0)
    assert not test.guide.over


@pytest.mark.parametrize("ways", [[F, F, F], [U, U], [], [F, B]])
def test_who_did_not_walk_backward_has_no_result(ways: list[Direction]) -> None:
    test = Enacted()
    go_s = test.go()
    for number, way in enumerate(ways, 1):
        test.step(go_s + 0.6 * number, way)
    test.press(go_s + 3.0)
    test.wait(4.5)
    assert test.guide.walked is None
    assert f"{len(ways)} steps were found" in test.guide.failure


def test_steps_found_late_count_and_those_after_the_line_do_not() -> None:
    test = Enacted()
    go_s = test.go()
    test.wait(2.0)
    test.press(go_s + 2.0)
    test.step(go_s + 1.8, B)
    test.step(go_s + 2.2, B)
    test.wait(1.5)
    assert test.guide.walked is not None
    assert test.guide.walked.steps == 1


def test_a_fall_breaks_it_off() -> None:
    test = Enacted()
    test.go()
    fall = Alert(
        "1", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, test.now_s
    )  # fmt: skip
    test.block(alerts=(fall,))
    assert test.guide.over
    assert "look after the walker" in test.guide.failure


def test_nobody_presses() -> None:
    test = Enacted()
    test.go()
    test.wait(PATIENCE_S + 1)
    assert test.guide.failure == "nobody pressed within 60 s"


def test_a_silent_sensor_ends_it_with_its_reason() -> None:
    test = Enacted()
    test.wait(SILENCE_S + 0.5, samples=False)
    assert test.guide.failure == "the sensor is silent: the cable is out"
