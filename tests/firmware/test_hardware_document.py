"""docs/hardware.md says what the code does."""

import re
from pathlib import Path

import pytest

from firmware.chips import FAMILIES
from firmware.patterns import PATTERNS

DOCUMENT = (Path(__file__).parents[2] / "docs/hardware.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in DOCUMENT.splitlines()
    if line[:2] == "| "
]


@pytest.mark.parametrize("look", PATTERNS)
def test_every_look_of_the_panel_is_in_the_document(look: str) -> None:
    pattern = PATTERNS[look]  # type: ignore[index]  # a Look is its name
    assert [pattern.light_words, pattern.sound_words] in [row[:2] for row in ROWS]


def test_every_known_identity_is_in_the_document() -> None:
    table = "\n".join(" ".join(row[:2]) for row in ROWS if " in 0x" in row[1])
    named = {int(word, 16) for word in re.findall(r"0x[0-9A-F]{2}", table)}
    assert {identity for family in FAMILIES for identity in family.identities} <= named
