"""One incident as its spotter knows it, and what is said of it."""

from dataclasses import dataclass, field
from enum import Enum

from monitor.core.vocabulary import AlertKind, Certainty, Evidence, Priority, Stage
from monitor.delivery.wording import KIND_WORDS

LATE_S = 5.0
"""A report older than this is given with its age, not as news."""

FAULTS = frozenset({AlertKind.SENSOR, AlertKind.LINK, AlertKind.BATTERY, AlertKind.FAULT})
"""These end when their cause does, and not by anybody's wish."""


class Tone(Enum):
    """How a notice wants to be seen and heard."""

    NOTE = "note"
    RING = "ring"
    WARN = "warn"  # as red as a ring, without its sound
    CALM = "calm"  # something is over, or is looked after


@dataclass(frozen=True, slots=True)
class Incident:
    """The latest report known of one incident. ``event_s`` is our monotonic time of what it reports."""

    id: str
    boot: str
    sequence: int
    kind: AlertKind
    priority: Priority
    certainty: Certainty
    stage: Stage
    event_s: float
    reason: str = ""
    who: str = ""
    age_known: bool = True
    evidence: Evidence = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Nobody has answered yet."""
        return self.stage is Stage.ACTIVE

    @property
    def is_fault(self) -> bool:
        return self.kind in FAULTS

    @property
    def phase(self) -> str:
        """How far it has got, in words: how certain while it is open, and who has reacted."""
        by = f" by {self.who}" if self.who else ""
        if self.stage.ended:
            return ("over" if self.stage is Stage.RECOVERED else self.stage.value) + by
        certainty = self.certainty.value if self.kind is AlertKind.FALL else ""
        acknowledged = f"acknowledged{by}" if self.stage is Stage.ACKNOWLEDGED else ""
        return ", ".join(filter(None, (certainty, acknowledged)))

    @property
    def name(self) -> str:
        """What it is, with how certain a fall is: FALL suspected, stumble."""
        certainty = f" {self.certainty}" if self.kind is AlertKind.FALL else ""
        return KIND_WORDS[self.kind] + certainty

    def words(self) -> str:
        """The latest report in a line."""
        words = " ".join(filter(None, (KIND_WORDS[self.kind], self.phase)))
        return f"{words}: {self.reason}" if self.reason and not self.stage.ended else words


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the spotter. ``age_s`` is the event's age on receipt; ``reminds``: it is no news."""

    tone: Tone
    text: str
    incident: Incident | None = None
    age_s: float = 0.0
    reminds: bool = False
