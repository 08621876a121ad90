"""MCAP: another's reader finds every sample, block and report, each as its schema says."""

import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from mcap.reader import make_reader

from monitor.recordings.formats import session_mcap
from monitor.recordings.formats.excerpt import Excerpt
from monitor.recordings.formats.session_mcap import McapError
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import FALL_S, STEP_S, UTC_OFFSET_S


@pytest.fixture
def excerpt(tmp_path: Path) -> Excerpt:
    return made_session.excerpt(tmp_path / "journal.db")


@pytest.fixture
def messages(excerpt: Excerpt, tmp_path: Path) -> list[tuple[str, int, Any]]:
    """Topic, nanoseconds and what is said, in the reader's order; each fits its schema."""
    session_mcap.write(tmp_path / "s.mcap", excerpt)
    found = []
    schemas: dict[int, Any] = {}
    with (tmp_path / "s.mcap").open("rb") as file:
        for schema, channel, message in make_reader(file, validate_crcs=True).iter_messages():
            assert (schema.encoding, channel.message_encoding) == ("jsonschema", "json")
            said = json.loads(message.data, parse_constant=pytest.fail)
            meant = schemas.setdefault(schema.id, jsonschema.Draft202012Validator(json.loads(schema.data)))
            meant.validate(said)
            assert set(said) == set(meant.schema["properties"])
            found.append((channel.topic, message.log_time, said))
    return found


def of(messages: list[tuple[str, int, Any]], topic: str) -> list[Any]:
    return [said for other, _time_ns, said in messages if other == topic]


def test_every_sample_is_there_to_the_last_digit(
    excerpt: Excerpt, messages: list[tuple[str, int, Any]]
) -> None:
    blocks = list(excerpt.session.blocks())
    imu = of(messages, "/imu")
    for name in ("accel_g", "gyro_dps"):
        expected = np.vstack([getattr(block, name) for block in blocks])
        np.testing.assert_array_equal([[said[name][axis] for axis in "xyz"] for said in imu], expected)
    np.testing.assert_array_equal([s["time_s"] for s in imu], np.concatenate([b.time_s for b in blocks]))


def test_gaps_and_faults_are_kept_block_by_block(
    excerpt: Excerpt, messages: list[tuple[str, int, Any]]
) -> None:
    found = [(s["end_s"], s["samples"], s["lost"], s["fault"], s["chip"]) for s in of(messages, "/blocks")]
    expected = [(b.end_s, len(b.time_s), b.lost, b.fault, form.chip) for form, b in excerpt.samples()]
    assert found == expected


def test_messages_come_in_order_of_wall_time(messages: list[tuple[str, int, Any]]) -> None:
    times_ns = [time_ns for _topic, time_ns, _said in messages]
    assert times_ns == sorted(times_ns)
    first = next(m for m in messages if m[0] == "/imu")
    assert first[1] / 1e9 == pytest.approx(first[2]["time_s"] + UTC_OFFSET_S, abs=1e-6)


def test_steps_reports_and_labels_are_there(messages: list[tuple[str, int, Any]]) -> None:
    (step,) = of(messages, "/steps")
    assert (step["time_s"], step["direction"], step["cadence_spm"]) == (STEP_S, "backward", None)
    (alert,) = of(messages, "/alerts")
    assert (alert["time_s"], alert["kind"], alert["incident"]) == (FALL_S, "fall", "a-1")
    assert [said["kind"] for said in of(messages, "/events")] == ["unsafe_step", "falling", "still"]
    assert [said["kind"] for said in of(messages, "/inputs")] == ["coming"]
    assert [said["kind"] for said in of(messages, "/states")] == ["disarmed", "armed"]
    assert [said["reason"] for said in of(messages, "/labels")] == ["on\tthe mat"]


def test_without_the_library_it_says_how_to_get_it(
    excerpt: Excerpt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcap.writer", None)
    with pytest.raises(McapError, match=r"pip install 'rearguard\[mcap\]'"):
        session_mcap.write(tmp_path / "s.mcap", excerpt)
    assert not (tmp_path / "s.mcap").exists()
