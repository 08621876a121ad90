"""``rearguard report``: a session of the journal for the walker and a physiotherapist, as HTML and PDF."""

import argparse
import re
from dataclasses import replace
from pathlib import Path

from monitor.commands.options import Commands, add_config, add_journal, command, journal_file, load
from monitor.recordings.journal.moment import numbered, seconds
from monitor.recordings.journal.sessions import JournalError, Session, sessions
from monitor.recordings.reports.drawing import write_pdf
from monitor.recordings.reports.figures import Figures, figures, motions_of
from monitor.recordings.reports.report import EARLIER, FEWEST_STEPS, document
from monitor.recordings.reports.report_settings import ReportSettings
from monitor.recordings.reports.unsafe_moments import unsafe_moments
from monitor.recordings.reports.web_page import html

FACTORS = (0.3, 3.0)


def add(commands: Commands) -> None:
    parser = command(commands, "report", act, "write a session's report, as HTML and PDF")
    add_config(parser)
    parser.add_argument(
        "session", nargs="?", type=int, metavar="SESSION", help="its number (default: the latest session)"
    )
    add_journal(parser)
    parser.add_argument(
        "--folder", type=Path, default=Path(), metavar="FOLDER", help="where to write it (default: here)"
    )
    parser.add_argument("--letter", action="store_true", help="pages of US letter size instead of A4")
    parser.add_argument("--no-comments", action="store_true", help="leave out what people noted")
    parser.add_argument(
        "--walked",
        type=metres,
        metavar="METRES",
        help="calibrate: so far the session, or --from --to of it, truly went backward",
    )
    parser.add_argument("--from", dest="from_s", metavar="M:SS", help="the walked distance began then")
    parser.add_argument("--to", dest="to_s", metavar="M:SS", help="the walked distance ended then")


def metres(text: str) -> float:
    """3 to 10,000 m; the unit may be there."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?m?", text)
    if match is None or not 3 <= float(match[1]) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 3 to 10000 metres, such as 20")
    return float(match[1])


def act(args: argparse.Namespace) -> int:
    settings = load(args).settings.report
    found = sessions(journal_file(args))
    if not found:
        raise JournalError("the journal holds no session yet: `rearguard run` records them")
    session = found[-1] if args.session is None else numbered(found, args.session)
    motions = motions_of(session)
    now = figures(session, settings.leg_m, motions)
    if args.walked is not None:
        settings = calibrated(now, settings, args)
    elif args.from_s or args.to_s:
        raise JournalError("--from and --to say where the distance was walked: give it with --walked METRES")
    made = document(
        now,
        earlier(found, session, settings.leg_m),
        motions,
        unsafe_moments(session),
        settings,
        comments=not args.no_comments,
    )
    args.folder.mkdir(parents=True, exist_ok=True)
    name = f"session-{session.number}"
    page, paper = args.folder / f"{name}.html", args.folder / f"{name}.pdf"
    page.write_text(html(made), encoding="utf-8")
    write_pdf(made, paper, "letter" if args.letter else "A4")
    print(made.summary)
    print(f"Written: {page}, {paper}")
    return 0


def earlier(found: list[Session], session: Session, leg_m: float) -> list[Figures]:
    """Of the sessions before this one that have enough backward steps, the latest; the latest last."""
    before: list[Figures] = []
    for other in reversed([other for other in found if other.number < session.number]):
        if sum(step.direction < 0 for step in other.steps()) >= FEWEST_STEPS:
            before.append(figures(other, leg_m))
        if len(before) == EARLIER:
            break
    return before[::-1]


def calibrated(now: Figures, settings: ReportSettings, args: argparse.Namespace) -> ReportSettings:
    """The settings with the factor that makes the walked distance right. Raises JournalError."""
    session = now.session
    if args.from_s or args.to_s:
        from_s = session.from_s + (seconds(args.from_s) if args.from_s else 0.0)
        to_s = session.from_s + seconds(args.to_s) if args.to_s else session.to_s
        now = figures(session, settings.leg_m, from_s=from_s, to_s=to_s)
    factor = args.walked / now.model_m if now.model_m > 0 else 0.0
    lowest, highest = FACTORS
    if not lowest <= factor <= highest:
        raise JournalError(
            f"--walked {args.walked:g}: the {now.backward.backward_steps} backward steps found there do not "
            f"make {args.walked:g} m by any factor from {lowest} to {highest}: check the distance and the "
            "times, or walk it again"
        )
    print(f"Calibrated by {args.walked:g} m. So that all reports use it, put this into config.yaml:")
    print(f"report:\n  step_factor: {factor:.2f}")
    return replace(settings, step_factor=factor)
