"""What is installed on a device, in size: it comes over a phone's network, and lies on a small card."""

import io
import tomllib
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

ROOT = Path(__file__).parent.parent
MOST_BYTES = 1_000_000
RECORD_BYTES = 20_000  # the list of its files, with their digests


def packed() -> bytes:
    """What pyproject.toml puts into the wheel, README and licence included, packed as a wheel is."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    files = [ROOT / "README.md", ROOT / "LICENSE"]
    for package, patterns in tools["package-data"].items():
        for pattern in ("**/*.py", *patterns):
            files += sorted((ROOT / package).glob(pattern))
    whole = io.BytesIO()
    with ZipFile(whole, "w", ZIP_DEFLATED) as wheel:
        for file in files:
            wheel.write(file, file.relative_to(ROOT).as_posix())
    return whole.getvalue()


def test_the_wheel_without_dependencies_is_no_larger_than_a_megabyte() -> None:
    """``python -m benchmarks.lean`` builds it; here, where there is no network, its files are packed."""
    assert len(packed()) + RECORD_BYTES <= MOST_BYTES
