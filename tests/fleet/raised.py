"""What devices and spotters of a run hand to its judge."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Raised:
    """By devices: when each incident began, and how often their link was lost."""

    began_s: dict[str, float] = field(default_factory=dict)
    links_lost: int = 0
    name_conflicts: int = 0
    heartbeats: int = 0


@dataclass
class Shown:
    """By spotters' views. ``first_s`` is when an incident was first shown, ``times`` how often each report.

    ``ended`` are the incidents that were shown to have ended, ``answered_s`` from a spotter's answer to its
    effect. ``apart_s`` is each time without contact, with when it was over; ``rang_s`` when that rang.
    """

    first_s: dict[str, float] = field(default_factory=dict)
    times: Counter[tuple[str, str, int, str]] = field(default_factory=Counter)
    ended: set[str] = field(default_factory=set)
    answered_s: list[float] = field(default_factory=list)
    apart_s: list[tuple[float, float]] = field(default_factory=list)
    rang_s: list[float] = field(default_factory=list)
