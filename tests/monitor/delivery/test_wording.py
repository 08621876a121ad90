"""The sentences that people read."""

from dataclasses import replace

import pytest

from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    FaultCode,
    Obstacle,
    Priority,
    Stage,
    Status,
    Waiting,
)
from monitor.delivery.wording import reason_of, summary

FALL = Alert("1", 1, AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, 1.0)
SOS = replace(FALL, kind=AlertKind.SOS)
STUMBLE = replace(FALL, kind=AlertKind.STUMBLE, priority=Priority.MEDIUM)
SENSOR = replace(STUMBLE, kind=AlertKind.SENSOR, reason="no sensor answers")
DISK = replace(STUMBLE, kind=AlertKind.FAULT, fault=FaultCode.NO_SPOTTER)
BATTERY = replace(STUMBLE, kind=AlertKind.BATTERY, priority=Priority.LOW)
STILL = Waiting(Obstacle.NOT_STILL)


@pytest.mark.parametrize(
    ("armed", "incidents", "waits_for", "says"),
    [
        (True, (), (), "watching"),
        (True, (BATTERY,), (), "watching"),
        (True, (STUMBLE,), (), "watching, stumble"),
        (True, (DISK,), (), "watching, fault: no spotter is listening any more"),
        (True, (SENSOR,), (), "NOT WATCHING, sensor fault: no sensor answers"),
        (True, (SENSOR, FALL), (), "FALL, nobody has answered"),
        (True, (replace(FALL, stage=Stage.ACKNOWLEDGED, who="Eva"),), (), "FALL, Eva is coming"),
        (True, (replace(FALL, stage=Stage.ACKNOWLEDGED),), (), "FALL, somebody is coming"),
        (False, (SOS,), (STILL,), "CALL FOR HELP, nobody has answered"),
        (False, (), (STILL, Waiting(Obstacle.LINK)), "not armed: stand still for two seconds"),
        (False, (), (), "not armed"),
    ],
)
def test_the_summary_says_what_must_be_known_at_a_glance(
    armed: bool, incidents: tuple[Alert, ...], waits_for: tuple[Waiting, ...], says: str
) -> None:
    assert summary(Status(armed, False, incidents, 1.0, waits_for)) == says


def test_what_was_raised_while_not_armed_says_so() -> None:
    assert reason_of(replace(FALL, verified=False)) == "unverified, it was not armed"
    both = replace(FALL, verified=False, reason="Eva is coming")
    assert reason_of(both) == "unverified, it was not armed; Eva is coming"
