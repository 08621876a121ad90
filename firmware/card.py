"""Does the memory card fail: errors that the kernel has counted, and what an eMMC says of its own wear."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SYSTEM = Path("/sys")

LIFE_USED = 0x0A
"""Tenths of its life that an eMMC has used, rounded up: the last one. 0x0B is more than it was made for."""

SPARE_LOW = 0x02
"""Of an eMMC's spare blocks four fifths are used; 0x03 is nearly all."""


def trouble(root: Path = SYSTEM) -> str | None:
    """What is wrong with the card, in words; "" where nothing is known to be, None where nothing can be read.

    ext4 keeps the count of the errors it has met (kernel documentation, ABI/testing/sysfs-fs-ext4) until fsck
    has repaired it. An SD card says nothing of its wear; an eMMC does (JEDEC 5.0; the kernel's
    Documentation/driver-api/mmc/mmc-dev-attrs.rst). Reading either touches no disk.
    """
    found = [*_errors(root), *_wear(root)]
    return "; ".join(filter(None, found)) if found else None


def _errors(root: Path) -> Iterator[str]:
    for file in _files(root, "fs/ext4/*/errors_count"):
        with suppress(OSError, ValueError):
            count = int(file.read_text())
            met = f"{count} error{'s' if count > 1 else ''} in the file system on {file.parent.name}"
            yield met if count else ""


def _wear(root: Path) -> Iterator[str]:
    for file in _files(root, "block/mmcblk*/device/life_time"):
        with suppress(OSError, ValueError):
            used = max(int(word, 16) for word in file.read_text().split())
            spare = int((file.parent / "pre_eol_info").read_text(), 16)
            worn = used >= LIFE_USED or spare >= SPARE_LOW
            yield f"{file.parent.parent.name} says that its life is nearly used up" if worn else ""


def _files(root: Path, pattern: str) -> list[Path]:
    with suppress(OSError):  # no descriptors left
        return sorted(root.glob(pattern))
    return []
