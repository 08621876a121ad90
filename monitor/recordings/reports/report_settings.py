"""The settings of the report: what it must know of the walker."""

from dataclasses import dataclass

from monitor.core.setting import number
from monitor.core.step_length import USUAL_FACTOR


@dataclass(frozen=True, slots=True)
class ReportSettings:
    leg_m: float = number(
        0.9,
        0.4,
        1.4,
        "m",
        "the walker's leg, from the hip's joint to the ground",
        "steps count as shorter",
        "steps count as longer",
    )
    step_factor: float = number(
        0.0,
        0.0,
        3.0,
        "",
        "the walker's own factor of the step length, from `rearguard report N --walked METRES`; 0: not "
        f"calibrated, {USUAL_FACTOR} is used",
        "steps count as shorter",
        "steps count as longer",
    )

    @property
    def factor(self) -> float:
        """What the model's step lengths are multiplied by."""
        return self.step_factor or USUAL_FACTOR
