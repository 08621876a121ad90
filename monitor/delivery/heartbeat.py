"""What the heartbeat says: a summary of what the safety process's loop knows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Event, EventKind, Status
from monitor.delivery.messages import Moment, State, incidents
from monitor.delivery.wording import missing, summary

WALKING_S = 2.0
"""So long after a step the heartbeat says walking."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the loop knew after its latest block. ``alerts`` is the last one's sequence."""

    status: Status = field(default_factory=lambda: Status(False, False, (), 0.0))
    fault: str = ""
    alerts: int = 0
    steps: int = 0
    step_s: float = -inf
    lost_samples: int = 0

    def after(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], status: Status
    ) -> "Summary":
        """With what the loop has just found out."""
        steps = [event.time_s for event in events if event.kind is EventKind.STEP]
        return replace(
            self,
            status=status,
            fault=block.fault,
            alerts=max([self.alerts, *(alert.sequence for alert in alerts)]),
            steps=self.steps + len(steps),
            step_s=steps[-1] if steps else self.step_s,
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
            walking=moment.mono_s - self.step_s < WALKING_S,
            lost_samples=self.lost_samples,
        )
