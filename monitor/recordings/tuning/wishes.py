"""What tuning is measured by: where an alarm is wanted and where not, by a session's labels or a trial's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Evidence, RearguardError
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.journal.moment import clock
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
    when to when it was watched, and the samples are there. ``gone``: what was labelled where they are not.
    """

    name: str
    hours: float
    wishes: tuple[Wish, ...]
    hidden: tuple[Wish, ...]
    armed: tuple[tuple[float, float], ...]
    session: Session | None = None
    trial: Trial | None = None
    gone: tuple[Wish, ...] = ()

    def blocks(self) -> Iterator[SampleBlock]:
        """Its samples."""
        if self.session is not None:
            yield from self.session.blocks()
        elif self.trial is not None:
            yield corpus.whole(self.trial, RATE_HZ)


def of_session(session: Session) -> Source:
    """A session with what people said of it. Raises TuneError for one from a treadmill's frame."""
    if is_of_a_frame(session):
        raise TuneError(f"session {session.number} is from a treadmill's frame: only the belt's can be tuned")
    labels = [label for label in session.labels() if label.kind in KINDS and label.label != "bookmark"]
    alerts = session.alerts()
    spans = alarms(session, alerts)
    labelled = {(label.incident, label.kind): label for label in labels if label.incident}
    wishes: list[Wish] = []
    hidden = [
        Wish(lesser, from_s - AROUND_S, _ended_s(alerts, incident, session.to_s), None, "")
        for (incident, kind), from_s in _begun_s(alerts).items()
        for lesser in KINDS[KINDS.index(kind) + 1 :]
    ]
    for (incident, kind), (from_s, to_s) in spans.items():
        label = labelled.get((incident, kind))
        name = f"session {session.number} {clock(from_s - session.from_s)} {kind.replace('_', ' ')}"
        wanted = None if label is None else label.label != "false"
        said = {None: "not labelled", True: "right", False: "false alarm"}[wanted]
        wishes.append(Wish(kind, from_s - AROUND_S, to_s + AROUND_S, wanted, f"{name}, {said}"))
    for label in labels:
        if (label.incident, label.kind) in spans:
            continue
        what = {"true": "right", "false": "false alarm", "missed": "missed"}[label.label]
        at = clock(label.time_s - session.from_s)
        name = f"session {session.number} {at} {label.kind.replace('_', ' ')}, {what}"
        others = [span for (_, kind), span in spans.items() if kind == label.kind]
        window = around(label.time_s, others)
        wishes.append(Wish(AlertKind(label.kind), *window, label.label != "false", name))
    kept = session.kept()
    armed = tuple(both for span in _armed(session) for other in kept if (both := _common(span, other)))
    seen, gone = (
        tuple(wish for wish in wishes if any(_common((wish.from_s, wish.to_s), k) for k in kept) is is_there)
        for is_there in (True, False)
    )
    hours = sum(to_s - from_s for from_s, to_s in armed) / 3600
    gone = tuple(wish for wish in gone if wish.wanted is not None)
    return Source(f"session {session.number}", hours, seen, tuple(hidden), armed, session=session, gone=gone)


def is_of_a_frame(session: Session) -> bool:
    """Recorded by a sensor on a treadmill's frame."""
    return '"profile": "treadmill"' in session.settings


def around(time_s: float, others: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """From when to when what was missed at about ``time_s`` may have been: not where others did ring."""
    from_s, to_s = time_s - MISSED_BEFORE_S, time_s + MISSED_AFTER_S
    before_s = [end_s + AROUND_S for _, end_s in others if end_s < time_s]
    after_s = [begin_s - AROUND_S for begin_s, _ in others if begin_s > time_s]
    return min(max([from_s, *before_s]), time_s), max(min([to_s, *after_s]), time_s)


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
    """What the command line names: numbers are sessions, all else are files; nothing: all of the belt's."""
    found = {session.number: session for session in sessions(journal)} if _needs(names) else {}
    chosen: list[Source] = []
    for name in names or [str(number) for number, one in found.items() if not is_of_a_frame(one)]:
        if not name.isdecimal():
            chosen += of_file(Path(name))
        elif int(name) in found:
            chosen.append(of_session(found[int(name)]))
        else:
            raise TuneError(f"no session {name} in {journal}: `rearguard sessions` lists them")
    return chosen


def _needs(names: Sequence[str]) -> bool:
    return not names or any(name.isdecimal() for name in names)


def alarms(session: Session, alerts: Sequence[Alert]) -> dict[tuple[str, AlertKind], tuple[float, float]]:
    """By incident and kind, for a stumble may become a fall: from when to when the detector reported it.

    Nobody's answer, and no report that says the same once more, as after a restart.
    """
    spans: dict[tuple[str, AlertKind], tuple[float, float]] = {}
    told: dict[str, Evidence] = {}
    for alert in alerts:
        is_again = alert.evidence == told.get(alert.id)
        is_kept = alert.id not in told and not alert.id.startswith(f"{session.boot}-")
        told[alert.id] = alert.evidence
        if alert.kind in KINDS and not (alert.stage.ended or alert.who or is_again or is_kept):
            key = (alert.id, alert.kind)
            spans[key] = spans.get(key, (alert.time_s,))[0], alert.time_s
    return spans


def _begun_s(alerts: Sequence[Alert]) -> dict[tuple[str, AlertKind], float]:
    """When an incident first was of that kind."""
    return {(a.id, a.kind): a.time_s for a in reversed(alerts) if a.kind in KINDS}


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


def _common(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float] | None:
    """The time in both."""
    from_s, to_s = max(one[0], other[0]), min(one[1], other[1])
    return (from_s, to_s) if from_s < to_s else None
