"""What a page for people is made of, before it is HTML or PDF: words, tables and charts."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """``rows`` have a cell for each of ``headings``; the first cell names its row."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Line:
    """Values (n,) over ``at`` (n,), NaN where there are none; dotted or joined."""

    name: str
    at: Sequence[float]
    values: Sequence[float]
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One set of axes; ``limits`` are drawn across, by name."""

    quantity: str
    lines: Sequence[Line]
    limits: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels side by side. ``alt`` says in words what is to be seen; ``moment`` is marked in every panel."""

    title: str
    alt: str
    axis: str
    panels: Sequence[Panel]
    moment: float | None = None


Part = Heading | Words | Table | Chart


@dataclass(frozen=True, slots=True)
class Document:
    """``summary`` stands under the title."""

    title: str
    summary: str
    parts: Sequence[Part] = field(default_factory=tuple)
