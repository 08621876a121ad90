"""The broker is set up as root would: what is made, who may read it, and that a spotter gets in."""

import gc
import grp
import os
import re
import shutil
import socket
import ssl
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from monitor.cli import main
from monitor.delivery import accounts, broker_setup
from monitor.delivery.accounts import Role
from monitor.delivery.broker_setup import CONFIGURATION, DROP_IN, BrokerSetupError, notes, steps
from monitor.delivery.mqtt import Client, MqttSettings, What, round_trip_s
from tests.brokers import MOSQUITTO, Mosquitto, held_port
from tests.pulse import PATIENCE_S, wait_until

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
    assert len(set_up(tmp_path)) == 8
    folder = tmp_path / "etc/mosquitto/rearguard"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {
        "ca.key": 0o600,
        **dict.fromkeys(("ca.crt", "broker.key", "broker.crt", "passwords", "access"), 0o640),
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "etc/rearguard/mqtt_password").stat().st_mode) == 0o600
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert set_up(tmp_path) == []
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_a_user_changed_or_took_away_is_kept_and_said(tmp_path: Path) -> None:
    set_up(tmp_path)
    folder = tmp_path / "etc/mosquitto/rearguard"
    assert list(notes("walker", "pi.example", tmp_path)) == []
    (folder / "ca.key").unlink()  # kept elsewhere, as the page says
    (tmp_path / "etc/rearguard/mqtt_password").unlink()  # the service has it from its own file
    configuration = tmp_path / "etc/mosquitto/conf.d/rearguard.conf"
    configuration.write_text("listener 8884\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set_up(tmp_path) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert configuration.read_text() == "listener 8884\n"
    said = "\n".join(notes("walker", "belt.example", tmp_path))
    assert "broker.crt is not good for belt.example" in said
    assert "rearguard pair walker --role device --renew" in said
    assert "rearguard.conf is kept" in said


def test_a_key_that_is_missed_is_named_with_what_to_do(tmp_path: Path) -> None:
    set_up(tmp_path)
    folder = tmp_path / "etc/mosquitto/rearguard"
    (folder / "broker.key").unlink()
    with pytest.raises(BrokerSetupError, match=r"broker\.key is missing: .* remove .*broker\.crt"):
        set_up(tmp_path)
    (folder / "broker.crt").unlink()
    (folder / "ca.key").unlink()
    with pytest.raises(BrokerSetupError, match=r"ca\.key is missing: .* remove .*ca\.crt"):
        set_up(tmp_path)


def of_an_earlier_version(root: Path) -> Path:
    """The folder and all in it belong to the broker's user; nobody may read `again`."""
    set_up(root)
    folder = root / "etc/mosquitto/rearguard"
    accounts.add(folder, "eva", "walker")
    accounts.add(folder, "home", "walker", Role.HOME)
    rights = (folder / "access").read_text()
    (folder / "access").write_text(re.sub(r"topic \w+ rearguard/walker/again\n", "", rights))
    folder.chmod(0o700)
    for path in (folder, *folder.iterdir()):
        if os.geteuid() == 0:
            os.chown(path, 102, 102)
    return folder


def test_a_folder_of_an_earlier_version_is_given_to_root_and_its_accounts_get_their_rights(
    tmp_path: Path,
) -> None:
    folder = of_an_earlier_version(tmp_path)
    if os.geteuid() == 0:
        with pytest.raises(accounts.FolderError, match="sudo rearguard broker setup"):
            accounts.add(folder, "max", "walker")
    passwords = (folder / "passwords").read_text()
    assert len(set_up(tmp_path)) == (3 if os.geteuid() == 0 else 2)
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {os.geteuid()}
    assert stat.S_IMODE((folder / "ca.key").stat().st_mode) == 0o600
    assert (folder / "passwords").read_text() == passwords
    rights = (folder / "access").read_text()
    assert rights.count("topic read rearguard/walker/again") == 2
    assert rights.count("topic write rearguard/walker/again") == 1
    assert set_up(tmp_path) == []


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_planted_in_an_earlier_folder_leads_nowhere(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    other = tmp_path / "shadow"
    other.write_text("root:secret\n")
    other.chmod(0o600)
    folder = tmp_path / "etc/mosquitto/rearguard"
    folder.mkdir(parents=True)
    link(other, folder / "broker.key")
    with pytest.raises(OSError, match="remove it"):
        set_up(tmp_path)
    assert (other.read_text(), stat.S_IMODE(other.stat().st_mode)) == ("root:secret\n", 0o600)


@pytest.mark.parametrize("count", range(8))
def test_wherever_it_is_interrupted_the_broker_can_start_and_the_next_run_goes_on(
    tmp_path: Path, count: int
) -> None:
    for step in islice((step for step in steps("walker", "", tmp_path, OURS) if not step.done()), count):
        step.do()
    if (tmp_path / "etc/mosquitto/conf.d/rearguard.conf").exists():
        assert set_up(tmp_path) == []
    assert len(set_up(tmp_path)) == 8 - count
    assert set_up(tmp_path) == []


def test_the_certificate_is_good_for_the_machine_s_names_as_python_3_13_insists(tmp_path: Path) -> None:
    set_up(tmp_path)
    folder = tmp_path / "etc/mosquitto/rearguard"
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with serving(tmp_path) as (_, secure):

        def greet(name: str) -> None:
            with socket.create_connection(("127.0.0.1", secure), PATIENCE_S) as plain:
                context.wrap_socket(plain, server_hostname=name).close()

        for name in ("localhost", "pi.example", socket.gethostname(), f"{socket.gethostname()}.local"):
            greet(name)
        with pytest.raises(ssl.SSLCertVerificationError, match="not valid for 'other'"):
            greet("other")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a broker that gives up its rights")
def test_the_broker_s_own_user_can_read_what_it_needs() -> None:
    try:
        grp.getgrnam(broker_setup.GROUP)
    except KeyError:
        pytest.skip("there is no group mosquitto here")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own lets nobody else in
        root = Path(folder)
        root.chmod(0o755)
        for step in steps("walker", "", root):
            if not step.done():
                step.do()
        with serving(root, "mosquitto") as (plain, secure):
            assert round_trip_s(device(root, plain), PATIENCE_S) > 0
            socket.create_connection(("127.0.0.1", secure), PATIENCE_S).close()


def test_a_password_that_is_missing_does_not_keep_the_service_from_starting() -> None:
    """systemd.exec(5): SetCredential is what LoadCredential falls back on."""
    assert re.findall(r"^(Load|Set)Credential=mqtt_password:", DROP_IN, re.MULTILINE) == ["Load", "Set"]


@contextmanager
def serving(root: Path, user: str = "root") -> Iterator[tuple[int, int]]:
    """Mosquitto with what was written, at two free ports: plain and TLS."""
    config = (root / "etc/mosquitto/conf.d/rearguard.conf").read_text()
    with held_port() as plain, held_port() as secure:
        config = config.replace("listener 1883 ", f"listener {plain} ")
        config = config.replace("listener 8883", f"listener {secure} 127.0.0.1")
        with Mosquitto(root, f"{config}user {user}\npersistence_location {root}/\n", plain):
            yield plain, secure


def device(root: Path, port: int) -> MqttSettings:
    secret = str(root / "etc/rearguard/mqtt_password")
    return MqttSettings(host="127.0.0.1", port=port, username="walker", password_file=secret)


def spotter(root: Path, port: int, word: str) -> MqttSettings:
    secret = root / "word"
    secret.write_text(word)
    secret.chmod(0o600)
    ca = str(root / "etc/mosquitto/rearguard/ca.crt")
    return MqttSettings(
        host="localhost", port=port, tls=True, ca_file=ca, username="eva", password_file=str(secret)
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # paho leaves it unclosed
def test_a_device_and_a_spotter_get_in_and_nobody_else(tmp_path: Path) -> None:
    set_up(tmp_path)
    word = accounts.add(tmp_path / "etc/mosquitto/rearguard", "eva", "walker")
    with serving(tmp_path) as (plain, secure):
        assert round_trip_s(device(tmp_path, plain)) > 0
        eva = spotter(tmp_path, secure, word)
        client = Client(eva, "eva")
        wait_until(lambda: (client.next(0.1), client.up)[1])
        client.close()
        assert "certificate" in refusal(replace(eva, ca_file=""))
        assert re.search("(?i)not authori|bad user", refusal(spotter(tmp_path, secure, "guess")))
        assert re.search("(?i)not authori|bad user", refusal(MqttSettings(host="127.0.0.1", port=plain)))


def refusal(settings: MqttSettings) -> str:
    """Why the broker does not let us in."""
    client = Client(settings, "refused")
    reasons: list[str] = []

    def came() -> bool:
        letter = client.next(0.1)
        reasons.extend([letter.reason] if letter is not None and letter.what is What.DOWN else [])
        return bool(reasons)

    try:
        wait_until(came)
    finally:
        client.close()
        wait_until(lambda: not any("refused" in thread.name for thread in threading.enumerate()))
        gc.collect()  # paho leaves the socket of a failed handshake unclosed
    return reasons[0]


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
    assert said.count("would: ") == 8
    assert "the device's account kitchen" in said
    assert not root.exists()


def test_the_command_does_it_once_and_says_what_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("monitor.delivery.broker_setup._gid", lambda _: os.getgid())
    setup = ["broker", "setup", "--root", str(tmp_path), "--config", os.devnull]
    assert main(setup) == 0
    assert "The broker is ready." in capsys.readouterr().out
    (tmp_path / "etc/mosquitto/conf.d/rearguard.conf").write_text("listener 8884\n")
    assert main(setup) == 0
    said = capsys.readouterr().out
    assert "note: " in said
    assert said.endswith("nothing was changed\n")


@pytest.mark.parametrize("status", [0, 3])
def test_whether_the_broker_runs_is_asked_of_systemd(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(words: list[str], *, check: bool) -> CompletedProcess[bytes]:
        asked.append(words)
        return CompletedProcess(words, status)

    monkeypatch.setattr("monitor.delivery.broker_setup.subprocess.run", run)
    monkeypatch.setattr("monitor.delivery.broker_setup._which", lambda name: f"/usr/bin/{name}")
    assert broker_setup.is_active() == (status == 0)
    assert asked == [["systemctl", "is-active", "--quiet", "mosquitto"]]
    monkeypatch.setattr("monitor.delivery.broker_setup._which", lambda name: None)
    assert broker_setup.is_active()  # nobody can say


@pytest.mark.parametrize("missing", ["mosquitto", "openssl"])
def test_what_is_missing_is_named_with_what_to_do(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "monitor.delivery.broker_setup._which", lambda name: None if name == missing else f"/usr/bin/{name}"
    )
    with pytest.raises(BrokerSetupError, match=f"{missing} is not installed: sudo apt install {missing}"):
        next(steps("walker"))


def ctrl_d(_question: str) -> str:
    raise EOFError


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
    monkeypatch.setattr("builtins.input", ctrl_d)
    assert main(pair) == 2
    assert (tmp_path / "passwords").read_text() == before
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert main(pair) == 0
    assert main([*pair, "--renew"]) == 0
    assert (tmp_path / "passwords").read_text() != before
