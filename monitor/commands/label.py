"""``rearguard label``: say of a moment whether the alarm was right, false or missed."""

import argparse
import getpass
import os
import time
from pathlib import Path

from monitor.commands.options import Commands, add_journal, command, journal_file
from monitor.core.alarm_rules import DANGERS
from monitor.core.vocabulary import Alert
from monitor.recordings import corpus
from monitor.recordings.corpus import Corpus
from monitor.recordings.journal.moment import EXPECTED, Moment, moment
from monitor.recordings.journal.sessions import LABELS, JournalError, Label, Session, sessions
from monitor.recordings.tuning.labelled_clips import clip

NEAR_S = 15.0
"""An alert this near to the time that is named is meant."""


def add(commands: Commands) -> None:
    parser = command(commands, "label", act, "say of a moment whether the alarm was right, false or missed")
    parser.add_argument("time", metavar="TIME", nargs="?", help=f"{EXPECTED}; without it: list all labels")
    parser.add_argument(
        "label",
        nargs="?",
        choices=LABELS,
        help="true: the alarm was right; false: it was not; missed: none came; bookmark: look at it later",
    )
    parser.add_argument(
        "--kind",
        choices=[kind.value for kind in sorted(DANGERS)],
        help="of a missed alarm, or where several alerts are near: what it is, or was",
    )
    parser.add_argument("--note", default="", metavar="TEXT", help="in your own words")
    parser.add_argument(
        "--as-test",
        type=Path,
        metavar="FILE.npz",
        help="add the clip and what it expects to this recording; `rearguard evaluate --strict` holds it",
    )
    add_journal(parser)


def act(args: argparse.Namespace) -> int:
    found = sessions(journal_file(args))
    if args.time is None:
        return _list(found)
    if args.label is None:
        raise JournalError(f"expected what to say of it: {', '.join(LABELS)}")
    at = moment(found, args.time)
    label = _label(at, args.label, args.kind, args.note)
    old = next((o for o in at.session.labels() if label.incident and _is_of(o, label)), None)
    at.session.put(label)
    print(f"session {at.session.number}, {at.session.local(label.time_s):%Y-%m-%d %H:%M:%S}: {_words(label)}")
    if old and old.label != label.label:
        print(f"instead of: {_words(old)}; an incident has one label of a kind, however often it rang")
    if args.as_test:
        _add(args.as_test, at.session, label)
    return 0


def _label(at: Moment, word: str, kind: str | None, note: str) -> Label:
    """The label, of the alert that is meant where there is one."""
    alert = at.alert if at.alert and kind in (None, at.alert.kind) else _nearest(at, kind)
    if word in ("true", "false") and alert is None:
        raise JournalError(
            f"no alert within {NEAR_S:.0f} s of that moment; one that should have come is `missed`"
        )
    if word == "missed":
        if kind is None:
            raise JournalError(f"what was missed? --kind {', '.join(sorted(DANGERS))}")
        alert = None
    if word == "bookmark":
        alert = None
    return Label(
        at.session.number,
        alert.time_s if alert else at.time_s,
        alert.kind if alert else (kind or ""),
        word,
        alert.id if alert else "",
        _who(),
        note,
        time.time(),
    )


def _is_of(one: Label, other: Label) -> bool:
    return (one.incident, one.kind) == (other.incident, other.kind)


def _who() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # an account without a name
        return "somebody"


def _nearest(at: Moment, kind: str | None) -> Alert | None:
    """The first report of the incident, of its kind, of which a report is nearest."""
    alerts = at.session.alerts()
    near = [
        alert
        for alert in alerts
        if alert.kind in DANGERS
        and kind in (None, alert.kind)
        and not alert.stage.ended
        and abs(alert.time_s - at.time_s) <= NEAR_S
    ]
    nearest = min(near, key=lambda alert: abs(alert.time_s - at.time_s), default=None)
    return nearest and next(a for a in alerts if (a.id, a.kind) == (nearest.id, nearest.kind))


def _list(found: list[Session]) -> int:
    count = 0
    for session in found:
        for label in session.labels():
            count += 1
            at = f"{session.local(label.time_s):%Y-%m-%d %H:%M:%S}"
            print(f"session {session.number}  {at}  {_words(label)}")
    if not count:
        print("no labels yet: rearguard label last false, say")
    return 0


def _words(label: Label) -> str:
    what = f"{label.kind.replace('_', ' ')} {label.label}".strip()
    return f"{what} ({label.who})" + (f": {label.note}" if label.note else "")


def _add(path: Path, session: Session, label: Label) -> None:
    """Add the clip to a recording; one of the same name is replaced."""
    made = clip(session, label)
    old = [trial for trial in Corpus(path) if trial.name != made.name] if path.exists() else []
    corpus.save(path, [*old, made])
    print(f"{path}: {len(old) + 1} clips; rearguard evaluate --strict {path}")
