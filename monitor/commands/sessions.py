"""``rearguard sessions``: what the journal holds, a line per session; or one of them is deleted."""

import argparse
from collections import Counter
from collections.abc import Iterator

from monitor.commands.options import Commands, add_journal, command, journal_file
from monitor.recordings.journal.moment import numbered
from monitor.recordings.journal.sessions import Session, sessions

HEADINGS = ("session", "began", "length", "steps", "backward", "missing", "alerts", "labels")


def add(commands: Commands) -> None:
    parser = command(commands, "sessions", act, "list what the journal holds: a line per session")
    parser.add_argument(
        "--delete", type=int, metavar="N", help="delete this session for good: samples, steps, alerts, labels"
    )
    add_journal(parser)


def act(args: argparse.Namespace) -> int:
    found = sessions(journal_file(args))
    if args.delete is not None:
        numbered(found, args.delete).delete()
        print(f"session {args.delete} is deleted")
        return 0
    for line in table(found) if found else ["no session yet: `rearguard run` records them"]:
        print(line)
    return 0


def table(found: list[Session]) -> Iterator[str]:
    """A heading, and a line per session."""
    rows = [HEADINGS, *map(_cells, found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    right = {"session", "length", "steps", "backward", "missing"}
    for row in rows:
        cells = zip(row, widths, HEADINGS, strict=True)
        yield "  ".join(c.rjust(w) if heading in right else c.ljust(w) for c, w, heading in cells).rstrip()


def _cells(session: Session) -> tuple[str, ...]:
    steps = session.steps()
    incidents = {alert.id: alert.kind for alert in session.alerts()}
    kinds = Counter(incidents.values())
    missing_s = sum(hole.to_s - hole.from_s for hole in session.holes())
    labels = Counter(label.label for label in session.labels())
    return (
        str(session.number),
        f"{session.local(session.from_s):%Y-%m-%d %H:%M:%S}",
        clock_words(session.duration_s),
        str(len(steps)),
        str(sum(step.direction < 0 for step in steps)),
        clock_words(missing_s) if missing_s else "-",
        ", ".join(f"{n} {kind.replace('_', ' ')}" for kind, n in sorted(kinds.items())) or "-",
        ", ".join(f"{n} {label}" for label, n in sorted(labels.items())) or "-",
    )


def clock_words(seconds: float) -> str:
    """As hours:minutes:seconds."""
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
