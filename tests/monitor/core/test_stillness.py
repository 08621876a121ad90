"""Standing still is seen, with gravity and lean; moving is not."""

import numpy as np
import pytest

from monitor.core.grid import Samples
from monitor.core.samples import Floats
from monitor.core.stillness import QUIET_DPS, STILL_S, Stillness
from monitor.core.vocabulary import EventKind, StillEvent

RATE_HZ = 100.0


def standing(seconds: float, up: tuple[float, float, float] = (0.0, 0.0, 1.0)) -> tuple[Floats, Floats]:
    n = round(seconds * RATE_HZ)
    rng = np.random.default_rng(0)
    return np.array(up) + rng.normal(0, 0.005, (n, 3)), rng.normal(0, 2.0, (n, 3))


def feed(accel_g: Floats, gyro_dps: Floats, size: int = 10**6) -> list[StillEvent]:
    stillness = Stillness(RATE_HZ)
    time_s = 50.0 + np.arange(len(accel_g)) / RATE_HZ
    return [
        event
        for i in range(0, len(accel_g), size)
        for event in stillness.update(
            Samples(
                time_s[i : i + size],
                accel_g[i : i + size],
                gyro_dps[i : i + size],
                np.zeros(len(time_s[i : i + size]), dtype=bool),
                restart=i == 0,
            )
        )
        if isinstance(event, StillEvent)
    ]


@pytest.mark.parametrize("size", [1, 5, 7, 999, 10**6])
def test_standing_is_said_every_two_seconds(size: int) -> None:
    events = feed(*standing(5.0), size)
    assert [event.kind for event in events] == [EventKind.STILL] * 2
    assert [event.time_s for event in events] == pytest.approx(
        [50.0 + STILL_S - 0.01, 50.0 + 2 * STILL_S - 0.01]
    )
    assert events[0].gravity_g == pytest.approx(1.0, abs=0.002)
    assert events[0].from_upright_deg == pytest.approx(0.0, abs=0.5)


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_a_movement_starts_it_again(size: int) -> None:
    accel_g, gyro_dps = standing(4.5)
    gyro_dps[150] = [QUIET_DPS + 1, 0.0, 0.0]
    (event,) = feed(accel_g, gyro_dps, size)
    assert event.time_s == pytest.approx(51.5 + STILL_S)


def test_gravity_and_lean_are_what_was_felt() -> None:
    event = feed(*standing(2.0, up=(1.3 * np.sin(0.5), 0.0, 1.3 * np.cos(0.5))))[0]
    assert event.gravity_g == pytest.approx(1.3, abs=0.003)
    assert event.from_upright_deg == pytest.approx(np.degrees(0.5), abs=0.5)


def test_walking_is_not_still() -> None:
    accel_g, gyro_dps = standing(10.0)
    accel_g[:, 2] += 0.2 * np.sin(2 * np.pi * 1.8 * np.arange(len(accel_g)) / RATE_HZ)
    assert feed(accel_g, gyro_dps) == []
