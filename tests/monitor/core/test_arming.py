"""The arming checklist: what must be so, what is said while it is not."""

import pytest

from monitor.core.arming import Arming, ArmingSettings
from monitor.core.vocabulary import (
    Direction,
    Event,
    EventKind,
    Input,
    InputKind,
    Obstacle,
    StepEvent,
    StillEvent,
    Waiting,
)


def still(gravity_g: float = 1.0, lean_deg: float | None = 3.0) -> Event:
    return StillEvent(1.0, gravity_g=gravity_g, from_upright_deg=lean_deg)


def step(direction: Direction) -> Event:
    return StepEvent(1.0, contact_s=0.8, direction=direction)


LOST = Event(EventKind.SENSOR_LOST, 1.0, {}, "no answer")
BACK = Event(EventKind.SENSOR_BACK, 2.0)


def say(kind: InputKind, reason: str = "", who: str = "") -> Input:
    return Input(kind, who=who, reason=reason)


def tell(arming: Arming, *things: Event | Input) -> Arming:
    for thing in things:
        if isinstance(thing, Event):
            arming.on_event(thing)
        else:
            arming.on_input(thing)
    return arming


def test_it_arms_at_the_start_once_the_walker_has_stood_still() -> None:
    arming = Arming(ArmingSettings())
    assert arming.missing == (Waiting(Obstacle.NOT_STILL),)
    assert tell(arming, still()).armed


@pytest.mark.parametrize(
    ("things", "missing"),
    [
        ([still(0.89)], (Obstacle.GRAVITY, "0.89")),
        ([still(1.11)], (Obstacle.GRAVITY, "1.11")),
        ([still(lean_deg=46.0)], (Obstacle.TILT, "46")),
        ([LOST, still()], (Obstacle.SENSOR, "no answer")),
        ([say(InputKind.POWER_LOW), still()], (Obstacle.POWER, "")),
    ],
)
def test_what_is_wrong_is_said_and_keeps_it_disarmed(
    things: list[Event | Input], missing: tuple[Obstacle, str]
) -> None:
    arming = tell(Arming(ArmingSettings()), *things)
    assert not arming.armed
    assert missing in arming.missing


@pytest.mark.parametrize("good", [still(0.9), still(1.1), still(lean_deg=45.0)])
def test_limits_are_inclusive(good: Event) -> None:
    assert tell(Arming(ArmingSettings()), good).armed


def test_it_arms_by_itself_when_what_was_missing_comes() -> None:
    arming = tell(Arming(ArmingSettings()), say(InputKind.POWER_LOW), LOST)
    assert not tell(arming, BACK, still()).armed
    assert tell(arming, say(InputKind.POWER_GOOD)).armed


def test_an_active_warning_does_not_keep_it_from_arming() -> None:
    """A chip of unknown identity that was allowed, a lamp without pins: told, and no reason not to watch."""
    assert tell(Arming(ArmingSettings()), say(InputKind.FAULT, "an unknown chip"), still()).armed


def test_on_a_frame_that_knows_no_upright_gravity_alone_counts() -> None:
    on_frame = still(lean_deg=None)
    assert tell(Arming(ArmingSettings()), on_frame).armed


def test_where_a_spotter_is_needed_the_broker_and_the_spotter_must_be_there() -> None:
    arming = tell(Arming(ArmingSettings(needs_spotter=True)), still())
    assert arming.missing == (Waiting(Obstacle.LINK),)
    assert tell(arming, say(InputKind.LINK_BACK)).missing == (Waiting(Obstacle.NO_SPOTTER),)
    tell(arming, say(InputKind.SPOTTER_HERE, who="Ada"), say(InputKind.SPOTTER_HERE, who="Bo"))
    assert arming.armed
    tell(arming, say(InputKind.SPOTTER_GONE, who="Ada"), say(InputKind.DISARM), say(InputKind.ARM), still())
    assert arming.armed
    tell(arming, say(InputKind.SPOTTER_GONE, who="Bo"), say(InputKind.DISARM), say(InputKind.ARM), still())
    assert not arming.armed


def test_what_fails_later_does_not_disarm() -> None:
    arming = tell(
        Arming(ArmingSettings(needs_spotter=False)), still(), LOST, say(InputKind.LINK_LOST, "gone")
    )
    assert arming.armed


@pytest.mark.parametrize("kind", [InputKind.BUTTON_DOUBLE, InputKind.DISARM])
def test_a_person_disarms_at_once_and_arms_again(kind: InputKind) -> None:
    arming = tell(Arming(ArmingSettings()), still(), say(kind))
    assert not arming.armed
    again = InputKind.ARM if kind is InputKind.DISARM else kind
    assert not tell(arming, say(again)).armed  # the stillness of then says nothing of now
    assert tell(arming, still()).armed


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (ArmingSettings(by_button=False), InputKind.BUTTON_DOUBLE),
        (ArmingSettings(by_request=False), InputKind.DISARM),
    ],
)
def test_a_way_that_is_switched_off_does_nothing(settings: ArmingSettings, kind: InputKind) -> None:
    assert tell(Arming(settings), still(), say(kind)).armed


def test_backward_walking_arms_where_it_may() -> None:
    backward = [step(Direction.BACKWARD)] * 4
    asked = ArmingSettings(at_start=False, when_walking_backward=True)
    assert not tell(Arming(asked), still(), *backward[:-1]).armed
    assert tell(Arming(asked), still(), *backward).armed
    assert not tell(Arming(asked), still(), *backward[:-1], step(Direction.UNKNOWN), backward[0]).armed
    assert not tell(Arming(ArmingSettings(at_start=False)), still(), *backward).armed


def test_a_sensor_that_was_lost_asks_for_stillness_again() -> None:
    arming = tell(Arming(ArmingSettings(at_start=False)), still(), LOST, BACK, say(InputKind.ARM))
    assert not arming.armed
    assert arming.missing == (Waiting(Obstacle.NOT_STILL),)


def test_after_a_crash_it_is_armed_at_once_and_later_asks_for_stillness_again() -> None:
    arming = tell(Arming(ArmingSettings(needs_spotter=True)), say(InputKind.RESUME))
    assert arming.armed
    tell(arming, say(InputKind.DISARM), say(InputKind.ARM))
    assert not arming.armed
    assert Waiting(Obstacle.NOT_STILL) in arming.missing


OFF = Event(EventKind.TAKEN_OFF, 3.0)
WALK = [step(Direction.FORWARD)] * 4


@pytest.mark.parametrize("needs_stillness", [True, False])
def test_taken_off_it_disarms_and_says_what_to_do(needs_stillness: bool) -> None:
    arming = tell(Arming(ArmingSettings(needs_stillness=needs_stillness)), BACK, still(), OFF)
    assert (arming.armed, arming.wanted, arming.worn) == (False, True, False)
    assert arming.missing == (Waiting(Obstacle.TAKEN_OFF),)


def test_put_on_again_it_arms_once_the_walker_stands_still_upright() -> None:
    arming = tell(Arming(ArmingSettings()), still(), OFF, still(lean_deg=90.0))
    assert not arming.armed
    assert tell(arming, still()).armed


def test_taken_for_taken_off_a_walker_who_goes_on_is_known_to_wear_it() -> None:
    arming = tell(Arming(ArmingSettings()), still(), OFF, *WALK[1:])
    assert not arming.worn
    tell(arming, *WALK[:1])
    assert (arming.worn, arming.armed, arming.missing) == (True, False, (Waiting(Obstacle.NOT_STILL),))
    assert tell(Arming(ArmingSettings(needs_stillness=False)), OFF, *WALK).armed


@pytest.mark.parametrize("at_start", [True, False])
def test_a_label_is_no_wish(at_start: bool) -> None:
    arming = tell(Arming(ArmingSettings(at_start=at_start)), still(), say(InputKind.LABEL, who="walker"))
    assert (arming.armed, arming.wanted) == (at_start, at_start)
