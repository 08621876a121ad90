"""Documents as PDF: their size, their pages, whatever people wrote."""

import re
import sys
from math import nan
from pathlib import Path

import pytest

from monitor.recordings.reports.document import Chart, Document, Heading, Line, Panel, Part, Table, Words
from monitor.recordings.reports.drawing import MatplotlibMissingError, svg, write_pdf

PANEL = Panel("Pace, m/s", (Line("mine", [1, 2], [0.5, 0.6], dots=True),), (("limit", 0.4),))
CHART = Chart("Pace", "It grows.", "week", (PANEL, PANEL), moment=1.5)


def pdf(path: Path, *parts: Part, paper: str = "A4") -> bytes:
    write_pdf(Document("A report", "In short.", parts), path, paper)
    return path.read_bytes()


def boxes(written: bytes) -> list[list[float]]:
    found = re.findall(rb"/MediaBox \[ *([\d. ]+) *\]", written)
    return [[float(number) for number in box.split()] for box in found]


@pytest.mark.parametrize(("paper", "size"), [("A4", (595.28, 841.89)), ("letter", (612.0, 792.0))])
def test_pages_have_the_size_of_the_paper(tmp_path: Path, paper: str, size: tuple[float, float]) -> None:
    written = pdf(tmp_path / "r.pdf", Words("So it was."), CHART, paper=paper)
    assert boxes(written) == [pytest.approx([0, 0, *size], abs=0.05)]


def test_what_does_not_fit_goes_on_the_next_page(tmp_path: Path) -> None:
    rows = [(f"row {n}", "words " * 30) for n in range(60)]
    written = pdf(tmp_path / "r.pdf", Heading("All"), Table("Many", ("", "what"), rows), *[CHART] * 8)
    assert len(boxes(written)) >= 5


def test_text_stays_text(tmp_path: Path) -> None:
    written = pdf(tmp_path / "r.pdf", Words("So it was."))
    assert b"/Type3" not in written
    assert b"/TrueType" in written or b"/CIDFontType2" in written
    assert b"A report" in written  # its title, for readers and search


@pytest.mark.parametrize(
    "note",
    ["costs $5 or $6", "$\\frac{$", "a_b^c \\frac", "👍 gut", "word" * 200, "", "line\nbreak", "%PDF (x) \\"],
)
def test_any_note_can_be_printed(tmp_path: Path, note: str) -> None:
    assert boxes(pdf(tmp_path / "r.pdf", Table("Notes", ("at", "note"), [("0:10", note)]), Words(note)))


def test_a_long_word_is_broken_within_its_column(tmp_path: Path) -> None:
    assert len(boxes(pdf(tmp_path / "r.pdf", Words("x" * 20_000)))) > 1


def test_what_was_not_measured_is_said() -> None:
    nothing = Chart("Sway", "-", "week", (Panel("Sway", (Line("", [1], [nan]),)),))
    assert "nothing measured" in svg(nothing, 0)


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    words = re.escape(f"{sys.executable} -m pip install 'rearguard[report]'")
    with pytest.raises(MatplotlibMissingError, match=words):
        pdf(tmp_path / "r.pdf")
    with pytest.raises(MatplotlibMissingError):
        svg(CHART, 0)
