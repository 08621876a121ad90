"""The three-metre backward walk test: its results, kept beside the journal, and what is published on them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.recordings.journal.sessions import JournalError
from monitor.recordings.reports.document import Heading, Part, Table, Words

FILE = "walk_tests.jsonl"
DISTANCE_M = 3.0

CUT_OFFS = (
    ("under 3.0 s", "older adults at home: low risk, by falls of the year before", "Carter et al. 2019"),
    ("over 4.5 s", "older adults at home: high risk, by falls of the year before", "Carter et al. 2019"),
    (
        "3.5 s",
        "older adults at home: 98 % of those who had fallen took longer, and many who had not",
        "Polo-Ferrero et al. 2025",
    ),
    (
        "5.5 s",
        "older adults at home: best single limit; 60 % of those who had fallen were slower, and 31 % of the "
        "others",
        "Polo-Ferrero et al. 2025",
    ),
    ("4.2 s", "Parkinson's disease: best single limit, and a weak one (area 0.70)", "Carter et al. 2020"),
    ("8.15 s", "nursing homes, median age 80: more falls in the four months after", "Kapan et al. 2025"),
)
SOURCES = (
    "Sources: Carter et al., J. Geriatr. Phys. Ther. 42:249, 2019, as cited in Carter et al., Top. Geriatr. "
    "Rehabil. 36:140, 2020; Polo-Ferrero et al., J. Funct. Morphol. Kinesiol. 10:154, 2025; Kapan et al., J. "
    "Am. Med. Dir. Assoc. 2025, doi 10.1016/j.jamda.2025.105580."
)
LIMITS = (
    "What it cannot say: the sensor does not see the line, so the time ends when somebody presses, a few "
    "tenths of a second early or late; nor whether three metres were three metres, or somebody helped. The "
    "cut-offs are of groups: one time from one person is no prediction of a fall, and Rearguard is not a "
    "medical device. Compare your own times, and show them to a physiotherapist."
)


@dataclass(frozen=True, slots=True)
class WalkTest:
    """One test, begun at ``utc_s``: ``seconds`` from the signal, and from the first step, to the line."""

    utc_s: float
    seconds: float
    from_first_step_s: float
    steps: int


def keep(path: Path, test: WalkTest) -> None:
    """Add a result to the file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(test)) + "\n")


def kept(path: Path) -> list[WalkTest]:
    """All results, the oldest first; none where there is no file. Raises JournalError."""
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(WalkTest(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise JournalError(
                f"{path}:{number}: expected a result of rearguard test, found {line[:40]!r}: mend or remove "
                "that line"
            ) from error
    return found


def parts(tests: Sequence[WalkTest]) -> list[Part]:
    """Of a document; nothing where there is no test."""
    if not tests:
        return []
    rows = [
        (
            f"{datetime.fromtimestamp(test.utc_s, UTC).astimezone():%Y-%m-%d %H:%M}",
            f"{test.seconds:.1f} s",
            f"{test.from_first_step_s:.1f} s",
            str(test.steps),
        )
        for test in tests
    ]
    headings = ("when", "from the signal", "from the first step", "steps")
    return [
        Heading("Three metres backward"),
        Table("As fast as was safe, from standing to the line", headings, rows),
        *cut_offs(),
    ]


def cut_offs() -> list[Part]:
    """What is published, with its sources, and what the test cannot say."""
    return [
        Table("Published times, from the signal", ("time", "what was found", "by"), CUT_OFFS),
        Words(SOURCES),
        Words(LIMITS),
    ]
