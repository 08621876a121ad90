import itertools
from dataclasses import replace

import pytest

from firmware.patterns import PATTERNS, Look, Rhythm, is_on, look_of
from monitor.core.alarm_rules import CONFIRMED, CONFIRMED_ACKNOWLEDGED, SUSPECTED, State
from monitor.core.samples import BLOCK_S
from monitor.core.vocabulary import Alert, AlertKind, Obstacle, Priority, Status, Waiting

LOOKED_AFTER = CONFIRMED_ACKNOWLEDGED


def status(*alerts: Alert, armed: bool = True) -> Status:
    return Status(armed, False, alerts, 100.0)


def received(kind: AlertKind, priority: Priority) -> Alert:
    return replace(alert(kind, priority), received_by=("Eva",))


def alert(kind: AlertKind, priority: Priority, at: State = CONFIRMED) -> Alert:
    return Alert("a", 1, kind, priority, *at, 100.0)


@pytest.mark.parametrize(
    ("shown", "look"),
    [
        (status(), Look.ARMED),
        (status(armed=False), Look.DISARMED),
        (Status(False, False, (), 100.0, (Waiting(Obstacle.NOT_STILL),)), Look.WAITING),
        (status(alert(AlertKind.UNSAFE_STEP, Priority.LOW)), Look.LOW),
        (status(alert(AlertKind.BATTERY, Priority.LOW)), Look.LOW),
        (status(alert(AlertKind.STUMBLE, Priority.MEDIUM)), Look.MEDIUM),
        (status(alert(AlertKind.FALL, Priority.HIGH, SUSPECTED)), Look.HIGH),
        (status(alert(AlertKind.SOS, Priority.HIGH)), Look.HIGH),
        (status(received(AlertKind.SOS, Priority.HIGH)), Look.RECEIVED),
        (status(received(AlertKind.SENSOR, Priority.MEDIUM)), Look.SENSOR),
        (status(alert(AlertKind.FALL, Priority.HIGH, CONFIRMED_ACKNOWLEDGED)), Look.ACKNOWLEDGED),
        (status(alert(AlertKind.SENSOR, Priority.MEDIUM)), Look.SENSOR),
        (status(alert(AlertKind.FAULT, Priority.LOW)), Look.FAULT),
        (status(alert(AlertKind.LINK, Priority.MEDIUM)), Look.LINK),
        (status(alert(AlertKind.TEST, Priority.LOW)), Look.TEST),
        (status(alert(AlertKind.SENSOR, Priority.MEDIUM), armed=False), Look.SENSOR),
        (
            status(alert(AlertKind.FALL, Priority.HIGH), alert(AlertKind.SENSOR, Priority.MEDIUM)),
            Look.HIGH,
        ),
    ],
)
def test_the_most_urgent_thing_is_shown(shown: Status, look: Look) -> None:
    assert look_of(shown) is look


@pytest.mark.parametrize(
    ("shown", "turns"),
    [
        (
            [alert(AlertKind.SENSOR, Priority.MEDIUM), alert(AlertKind.FALL, Priority.HIGH, LOOKED_AFTER)],
            [Look.SENSOR, Look.ACKNOWLEDGED],
        ),
        (
            [alert(AlertKind.FALL, Priority.HIGH, LOOKED_AFTER), alert(AlertKind.BATTERY, Priority.LOW)],
            [Look.ACKNOWLEDGED, Look.LOW],
        ),
        (
            [alert(AlertKind.FALL, Priority.HIGH), alert(AlertKind.SOS, Priority.HIGH, LOOKED_AFTER)],
            [Look.HIGH, Look.HIGH],
        ),
        (
            [alert(AlertKind.LINK, Priority.MEDIUM), alert(AlertKind.SENSOR, Priority.MEDIUM)],
            [Look.LINK, Look.LINK],
        ),
    ],
)
def test_what_is_looked_after_takes_turns_with_what_is_not(shown: list[Alert], turns: list[Look]) -> None:
    seen = [look_of(replace(status(*shown), time_s=100.0 + 0.05 * block)) for block in range(400)]
    assert [look for look, _ in itertools.groupby(seen)] == (
        turns * 2 if turns[0] is not turns[1] else turns[:1]
    )


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("priority", Priority)
def test_every_alert_has_a_look_that_differs_from_all_is_well(kind: AlertKind, priority: Priority) -> None:
    assert look_of(status(alert(kind, priority))) not in (Look.ARMED, Look.DISARMED)


def rhythm_seen(rhythm: Rhythm, seconds: float = 10.0) -> tuple[bool, ...]:
    return tuple(is_on(rhythm, step * BLOCK_S) for step in range(round(seconds / BLOCK_S)))


def test_every_look_is_distinct_to_the_eye_even_on_a_single_led() -> None:
    for one, other in itertools.combinations(Look, 2):
        assert rhythm_seen(PATTERNS[one].light) != rhythm_seen(PATTERNS[other].light), (one, other)


def test_every_look_that_sounds_is_distinct_to_the_ear() -> None:
    sounding = [look for look in Look if PATTERNS[look].sound]
    assert set(sounding) == set(Look) - {Look.ARMED, Look.DISARMED, Look.WAITING}
    for one, other in itertools.combinations(sounding, 2):
        assert rhythm_seen(PATTERNS[one].sound) != rhythm_seen(PATTERNS[other].sound), (one, other)


@pytest.mark.parametrize("look", Look)
def test_light_and_sound_begin_at_once_and_no_pulse_falls_between_blocks(look: Look) -> None:
    for rhythm in filter(None, (PATTERNS[look].light, PATTERNS[look].sound)):
        assert is_on(rhythm, 0.0)
        assert len(rhythm) % 2 == 0
        seen = rhythm_seen(rhythm, sum(rhythm))
        edges = sum(a != b for a, b in itertools.pairwise((*seen, seen[0])))
        assert edges == len(rhythm)


@pytest.mark.parametrize(
    ("elapsed_s", "on"), [(0.0, True), (0.09, True), (0.1, False), (0.3, True), (0.4, False), (1.0, True)]
)
def test_a_rhythm_is_on_off_on_off_and_again(elapsed_s: float, on: bool) -> None:
    assert is_on((0.1, 0.2, 0.1, 0.6), elapsed_s) is on


def test_an_empty_rhythm_is_off() -> None:
    assert not is_on((), 0.0)
