"""README and docs say what is: their words, files, tests, settings, commands and messages exist."""

import ast
import re
from pathlib import Path

import pytest

from monitor.cli import COMMANDS
from monitor.core.vocabulary import Certainty, Priority, Stage
from monitor.settings import Settings
from monitor.settings_text import schema

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "training/README.md")),
    *DOCS,
]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]

GIVEN_UP = {
    r"stor(y|ies)": "incident",
    r"told|untold": "reported, detected, said",
    r"blind": "no contact, sensor fault",
    r"anew": "again",
    r"judge[sd]?|judge?ment": "detect, score",
    r"wink(s|ing)?": "blink",
    r"feels|felt": "reads",
    r"imitated": "simulated",
    r"well again": "OK, all clear",
    r"take[ns]? back": "cancel",
    r"anyhow": "all",
    r"foremost": "most urgent",
    r"askew": "tilted",
}


@pytest.mark.parametrize("word", GIVEN_UP)
def test_no_page_has_a_word_that_was_given_up(word: str) -> None:
    found = [
        f"{page.name}:{number}: {line}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if re.search(rf"\b({word})\b", line, re.IGNORECASE)
    ]
    assert found == [], f"say instead: {GIVEN_UP[word]}"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        other = page.parent / name if name else page
        assert other.exists(), target
        if anchor:
            assert anchor in anchors(other), target


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headlines."""
    headlines = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", line.lower()).replace(" ", "-") for line in headlines}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(
        r"`((?:[\w.-]+/)+[\w-]+\.(?:py|npz|ya?ml|md|json|conf|service|txt))`", page.read_text()
    ):
        assert (ROOT / name).exists() or (page.parent / name).exists(), name


def test_every_proof_of_a_hazard_is_a_test() -> None:
    rows = re.findall(r"^\|.*\|.*\|(.*)\|$", (ROOT / "docs/safety.md").read_text(), re.MULTILINE)
    named = 0
    for proof in rows:
        for file, words in re.findall(r"`(test_\w+\.py)`((?:: |, |\*[^*]+\*)*)", proof):
            (path,) = (ROOT / "tests").rglob(file)
            there = [
                node.name
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.FunctionDef)
            ]
            for title in re.findall(r"\*([^*]+)\*", words):
                assert f"test_{title.replace(' ', '_')}" in there, f"{file}: {title}"
                named += 1
    assert named >= 50


def literals(folders: tuple[str, ...] = ("monitor", "firmware", "systemd")) -> str:
    """All text in the code's string literals."""
    return "\n".join(
        node.value
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_troubleshooting_quotes_messages_that_exist() -> None:
    said = literals()
    rows = re.findall(r"^\| (`[^|]*`)[^|]*\|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    quoted = [
        part.strip() for row in rows for phrase in re.findall(r"`([^`]+)`", row) for part in phrase.split("…")
    ]
    assert len(quoted) >= 12
    for part in quoted:
        assert part in said or part in KEYS, part


def keys(shape: dict[str, object], prefix: str = "") -> set[str]:
    found = set()
    for name, below in shape.get("properties", {}).items():  # type: ignore[attr-defined]  # a JSON schema
        found.add(prefix + name)
        found |= keys(below, f"{prefix}{name}.")
    return found


KEYS = keys(schema(Settings))
SECTIONS = {key.partition(".")[0] for key in KEYS if "." in key}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_settings_that_a_page_names_exist(page: Path) -> None:
    for section, key in re.findall(r"`([a-z_]+)\.([a-z_]+)(?:: [^`]*)?`", page.read_text()):
        if section in SECTIONS and key not in ("py", "npz", "yaml", "json", "db"):
            assert f"{section}.{key}" in KEYS


def test_defaults_that_troubleshooting_names_are_the_defaults() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text()
    rows = re.findall(r"\| `([a-z_]+)\.([a-z_]+)` \| (-?[\d.]+) ->", page)
    assert len(rows) >= 5
    for section, key, default in rows:
        assert getattr(getattr(Settings(), section), key) == float(default), key


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_that_a_page_names_exist(page: Path) -> None:
    known = set(COMMANDS)
    for name in re.findall(r"(?:`|bin/|sudo |^)rearguard ([a-z]+)\b", page.read_text(), re.MULTILINE):
        assert name in known, name


def test_the_glossary_explains_every_stage_certainty_and_priority() -> None:
    page = (ROOT / "docs/glossary.md").read_text()
    for word in (*Certainty, *Stage, *(priority.name.lower() for priority in Priority)):
        assert re.search(rf"\b{word}\b", page, re.IGNORECASE), word
