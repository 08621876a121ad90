"""What the terminal and the journal say at the walker's side."""

import io

import pytest

from monitor import log
from monitor.core.samples import SampleBlock
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
from monitor.narrator import Narrator

ARMED = Status(True, False, (), 0.0, ())
OFF = Status(False, False, (), 0.0, (Waiting(Obstacle.TAKEN_OFF),))
STILL = Status(False, False, (), 0.0, (Waiting(Obstacle.NOT_STILL),))
DISARMED = Status(False, False, (), 0.0, ())


def told(*statuses: Status) -> list[str]:
    out = io.StringIO()
    narrator = Narrator(out=out)
    for number, status in enumerate(statuses):
        narrator(SampleBlock.silent(float(number), ""), [], [], status)
    narrator.close()
    return out.getvalue().splitlines()


def test_who_takes_it_off_reads_that_it_does_not_watch_and_what_to_do() -> None:
    assert told(ARMED, OFF, OFF) == [
        "   1.00 s  NOT YET ARMED: taken off: put it on, then stand still for two seconds"
    ]


def test_waiting_at_the_start_and_disarming_are_the_lamp_s_to_say() -> None:
    assert told(STILL, STILL, ARMED) == []
    assert told(ARMED, DISARMED) == []


def alert(kind: AlertKind, fault: FaultCode | None = None, part: str = "", reason: str = "") -> Alert:
    reacted = (Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE)
    return Alert("ab-1", 7, kind, *reacted, 0.0, reason=reason, who="Eva", fault=fault, part=part)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (
            alert(AlertKind.FALL, reason="Eva comes"),
            "<6>   0.00 s  ALERT fall confirmed (high) [ab-1 #7]",
        ),
        (
            alert(AlertKind.FAULT, FaultCode.PHONES, "Eva's phone"),
            "<4>   0.00 s  ALERT fault confirmed (high): a notifier reaches no phone: check its network and "
            "its services [ab-1 #7]",
        ),
        (
            alert(AlertKind.FAULT, FaultCode.DEFECT, "journal", "KeyError: 'Eva'"),
            "<4>   0.00 s  ALERT fault confirmed (high): the journal failed: a defect; please report it, "
            "with the log [ab-1 #7]",
        ),
        (
            alert(AlertKind.LINK, reason="connection refused"),
            "<4>   0.00 s  ALERT link confirmed (high): connection refused [ab-1 #7]",
        ),
    ],
)
def test_in_the_journal_an_alert_has_priority_and_id_and_names_nobody(
    raised: Alert, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log, "in_journal", lambda _: True)
    narrator = Narrator()
    narrator(SampleBlock.silent(0.0, ""), [], [raised], ARMED)
    narrator.close()
    assert capsys.readouterr().out.splitlines() == [said]
