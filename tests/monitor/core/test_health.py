"""Sensor health, as stories: what the samples do, and what is said of them when."""

import numpy as np
import pytest

from monitor.core.health import Health, HealthSettings
from monitor.core.vocabulary import Event, EventKind, Floats, SampleBlock

RATE_HZ = 100.0
SETTINGS = HealthSettings()


def alive(seconds: float, start_s: float = 0.0) -> tuple[Floats, Floats]:
    n = round(seconds * RATE_HZ)
    rows = np.random.default_rng(n).normal(scale=0.01, size=(n, 6))
    rows[:, 2] += 1.0
    return start_s + np.arange(n) / RATE_HZ, rows


def feed(time_s: Floats, rows: Floats, per_block: int) -> list[Event]:
    """Blocks of ``per_block`` sample periods, silent ones where samples are missing."""
    health, events = Health(SETTINGS), []
    end_s, last_s = float(time_s[0]), float(time_s[-1]) + 1 / RATE_HZ
    while end_s < last_s - 1e-9:
        begin_s, end_s = end_s, min(end_s + per_block / RATE_HZ, last_s)
        inside = (time_s >= begin_s - 1e-9) & (time_s < end_s - 1e-9)
        fault = "" if inside.any() else "no answer at 0x68"
        block = SampleBlock(time_s[inside], rows[inside, :3], rows[inside, 3:], end_s, 0, fault)
        events += health.update(block)
    return events


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


@pytest.mark.parametrize("per_block", [1, 5, 7, 100])
def test_a_living_sensor_gives_no_event(per_block: int) -> None:
    assert feed(*alive(20.0, 5000.0), per_block) == []


@pytest.mark.parametrize("per_block", [1, 5, 20])
def test_silence_is_told_once_and_healing_after_a_second(per_block: int) -> None:
    first, second = alive(3.0), alive(4.0, 5.0)
    time_s, rows = np.concatenate([first[0], second[0]]), np.vstack([first[1], second[1]])
    lost, back = feed(time_s, rows, per_block)
    assert (lost.kind, back.kind) == (EventKind.SENSOR_LOST, EventKind.SENSOR_BACK)
    assert 3.0 < lost.time_s <= 3.0 + SETTINGS.lost_after_s + per_block / RATE_HZ + 1e-6
    assert lost.reason == "no answer at 0x68"
    assert back.time_s == pytest.approx(5.0 + SETTINGS.back_after_s, abs=0.011)


def test_a_sensor_that_never_speaks_is_lost() -> None:
    health = Health(SETTINGS)
    events = [e for i in range(20) for e in health.update(SampleBlock.silent(i * 0.05, "no /dev/i2c-1"))]
    assert kinds(events) == [EventKind.SENSOR_LOST]


@pytest.mark.parametrize("per_block", [1, 5, 7, 1000])
@pytest.mark.parametrize(
    ("columns", "value", "said"),
    [
        (range(6), None, "frozen"),
        (range(6), 0.0, "zeros"),
        ([1], None, "accelerometer y stuck"),
        ([5], None, "gyroscope z stuck"),
        ([0], 15.99, "range"),
        ([0, 1, 2], "tiny", "no gravity"),
    ],
)
def test_what_cannot_be_believed_is_told_once_and_heals(
    columns: list[int], value: float | str | None, said: str, per_block: int
) -> None:
    time_s, rows = alive(8.0)
    hung = slice(200, 500)
    for column in columns:
        if value == "tiny":
            rows[hung, column] = np.random.default_rng(3).normal(scale=0.01, size=300)
        else:
            rows[hung, column] = rows[199, column] if value is None else value
    if said == "range":
        rows[hung, 0] += np.random.default_rng(3).uniform(0, 0.005, 300)
    lost, back = feed(time_s, rows, per_block)
    assert lost.kind is EventKind.SENSOR_LOST
    assert said in lost.reason
    assert lost.time_s == pytest.approx(2.0 + SETTINGS.frozen_after_s, abs=0.021)
    assert back.kind is EventKind.SENSOR_BACK
    assert back.time_s == pytest.approx(5.0 + SETTINGS.back_after_s, abs=0.011)


def test_a_short_freeze_is_no_fault() -> None:
    time_s, rows = alive(4.0)
    rows[100:140] = rows[99]
    assert feed(time_s, rows, 5) == []


def test_not_a_number_counts_as_silence() -> None:
    time_s, rows = alive(4.0)
    rows[100:200, 3] = np.nan
    assert kinds(feed(time_s, rows, 5)) == [EventKind.SENSOR_LOST, EventKind.SENSOR_BACK]


def test_a_second_silence_is_told_again() -> None:
    parts = [alive(2.0, start) for start in (0.0, 3.0, 6.0)]
    time_s, rows = np.concatenate([p[0] for p in parts]), np.vstack([p[1] for p in parts])
    said = kinds(feed(time_s, rows, 5))
    assert said == [EventKind.SENSOR_LOST, EventKind.SENSOR_BACK] * 2
