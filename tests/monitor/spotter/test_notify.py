"""Phones, played by a local HTTP server."""

import json
import re
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from monitor.core.vocabulary import FaultCode, InputKind
from monitor.delivery.credentials import SecretError
from monitor.delivery.link import Link
from monitor.delivery.messages import Topics, encode_answer
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.escalation import Push
from monitor.spotter.notify import notify, send_test
from monitor.spotter.notify_settings import NotifySettings
from monitor.spotter.services import NotifyError, Service, cut, urgent
from tests.background import threaded
from tests.brokers import Mosquitto
from tests.listener import Listener
from tests.pulse import PATIENCE_S, Pulse, wait_until

USER = "u" * 30

pytest.importorskip("apprise", reason="apprise is not installed")
# Apprise imports a module that the standard library is about to lose.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def phone() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A port, and what was posted there."""
    posted: list[dict[str, Any]] = []

    class Phone(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = {"priority": self.headers.get("X-Priority"), "actions": self.headers.get("X-Actions")}
            posted.append(message | told)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Phone)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], posted
    server.shutdown()
    thread.join()
    server.server_close()


def urls(folder: Path, text: str, mode: int = 0o600) -> NotifySettings:
    path = folder / "urls"
    path.write_text(text, errors="surrogateescape")
    path.chmod(mode)
    return NotifySettings(urls_file=str(path))


def test_a_fall_rings_a_phone_and_its_end_is_told(
    mqtt: MqttSettings, tmp_path: Path, phone: tuple[int, list[dict[str, Any]]]
) -> None:
    port, posted = phone
    settings = urls(tmp_path, f"# phones\nntfy://127.0.0.1:{port}/walk\njson://127.0.0.1:{port}/\n")
    program = threaded(partial(notify, mqtt, settings, "notify"))
    with Pulse(Link(mqtt, SimpleQueue())) as pulse, Listener(mqtt) as spotter, program:
        wait_until(lambda: InputKind.SPOTTER_HERE in pulse.kinds())
        wait_until(lambda: not spotter.view.no_contact)
        pulse.raise_alert("1")
        wait_until(lambda: len(posted) == 2)
        story = spotter.view.open[0].id
        spotter.say(Topics(mqtt.device).answer_of("Eva"), encode_answer(story, InputKind.FALSE_ALARM))
        wait_until(lambda: len(posted) == 4)
    ntfy = [message for message in posted if "topic" in message]
    assert [message["title"] for message in ntfy] == [f"FALL: {mqtt.device}"] * 2
    assert ntfy[0]["priority"] == "max"
    assert ntfy[1]["priority"] is None
    assert "ALL CLEAR, cancelled by Eva" in ntfy[1]["message"]


def test_ended_while_it_says_that_it_has_started_it_leaves_no_thread_behind(
    mqtt: MqttSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread left behind keeps the process from ending; systemd then kills it after a minute and a half."""

    def interrupted(words: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("monitor.spotter.notify._say", interrupted)
    before = set(threading.enumerate())
    assert notify(mqtt, urls(tmp_path, "json://127.0.0.1:9/\n"), "notify") == 0
    wait_until(lambda: set(threading.enumerate()) <= before)


@pytest.mark.parametrize(
    ("calm", "loud"),
    [
        ("ntfys://host/topic", "ntfys://host/topic?priority=max"),
        ("https://ntfy.sh/topic", "https://ntfy.sh/topic?priority=max"),
        ("ntfys://host/topic?priority=low", "ntfys://host/topic?priority=low"),
        (f"pover://{USER}@{USER}?sound=x", f"pover://{USER}@{USER}?sound=x&priority=high"),
        ("bark://host/key", "bark://host/key?level=critical"),
        ("json://host/path", "json://host/path"),
    ],
)
def test_urgent_is_said_in_each_service_s_own_word(calm: str, loud: str) -> None:
    """By what Apprise makes of the URL: an address pasted from the browser is ntfy too."""
    assert urgent(calm) == loud


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("json://127.0.0.1/secret", 0o644, "chmod 600"),
        ("# none\n", 0o600, "contains no URL"),
        ("\nnonsense://secret", 0o600, ":2: Apprise does not take this nonsense://"),
        ("secret", 0o600, ":1: expected a URL"),
        ("json://127.0.0.1/\njson://secret/a b", 0o600, ":2: expected one URL a line.*%20"),
        ("ntfys://eva:secret[x@host/walk", 0o600, r":1: .* write \[ as %5B"),
        ("ntfys://eva:secret]@host/walk", 0o600, ":1: "),
        ("json://secret/\udcff", 0o600, "cannot read"),
    ],
)
def test_a_file_of_urls_that_cannot_serve_is_refused_without_showing_it(
    tmp_path: Path, text: str, mode: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises((NotifyError, SecretError), match=words) as refusal:
        notify(MqttSettings(), urls(tmp_path, text, mode))
    assert "secret" not in str(refusal.value)
    assert "secret" not in caplog.text


def test_without_apprise_the_command_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(NotifyError, match=f"{sys.executable} -m pip install apprise"):
        notify(MqttSettings(), urls(tmp_path, "json://127.0.0.1/"))


def test_the_test_rings_as_a_fall_does(
    tmp_path: Path, phone: tuple[int, list[dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    port, posted = phone
    assert send_test(MqttSettings(), urls(tmp_path, f"ntfy://127.0.0.1:{port}/walk")) == 0
    assert [(message["title"], message["priority"]) for message in posted] == [("TEST: walker", "max")]
    assert "ntfy (line 1): taken" in capsys.readouterr().out


def test_a_test_that_is_not_taken_fails_and_says_why(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("monitor.spotter.services.TRIES_S", (0.0,))
    assert send_test(MqttSettings(), urls(tmp_path, f"ntfy://127.0.0.1:{free_port}/secret")) == 1
    assert "did not take a message: it cannot be reached" in caplog.text
    assert "secret" not in caplog.text


class Plugin:
    """Apprise's object of a service that takes what it is given, one message at a time."""

    body_maxlen = 1000

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.may_go_on = threading.Event()
        self.busy = threading.Event()

    def notify(self, body: str, title: str, kind: str) -> bool:
        assert kind in ("failure", "info")
        self.taken.append(body)
        self.busy.set()
        return self.may_go_on.wait(PATIENCE_S)


def test_a_slow_service_is_sent_the_urgent_first_and_of_each_incident_only_the_newest() -> None:
    plugin = Plugin()
    service = Service("slow", plugin, plugin)
    service.send(Push("1", "", "being sent", False))
    assert plugin.busy.wait(PATIENCE_S)
    service.send(Push("2", "", "stumble", False))
    service.send(Push("3", "", "fall suspected", True))
    service.send(Push("4", "", "fault", False))
    service.send(Push("3", "", "fall confirmed", True))
    service.close()
    plugin.may_go_on.set()
    assert service.finish()
    assert plugin.taken == ["being sent", "fall confirmed", "stumble", "fault"]


def test_a_long_message_loses_its_oldest_lines() -> None:
    push = Push("1", "FALL", "\n".join(["confirmed", *(f"{n} fell" for n in range(300, 0, -1))]), True)
    body = cut(push, 100)
    assert body.startswith("confirmed\n300 fell\n299 fell")
    assert len((push.title + body).encode()) <= 100
    assert cut(Push("1", "FALL", "\u00e4" * 100, True), 50) == "\u00e4" * 22


def test_it_says_for_whom_it_works_and_when_there_is_contact(
    mosquitto: Mosquitto, tmp_path: Path, phone: tuple[int, list[dict[str, Any]]]
) -> None:
    port, _ = phone
    mqtt = mosquitto.settings()
    said = StringIO()  # pytest's own capture loses characters that are written while it is read

    def says(words: str) -> bool:
        return words in said.getvalue()

    mosquitto.kill()
    program = threaded(partial(notify, mqtt, urls(tmp_path, f"json://127.0.0.1:{port}/"), "notify"))
    with redirect_stdout(said), program:
        wait_until(lambda: says("no contact: cannot reach the broker"))
        assert said.getvalue().startswith(
            f"sending alerts of {mqtt.device} (broker 127.0.0.1:{mqtt.port}) to 1 service:"
        )
        mosquitto.start()
        with Pulse(Link(mqtt, SimpleQueue())):
            wait_until(lambda: says("contact with the device, armed"))


def test_phones_learn_whether_somebody_is_watched_in_both_directions(
    mqtt: MqttSettings, tmp_path: Path, phone: tuple[int, list[dict[str, Any]]]
) -> None:
    port, posted = phone
    settings = urls(tmp_path, f"json://127.0.0.1:{port}/\n")

    def titles() -> list[str]:
        return [message["title"].removesuffix(f": {mqtt.device}") for message in posted]

    with threaded(partial(notify, mqtt, settings, "notify")):
        wait_until(lambda: titles() == ["NOT WATCHING"])  # nothing is heard of such a device
        assert "is mqtt.device right" in posted[0]["message"]
        with Pulse(Link(mqtt, SimpleQueue())) as pulse:
            wait_until(lambda: titles()[-1] == "WATCHING")
            pulse.armed = False
            wait_until(lambda: titles()[-1] == "NOT WATCHING")
            assert posted[-1]["message"].startswith("not armed")


def test_a_wrong_password_is_said_at_once_and_to_the_phones(
    tmp_path: Path,
    free_port: int,
    phone: tuple[int, list[dict[str, Any]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    port, posted = phone
    (tmp_path / "word").write_text("wrong")
    (tmp_path / "word").chmod(0o600)
    (tmp_path / "passwords").write_text("")
    config = f"listener {free_port} 127.0.0.1\nallow_anonymous false\npassword_file {tmp_path}/passwords\n"
    config += "user root\n"
    with Mosquitto(tmp_path, config, free_port) as broker:
        mqtt = replace(broker.settings(), username="eva", password_file=str(tmp_path / "word"))
        with threaded(partial(notify, mqtt, urls(tmp_path, f"json://127.0.0.1:{port}/\n"), "notify")):
            wait_until(lambda: "refuses us: Not authorized" in capsys.readouterr().out)
            wait_until(lambda: posted)
            assert "Not authorized" in posted[0]["message"]


def test_a_notifier_that_reaches_no_phone_is_a_fault_at_the_device_and_no_listener(
    mqtt: MqttSettings, tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.spotter.services.TRIES_S", (0.0,))
    monkeypatch.setattr("monitor.spotter.services.RETRY_S", 0.5)
    settings = urls(tmp_path, f"json://127.0.0.1:{free_port}/\n")
    with Pulse(Link(mqtt, SimpleQueue())) as pulse, threaded(partial(notify, mqtt, settings, "notify")):
        wait_until(lambda: pulse.kinds() == [InputKind.SPOTTER_HERE])
        pulse.raise_alert("1")
        wait_until(lambda: InputKind.FAULT in pulse.kinds())
        fault = next(word for word in pulse.heard if word.kind is InputKind.FAULT)
        assert (fault.fault, fault.part) == (FaultCode.PHONES, "notify")
        assert pulse.kinds()[-2:] == [InputKind.SPOTTER_GONE, InputKind.FAULT]
        assert pulse.link._outbox.unreceived() != []
        taken: list[str] = []

        class Phone(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", free_port), Phone)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        wait_until(lambda: f"FALL: {mqtt.device}" in taken)  # by itself
        wait_until(lambda: pulse.kinds()[-2:] == [InputKind.FAULT_GONE, InputKind.SPOTTER_HERE])
        wait_until(lambda: pulse.link._outbox.unreceived() == [])  # what a phone has is receipted
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer_pressed_on_the_phone_reaches_the_device(
    mqtt: MqttSettings, tmp_path: Path, free_port: int, phone: tuple[int, list[dict[str, Any]]]
) -> None:
    port, posted = phone
    settings = replace(
        urls(tmp_path, f"ntfy://127.0.0.1:{port}/walk\n"),
        answer_port=free_port,
        answer_url=f"http://127.0.0.1:{free_port}",
    )
    with Pulse(Link(mqtt, SimpleQueue())) as pulse, threaded(partial(notify, mqtt, settings, "Eva")):
        wait_until(lambda: InputKind.SPOTTER_HERE in pulse.kinds())
        pulse.raise_alert("1")
        wait_until(lambda: any(message["actions"] for message in posted))
        actions = next(message["actions"] for message in posted if message["actions"])
        (coming, _) = re.findall(
            r"http, I'm coming, (\S+), method=POST.*; http, False alarm, (\S+),", actions
        )[0]
        with pytest.raises(urllib.error.HTTPError, match="405"):  # a preview only looks
            urllib.request.urlopen(coming, timeout=5)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(urllib.request.Request(f"{coming}x", b""), timeout=5)
        assert InputKind.COMING not in pulse.kinds()
        urllib.request.urlopen(urllib.request.Request(coming, b""), timeout=5).close()
        wait_until(lambda: InputKind.COMING in pulse.kinds())
        answer = next(word for word in pulse.heard if word.kind is InputKind.COMING)
        assert (answer.alert_id, answer.who) == ("1", "Eva")


def test_without_buttons_a_message_says_how_to_answer(
    mqtt: MqttSettings, tmp_path: Path, phone: tuple[int, list[dict[str, Any]]]
) -> None:
    port, posted = phone
    settings = urls(tmp_path, f"json://127.0.0.1:{port}/\n")
    with Pulse(Link(mqtt, SimpleQueue())) as pulse, threaded(partial(notify, mqtt, settings, "Eva")):
        wait_until(lambda: InputKind.SPOTTER_HERE in pulse.kinds())
        pulse.raise_alert("1")
        wait_until(lambda: any("FALL" in message["title"] for message in posted))
    (fall,) = [message for message in posted if "FALL" in message["title"]]
    assert fall["message"].endswith("by the walker's button.")
    assert fall["type"] == "failure"


def test_port_and_address_of_the_answers_belong_together() -> None:
    with pytest.raises(ValueError, match="belong together"):
        NotifySettings(answer_port=8124)
