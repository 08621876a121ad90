"""A kernel's hwmon folder, faked in files."""

from pathlib import Path

import pytest

from firmware.power import undervoltage


def monitor(root: Path, number: int, name: str, alarm: str | None) -> None:
    folder = root / f"hwmon{number}"
    folder.mkdir()
    (folder / "name").write_text(f"{name}\n")
    if alarm is not None:
        (folder / "in0_lcrit_alarm").write_text(f"{alarm}\n")


@pytest.mark.parametrize(("alarm", "low"), [("0", False), ("1", True), (None, None)])
def test_the_flag_is_found_among_other_monitors(tmp_path: Path, alarm: str | None, low: bool | None) -> None:
    monitor(tmp_path, 0, "cpu_thermal", "1")
    monitor(tmp_path, 1, "rpi_volt", alarm)
    monitor(tmp_path, 2, "ina219", "0")
    assert undervoltage(tmp_path) is low


@pytest.mark.parametrize("names", [[], ["cpu_thermal"]])
def test_where_there_is_no_flag_nothing_is_claimed(tmp_path: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        monitor(tmp_path, number, name, "1")
    assert undervoltage(tmp_path) is None
    assert undervoltage(tmp_path / "absent") is None


def test_a_monitor_without_a_name_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "hwmon0").mkdir()
    monitor(tmp_path, 1, "rpi_volt", "1")
    assert undervoltage(tmp_path) is True


def test_no_descriptors_left_is_no_answer_and_no_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monitor(tmp_path, 1, "rpi_volt", "1")
    for name in ("glob", "read_text"):
        with monkeypatch.context() as context:
            context.setattr(Path, name, fails)
            assert undervoltage(tmp_path) is None
