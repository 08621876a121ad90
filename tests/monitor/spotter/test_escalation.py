"""What phones are told: the first word at once, repetitions while nobody answers, and the end."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from monitor.core.alarm_rules import CONFIRMED, CONFIRMED_ACKNOWLEDGED, SUSPECTED
from monitor.core.alarm_rules import State as At
from monitor.core.vocabulary import AlertKind, Certainty, Priority, Stage
from monitor.delivery.messages import NO_CONTACT, State
from monitor.spotter.escalation import PATIENCE_S, PER_DAY, Escalation, Push
from monitor.spotter.incident import Incident
from monitor.spotter.view import SpotterView

FALL = Incident("aaaa-1", "aaaa", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 0.0)
STUMBLE = replace(FALL, id="aaaa-2", kind=AlertKind.STUMBLE, priority=Priority.MEDIUM)


ARMED = State("aaaa", 1, 0.0, 0.0, 0.0, True, False)


class Play:
    """An escalation, the view it watches, and its clock."""

    def __init__(self, least: Priority = Priority.MEDIUM, per_minute: int = 6) -> None:
        self.escalation = Escalation("walker", least, per_minute)
        self.view = SpotterView("walker")
        self.view.no_contact = ""
        self.view.state = ARMED
        self.time_s = 0.0
        self.step()

    def step(self) -> list[Push]:
        return self.escalation.step(self.view, self.time_s)

    def show(self, *stories: Incident) -> list[Push]:
        for story in stories:
            self.view.incidents[story.id] = story
        return self.step()

    def wait(self, seconds: float) -> list[tuple[float, Push]]:
        told = []
        for _ in range(round(seconds)):
            self.time_s += 1.0
            told += [(self.time_s, push) for push in self.step()]
        return told


def test_a_high_alert_is_sent_at_once_and_urgently() -> None:
    (push,) = Play().show(FALL)
    assert push.urgent
    assert push.title == "FALL: walker"


def test_it_is_repeated_until_somebody_answers() -> None:
    play = Play()
    play.show(FALL)
    told = play.wait(200)
    assert [at_s for at_s, _ in told] == [15, 30, 45, 60, 80, 107, 143, 191]
    assert all(push.urgent for _, push in told)
    (push,) = play.show(replace(FALL, sequence=2, stage=Stage.ACKNOWLEDGED, who="Eva"))
    assert "Eva is coming" in push.body
    assert not push.urgent
    assert play.wait(200) == []


def test_one_incident_is_one_thread_that_ends_with_all_clear() -> None:
    play = Play()
    cleared = At(Certainty.CONFIRMED, Stage.CLEARED)
    places = (SUSPECTED, CONFIRMED, CONFIRMED_ACKNOWLEDGED, cleared)
    told = [
        push
        for n, at in enumerate(places, 1)
        for push in play.show(replace(FALL, sequence=n, certainty=at.certainty, stage=at.stage))
    ]
    assert {push.thread for push in told} == {"aaaa-1"}
    assert len(told) == 4
    assert told[-1].body.startswith("ALL CLEAR")
    for words in ("FALL suspected", "FALL confirmed", "FALL confirmed, acknowledged", "FALL cleared"):
        assert words in told[-1].body
    assert play.wait(100) == []


def test_an_alert_that_climbs_to_high_becomes_urgent_and_counts_from_there() -> None:
    play = Play()
    assert not play.show(STUMBLE)[0].urgent
    play.wait(20)
    (push,) = play.show(replace(STUMBLE, sequence=2, kind=AlertKind.FALL, priority=Priority.HIGH))
    assert push.urgent
    assert [at_s for at_s, _ in play.wait(20)] == [35]


def test_what_is_too_low_is_not_sent_but_a_test_is() -> None:
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


def flooded() -> Play:
    """No room is left for a minute."""
    play = Play(per_minute=6)
    for n in range(7):
        play.show(replace(STUMBLE, id=f"aaaa-{n + 10}"))
    return play


def test_a_fall_that_waits_again_after_an_answer_is_sent_at_once_whatever_was_sent_before() -> None:
    play = flooded()
    play.show(FALL)
    play.show(replace(FALL, sequence=2, stage=Stage.ACKNOWLEDGED, who="Eva"))
    (push,) = play.show(replace(FALL, sequence=3))
    assert push.urgent
    assert push.body.startswith("suspected")
    assert [at_s for at_s, _ in play.wait(16)] == [15]


def test_an_end_that_finds_no_room_is_sent_when_there_is_and_only_the_latest_word() -> None:
    play = flooded()
    play.show(FALL)
    assert play.show(replace(FALL, sequence=2, stage=Stage.ACKNOWLEDGED, who="Eva")) == []
    assert play.show(replace(FALL, sequence=3, stage=Stage.CLEARED, who="Eva")) == []
    told = [push for _, push in play.wait(70)]
    assert [push.thread for push in told] == ["aaaa-1"]
    assert told[0].body.startswith("over, cleared by Eva, but still open: stumble\n")
    assert "acknowledged by Eva" in told[0].body


def test_what_phones_never_received_needs_no_end_that_waits_for_room() -> None:
    play = flooded()
    never_told = replace(STUMBLE, id="aaaa-16")
    assert play.show(replace(never_told, sequence=2, stage=Stage.CLEARED)) == []
    assert play.wait(70) == []


def test_an_old_all_clear_does_not_follow_a_new_silence() -> None:
    play = flooded()
    play.view.no_contact = "no heartbeat"
    play.wait(3)
    play.view.no_contact = ""
    assert play.step() == []
    play.view.no_contact = "no heartbeat"
    told = [push.body for _, push in play.wait(70)]
    assert told[0].startswith("nobody knows")
    assert not any("RESTORED" in body for body in told)


def test_a_notifier_that_starts_when_an_armed_device_is_already_dead_says_so() -> None:
    play = Play()
    play.escalation = Escalation("walker", Priority.MEDIUM, 6)
    state, play.view.state, play.view.no_contact = play.view.state, None, "no heartbeat heard yet"
    assert play.wait(10) == []  # the broker is not reached yet
    play.view.state = state  # retained
    assert [at_s - 10 for at_s, _ in play.wait(5)] == [PATIENCE_S]


def test_silence_of_an_armed_device_is_urgent_and_repeated_and_ends() -> None:
    play = Play()
    play.view.no_contact = "no heartbeat"
    told = play.wait(20)
    assert [at_s for at_s, _ in told] == [PATIENCE_S, PATIENCE_S + 15]
    assert all(push.urgent and push.title == "NO CONTACT: walker" for _, push in told)
    play.view.no_contact = ""
    assert "CONTACT RESTORED" in play.step()[0].body


DAY_S = 24 * 3600
NTFY_A_DAY = 250


def test_while_others_say_that_the_broker_is_lost_no_device_is_said_to_be_silent_and_then_it_is() -> None:
    play = Play()
    play.show(FALL)
    play.view.no_contact = "lost the broker"
    sent = []
    for _ in range(20):
        play.time_s += 1.0
        sent += play.escalation.step(play.view, play.time_s, cut=True)
    assert {push.title for push in sent} == {"FALL: walker"}  # nobody has answered: that goes on
    told = play.wait(PATIENCE_S)
    assert [push.title for _, push in told if push.thread == NO_CONTACT] == ["NO CONTACT: walker"]


def test_nothing_that_nobody_answers_rings_without_bound() -> None:
    for silent in (True, False):
        play = Play()
        if silent:
            play.view.no_contact = "no heartbeat"
        else:
            play.show(FALL)
        told = play.wait(2 * DAY_S)
        first_day, second_day = (sum(at_s // DAY_S == day for at_s, _ in told) for day in (0, 1))
        assert 20 < first_day < 60
        assert 20 < second_day < 30  # and it never quite gives up


def test_contact_that_comes_and_goes_all_day_leaves_room_for_a_fall() -> None:
    play = Play()
    told = []
    for _ in range(DAY_S // 60):
        play.view.no_contact = "" if play.view.no_contact else "no heartbeat"
        told += play.wait(60)
    assert len(told) == PER_DAY
    assert "only falls and calls for help" in told[-1][1].body
    assert len(play.show(FALL)) == 1
    rest = play.wait(DAY_S)
    falls = [push for _, push in rest if push.title.startswith("FALL")]
    assert len(falls) > 20
    assert PER_DAY + len(falls) < NTFY_A_DAY
    play.time_s += 60
    assert (
        "Eva is coming" in play.show(replace(FALL, sequence=2, stage=Stage.ACKNOWLEDGED, who="Eva"))[0].body
    )


def test_somebody_who_looks_after_lost_contact_ends_its_ringing_until_it_is_lost_again() -> None:
    play = Play()
    play.view.no_contact = "no heartbeat"
    assert len(play.wait(10)) == 1
    play.view.look_after("Eva")
    ((_, push),) = play.wait(3600)
    assert push.body.startswith("Eva is looking after it")
    assert not push.urgent
    play.view.no_contact = play.view.looked_after_by = ""
    assert "CONTACT RESTORED" in play.step()[0].body
    play.view.no_contact = "no heartbeat"
    assert len(play.wait(10)) == 1


def test_an_acknowledged_fall_that_is_confirmed_is_sent_again_and_does_not_ring() -> None:
    play = Play()
    play.show(FALL)
    acknowledged = replace(FALL, sequence=2, stage=Stage.ACKNOWLEDGED, who="Eva")
    (first,) = play.show(acknowledged)
    assert first.body.startswith("suspected, Eva is coming")
    (second,) = play.show(replace(acknowledged, sequence=3, certainty=Certainty.CONFIRMED))
    assert second.body.startswith("confirmed, Eva is coming")
    assert not second.urgent
    assert play.wait(600) == []


def test_a_moment_out_of_sight_wakes_nobody_nor_does_a_device_that_was_disarmed() -> None:
    play = Play()
    play.view.no_contact = "the broker restarts"
    assert play.wait(PATIENCE_S - 1) == []
    play.view.no_contact = ""
    assert play.view.state is not None
    play.view.state = State("aaaa", 2, 0.0, 0.0, 0.0, False, False)
    play.step()
    play.view.no_contact = "switched off"
    assert play.wait(60) == []


def test_an_ended_incident_is_not_sent_again() -> None:
    play = Play()
    play.show(FALL)
    ended = replace(FALL, sequence=2, stage=Stage.CANCELLED)
    assert len(play.show(ended)) == 1
    assert play.show(ended) == []
    assert play.show(FALL) == []


CLEARED = replace(FALL, sequence=2, certainty=Certainty.CONFIRMED, stage=Stage.CLEARED, who="Eva")


@pytest.mark.parametrize(
    ("state", "others", "words"),
    [
        ({}, [], "ALL CLEAR, cleared by Eva"),
        ({"armed": False}, [], "over, cleared by Eva, but NOT ARMED"),
        (
            {"armed": False, "waits_for": ("stand still for two seconds", "more")},
            [],
            "over, cleared by Eva, but NOT ARMED: stand still for two seconds",
        ),
        ({}, [STUMBLE], "over, cleared by Eva, but still open: stumble"),
        ({}, [replace(STUMBLE, priority=Priority.LOW)], "ALL CLEAR, cleared by Eva"),
    ],
)
def test_all_is_clear_only_if_it_is_armed_and_nothing_is_open(
    state: dict[str, Any], others: list[Incident], words: str
) -> None:
    play = Play()
    play.show(FALL, *others)
    play.view.state = msgspec.structs.replace(ARMED, **state)
    (push,) = play.show(CLEARED)
    assert push.body.split("\n")[0] == words


def test_contact_restored_says_whether_it_watches() -> None:
    play = Play()
    play.view.no_contact = "no heartbeat"
    assert len(play.wait(PATIENCE_S + 1)) == 1
    play.view.no_contact = ""
    play.view.state = msgspec.structs.replace(ARMED, armed=False)
    play.view.incidents[STUMBLE.id] = STUMBLE
    push, _ = play.step()
    assert push.body.startswith("CONTACT RESTORED, but NOT ARMED; still open: stumble\n")


def test_a_notifier_that_is_restarted_counts_from_the_event() -> None:
    play = Play()
    play.time_s = 100.0
    (push,) = play.show(replace(FALL, event_s=72.0))
    assert push.urgent
    assert [push.body.split("\n")[0] for _, push in play.wait(16)] == ["no answer for 43 s"]


def test_an_age_that_nobody_knows_is_not_made_up() -> None:
    play = Play()
    play.show(replace(FALL, event_s=-999.0, age_known=False))
    assert [push.body.split("\n")[0] for _, push in play.wait(16)] == [
        "no answer for a time that nobody knows"
    ]
