"""``rearguard export``: a session of the journal as a file that other programs open."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from monitor.commands.options import Commands, command
from monitor.commands.replay import add_part, chosen
from monitor.core.vocabulary import RearguardError
from monitor.recordings import corpus
from monitor.recordings.formats import motion_bids, session_csv, session_mcap
from monitor.recordings.formats.excerpt import Excerpt
from monitor.recordings.formats.session_trials import session_trials

ENDINGS = {".npz": "npz", ".csv": "csv", ".mcap": "mcap", "": "bids"}


class ExportError(RearguardError):
    """Nothing was written, and why."""


def add(commands: Commands) -> None:
    parser = command(
        commands, "export", act, "write a session of the journal as .npz, .csv, .mcap or Motion-BIDS"
    )
    parser.add_argument(
        "session", type=int, metavar="SESSION", help="its number; `rearguard sessions` lists them"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="walk.npz, walk.csv, walk.mcap, or a folder")
    parser.add_argument("--format", choices=list(ENDINGS.values()), help="(default: by the ending of OUT)")
    add_part(parser)
    parser.add_argument("--force", action="store_true", help="write over what is there")


def act(args: argparse.Namespace) -> int:
    session, from_s, to_s = chosen(args)
    excerpt = Excerpt(session, from_s, to_s)
    write, files = {
        "npz": (_write_npz, (args.out,)),
        "csv": (session_csv.write, session_csv.files(args.out)),
        "mcap": (session_mcap.write, (args.out,)),
        "bids": (motion_bids.write, (motion_bids.folder_of(args.out, session),)),
    }[_format(args)]
    make_room(files, force=args.force)
    write(args.out, excerpt)
    print(f"session {session.number}, {to_s - from_s:.1f} s: {', '.join(map(str, files))}")
    return 0


def make_room(files: Sequence[Path], *, force: bool) -> None:
    """Raises ExportError where something is written over without ``force``, or no folder holds it."""
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise ExportError(f"{', '.join(there)}: there already; name another, or write over it with --force")
    for folder in {file.parent for file in files if file.suffix}:
        if not folder.is_dir():
            raise ExportError(f"{folder}: no such folder; make it, or name another")


def _write_npz(path: Path, excerpt: Excerpt) -> None:
    corpus.save(path, session_trials(excerpt))


def _format(args: argparse.Namespace) -> str:
    named: str | None = args.format or ENDINGS.get(args.out.suffix.lower())
    if named is None:
        raise ExportError(
            f"{args.out}: expected a name that ends with .npz, .csv or .mcap, or a folder's, found "
            f"{args.out.suffix!r}; --format says what it is to be"
        )
    return named
