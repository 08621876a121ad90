"""Who may import whom, folder by folder: the table of the design, without an exception list.

An outer library stands in one file, named here, so that everything else is spared it.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STANDARD = set(sys.stdlib_module_names)
FOLDERS = {
    "monitor/core": {
        "numpy",
        "collections",
        "copy",
        "dataclasses",
        "enum",
        "math",
        "statistics",
        "typing",
        "monitor.core",
    },
    "monitor/weights": {*STANDARD, "numpy", "monitor.core"},
    "monitor/delivery": {*STANDARD, "msgspec", "monitor.core", "monitor.delivery"},
    "monitor/spotter": {
        *STANDARD,
        "monitor.core.vocabulary",
        "monitor.core.setting",
        "monitor.delivery.credentials",
        "monitor.delivery.messages",
        "monitor.delivery.mqtt",
        "monitor.delivery.wording",
        "monitor.spotter",
    },
    "monitor/spotter/page": {
        *STANDARD,
        "msgspec",
        "monitor.core.vocabulary",
        "monitor.core.setting",
        "monitor.delivery.credentials",
        "monitor.delivery.messages",
        "monitor.delivery.mqtt",
        "monitor.delivery.read_only",
        "monitor.spotter",
    },
    "monitor/recordings": {*STANDARD, "numpy", "monitor.core", "monitor.recordings"},
    "monitor/commands": {*STANDARD, "numpy", "monitor", "firmware"},
    "monitor": {*STANDARD, "numpy", "msgspec", "monitor", "firmware"},
    "systemd": {*STANDARD, "installer"},  # runs before anything is installed
    "firmware": {
        *STANDARD,
        "numpy",
        "firmware",
        "monitor.core.samples",
        "monitor.core.setting",
        "monitor.core.vocabulary",
    },
}
"""What each folder may import; the longest name that fits a file counts."""

HOMES = {
    "paho": "monitor/delivery/mqtt.py",
    "ruamel": "monitor/config.py",
    "apprise": "monitor/spotter/services.py",
    "amqtt": "monitor/delivery/embedded_broker.py",
    "segno": "monitor/delivery/invitation.py",
    "rich": "monitor/recordings/evaluate.py",
    "matplotlib": "monitor/recordings/reports/drawing.py",
    "joblib": "monitor/recordings/tuning/engine.py",
    "distributed": "monitor/recordings/tuning/engine.py",
    "ray": "monitor/recordings/tuning/engine.py",
    "mcap": "monitor/recordings/formats/session_mcap.py",
    "cryptography": "monitor/spotter/page/push.py",
    "uvicorn": "monitor/spotter/page/serve.py",
    "starlette": "monitor/spotter/page/app.py",
    "smbus2": "firmware/bus.py",
    "gpiozero": "firmware/pins.py",
}
"""The one file in which an outer library is touched."""

FILES = sorted(path for top in ("monitor", "firmware", "systemd") for path in (ROOT / top).rglob("*.py"))
CORE = [path for path in FILES if path.is_relative_to(ROOT / "monitor/core")]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str, allowed: set[str]) -> bool:
    return any(name == a or name.startswith(a + ".") for a in allowed)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_file_imports_what_its_folder_may(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    folder = max((folder for folder in FOLDERS if name.startswith(folder + "/")), key=len)
    libraries = {library for library, home in HOMES.items() if home == name}
    assert [found for found in imports(path) if not inside(found, FOLDERS[folder] | libraries)] == []


@pytest.mark.parametrize("library", HOMES)
def test_an_outer_library_is_used_in_its_home(library: str) -> None:
    assert library in {name.split(".")[0] for name in imports(ROOT / HOMES[library])}


@pytest.mark.parametrize("path", CORE, ids=lambda p: p.name)
def test_the_core_opens_no_file_and_leaves_nothing_to_chance(path: Path) -> None:
    words = r"(?<![\w.])open\(|np\.load|np\.save|np\.fromfile|__file__|np\.random|(?<!\w)print\("
    assert re.findall(words, path.read_text()) == []
