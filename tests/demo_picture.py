"""README's picture of the demo, docs/demo.svg. To make it again, from what the demo prints today:

python -m tests.demo_picture
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from html import escape, unescape
from pathlib import Path

PICTURE = Path(__file__).parents[1] / "docs" / "demo.svg"
FIRST = "stumble ["
LAST = ("ok FALL confirmed, acknowledged by you", "your spotter is coming")
"""Of the spotter's side and of the walker's: either may be printed first."""
LINE_PX, LETTER_PX, EDGE_PX = 20, 8.4, 18
COLOURS = {"!!": "#ff7b72", "ok": "#7ee787", "--": "#e3b341"}


def excerpt(lines: Sequence[str]) -> list[str]:
    """From the stumble to the spotter's answer."""
    first = next(number for number, line in enumerate(lines) if FIRST in line)
    last = max(next(number for number, line in enumerate(lines) if words in line) for words in LAST)
    return list(lines[first : last + 1])


def plain(line: str) -> str:
    """A line without what depends on the machine: times, and how soon the alert was here."""
    return re.sub(r"^\d\d:\d\d:\d\d|(?<=\|) +\d+\.\d\d s| \[\d+ ms after the event\]$", "", line)


def picture(lines: Sequence[str]) -> str:
    """The lines as an SVG picture of a terminal."""
    width = round(max(map(len, lines)) * LETTER_PX + 2 * EDGE_PX)
    height = len(lines) * LINE_PX + 2 * EDGE_PX
    texts = [
        f'<text x="{EDGE_PX}" y="{EDGE_PX + at * LINE_PX + 15}" fill="{colour(line)}">{escape(line)}</text>'
        for at, line in enumerate(lines)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>The demo: a stumble, a fall, and the spotter's answer</title>",
            f'<rect width="{width}" height="{height}" rx="10" fill="#0d1117"/>',
            '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">',
            *texts,
            "</g>",
            "</svg>",
            "",
        ]
    )


def colour(line: str) -> str:
    """The spotter's lines by their mark; the walker's are paler."""
    mark = line[9:11]
    return "#8b949e" if line[10:12].strip() == "|" else COLOURS.get(mark, "#e6edf3")


def pictured() -> list[str]:
    """The lines that the picture shows."""
    return [unescape(text) for text in re.findall(r"<text [^>]*>(.*)</text>", PICTURE.read_text())]


if __name__ == "__main__":
    demo = [sys.executable, "-m", "monitor.cli", "demo"]
    said = subprocess.run(demo, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    PICTURE.write_text(picture(excerpt(said.splitlines())))
