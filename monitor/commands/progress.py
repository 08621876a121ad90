"""``rearguard progress``: the plan, what was done of it, and the trends, as text, and as HTML or PDF."""

import argparse
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap

from monitor.commands.options import Commands, add_config, add_journal, command, journal_file, load
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.reports.document import Chart, Document, Heading, Part, Table, Words
from monitor.recordings.reports.drawing import write_pdf
from monitor.recordings.reports.figures import figures
from monitor.recordings.reports.progress import days, document
from monitor.recordings.reports.walk_tests import FILE, kept, parts
from monitor.recordings.reports.web_page import html

WIDTH = 100


def add(commands: Commands) -> None:
    parser = command(commands, "progress", act, "show the training plan, what was done of it, and the trends")
    add_config(parser)
    add_journal(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as a page, with charts")
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="write it as a PDF, with charts")
    parser.add_argument("--letter", action="store_true", help="pages of US letter size instead of A4")


def act(args: argparse.Namespace) -> int:
    settings = load(args).settings
    journal = journal_file(args)
    found = sessions(journal)
    done = days([figures(session, settings.report.leg_m) for session in found], settings.plan)
    made = document(done, settings.plan, settings.report, parts(kept(journal.with_name(FILE))))
    for line in lines(made):
        print(line)
    if args.html:
        args.html.write_text(html(made), encoding="utf-8")
    if args.pdf:
        write_pdf(made, args.pdf, "letter" if args.letter else "A4")
    return 0


def lines(made: Document) -> Iterator[str]:
    """A document as text for a terminal; charts are left out, and headings of nothing else."""
    yield made.title
    yield from wrap(made.summary, WIDTH)
    parts = [part for part in made.parts if not isinstance(part, Chart)]
    before: Part | None = None
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if isinstance(part, Heading) and isinstance(following, Heading):
            continue
        if isinstance(part, Heading) or isinstance(before, Table):
            yield ""
        match part:
            case Heading(text):
                yield text
            case Words(text):
                yield from wrap(text, WIDTH)
            case Table():
                yield from (f"{part.caption}:", *_aligned(part))
        before = part


def _aligned(table: Table) -> Iterator[str]:
    """Columns as wide as their words; where there is no room, the widest wraps."""
    rows = [table.headings, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.headings))]
    over = sum(widths) + 2 * (len(widths) - 1) - WIDTH
    if over > 0:
        widths[widths.index(max(widths))] -= over
    for row in rows:
        cells = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
        for line in zip_longest(*cells, fillvalue=""):
            yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
