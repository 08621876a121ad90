"""Where the figures in the docs come from: docs/results/NAME.json, each written by one command.

A table between ``<!-- results: NAME -->`` and ``<!-- end of results -->`` is made of that file, and
tests/test_results.py holds the two together, and tests/test_prose.py sentences with figures. To make the
tables again from the files, and to see which are of an earlier detector:

    python -m training.results
"""

import ast
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from training.folder import FOLDER

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
PAGES = (
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("accuracy.md", "hardware.md", "troubleshooting.md", "tuning.md")),
)
BEGIN, END = "<!-- results: {} -->\n", "<!-- end of results -->\n"

Result = dict[str, Any]


def digest(file: Path | Traversable) -> str:
    """Tells one version of a file from another."""
    return sha256(file.read_bytes()).hexdigest()[:12]


def detector() -> str:
    """Tells one version of the detector's code and default settings from another; comments do not count."""
    folder = ROOT / "monitor" / "core"
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))]
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                node.body = [line for line in node.body if not _is_text(line)]
    return sha256("\n".join(map(ast.unparse, trees)).encode()).hexdigest()[:12]


def _is_text(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def of_another_detector() -> dict[str, str]:
    """The commands, by result, of those that another detector, or one that is not named, has given."""
    found = {name: json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in names()}
    now = detector()
    return {name: result["command"] for name, result in found.items() if result.get("detector") != now}


def write(
    name: str,
    command: str,
    files: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Result],
    weights: dict[str, str],
    instead_of: str = "",
) -> None:
    """Keep what ``command`` has measured on these files of the corpus, and renew the tables in the docs.

    ``rows`` each hold a cell for every one of the ``columns``, as a reader sees it, and the numbers
    behind it under other names. ``weights`` are digests of those that matter, by name; where they left
    somebody out, they are measured ``instead_of`` the shipped ones, which are of the same training.
    """
    result = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "weights": weights,
        **({"instead_of": instead_of} if instead_of else {}),
        "detector": detector(),
        "recordings": {file: digest(FOLDER / file) for file in files},
        "columns": list(columns),
        "rows": list(rows),
    }
    RESULTS.mkdir(exist_ok=True)
    text = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in result.items())
    (RESULTS / f"{name}.json").write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
    renew()


def _lines(value: Any) -> str:
    """As JSON, each row on a line of its own: so a change shows as one."""
    if not isinstance(value, list) or not isinstance(value[0], dict):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(row) for row in value) + "\n]"


def table(name: str) -> str:
    """The table of docs/results/``name``.json, in Markdown."""
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    columns = result["columns"]
    lines = [
        columns,
        ["---"] * len(columns),
        *([row[column] for column in columns] for row in result["rows"]),
    ]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def names() -> list[str]:
    """All results there are."""
    return sorted(path.stem for path in RESULTS.glob("*.json"))


def printed(page: str, name: str) -> str | None:
    """What stands on a page between the marks of ``name``; None if it has none."""
    _, found, rest = page.partition(BEGIN.format(name))
    return rest.partition(END)[0] if found else None


def renew() -> None:
    """Make the tables in the docs anew."""
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        for name in names():
            before, found, rest = page.partition(BEGIN.format(name))
            if found:
                page = before + found + table(name) + END + rest.partition(END)[2]
        path.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    renew()
    for name, command in of_another_detector().items():
        print(f"{name}.json: by an earlier detector, or one that is not named; again by {command}")
