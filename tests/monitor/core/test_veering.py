"""Who is said to leave his line, and who is not."""

import numpy as np
import pytest

from monitor.core.veering import KNOWN_S, LINE_S, MEAN_S, Veering

RATE_HZ = 100.0
STEP_S = 0.6
PELVIS_DEG = 12.0  # to either side of the heading, at the contacts


def veered(dps: list[tuple[float, float]], pelvis_deg: float = 0.0, bumps: int = 0) -> list[float]:
    """After every step of a walk that turns at these rates from these times on, how far it is off the line.

    With ``bumps`` the trunk turns by 6 degrees and back within as many steps.
    """
    at_s = np.arange(round(240.0 * RATE_HZ)) / RATE_HZ
    rates = np.zeros(len(at_s))
    for from_s, rate_dps in dps:
        rates[at_s >= from_s] = rate_dps
    rates += np.gradient(pelvis_deg * np.cos(np.pi * at_s / STEP_S)) * RATE_HZ
    if bumps:
        rates += np.gradient(3.0 * np.sin(2 * np.pi * at_s / (bumps * STEP_S))) * RATE_HZ
    veering = Veering(RATE_HZ)
    heading_deg = np.concatenate([veering.headings_deg(part) for part in np.array_split(rates, 77)])
    contacts_s = np.arange(1, 390) * STEP_S
    return [veering.veered_deg(float(s), float(heading_deg[round(s * RATE_HZ)])) for s in contacts_s]


def at(values: list[float], seconds: float) -> float:
    return values[round(seconds / STEP_S) - 1]


def test_who_goes_straight_on_is_on_his_line() -> None:
    assert max(veered([])) == 0.0


@pytest.mark.parametrize("drift_dps", [-2.0, 0.5, 1.0])
def test_a_drift_is_measured_in_degrees_over_ten_seconds(drift_dps: float) -> None:
    values = veered([(120.0, drift_dps)])
    assert at(values, 119.0) == pytest.approx(0.0, abs=0.01)
    expected = abs(drift_dps) * LINE_S
    assert 0.93 * expected < at(values, 120.0 + LINE_S + MEAN_S) < 1.01 * expected  # it begins to be his own


def test_how_a_walker_usually_turns_is_known_after_a_minute() -> None:
    values = veered([(40.0, 2.0)])
    assert at(values, KNOWN_S) == 0.0
    assert at(values, KNOWN_S + 4.0) > 10.0


@pytest.mark.parametrize("bend_dps", [2.0, -5.0])
def test_a_bend_or_a_gyroscope_s_bias_is_none(bend_dps: float) -> None:
    assert max(veered([(0.0, bend_dps)])) < 0.1


def test_a_bend_becomes_the_walker_s_own() -> None:
    values = veered([(120.0, 2.0)])
    soon, later = at(values, 140.0), at(values, 200.0)
    assert later == pytest.approx(soon * np.exp(-0.5), rel=0.1)  # in two minutes to a third


def test_the_pelvis_swings_about_the_heading() -> None:
    assert max(veered([], pelvis_deg=PELVIS_DEG)) < 0.5


def test_a_trunk_that_turns_to_and_fro_is_averaged() -> None:
    assert max(veered([], bumps=6)) < 3.0  # of 6 degrees, peak to peak


def drifting(veering: Veering, from_step: int, steps: int, heading_deg: float = 0.0) -> list[float]:
    """Steps of a walker who turns by 2 deg/s."""
    seconds = np.arange(steps) * STEP_S
    return [veering.veered_deg(from_step * STEP_S + float(s), heading_deg + 2.0 * float(s)) for s in seconds]


def straight(veering: Veering, steps: int) -> None:
    for step in range(steps):
        veering.veered_deg(step * STEP_S, 0.0)


def test_after_a_turn_a_line_is_known_in_fifteen_seconds() -> None:
    veering = Veering(RATE_HZ)
    straight(veering, 150)
    veering.turn()
    values = drifting(veering, 152, 40, heading_deg=180.0)
    line = round((LINE_S + MEAN_S) / STEP_S)
    assert values[:line] == [0.0] * line
    assert values[line + 2] > 10.0


def test_what_led_into_a_turn_is_not_the_walker_s_own_turning() -> None:
    veering = Veering(RATE_HZ)
    heading_deg = 0.0
    straight_on = []
    for step in range(500):  # a half turn every 24 s, of 10 steps, which is called one from the fourth on
        turned = step % 40 - 30
        heading_deg += 18.0 if turned >= 0 else 0.0
        if turned >= 3:
            veering.turn()
            continue
        veered_deg = veering.veered_deg(step * STEP_S, heading_deg)
        if turned < 0:
            straight_on.append(veered_deg)
    assert len(straight_on) > 350
    assert max(straight_on) < 1.0


def test_neither_is_what_leads_out_of_it() -> None:
    veering = Veering(RATE_HZ)
    straight(veering, 40)
    veering.turn()
    headings_deg = [30.0, 20.0, 10.0, *[0.0] * 400]  # too far, and back to the line
    values = [veering.veered_deg((42 + i) * STEP_S, deg) for i, deg in enumerate(headings_deg)]
    assert max(values[30:]) < 1.0


def test_a_new_walk_is_learned_from_its_beginning() -> None:
    veering = Veering(RATE_HZ)
    straight(veering, 150)
    veering.begin()
    assert max(drifting(veering, 152, 150)) < 0.1
