"""Sensor health, as stories: what the sampler delivers, and what is said of it when."""

import numpy as np
import pytest

from monitor.core.gravity_check import GravityCheck
from monitor.core.health import STARTING_S, TURNS_DIFFER, Health, HealthSettings
from monitor.core.samples import Floats, SampleBlock
from monitor.core.turn_check import TurnCheck
from monitor.core.vocabulary import Event, EventKind

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
        rows = np.tile([0.0, 0.0, 1.0], (len(inside), 1))
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


# ---- gravity


def gravity(per_block: int, *spans: tuple[float, float, float]) -> list[Event]:
    """Spans of (seconds, mean g, standard deviation g), from a thousand seconds on."""
    rng = np.random.default_rng(0)
    parts = [m + sd * rng.standard_normal(round(seconds * RATE_HZ)) for seconds, m, sd in spans]
    vertical_g = np.concatenate(parts)
    time_s = 1000.0 + np.arange(len(vertical_g)) / RATE_HZ
    health, events = Health(SETTINGS), []
    for start in range(0, len(time_s), per_block):
        part = slice(start, start + per_block)
        accel_g = np.zeros((len(time_s[part]), 3))
        accel_g[:, 2] = vertical_g[part]
        end_s = float(time_s[part][-1]) + 1 / RATE_HZ
        events += health.update(SampleBlock(time_s[part], accel_g, accel_g, end_s))
    return events


@pytest.mark.parametrize(
    ("mean_g", "sd_g"), [(0.87, 0.02), (1.13, 0.02), (0.87, 0.3), (1.2, 0.3), (1.75, 0.5), (1.0, 0.0)]
)
def test_what_bodies_do_is_no_doubt(mean_g: float, sd_g: float) -> None:
    assert gravity(5, (60.0, mean_g, sd_g)) == []


@pytest.mark.parametrize("per_block", [1, 5, 7, 999, 20000])
@pytest.mark.parametrize(
    ("mean_g", "sd_g", "limit_g"),
    [
        (0.5, 0.02, 0.85),
        (2.0, 0.02, 1.15),
        (0.83, 0.02, 0.85),
        (1.17, 0.02, 1.15),
        (2.0, 0.4, 1.9),
        (0.5, 0.2, 0.8),
    ],
)
def test_a_scale_that_is_wrong_is_a_sensor_fault_within_twenty_seconds_and_heals(
    per_block: int, mean_g: float, sd_g: float, limit_g: float
) -> None:
    events = gravity(per_block, (35.0, 1.0, 0.02), (40.0, mean_g, sd_g), (45.0, 1.0, 0.02))
    lost, back = events
    assert (lost.kind, back.kind) == (LOST, BACK)
    assert lost.evidence["mean_accel_g"].limit in (limit_g, 0.8 if mean_g < 1 else 1.9)  # half of it was good
    assert 1035.0 < lost.time_s <= 1055.0
    assert 1075.0 < back.time_s <= 1096.1
    assert [event.time_s for event in events] == [
        event.time_s for event in gravity(5, (35.0, 1.0, 0.02), (40.0, mean_g, sd_g), (45.0, 1.0, 0.02))
    ]


def test_a_gap_begins_the_ten_seconds_anew() -> None:
    check = GravityCheck()
    for begin_s, count in ((0.0, 990), (11.0, 990), (22.0, 1002)):
        time_s = begin_s + np.arange(count) / RATE_HZ
        accel_g = np.full((count, 3), 2.0)
        verdicts = check.update(SampleBlock(time_s, accel_g, accel_g, float(time_s[-1])))
    assert [verdict.limit_g for verdict in verdicts] == [1.15]


# ---- turns


def bends(per_block: int, *gyro_signs: float, lean_deg: float = 60.0) -> list[Event]:
    """A walker bends and stands up again for each sign, 3 s each way; the gyroscope's y times that."""
    time_s = 1000.0 + np.arange(round(6 * len(gyro_signs) * RATE_HZ)) / RATE_HZ
    bend, phase_s = np.divmod(time_s - 1000.0, 6)
    down, again = np.clip(phase_s - 1.5, 0, 1), np.clip(phase_s - 4.5, 0, 1)
    lean = np.radians(lean_deg) / 2 * (np.cos(np.pi * again) - np.cos(np.pi * down))
    rate_dps = np.degrees(np.gradient(lean, time_s)) * np.array(gyro_signs)[bend.astype(int)]
    nothing = 0 * lean
    accel_g = np.column_stack([-np.sin(lean), nothing, np.cos(lean)])
    gyro_dps = np.column_stack([nothing, rate_dps, nothing])
    health, events = Health(SETTINGS), []
    for start in range(0, len(time_s), per_block):
        part = slice(start, start + per_block)
        end_s = float(time_s[part][-1]) + 1 / RATE_HZ
        events += health.update(SampleBlock(time_s[part], accel_g[part], gyro_dps[part], end_s))
    return events


@pytest.mark.parametrize("sign", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("per_block", [1, 5, 7, 333, 20000])
def test_a_gyroscope_that_contradicts_gravity_is_a_sensor_fault_after_two_turns_and_heals(
    per_block: int, sign: float
) -> None:
    lost, back = bends(per_block, 1.0, sign, sign, 1.0)
    assert (lost.kind, lost.reason) == (LOST, TURNS_DIFFER)
    assert lost.evidence["turn_disagreement"].value >= 0.7
    assert 1010.5 <= lost.time_s <= 1012.5
    assert back.kind is BACK
    assert 1021.0 <= back.time_s <= 1024.0
    assert bends(per_block, 1.0, sign, sign, 1.0) == bends(5, 1.0, sign, sign, 1.0)


@pytest.mark.parametrize("sign", [1.0, 0.6, 1.5])
def test_an_offset_or_a_coarse_scale_is_no_contradiction(sign: float) -> None:
    assert bends(5, sign, sign, sign) == []


def test_small_turns_prove_nothing() -> None:
    assert bends(5, 0.0, 0.0, 0.0, lean_deg=40.0) == []


def test_across_a_gap_nobody_knows_how_it_turned() -> None:
    check, upright, lying = TurnCheck(), [0.0, 0, 1], [1.0, 0, 0]
    verdicts: list[object] = []
    for begin_s, gravity in ((0.0, upright), (2.2, lying), (4.4, upright), (6.6, lying)):
        time_s = begin_s + np.arange(200) / RATE_HZ
        accel_g = np.tile(gravity, (200, 1))
        verdicts += check.update(SampleBlock(time_s, accel_g, 0 * accel_g, float(time_s[-1])))
    assert verdicts == []


@pytest.mark.parametrize("worst_s", [float("nan"), 1000.0, 1000.3, -5.0])
def test_times_that_do_not_rise_begin_the_comparison_anew(worst_s: float) -> None:
    """Nothing hangs or piles up, and what comes after is compared again."""
    check = TurnCheck()
    time_s = 1000.0 + np.arange(40) / RATE_HZ
    broken_s = np.append(time_s, worst_s)
    still = np.tile([0.0, 0, 1], (41, 1))
    for _ in range(3):
        assert check.update(SampleBlock(broken_s, still, 0 * still, 1001.0)) == []
    lying = np.concatenate([np.tile([0.0, 0, 1], (100, 1)), np.tile([1.0, 0, 0], (200, 1))])
    lying[100:150, 1] = np.linspace(0, 0.4, 50)  # not quiet on the way
    later_s = 2000.0 + np.arange(300) / RATE_HZ
    (verdict,) = check.update(SampleBlock(later_s, lying, 0 * lying, 2003.0))
    assert verdict.share > 0.7


@pytest.mark.parametrize("begin_s", [0.0, 0.1, 1000.07, 54321.123, 1e6 + 1 / 3])
def test_sections_end_where_they_should_whatever_the_rounding(begin_s: float) -> None:
    for rate_hz in (100.0, 97.3, 200.0):
        check = TurnCheck()
        for start in range(0, 2000, 5):
            time_s = begin_s + np.arange(start, start + 5) / rate_hz
            still = np.tile([0.0, 0, 1], (5, 1))
            assert check.update(SampleBlock(time_s, still, 0 * still, float(time_s[-1]))) == []
