"""Who may import whom: each folder's imports against what it may have, without an exception list."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STANDARD = set(sys.stdlib_module_names)
CORE = {"numpy", "collections", "dataclasses", "enum", "math", "statistics", "typing", "monitor.core"}
FIRMWARE = {*STANDARD, "numpy", "firmware", "monitor.core.setting", "monitor.core.vocabulary"}
MONITOR = {*STANDARD, "numpy", "msgspec", "monitor"}
ALSO = {  # what one file alone may touch
    "monitor/mqtt.py": {"paho"},
    "monitor/config.py": {"ruamel"},
    "monitor/notify.py": {"apprise"},
    "monitor/broker.py": {"amqtt"},
    "monitor/pair.py": {"segno"},
    "monitor/evaluate.py": {"rich"},
    "monitor/cli.py": {"firmware"},
    "monitor/machine.py": {"firmware"},
    "monitor/settings.py": {"firmware"},
    "firmware/bus.py": {"smbus2"},
    "firmware/panel.py": {"gpiozero"},
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


def strangers(path: Path, allowed: set[str]) -> list[str]:
    allowed = allowed | ALSO.get(path.relative_to(ROOT).as_posix(), set())
    return [name for name in imports(path) if not inside(name, allowed)]


@pytest.mark.parametrize("path", files("monitor/core"), ids=lambda p: p.name)
def test_the_core_imports_numpy_and_arithmetic_only(path: Path) -> None:
    assert strangers(path, CORE) == []
    assert "np.random" not in path.read_text()


@pytest.mark.parametrize("path", files("firmware"), ids=lambda p: p.name)
def test_firmware_knows_of_the_monitor_only_its_vocabulary(path: Path) -> None:
    assert strangers(path, FIRMWARE) == []


@pytest.mark.parametrize("path", files("monitor"), ids=lambda p: p.name)
def test_each_outer_library_is_touched_in_one_file_only(path: Path) -> None:
    assert strangers(path, MONITOR) == []
