"""Sensor health, as stories: what the sampler delivers, and what is said of it when."""

import numpy as np
import pytest

from monitor.core.health import STARTING_S, Health, HealthSettings
from monitor.core.vocabulary import Event, EventKind, Floats, SampleBlock

RATE_HZ = 100.0
SETTINGS = HealthSettings()
LOST, BACK = EventKind.SENSOR_LOST, EventKind.SENSOR_BACK


def samples(*spans_s: tuple[float, float]) -> Floats:
    return np.concatenate(
        [begin + np.arange(round((end - begin) * RATE_HZ)) / RATE_HZ for begin, end in spans_s]
    )


def feed(time_s: Floats, per_block: int, doubtful_s: tuple[float, float] = (0.0, 0.0)) -> list[Event]:
    """Blocks of ``per_block`` sample periods, silent ones where samples are missing."""
    health, events = Health(SETTINGS), []
    end_s, last_s = float(time_s[0]), float(time_s[-1]) + 1 / RATE_HZ
    while end_s < last_s - 1e-9:
        begin_s, end_s = end_s, min(end_s + per_block / RATE_HZ, last_s)
        inside = time_s[(time_s >= begin_s - 1e-9) & (time_s < end_s - 1e-9)]
        fault = "" if len(inside) else "no answer at 0x68"
        if doubtful_s[0] <= begin_s + 1e-9 < doubtful_s[1]:
            fault = "gyroscope z stuck"
        rows = np.ones((len(inside), 3))
        events += health.update(SampleBlock(inside, rows, rows, end_s, 0, fault))
    return events


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


@pytest.mark.parametrize("per_block", [1, 5, 7, 100, 5000])
def test_a_living_sensor_gives_no_event(per_block: int) -> None:
    assert feed(samples((5000.0, 5020.0)), per_block) == []


@pytest.mark.parametrize("per_block", [1, 5, 20])
def test_silence_is_reported_once_and_healing_after_a_second(per_block: int) -> None:
    lost, back = feed(samples((0.0, 3.0), (5.0, 9.0)), per_block)
    assert (lost.kind, back.kind) == (LOST, BACK)
    assert 3.0 < lost.time_s <= 3.0 + SETTINGS.lost_after_s + per_block / RATE_HZ + 1e-6
    assert lost.reason == "no answer at 0x68"
    assert back.time_s == pytest.approx(5.0 + SETTINGS.back_after_s, abs=0.011)


def test_a_gap_inside_one_block_is_reported_too() -> None:
    lost, back = feed(samples((0.0, 3.0), (5.0, 9.0)), 5000)
    assert (lost.kind, back.kind) == (LOST, BACK)
    assert back.time_s == pytest.approx(6.0)


def test_a_gap_up_to_its_limit_is_no_fault() -> None:
    for gap_s, said in ((SETTINGS.lost_after_s - 0.02, []), (SETTINGS.lost_after_s + 0.02, [LOST, BACK])):
        assert kinds(feed(samples((0.0, 1.0), (0.99 + gap_s, 4.0)), 400)) == said


def test_a_sensor_that_never_speaks_is_lost_once_it_had_time_to_start() -> None:
    health = Health(SETTINGS)
    silent = [SampleBlock.silent(700 + i * 0.05, "no /dev/i2c-1") for i in range(60)]
    (lost,) = [event for block in silent for event in health.update(block)]
    assert lost.kind is LOST
    assert lost.time_s == pytest.approx(700 + STARTING_S, abs=0.06)


def test_a_sensor_that_starts_late_is_no_fault_and_then_watched() -> None:
    health = Health(SETTINGS)
    assert not any(health.update(SampleBlock.silent(i * 0.05, "starting")) for i in range(20))
    time_s = samples((1.0, 2.0))
    assert health.update(SampleBlock(time_s, np.ones((100, 3)), np.ones((100, 3)), 2.0)) == []
    (lost,) = health.update(SampleBlock.silent(2.5, "no answer"))
    assert lost.kind is LOST


def test_samples_with_a_fault_are_not_trusted() -> None:
    lost, back = feed(samples((0.0, 9.0)), 5, doubtful_s=(2.0, 4.0))
    assert (lost.kind, lost.reason) == (LOST, "gyroscope z stuck")
    assert lost.time_s == pytest.approx(2.0 + SETTINGS.lost_after_s, abs=0.061)
    assert back.time_s == pytest.approx(4.0 + SETTINGS.back_after_s, abs=0.011)


def test_a_flapping_plug_is_not_called_back() -> None:
    spans = [(t, t + 0.6) for t in np.arange(0.0, 10.0, 1.0)]
    assert kinds(feed(samples(*spans), 5)) == [LOST]


def test_a_second_silence_is_reported_again() -> None:
    assert kinds(feed(samples((0.0, 2.0), (3.0, 5.0), (6.0, 8.0)), 5)) == [LOST, BACK] * 2
