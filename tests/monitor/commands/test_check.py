"""``rearguard check``: whether the service runs with the settings that were read; the sensor, simulated."""

import argparse
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from firmware.checkup import Finding, Verdict
from monitor.commands.check import check, check_service
from monitor.delivery.link import Link
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import MqttSettings, retained
from monitor.settings import Settings
from monitor.settings_text import fingerprint
from tests.pulse import Pulse, wait_until


def test_the_service_s_settings_are_compared_with_those_that_were_read(mqtt: MqttSettings) -> None:
    settings = Settings(mqtt=mqtt)
    assert check_service(settings) == Finding(
        "service", Verdict.NONE, f"the broker knows no heartbeat of {mqtt.device}"
    )
    link = Link(mqtt, SimpleQueue(), config=fingerprint(settings))
    with Pulse(link):
        wait_until(lambda: retained(mqtt, Topics(mqtt.device).state))
        same = check_service(settings)
        other = check_service(replace(settings, alarm=replace(settings.alarm, pause_sound_s=60.0)))
    assert (same.part, same.verdict) == ("service", Verdict.OK)
    assert fingerprint(settings) in same.words
    assert (other.part, other.verdict) == ("service", Verdict.FAIL)
    assert f"runs with other settings (hash {fingerprint(settings)}" in other.words
    assert "sudo systemctl restart rearguard" in other.words
    # Its heartbeat is still at the broker, and proves nothing.
    other_settings = replace(settings, alarm=replace(settings.alarm, pause_sound_s=60.0))
    for read, which in ((settings, "these"), (other_settings, "other")):
        words = f"does not run; it ran last with {which} settings"
        assert check_service(read) == Finding("service", Verdict.NONE, words)


def test_a_simulated_sensor_is_well_however_busy_the_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.playback.CATCH_UP_S", 0.0)  # as if each pause had taken too long
    check(argparse.Namespace(config=Path("/dev/null"), simulate=True, live=False, json=False, port=1))
    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    verdicts = {part: verdict for verdict, part, _ in lines}
    assert [verdicts[part] for part in ("bus", "sensor", "samples", "gravity", "noise", "mounting")] == 6 * [
        "ok"
    ]
