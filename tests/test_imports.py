"""Who may import whom: each folder's imports, without an exception list."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = {"numpy", "collections", "dataclasses", "enum", "math", "statistics", "typing", "monitor.core"}
ONLY_IN = {  # what one file alone may touch
    "paho": {"monitor/mqtt.py"},
    "ruamel": {"monitor/config.py"},
    "smbus2": {"firmware/bus.py"},
    "gpiozero": {"firmware/panel.py"},
    "apprise": {"monitor/notify.py"},
    "amqtt": {"monitor/broker.py"},
    "firmware": {"monitor/cli.py"},
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def inside(name: str, allowed: set[str]) -> bool:
    return any(name == a or name.startswith(a + ".") for a in allowed)


@pytest.mark.parametrize("path", files("monitor/core"), ids=lambda p: p.name)
def test_the_core_imports_numpy_and_arithmetic_only(path: Path) -> None:
    assert [name for name in imports(path) if not inside(name, CORE)] == []


@pytest.mark.parametrize("path", files("firmware"), ids=lambda p: p.name)
def test_firmware_knows_of_the_monitor_only_its_vocabulary(path: Path) -> None:
    seen = [name for name in imports(path) if inside(name, {"monitor"})]
    assert [name for name in seen if name != "monitor.core.vocabulary"] == []


@pytest.mark.parametrize("path", [*files("monitor"), *files("firmware")], ids=lambda p: p.name)
def test_each_outer_library_is_touched_in_one_file_only(path: Path) -> None:
    here = path.relative_to(ROOT).as_posix()
    for library, homes in ONLY_IN.items():
        if here.split("/")[0] == library or here in homes:
            continue
        assert not any(inside(name, {library}) for name in imports(path)), f"{here} imports {library}"


@pytest.mark.parametrize("path", files("monitor/core"), ids=lambda p: p.name)
def test_the_core_asks_no_chance(path: Path) -> None:
    assert "np.random" not in path.read_text()
