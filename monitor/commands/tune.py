"""``rearguard tune``: settings for this person, from labelled sessions and quiet hours."""

import argparse
import difflib
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from monitor import config
from monitor.commands.evaluate import jobs
from monitor.commands.options import Commands, add_config, add_journal, command, journal_file, load
from monitor.core.samples import Flags
from monitor.core.vocabulary import AlertKind
from monitor.recordings.evaluate import progress
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.reports.drawing import expect_drawable
from monitor.recordings.tuning.engine import each
from monitor.recordings.tuning.tune import (
    Outcome,
    Tried,
    attempt,
    best,
    changes,
    check,
    floor,
    in_the_way,
    lasted,
    outcome,
    recommended,
)
from monitor.recordings.tuning.wishes import KINDS, Source, TuneError, is_of_a_frame, sources
from monitor.settings import HERE, Settings
from monitor.settings_text import as_yaml
from monitor.weights import shipped


def add(commands: Commands) -> None:
    parser = command(
        commands, "tune", act, "find thresholds for this person, from labelled sessions and quiet hours"
    )
    add_config(parser)
    add_journal(parser)
    parser.add_argument(
        "sources",
        nargs="*",
        metavar="SESSION|FILE.npz",
        help="sessions by number, and recordings, whose falls and stumbles must stay detected (default: all "
        "sessions)",
    )
    parser.add_argument("--write", action="store_true", help="write it into the settings file, with a backup")
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw every trade-off")
    parser.add_argument("--jobs", type=jobs, metavar="N", help="processes (default: one per core)")
    parser.add_argument(
        "--cluster",
        default="",
        metavar="URL",
        help="dask://HOST:PORT or ray://HOST:PORT: let a cluster do the work",
    )


def act(args: argparse.Namespace) -> int:
    if args.picture:
        expect_drawable(args.picture)
    loaded = load(args)
    before = loaded.settings
    chosen = sources(args.sources, journal_file(args))
    if all(wish.wanted is None for source in chosen for wish in source.wishes):
        raise TuneError(
            f"{len(chosen)} sessions and trials, and no label in any: say what was right, false or missed "
            "with `rearguard label`"
        )
    weights = shipped()
    work = each(partial(attempt, base=before, weights=weights), chosen, args.jobs, args.cluster)
    tried = list(progress(work, len(chosen), "Sessions and trials"))
    found = [outcome(tried, kind, before) for kind in KINDS]
    after = recommended(found, before)
    if not args.sources:
        for session in filter(is_of_a_frame, sessions(journal_file(args))):
            print(f"session {session.number} is left out: it is from a treadmill's frame")
    for line in (*summary(chosen), *(row for one in found for row in trade(one))):
        print(line)
    rows = [*moments(tried, found), *(words for one in found for words in in_the_way(tried, one))]
    if rows:
        print("", "alarms and labels, now and with the best settings:", *rows, sep="\n")
    if args.picture:
        from monitor.recordings.tuning.pictures import trade_offs

        trade_offs(found, args.picture)
        print(f"\npicture: {args.picture}")
    moved = changes(before, after)
    if not moved:
        print("\nNothing to recommend: yours do as well as any that is allowed.")
        return 0
    work_again = each(partial(check, settings=after, weights=weights), chosen, args.jobs, args.cluster)
    proved = list(progress(work_again, len(chosen), "Proof"))
    lost, left = list(losses(tried, found, proved)), list(remains(tried, found, proved))
    print(f"\nRecommended, and tried with the whole detector: {', '.join(said(moved))}")
    if lost:
        print("not written: the whole detector loses what the scores had promised: " + "; ".join(lost))
        return 1
    if left:
        print("the scores had promised to end these too, but they still ring: " + "; ".join(left))
    return _write(args, loaded.path, moved)


def summary(chosen: Sequence[Source]) -> Iterator[str]:
    """What there was to go by."""
    wishes = [wish for source in chosen for wish in source.wishes]
    hours = sum(source.hours for source in chosen)
    counts = {said: sum(wish.wanted is said for wish in wishes) for said in (True, False, None)}
    yield (
        f"sessions and trials: {len(chosen)}, {lasted(hours)} watched; alarms wanted {counts[True]}, "
        f"not wanted {counts[False]}, not labelled {counts[None]}"
    )


def trade(found: Outcome) -> Iterator[str]:
    """What the present and the best setting of a group do."""
    yield ""
    yield f"{found.grid.kind.replace('_', ' ')}: {len(found.grid.choices)} settings tried"
    chosen = best(found)
    rows = [("now", found.grid.present)]
    if chosen != found.grid.present:
        rows.append(("best", chosen))
    for word, choice in rows:
        values = ", ".join(
            f"{name} {value:g}"
            for name, value in zip(found.grid.names, found.grid.choices[choice], strict=True)
        )
        alarms = int(found.false[choice] + found.new[choice])
        per_hour = f" in {lasted(found.hours)}"
        if found.hours >= 1:
            per_hour += f" ({alarms / found.hours:.2f} per hour)"
        yield f"  {word:5}{values}: misses {found.misses[choice]}, false alarms {alarms}{per_hour}"


def moments(tried: Sequence[Tried], found: Sequence[Outcome]) -> Iterator[str]:
    """Every alarm and every label of a session: by how much it rang or did not, and whether it still will."""
    threshold = {AlertKind.FALL: 0, AlertKind.STUMBLE: 0}
    for one in tried:
        if one.source.session is None:
            continue
        for wish in one.source.gone:
            yield f"  {wish.name}: its samples are no longer there, so it counts for nothing"
        for kind_found in found:
            kind, made, chosen = kind_found.grid.kind, kind_found.grid, best(kind_found)
            for i, wish in enumerate(one.wishes(kind)):
                now, then = (bool(one.rings[kind][c, i]) for c in (made.present, chosen))
                peak = float(one.peaks[kind][i])
                margin = ""
                if kind in threshold and peak == peak:
                    limits = [made.choices[c][threshold[kind]] for c in (made.present, chosen)]
                    margin = f"; score {peak:.2f}, limit {limits[0]:g}"
                    margin += f" -> {limits[1]:g}" if limits[1] != limits[0] else ""
                change = "rings" if now and then else "silent" if not now and not then else ""
                change = change or ("rang, will be silent" if now else "was silent, will ring")
                good = "  (still wrong)" if wish.wanted is not None and then != wish.wanted else ""
                yield f"  {wish.name}: {change}{margin}{good}"


def losses(
    tried: Sequence[Tried], found: Sequence[Outcome], proved: Sequence[dict[AlertKind, Flags]]
) -> Iterator[str]:
    """What rings now and should, and would not with the recommended settings."""
    for one, rings in zip(tried, proved, strict=True):
        for kind_found in found:
            kind, present = kind_found.grid.kind, kind_found.grid.present
            for wish, now, then in zip(one.wishes(kind), one.rings[kind][present], rings[kind], strict=True):
                if wish.wanted and now and not then:
                    yield wish.name


def remains(
    tried: Sequence[Tried], found: Sequence[Outcome], proved: Sequence[dict[AlertKind, Flags]]
) -> Iterator[str]:
    """What should not ring, would not by the scores, and does all the same."""
    for one, rings in zip(tried, proved, strict=True):
        for kind_found in found:
            kind = kind_found.grid.kind
            promised = one.rings[kind][best(kind_found)]
            for wish, by_scores, then in zip(one.wishes(kind), promised, rings[kind], strict=True):
                if wish.wanted is False and then and not by_scores:
                    yield wish.name


def said(moved: dict[str, tuple[float, float]]) -> Iterator[str]:
    """The changes, each with how far it may go."""
    for key, (old, new) in moved.items():
        yield f"{key} {old:g} -> {new:g} (floor: at most {floor(key):g})"


def _write(args: argparse.Namespace, path: Path | None, moved: dict[str, tuple[float, float]]) -> int:
    """The change as a diff; with --write in the file, whose earlier self stays beside it."""
    path = path or HERE
    old = path.read_text(encoding="utf-8") if path.exists() else as_yaml(Settings())
    new = config.changed(old, path, Settings, {key: value for key, (_, value) in moved.items()})
    print(
        "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(path), str(path), n=1))
    )
    if not args.write:
        print(f"Nothing is written: --write puts this into {path}")
        return 0
    backup = path.with_name(f"{path.name}.{time.strftime('%Y%m%d-%H%M%S')}") if path.exists() else None
    config.write(path, new, backup)
    if backup:
        print(f"before: {backup}")
    print(f"written: {path}; restart Rearguard to use it")
    return 0
