"""Phones, played by a local HTTP server."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from monitor.core.vocabulary import InputKind
from monitor.delivery.credentials import SecretError
from monitor.delivery.link import Link
from monitor.delivery.messages import Topics, encode_answer
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.notify import NotifySettings, notify, urgent
from tests.background import threaded
from tests.listener import Listener
from tests.pulse import Pulse, wait_until

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
            posted.append(message | {"priority": self.headers.get("X-Priority")})
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
        spotter.say(Topics(mqtt.device).answer, encode_answer(story, InputKind.FALSE_ALARM, "Eva"))
        wait_until(lambda: len(posted) == 4)
    ntfy = [message for message in posted if "topic" in message]
    assert [message["title"] for message in ntfy] == [f"FALL: {mqtt.device}"] * 2
    assert ntfy[0]["priority"] == "max"
    assert ntfy[1]["priority"] is None
    assert "ALL CLEAR, cancelled by Eva" in ntfy[1]["message"]


@pytest.mark.parametrize(
    ("calm", "loud"),
    [
        ("ntfys://host/topic", "ntfys://host/topic?priority=max"),
        ("ntfys://host/topic?priority=low", "ntfys://host/topic?priority=low"),
        ("pover://user@token?sound=x", "pover://user@token?sound=x&priority=high"),
        ("tgram://token/chat", "tgram://token/chat"),
    ],
)
def test_urgent_is_said_in_each_service_s_own_word(calm: str, loud: str) -> None:
    assert urgent(calm) == loud


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("json://127.0.0.1/secret", 0o644, "chmod 600"),
        ("# none\n", 0o600, "names no service"),
        ("nonsense://secret", 0o600, "service 1 .nonsense."),
        ("json://secret/\udcff", 0o600, "cannot read"),
    ],
)
def test_a_file_of_urls_that_cannot_serve_is_refused_without_showing_it(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    with pytest.raises(SecretError, match=words) as refusal:
        notify(MqttSettings(), urls(tmp_path, text, mode))
    assert "secret" not in str(refusal.value)
