"""What the spotter says of an alert on the page stands in the device's journal: with the real processes."""

from pathlib import Path
from typing import Any

import pytest

from monitor.delivery.mqtt import MqttSettings
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.journal.file import FILE
from monitor.recordings.journal.sessions import Session, sessions
from monitor.recordings.simulated_walker import Move
from tests.page_site import Site, Visitor
from tests.pulse import wait_until
from tests.test_machine import rearguard

pytestmark = pytest.mark.long


def labels(session: Session) -> list[tuple[str, str, str]]:
    return [(one.label, one.who, one.kind) for one in session.labels()]


def log(visitor: Visitor, device: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = visitor.get(f"/log?device={device}").said["lines"]
    return lines


def test_the_page_s_label_of_an_ended_fall_stands_in_the_journal_also_of_an_earlier_run(
    mqtt: MqttSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    script = [(2.5, Move.STAND), (3.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (600.0, Move.LIE)]
    recording = tmp_path / "fall.npz"
    corpus.save(recording, [simulated_walker.walk(script, 100.0, seed=1).trial("fall")])
    config = tmp_path / "config.yaml"
    config.write_text(f"mqtt: {{device: {mqtt.device}, host: {mqtt.host}, port: {mqtt.port}}}")
    run = ("run", "--simulate", str(recording), "--config", str(config))
    device, journal = mqtt.device, tmp_path / FILE
    (tmp_path / "page").mkdir()
    with Site(tmp_path / "page", mqtt) as site:
        eva, tom = site.visitor("Eva"), site.visitor("Tom")
        with rearguard(*run) as machine:
            machine.until("ALERT fall confirmed")
            wait_until(lambda: any(line["text"].startswith("FALL confirmed") for line in log(eva, device)))
            fall = next(line["incident"] for line in log(eva, device) if line["kind"] == "fall")
            eva.say("/answer", device=device, incident=fall, act="clear")
            machine.until("ALERT fall cleared by Eva")
            assert eva.post("/label", {"device": device, "incident": fall, "label": "true"}).status == 200
            wait_until(lambda: labels(sessions(journal)[0]) == [("true", "Eva", "fall")])
            assert tom.say("/missed", device=device, about="stumble").status == 200
            wait_until(lambda: ("missed", "Tom", "stumble") in labels(sessions(journal)[0]))
            assert machine.end() == 0
        wait_until(lambda: log(tom, device)[-1]["text"].startswith("NO CONTACT"))
        assert tom.say("/missed", device=device, about="fall").why == "no_contact"
        assert tom.post("/label", {"device": device, "incident": fall, "label": "false"}).status == 200
        with rearguard(*run):
            wait_until(lambda: ("false", "Tom", "fall") in labels(sessions(journal)[0]))
    first, second = sessions(journal)
    assert sorted(labels(first)) == [
        ("false", "Tom", "fall"),
        ("missed", "Tom", "stumble"),
        ("true", "Eva", "fall"),
    ]
    assert labels(second) == []
    said = [label for label in first.labels() if label.incident]
    assert {label.incident for label in said} == {fall}
    assert {label.time_s for label in said} == {first.alerts()[0].time_s}
    assert [label.who for label in said] == ["Eva", "Tom"]  # the one given last comes last
