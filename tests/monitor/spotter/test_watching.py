"""Whether somebody is watched: phones learn each change, settled, and no flood. Time is made up."""

from typing import Any

import pytest

from monitor.delivery.messages import NO_CONTACT, State
from monitor.spotter.escalation import Push
from monitor.spotter.view import SpotterView
from monitor.spotter.watching import SETTLED_S, Watching


class Play:
    def __init__(self) -> None:
        self.view = SpotterView("walker")
        self.watching = Watching("walker")
        self.time_s = 0.0
        self.threads: frozenset[str] = frozenset()

    def state(self, armed: bool = True, **more: Any) -> None:
        self.view.state = State("aaaa", 1, 0.0, 0.0, 0.0, armed, False, **more)
        self.view.no_contact = ""

    def wait(self, seconds: float) -> list[Push]:
        told = []
        for _ in range(round(seconds * 10)):
            self.time_s += 0.1
            told += self.watching.step(self.view, self.time_s, self.threads)
        return told


def test_what_is_seen_at_the_start_is_said_within_ten_seconds() -> None:
    play = Play()
    (push,) = play.wait(10)
    assert (push.title, push.urgent) == ("NOT WATCHING: walker", False)
    assert push.body.startswith("there is no word of a device walker: no heartbeat yet; is mqtt.device right")
    play.state()
    (push,) = play.wait(10)
    assert (push.title, push.body.split("\n")[0]) == ("WATCHING: walker", "armed")


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        (lambda play: play.state(armed=False), "not armed"),
        (lambda play: play.state(armed=False, waits_for=("stand still",)), "not armed: stand still"),
        (lambda play: setattr(play.view, "no_contact", "offline"), "no contact: offline"),
    ],
)
def test_each_change_is_said_once_in_both_directions(happens: Any, words: str) -> None:
    play = Play()
    play.state()
    play.wait(5)
    happens(play)
    (push,) = play.wait(60)
    assert (push.title, push.body.split("\n")[0]) == ("NOT WATCHING: walker", words)
    play.state()
    (push,) = play.wait(60)
    assert push.title == "WATCHING: walker"


def test_what_does_not_last_is_not_said_and_a_flood_is_bounded_but_for_its_last() -> None:
    play = Play()
    play.state()
    play.wait(5)
    told = []
    for n in range(200):
        play.state(armed=n % 2 == 1)
        told += play.wait(SETTLED_S - 1)
    assert told == []
    for n in range(20):
        play.state(armed=n % 2 == 1)
        told += play.wait(SETTLED_S + 1)
    assert len(told) <= 8
    play.state(armed=False)
    assert [push.title for push in play.wait(70)] == ["NOT WATCHING: walker"]


def test_lost_contact_that_rings_is_not_said_twice() -> None:
    play = Play()
    play.state()
    play.wait(5)
    play.view.no_contact, play.threads = "offline", frozenset([NO_CONTACT])
    assert play.wait(30) == []
    play.state()
    assert play.wait(1) == []
    play.threads = frozenset()
    assert [push.title for push in play.wait(10)] == ["WATCHING: walker"]
