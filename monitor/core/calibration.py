"""How the sensor sits, found by standing still and then walking a few steps forward.

Up is where gravity pulls from. Of the four ways left for forward, the right one is that in which
the gait runs forward (direction.py), and in which the walker first gained speed. Where the two
disagree, or the sensor sits between its axes, nothing is guessed. What is near nothing has no sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core.direction import DirectionSettings
from monitor.core.posture import Posture
from monitor.core.samples import GRAVITY_MPS2, Floats
from monitor.core.steps import LONGEST_S, Steps
from monitor.core.vocabulary import RearguardError

STILL_DPS = 20.0  # a person who stands sways slower
GRAVITY_G = (0.9, 1.1)
BETWEEN_DEG = 35.0  # further from every axis there is no telling which one points up
BIAS_DPS = 20.0  # datasheet limit of an MPU-6050 (section 6.1); more is a broken gyroscope
STEPS = 6
SETTLED = 2  # the first steps speak less clearly
SURE_SCORE = 0.35
AHEAD_SCORE = 0.2  # of the next best way
START_S = 0.8  # after which drift outweighs the speed gained
STARTED_MPS = 0.1  # a walk begins with more; less is drift, and says nothing
RUN = 4  # steps in a row that are a walk; fewer are a shuffle, or noise taken for a step
UNEVEN = 1.6  # the longest of their times to the shortest: the first steps are not quite like the next


class UnsureError(RearguardError, ValueError):
    """Nothing can be said for certain; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """``mounting`` as in sensor.mounting; how far up is from its axis; the gyroscope's offset (3,);
    ``score`` of the gait in the way found, and of the next best."""

    mounting: str
    off_axis_deg: float
    gyro_bias_dps: Floats
    score: float
    next_score: float


def find_up(accel_g: Floats, gyro_dps: Floats) -> tuple[int, float, float, Floats]:
    """The axis that points up, its sign, how many degrees off it is, and the gyroscope's offset (3,).

    From standing still, (n, 3) each in sensor axes. Raises UnsureError.
    """
    bias_dps = gyro_dps.mean(axis=0)
    if np.abs(bias_dps).max() > BIAS_DPS:
        raise UnsureError(
            f"the gyroscope reads {np.abs(bias_dps).max():.0f} deg/s at rest: you turned, or it is faulty; "
            "stand still and try again"
        )
    if np.abs(gyro_dps - bias_dps).max() > STILL_DPS:
        raise UnsureError("you moved: stand still for three seconds and try again")
    mean_g = accel_g.mean(axis=0)
    norm_g = float(np.linalg.norm(mean_g))
    if not GRAVITY_G[0] <= norm_g <= GRAVITY_G[1]:
        raise UnsureError(f"the accelerometer reads {norm_g:.2f} g at rest, not 1 g: run rearguard check")
    axis = int(np.argmax(np.abs(mean_g)))
    off_deg = float(np.degrees(np.arccos(min(abs(mean_g[axis]) / norm_g, 1.0))))
    if off_deg > BETWEEN_DEG:
        raise UnsureError(
            f"the sensor sits {off_deg:.0f} degrees from its nearest axis: clip it so that one side points up"
        )
    return axis, float(np.sign(mean_g[axis])), off_deg, bias_dps


def find_mounting(
    still: tuple[Floats, Floats], walk: tuple[Floats, Floats], rate_hz: float, contacts: Mapping[str, Floats]
) -> Calibration:
    """The mounting from standing still and then walking forward: (accel_g, gyro_dps), (n, 3) each,
    in sensor axes; ``walk`` goes on right where ``still`` ended; ``contacts`` are the contact network's
    weights. Raises UnsureError."""
    axis, sign, off_deg, bias_dps = find_up(*still)
    up = np.zeros(3)
    up[axis] = sign
    found = []
    for forward_axis in (i for i in range(3) if i != axis):
        for way in (1.0, -1.0):
            forward = np.zeros(3)
            forward[forward_axis] = way
            turn = np.array([forward, np.cross(up, forward), up])
            found.append((*_gait(turn, still, walk, bias_dps, rate_hz, contacts), turn))
    found.sort(key=lambda way: -way[0])
    (score, gained_mps, steps, turn), (next_score, *_) = found[0], found[1]
    if steps < STEPS:
        raise UnsureError(f"{steps} steps were seen, {STEPS} are needed: walk ten steps straight ahead")
    if score < SURE_SCORE or score - next_score < AHEAD_SCORE:
        raise UnsureError(
            f"the gait does not show which way is forward (score {score:.2f}, next {next_score:.2f}): "
            "walk briskly and straight, with nothing in your hands; the sensor at the buckle shows it best"
        )
    if gained_mps < -STARTED_MPS:
        raise UnsureError("the start went the other way than the gait: start by walking straight forward")
    return Calibration(" ".join(map(_name, turn)), off_deg, bias_dps, score, next_score)


def _gait(
    turn: Floats,
    still: tuple[Floats, Floats],
    walk: tuple[Floats, Floats],
    bias_dps: Floats,
    rate_hz: float,
    contacts: Mapping[str, Floats],
) -> tuple[float, float, int]:
    """In the way that ``turn`` calls forward: mean direction score, speed gained at the start, steps."""
    accel_g, gyro_dps = (
        np.vstack(pair) @ turn.T for pair in ((still[0], walk[0]), (still[1] - bias_dps, walk[1] - bias_dps))
    )
    body = Posture(rate_hz).update(accel_g, gyro_dps)
    time_s = np.arange(len(accel_g)) / rate_hz
    # The second cue speaks where the first does not: for ways that nobody walked.
    steps = Steps(DirectionSettings(), rate_hz, contacts, pendulum_alone=True).update(time_s, body)
    steps = steps[walk_begins([step.contact_s for step in steps]) :]
    if not steps:
        return 0.0, 0.0, 0
    score = float(np.mean([step.direction_score for step in steps[SETTLED:]])) if steps[SETTLED:] else 0.0
    first = round((steps[0].contact_s - START_S / 2) * rate_hz)
    start = body.forward_g[max(first, 0) : first + round(START_S * rate_hz)]
    return score, float(start.sum()) * GRAVITY_MPS2 / rate_hz, len(steps)


def walk_begins(contacts_s: Sequence[float]) -> int:
    """Which of these contacts is the first of a run of regular steps; what came before was no walk yet.

    Their number where none is.
    """
    for first in range(len(contacts_s) - RUN + 1):
        run_s = contacts_s[first : first + RUN]
        gaps_s = [after - before for before, after in zip(run_s, run_s[1:], strict=False)]
        if max(gaps_s) <= min(LONGEST_S, UNEVEN * min(gaps_s)):
            return first
    return len(contacts_s)


def _name(row: Floats) -> str:
    axis = int(np.argmax(np.abs(row)))
    return f"{'+' if row[axis] > 0 else '-'}{'xyz'[axis]}"
