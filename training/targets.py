"""What the network is asked to say, decision by decision."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.core.fall_network import Head
from monitor.recordings.corpus import Trial

Array = npt.NDArray[np.float32]


class Targets(NamedTuple):
    """Per decision (k, heads): the answer, how much it matters, and the `bag`: decisions of which
    at least one must be positive."""

    answer: Array
    weight: Array
    bag: npt.NDArray[np.bool_]


def peak_s(trial: Trial) -> float:
    """When |a| is largest, inside the labelled span where there is one."""
    height = np.square(trial.counts[:, :3].astype(np.float32)).sum(axis=1)
    if not np.isnan(trial.span_start_s):
        time_s = np.arange(len(height)) / trial.rate_hz
        height = np.where((time_s >= trial.span_start_s) & (time_s <= trial.span_stop_s), height, 0.0)
    return float(np.argmax(height)) / trial.rate_hz


Span = tuple[float, float]
"""From when to when, in s; NaN for never."""

NEVER = (np.nan, np.nan)


def handled_s(trial: Trial) -> Span:
    """From when to the end a recording of taking the sensor off has it in a hand.

    It is not labelled. It is inferred: for good it has left the posture of the first 5 s by more than 50 deg.
    """
    if trial.dataset != "hapt_off":
        return NEVER
    accel = trial.counts[:, :3].astype(np.float64)
    length = round(0.5 * trial.rate_hz)
    mean = np.cumsum(accel, axis=0)
    mean = (mean[length:] - mean[:-length]) / length
    start = accel[: round(5.0 * trial.rate_hz)].mean(axis=0)
    cosine = mean @ start / (np.linalg.norm(mean, axis=1) * np.linalg.norm(start))
    worn = np.flatnonzero(cosine > np.cos(np.radians(50.0)))
    last_s = (worn[-1] + length) / trial.rate_hz
    return (last_s, trial.duration_s) if 0.8 < trial.duration_s - last_s < 12.0 else NEVER


def targets(trial: Trial, peak_s: float, handled: Span, time_s: Array) -> Targets:
    """For decisions at ``time_s`` (k,) of the trial.

    FALLING from the onset to the impact, FALLEN from 0.7 to 2.6 s after it, STUMBLE around the
    largest |a| of a stumble, HANDLED while it is. Where the labels cannot tell (from just before the onset
    on, after the impact, around a stumble, while the sensor is taken off or put on) nothing is asked.
    """
    answer = np.zeros((len(time_s), len(Head)), dtype=np.float32)
    weight = np.ones_like(answer)
    bag = np.zeros_like(answer, dtype=np.bool_)
    if trial.kind == "fall":
        impact_s, labelled = trial.impact_s, not np.isnan(trial.onset_s)
        quiet_s = trial.onset_s - 0.1 if labelled else impact_s - 1.5
        falls_s = max(trial.onset_s + 0.15, impact_s - 0.6) if labelled else impact_s - 0.4
        soonest_s = max(trial.onset_s + 0.05 if labelled else quiet_s, impact_s - 0.75)
        descent = (time_s >= falls_s) & (time_s < impact_s)
        lying = (time_s >= impact_s + 0.7) & (time_s < impact_s + 2.6)
        for head, positive in ((Head.FALLING, descent), (Head.FALLEN, lying)):
            answer[:, head] = positive
            weight[:, head] = positive | (time_s < quiet_s)
        bag[:, Head.FALLING] = (time_s >= soonest_s) & (time_s < impact_s - 0.06)
        bag[:, Head.FALLEN] = (time_s >= impact_s + 0.4) & (time_s < impact_s + 1.4)
        weight[:, Head.STUMBLE] = 0.0
    elif trial.kind == "stumble":
        labelled = not np.isnan(trial.span_start_s)
        start_s = trial.span_start_s - 0.5 if labelled else peak_s - 1.5
        stop_s = trial.span_stop_s + 1.0 if labelled else peak_s + 1.5
        near = (time_s >= peak_s - 0.02) & (time_s < peak_s + 0.3)
        outside = (time_s < start_s) | (time_s > stop_s)
        answer[:, Head.STUMBLE] = near
        weight[:, Head.STUMBLE] = np.where(near, 1.0, 0.5 * outside)
        bag[:, Head.STUMBLE] = (time_s >= peak_s - 0.35) & (time_s < peak_s + 0.22)
    elif trial.kind == "daily":
        weight[:, Head.STUMBLE] = 0.5
    from_s, to_s = handled
    if not np.isnan(from_s):
        answer[:, Head.HANDLED] = inside = (time_s >= from_s + 0.5) & (time_s <= to_s - 0.5)
        near = (time_s >= from_s - 4.0) & (time_s <= to_s + 4.0)
        weight[:, Head.HANDLED] = inside | ~near
        bag[:, Head.HANDLED] = inside
    elif trial.dataset == "hapt_off":
        weight[:, Head.HANDLED] = 0.0
    return Targets(answer, weight, bag)
