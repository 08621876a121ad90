"""What people say of alerts is kept, whatever became of the file before."""

from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.spotter.page import labels as labels_file
from monitor.spotter.page.labels import Label, Labels

TRUE = Label("walker", "aaaa-1", "true", "Eva", 1e9, "FALL confirmed")
FALSE = msgspec.structs.replace(TRUE, label="false", who="Tom")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.jsonl"


def test_of_what_nobody_has_labelled_nothing_is_said(path: Path) -> None:
    assert Labels(path).of("walker", "aaaa-1") == ""
    assert not path.exists()


def test_of_one_alert_the_last_label_counts_and_all_are_kept(path: Path) -> None:
    labels = Labels(path)
    for label in (TRUE, FALSE, TRUE):
        labels.put(label)
        assert labels.of("walker", "aaaa-1") == label.label
    lines = path.read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Label) for line in lines] == [TRUE, FALSE, TRUE]


def test_labels_of_other_alerts_and_other_devices_are_others(path: Path) -> None:
    labels = Labels(path)
    labels.put(TRUE)
    labels.put(msgspec.structs.replace(FALSE, incident="aaaa-2"))
    labels.put(msgspec.structs.replace(FALSE, device="other"))
    found = [labels.of(*one) for one in (("walker", "aaaa-1"), ("walker", "aaaa-2"), ("other", "aaaa-1"))]
    assert found == ["true", "false", "false"]
    assert labels.of("other", "aaaa-2") == ""


def test_labels_outlive_a_restart(path: Path) -> None:
    Labels(path).put(TRUE)
    Labels(path).put(msgspec.structs.replace(FALSE, incident="aaaa-2"))
    again = Labels(path)
    assert (again.of("walker", "aaaa-1"), again.of("walker", "aaaa-2")) == ("true", "false")


def test_a_line_that_was_cut_by_a_power_cut_costs_no_other(path: Path) -> None:
    labels = Labels(path)
    labels.put(TRUE)
    for end in range(1, len(path.read_bytes())):
        path.write_bytes(path.read_bytes().splitlines()[0][:end])
        Labels(path).put(msgspec.structs.replace(FALSE, incident="aaaa-2"))
        assert Labels(path).of("walker", "aaaa-2") == "false"
        path.write_bytes(msgspec.json.encode(TRUE))


@given(st.binary(max_size=200))
@example(b'{"device": "walker", "incident": "aaaa-1", "label": "false", "who": "\xff", "wall_s": 1}')
@example(b'{"x": ' + b"[" * 100_000)
@example(b'{"device": "walker", "incident": "aaaa-1", "label": "perhaps", "who": "Eva", "wall_s": 1}')
def test_whatever_else_the_file_holds_is_passed_over(junk: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "labels.jsonl"
        path.write_bytes(junk)
        labels = Labels(path)
        assert labels.of("walker", "aaaa-1") == ""
        labels.put(TRUE)
        assert Labels(path).of("walker", "aaaa-1") == "true"
        assert path.read_bytes().startswith(junk)


def test_a_file_that_is_full_takes_no_more_and_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels_file, "LARGEST_BYTES", 200)
    labels = Labels(path)
    with pytest.raises(OSError, match="holds more than 200 bytes: move it away"):  # noqa: PT012  which one is it?
        for _ in range(10):
            labels.put(TRUE)
    size = path.stat().st_size
    with pytest.raises(OSError, match="move it away"):
        labels.put(FALSE)
    assert path.stat().st_size == size
    assert labels.of("walker", "aaaa-1") == "true"
    path.rename(path.with_suffix(".old"))
    labels.put(FALSE)
    assert labels.of("walker", "aaaa-1") == "false"


def test_a_file_that_cannot_be_read_is_said_and_does_not_stop_the_page(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.mkdir()
    labels = Labels(path)
    assert "labels cannot be read" in caplog.text
    with pytest.raises(OSError, match="directory"):
        labels.put(TRUE)
    assert labels.of("walker", "aaaa-1") == ""


def test_the_latest_label_of_each_incident_of_a_device_is_said_again_for_some_time(path: Path) -> None:
    labels = Labels(path)
    old = msgspec.structs.replace(TRUE, incident="aaaa-0", wall_s=TRUE.wall_s - 1.0)
    for label in (old, TRUE, FALSE, msgspec.structs.replace(TRUE, device="other")):
        labels.put(label)
    assert Labels(path).since("walker", TRUE.wall_s) == [FALSE]
    assert Labels(path).since("walker", old.wall_s) == [old, FALSE]
