"""Charts as SVG and documents as PDF: the one file that knows matplotlib, of the extra ``report``."""

import io
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.core.vocabulary import RearguardError
from monitor.recordings.reports.document import Chart, Document, Heading, Panel, Part, Table, Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPERS_MM = {"A4": (210.0, 297.0), "letter": (215.9, 279.4)}
INCH_MM, POINT_MM = 25.4, 25.4 / 72
MARGIN_MM = 18.0
LINE = 1.35  # times the size of its letters
INK, PALE = "#1b1f24", "#8a939c"
TEXT = "#123456"  # in an SVG it becomes the colour of the text round it
COLOURS = ("#2a7fb8", "#d1660d", "#3a923a")
LIMIT = "#d0402b"
CHART_MM = 48.0
AXIS_MM, TITLE_MM, SCALE_MM = 10.0, 6.0, 11.0
"""Room below a chart, above a panel, and left of it."""

BLACK = "black"
INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color")


class MatplotlibMissingError(RearguardError, ImportError):
    """What draws is not installed."""


class NoFolderError(RearguardError, ValueError):
    """A picture is to go where no folder is."""


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MatplotlibMissingError(
            f"pictures need matplotlib: {sys.executable} -m pip install 'rearguard[report]'"
        ) from error
    return matplotlib


def plots() -> Any:
    """Its pyplot, for pictures as PNG. Raises MatplotlibMissingError."""
    _matplotlib().use("agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": PALE,
            "axes.labelcolor": INK,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "figure.constrained_layout.use": True,
        }
    )
    return plt


def expect_drawable(path: Path) -> None:
    """Asked before the work that a picture is of. Raises MatplotlibMissingError, NoFolderError."""
    _matplotlib()
    if not path.absolute().parent.is_dir():
        raise NoFolderError(f"{path}: expected a folder that is there: {path.absolute().parent} is none")


@contextmanager
def _style(ink: str) -> Iterator[None]:
    """Our look while it lasts: text stays text."""
    matplotlib = _matplotlib()
    look: dict[str, Any] = {
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "rearguard",
        "pdf.fonttype": 42,
        "figure.constrained_layout.use": False,
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        **dict.fromkeys(INKED, ink),
    }
    with matplotlib.rc_context(look), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # of a note; the HTML has them all
        yield


def svg(chart: Chart, number: int) -> str:
    """The chart as an SVG element that asks for nothing; ``number`` keeps its names apart from others'.

    Raises MatplotlibMissingError.
    """
    with _style(TEXT):
        from matplotlib.figure import Figure

        wide_mm, tall_mm = 174.0, CHART_MM
        figure = Figure(figsize=(wide_mm / INCH_MM, tall_mm / INCH_MM))
        _draw(figure, chart, (0.0, 0.0, wide_mm, tall_mm), (wide_mm, tall_mm))
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    drawn = file.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(TEXT, "currentColor").strip()
    drawn = re.sub(r'(\bid="|url\(#|href="#)', rf"\1c{number}-", drawn)
    return re.sub(r'^<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" aria-hidden="true">', drawn)


def write_pdf(document: Document, path: Path, paper: str) -> None:
    """The document as pages of ``paper``, a name of PAPERS_MM. Raises MatplotlibMissingError, OSError."""
    with _style(BLACK):
        from matplotlib.backends.backend_pdf import PdfPages

        pages = _Pages(*PAPERS_MM[paper])
        pages.words(document.title, 17, weight="bold")
        pages.words(document.summary, 10)
        for part, after in zip(document.parts, [*document.parts[1:], Words("")], strict=True):
            pages.put(part, after)
        with PdfPages(path, metadata={"Title": document.title, "Creator": "Rearguard"}) as file:
            for number, page in enumerate(pages.all, 1):
                said = f"{document.title} · page {number} of {len(pages.all)}"
                page.text(0.5, 0.032, said, ha="center", fontsize=7.5, color="0.35")
                file.savefig(page)


class _Pages:
    """Sets one thing under the other, from page to page; lengths in mm."""

    def __init__(self, wide_mm: float, tall_mm: float) -> None:
        self._wide_mm, self._tall_mm = wide_mm, tall_mm
        self._column_mm = wide_mm - 2 * MARGIN_MM
        self.all: list[Figure] = []
        self._turn()

    def _turn(self) -> None:
        from matplotlib.figure import Figure

        self.all.append(Figure(figsize=(self._wide_mm / INCH_MM, self._tall_mm / INCH_MM)))
        self._at_mm = self._tall_mm - MARGIN_MM  # from here down there is room

    def _room(self, need_mm: float) -> None:
        if self._at_mm - need_mm < MARGIN_MM:
            self._turn()

    def put(self, part: Part, after: Part) -> None:
        """One part; a heading stays with what comes ``after`` it."""
        match part:
            case Heading(text):
                self._room(20 + (CHART_MM if isinstance(after, Chart) else 12))
                self._at_mm -= 2.5
                self.words(text, 12.5, weight="bold")
            case Words(text):
                self.words(text, 9)
            case Table():
                self._table(part)
            case Chart():
                self._chart(part)

    def words(self, text: str, size: float, **look: Any) -> None:
        """A paragraph."""
        for line in _wrapped(text, self._column_mm, size, look.get("weight", "normal")):
            self._room(_line_mm(size))
            self._write(MARGIN_MM, [line], size, **look)
            self._at_mm -= _line_mm(size)
        self._at_mm -= 1.5

    def _write(self, x_mm: float, lines: Sequence[str], size: float, **look: Any) -> None:
        """Lines on lines of the page, whatever letters they have; below them is where it goes on."""
        for number, line in enumerate(lines, 1):
            x, y = x_mm / self._wide_mm, (self._at_mm - number * _line_mm(size)) / self._tall_mm
            self.all[-1].text(x, y, line, fontsize=size, va="baseline", **look)

    def _table(self, table: Table) -> None:
        """Columns as wide as their words need; where there is no room, the widest gives way."""
        size, gap_mm = 8.5, 4.0
        rows = [table.headings, *table.rows]
        wide_mm = [max(_wide_mm(cell, size, "bold") for cell in column) + gap_mm for column in zip(*rows)]  # noqa: B905 - a table's rows are of one length
        while (over_mm := sum(wide_mm) - self._column_mm) > 0:
            widest = wide_mm.index(max(wide_mm))
            wide_mm[widest] -= min(over_mm, 5.0)
        self._room(25)
        self.words(table.caption, 8.5, style="italic", color="0.25")
        for number, row in enumerate(rows):
            weight = "normal" if number else "bold"
            cells = [_wrapped(c, w - gap_mm, size, weight) for c, w in zip(row, wide_mm, strict=True)]
            tall_mm = max(map(len, cells)) * _line_mm(size)
            self._room(tall_mm + 2)
            for i, cell in enumerate(cells):
                at_mm = MARGIN_MM + sum(wide_mm[:i])
                self._write(at_mm, cell, size, weight=weight)
            self._at_mm -= tall_mm + 1.4
            self._rule(0.3 if number else 0.9)
        self._at_mm -= 2.5

    def _rule(self, thick: float) -> None:
        from matplotlib.lines import Line2D

        y, edge = self._at_mm / self._tall_mm, MARGIN_MM / self._wide_mm
        self.all[-1].add_artist(Line2D([edge, 1 - edge], [y, y], color="0.5", linewidth=thick))
        self._at_mm -= 1.0

    def _chart(self, chart: Chart) -> None:
        tall_mm = CHART_MM
        self._room(tall_mm + 6)
        self.words(chart.title, 9, weight="bold")
        self._at_mm -= tall_mm
        box = (MARGIN_MM, self._at_mm, self._column_mm, tall_mm)
        _draw(self.all[-1], chart, box, (self._wide_mm, self._tall_mm))
        self._at_mm -= 3


def _draw(
    figure: "Figure", chart: Chart, box_mm: tuple[float, float, float, float], page_mm: tuple[float, float]
) -> None:
    """The chart into its box (left, bottom, width, height) on a page (width, height)."""
    left, bottom, wide, tall = box_mm
    cell_mm = wide / len(chart.panels)
    for i, panel in enumerate(chart.panels):
        x = (left + i * cell_mm + SCALE_MM) / page_mm[0]
        y = (bottom + AXIS_MM) / page_mm[1]
        size = ((cell_mm - SCALE_MM - 3) / page_mm[0], (tall - AXIS_MM - TITLE_MM) / page_mm[1])
        axes = figure.add_axes((x, y, *size))
        _draw_panel(axes, panel)
        axes.set_xlabel(chart.axis)
        if chart.moment is not None:
            axes.axvline(chart.moment, color=LIMIT, linewidth=0.8)


def _draw_panel(axes: Any, panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    for line, colour in zip(panel.lines, COLOURS, strict=False):
        dots: dict[str, Any] = {"marker": "o", "markersize": 3.5} if line.dots else {}
        axes.plot(line.at, line.values, color=colour, label=line.name, linewidth=1.0, **dots)
        if line.dots:
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for name, at in panel.limits:
        axes.axhline(at, color=LIMIT, linewidth=0.8, linestyle="--", label=name)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.04, y=0.15)
    known = [value for line in panel.lines for value in line.values if isfinite(value)]
    if known and any(line.dots for line in panel.lines):
        axes.set_ylim(0, 1.15 * max(known) or 1)  # from 0, or a change of nothing would fill the picture
    if not known:
        axes.text(0.5, 0.5, "nothing measured", ha="center", transform=axes.transAxes)
    axes.set_title(panel.quantity, loc="left")
    handles, names = axes.get_legend_handles_labels()
    named = dict(zip(names, handles, strict=True))
    if len(named) > 1:
        look = {"fontsize": 6.5, "frameon": False, "ncols": 3, "handlelength": 1.2, "columnspacing": 0.9}
        axes.legend(named.values(), named.keys(), loc="lower right", bbox_to_anchor=(1.02, 0.97), **look)


def _line_mm(size: float) -> float:
    return size * LINE * POINT_MM


@cache
def _wide_mm(text: str, size: float, weight: str) -> float:
    """How wide a line of text will be."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=weight)
    wide, _, _ = text_to_path.get_text_width_height_descent(text or " ", font, ismath=False)
    return float(wide) * POINT_MM


def _wrapped(text: str, wide_mm: float, size: float, weight: str) -> Sequence[str]:
    """Lines no wider than that, broken between words, or within one that is wider itself."""
    lines, used_mm = [""], 0.0
    space_mm = _wide_mm(" ", size, weight)
    words = text.split()
    while words:
        word = words.pop(0)
        if _wide_mm(word, size, weight) > wide_mm:
            fits = next(n for n in range(1, len(word)) if _wide_mm(word[: n + 1], size, weight) > wide_mm)
            words.insert(0, word[fits:])
            word = word[:fits]
        more_mm = _wide_mm(word, size, weight)
        if lines[-1] and used_mm + space_mm + more_mm > wide_mm:
            lines.append(word)
            used_mm = more_mm
        else:
            used_mm += more_mm + (space_mm if lines[-1] else 0.0)
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
