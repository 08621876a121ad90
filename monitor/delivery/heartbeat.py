"""What the heartbeat says: a summary of what the safety process's loop knows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, isnan
from typing import Literal

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Direction, Event, Status, StepEvent
from monitor.delivery.messages import Gait, Moment, State, incidents
from monitor.delivery.wording import missing, summary

WALKING_S = 2.0
"""So long after a step the heartbeat says walking."""

RECENT_S = 1.2
"""A heartbeat speaks of the steps of so long before it: no step falls between two."""

RECENT_STEPS = 8

WORDS: dict[Direction, Literal["backward", "unknown", "forward"]] = {
    Direction.BACKWARD: "backward",
    Direction.UNKNOWN: "unknown",
    Direction.FORWARD: "forward",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """What the loop knew after its latest block. ``alerts`` is the last one's sequence."""

    status: Status = field(default_factory=lambda: Status(False, False, (), 0.0))
    fault: str = ""
    alerts: int = 0
    steps: int = 0
    steps_backward: int = 0
    walking_s: float = 0.0
    recent: tuple[StepEvent, ...] = ()
    lost_samples: int = 0

    def after(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], status: Status
    ) -> "Summary":
        """With what the loop has just found out."""
        steps = [event for event in events if isinstance(event, StepEvent)]
        return replace(
            self,
            status=status,
            fault=block.fault,
            alerts=max([self.alerts, *(alert.sequence for alert in alerts)]),
            steps=self.steps + len(steps),
            steps_backward=self.steps_backward + sum(step.direction is Direction.BACKWARD for step in steps),
            walking_s=self.walking_s + sum(step.step_s for step in steps if not isnan(step.step_s)),
            recent=(*self.recent, *steps)[-RECENT_STEPS:],
            lost_samples=self.lost_samples + block.lost,
        )

    @property
    def shown(self) -> tuple[object, ...]:
        """What a spotter must see change at once, not at the next beat."""
        status = self.status
        return status.armed, status.sound_paused, status.incidents, status.waits_for, bool(self.fault)

    def state(self, boot: str, sequence: int, moment: Moment) -> State:
        """The heartbeat of this ``moment``, as far as the loop knows it."""
        status = self.status
        return State(
            boot=boot,
            sequence=sequence,
            mono_s=moment.mono_s,
            wall_s=moment.wall_s,
            uptime_s=0.0,
            armed=status.armed,
            sound_paused=status.sound_paused,
            summary=summary(status)[:500],
            incidents=incidents(status, moment),
            faults=(self.fault[:500],) if self.fault else (),
            waits_for=tuple(missing(waiting)[:500] for waiting in status.waits_for),
            alerts=self.alerts,
            block_age_s=max(0.0, moment.mono_s - status.time_s),
            steps=self.steps,
            walking=bool(self.recent) and moment.mono_s - self.recent[-1].time_s < WALKING_S,
            gait=self._gait(moment.mono_s),
            lost_samples=self.lost_samples,
        )

    def _gait(self, now_s: float) -> Gait:
        last = self.recent[-1] if self.recent else None
        lately = [step for step in self.recent if now_s - step.time_s < RECENT_S]
        return Gait(
            steps_backward=self.steps_backward,
            walking_s=round(self.walking_s, 1),
            direction=WORDS[last.direction] if last else "unknown",
            step_age_s=round(max(0.0, now_s - last.time_s), 2) if last else None,
            cadence_spm=_largest([last.cadence_spm]) if last else None,
            sway_percent=_largest(step.sway_percent for step in lately),
            rhythm_percent=_largest(step.rhythm_percent for step in lately),
        )


def _largest(values: Iterable[float]) -> float | None:
    """Of those that are known."""
    return max((round(value, 1) for value in values if isfinite(value)), default=None)
