"""``rearguard import``: another device's table, or what ``rearguard export`` wrote, as a recording."""

import argparse
from dataclasses import replace
from math import nan
from pathlib import Path

from firmware.mounting import Mounting
from monitor.commands.export import make_room
from monitor.commands.options import Commands, command
from monitor.recordings import corpus
from monitor.recordings.arrays import DIRECTIONS, KINDS, RATES_HZ
from monitor.recordings.corpus import Corpus, RecordingError, Stretch, Trial
from monitor.recordings.formats import session_csv
from monitor.recordings.formats.logger_columns import ACCEL, ACCEL_UNITS, GYRO, GYRO_UNITS, TIME_UNITS
from monitor.recordings.formats.logger_csv import Source, trials_from
from monitor.recordings.formats.session_trials import trials_of

OF_LOGGERS = ("gyro", "columns", "time", "time_unit", "rate", "accel_unit", "gyro_unit", "mounting")


def add(commands: Commands) -> None:
    parser = command(commands, "import", act, "turn another device's .csv into a recording")
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="a logger's .csv; or a .csv or .npz that `rearguard export` wrote",
    )
    parser.add_argument("out", type=Path, metavar="OUT.npz", help="the recording")
    table = parser.add_argument_group("the table", "What is not said is guessed, and said.")
    table.add_argument(
        "--gyro", type=Path, metavar="FILE", help="the gyroscope's .csv, where it is one apart"
    )
    table.add_argument(
        "--columns",
        type=_columns,
        metavar="MAP",
        help="such as 'ax=Accel X,ay=...,az=...,gx=...,gy=...,gz=...'",
    )
    table.add_argument("--time", metavar="COLUMN", help="the column of times")
    table.add_argument("--time-unit", choices=(*TIME_UNITS, "iso"), help="of that column")
    table.add_argument(
        "--rate", type=_rate_hz, metavar="HZ", help="samples per second, where no column has times"
    )
    table.add_argument(
        "--accel-unit", metavar="UNIT", help=f"{', '.join(ACCEL_UNITS)} or counts:N, N for 1 g"
    )
    table.add_argument(
        "--gyro-unit", metavar="UNIT", help=f"{', '.join(GYRO_UNITS)} or counts:N, N for 1 deg/s"
    )
    table.add_argument(
        "--mounting",
        type=_mounting,
        metavar="AXES",
        help="the axes that point forward, left and up (default: '+x +y +z'); docs/frames.md",
    )
    trial = parser.add_argument_group("the trial")
    trial.add_argument("--name", help="(default: FILE's)")
    trial.add_argument("--kind", choices=KINDS, help="(default: daily, which is everything else)")
    trial.add_argument("--direction", choices=DIRECTIONS, help="of the whole trial")
    trial.add_argument("--subject", help="who it is")
    trial.add_argument("--description", help="for people")
    parser.add_argument("--force", action="store_true", help="write over what is there")


def act(args: argparse.Namespace) -> int:
    if args.out.suffix.lower() != ".npz":
        raise RecordingError(f"{args.out}: expected a recording's name, which ends with .npz")
    make_room([args.out], force=args.force)
    if not args.file.is_file():
        raise RecordingError(f"{args.file}: expected a table (.csv), found no file there")
    is_recording = args.file.suffix.lower() == ".npz"
    if is_recording or session_csv.is_ours(args.file):
        _expect_none(args)
        trials = list(Corpus(args.file)) if is_recording else _ours(args.file)
    else:
        trials, said = trials_from(_source(args), args.file.stem, "daily")
        for line in said:
            print(line)
    trials = [_described(trial, args, len(trials)) for trial in trials]
    corpus.save(args.out, trials)
    seconds = sum(trial.duration_s for trial in trials)
    print(f"{args.out}: {len(trials)} trial{'s' * (len(trials) > 1)}, {seconds:.1f} s")
    return 0


def _ours(path: Path) -> list[Trial]:
    samples, utc_offset_s = session_csv.read(path)
    return trials_of(samples, path.stem, utc_offset_s)


def _source(args: argparse.Namespace) -> Source:
    mounting = args.mounting or Mounting("+x +y +z")
    return Source(
        args.file,
        args.gyro,
        args.columns or {},
        args.time or "",
        args.time_unit or "",
        args.rate or nan,
        args.accel_unit or "",
        args.gyro_unit or "",
        mounting.matrix,
    )


def _expect_none(args: argparse.Namespace) -> None:
    given = [f"--{name.replace('_', '-')}" for name in OF_LOGGERS if getattr(args, name) is not None]
    if given:
        raise RecordingError(f"{args.file}: says itself what is in it; leave out {', '.join(given)}")


def _described(trial: Trial, args: argparse.Namespace, trials: int) -> Trial:
    """With what the command line says of it."""
    said = {
        name: getattr(args, name)
        for name in ("kind", "subject", "description")
        if getattr(args, name) is not None
    }
    if args.name:
        tail = trial.name.rpartition("-")[2] if trials > 1 else ""
        said["name"] = f"{args.name}-{tail}" if tail else args.name
    if args.direction:
        said["stretches"] = (Stretch(args.direction, 0.0, trial.duration_s),)
    return replace(trial, **said)


def _columns(text: str) -> dict[str, str]:
    """ "ax=Accel X,ay=Accel Y" as a map."""
    pairs = (part.partition("=") for part in text.split(","))
    columns = {key.strip(): name.strip() for key, _equals, name in pairs}
    wrong = [key for key, name in columns.items() if key not in (*ACCEL, *GYRO) or not name]
    if wrong:
        raise argparse.ArgumentTypeError(
            f"{wrong[0]!r}: expected ax, ay, az, gx, gy or gz, each with = and a column's name"
        )
    return columns


def _rate_hz(text: str) -> float:
    slowest_hz, fastest_hz = RATES_HZ
    try:
        rate_hz = float(text)
    except ValueError:
        rate_hz = nan
    if not slowest_hz <= rate_hz <= fastest_hz:
        raise argparse.ArgumentTypeError(f"{text!r}: expected {slowest_hz:g} to {fastest_hz:,.0f} Hz")
    return rate_hz


def _mounting(text: str) -> Mounting:
    try:
        return Mounting(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
