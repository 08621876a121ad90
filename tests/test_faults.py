"""The fault table of docs/hardware.md from end to end: what happens to the sensor, and what people then see.

    simulated chip and bus -> sampler -> detector -> alarm -> the panel's look

Every story begins with an armed walker who stands still. Time is the bench's own.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.patterns import Look, look_of
from firmware.sampler import Sampler, SensorSettings
from firmware.simulated import recording
from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import Floats
from monitor.core.vocabulary import Alert, AlertKind, Input, InputKind, Priority, Stage
from monitor.delivery.wording import missing, reason_of
from monitor.recordings.simulated_walker import Move, walk
from monitor.weights import shipped
from tests.firmware.bench import Bench, bench_with, resting_world
from tests.firmware.test_sampler import STORIES as OF_THE_BUS

DOCUMENT = Path(__file__).parents[1] / "docs/hardware.md"
LASTS_S = 16.0
WALK_HZ = 200.0


@dataclass(frozen=True)
class Seen:
    """What walker and spotter see of a fault, ``within_s`` of it; ``cell`` says so in the document."""

    cell: str
    look: Look = Look.ARMED
    kind: AlertKind | None = None
    within_s: float = 0.0
    says: str = ""
    well_s: float = 4.0  # after it has ended: found again, and a second of good samples
    lasts_s: float = LASTS_S
    also: frozenset[AlertKind] = frozenset()  # what may be reported beside it


def sensor_fault(within_s: float, says: str, *, slowly: bool = False) -> Seen:
    well_s, lasts_s = (22.0, 22.0) if slowly else (4.0, LASTS_S)
    cell = f"sensor fault within {within_s:g} s"
    return Seen(cell, Look.SENSOR, AlertKind.SENSOR, within_s, says, well_s, lasts_s)


NOTHING = Seen("nothing")
SEEN = {
    "cable pulled": sensor_fault(0.4, "no sensor answers"),
    "nobody acknowledges": sensor_fault(0.4, "no sensor answers"),
    "acknowledge missing now and then": NOTHING,
    "bus error": sensor_fault(0.4, "the transfer broke off"),
    "bus error once": NOTHING,
    "burst broken off": NOTHING,
    "short read": NOTHING,
    "invalid samples": NOTHING,
    "settings lost": sensor_fault(1.6, "and now reads"),
    "line held low": sensor_fault(0.4, "held low"),
    "kernel driver": sensor_fault(0.4, "a kernel driver owns"),
    "wrong identity": sensor_fault(0.4, ""),
    "supply dips": sensor_fault(0.4, "a dip of its supply"),
    "frozen": sensor_fault(0.6, "the values stand still"),
    "zeros": sensor_fault(0.6, "every value reads 0"),
    "stuck axis": sensor_fault(2.4, "y rotation is stuck"),
    "saturated": sensor_fault(0.6, "x acceleration is pinned"),
    "FIFO overflow": sensor_fault(0.1, "FIFO"),
    "clock wrong": sensor_fault(21.0, "samples per second where", slowly=True),
    "gyroscope wrong": sensor_fault(21.0, "disagree on how the sensor turned", slowly=True),
    "slid round on the belt": Seen(
        "a fault within 15 s of walking",
        Look.FAULT,
        AlertKind.FAULT,
        15.0,
        "has slid round the belt",
        well_s=8.0,
        also=frozenset({AlertKind.UNSAFE_STEP}),  # the simulated sensor jumps back in the middle of a step
    ),
    "tipped over on the belt": Seen(
        "a fault within 15 s", Look.FAULT, AlertKind.FAULT, 15.0, "no longer mounted"
    ),
}


def tip_over(b: Bench) -> None:
    """Over ten seconds the sensor comes to lie on its left side."""
    began_s = b.clock() - b.chip.world_began_s

    def tipping_world(time_s: Floats) -> tuple[Floats, Floats]:
        accel_g, gyro_dps = resting_world(time_s)
        share = np.clip((time_s - began_s) / 10, 0, 1)
        accel_g[:, 1] -= np.sin(share * np.pi / 2)
        accel_g[:, 2] += np.cos(share * np.pi / 2) - 1
        gyro_dps[share < 1, 0] -= 9
        return accel_g, gyro_dps

    b.chip.source = tipping_world


def bend(b: Bench, gyro_sign: float) -> None:
    """From now on the walker bends by 60 degrees and stands up again, every six seconds."""
    began_s = b.clock() - b.chip.world_began_s

    def bending_world(time_s: Floats) -> tuple[Floats, Floats]:
        accel_g, gyro_dps = resting_world(time_s)
        phase_s = (time_s - began_s) % 6
        down, again = np.clip(phase_s - 1.5, 0, 1), np.clip(phase_s - 4, 0, 1)
        lean = np.radians(30) * (np.cos(np.pi * again) - np.cos(np.pi * down))
        rate_dps = 30 * np.pi * (np.sin(np.pi * down) - np.sin(np.pi * again))
        accel_g[:, 0] -= np.sin(lean)
        accel_g[:, 2] += np.cos(lean) - 1
        gyro_dps[:, 1] += gyro_sign * rate_dps
        return accel_g, gyro_dps

    b.chip.source = bending_world


def walk_on(b: Bench, turn: Floats) -> None:
    """From now on the walker walks backward and ``turn`` (3, 3) is between body and sensor."""
    body = walk([(1.0, Move.STAND), (30.0, Move.BACKWARD)], WALK_HZ)
    begins_s = b.clock() - b.chip.world_began_s
    b.chip.source = recording(body.accel_g @ turn.T, body.gyro_dps @ turn.T, WALK_HZ, begins_s)


QUARTER_ROUND = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
STORIES = {story: (happens, ends) for story, (happens, _, ends) in OF_THE_BUS.items()} | {
    "acknowledge missing now and then": (lambda b: b.wires.lose(0.05), lambda b: b.wires.heal()),
    "clock wrong": (
        lambda b: setattr(b.chip, "rate_error", 0.1),
        lambda b: setattr(b.chip, "rate_error", 0.0),
    ),
    "gyroscope wrong": (lambda b: bend(b, 0.0), lambda b: bend(b, 1.0)),
    "slid round on the belt": (lambda b: walk_on(b, QUARTER_ROUND), lambda b: walk_on(b, np.eye(3))),
    "tipped over on the belt": (tip_over, lambda b: setattr(b.chip, "source", resting_world)),
}


class Walker:
    """A whole walker's side but for the link; ``told`` holds every alert, as a spotter gets it."""

    def __init__(self, b: Bench, with_power: bool = False) -> None:
        self.told: list[Alert] = []
        self._blocks = iter(b.sampler(with_power=with_power))
        self._detector = Detector(DetectorSettings(), shipped())
        self._alarm = Alarm(AlarmSettings(), ArmingSettings())

    def live(self, seconds: float, *words: Input) -> dict[Look, float]:
        """The looks of the next ``seconds``, and after how long each was first seen."""
        began_s = now_s = next(self._blocks).end_s
        looks: dict[Look, float] = {}
        while now_s < began_s + seconds:
            block = next(self._blocks)
            now_s = block.end_s
            self.told += self._alarm.update(now_s, self._detector.update(block), words)
            words = ()
            looks.setdefault(look_of(self._alarm.status), now_s - began_s)
        return looks

    def look(self) -> Look:
        return look_of(self._alarm.status)

    @property
    def waits_for(self) -> tuple[str, ...]:
        return tuple(missing(waiting) for waiting in self._alarm.status.waits_for)


def armed(b: Bench, with_power: bool = False) -> Walker:
    walker = Walker(b, with_power)
    walker.live(6.0)
    assert (walker.look(), walker.told) == (Look.ARMED, [])
    return walker


@pytest.mark.parametrize("name", ["MPU-6050", "LSM6DSO"])
@pytest.mark.parametrize("story", STORIES)
def test_every_fault_is_seen_by_walker_and_spotter_and_heals(story: str, name: str) -> None:
    (happens, ends), seen = STORIES[story], SEEN[story]
    b = bench_with(name, source=resting_world)
    walker = armed(b)
    happens(b)
    during = walker.live(seen.lasts_s)
    ends(b)
    after = walker.live(seen.well_s)
    assert walker.look() is Look.ARMED
    assert after[Look.ARMED] <= seen.well_s
    if seen.kind is None:
        assert list(during) == list(after) == [Look.ARMED]
        assert walker.told == []
        return
    assert during[seen.look] <= seen.within_s
    story_told = [alert for alert in walker.told if alert.kind is seen.kind]
    assert [(alert.stage, alert.priority) for alert in story_told] == [
        (Stage.ACTIVE, Priority.MEDIUM),
        (Stage.RECOVERED, Priority.MEDIUM),
    ]
    assert len({alert.id for alert in story_told}) == 1
    assert all(seen.says in reason_of(alert) for alert in story_told)
    assert {alert.kind for alert in walker.told} - seen.also == {seen.kind}


def test_the_document_says_what_is_seen_of_every_fault() -> None:
    lines = DOCUMENT.read_text().split("| what happens |")[1].split("\n\n")[0].splitlines()[2:]
    cells = {row[1].strip(): row[3].strip() for row in (line.split("|") for line in lines)}
    assert cells == {story: seen.cell for story, seen in SEEN.items() if story != "bus error once"} | {
        "another program has the bus": "waits, and does not arm",
        "put on upside down": "waits, and does not arm",
    }


def test_a_sensor_that_another_program_has_is_waited_for() -> None:
    b = bench_with("MPU-6050", source=resting_world)
    service = Sampler(SensorSettings(), Bus(1, b.wires.open), b.clock, b.clock.sleep)
    blocks = iter(service)
    for _ in range(20):
        next(blocks)
    walker = Walker(b)
    walker.live(6.0)
    assert walker.look() is Look.SENSOR
    assert [(alert.kind, alert.priority) for alert in walker.told] == [(AlertKind.SENSOR, Priority.LOW)]
    assert "another program is using it" in reason_of(walker.told[0])
    service.stop()
    list(blocks)
    walker.live(6.0)
    assert walker.look() is Look.ARMED


def test_a_hung_line_is_over_by_itself_where_the_supply_can_be_switched() -> None:
    b = bench_with("MPU-6050", source=resting_world)
    walker = armed(b, with_power=True)
    b.wires.hold()
    walker.live(10.0)
    assert [alert.stage for alert in walker.told] == [Stage.ACTIVE, Stage.RECOVERED]
    assert walker.look() is Look.ARMED


def test_while_disarmed_a_fault_weighs_less_and_is_seen_all_the_same() -> None:
    b = bench_with("MPU-6050", source=resting_world)
    walker = armed(b)
    walker.live(1.0, Input(InputKind.DISARM))
    b.wires.unplug()
    walker.live(2.0)
    assert walker.look() is Look.SENSOR
    assert [(alert.kind, alert.priority) for alert in walker.told] == [(AlertKind.SENSOR, Priority.LOW)]
    walker.live(1.0, Input(InputKind.ARM))
    b.wires.plug()
    walker.live(6.0)
    assert walker.look() is Look.ARMED


def test_a_sensor_put_on_upside_down_does_not_arm_and_says_why() -> None:
    b = bench_with("MPU-6050")

    def head_down(time_s: Floats) -> tuple[Floats, Floats]:
        accel_g, gyro_dps = resting_world(time_s)
        return accel_g * [1, -1, -1], gyro_dps * [1, -1, -1]

    b.chip.source = head_down
    walker = Walker(b)
    walker.live(6.0)
    assert walker.look() is Look.WAITING
    assert walker.waits_for[0].startswith("the sensor is tilted 180 degrees from upright")
    b.chip.source = resting_world
    walker.live(6.0)
    assert walker.look() is Look.ARMED
