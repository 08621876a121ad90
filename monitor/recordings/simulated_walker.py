"""A simulated walker: walks forward and backward, steps badly, stumbles, falls and gets up, on cue.

A point at the waist with an attitude. Each move adds accelerations of that point along heading,
left and up, and angles of the trunk; the sensor then reads what physics leaves it no choice about:
specific force turned into the body frame, and the rate at which the attitude turns. Walking rises
and falls once per step and gains speed along its travel while it falls (Zijlstra & Hof 2003).
Falls are shaped after the medians of recorded backward falls while walking (SisFall F02, KFall T34):
0.7 s of rotation and descent, 0.2-0.7 g on the way, 250 deg/s and 5-10 g at the impact, then lying.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from monitor.core.samples import GRAVITY_MPS2, Floats
from monitor.recordings.corpus import Stretch, Trial, to_counts


class Move(StrEnum):
    """What the walker can do."""

    STAND = "stand"
    FORWARD = "forward"
    BACKWARD = "backward"
    UNSAFE_STEP = "unsafe_step"  # backward: one hesitant step with the trunk leaning back, then on
    STUMBLE = "stumble"  # backward: a heel catches, a heavy step recovers, then on
    FALL_BACKWARD = "fall_backward"
    LIE = "lie"
    GET_UP = "get_up"


WALKING = frozenset({Move.FORWARD, Move.BACKWARD, Move.UNSAFE_STEP, Move.STUMBLE})
Script = Sequence[tuple[float, Move]]
"""What to do, one after the other: (seconds, move)."""

SESSION: Script = (
    (3.0, Move.STAND),
    (8.0, Move.BACKWARD),
    (4.0, Move.UNSAFE_STEP),
    (5.0, Move.BACKWARD),
    (5.0, Move.STUMBLE),
    (5.0, Move.BACKWARD),
    (2.5, Move.FALL_BACKWARD),
    (8.0, Move.LIE),
    (4.0, Move.GET_UP),
    (4.0, Move.STAND),
    (8.0, Move.FORWARD),
)
"""The demo: every kind of event once, then up and away."""

FALL_S = 0.7  # from the loss of balance to the impact
DROP_G = 0.7  # downward acceleration at the end of the fall
IMPACT_S = 0.08
SPEED_MPS, BACKWARD_SHARE = 1.1, 0.6  # over ground, backward is slower (Laufer 2005)
STARTING_S = 1.0  # from standing to walking speed
STEP_S = {Move.FORWARD: 0.55, Move.BACKWARD: 0.62}
STEP_CV = {Move.FORWARD: 0.02, Move.BACKWARD: 0.035}


@dataclass(frozen=True, slots=True)
class Walk:
    """What the sensor reads, ``accel_g`` and ``gyro_dps`` (n, 3), and what truly happened, in s."""

    accel_g: Floats
    gyro_dps: Floats
    rate_hz: float
    contact_s: list[float] = field(default_factory=list)
    unsafe_s: list[float] = field(default_factory=list)
    stumble_s: list[float] = field(default_factory=list)
    onset_s: list[float] = field(default_factory=list)
    impact_s: list[float] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)

    def trial(self, name: str) -> Trial:
        """The walk as a recording; its kind is its gravest event."""
        kind = "fall" if self.impact_s else "stumble" if self.stumble_s else "walk"
        return Trial(
            name,
            kind,
            self.rate_hz,
            to_counts(self.accel_g, self.gyro_dps),
            dataset="simulated",
            onset_s=self.onset_s[0] if self.onset_s else np.nan,
            impact_s=self.impact_s[0] if self.impact_s else np.nan,
            span_start_s=self.stumble_s[0] if self.stumble_s else np.nan,
            span_stop_s=self.stumble_s[0] + 1.0 if self.stumble_s else np.nan,
            contact_s=tuple(self.contact_s),
            stretches=tuple(self.stretches),
        )


def walk(script: Script, rate_hz: float, seed: int = 0) -> Walk:
    """The walker does what ``script`` says; the same seed walks the same walk."""
    body = _Body(sum(seconds for seconds, _ in script), rate_hz, seed)
    start_s = 0.0
    speed_mps = 0.0
    for seconds, move in script:
        stop_s = start_s + seconds
        if move is not Move.FALL_BACKWARD:  # which has a motion of its own
            body.change_speed(start_s, speed_of(move) - speed_mps)
        speed_mps = speed_of(move)
        if move in WALKING:
            body.walk(start_s, stop_s, move)
        elif move is Move.FALL_BACKWARD:
            body.fall(start_s)
        elif move is Move.GET_UP:
            body.get_up(start_s, stop_s)
        if move in (Move.STAND, Move.FORWARD, Move.BACKWARD):
            body.truth.stretches.append(Stretch(move.value, start_s, stop_s))
        start_s = stop_s
    return body.sensed()


def speed_of(move: Move) -> float:
    """Along the heading, in m/s."""
    if move is Move.FORWARD:
        return SPEED_MPS
    return -SPEED_MPS * BACKWARD_SHARE if move in WALKING else 0.0


class _Body:
    """Accelerations in g along heading, left, up and angles in deg, as moves add them up."""

    def __init__(self, seconds: float, rate_hz: float, seed: int) -> None:
        self.time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        self._rng = np.random.default_rng(seed)
        n = len(self.time_s)
        self.truth = Walk(np.empty((n, 3)), np.empty((n, 3)), rate_hz)
        self._moves_g = np.zeros((n, 3))
        self._roll_deg, self._pitch_deg, self._yaw_deg = (self._wander(0.4, 0.6) for _ in range(3))
        self._steps = 0
        self._stepped_until_s = 0.0
        self._lying_roll_deg = 0.0

    def walk(self, start_s: float, stop_s: float, move: Move) -> None:
        """Steps from ``start_s`` on; the last one may end a little later."""
        way = Move.FORWARD if move is Move.FORWARD else Move.BACKWARD
        travel = 1.0 if way is Move.FORWARD else -1.0
        first_s = step_s = max(start_s, self._stepped_until_s)
        while step_s < stop_s - 0.3:
            seconds = STEP_S[way] * (1 + STEP_CV[way] * self._rng.standard_normal())
            special = move if step_s == first_s and move not in (Move.FORWARD, Move.BACKWARD) else way
            if special is Move.UNSAFE_STEP:
                seconds *= 1.7
                self.truth.unsafe_s.append(step_s)
                self._pitch_deg -= 23.0 * self._bump(step_s, step_s + 1.2)
                self._roll_deg += 15.0 * self._bump(step_s + 0.1, step_s + 1.0)
            elif special is Move.STUMBLE:
                self._stumble(step_s, travel)
            self._step(step_s, seconds, travel)
            step_s += seconds
        self._stepped_until_s = step_s

    def change_speed(self, start_s: float, gain_mps: float) -> None:
        """From standing to walking, or the other way, over the first or last steps."""
        pulse = self._bump(start_s - 0.2, start_s + STARTING_S - 0.2)
        self._moves_g[:, 0] += gain_mps / (0.5 * STARTING_S * GRAVITY_MPS2) * pulse

    def fall(self, start_s: float) -> None:
        """Backward: the trunk rotates about the heels, the pelvis drops, hits and comes to rest."""
        impact_s = start_s + FALL_S
        self.truth.onset_s.append(start_s)
        self.truth.impact_s.append(impact_s)
        t = self.time_s
        self._pitch_deg -= 14.0 * self._ramp(start_s, start_s + 0.6)
        self._pitch_deg -= 72.0 / (1.0 + np.exp(np.clip((impact_s + 0.02 - t) / 0.075, None, 700.0)))
        self._lying_roll_deg = 9.0 * self._rng.standard_normal()
        self._roll_deg += self._lying_roll_deg * self._ramp(start_s, impact_s)
        falling = np.clip((t - start_s) / FALL_S, 0, 1) * (t <= impact_s)
        drop_g = -DROP_G * falling
        slide_g = -0.25 * self._bump(start_s, start_s + 0.5)
        for axis, moved_g in ((2, drop_g), (0, slide_g)):
            gained = float(moved_g.sum()) / self.truth.rate_hz  # g s, taken back by the ground
            self._moves_g[:, axis] += moved_g - gained * self._pulse(impact_s - IMPACT_S / 2, IMPACT_S)
        ringing = (
            np.exp(-np.clip(t - impact_s, 0, None) / 0.08) * np.sin(75 * (t - impact_s)) * (t > impact_s)
        )
        self._moves_g[:, 2] += 0.8 * ringing
        unrest = self._bump(start_s, impact_s + 0.8)
        self._moves_g += (
            0.12 * unrest[:, np.newaxis] * np.stack([self._wander(6, 1) for _ in range(3)], axis=1)
        )
        self._roll_deg += 3.0 * unrest * self._wander(2, 1)
        self._yaw_deg += 3.0 * unrest * self._wander(2, 1)

    def get_up(self, start_s: float, stop_s: float) -> None:
        """Over one side, then the pelvis rises; slow enough that little is felt but the turning."""
        self._pitch_deg += 86.0 * self._ramp(start_s, stop_s)
        self._roll_deg += 20.0 * self._bump(start_s, stop_s) - self._lying_roll_deg * self._ramp(
            start_s, stop_s
        )
        effort = self._bump(start_s, stop_s)
        self._moves_g += (
            0.08 * effort[:, np.newaxis] * np.stack([self._wander(2, 1) for _ in range(3)], axis=1)
        )

    def sensed(self) -> Walk:
        """Specific force and rate in the body frame, with a chip's noise."""
        roll, pitch, yaw = np.radians([self._roll_deg, self._pitch_deg, self._yaw_deg])
        (cr, sr), (cp, sp), (cy, sy) = ((np.cos(a), np.sin(a)) for a in (roll, pitch, yaw))
        turn = np.array(  # rows: body axes in the world, yaw then pitch then roll
            [
                [cy * cp, sy * cp, -sp],
                [cy * sp * sr - sy * cr, sy * sp * sr + cy * cr, cp * sr],
                [cy * sp * cr + sy * sr, sy * sp * cr - cy * sr, cp * cr],
            ]
        )
        force_g = self._moves_g + np.array([0.0, 0.0, 1.0])
        roll_dps, pitch_dps, yaw_dps = (
            np.gradient(angle) * self.truth.rate_hz
            for angle in (self._roll_deg, self._pitch_deg, self._yaw_deg)
        )
        self.truth.accel_g[:] = np.einsum("ijn,nj->ni", turn, force_g)
        self.truth.gyro_dps[:, 0] = roll_dps - sp * yaw_dps
        self.truth.gyro_dps[:, 1] = cr * pitch_dps + sr * cp * yaw_dps
        self.truth.gyro_dps[:, 2] = cr * cp * yaw_dps - sr * pitch_dps
        self.truth.accel_g[:] += self._rng.normal(0, 0.006, self.truth.accel_g.shape)
        self.truth.gyro_dps[:] += self._rng.normal(0, 0.3, self.truth.gyro_dps.shape)
        return self.truth

    def _step(self, start_s: float, seconds: float, travel: float) -> None:
        """One step from its initial contact: lowest soon after it, rising while it brakes."""
        self.truth.contact_s.append(start_s)
        self._steps += 1
        side = 1.0 if self._steps % 2 else -1.0
        size = 1 + 0.06 * self._rng.standard_normal()
        inside = (self.time_s >= start_s) & (self.time_s < start_s + seconds)
        since_s = self.time_s[inside] - start_s
        cycle = 2 * np.pi * (since_s / seconds - 0.15)
        strike = np.exp(-since_s / 0.03) * np.sin(90 * since_s)
        self._moves_g[inside, 0] += size * travel * (-0.14 * np.sin(cycle) - 0.12 * strike)
        self._moves_g[inside, 1] += size * side * 0.08 * np.sin(np.pi * since_s / seconds)
        self._moves_g[inside, 2] += size * (0.22 * np.cos(cycle) + 0.05 * np.cos(2 * cycle) + 0.3 * strike)
        self._pitch_deg[inside] += size * 1.8 * np.sin(2 * np.pi * since_s / seconds)
        self._roll_deg[inside] += size * side * 3.5 * np.sin(np.pi * since_s / seconds) ** 2
        self._yaw_deg[inside] += size * side * 5.0 * np.sin(np.pi * since_s / seconds) ** 2

    def _stumble(self, start_s: float, travel: float) -> None:
        """The foot catches, the trunk goes on and drops a little, a heavy step stops both."""
        self.truth.stumble_s.append(start_s)
        caught_s, recovered_s = start_s + 0.1, start_s + 0.48
        held_gs = 0.11  # 1.1 m/s lost and regained: the trunk is thrown and caught, beyond its own speed
        jolt = self._pulse(recovered_s, 0.15) - self._pulse(caught_s, 0.1)
        self._moves_g[:, 0] += travel * held_gs * jolt
        size = 1 + 0.15 * self._rng.uniform(-1, 1)
        self._pitch_deg += size * travel * 5.5 * self._bump(caught_s, caught_s + 0.7)
        self._roll_deg += size * 13.0 * self._bump(caught_s, caught_s + 0.5)
        self._yaw_deg += size * 11.0 * self._bump(caught_s + 0.1, caught_s + 0.6)
        drop_g = -0.55 * size * self._bump(caught_s, recovered_s)
        dropped_gs = float(drop_g.sum()) / self.truth.rate_hz
        self._moves_g[:, 2] += drop_g - dropped_gs * self._pulse(recovered_s, 0.07)
        self._shake(0.2, caught_s, caught_s + 1.0)

    def _shake(self, sd_g: float, start_s: float, stop_s: float) -> None:
        """What no plan foresees, in every direction."""
        shaken = np.stack([self._wander(6.0, sd_g) for _ in range(3)], axis=1)
        self._moves_g += self._bump(start_s, stop_s)[:, np.newaxis] * shaken

    def _ramp(self, start_s: float, stop_s: float) -> Floats:
        """0 before, 1 after, without a jerk between."""
        x = np.clip((self.time_s - start_s) / (stop_s - start_s), 0, 1)
        ramp: Floats = x**3 * (10 - 15 * x + 6 * x**2)
        return ramp

    def _bump(self, start_s: float, stop_s: float) -> Floats:
        """0 outside, 1 in the middle."""
        x = np.clip((self.time_s - start_s) / (stop_s - start_s), 0, 1)
        bump: Floats = np.sin(np.pi * x) ** 2
        return bump

    def _pulse(self, start_s: float, seconds: float) -> Floats:
        """A bump whose sum over time is 1 s at any rate: what an impact gives back."""
        bump = self._bump(start_s, start_s + seconds)
        pulse: Floats = bump * self.truth.rate_hz / max(float(bump.sum()), 1e-9)
        return pulse

    def _wander(self, cutoff_hz: float, sd: float) -> Floats:
        """Smooth noise."""
        width = max(3, round(self.truth.rate_hz / cutoff_hz))
        kernel = np.hanning(width + 2)
        noise = np.convolve(self._rng.standard_normal(len(self.time_s)), kernel, "same")
        smooth: Floats = sd * noise / np.sqrt(np.sum(kernel**2))
        return smooth
