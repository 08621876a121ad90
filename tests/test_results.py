"""The figures in the docs are those that a command has measured, and of the weights that are shipped."""

import json
import re
from pathlib import Path

import pytest

from monitor.recordings.tuning.floor import FLOOR
from monitor.weights import CONTACTS, FALLS
from training import results
from training.floor import MAY_LOSE_PERCENT
from training.folder import FOLDER
from training.results import PAGES, RESULTS, ROOT, digest, names, printed, table


@pytest.mark.parametrize("name", names())
def test_a_table_in_the_docs_is_the_one_of_its_results(name: str) -> None:
    shown = [text for page in PAGES if (text := printed(page.read_text(encoding="utf-8"), name)) is not None]
    assert shown, f"docs/results/{name}.json is on no page"
    for text in shown:
        assert text == table(name), "python -m training.results makes the tables anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_marked_table_has_its_results(page: Path) -> None:
    marked = re.findall(r"<!-- results: (\w+) -->", page.read_text(encoding="utf-8"))
    assert set(marked) <= set(names())


def test_the_floor_lies_no_further_than_half_way_to_where_it_was_measured_to_cost() -> None:
    rows = json.loads((RESULTS / "floor.json").read_text(encoding="utf-8"))["rows"]
    measured = {row["setting"].strip("`"): row["half_way"] for row in rows}
    assert set(measured) == set(MAY_LOSE_PERCENT)
    for key, half_way in measured.items():
        assert FLOOR[key] <= half_way


INSTEAD_OF = dict.fromkeys(("people", "laboratories", "unseen"), "falls") | {"contacts": "contacts"}
"""Results of weights that did not see whom they are scored on, and which of the shipped ones they replace."""


@pytest.mark.parametrize("name", names())
def test_results_are_of_the_shipped_weights(name: str) -> None:
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    shipped = {"falls": digest(FALLS), "contacts": digest(CONTACTS)}
    others = {}
    if name in INSTEAD_OF:
        others = {key: weights for key, weights in result["weights"].items() if key not in shipped}
        assert others
        assert not set(others.values()) & set(shipped.values())
        assert INSTEAD_OF[name] not in result["weights"]
        assert result["instead_of"] == shipped[INSTEAD_OF[name]], f"run again: {result['command']}"
    used = {key: weights for key, weights in result["weights"].items() if key not in others}
    assert used.items() <= shipped.items(), f"run again: {result['command']}"


@pytest.mark.parametrize("name", names())
def test_results_are_of_the_recordings_that_are_there(name: str) -> None:
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    there = {file: digest(FOLDER / file) for file in result["recordings"] if (FOLDER / file).is_file()}
    assert there.items() <= result["recordings"].items(), f"run again: {result['command']}"


def test_comments_make_no_other_detector_and_code_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    core = tmp_path / "monitor" / "core"
    core.mkdir(parents=True)

    def written(text: str) -> str:
        (core / "a.py").write_text(text)
        return results.detector()

    first = written('"""A."""\nLIMIT_G = 2.0\n')
    assert written("# more\nLIMIT_G   =   2.0\n") == first
    assert written("LIMIT_G = 2.5\n") != first


def test_the_unit_allows_the_safety_process_twice_the_memory_that_it_was_measured_to_take() -> None:
    rows = json.loads((RESULTS / "lean.json").read_text(encoding="utf-8"))["rows"]
    taken_mb = next(float(row["measured"].split()[0]) for row in rows if row[""].startswith("memory"))
    unit = (ROOT / "systemd" / "rearguard.service").read_text(encoding="utf-8")
    allowed = re.search(r"^MemoryMax=(\d+)M$", unit, re.MULTILINE)
    assert allowed is not None
    assert int(allowed[1]) >= 2 * taken_mb
