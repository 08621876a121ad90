"""Words that were given up, for one of the glossary each: held for all that the program shows to people."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GIVEN_UP = {
    r"stor(y|ies)": "incident",
    r"tell|tells|told|untold": "report, say",
    r"blind": "no contact, sensor fault",
    r"(?<!to )stands(?! still)": "is active, is open",
    r"hears|heard": "received, detected",
    r"anew": "again",
    r"judge[sd]?|judge?ment": "detect, score",
    r"wink(s|ing)?": "blink",
    r"feels|felt": "reads",
    r"imitated": "simulated",
    r"well again": "OK, all clear",
    r"take[ns]? back": "cancel",
    r"anyhow": "all",
    r"foremost": "most urgent",
    r"be believed": "is valid",
}


def _body(node: ast.AST) -> list[ast.stmt]:
    body = getattr(node, "body", None)
    return body if isinstance(body, list) else []


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """The text of a file that may reach people: string literals but for docstrings."""
    tree = ast.parse(path.read_text())
    documents = {
        id(line.value) for node in ast.walk(tree) for line in _body(node) if isinstance(line, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


def read() -> Iterator[tuple[str, str]]:
    for folder in ("monitor", "firmware", "systemd"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, text in literals(path):
                if " " in text:  # a key or a topic is no word
                    yield f"{path.relative_to(ROOT)}:{line}", text
    for name in ("config.yaml", "config.schema.json", "monitor/spotter/page/static/words.js"):
        for number, text in enumerate((ROOT / name).read_text().splitlines(), 1):
            yield f"{name}:{number}", text
    for name in ("session", "enter", "menu"):  # loaded later, with words of their own
        script = (ROOT / f"monitor/spotter/page/static/{name}.js").read_text()
        for text in re.findall(r'^  \w+: "(.*)",$', script, re.MULTILINE):
            yield f"{name}.js", text


@pytest.mark.parametrize("word", GIVEN_UP)
def test_what_people_read_has_no_word_that_was_given_up(word: str) -> None:
    found = [
        f"{where}: {text.strip()!r}"
        for where, text in read()
        if re.search(rf"\b({word})\b", text, re.IGNORECASE)
    ]
    assert found == [], f"say instead: {GIVEN_UP[word]}"


def test_a_line_of_the_settings_fits_a_terminal() -> None:
    assert [line for line in (ROOT / "config.yaml").read_text().splitlines() if len(line) >= 100] == []
