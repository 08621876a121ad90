"""A kernel's words on its disks, faked in files."""

from pathlib import Path

import pytest

from firmware.card import trouble
from firmware.checkup import check_card


def errors(root: Path, disk: str, count: str) -> None:
    folder = root / "fs/ext4" / disk
    folder.mkdir(parents=True)
    (folder / "errors_count").write_text(f"{count}\n")


def wear(root: Path, life: str, spare: str | None, disk: str = "mmcblk0") -> None:
    folder = root / "block" / disk / "device"
    folder.mkdir(parents=True)
    (folder / "life_time").write_text(f"{life}\n")
    if spare is not None:
        (folder / "pre_eol_info").write_text(f"{spare}\n")


def test_errors_that_the_kernel_has_counted_are_said_with_the_disk_they_are_on(tmp_path: Path) -> None:
    errors(tmp_path, "mmcblk0p2", "0")
    (tmp_path / "fs/ext4/features").mkdir()  # as every kernel has
    assert trouble(tmp_path) == ""
    errors(tmp_path, "sda1", "3")
    assert trouble(tmp_path) == "3 errors in the file system on sda1"


@pytest.mark.parametrize(
    ("life", "spare", "worn"),
    [
        ("0x01 0x01", "0x01", False),
        ("0x09 0x02", "0x01", False),
        ("0x01 0x0a", "0x01", True),
        ("0x0B 0x01", "0x01", True),
        ("0x01 0x01", "0x02", True),
        ("0x00 0x00", "0x00", False),  # it says nothing
    ],
)
def test_an_emmc_is_worn_in_the_last_tenth_of_its_life_or_with_few_spare_blocks(
    tmp_path: Path, life: str, spare: str, worn: bool
) -> None:
    wear(tmp_path, life, spare)
    assert trouble(tmp_path) == ("mmcblk0 says that its life is nearly used up" if worn else "")


def test_all_that_is_wrong_is_said(tmp_path: Path) -> None:
    errors(tmp_path, "mmcblk0p2", "1")
    wear(tmp_path, "0x0b 0x0b", "0x03")
    said = "1 error in the file system on mmcblk0p2; mmcblk0 says that its life is nearly used up"
    assert trouble(tmp_path) == said
    assert (check_card(tmp_path).verdict, check_card(tmp_path).words) == ("fail", said)


def test_what_cannot_be_read_claims_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert trouble(tmp_path) is None
    assert check_card(tmp_path).verdict == "none"
    errors(tmp_path, "mmcblk0p2", "many")
    wear(tmp_path, "0x0b 0x0b", None)
    assert trouble(tmp_path) is None

    def fails(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "glob", fails)
    assert trouble(tmp_path) is None
