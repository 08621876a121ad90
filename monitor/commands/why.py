"""``rearguard why TIME``: why it rang, or why it did not, on one page."""

import argparse
from pathlib import Path

from monitor.commands.options import Commands, add_config, add_journal, command, journal_file, load
from monitor.commands.replay import settings_of
from monitor.recordings.journal.moment import EXPECTED, moment
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.reports.drawing import expect_drawable
from monitor.recordings.tuning.explanation import explain
from monitor.recordings.tuning.explanation_words import text
from monitor.weights import shipped


def add(commands: Commands) -> None:
    parser = command(commands, "why", act, "say why it rang at a moment, or why it did not")
    parser.add_argument("time", metavar="TIME", nargs="?", default="last", help=f"{EXPECTED} (default: last)")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw the signals and the scores")
    add_config(parser)
    add_journal(parser)


def act(args: argparse.Namespace) -> int:
    if args.picture:
        expect_drawable(args.picture)
    at = moment(sessions(journal_file(args)), args.time)
    settings = load(args).settings if args.config else settings_of(at.session)
    found = explain(at.session, at.time_s, settings, shipped())
    for line in text(found):
        print(line)
    if args.picture:
        from monitor.recordings.tuning.pictures import explained

        explained(found, args.picture)
        print(f"\npicture: {args.picture}")
    return 0
