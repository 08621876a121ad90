"""Three nodes for seconds: alerts arrive once while one is killed. What takes longer is `make fleet`."""

from pathlib import Path

import pytest

from tests.fleet import __main__ as fleet
from tests.fleet import measure, packets, rights
from tests.fleet.nats import SERVER, Nats
from tests.fleet.nodes import wait_ready
from tests.fleet.people import people


@pytest.mark.skipif(SERVER is None, reason="nats-server is not installed: apt-get install nats-server")
def test_a_cluster_of_three_keeps_rights_apart_and_passes_alerts_on_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "DEVICE_RATE_HZ", 3.0)  # by chance: seldom none in so short a time
    with Nats(tmp_path, people(2)) as cluster:
        wait_ready(cluster)
        assert rights.forbidden(cluster) == "all refused"
        found = measure.measure(cluster, 2, 2.0)
    assert found.raised
    assert (found.lost, found.twice) == (0, 0)


def test_a_broker_that_is_not_installed_is_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fleet, "MISSING", dict.fromkeys(fleet.BROKERS, "not installed: apt-get install it"))
    assert fleet.main(["--devices", "30"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name} is skipped: not installed" in said for name in fleet.BROKERS)


def test_packets_are_read_back_however_they_are_split() -> None:
    whole = packets.publish("a/b", b"x" * 300, 7, retain=True) + packets.puback(7)
    buffer = bytearray()
    found = []
    for byte in whole:
        buffer.append(byte)
        found += list(packets.read(buffer))
    (kind, flags, body), (acked, _, mid) = found
    assert (kind, packets.message(flags, body)) == (packets.PUBLISH, ("a/b", b"x" * 300, 7))
    assert (acked, mid) == (packets.PUBACK, b"\x00\x07")
