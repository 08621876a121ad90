"""What the terminal and the journal say at the walker's side."""

import io

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Obstacle, Status, Waiting
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
