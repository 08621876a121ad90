"""What would have happened with other settings: the same samples down the line twice, and what differs."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.detector import Detector, DetectorSettings, Weights
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Evidence, Input
from monitor.recordings.journal.moment import clock
from monitor.recordings.scoring import ONE_INCIDENT_S
from monitor.recordings.tuning.tracks import merged

SAME_S = 2.0
"""Reports of one kind this near to each other are the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An alert of one run beside that of the other; None where the other has none."""

    time_s: float
    kind: AlertKind
    before: Alert | None
    after: Alert | None

    @property
    def words(self) -> str:
        """What changed."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        moved_s = self.after.time_s - self.before.time_s
        if self.before.certainty != self.after.certainty:
            return f"{self.before.certainty} -> {self.after.certainty}"
        return (
            f"{abs(moved_s):.2f} s {'later' if moved_s > 0 else 'sooner'}" if abs(moved_s) > 0.005 else "same"
        )


def alerts_of(
    blocks: Sequence[SampleBlock],
    inputs: Sequence[tuple[float, Input]],
    boot: str,
    settings: DetectorSettings,
    alarm: AlarmSettings,
    arming: ArmingSettings,
    weights: Weights,
) -> list[Alert]:
    """Every report that these samples and inputs lead to, as the loop would have made them."""
    detector, machine = Detector(settings, weights), Alarm(alarm, arming, boot)
    events = deque(event for block in merged(blocks) for event in detector.update(block))
    waiting = deque(inputs)
    alerts: list[Alert] = []
    for block in blocks:
        while events and events[0].time_s <= block.end_s:
            event = events.popleft()
            alerts += machine.update(event.time_s, [event], [])
        given = []
        while waiting and waiting[0][0] <= block.end_s:
            given.append(waiting.popleft()[1])
        alerts += machine.update(block.end_s, [], given)
    return alerts


def openings(alerts: Sequence[Alert]) -> list[Alert]:
    """Each time it rang, at its greatest certainty: of every incident, and of every kind that it became.

    While a fall is open another is a further report of the same incident, and a time of its own. An answer is
    none, nor what is said once more because nobody came.
    """
    found: list[Alert] = []
    latest: dict[tuple[str, AlertKind], tuple[int, Alert]] = {}
    told: dict[str, Evidence] = {}
    for alert in alerts:
        is_again = alert.evidence == told.get(alert.id)
        told[alert.id] = alert.evidence
        if alert.stage.ended or alert.who or is_again:
            continue
        place, last = latest.get((alert.id, alert.kind), (-1, alert))
        surer = (last.certainty, alert.certainty) == (Certainty.SUSPECTED, Certainty.CONFIRMED)
        if place >= 0 and (surer or alert.time_s - last.time_s <= ONE_INCIDENT_S):
            found[place] = replace(found[place], certainty=alert.certainty) if surer else found[place]
        else:
            place = len(found)
            found.append(alert)
        latest[alert.id, alert.kind] = place, alert
    return found


def compared(before: Sequence[Alert], after: Sequence[Alert]) -> Iterator[Difference]:
    """Both runs' alerts in order of time, those of the same moment side by side."""
    rest = openings(after)
    rows: list[Difference] = []
    for alert in openings(before):
        twin = min(
            (a for a in rest if a.kind is alert.kind and abs(a.time_s - alert.time_s) <= SAME_S),
            key=lambda a, at_s=alert.time_s: abs(a.time_s - at_s),  # type: ignore[misc]  # a default of its own
            default=None,
        )
        if twin is not None:
            rest.remove(twin)
        rows.append(Difference(alert.time_s, alert.kind, alert, twin))
    rows += [Difference(alert.time_s, alert.kind, None, alert) for alert in rest]
    yield from sorted(rows, key=lambda row: row.time_s)


def table(rows: Sequence[Difference], from_s: float) -> Iterator[str]:
    """A line per alert; times from ``from_s`` on."""
    yield f"{'time':>8}  {'kind':12} {'before':10} {'after':10} change"
    for row in rows:
        before = row.before.certainty if row.before else "-"
        after = row.after.certainty if row.after else "-"
        at, kind = clock(row.time_s - from_s), row.kind.replace("_", " ")
        yield f"{at:>8}  {kind:12} {before:10} {after:10} {row.words}"
    counts = {word: sum(row.words == word for row in rows) for word in ("gone", "new")}
    changed = sum(row.words not in ("gone", "new", "same") for row in rows)
    yield f"{counts['gone']} gone, {counts['new']} new, {changed} changed, of {len(rows)}"
