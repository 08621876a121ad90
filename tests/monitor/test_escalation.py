"""What phones are told: the first word at once, repetitions while nobody answers, and the end."""

from dataclasses import replace

import pytest

from monitor.core.vocabulary import AlertKind, Priority, Stage
from monitor.escalation import PATIENCE_S, Escalation, Push
from monitor.messages import State
from monitor.spotter import SpotterView, Story

FALL = Story("aaaa-1", "aaaa", 1, AlertKind.FALL, Priority.HIGH, Stage.SUSPECTED, 0.0)
STUMBLE = replace(FALL, id="aaaa-2", kind=AlertKind.STUMBLE, priority=Priority.MEDIUM)


class Play:
    """An escalation, the view it watches, and its clock."""

    def __init__(self, least: Priority = Priority.MEDIUM, per_minute: int = 6) -> None:
        self.escalation = Escalation("walker", least, per_minute)
        self.view = SpotterView("walker")
        self.view.blind = ""
        self.view.state = State("aaaa", 1, 0.0, 0.0, 0.0, True, False)
        self.time_s = 0.0
        self.step()

    def step(self) -> list[Push]:
        return self.escalation.step(self.view, self.time_s)

    def show(self, *stories: Story) -> list[Push]:
        for story in stories:
            self.view.stories[story.id] = story
        return self.step()

    def wait(self, seconds: float) -> list[tuple[float, Push]]:
        told = []
        for _ in range(round(seconds)):
            self.time_s += 1.0
            told += [(self.time_s, push) for push in self.step()]
        return told


def test_a_high_alert_is_told_at_once_and_urgently() -> None:
    (push,) = Play().show(FALL)
    assert push.urgent
    assert push.title == "FALL: walker"


def test_it_is_repeated_until_somebody_answers() -> None:
    play = Play()
    play.show(FALL)
    told = play.wait(200)
    assert [at_s for at_s, _ in told] == [15, 30, 60, 120, 180]
    assert all(push.urgent for _, push in told)
    (push,) = play.show(replace(FALL, sequence=2, stage=Stage.ANSWERED, who="Eva"))
    assert "Eva is coming" in push.body
    assert not push.urgent
    assert play.wait(200) == []


def test_one_story_is_one_thread_that_ends_with_all_clear() -> None:
    play = Play()
    stages = (Stage.SUSPECTED, Stage.CONFIRMED, Stage.ANSWERED, Stage.CLEARED)
    told = [
        push
        for n, stage in enumerate(stages, 1)
        for push in play.show(replace(FALL, sequence=n, stage=stage))
    ]
    assert {push.thread for push in told} == {"aaaa-1"}
    assert len(told) == 4
    assert told[-1].body.startswith("ALL CLEAR")
    assert all(stage in told[-1].body for stage in stages)
    assert play.wait(100) == []


def test_an_alert_that_climbs_to_high_becomes_urgent_and_counts_from_there() -> None:
    play = Play()
    assert not play.show(STUMBLE)[0].urgent
    play.wait(20)
    (push,) = play.show(replace(STUMBLE, sequence=2, kind=AlertKind.FALL, priority=Priority.HIGH))
    assert push.urgent
    assert [at_s for at_s, _ in play.wait(20)] == [35]


def test_what_is_too_low_is_not_told_but_a_test_is() -> None:
    play = Play()
    low = replace(FALL, kind=AlertKind.UNSAFE_STEP, priority=Priority.LOW)
    assert play.show(low) == []
    assert play.show(replace(low, id="aaaa-3", kind=AlertKind.TEST)) != []


@pytest.mark.parametrize("flood", [0, 7, 50])
def test_no_flood_holds_back_a_new_high_alert_or_its_repetition(flood: int) -> None:
    play = Play(per_minute=6)
    told = [push for n in range(flood) for push in play.show(replace(STUMBLE, id=f"aaaa-{n + 10}"))]
    assert len(told) == min(flood, 6)
    (push,) = play.show(FALL)
    assert push.urgent
    assert ("held back" in push.body) == (flood > 6)
    assert [at_s for at_s, _ in play.wait(16)] == [15]


def test_silence_of_an_armed_device_is_urgent_and_repeated_and_ends() -> None:
    play = Play()
    play.view.blind = "no heartbeat"
    told = play.wait(20)
    assert [at_s for at_s, _ in told] == [PATIENCE_S, PATIENCE_S + 15]
    assert all(push.urgent and push.title == "NO CONTACT: walker" for _, push in told)
    play.view.blind = ""
    assert "ALL CLEAR" in play.step()[0].body


def test_a_moment_out_of_sight_wakes_nobody_nor_does_a_device_that_was_disarmed() -> None:
    play = Play()
    play.view.blind = "the broker restarts"
    assert play.wait(PATIENCE_S - 1) == []
    play.view.blind = ""
    assert play.view.state is not None
    play.view.state = State("aaaa", 2, 0.0, 0.0, 0.0, False, False)
    play.step()
    play.view.blind = "switched off"
    assert play.wait(60) == []


def test_an_ended_story_is_not_told_again() -> None:
    play = Play()
    play.show(FALL)
    ended = replace(FALL, sequence=2, stage=Stage.CANCELLED)
    assert len(play.show(ended)) == 1
    assert play.show(ended) == []
    assert play.show(FALL) == []
