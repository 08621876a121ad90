"""The unsafe moments of a session: its incidents, and what the detector found while it was not armed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from monitor.core.unsafe import TERMS
from monitor.core.vocabulary import Alert, AlertKind, Event, EventKind, Evidence, Stage
from monitor.recordings.journal.sessions import Session
from monitor.recordings.reports.document import Chart, Line, Panel
from monitor.recordings.reports.figures import motions_of

BEFORE_S, AFTER_S = 5.0, 3.0
SAME_S = 5.0
"""What the detector finds this near to an incident belongs to it."""

NAMES = {
    AlertKind.FALL: "fall",
    AlertKind.SOS: "call for help",
    AlertKind.STUMBLE: "stumble",
    AlertKind.UNSAFE_STEP: "unsafe step",
}
"""The most serious first."""

KINDS = {
    EventKind.DOWN: AlertKind.FALL,
    EventKind.STUMBLE: AlertKind.STUMBLE,
    EventKind.UNSAFE_STEP: AlertKind.UNSAFE_STEP,
}
ENDS = {
    Stage.ACTIVE: "no answer",
    Stage.ACKNOWLEDGED: "a spotter came",
    Stage.RECOVERED: "over by itself",
    Stage.CANCELLED: "false alarm, or “I'm OK”",
    Stage.CLEARED: "ended by a spotter",
}
ORDINARY = {term.name: term.ok for term in TERMS}


@dataclass(frozen=True, slots=True)
class UnsafeMoment:
    """``reason``, ``ended`` and ``said``, the labels that people gave it, are in words."""

    time_s: float
    kind: AlertKind
    reason: str
    evidence: Evidence
    ended: str
    said: str


def unsafe_moments(session: Session) -> list[UnsafeMoment]:
    """In order of time. An incident that climbed, from a stumble to a fall say, is a moment for each."""
    incidents: dict[str, list[Alert]] = {}
    for alert in session.alerts():
        if alert.kind in NAMES:
            incidents.setdefault(alert.id, []).append(alert)
    labels = session.labels()
    found: list[UnsafeMoment] = []
    for name, reports in incidents.items():
        said = ", ".join(dict.fromkeys(label.label for label in labels if label.incident == name))
        found += _of_incident(reports, said or "-")
    spans = [(reports[0].time_s - SAME_S, reports[-1].time_s + SAME_S) for reports in incidents.values()]
    for event in _strongest(session.events()):
        if not any(from_s <= event.time_s <= to_s for from_s, to_s in spans):
            kind, why = KINDS[event.kind], _why(event.reason, event.evidence)
            found.append(UnsafeMoment(event.time_s, kind, why, event.evidence, "it was not armed", "-"))
    return sorted(found, key=lambda moment: moment.time_s)


def _of_incident(reports: Sequence[Alert], said: str) -> list[UnsafeMoment]:
    moments: list[UnsafeMoment] = []
    for kind, group in groupby(reports, lambda report: report.kind):
        of_kind = list(group)
        first, last = of_kind[0], of_kind[-1]
        reason = _why(first.reason, last.evidence)
        if moments and first.time_s - moments[-1].time_s < SAME_S:
            reason = f"{moments.pop().reason}; {reason}"  # two names of one moment: the graver counts
        ended = f"{last.certainty}, {ENDS[last.stage]}"
        if last is not reports[-1]:
            ended = "it grew worse"
        moments.append(UnsafeMoment(first.time_s, kind, reason, last.evidence, ended, said))
    return moments


def _why(reason: str, evidence: Evidence) -> str:
    peak = evidence.get("peak_accel_g")
    return reason or (f"largest acceleration {peak.value:.1f} g" if peak else "-")


def most_serious(moments: Sequence[UnsafeMoment], count: int) -> list[UnsafeMoment]:
    """So many of them, in order of time."""
    ranks = list(NAMES)
    worst = sorted(moments, key=lambda moment: (ranks.index(moment.kind), moment.time_s))[:count]
    return sorted(worst, key=lambda moment: moment.time_s)


def signal(session: Session, moment: UnsafeMoment, when: str) -> Chart | None:
    """What the sensor measured around it; None where the samples have been let go of."""
    from_s, to_s = moment.time_s - BEFORE_S, moment.time_s + AFTER_S
    motions = motions_of(session, from_s - 2.0, to_s)  # the trunk's attitude takes two seconds to find
    seen = [cut for motion in motions if len((cut := motion.cut(from_s, to_s)).time_s)]
    if not seen:
        return None
    longest = max(seen, key=lambda motion: len(motion.time_s))
    at = (longest.time_s - moment.time_s).tolist()
    accel_g, roll_dps, pitch_dps = (
        getattr(longest.body, name).tolist() for name in ("magnitude_g", "roll_dps", "pitch_dps")
    )
    impact_g, rate_dps = (_limit(moment, name) for name in ("impact_g", "trunk_rate_dps"))
    return Chart(
        f"{NAMES[moment.kind].capitalize()} at {when}",
        f"From {BEFORE_S:.0f} s before to {AFTER_S:.0f} s after: largest acceleration {max(accel_g):.1f} g, "
        f"limit {impact_g:.1f} g; largest trunk rates sideways {_largest(roll_dps):.0f} deg/s, forward and "
        f"back {_largest(pitch_dps):.0f} deg/s, limit {rate_dps:.0f} deg/s.",
        "seconds",
        (
            Panel("Acceleration, g", (Line("", at, accel_g),), (("limit", impact_g),)),
            Panel(
                "Trunk, deg/s",
                (Line("sideways", at, roll_dps), Line("forward, back", at, pitch_dps)),
                (("limit", rate_dps), ("limit", -rate_dps)),
            ),
        ),
        moment=0.0,
    )


def _limit(moment: UnsafeMoment, name: str) -> float:
    """The walker's own where it is known, else that of ordinary people."""
    own = moment.evidence[name].limit if name in moment.evidence else None
    return ORDINARY[name] if own is None else own


def _largest(values: Sequence[float]) -> float:
    return max(map(abs, values))


def _strongest(events: Sequence[Event]) -> list[Event]:
    """One event for each run of them that are near each other: the most serious, then the first."""
    ranks = list(KINDS)
    kept: list[Event] = []
    last_s = float("-inf")
    for event in events:
        if event.kind not in KINDS:
            continue
        if event.time_s - last_s > SAME_S:
            kept.append(event)
        elif ranks.index(event.kind) < ranks.index(kept[-1].kind):
            kept[-1] = event
        last_s = event.time_s
    return kept
