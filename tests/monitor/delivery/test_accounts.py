"""Accounts made by `rearguard pair`, and the shipped broker configuration, against a real Mosquitto.

Each forbidden act is tried and seen to be refused.
"""

import io
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue

import pytest

from monitor.commands.pair import pair, unpair
from monitor.core.vocabulary import InputKind
from monitor.delivery import accounts, home_assistant, invitation
from monitor.delivery.accounts import Role
from monitor.delivery.credentials import SecretError
from monitor.delivery.link import Link
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import Client, MqttSettings, What, round_trip_s
from monitor.spotter.client import SpotterClient
from monitor.spotter.terminal import watch
from tests.brokers import MOSQUITTO, Mosquitto, Proxy, held_port
from tests.pulse import PATIENCE_S, Pulse, wait_until
from tests.rights import carried, refused, until

SHIPPED = Path(__file__).parents[3] / "systemd"
WALKER = Topics("walker")
OTHER = Topics("other")
UNCLOSED_BY_PAHO = "ignore::pytest.PytestUnraisableExceptionWarning"  # the socket of a failed handshake


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
            device="other" if name == "other" else "walker",
            host="localhost",
            port=self.tls if tls else self.plain,
            username=name,
            password_file=str(secret),
            tls=tls,
            ca_file=str(self.folder / "ca.crt") if tls else "",
            protocol=5,
        )

    def forget(self, topic: str, word: str) -> None:
        """Nothing is retained there any more."""
        device = Client(self.settings("walker", word), "forgets")
        try:
            until(device, What.UP)
            device.publish(topic, b"", retain=True)
            until(device, What.ACKED)
        finally:
            device.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guarded, dict[str, str]]]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    folder = tmp_path_factory.mktemp("broker")
    certificates(folder)
    words = {
        "walker": accounts.add(folder, "walker", "walker", Role.DEVICE),
        "other": accounts.add(folder, "other", "other", Role.DEVICE),
        "eva": accounts.add(folder, "eva", "walker"),
        "home": accounts.add(folder, "home", "walker", Role.HOME),
    }
    text = (SHIPPED / "mosquitto.conf").read_text().replace("/etc/mosquitto/rearguard", str(folder))
    with held_port() as plain, held_port() as tls:
        text = text.replace("listener 1883 ", f"listener {plain} ")
        text = text.replace("listener 8883", f"listener {tls} 127.0.0.1")
        with Mosquitto(folder, f"user root\npersistence_location {folder}/\n{text}", plain):
            yield Guarded(folder, plain, tls), words


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


ALLOWED = [
    *[("walker", "eva", topic) for topic in (WALKER.availability, WALKER.state, WALKER.alert, WALKER.again)],
    *[("eva", "walker", topic) for topic in (WALKER.answer_of("eva"), WALKER.request)],
    ("walker", "home", WALKER.alert),
    ("walker", "home", WALKER.again),
    ("walker", "home", home_assistant.topic("walker")),
    ("home", "home", home_assistant.topic("walker")),  # to delete the device
    ("home", "walker", home_assistant.BIRTH_TOPIC),
    ("home", "walker", WALKER.answer_of("home")),
    ("eva", "home", WALKER.answer_of("eva")),  # spotters see that another looks after lost contact
]
FORBIDDEN = [
    *[("eva", "eva", topic) for topic in (WALKER.availability, WALKER.state, WALKER.alert, WALKER.again)],
    *[("eva", "other", topic) for topic in (OTHER.answer_of("eva"), OTHER.request)],
    ("eva", "walker", WALKER.answer),
    *[("eva", "walker", f"{WALKER.answer}/{end}") for end in ("home", "max", "eva/max", "")],
    ("home", "walker", WALKER.answer_of("eva")),
    ("other", "eva", WALKER.alert),
    ("other", "walker", WALKER.answer_of("other")),
    ("other", "eva", OTHER.alert),
    ("walker", "walker", WALKER.answer_of("walker")),
    ("walker", "eva", "anything/else"),
    ("eva", "walker", home_assistant.BIRTH_TOPIC),
    ("walker", "home", home_assistant.topic("other")),
    ("home", "home", home_assistant.topic("other")),
    ("eva", "home", home_assistant.topic("walker")),
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


@pytest.mark.parametrize(
    ("account", "name", "bears"),
    [("eva", "eva", "eva"), ("eva", "Max", "Max (eva)"), ("home", "x", "x (home)")],
)
def test_an_answer_and_a_receipt_bear_the_account_s_name_and_who_listens_too(
    guarded: tuple[Guarded, dict[str, str]], account: str, name: str, bears: str
) -> None:
    place, words = guarded
    with Pulse(Link(place.settings("walker", words["walker"]), SimpleQueue())) as pulse:
        ear = SpotterClient(place.settings(account, words[account]), name)
        wait_until(lambda: ear.hear(0.02) is not None and not ear.view.no_contact)
        pulse.raise_alert("1")
        wait_until(lambda: ear.hear(0.02) is not None and received_by(ear))
        assert received_by(ear) == {bears}
        ear.answer("1", InputKind.COMING)
        said = {InputKind.SPOTTER_HERE, InputKind.COMING}
        wait_until(lambda: ear.hear(0.02) is not None and said <= {*pulse.kinds()})
        ear.close()
    assert {word.who for word in pulse.heard if word.who} == {bears}
    for topic in (WALKER.availability, WALKER.state):  # for those who come next
        place.forget(topic, words["walker"])


def received_by(ear: SpotterClient) -> set[str]:
    """Who has the latest reports of what is open, by the device's heartbeat."""
    state = ear.view.state
    return {name for incident in state.incidents for name in incident.received_by} if state else set()


@pytest.mark.parametrize(
    ("name", "role", "words"),
    [
        ("home", Role.SPOTTER, "Home Assistant answers by it"),
        ("eva", Role.DEVICE, "a device's account bears its name"),
        ("walker", Role.SPOTTER, "a device's account bears its name"),
        ("Eva", Role.SPOTTER, "1 to 32 of a-z"),
    ],
)
def test_a_name_that_would_be_taken_for_another_s_is_refused(
    name: str, role: Role, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        accounts.add(tmp_path, name, "walker", role)
    assert not list(tmp_path.iterdir())


def test_nobody_comes_in_anonymous_or_with_a_wrong_password(guarded: tuple[Guarded, dict[str, str]]) -> None:
    place, _ = guarded
    for settings in (
        MqttSettings(host="127.0.0.1", port=place.plain),
        place.settings("eva", "guess"),
        place.settings("nobody", ""),
    ):
        refused(settings, r"(?i)not authori|bad user")


@pytest.mark.filterwarnings(UNCLOSED_BY_PAHO)
def test_tls_carries_and_a_stranger_s_certificate_is_refused(
    guarded: tuple[Guarded, dict[str, str]], tmp_path: Path
) -> None:
    place, words = guarded
    settings = place.settings("walker", words["walker"], tls=True)
    assert round_trip_s(settings, PATIENCE_S) > 0
    certificates(tmp_path)
    refused(replace(settings, ca_file=str(tmp_path / "ca.crt")), "certificate")


@pytest.mark.filterwarnings(UNCLOSED_BY_PAHO)
def test_a_client_s_certificate_is_shown_to_a_broker_that_wants_one(tmp_path: Path, free_port: int) -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    certificates(tmp_path)  # what proves the broker will do for the client: one authority signed it
    wants = f"listener {free_port} 127.0.0.1\ncafile {tmp_path}/ca.crt\ncertfile {tmp_path}/broker.crt\n"
    wants += f"keyfile {tmp_path}/broker.key\nrequire_certificate true\nuse_identity_as_username true\n"
    without = MqttSettings(host="localhost", port=free_port, tls=True, ca_file=str(tmp_path / "ca.crt"))
    certificate, key = str(tmp_path / "broker.crt"), str(tmp_path / "broker.key")
    ours = replace(without, certificate_file=certificate, key_file=key)
    with Mosquitto(tmp_path, f"user root\n{wants}", free_port):
        assert round_trip_s(ours, PATIENCE_S) > 0
        refused(without, "")
    (tmp_path / "broker.key").chmod(0o644)
    with pytest.raises(SecretError, match="chmod 600"):
        round_trip_s(ours)


def test_a_renewed_account_replaces_the_old_one_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    first = accounts.add(tmp_path, "eva", "walker")
    accounts.add(tmp_path, "max", "walker")
    assert accounts.add(tmp_path, "eva", "walker") != first
    assert (tmp_path / "passwords").read_text().count("eva:") == 1
    assert (tmp_path / "access").read_text().count("user eva\n") == 1
    # The folder's group, the broker's, may read what root writes.
    assert (tmp_path / "passwords").stat().st_mode & 0o777 == 0o640
    out = io.StringIO()
    unpair("eva", tmp_path, out)
    assert "restart mosquitto" in out.getvalue()
    with pytest.raises(ValueError, match="no account 'eva'"):
        unpair("eva", tmp_path, out)
    assert "eva" not in (tmp_path / "passwords").read_text() + (tmp_path / "access").read_text()
    assert "user max" in (tmp_path / "access").read_text()


@pytest.mark.parametrize("name", ["passwords", "access"])
def test_no_link_in_the_broker_s_folder_leads_root_astray(name: str, tmp_path: Path) -> None:
    other = tmp_path / "shadow"
    other.write_text("root:secret\n")
    folder = tmp_path / "rearguard"
    folder.mkdir()
    (folder / f"{name}.new").symlink_to(other)  # where it would have been written before
    accounts.add(folder, "eva", "walker")
    (folder / name).unlink()
    (folder / name).symlink_to(other)
    with pytest.raises(OSError, match="is a link, expected a file"):
        accounts.add(folder, "eva", "walker")
    assert other.read_text() == "root:secret\n"
    assert {file.name for file in folder.iterdir()} == {"passwords", "access", f"{name}.new"}


@pytest.mark.parametrize("name", ["", "a b", "x:y", "eva\nuser root", "#", "walker"])
def test_a_name_that_would_bend_the_files_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        accounts.add(tmp_path, name, "walker")


def test_the_code_carries_the_whole_account() -> None:
    url = invitation.address("eva", "a/b", "pi.local", 8883, "walker")
    assert url == "mqtts://eva:a%2Fb@pi.local:8883/?device=walker"
    out = io.StringIO()
    invitation.show(url, out)
    assert out.getvalue().endswith(url + "\n")


def test_the_code_is_read_again_and_its_password_is_never_shown() -> None:
    url = invitation.address("eva", "a/b:c@d", "pi.local", 8884, "belt-2")
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
        "mqtts://eva:secret@pi.local:8883/?device=walker&device=A",
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
    url = invitation.address("eva", words["eva"], "localhost", place.tls, "walker")
    others = MqttSettings(ca_file=str(place.folder / "ca.crt"))
    out = io.StringIO()
    watch(invitation.settings_of(url, others), "Eva", None, lambda: "NO CONTACT" in out.getvalue(), out=out)
    assert "NO CONTACT: no heartbeat" in out.getvalue()  # it is in, and nobody walks


def test_pairing_shows_the_account_once_and_says_what_is_next(tmp_path: Path) -> None:
    out = io.StringIO()
    pair("eva", "walker", Role.SPOTTER, "pi.local", 8883, tmp_path, out)
    pair("walker", "walker", Role.DEVICE, "pi.local", 8883, tmp_path, out)
    assert "mqtts://eva:" in out.getvalue()
    assert "account walker, password " in out.getvalue()
    assert out.getvalue().count("systemctl reload mosquitto") == 2


def test_a_password_that_goes_into_a_file_is_not_shown(tmp_path: Path) -> None:
    out, file = io.StringIO(), tmp_path / "password"
    pair("page", "walker", Role.SPOTTER, "pi.local", 8883, tmp_path, out, file)
    assert len(file.read_text().strip()) == 24
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().strip() not in out.getvalue()


@dataclass
class Bridged:
    """A near broker with the shipped bridge, and a far one; a client that reads all at each."""

    near: Client
    far: Client
    way: Proxy

    def went_out(self) -> bool:
        """Tried again until the bridge is there."""
        self.near.publish(WALKER.alert, b"is it there?")
        letter = self.far.next(0.1)
        return letter is not None and letter.topic == WALKER.alert


@pytest.fixture
def bridged(tmp_path: Path, free_port: int) -> Iterator[Bridged]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    lines = (SHIPPED / "mosquitto-bridge.conf").read_text().splitlines()
    text = "\n".join(line for line in lines if "remote_" not in line and "cafile" not in line)
    with Mosquitto(tmp_path) as far, Proxy(far.port) as way:
        bridge = text.replace("broker.example:8883", f"127.0.0.1:{way.port}")
        config = f"listener {free_port} 127.0.0.1\nallow_anonymous true\n{bridge}\n"
        with Mosquitto(tmp_path, config, free_port) as near:
            topics = {"rearguard/#": 1, "homeassistant/#": 1}
            here, there = (Client(broker.settings(), "x", topics) for broker in (near, far))
            try:
                for client in (here, there):
                    until(client, What.UP)
                found = Bridged(here, there, way)
                wait_until(found.went_out)
                yield found
            finally:
                here.close()
                there.close()


def test_the_bridge_carries_alerts_out_and_answers_in(bridged: Bridged) -> None:
    bridged.far.publish(WALKER.state, b"not to come in")
    bridged.far.publish(home_assistant.BIRTH_TOPIC, b"online")
    bridged.far.publish(WALKER.answer_of("eva"), b"coming")
    topics = {until(bridged.near, What.RECEIVED).topic}
    while WALKER.answer_of("eva") not in topics:  # our own alerts come back too
        topics.add(until(bridged.near, What.RECEIVED).topic)
    assert home_assistant.BIRTH_TOPIC in topics
    assert WALKER.state not in topics


def test_the_bridge_carries_the_announcement_and_what_is_sent_again(bridged: Bridged) -> None:
    wanted = {WALKER.again, home_assistant.topic("walker"), WALKER.availability, WALKER.state}
    for topic in wanted:
        bridged.near.publish(topic, b"{}")
    came: set[str] = set()
    while not wanted <= came:
        came.add(until(bridged.far, What.RECEIVED).topic)


def test_heartbeats_of_twenty_minutes_without_the_other_side_do_not_cost_the_alert(bridged: Bridged) -> None:
    bridged.way.close()
    for _ in range(1200):
        bridged.near.publish(WALKER.state, b"{}")
    last = bridged.near.publish(WALKER.alert, b"the fall")
    while until(bridged.near, What.ACKED).mid != last:
        pass
    with Proxy(bridged.way.target, bridged.way.port):
        while until(bridged.far, What.RECEIVED).payload != b"the fall":
            pass
