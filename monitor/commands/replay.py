"""``rearguard replay``: a recording, or a session of the journal, down the line: at once or in real time."""

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from firmware.bus import Bus
from firmware.sampler import Sampler
from monitor import config
from monitor.commands.options import (
    Commands,
    add_config,
    add_journal,
    add_port,
    command,
    journal_file,
    load,
    seconds,
)
from monitor.commands.run import say_limits
from monitor.core.alarm import Alarm
from monitor.core.arming import ArmingSettings
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Input
from monitor.line import Line
from monitor.playback import (
    LEAD_IN_S,
    PacedClock,
    as_fast_as_written,
    in_real_time,
    plugged,
    shifted,
    trial_of,
    until_over,
    with_inputs,
)
from monitor.recordings import corpus
from monitor.recordings.corpus import RecordingError
from monitor.recordings.journal.moment import numbered
from monitor.recordings.journal.moment import seconds as seconds_of
from monitor.recordings.journal.sessions import JournalError, Session, sessions
from monitor.recordings.reports.drawing import expect_drawable
from monitor.recordings.tuning.comparison import alerts_of, compared, table
from monitor.settings import Settings
from monitor.weights import shipped

AT_ONCE = ArmingSettings(needs_stillness=False)
"""A recording is watched from its first step on."""

PATIENCE_S = 20.0
"""Time without a word from broker or device before that is a fault: a busy machine is none."""

OVER = "the recording is over"
AFTERWARDS_S = 5.0
"""With --linger, for whoever reads along to leave first: that the device is switched off is no part of it."""


def add(commands: Commands) -> None:
    parser = command(
        commands,
        "replay",
        replay_,
        "run the detector on a recording, on a session of the journal, or on the simulated walker",
    )
    add_config(parser)
    add_recording(parser)
    parser.add_argument(
        "--through-chip", action="store_true", help="in real time, through the simulated chip and its driver"
    )
    add_session(parser)
    parser.add_argument("--real-time", action="store_true", help="of a session: as slowly as it was")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="record it as a session of this journal, made if need be"
    )
    parser.add_argument(
        "--compare",
        type=Path,
        metavar="OTHER.yaml",
        help="what would have happened with these settings: the alerts of both side by side",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="with --compare: draw both")
    parser.add_argument("--events", action="store_true", help="list every event, with its evidence")
    parser.add_argument(
        "--publish",
        action="store_true",
        help="report to the broker and so to the spotter; exit status 1 if an alert was not delivered",
    )
    parser.add_argument(
        "--linger",
        type=seconds,
        default=0.0,
        metavar="SECONDS",
        help="keep running this long at the end while an alert is unanswered",
    )
    add_port(parser)


def add_recording(parser: argparse.ArgumentParser) -> None:
    """FILE.npz and --trial."""
    parser.add_argument(
        "file",
        metavar="FILE.npz",
        nargs="?",
        help="a recording, or the word `example` (default: the simulated walker)",
    )
    parser.add_argument("--trial", metavar="NAME", help="which trial; `rearguard trials FILE.npz` lists them")


def add_session(parser: argparse.ArgumentParser) -> None:
    """--session, --from, --to and --journal."""
    parser.add_argument(
        "--session", type=int, metavar="N", help="a session of the journal; `rearguard sessions` lists them"
    )
    add_part(parser)


def add_part(parser: argparse.ArgumentParser) -> None:
    """--from, --to and --journal."""
    parser.add_argument("--from", dest="from_s", metavar="M:SS", help="begin at this time of the session")
    parser.add_argument("--to", dest="to_s", metavar="M:SS", help="end at this time of the session")
    add_journal(parser)


def chosen(args: argparse.Namespace) -> tuple[Session, float, float]:
    """The session that is meant, and from when to when. Raises JournalError."""
    session = numbered(sessions(journal_file(args)), args.session)
    from_s = session.from_s + seconds_of(args.from_s) if args.from_s else session.from_s
    to_s = session.from_s + seconds_of(args.to_s) if args.to_s else session.to_s
    if not from_s < to_s:
        raise JournalError(
            f"--from {args.from_s or '0'} --to {args.to_s or 'the end'}: nothing lies between them; session "
            f"{session.number} lasted {session.duration_s:.0f} s"
        )
    return session, from_s, to_s


SQLITE = b"SQLite format 3\0"
"""What a journal's file begins with."""


def replay_(args: argparse.Namespace) -> int:
    if args.picture and not args.compare:
        raise RecordingError("--picture goes with --compare OTHER.yaml; of a moment: rearguard why --picture")
    if args.picture:
        expect_drawable(args.picture)
    if args.session is not None:
        return _replay_session(args)
    if args.real_time or args.from_s or args.to_s or args.journal:
        raise RecordingError(
            "--real-time, --from, --to and --journal go with --session; a recording goes with --through-chip"
        )
    settings = load(args).settings
    trial = trial_of(args.file, args.trial)
    if not args.through_chip:
        settings = replace(settings, arming=AT_ONCE)
    if args.compare:
        blocks = list(corpus.blocks(trial, settings.sampled.rate_hz))
        return _compare(args, settings, blocks, 0.0, (), "")
    clock = PacedClock()
    began_s = clock() if args.publish or args.through_chip else 0.0
    if args.record:
        _expect_journal(args.record)
    if args.record and not began_s:
        began_s = clock() - trial.duration_s  # it ends now
    line = Line(
        settings,
        publish=args.publish,
        journal=args.record,
        form=lambda: trial.form,
        told_from_s=began_s,
        events=args.events,
        clock=clock if args.through_chip else time.monotonic,
        overdue_s=PATIENCE_S,
    )
    say_limits(settings)
    described = f": {trial.description}" if trial.description else ""
    print(f"{trial.name}{described} ({trial.duration_s:.1f} s)", flush=True)
    if args.through_chip:
        bus = Bus(settings.sensor.bus, port=plugged(trial, clock).open)
        sampler = Sampler(settings.sampled, bus, clock, clock.sleep)
        for end in (signal.SIGTERM, signal.SIGINT):
            signal.signal(end, lambda *_: sampler.stop())
        line.run(_played(sampler, LEAD_IN_S + trial.duration_s, args.linger, line.alarm))
    else:
        played = shifted(corpus.as_it_came(trial, settings.sampled.rate_hz), began_s)
        line.run(as_fast_as_written(played, line.journal) if line.journal else played)
    if not line.delivered:
        broker = f"{settings.mqtt.host}:{settings.mqtt.port}"
        print(f"not delivered: the broker at {broker} has not acknowledged every alert", file=sys.stderr)
        return 1
    return 0


def _expect_journal(path: Path) -> None:
    """Raises RecordingError where a file is that a journal would push aside as damaged."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        start = file.read(len(SQLITE))
    if start not in (b"", SQLITE):
        raise RecordingError(f"{path}: expected a journal, or no file yet, found another kind of file")


def _replay_session(args: argparse.Namespace) -> int:
    """With the settings of then, unless others are named, and with what people said then."""
    if args.through_chip or args.publish or args.linger or args.record or args.file or args.trial:
        raise JournalError(
            "--session replays what is recorded: it goes with none of FILE.npz, --trial, --record, "
            "--through-chip, --publish, --linger"
        )
    session, from_s, to_s = chosen(args)
    settings = load(args).settings if args.config else settings_of(session)
    if args.compare:
        then = list(session.blocks(None, to_s))
        return _compare(args, settings, then, session.from_s, session.inputs(), session.boot, from_s)
    line = Line(
        settings,
        publish=False,
        told_from_s=session.from_s,
        quiet_until_s=from_s if args.from_s else -inf,
        events=args.events,
        boot=session.boot,
    )
    say_limits(settings)
    print(f"session {session.number} of {session.local(session.from_s):%Y-%m-%d %H:%M:%S}", flush=True)
    # From its beginning: what the detector says depends on what it saw before.
    blocks = with_inputs(session.blocks(None, to_s), session.inputs(), line.inbox)
    line.run(in_real_time(blocks, from_s=from_s) if args.real_time else blocks)
    return 0


def _compare(
    args: argparse.Namespace,
    settings: Settings,
    blocks: list[SampleBlock],
    from_s: float,
    inputs: Sequence[tuple[float, Input]],
    boot: str,
    shown_from_s: float = -inf,
) -> int:
    """The alerts of then beside those that other settings give; how it was armed and worn stays as it was."""
    if not blocks:
        raise JournalError("the samples of this time have been let go of: nothing can be replayed")
    other = config.load(args.compare, Settings)
    runs = [
        alerts_of(blocks, inputs, boot, detecting, detecting.alarm, settings.arming, shipped())
        for detecting in (settings, replace(other, profile=settings.profile, sensor=settings.sensor))
    ]
    rows = [row for row in compared(*runs) if row.time_s >= shown_from_s]
    was = args.config or (f"the settings of session {args.session}" if args.session else "the settings above")
    print(f"before: {was}; after: {args.compare}")
    for line in table(rows, from_s):
        print(line)
    if args.picture:
        from monitor.recordings.tuning.pictures import side_by_side

        shown = [block for block in blocks if block.end_s >= shown_from_s]
        side_by_side(shown, rows, from_s, args.picture)
        print(f"picture: {args.picture}")
    return 0


def settings_of(session: Session) -> Settings:
    """What the session was recorded with. Raises ConfigError where this version has other settings."""
    try:
        return config.parsed(session.settings, f"session {session.number}", Settings)
    except config.ConfigError as error:
        cure = f"it was recorded by version {session.version}: name the settings to use with --config"
        raise config.ConfigError([*error.problems, f"session {session.number}: {cure}"]) from error


def _played(
    sampler: Iterable[SampleBlock], seconds: float, linger_s: float, alarm: Alarm
) -> Iterator[SampleBlock]:
    """The blocks of the recording, of the wait for an answer, and of the time afterwards."""
    blocks = iter(sampler)
    yield from until_over(blocks, seconds, linger_s, alarm)
    if not linger_s:
        return
    for number, block in enumerate(until_over(blocks, AFTERWARDS_S, 0.0, alarm)):
        if number == 0:  # the sampler goes on: nobody has stopped it
            print(OVER, flush=True)
        yield block
