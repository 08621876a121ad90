"""What tuning is measured by: where an alarm is wanted and where not, by a session's labels or a trial's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, RearguardError
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.journal.sessions import Session, sessions
from monitor.recordings.scoring import AFTER_STUMBLE_S, BEFORE_IMPACT_S, BEFORE_ONSET_S, BEFORE_STUMBLE_S

KINDS = (AlertKind.FALL, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP)
"""The alerts whose thresholds are tuned."""

MISSED_BEFORE_S, MISSED_AFTER_S = 10.0, 5.0
"""Who says that something was missed says so a little later, or looks at a clock."""

AROUND_S = 2.0
"""An alarm this near to a labelled alert's own reports is the same."""

RATE_HZ = 100.0


class TuneError(RearguardError, ValueError):
    """Nothing can be tuned with this: what was expected, what was found, what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """From ``from_s`` to ``to_s`` an alarm of the kind is ``wanted``, or is not; None: nobody has said."""

    kind: AlertKind
    from_s: float
    to_s: float
    wanted: bool | None
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """A session, or a trial, to tune on.

    ``hidden``: while a worse alarm was open, so that one of these kinds would not have rung. ``armed``: from
    when to when it was watched.
    """

    name: str
    hours: float
    wishes: tuple[Wish, ...]
    hidden: tuple[Wish, ...]
    armed: tuple[tuple[float, float], ...]
    session: Session | None = None
    trial: Trial | None = None

    def blocks(self) -> Iterator[SampleBlock]:
        """Its samples."""
        if self.session is not None:
            yield from self.session.blocks()
        elif self.trial is not None:
            yield corpus.whole(self.trial, RATE_HZ)


def of_session(session: Session) -> Source:
    """A session with what people said of it. Raises TuneError for one from a treadmill's frame."""
    if '"profile": "treadmill"' in session.settings:
        raise TuneError(f"session {session.number} is from a treadmill's frame: only the belt's can be tuned")
    labels = [label for label in session.labels() if label.kind in KINDS and label.label != "bookmark"]
    alerts = session.alerts()
    spans = _spans(alerts)
    labelled = {label.incident: label for label in labels if label.incident}
    wishes: list[Wish] = []
    hidden: list[Wish] = []
    for incident, (kind, from_s, to_s) in spans.items():
        label = labelled.get(incident)
        name = f"session {session.number} {_at(session, from_s)} {kind.replace('_', ' ')}"
        hidden += [
            Wish(lesser, from_s - AROUND_S, _ended_s(alerts, incident, session.to_s), None, name)
            for lesser in KINDS[KINDS.index(kind) + 1 :]
        ]
        wanted = None if label is None else label.label == "true"
        said = {None: "not labelled", True: "right", False: "false alarm"}[wanted]
        wishes.append(Wish(kind, from_s - AROUND_S, to_s + AROUND_S, wanted, f"{name}, {said}"))
    for label in labels:
        if label.incident in spans:
            continue
        what = {"true": "right", "false": "false alarm", "missed": "missed"}[label.label]
        name = f"session {session.number} {_at(session, label.time_s)} {label.kind.replace('_', ' ')}, {what}"
        window = (label.time_s - MISSED_BEFORE_S, label.time_s + MISSED_AFTER_S)
        wishes.append(Wish(AlertKind(label.kind), *window, label.label != "false", name))
    armed = _armed(session)
    hours = sum(to_s - from_s for from_s, to_s in armed) / 3600
    return Source(f"session {session.number}", hours, tuple(wishes), tuple(hidden), armed, session=session)


def of_file(path: Path) -> list[Source]:
    """The trials of a recording: alarms are wanted in falls and stumbles, in all else they are not."""
    return [_of_trial(f"{path.name} {trial.name}", trial) for trial in Corpus(path)]


def _of_trial(name: str, trial: Trial) -> Source:
    wishes: tuple[Wish, ...] = ()
    if trial.kind == "fall":
        known = [trial.onset_s - BEFORE_ONSET_S, trial.impact_s - BEFORE_IMPACT_S, 0.0]
        opens_s = next(time_s for time_s in known if not isnan(time_s))
        wishes = (Wish(AlertKind.FALL, opens_s, inf, True, name),)
    elif trial.kind == "stumble":
        labelled = not isnan(trial.span_start_s + trial.span_stop_s)
        from_s = trial.span_start_s - BEFORE_STUMBLE_S if labelled else 0.0
        to_s = trial.span_stop_s + AFTER_STUMBLE_S if labelled else inf
        wishes = (Wish(AlertKind.STUMBLE, from_s, to_s, True, name),)
    quiet_h = 0.0 if wishes else trial.duration_s / 3600
    return Source(name, quiet_h, wishes, (), ((0.0, inf),), trial=trial)


def sources(names: Sequence[str], journal: Path) -> list[Source]:
    """What the command line names: numbers are sessions, all else are files; nothing: all sessions."""
    found = {session.number: session for session in sessions(journal)} if _needs(names) else {}
    chosen: list[Source] = []
    for name in names or list(map(str, found)):
        if not name.isdecimal():
            chosen += of_file(Path(name))
        elif int(name) in found:
            chosen.append(of_session(found[int(name)]))
        else:
            raise TuneError(f"no session {name} in {journal}: `rearguard sessions` lists them")
    return chosen


def _needs(names: Sequence[str]) -> bool:
    return not names or any(name.isdecimal() for name in names)


def _spans(alerts: Sequence[Alert]) -> dict[str, tuple[AlertKind, float, float]]:
    """From when to when each incident was reported by the machine; a stumble may have become a fall."""
    spans: dict[str, tuple[AlertKind, float, float]] = {}
    for alert in alerts:
        _, from_s, to_s = spans.get(alert.id, (alert.kind, alert.time_s, alert.time_s))
        to_s = to_s if alert.stage.ended or alert.who else max(to_s, alert.time_s)
        spans[alert.id] = (alert.kind, from_s, to_s)
    return {incident: span for incident, span in spans.items() if span[0] in KINDS}


def _ended_s(alerts: Sequence[Alert], incident: str, otherwise_s: float) -> float:
    """When an incident was over: while one is open, nothing less is an alarm."""
    return next((a.time_s for a in alerts if a.id == incident and a.stage.ended), otherwise_s)


def _armed(session: Session) -> tuple[tuple[float, float], ...]:
    spans: list[tuple[float, float]] = []
    since_s: float | None = None
    for state in session.states():
        if state.armed and since_s is None:
            since_s = state.time_s
        elif not state.armed and since_s is not None:
            spans.append((since_s, state.time_s))
            since_s = None
    if since_s is not None:
        spans.append((since_s, session.to_s))
    return tuple(spans)


def _at(session: Session, time_s: float) -> str:
    whole = max(0, round(time_s - session.from_s))
    return f"{whole // 60}:{whole % 60:02}"
