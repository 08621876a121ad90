"""The quantities that reports and progress show of a session, each with its unit and its meaning in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import median

from monitor.recordings.reports.figures import Figures
from monitor.recordings.reports.report_settings import ReportSettings

UNCALIBRATED_PERCENT, CALIBRATED_PERCENT = 15, 10
"""What nine of ten distances are right to, measured forward: docs/report.md."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """Shown with ``digits`` decimals; ``of`` a session's figures and the walker's factor of step length."""

    name: str
    unit: str
    digits: int
    of: Callable[[Figures, float], float]
    meaning: str

    def shown(self, value: float) -> str:
        return "-" if isnan(value) else f"{value:,.{self.digits}f} {self.unit}".rstrip()


QUANTITIES = (
    Quantity(
        "Backward walking",
        "min",
        1,
        lambda f, _: f.backward.walking_s / 60,
        "The time from step to step, without pauses.",
    ),
    Quantity(
        "Steps backward",
        "",
        0,
        lambda f, _: f.backward.backward_steps,
        "Steps that were surely backward; the first ones of a walk are often unsure and not counted.",
    ),
    Quantity(
        "Longest without a break",
        "min",
        1,
        lambda f, _: f.longest_s / 60,
        "The longest walk backward in which no step took more than 1.6 s: endurance.",
    ),
    Quantity(
        "Distance",
        "m",
        0,
        lambda f, factor: f.distance_m(factor),
        "Steps times their length, which is estimated from the rise and fall of the trunk.",
    ),
    Quantity("Pace", "m/s", 2, lambda f, factor: f.pace_mps(factor), "Distance by time of walking."),
    Quantity("Step length", "m", 2, lambda f, factor: f.step_m(factor), "The mean of the backward steps."),
    Quantity("Cadence", "steps/min", 0, lambda f, _: f.backward.cadence_spm, "Steps in a minute of walking."),
    Quantity(
        "Step time variability",
        "%",
        1,
        lambda f, _: f.backward.step_time_cv_percent,
        "How unequal the steps' times are, left with left and right with right: lower is steadier.",
    ),
    Quantity(
        "Asymmetry",
        "%",
        1,
        lambda f, _: f.backward.asymmetry_percent,
        "The difference between left and right step times: 0 is none. Which side is longer is not known.",
    ),
    Quantity(
        "Sway",
        "deg/s",
        1,
        lambda f, _: f.backward.sway_dps,
        "How fast the trunk leans to and fro while walking (root mean square).",
    ),
)


def quantity(name: str) -> Quantity:
    """The quantity of that name."""
    return next(each for each in QUANTITIES if each.name == name)


def middle(values: Sequence[float]) -> float:
    """The median of those that are known, NaN of none."""
    known = [value for value in values if not isnan(value)]
    return median(known) if known else nan


def distance_words(settings: ReportSettings) -> str:
    """How far a distance can be trusted."""
    how, percent = (
        ("calibrated by one walked distance", CALIBRATED_PERCENT)
        if settings.step_factor
        else ("not calibrated for this walker", UNCALIBRATED_PERCENT)
    )
    return (
        f"Distance, pace and step length come from a model of the leg as a pendulum, {how} (factor "
        f"{settings.factor:.2f}). Measured on people who walked forward, nine of ten distances are right to "
        f"within {percent} %; for walking backward no such figure is known."
    )
