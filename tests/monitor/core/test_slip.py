"""A sensor that slid round the belt is seen by the walk that goes across it."""

import numpy as np
import pytest

from monitor.core.direction import DirectionSettings
from monitor.core.posture import Posture
from monitor.core.samples import Floats
from monitor.core.slip import ACROSS_DEG, Slip
from monitor.core.steps import Steps
from monitor.core.vocabulary import Event, EventKind
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.weights import shipped
from tests.recordings import recorded

RATE_HZ = 100.0


def turned(rows: Floats, degrees: float) -> Floats:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return rows @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]).T


def hear(accel_g: Floats, gyro_dps: Floats, size: int = 10**6) -> list[Event]:
    posture, slip = Posture(RATE_HZ), Slip(RATE_HZ)
    finder = Steps(DirectionSettings(), RATE_HZ, shipped().contacts)
    events = []
    for i in range(0, len(accel_g), size):
        part = slice(i, i + size)
        body = posture.update(accel_g[part], gyro_dps[part])
        time_s = np.arange(i, i + len(accel_g[part])) / RATE_HZ
        events += slip.update(body, finder.update(time_s, body))
    return events


def walked(move: Move, *degrees: float) -> tuple[Floats, Floats]:
    """Half a minute for each of ``degrees``, by which the sensor has slid round by then."""
    parts = [
        simulated_walker.walk([(2.0, Move.STAND), (30.0, move)], RATE_HZ, seed=i) for i in range(len(degrees))
    ]
    accel_g = [turned(part.accel_g, d) for part, d in zip(parts, degrees, strict=True)]
    gyro_dps = [turned(part.gyro_dps, d) for part, d in zip(parts, degrees, strict=True)]
    return np.vstack(accel_g), np.vstack(gyro_dps)


@pytest.mark.parametrize("move", [Move.FORWARD, Move.BACKWARD])
@pytest.mark.parametrize(
    ("degrees", "said"), [(0, False), (45, False), (-45, False), (90, True), (-90, True)]
)
def test_it_is_said_when_the_walk_goes_across_the_sensor(move: Move, degrees: float, said: bool) -> None:
    events = hear(*walked(move, degrees))
    assert [event.kind for event in events] == [EventKind.SLID if said else EventKind.ALIGNED]
    assert (events[0].evidence["off_forward_deg"].value > ACROSS_DEG) is said


@pytest.mark.parametrize("size", [5, 7, 999, 10**6])
def test_it_heals_once_the_sensor_is_aligned_however_the_samples_are_cut(size: int) -> None:
    events = hear(*walked(Move.BACKWARD, 90.0, 0.0), size)
    assert [event.kind for event in events] == [EventKind.SLID, EventKind.ALIGNED]


def test_no_real_walk_is_called_slid_and_long_ones_are_when_turned() -> None:
    walks = [trial for trial in corpus.Corpus(recorded("sisfall.npz")) if trial.kind == "walk"][:10]
    seen = 0
    for trial in walks:
        whole = corpus.whole(trial, RATE_HZ)
        assert EventKind.SLID not in {event.kind for event in hear(whole.accel_g, whole.gyro_dps)}
        events = hear(turned(whole.accel_g, 90.0), turned(whole.gyro_dps, 90.0))
        seen += EventKind.SLID in {event.kind for event in events}
    assert seen >= 8  # of all 38 walks of 100 s: 33


def test_a_walk_in_a_circle_says_nothing_of_how_the_sensor_sits() -> None:
    accel_g, gyro_dps = walked(Move.FORWARD, 90.0)
    gyro_dps[200:, 2] += 40.0
    assert hear(accel_g, gyro_dps) == []
