"""Is this step like the walker's good ones? Every step is scored by terms that say why.

Each term runs from 0 (ordinary) to 1 (bad). Limits are the walker's own, learned from good steps,
with those of ordinary walkers as a net; the score is the worst term, raised by what the others add.
"""

from dataclasses import dataclass
from math import nan

import numpy as np

from monitor.core.posture import Body
from monitor.core.samples import Floats
from monitor.core.setting import SettingError, number, switch
from monitor.core.step_measures import Measured, StepMeasures
from monitor.core.steps import Step
from monitor.core.vocabulary import Direction, Reading, UnsafeStepEvent

OTHERS = 0.25  # share of the other terms' mean that is added to the worst
STEPS_BEFORE = 20  # steps before the walker's own limits speak
IN_A_TURN = 1.4  # the trunk sways more there: all limits, of the rhythm too, are so much wider


@dataclass(frozen=True, slots=True)
class UnsafeSettings:
    """When a step is called unsafe."""

    amber_score: float = number(
        0.5,
        0.1,
        1.0,
        "",
        "score at which a step counts as unsafe",
        "more steps are flagged",
        "fewer steps are flagged",
    )
    red_score: float = number(
        0.8,
        0.1,
        1.0,
        "",
        "score at which a step counts as very unsafe",
        "more steps count as very unsafe",
        "fewer steps count as very unsafe",
    )
    both_directions: bool = switch(
        False, "check forward steps and steps of unknown direction too, not only backward ones"
    )
    learning_s: float = number(
        60.0,
        10.0,
        600.0,
        "s",
        "walking time over which the walker's own limits are learned",
        "limits are learned sooner, from less",
        "limits are learned later, from more",
    )
    limit_mads: float = number(
        5.0,
        3.0,
        20.0,
        "mean absolute deviations",
        "distance from the walker's own mean that is still normal",
        "more steps are flagged",
        "fewer steps are flagged",
    )
    forgetting_s: float = number(
        300.0,
        60.0,
        3600.0,
        "s",
        "averaging time of the walker's own limits",
        "limits follow the walker faster",
        "limits follow the walker more slowly",
    )

    def __post_init__(self) -> None:
        if self.amber_score >= self.red_score:
            raise SettingError(
                "red_score",
                f"found {self.red_score:g}, allowed: more than amber_score, which is {self.amber_score:g}",
                "amber_score",
            )


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to see in a step: up to ``ok`` it is ordinary, at ``bad`` it is as bad as can be."""

    name: str
    words: str
    ok: float
    bad: float


TERMS = (
    Term("trunk_lean_deg", "trunk leaning", 40.0, 80.0),
    Term("roll_range_deg", "swaying sideways", 14.0, 26.0),
    Term("pitch_range_deg", "swaying forward and back", 14.0, 26.0),
    Term("trunk_rate_dps", "trunk jerking", 130.0, 260.0),
    Term("hesitation_percent", "hesitating", 35.0, 80.0),
    Term("hurry_percent", "hurried step", 30.0, 60.0),
    Term("cadence_surge_percent", "cadence surging", 25.0, 60.0),
    Term("step_time_cv_percent", "uneven rhythm", 15.0, 50.0),
    Term("asymmetry_percent", "limping", 30.0, 60.0),
    Term("impact_g", "heavy step", 2.8, 4.2),
    Term("veering_deg", "veering off the line", 5.0, 14.0),
)


class Baseline:
    """Mean and mean deviation of every term over the walker's good steps."""

    STATE = ("_walked_s", "_steps", "_mean", "_spread")

    def __init__(self, settings: UnsafeSettings) -> None:
        self._settings = settings
        self._walked_s = 0.0
        self._steps = 0
        self._mean = np.zeros(len(TERMS))
        self._spread = np.zeros(len(TERMS))

    @property
    def learning(self) -> bool:
        """Still in the first minute, in which every step is taken for ordinary."""
        return self._walked_s < self._settings.learning_s

    def learn(self, values: Floats, step_s: float) -> None:
        """Take a step in: the mean so far over the first minute, slowly forgetting from then on."""
        self._walked_s += step_s
        self._steps += 1
        gain = step_s / (self._walked_s if self.learning else self._settings.forgetting_s)
        off = values - self._mean
        self._mean += gain * off
        if self._steps > 1:
            self._spread += gain * (np.abs(off) - self._spread)

    def limits(self) -> tuple[Floats, Floats]:
        """Where every term begins to speak and where it is bad."""
        if self._steps < STEPS_BEFORE:
            return OK, BAD
        own = self._mean + self._settings.limit_mads * self._spread
        ok = np.minimum(np.maximum(own, LOWEST), HIGHEST)
        return ok, ok + SPAN


OF_THE_TRUNK = np.array([t.name.startswith(("trunk", "roll", "pitch", "impact")) for t in TERMS])
SWAY = [i for i, t in enumerate(TERMS) if t.name.startswith(("trunk", "roll", "pitch"))]
RHYTHM = [i for i, t in enumerate(TERMS) if t.name.endswith("_percent")]
OK, BAD = np.array([t.ok for t in TERMS]), np.array([t.bad for t in TERMS])
SPAN = BAD - OK
LOWEST, HIGHEST = 0.6 * OK, 1.2 * OK  # no walker's own limits lie further from ordinary people's
LOWEST[-1] = HIGHEST[-1] = OK[-1]  # veering is less the walker's own turning already


@dataclass(frozen=True, slots=True)
class Judgement:
    """How near a step came to being flagged for its sway and its rhythm: at 100 % either alone would do it.

    NaN for a step that was not judged, as the first ones of a walk. ``flag`` is there if it is unsafe.
    """

    sway_percent: float = nan
    rhythm_percent: float = nan
    flag: UnsafeStepEvent | None = None


UNJUDGED = Judgement()

Baselines = dict[Direction, Baseline]
"""What is known of the walker, apart for each way of walking."""


def baselines(settings: UnsafeSettings) -> Baselines:
    """Nothing known yet."""
    return {direction: Baseline(settings) for direction in Direction}


class Unsafe:
    """Checks steps as they come, against ``own``, which it goes on learning."""

    STATE = ("_measures",)

    def __init__(self, settings: UnsafeSettings, rate_hz: float, own: Baselines) -> None:
        self._settings = settings
        self._measures = StepMeasures(rate_hz)
        self._own = own

    def update(self, body: Body, steps: list[Step]) -> list[Judgement]:
        """What is to be said of each of ``steps``, which the block behind ``body`` proved."""
        measured = self._measures.update(body, steps)
        return [judge(one, self._own, self._settings) if one else UNJUDGED for one in measured]


def judge(measured: Measured, baselines: Baselines, settings: UnsafeSettings) -> Judgement:
    """What is to be said of a step; where it is a good one, its baseline learns from it."""
    ok, bad = _limits(measured, baselines)
    share = 100 * _of_a_walk(measured) / (ok + settings.amber_score * (bad - ok))
    flag = flagged(measured, baselines, settings)
    return Judgement(float(share[SWAY].max()), float(share[RHYTHM].max()), flag)


def flagged(measured: Measured, baselines: Baselines, settings: UnsafeSettings) -> UnsafeStepEvent | None:
    """The step's flag, where it is unsafe; where it is a good one, its baseline learns from it."""
    if measured.travel != Direction.BACKWARD and not settings.both_directions:
        return None
    values, own = _of_a_walk(measured), baselines[measured.travel]
    ok, bad = _limits(measured, baselines)
    over = values - ok
    score = 0.0
    if over.max() > 0.0:  # most steps are ordinary in everything
        terms = np.minimum(np.maximum(over / (bad - ok), 0.0), 1.0)
        worst = float(terms.max())
        score = min(1.0, worst + OTHERS * (float(terms.sum()) - worst) / (len(TERMS) - 1))
    if not (measured.paused or measured.turning) and (own.learning or score < settings.amber_score):
        own.learn(measured.values, measured.took_s)
    if score < settings.amber_score:
        return None
    limit = settings.red_score if score >= settings.red_score else settings.amber_score
    spoke = [int(i) for i in np.argsort(-terms) if terms[i] > 0]
    evidence = {"score": Reading(score, limit)}
    evidence |= {TERMS[i].name: Reading(float(values[i]), float(ok[i])) for i in spoke}
    reason = ", ".join(TERMS[i].words for i in spoke)
    return UnsafeStepEvent(measured.step.proved_s, evidence, reason, score=score, direction=measured.travel)


def _of_a_walk(measured: Measured) -> Floats:
    """The step's values; who stands may move as he likes."""
    return np.where(OF_THE_TRUNK, 0.0, measured.values) if measured.paused else measured.values


def _limits(measured: Measured, baselines: Baselines) -> tuple[Floats, Floats]:
    """The walker's own, for such a step."""
    ok, bad = baselines[measured.travel].limits()
    return (IN_A_TURN * ok, IN_A_TURN * bad) if measured.turning else (ok, bad)
