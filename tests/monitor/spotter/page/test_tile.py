"""What the page shows of a walker, for all that a view can say. All time is made up."""

from dataclasses import replace
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alarm_rules import CONFIRMED
from monitor.core.vocabulary import Alert, AlertKind, Certainty, InputKind, Priority, Reading, Stage
from monitor.delivery import messages
from monitor.delivery.messages import LIFETIME_S, Clip, Gait, Moment, State, Topics
from monitor.spotter.incident import Incident
from monitor.spotter.page.tile import ALONE, LATE_S, ORDER, RING_S, Look, Tile, look, look_of, tile
from monitor.spotter.view import SpotterView

NOW_S = 10_000.0
TOPICS = Topics("walker")
WALKED = Gait(12, 30.0, "backward", 0.4, 98.0, 40.0, 20.0)

WORST_FIRST = (
    "help",
    "down",
    "falling",
    "no_signal",
    "no_sensor",
    "stumble",
    "test",
    "fault",
    "watch",
    "not_armed",
    "off",
    "safe",
)

LOOKS = {
    (AlertKind.FALL, Certainty.SUSPECTED): ("falling", "falling"),
    (AlertKind.FALL, Certainty.CONFIRMED): ("down", "down"),
    AlertKind.SOS: ("help", "help"),
    AlertKind.STUMBLE: ("stumble", "stumble"),
    AlertKind.UNSAFE_STEP: ("watch", "watch"),
    AlertKind.TIRING: ("watch", "watch"),
    AlertKind.TEST: ("test", "test"),
    AlertKind.SENSOR: ("not_armed", "no_sensor"),
    AlertKind.LINK: ("not_armed", "fault"),
    AlertKind.FAULT: ("not_armed", "fault"),
    AlertKind.BATTERY: ("watch", "watch"),
}
"""What an open incident makes of the walker: at low priority, and above."""


class Device:
    """Heard by a real view. ``time_s`` is the view's and the device's clock."""

    def __init__(self) -> None:
        self.view = SpotterView("walker")
        self.time_s = NOW_S
        self.beat_number = 0
        self.armed = True
        self.view.tick(self.moment)

    @property
    def moment(self) -> Moment:
        return Moment(self.time_s, 1e9 + self.time_s)

    def beat(self, armed: bool | None = None, retained: bool = False, **more: object) -> "Device":
        self.armed = self.armed if armed is None else armed
        self.beat_number += not retained
        about = {"sound_paused": False, "spotters": ("Eva",), "steps": 45, "gait": WALKED} | more
        state = State("aaaa", self.beat_number, self.time_s, 1e9 + self.time_s, 1.0, self.armed, **about)  # type: ignore[arg-type]  # as the test has it
        self.view.update(TOPICS.state, messages.encode(state), retained, self.moment)
        return self

    def seen(self, armed: bool = True, **more: object) -> "Device":
        return self.beat(armed, **more).beat(armed, **more)

    def says(self, availability: bytes) -> "Device":
        self.view.update(TOPICS.availability, availability, False, self.moment)
        return self

    def wait(self, seconds: float) -> "Device":
        for _ in range(round(seconds * 10)):
            self.time_s += 0.1
            self.view.tick(self.moment)
        return self

    def tile(self, **more: Any) -> Tile:
        return tile(self.view, "walker", self.moment, **more)


CONTACTS = {
    "armed": (lambda: Device().seen(), "safe"),
    "not armed": (lambda: Device().seen(armed=False), "not_armed"),
    "lost": (lambda: Device().seen().wait(4), "no_signal"),
    "lost while not armed": (lambda: Device().seen(armed=False).wait(4), "no_signal"),
    "dead": (lambda: Device().seen().says(messages.OFFLINE), "no_signal"),
    "switched off": (lambda: Device().seen(armed=False).says(messages.SWITCHED_OFF), "off"),
    "switched off while armed": (lambda: Device().seen().says(messages.SWITCHED_OFF), "no_signal"),
    "never seen": (lambda: Device(), "no_signal"),
    "last seen before our time": (lambda: Device().beat(retained=True), "no_signal"),
    "switched off before our time": (lambda: Device().says(messages.SWITCHED_OFF), "off"),
}
"""How there can be contact or none, and what that alone makes of the walker."""


def incident(
    kind: AlertKind = AlertKind.FALL,
    priority: Priority = Priority.HIGH,
    certainty: Certainty = Certainty.CONFIRMED,
    stage: Stage = Stage.ACTIVE,
    age_s: float = 0.0,
    name: str = "aaaa-1",
) -> Incident:
    return Incident(name, "aaaa", 1, kind, priority, certainty, stage, NOW_S - age_s)


def put(device: Device, *incidents: Incident) -> Device:
    device.view.incidents = {f"aaaa-{n}": one for n, one in enumerate(incidents)}
    return device


def expected(one: Incident) -> str:
    low, above = LOOKS[one.kind] if one.kind in LOOKS else LOOKS[one.kind, one.certainty]  # type: ignore[index]  # by either
    return low if one.priority is Priority.LOW else above


def worst(*looks: str) -> str:
    return min(looks, key=WORST_FIRST.index)


@pytest.mark.parametrize("contact", CONTACTS)
@pytest.mark.parametrize("kind", AlertKind)
def test_the_one_word_is_the_worst_of_the_incident_and_the_contact(kind: AlertKind, contact: str) -> None:
    make, alone = CONTACTS[contact]
    device = make()
    assert look(device.view) == alone
    for certainty, priority, stage in product(Certainty, Priority, Stage):
        one = incident(kind, priority, certainty, stage)
        shows = alone if stage.ended else worst(expected(one), alone)
        assert look(put(device, one).view) == shows, (certainty, priority, stage)
        assert look_of(one) == expected(one)


def test_every_look_is_one_of_those_and_each_can_be_seen() -> None:
    assert tuple(Look) == WORST_FIRST
    assert set(WORST_FIRST) == {alone for _, alone in CONTACTS.values()} | {
        one for both in LOOKS.values() for one in both
    }


Incidents = st.lists(
    st.builds(
        incident,
        st.sampled_from(AlertKind),
        st.sampled_from(Priority),
        st.sampled_from(Certainty),
        st.sampled_from(Stage),
    ),
    max_size=6,
)


@given(Incidents, st.sampled_from(sorted(CONTACTS)))
def test_of_many_incidents_the_worst_open_one_counts(incidents: list[Incident], contact: str) -> None:
    make, alone = CONTACTS[contact]
    device = put(make(), *incidents)
    open_looks = [expected(one) for one in incidents if not one.stage.ended]
    assert look(device.view) == worst(alone, *open_looks)
    assert device.tile().look == look(device.view)
    assert [shown.look for shown in device.tile().alerts] == [look_of(one) for one in device.view.open]


@given(Incidents, st.builds(incident, st.sampled_from(AlertKind), st.sampled_from(Priority)))
def test_one_more_incident_never_makes_it_look_better(incidents: list[Incident], more: Incident) -> None:
    device = put(Device().seen(), *incidents)
    before = WORST_FIRST.index(look(device.view))
    assert WORST_FIRST.index(look(put(device, *incidents, more).view)) <= before


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("priority", Priority)
@pytest.mark.parametrize("kind", AlertKind)
def test_what_rings_is_active_urgent_and_not_expired(
    kind: AlertKind, priority: Priority, stage: Stage
) -> None:
    urgent = priority is not Priority.LOW or kind is AlertKind.TEST
    for age_s, fresh in ((0.0, True), (LIFETIME_S[priority] - 1, True), (LIFETIME_S[priority], False)):
        shown = put(Device().seen(), incident(kind, priority, stage=stage, age_s=age_s)).tile().alerts
        assert [one.rings for one in shown] == (
            [] if stage.ended else [stage is Stage.ACTIVE and urgent and fresh]
        ), age_s


@pytest.mark.parametrize("armed", [True, False])
@pytest.mark.parametrize("looked_after", [True, False])
@pytest.mark.parametrize(
    ("lose", "lost", "since_s"),
    [
        (lambda device: device.wait(2.5), False, 2.5),
        (lambda device: device.wait(RING_S - 0.2), True, RING_S - 0.2),
        (lambda device: device.wait(RING_S + 0.2), True, RING_S + 0.2),
        (lambda device: device.says(messages.OFFLINE), True, 0.0),
        (lambda device: device.says(messages.OFFLINE).wait(RING_S - 0.2), True, RING_S - 0.2),
        (lambda device: device.says(messages.OFFLINE).wait(RING_S + 0.2), True, RING_S + 0.2),
        (lambda device: device.wait(3600.0), True, 3600.0),
        (lambda device: device.wait(60.0).beat(), False, 0.0),
    ],
)
def test_silence_rings_when_it_was_armed_after_a_while_until_somebody_looks(
    lose, lost: bool, since_s: float, armed: bool, looked_after: bool
) -> None:
    device = Device().seen(armed)
    lose(device)
    if looked_after:
        device.view.look_after("Eva")
    signal = device.tile().signal
    assert signal.lost == lost
    assert signal.rings == (lost and armed and since_s >= RING_S and not looked_after)
    assert signal.silent_s == pytest.approx(since_s, abs=0.01)
    assert bool(signal.why) == lost
    assert signal.looked_after_by == ("Eva" if lost and looked_after else "")


def test_a_device_that_was_armed_when_we_came_and_never_speaks_rings() -> None:
    device = Device().beat(retained=True)
    assert not device.tile().signal.rings
    signal = device.wait(RING_S + 0.2).tile().signal
    assert (signal.lost, signal.rings, signal.silent_s) == (True, True, None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Device().wait(60),
        lambda: Device().seen(armed=False).wait(60),
        lambda: Device().seen(armed=False).says(messages.SWITCHED_OFF).wait(60),
        lambda: Device().says(messages.SWITCHED_OFF).wait(60),
    ],
)
def test_silence_of_what_was_not_armed_does_not_ring(make) -> None:
    assert not make().tile().signal.rings


def test_what_is_switched_off_in_order_is_not_lost() -> None:
    signal = Device().seen(armed=False).says(messages.SWITCHED_OFF).wait(60).tile().signal
    assert (signal.lost, signal.why) == (False, "")


ABOUT = {
    "faults": ("no sensor",),
    "waits_for": ("stand still",),
    "spotters": ("Eva", "Tom"),
    "sound_paused": True,
}


def test_a_fresh_heartbeat_is_shown_whole() -> None:
    shown = Device().seen(**ABOUT).wait(LATE_S - 0.2).tile()
    assert shown.known
    assert (shown.gait, shown.faults, shown.waits_for) == (WALKED, ("no sensor",), ("stand still",))
    assert (shown.listening, shown.sound_paused) == (("Eva", "Tom"), True)
    assert (shown.steps, shown.beat, shown.armed) == (45, 2, True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Device().seen(**ABOUT).wait(LATE_S + 0.2),
        lambda: Device().seen(**ABOUT).wait(3600),
        lambda: Device().beat(retained=True, **ABOUT),  # it may be years old
        lambda: Device(),
    ],
)
def test_of_an_old_heartbeat_nothing_is_shown_that_changes_with_the_walk(make) -> None:
    shown = make().tile()
    assert not shown.known
    assert shown.gait == Gait()
    assert (shown.faults, shown.waits_for, shown.listening, shown.sound_paused) == ((), (), (), False)


ONES = {
    # armed, walking, who the device says listens, whether one of his own can ring here: alone, all are rung
    (True, False, (), False): (True, True),
    (True, True, (), False): (True, True),
    (False, True, (), False): (True, True),
    (False, False, (), False): (False, True),
    (True, False, ("Eva",), False): (False, False),  # by another program, say
    (True, False, ("Eva",), True): (False, False),
    (True, False, (), True): (True, False),  # the device does not know yet
    (False, True, ("Eva",), False): (False, False),
}


@pytest.mark.parametrize(("how", "shown"), ONES.items())
def test_who_is_alone_and_for_whom_everybody_is_rung(
    how: tuple[bool, bool, tuple[str, ...], bool], shown: tuple[bool, bool]
) -> None:
    armed, walking, spotters, heard = how
    seen = Device().seen(armed, walking=walking, spotters=spotters).tile(heard=heard)
    assert (seen.alone, seen.everybody) == shown
    assert (seen.walking, seen.listening) == (walking, spotters)


@pytest.mark.parametrize("heard", [False, True])
def test_without_contact_nobody_is_alone_and_all_are_rung_unless_his_own_can_hear(heard: bool) -> None:
    lost = Device().seen(walking=True).wait(4).tile(heard=heard)
    assert (lost.alone, lost.walking, lost.everybody) == (False, False, not heard)


def test_the_board_has_a_place_for_every_word_the_worst_first() -> None:
    assert [place for place in ORDER if place != ALONE] == list(WORST_FIRST)
    assert ORDER.index(ALONE) == ORDER.index("stumble") + 1
    assert ALONE not in list(Look)


@pytest.mark.parametrize("cut", [False, True])
def test_whose_connection_is_lost_is_said(cut: bool) -> None:
    assert Device().seen().wait(4).tile(cut=cut).signal.cut == cut
    assert not Device().seen().tile(cut=cut).signal.cut  # there is contact
    assert not Device().seen(armed=False).says(messages.SWITCHED_OFF).tile(cut=cut).signal.cut


def test_an_incident_is_shown_with_all_that_is_known_of_it() -> None:
    device = Device().seen()
    evidence = {"peak_accel_g": Reading(3.2, 2.0)}
    message = messages.alert_message(
        Alert("aaaa-7", 7, AlertKind.FALL, Priority.HIGH, *CONFIRMED, device.time_s, evidence, "hard", "Eva"),
        "aaaa",
        device.moment,
    )
    device.view.update(TOPICS.alert, messages.encode(message), False, device.moment)
    (before,) = device.tile().alerts
    device.view.update(
        TOPICS.clip, messages.encode(Clip("aaaa-7", "aaaa", 5.0, 0.04, (), ())), False, device.moment
    )
    device.wait(2.0)
    (shown,) = device.tile().alerts
    assert msgspec.to_builtins(shown) == {
        "id": "aaaa-7",
        "sequence": 7,
        "kind": "fall",
        "priority": 3,
        "certainty": "confirmed",
        "stage": "active",
        "rings": True,
        "age_s": pytest.approx(2.0),
        "age_known": True,
        "reason": "hard",
        "who": "Eva",
        "evidence": {"peak_accel_g": (3.2, 2.0)},
        "look": "down",
        "picture": True,
    }
    assert not before.picture


@pytest.mark.parametrize(("event_s", "age_s"), [(-42.0, 42.0), (0.0, 0.0), (5.0, 0.0)])
def test_an_age_is_of_the_moment_and_never_negative(event_s: float, age_s: float) -> None:
    (shown,) = put(Device().seen(), replace(incident(), event_s=NOW_S + event_s)).tile().alerts
    assert shown.age_s == age_s


def test_an_age_that_nobody_knows_says_so() -> None:
    (shown,) = put(Device().seen(), replace(incident(), age_known=False)).tile().alerts
    assert not shown.age_known


def test_low_supply_is_shown_beside_whatever_else_there_is() -> None:
    fall, battery = incident(), incident(AlertKind.BATTERY, Priority.LOW)
    assert put(Device().seen(), fall, battery).tile().low_supply
    assert not put(Device().seen(), fall, replace(battery, stage=Stage.RECOVERED)).tile().low_supply


def test_what_the_station_adds_is_passed_on() -> None:
    shown = Device().seen().tile(look_s=4.5, lines=17)
    assert (shown.device, shown.look_s, shown.lines) == ("walker", 4.5, 17)


def test_other_people_s_words_hold_no_control_characters() -> None:
    device = Device().seen(faults=("\x1b[2J\u202e",), waits_for=("\x07",), spotters=("Eva\x1b",))
    shown = device.tile()
    device.view.disconnected("\x1b]0;x\x07", device.moment)
    answer = messages.encode_answer(messages.NO_CONTACT, InputKind.COMING, "x").replace(b"x", b"T\\u0007m")
    device.view.update(TOPICS.answer_of("page"), answer, False, device.moment)
    signal = device.tile().signal
    words = (*shown.faults, *shown.waits_for, *shown.listening, signal.why, signal.looked_after_by)
    assert signal.looked_after_by == "T m (page)"
    assert all(word.isprintable() for word in words)
