"""The broker is set up as root would: what is made, who may read it, and that a spotter gets in."""

import grp
import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.delivery import accounts, broker_setup
from monitor.delivery.broker_setup import CONFIGURATION, DROP_IN, BrokerSetupError, steps
from monitor.delivery.mqtt import Client, MqttSettings, round_trip_s
from tests.brokers import MOSQUITTO, Mosquitto, held_port
from tests.pulse import wait_until

ROOT = Path(__file__).parents[3]
OURS = grp.getgrgid(os.getgid()).gr_name

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None or shutil.which("openssl") is None, reason="mosquitto or openssl is not installed"
)


def set_up(root: Path) -> list[str]:
    """What was done."""
    done = []
    for step in steps("walker", "pi.example", root, OURS):
        if not step.done():
            step.do()
            assert step.done(), step.words
            done.append(step.words)
    return done


def test_the_shipped_configuration_is_what_it_writes() -> None:
    assert (ROOT / "systemd/mosquitto.conf").read_text() == CONFIGURATION


def test_everything_is_made_once_and_only_who_must_can_read_it(tmp_path: Path) -> None:
    assert len(set_up(tmp_path)) == 6
    folder = tmp_path / "etc/mosquitto/rearguard"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {
        "ca.key": 0o600,
        "ca.crt": 0o644,
        "ca.srl": modes["ca.srl"],
        "broker.key": 0o640,
        "broker.crt": 0o644,
        "passwords": 0o640 if os.geteuid() == 0 else 0o600,
        "access": 0o640 if os.geteuid() == 0 else 0o600,
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "etc/rearguard/mqtt_password").stat().st_mode) == 0o600
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert set_up(tmp_path) == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_password_that_is_missing_does_not_keep_the_service_from_starting() -> None:
    """systemd.exec(5): SetCredential is what LoadCredential falls back on."""
    assert re.findall(r"^(Load|Set)Credential=mqtt_password:", DROP_IN, re.MULTILINE) == ["Load", "Set"]


def test_a_device_and_a_spotter_get_in(tmp_path: Path) -> None:
    set_up(tmp_path)
    etc = tmp_path / "etc"
    folder = etc / "mosquitto/rearguard"
    word = accounts.add(folder, "eva", "walker")
    with held_port() as plain, held_port() as secure:
        config = (etc / "mosquitto/conf.d/rearguard.conf").read_text()
        config = config.replace("1883 127", f"{plain} 127").replace(
            "listener 8883", f"listener {secure} 127.0.0.1"
        )
        with Mosquitto(tmp_path, f"{config}user root\npersistence_location {tmp_path}/\n", plain):
            device = MqttSettings(
                host="127.0.0.1",
                port=plain,
                username="walker",
                password_file=str(etc / "rearguard/mqtt_password"),
            )
            assert round_trip_s(device) > 0
            (tmp_path / "word").write_text(word)
            (tmp_path / "word").chmod(0o600)
            spotter = MqttSettings(
                host="localhost",
                port=secure,
                tls=True,
                ca_file=str(folder / "ca.crt"),
                username="eva",
                password_file=str(tmp_path / "word"),
            )
            with pytest.raises(
                ConnectionError, match=r"Not authorized|not passed on"
            ):  # inside, without rights
                round_trip_s(spotter)
            client = Client(spotter, "eva")
            wait_until(lambda: (client.next(0.1), client.up)[1])
            client.close()


def test_a_dry_run_says_all_and_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("mqtt: {device: kitchen}\n")
    root = tmp_path / "root"
    try:
        grp.getgrnam(broker_setup.GROUP)
    except KeyError:
        pytest.skip("there is no group mosquitto here")
    assert main(["broker", "setup", "--dry-run", "--root", str(root), "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert said.count("would: ") == 6
    assert "the device's account kitchen" in said
    assert not root.exists()


@pytest.mark.parametrize("missing", ["mosquitto", "openssl"])
def test_what_is_missing_is_named_with_what_to_do(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "monitor.delivery.broker_setup._which", lambda name: None if name == missing else f"/usr/bin/{name}"
    )
    with pytest.raises(BrokerSetupError, match=f"{missing} is not installed: sudo apt install {missing}"):
        next(steps("walker"))


def test_a_second_account_of_a_name_is_made_only_if_that_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = ["pair", "eva", "--folder", str(tmp_path), "--config", os.devnull]
    assert main(pair) == 0
    before = (tmp_path / "passwords").read_text()
    assert main(pair) == 2
    assert (
        "there is an account eva: a new password locks out whoever has the old one" in capsys.readouterr().err
    )
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert main(pair) == 2
    assert (tmp_path / "passwords").read_text() == before
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert main(pair) == 0
    assert main([*pair, "--renew"]) == 0
    assert (tmp_path / "passwords").read_text() != before
