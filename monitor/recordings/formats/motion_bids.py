"""A session as Motion-BIDS, the folder of tables that gait laboratories exchange.

https://bids-specification.readthedocs.io/en/stable/modality-specific-files/motion.html, version 1.11; Jeung
et al., *Motion-BIDS*, Scientific Data 11:716, 2024. A row per sample; where samples are missing, rows of n/a,
as many as there should be, so that rows keep time. Acceleration is in m/s^2, as BIDS wants it; its eleven
decimals are exact, for 1 g is 9.80665 m/s^2.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from monitor.core.samples import GRAVITY_MPS2, SampleBlock
from monitor.recordings.corpus import RecordingError
from monitor.recordings.formats.bids_events import EVENT_COLUMNS, EVENT_WORDS, MISSING, event_rows
from monitor.recordings.formats.excerpt import EPOCH, Excerpt
from monitor.recordings.formats.session_trials import GAP_INTERVALS
from monitor.recordings.journal.sessions import Session

BIDS = "1.11.0"
TASK, TRACKSYS, FRAME = "walking", "imu", "body"
AXES = "xyz"

CHANNELS = (
    *((f"accel_{axis}", axis, "ACCEL", "m/s^2") for axis in AXES),
    *((f"gyro_{axis}", axis, "GYRO", "deg/s") for axis in AXES),
    ("latency", MISSING, "LATENCY", "s"),
)
CHANNEL_TYPES = ("ACCEL", "ANGACCEL", "GYRO", "JNTANG", "LATENCY", "MAGN", "ORNT", "POS", "VEL")
CHANNEL_COLUMNS = ("name", "component", "type", "tracked_point", "units", "placement", "reference_frame")
BODY_FRAME = {
    "reference_frame": {
        "Description": "The frame in which samples are given.",
        "Levels": {
            FRAME: {
                "SpatialAxes": "ALS",
                "RotationRule": "right-hand",
                "RotationOrder": MISSING,
                "Description": "Fixed to the walker: x forward, y left, z up; at rest z reads +1 g.",
            }
        },
    }
}
README = """\
# Walks recorded by Rearguard

An inertial sensor at the belt, and what the program Rearguard made of it. Axes are the body's: x forward, y
left, z up. Rows of n/a stand for samples that are missing; the channel `latency` has the time of each sample.
Steps, alerts, gaps, faults and labels are in `*_events.tsv`.
"""


def folder_of(folder: Path, session: Session) -> Path:
    """Where a session goes in the data set ``folder``."""
    return folder / _subject(session) / f"ses-{session.number}"


def write(folder: Path, excerpt: Excerpt) -> None:
    """The session into the data set ``folder``, which is made where there is none.

    Raises RecordingError where the folder is another's or there is no sample, OSError.
    """
    session = excerpt.session
    if folder.exists() and any(folder.iterdir()) and not (folder / "dataset_description.json").exists():
        raise RecordingError(
            f"{folder}: expected a new folder or a BIDS data set, found one with other files; name another"
        )
    blocks = [block for _form, block in excerpt.samples()]
    time_s = np.concatenate([np.empty(0), *(block.time_s for block in blocks)])
    if len(time_s) < 2:
        raise RecordingError(f"session {session.number}: expected samples, found {len(time_s)}")
    folder.mkdir(parents=True, exist_ok=True)
    _describe(folder, session)
    interval_s = float(np.median(np.diff(time_s)))
    began_s = float(time_s[0])
    motion = folder_of(folder, session) / "motion"
    motion.mkdir(parents=True, exist_ok=True)
    stem = motion / f"{_subject(session)}_ses-{session.number}_task-{TASK}"
    track = f"{stem}_tracksys-{TRACKSYS}"
    _lines(Path(f"{track}_motion.tsv"), _sample_lines(blocks, began_s, interval_s))
    _json(Path(f"{track}_motion.json"), _motion(excerpt, 1 / interval_s))
    rows = ((*channel[:3], "belt", channel[3], "belt", FRAME) for channel in CHANNELS)
    _table(Path(f"{track}_channels.tsv"), CHANNEL_COLUMNS, rows)
    _json(Path(f"{track}_channels.json"), BODY_FRAME)
    _table(Path(f"{stem}_events.tsv"), EVENT_COLUMNS, event_rows(excerpt, blocks, began_s, interval_s))
    _json(Path(f"{stem}_events.json"), {name: {"Description": words} for name, words in EVENT_WORDS.items()})
    scans = motion.parent / f"{_subject(session)}_ses-{session.number}_scans.tsv"
    wall = EPOCH + timedelta(microseconds=excerpt.utc_us(began_s))
    name = f"motion/{Path(track).name}_motion.tsv"
    _table(scans, ("filename", "acq_time"), [(name, f"{wall:%Y-%m-%dT%H:%M:%S.%f}Z")])


def _describe(folder: Path, session: Session) -> None:
    """What speaks of the whole data set; what a person has changed there stays."""
    description = {
        "Name": "Walks recorded by Rearguard",
        "BIDSVersion": BIDS,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "rearguard", "Version": session.version}],
    }
    words = {"participant_id": {"Description": "The device that the walker wore"}}
    for name, said in (("dataset_description.json", description), ("participants.json", words)):
        if not (folder / name).exists():
            _json(folder / name, said)
    if not (folder / "README.md").exists():
        (folder / "README.md").write_text(README, encoding="utf-8")
    people = folder / "participants.tsv"
    known = people.read_text(encoding="utf-8").splitlines() if people.exists() else ["participant_id"]
    if not any(line.split("\t")[0] == _subject(session) for line in known):
        width = known[0].count("\t")
        _lines(people, [*known, "\t".join([_subject(session), *[MISSING] * width])])


def _subject(session: Session) -> str:
    return f"sub-{re.sub(r'[^0-9A-Za-z]', '', session.device) or '01'}"


def _motion(excerpt: Excerpt, rate_hz: float) -> dict[str, Any]:
    session, kinds = excerpt.session, [kind for _name, _axis, kind, _units in CHANNELS]
    return {
        "TaskName": TASK,
        "TaskDescription": "Walking, mostly backward, watched by a spotter",
        "SamplingFrequency": round(rate_hz),
        "SamplingFrequencyEffective": round(rate_hz, 6),
        "TrackingSystemName": TRACKSYS,
        "ManufacturersModelName": ", ".join(dict.fromkeys(form.chip for form in session.forms())),
        "DeviceSerialNumber": session.device,
        "SoftwareVersions": f"rearguard {session.version}",
        "MotionChannelCount": len(CHANNELS),
        "TrackedPointsCount": 1,
        **{f"{kind}ChannelCount": kinds.count(kind) for kind in CHANNEL_TYPES},
        "MissingValues": MISSING,
    }


def _sample_lines(blocks: Iterable[SampleBlock], began_s: float, interval_s: float) -> Iterator[str]:
    last_s = began_s
    for block in blocks:
        accel_mps2 = block.accel_g * GRAVITY_MPS2
        for time_s, accel, gyro in zip(
            block.time_s.tolist(), accel_mps2.tolist(), block.gyro_dps.tolist(), strict=True
        ):
            yield from ["\t".join([MISSING] * len(CHANNELS))] * _missing(time_s - last_s, interval_s)
            last_s = time_s
            figures = (*(f"{value:.11f}" for value in accel), *(f"{value:.6f}" for value in gyro))
            yield "\t".join([*figures, f"{time_s - began_s:.6f}"])


def _missing(apart_s: float, interval_s: float) -> int:
    """How many samples should be between two."""
    return round(apart_s / interval_s) - 1 if apart_s > GAP_INTERVALS * interval_s else 0


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    _lines(path, ["\t".join(columns), *("\t".join(row) for row in rows)])


def _lines(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def _json(path: Path, said: dict[str, Any]) -> None:
    path.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
