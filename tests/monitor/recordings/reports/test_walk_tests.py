"""Results of the walk test: kept, read again, shown with what is published."""

from pathlib import Path

import pytest

from monitor.recordings.journal.sessions import JournalError
from monitor.recordings.reports.document import Heading, Table
from monitor.recordings.reports.walk_tests import CUT_OFFS, SOURCES, WalkTest, keep, kept, parts

FIRST, SECOND = WalkTest(1.78e9, 5.2, 4.6, 8), WalkTest(1.7801e9, 4.1, 3.6, 7)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "tests.jsonl"
    assert kept(path) == []
    keep(path, FIRST)
    keep(path, SECOND)
    assert kept(path) == [FIRST, SECOND]


@pytest.mark.parametrize("line", ["{", "[]", '{"seconds": 3}', "null"])
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "tests.jsonl"
    keep(path, FIRST)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(JournalError, match=r"tests\.jsonl:2: expected a result of rearguard test"):
        kept(path)


def test_results_are_shown_with_the_cut_offs_and_their_sources() -> None:
    assert parts([]) == []
    heading, results, published, *_ = parts([FIRST, SECOND])
    assert heading == Heading("Three metres backward")
    assert isinstance(results, Table)
    assert [row[1:] for row in results.rows] == [("5.2 s", "4.6 s", "8"), ("4.1 s", "3.6 s", "7")]
    assert isinstance(published, Table)
    assert published.rows == CUT_OFFS
    for *_, by in CUT_OFFS:
        assert by.split(" et al. ")[0] in SOURCES
