"""Accounts made by `rearguard pair`, and the shipped broker configuration, against a real Mosquitto.

Each forbidden act is tried and seen to be refused.
"""

import io
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from monitor.commands.pair import pair, unpair
from monitor.delivery import accounts, home_assistant, invitation
from monitor.delivery.accounts import Role
from monitor.delivery.credentials import SecretError
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import Client, MqttSettings, What, round_trip_s
from monitor.spotter.terminal import watch
from tests.brokers import MOSQUITTO, Mosquitto, free_port

SHIPPED = Path(__file__).parents[3] / "systemd"
WALKER = Topics("walker")
OTHER = Topics("other")


@dataclass
class Guarded:
    """The shipped configuration at work on loopback."""

    folder: Path
    plain: int
    tls: int

    def settings(self, name: str, word: str, tls: bool = False) -> MqttSettings:
        secret = self.folder / f"{name}.password"
        secret.write_text(word)
        secret.chmod(0o600)
        return MqttSettings(
            host="localhost",
            port=self.tls if tls else self.plain,
            username=name,
            password_file=str(secret),
            tls=tls,
            ca_file=str(self.folder / "ca.crt") if tls else "",
            protocol=5,
        )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guarded, dict[str, str]]]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp("broker")
    certificates(folder)
    place = Guarded(folder, free_port(), free_port())
    words = {
        "walker": accounts.add(folder, "walker", "walker", Role.DEVICE),
        "other": accounts.add(folder, "other", "other", Role.DEVICE),
        "eva": accounts.add(folder, "eva", "walker"),
        "home": accounts.add(folder, "home", "walker", Role.HOME),
    }
    text = (SHIPPED / "mosquitto.conf").read_text()
    text = text.replace("/etc/mosquitto/rearguard", str(folder))
    text = text.replace("listener 1883 ", f"listener {place.plain} ").replace(
        "listener 8883", f"listener {place.tls} 127.0.0.1"
    )
    with Mosquitto(folder, f"user root\npersistence_location {folder}/\n{text}", place.plain):
        yield place, words


def certificates(folder: Path) -> None:
    """A certificate authority, and what it signed for localhost."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out", "ca.crt"),
    )
    openssl(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
        *("-keyout", "broker.key", "-out", "broker.csr"),
    )
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
    (folder / "names").write_text(names)
    openssl(
        *("x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "broker.crt"),
    )


def carried(sender: MqttSettings, receiver: MqttSettings, topic: str) -> bool:
    """Does a message on ``topic`` get from one account to the other?"""
    ear, mouth = Client(receiver, f"ear-{topic}", (topic,)), Client(sender, f"mouth-{topic}")
    try:
        deadline_s = time.monotonic() + 5
        while not (ear.up and mouth.up):
            assert time.monotonic() < deadline_s
            if (letter := ear.next(0.02)) and letter.what is What.DOWN:
                return False
            mouth.next(0.02)
        mouth.publish(topic, b"hello")
        patience = 100
        while patience > 0:
            patience -= 1
            if (letter := ear.next(0.02)) and letter.what is What.RECEIVED:
                return True
            if (letter := mouth.next(0.0)) and letter.what in (What.ACKED, What.DOWN):
                patience = 15  # the broker has judged: what it lets through comes now
    finally:
        ear.close()
        mouth.close()
    return False


ALLOWED = [
    *[("walker", "eva", topic) for topic in (WALKER.availability, WALKER.state, WALKER.alert)],
    *[("eva", "walker", topic) for topic in (WALKER.answer, WALKER.request)],
    ("walker", "home", WALKER.alert),
    ("walker", "home", home_assistant.topic("walker")),
    ("home", "walker", home_assistant.BIRTH_TOPIC),
    ("home", "walker", WALKER.answer),
]
FORBIDDEN = [
    *[("eva", "eva", topic) for topic in (WALKER.availability, WALKER.state, WALKER.alert)],
    *[("eva", "other", topic) for topic in (OTHER.answer, OTHER.request)],
    ("other", "eva", WALKER.alert),
    ("other", "walker", WALKER.answer),
    ("other", "eva", OTHER.alert),
    ("walker", "walker", WALKER.answer),
    ("walker", "eva", "anything/else"),
    ("eva", "walker", home_assistant.BIRTH_TOPIC),
    ("walker", "home", home_assistant.topic("other")),
    ("home", "home", WALKER.alert),
]


@pytest.mark.parametrize(("sender", "receiver", "topic"), ALLOWED)
def test_what_is_needed_is_allowed(
    guarded: tuple[Guarded, dict[str, str]], sender: str, receiver: str, topic: str
) -> None:
    place, words = guarded
    assert carried(place.settings(sender, words[sender]), place.settings(receiver, words[receiver]), topic)


@pytest.mark.parametrize(("sender", "receiver", "topic"), FORBIDDEN)
def test_what_is_forbidden_is_refused(
    guarded: tuple[Guarded, dict[str, str]], sender: str, receiver: str, topic: str
) -> None:
    place, words = guarded
    assert not carried(
        place.settings(sender, words[sender]), place.settings(receiver, words[receiver]), topic
    )


def test_nobody_comes_in_anonymous_or_with_a_wrong_password(guarded: tuple[Guarded, dict[str, str]]) -> None:
    place, _ = guarded
    for settings in (
        MqttSettings(host="127.0.0.1", port=place.plain),
        place.settings("eva", "guess"),
        place.settings("nobody", ""),
    ):
        with pytest.raises(ConnectionError, match=r"(?i)not authori|bad user"):
            round_trip_s(settings, 1.0)


# paho leaves the socket of a failed handshake to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls_carries_and_a_stranger_s_certificate_is_refused(
    guarded: tuple[Guarded, dict[str, str]], tmp_path: Path
) -> None:
    place, words = guarded
    settings = place.settings("walker", words["walker"], tls=True)
    assert round_trip_s(settings) > 0
    certificates(tmp_path)
    stranger = replace(settings, ca_file=str(tmp_path / "ca.crt"))
    with pytest.raises(ConnectionError, match="certificate"):
        round_trip_s(stranger, 2.0)


def test_a_client_s_certificate_is_shown_to_a_broker_that_wants_one(tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    certificates(tmp_path)  # what proves the broker will do for the client: one authority signed it
    port = free_port()
    wants = f"listener {port} 127.0.0.1\ncafile {tmp_path}/ca.crt\ncertfile {tmp_path}/broker.crt\n"
    wants += f"keyfile {tmp_path}/broker.key\nrequire_certificate true\nuse_identity_as_username true\n"
    without = MqttSettings(host="localhost", port=port, tls=True, ca_file=str(tmp_path / "ca.crt"))
    ours = {"certificate_file": str(tmp_path / "broker.crt"), "key_file": str(tmp_path / "broker.key")}
    with Mosquitto(tmp_path, f"user root\n{wants}", port):
        assert round_trip_s(replace(without, **ours)) > 0
        with pytest.raises(ConnectionError):
            round_trip_s(without, 1.0)
    (tmp_path / "broker.key").chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        round_trip_s(replace(without, **ours))


def test_a_renewed_account_replaces_the_old_one_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    first = accounts.add(tmp_path, "eva", "walker")
    accounts.add(tmp_path, "max", "walker")
    assert accounts.add(tmp_path, "eva", "walker") != first
    assert (tmp_path / "passwords").read_text().count("eva:") == 1
    assert (tmp_path / "access").read_text().count("user eva\n") == 1
    assert (tmp_path / "passwords").stat().st_mode & 0o777 == 0o600
    out = io.StringIO()
    unpair("eva", tmp_path, out)
    assert "restart mosquitto" in out.getvalue()
    with pytest.raises(ValueError, match="no account 'eva'"):
        unpair("eva", tmp_path, out)
    assert "eva" not in (tmp_path / "passwords").read_text() + (tmp_path / "access").read_text()
    assert "user max" in (tmp_path / "access").read_text()


@pytest.mark.parametrize("name", ["", "a b", "x:y", "eva\nuser root", "#", "walker"])
def test_a_name_that_would_bend_the_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        accounts.add(tmp_path, name, "walker")


def test_the_code_carries_the_whole_account() -> None:
    url = invitation.address("eva", "a/b", "walker", "pi.local", 8883)
    assert url == "mqtts://eva:a%2Fb@pi.local:8883/?device=walker"
    out = io.StringIO()
    invitation.show(url, out)
    assert out.getvalue().endswith(url + "\n")


def test_the_code_is_read_again_and_its_password_is_never_shown() -> None:
    url = invitation.address("eva", "a/b:c@d", "belt-2", "pi.local", 8884)
    settings = invitation.settings_of(url, MqttSettings(ca_file="/ca.crt", protocol=5, device="walker"))
    assert (settings.username, settings.password()) == ("eva", "a/b:c@d")
    assert (settings.device, settings.host, settings.port) == ("belt-2", "pi.local", 8884)
    assert (settings.tls, settings.ca_file, settings.protocol) == (True, "/ca.crt", 5)
    assert "a/b" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pi.local",
        "https://eva:secret@pi.local/?device=walker",
        "mqtts://eva:secret@pi.local:8883/",
        "mqtts://eva@pi.local:8883/?device=walker",
        "mqtts://pi.local:8883/?device=walker",
        "mqtts://eva:secret@pi.local:port/?device=walker",
        "mqtts://eva:secret@pi.local:8883/?device=A%20B",
        "mqtts://eva:secret@:8883/?device=walker",
        "mqtts://eva:secret@[pi/?device=walker",
    ],
)
def test_what_is_no_code_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SecretError, match="expected mqtts://NAME:PASSWORD@HOST") as refusal:
        invitation.settings_of(url)
    assert "secret" not in str(refusal.value)


def test_a_spotter_gets_in_with_the_code_alone(guarded: tuple[Guarded, dict[str, str]]) -> None:
    place, words = guarded
    url = invitation.address("eva", words["eva"], "walker", "localhost", place.tls)
    others = MqttSettings(ca_file=str(place.folder / "ca.crt"))
    out = io.StringIO()
    watch(invitation.settings_of(url, others), "Eva", None, lambda: "BLIND" in out.getvalue(), out=out)
    assert "BLIND: no heartbeat" in out.getvalue()  # it is in, and nobody walks


def test_pairing_shows_the_account_once_and_says_what_is_next(tmp_path: Path) -> None:
    out = io.StringIO()
    pair("eva", "walker", Role.SPOTTER, "pi.local", 8883, tmp_path, out)
    pair("walker", "walker", Role.DEVICE, "pi.local", 8883, tmp_path, out)
    assert "mqtts://eva:" in out.getvalue()
    assert "account walker, password " in out.getvalue()
    assert out.getvalue().count("systemctl reload mosquitto") == 2


def test_the_bridge_carries_alerts_out_and_answers_in(tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    text = (SHIPPED / "mosquitto-bridge.conf").read_text()
    with Mosquitto(tmp_path) as far:
        lines = [line for line in text.splitlines() if "remote_" not in line and "cafile" not in line]
        bridge = "\n".join(lines).replace("broker.example:8883", f"127.0.0.1:{far.port}")
        port = free_port()
        with Mosquitto(
            tmp_path, f"listener {port} 127.0.0.1\nallow_anonymous true\n{bridge}\n", port
        ) as near:
            here = MqttSettings(host="127.0.0.1", port=near.port)
            there = MqttSettings(host="127.0.0.1", port=far.port)
            deadline_s = time.monotonic() + 10
            while not carried(here, there, WALKER.alert):
                assert time.monotonic() < deadline_s
            assert carried(there, here, WALKER.answer)
            assert not carried(there, here, WALKER.state)
