"""A program finds its own name again, and takes no other's."""

import stat
from pathlib import Path

import pytest

from monitor.core.vocabulary import AlertKind, Priority
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.client_name import SLOTS, ClientName
from tests.monitor.delivery.test_link import pulse_at
from tests.pulse import wait_until


def test_the_name_is_the_same_at_the_next_start_and_no_other_s_meanwhile(tmp_path: Path) -> None:
    first, second = ClientName("watch-walker-Eva", tmp_path), ClientName("watch-walker-Eva", tmp_path)
    assert first.held
    assert second.held
    assert first.name != second.name
    other = ClientName("watch-walker-Tom", tmp_path)
    assert other.name[:12] != first.name[:12]
    first.close()
    again = ClientName("watch-walker-Eva", tmp_path)
    assert again.name == first.name
    for name in (second, again, other):
        name.close()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_no_link_is_followed_and_without_a_name_it_goes_on(tmp_path: Path) -> None:
    name = ClientName("x", tmp_path)
    digest = name.name[:12]
    name.close()
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / "elsewhere").write_text("")
    for slot in range(SLOTS):
        (tmp_path / f"rearguard-{digest}-{slot}.lock").symlink_to(tmp_path / "elsewhere")
    assert not ClientName("x", tmp_path).held
    assert not ClientName("x", tmp_path / "missing").held


@pytest.mark.parametrize("protocol", [4, 5])
def test_what_is_reported_while_a_spotter_s_program_is_away_waits_for_it_at_the_broker(
    mqtt: MqttSettings, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the device has died since, and nobody can send it again."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    settings = MqttSettings(device=mqtt.device, host=mqtt.host, port=mqtt.port, protocol=protocol)

    def started() -> SpotterClient:
        return SpotterClient(settings, "Eva", program="watch")

    ear = started()
    with pulse_at(settings) as pulse:
        wait_until(lambda: ear.hear(0.02) is not None and not ear.view.no_contact)
        ear.close()
        pulse.raise_alert("missed", AlertKind.FALL, Priority.HIGH)
        wait_until(lambda: len(pulse.link._outbox.recent()) == 1)
    ear = started()
    wait_until(lambda: ear.hear(0.02) is not None and ear.view.open)
    assert [incident.id for incident in ear.view.open] == ["missed"]
    ear.close()
