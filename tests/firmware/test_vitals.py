import numpy as np
import pytest

from firmware.vitals import Vitals
from monitor.core.samples import Floats


def still(samples: int, seed: int = 0) -> Floats:
    """A quiet good sensor: one or two steps of noise on every axis."""
    steps = np.random.default_rng(seed).integers(-2, 3, (samples, 6))
    return np.round(steps * ([16 / 32768] * 3 + [2000 / 32768] * 3) + [0, 0, 1, 0, 0, 0], 6)


def spoilt(kind: str) -> Floats:
    samples = still(500)
    match kind:
        case "zero":
            samples[:] = 0
        case "frozen":
            samples[:] = samples[0]
        case "weightless":
            samples[:, 2] -= 1
        case "stuck":
            samples[:, 4] = 0.061035
        case "pinned":
            samples[:, 0] = np.linspace(15.9995, 16, 500)
        case "pinned gyro":
            samples[:, 5] = -np.linspace(1999, 2000, 500)
    return samples


@pytest.mark.parametrize(
    ("kind", "words", "useless"),
    [
        ("fine", "", False),
        ("zero", "every value reads 0", True),
        ("frozen", "values stand still", True),
        ("weightless", "no gravity", True),
        ("stuck", "y rotation is stuck", False),
        ("pinned", "x acceleration is pinned", False),
        ("pinned gyro", "z rotation is pinned", False),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 7, 500])
def test_each_ailment_is_named_whatever_the_block_size(
    kind: str, words: str, useless: bool, block: int
) -> None:
    vitals = Vitals(100)
    verdicts = [vitals.judge(part) for part in np.array_split(spoilt(kind), 500 // block)]
    assert words in verdicts[-1].fault
    assert verdicts[-1].useless is useless
    assert bool(verdicts[-1].fault) is bool(words)


def test_an_impact_at_full_scale_is_no_fault() -> None:
    samples = still(200)
    samples[50:60, 0] = 15.9995
    assert not Vitals(100).judge(samples).fault


def test_a_fall_through_the_air_is_no_fault() -> None:
    samples = still(200)
    samples[50:120, 2] -= 1
    assert all(not Vitals(100).judge(part).fault for part in np.array_split(samples, 40))


def test_a_quiet_sensor_that_repeats_itself_now_and_then_is_no_fault() -> None:
    samples = still(400)
    samples[1::2] = samples[::2]
    assert not Vitals(100).judge(samples).fault


def test_a_healed_sensor_is_ok_again() -> None:
    vitals = Vitals(100)
    assert vitals.judge(spoilt("stuck")).fault
    assert not vitals.judge(still(5, seed=1)).fault
