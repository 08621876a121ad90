"""Why it rang at a moment, or why not, and whom the alerts reached: a page of text."""

from collections.abc import Iterator
from itertools import takewhile

import numpy as np

from monitor.core.alarm_rules import DANGERS, OF_THE_WALKER
from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Direction,
    EventKind,
    InputKind,
    UnsafeStepEvent,
)
from monitor.recordings.journal.moment import clock
from monitor.recordings.tuning.explanation import AFTER_S, BEFORE_S, Explanation, opened


def text(found: Explanation) -> Iterator[str]:
    """A page of text."""
    session, time_s = found.session, found.time_s
    at = f"{session.local(time_s):%Y-%m-%d %H:%M:%S}"
    yield f"Session {session.number}, {at}, {clock(time_s - session.from_s)} into it ({session.device})"
    yield ""
    yield from verdict(found)
    yield from _what_to_do(found)
    yield ""
    yield from _score_lines(found)
    yield from _walk_lines(found)
    yield from _watch_lines(found)
    yield from _alert_lines(found)
    for label in found.labels:
        what = f"{label.kind.replace('_', ' ')} {label.label}".strip()
        yield f"Label   {what} ({label.who})" + (f": {label.note}" if label.note else "")


def verdict(found: Explanation) -> Iterator[str]:
    """The answer, in a sentence or two: what rang, and how near what did not ring came to it."""
    rang = list(_rang(found))
    for alert in rang:
        because = _readings(alert)
        when, kind = clock(alert.time_s - found.session.from_s), alert.kind.replace("_", " ")
        yield f"It rang at {when}: {kind}, {alert.certainty}" + (f", because {because}." if because else ".")
    kinds = {alert.kind for alert in rang}
    if AlertKind.FALL in kinds and AlertKind.STUMBLE in kinds:
        return
    silent = "It rang for nothing else" if rang else "It did not ring"
    if (hole := _hole(found)) is not None:
        yield f"{silent}, and these seconds were not recorded: {hole}."
        return
    if found.state is not None and not found.state.armed:
        yield f"{silent}: it was not armed."
    if (lost := _silence(found)) is not None:
        yield f"{silent}: the sensor did not report{f' ({lost})' if lost else ''}."
    for kind, events in _RINGS.items():
        event = next((event for event in found.seen if event.kind in events), None)
        if kind not in kinds and event is not None:
            when = clock(event.time_s - found.session.from_s)
            name, why = kind.replace("_", " "), _hidden(found, event.time_s)
            yield f"{'An' if name[0] in 'aeiou' else 'A'} {name} was seen at {when} and did not ring: {why}."
    for kind, name in ((AlertKind.FALL, "falling score"), (AlertKind.STUMBLE, "stumble score")):
        score = next((score for score in found.scores if score.name == name), None)
        if kind not in kinds and score is not None and not score.over:
            short = f"{score.limit - score.value:.2f} below its limit of {score.limit:g}"
            yield f"No {kind}: the {name} reached {score.value:.2f}, {short}."


def _what_to_do(found: Explanation) -> Iterator[str]:
    """How to say that it was wrong, word for word."""
    name = f"rearguard label {found.session.number}+"
    judged = {label.incident for label in found.labels}
    rang = [alert for alert in _rang(found) if alert.kind in DANGERS and alert.id not in judged]
    if rang:
        worst = max(rang, key=lambda alert: alert.priority)
        kind, when = worst.kind, clock(worst.time_s - found.session.from_s)
        yield f"If it should not have rung:  {name}{when} false --kind {kind}"
    when = clock(found.time_s - found.session.from_s)
    yield f"If an alarm was missed:      {name}{when} missed --kind KIND"
    yield "`rearguard tune` then looks for settings that do better."


_RINGS = {
    AlertKind.FALL: (EventKind.FALLING, EventKind.DOWN),
    AlertKind.STUMBLE: (EventKind.STUMBLE,),
    AlertKind.UNSAFE_STEP: (EventKind.UNSAFE_STEP,),
}


def _rang(found: Explanation) -> Iterator[Alert]:
    """By incident and kind the first report of these seconds, that nobody's answer made."""
    rang: set[tuple[str, AlertKind]] = set()
    for alert in found.alerts:
        is_news = not (alert.stage.ended or alert.who) and found.around(alert.time_s)
        if alert.kind in OF_THE_WALKER and is_news and (alert.id, alert.kind) not in rang:
            rang.add((alert.id, alert.kind))
            yield alert


def _hidden(found: Explanation, time_s: float) -> str:
    """Why what was seen then was no alarm."""
    state = found.state_at(time_s)
    if state is not None and not state.armed:
        return "it was not armed"
    worse = [
        alert for alert in opened(found.alerts, time_s) if alert.kind in (AlertKind.STUMBLE, AlertKind.FALL)
    ]
    if not worse:
        return "with the settings of then nothing was reported"
    first = next(a for a in found.alerts if (a.id, a.kind) == (worse[-1].id, worse[-1].kind))
    return f"a {first.kind}, which says more, was open since {clock(first.time_s - found.session.from_s)}"


def _silence(found: Explanation) -> str | None:
    """Why the sensor was silent; None where it was not, for most of these seconds."""
    lost = next((event for event in found.seen if event.kind is EventKind.SENSOR_LOST), None)
    silent = [block for block in found.blocks if not len(block.time_s)]
    if lost is None and len(silent) * 2 <= len(found.blocks):
        return None
    return lost.reason if lost else next((block.fault for block in silent if block.fault), "")


def _hole(found: Explanation) -> str | None:
    holes = (h for h in found.session.holes() if h.from_s <= found.time_s <= h.to_s)
    return next((hole.reason for hole in holes), None)


def _readings(alert: Alert) -> str:
    parts = [
        f"{name.replace('_', ' ')} {value:.4g} (limit {limit:.4g})"
        for name, (value, limit) in alert.evidence.items()
        if limit is not None and value >= limit
    ]
    return ", ".join(([alert.reason] if alert.reason else []) + parts)


def _score_lines(found: Explanation) -> Iterator[str]:
    if not found.blocks:
        yield "Scores  the samples of this time have been let go of; what was seen then is below"
        return
    yield f"Scores, highest from {BEFORE_S:.0f} s before to {AFTER_S:.0f} s after"
    for score in found.scores:
        off = score.value - score.limit
        side = f"{abs(off):.2f} over" if score.over else f"{abs(off):.2f} below"
        when = f"at {clock(score.time_s - found.session.from_s)}"
        yield f"  {score.name:19}{score.value:8.2f}  limit {score.limit:6.2f}  {side:12} {when}  {score.unit}"


def _walk_lines(found: Explanation) -> Iterator[str]:
    steps = found.steps
    if not steps:
        yield "Walk    no steps"
        return
    names = {Direction.BACKWARD: "backward", Direction.FORWARD: "forward", Direction.UNKNOWN: "unknown"}
    counts = {name: sum(step.direction is way for step in steps) for way, name in names.items()}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    sure = float(np.mean([step.direction_score for step in steps]))
    yield f"Walk    {len(steps)} steps: {said}; direction score {sure:+.2f} (-1 surely backward, 1 forward)"
    for event in found.seen:
        if isinstance(event, UnsafeStepEvent):
            when = clock(event.time_s - found.session.from_s)
            yield f"        unsafe step at {when}: {event.reason} (score {event.score:.2f})"


def _watch_lines(found: Explanation) -> Iterator[str]:
    state = found.state
    if state is None:
        yield "Watch   not known"
    elif state.armed:
        until_now = [one for one in reversed(found.states) if one.time_s <= found.time_s]
        since_s = list(takewhile(lambda one: one.armed, until_now))[-1].time_s
        yield f"Watch   armed since {clock(since_s - found.session.from_s)}"
    else:
        waits = ", ".join(f"{name} {detail}".strip().replace("_", " ") for name, detail in state.waits_for)
        yield "Watch   NOT ARMED" + (f": waits for {waits}" if waits else "")
    missing = [block for block in found.blocks if block.fault or block.lost]
    silent = sum(not len(block.time_s) for block in found.blocks)
    faults = dict.fromkeys(block.fault for block in missing if block.fault)
    lost = sum(block.lost for block in found.blocks)
    if found.blocks:
        words = [f"{lost} samples lost"] if lost else []
        words += [f"{silent} blocks without samples"] if silent else []
        yield f"Sensor  {'; '.join([*words, *faults]) or 'all samples there'}"
    for hole in found.session.holes():
        if hole.to_s >= found.time_s - BEFORE_S and hole.from_s <= found.time_s + AFTER_S:
            bounds = (clock(time_s - found.session.from_s) for time_s in (hole.from_s, hole.to_s))
            yield f"Hole    from {' to '.join(bounds)} nothing was recorded: {hole.reason}"
    links = [a for a in found.session.alerts() if a.kind is AlertKind.LINK and a.time_s <= found.time_s]
    if links and not links[-1].stage.ended:
        yield f"Link    lost since {clock(links[-1].time_s - found.session.from_s)}: {links[-1].reason}"
    else:
        yield "Link    no fault"


def _alert_lines(found: Explanation) -> Iterator[str]:
    """What was reported, whom it reached and who answered, in order."""
    ids = {alert.id for alert in found.alerts if alert.kind in OF_THE_WALKER}
    rows: list[tuple[float, str]] = []
    for alert in found.alerts:
        if alert.id in ids:
            state = alert.stage if alert.stage.ended or alert.who else alert.certainty
            who = f" by {alert.who}" if alert.who else ""
            rows.append((alert.time_s, f"{alert.kind.replace('_', ' ')} {state}{who}"))
    for time_s, given in found.session.inputs():
        if given.alert_id in ids and given.kind is InputKind.RECEIVED:
            rows.append((time_s, f"received by {given.who}"))
        elif given.kind in (InputKind.BUTTON_SHORT, InputKind.BUTTON_LONG) and found.around(time_s):
            rows.append((time_s, f"{given.kind.replace('_', ' ')} pressed"))
    if not rows:
        yield "Alerts  none"
        return
    received = {given.alert_id for _, given in found.session.inputs() if given.kind is InputKind.RECEIVED}
    rows.sort(key=lambda row: row[0])
    for i, (time_s, words) in enumerate(rows):
        yield f"{'Alerts' if not i else '':8}{clock(time_s - found.session.from_s)}  {words}"
    rang = {alert.id for alert in _rang(found)}
    if rang and not rang & received:
        yield f"{'':8}received by nobody"
