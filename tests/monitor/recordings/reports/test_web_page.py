"""A document as HTML: well formed, for every reader, and asking for nothing."""

import re
from html.parser import HTMLParser

import pytest

from monitor.recordings.reports.document import Chart, Document, Heading, Line, Panel, Table, Words
from monitor.recordings.reports.web_page import html

CHART = Chart(
    "Sway", "It falls.", "minute", (Panel("Sway, deg/s", (Line("", [1, 2], [20.0, 18.0], dots=True),)),)
)
MADE = Document(
    "A report",
    "One <b>minute & more",
    (
        Heading("Figures"),
        Words("Plain."),
        Table("Of today", ("", "today"), [("Pace", "0.7 m/s"), ("</table><script>", "</td><b>")]),
        CHART,
        CHART,
    ),
)
VOID = {"meta", "br", "path", "use", "rect"}


class Read(HTMLParser):
    """Tags with their attributes; fails where tags are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    return html(MADE)


@pytest.fixture(scope="module")
def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Read()
    reader.feed(page)
    assert reader.open == []
    return reader.tags


def test_it_asks_for_nothing(page: str, tags: list[tuple[str, dict[str, str | None]]]) -> None:
    assert not {"script", "link", "img", "iframe", "object", "image"} & {tag for tag, _ in tags}
    for _, attributes in tags:
        for name, value in attributes.items():
            if name in ("src", "href", "xlink:href", "style") or "url(" in (value or ""):
                assert not re.search(r"//|url\((?!#)|@import", value or "")
    assert "@import" not in page
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)


def test_what_people_wrote_is_no_markup(page: str) -> None:
    assert "<b>minute" not in page
    assert "&lt;/table&gt;&lt;script&gt;" in page
    assert "&lt;/td&gt;&lt;b&gt;" in page


def test_names_are_given_once_and_found(tags: list[tuple[str, dict[str, str | None]]], page: str) -> None:
    names = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(names) == len(set(names)) > 10
    for named in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', page):
        assert "".join(named) in names


def test_readers_of_the_screen_get_tables_and_words_for_charts(
    tags: list[tuple[str, dict[str, str | None]]], page: str
) -> None:
    assert page.startswith('<!doctype html>\n<html lang="en">')
    labels = [attributes.get("aria-label") for tag, attributes in tags if attributes.get("role") == "img"]
    assert labels == ["It falls.", "It falls."]
    scopes = [attributes.get("scope") for tag, attributes in tags if tag == "th"]
    assert scopes == ["col", "col", "row", "row"]
    assert [tag for tag, _ in tags if tag in ("h1", "h2", "caption", "main")] == [
        "main",
        "h1",
        "h2",
        "caption",
    ]


def test_a_chart_keeps_its_words_as_text_in_the_ink_of_the_page(page: str) -> None:
    assert re.search(r"<text[^>]*>Sway, deg/s</text>", page)
    assert "currentColor" in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
