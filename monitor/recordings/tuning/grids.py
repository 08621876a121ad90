"""The settings that tuning tries: of each kind of alarm a grid round the present ones."""

from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import numpy as np

from monitor.core.detector import DetectorSettings
from monitor.core.setting import about
from monitor.core.vocabulary import AlertKind

GROUPS = {AlertKind.FALL: "fall", AlertKind.STUMBLE: "stumble", AlertKind.UNSAFE_STEP: "unsafe_step"}

STEPS: dict[AlertKind, dict[str, tuple[float, ...]]] = {
    AlertKind.FALL: {
        "falling_threshold": tuple(np.arange(-2.0, 4.01, 0.25).tolist()),
        "down_threshold": tuple(np.arange(-2.0, 3.76, 0.25).tolist()),
    },
    AlertKind.STUMBLE: {"threshold": tuple(np.arange(-3.0, 6.01, 0.025).tolist())},
    AlertKind.UNSAFE_STEP: {
        "amber_score": (-0.2, -0.1, 0.0, 0.1, 0.2),
        "limit_mads": (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 7.0),
    },
}
"""What is tried, as differences from the present: 600, 361 and 40 settings, and more where these are far from
the shipped ones."""

Choice = tuple[float, ...]
"""Values of a group's settings, in the order of its STEPS."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The settings of one group that are tried; the present one is ``choices[present]``."""

    kind: AlertKind
    names: tuple[str, ...]
    choices: tuple[Choice, ...]
    present: int

    def settings(self, base: DetectorSettings, choice: int) -> DetectorSettings:
        """``base`` with that choice in it."""
        values = dict(zip(self.names, self.choices[choice], strict=True))
        group: Any = replace(getattr(base, GROUPS[self.kind]), **values)
        return replace(base, **{GROUPS[self.kind]: group})

    @property
    def keys(self) -> tuple[str, ...]:
        """Dotted, as in config.yaml."""
        return tuple(f"{GROUPS[self.kind]}.{name}" for name in self.names)


def grid(kind: AlertKind, present: DetectorSettings) -> Grid:
    """What is tried round the present settings, within each setting's own limits.

    And round the shipped ones, as far as that is out of reach: they serve most people, within the floor.
    """
    group = getattr(present, GROUPS[kind])
    limits = {f.name: about(f.metadata) for f in fields(group)}
    shipped = type(group)()
    axes = []
    for name, steps in STEPS[kind].items():
        now, said = getattr(group, name), limits[name]
        assert said.low is not None
        assert said.high is not None
        near = {round(now + step, 4) for step in steps}
        lowest, highest = min(near), max(near)
        usual = {round(getattr(shipped, name) + step, 4) for step in steps}
        near |= {value for value in usual if not lowest <= value <= highest}
        axes.append(sorted(value for value in near | {now} if said.low <= value <= said.high))
    choices = tuple(choice for choice in product(*axes) if _is_possible(group, kind, choice))
    now = tuple(getattr(group, name) for name in STEPS[kind])
    return Grid(kind, tuple(STEPS[kind]), choices, choices.index(now))


def _is_possible(group: Any, kind: AlertKind, choice: Choice) -> bool:
    try:
        replace(group, **dict(zip(STEPS[kind], choice, strict=True)))
    except ValueError:
        return False
    return True
