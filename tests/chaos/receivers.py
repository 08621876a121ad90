"""The spotters' side: two spotters, the real notifier with a phone, and Home Assistant's rules."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jinja2

from monitor.core.vocabulary import InputKind
from monitor.delivery import home_assistant, messages
from monitor.delivery.mqtt import Client, MqttSettings, What
from monitor.spotter.client import SpotterClient
from monitor.spotter.incident import Notice

Key = tuple[str, int]


class Spotter:
    """A spotter's program, ended and started at will; ``known`` is what any run of it has received."""

    def __init__(self, settings: MqttSettings, name: str) -> None:
        self._settings, self.name = settings, name
        self.notices: list[tuple[float, Notice]] = []
        self.shown: Counter[tuple[int, str, int, str]] = Counter()
        self.known: set[Key] = set()
        self.runs = 0
        self.lock = threading.Lock()
        self.start()

    def start(self) -> None:
        self.runs += 1
        self._over = threading.Event()
        self.client = SpotterClient(self._settings, self.name, program=f"chaos-{self._settings.port}")
        self._thread = threading.Thread(
            target=self._run, args=(self.client, self._over, self.runs), daemon=True
        )
        self._thread.start()

    def _run(self, client: SpotterClient, over: threading.Event, run: int) -> None:
        while not over.is_set():
            with self.lock:
                notices = client.hear(0.02)
                for boot, numbers in client.view._known.items():
                    self.known |= {(boot, number) for number in numbers}
            for notice in notices:
                self.notices.append((time.monotonic(), notice))
                if notice.incident is not None and not notice.text.startswith(("still", "no answer")):
                    incident = notice.incident
                    again = "still without" in notice.text or "has restarted" in notice.text
                    self.shown[run, incident.id, incident.sequence, incident.stage] += not again

    def stop(self) -> None:
        """As a program that is killed: it says no goodbye."""
        self._over.set()
        self._thread.join()
        client = self.client._client
        if client._paho is not None and isinstance(sock := client._paho.socket(), socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        client._give_up()
        if self.client._name is not None:
            self.client._name.close()

    def answer(self, incident: str, word: InputKind) -> bool:
        with self.lock:
            return self.client.answer(incident, word)

    def request(self, word: InputKind) -> bool:
        with self.lock:
            return self.client.request(word)

    @property
    def view(self) -> Any:
        return self.client.view

    def rang(self, words: str, since_s: float) -> float | None:
        """Seconds from ``since_s`` until it said so."""
        found = (
            at_s - since_s for at_s, notice in list(self.notices) if at_s >= since_s and words in notice.text
        )
        return next(found, None)


class Phone:
    """``rearguard notify`` as a process, and the hook it posts to; ``posts`` is what came."""

    def __init__(self, folder: Path, port: int) -> None:
        self.posts: list[tuple[float, str, str]] = []
        self.refuses = False
        phone = self

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                if len(text) < int(self.headers["Content-Length"]):
                    return  # the notifier was killed meanwhile
                body = json.loads(text)
                if not phone.refuses:
                    phone.posts.append((time.monotonic(), body["title"], body["message"]))
                self.send_response(503 if phone.refuses else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        urls = folder / "urls"
        urls.write_text(f"json://127.0.0.1:{self._server.server_address[1]}/\n")
        urls.chmod(0o600)
        self._config = folder / "notify.yaml"
        self._config.write_text(
            f"mqtt: {{host: 127.0.0.1, port: {port}}}\nnotify: {{urls_file: {urls}, per_minute: 60}}\n"
        )
        self._folder = folder
        self.start()

    def start(self) -> None:
        with (self._folder / "notify.txt").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "monitor.cli", "notify", "--config", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "XDG_RUNTIME_DIR": str(self._folder)},
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def got(self, title: str, since_s: float) -> float | None:
        found = (at_s - since_s for at_s, said, _ in list(self.posts) if at_s >= since_s and title in said)
        return next(found, None)

    def close(self) -> None:
        self.kill()
        self._server.shutdown()
        self._server.server_close()


class Home:
    """What Home Assistant makes of the announcement: its templates over what an undisturbed client receives.

    It is the witness, too: ``reports`` is when each report came on `alert`, ``firsts`` the runs in order with
    the sequence before each, ``last`` the highest sequence that was said.
    """

    def __init__(self, settings: MqttSettings) -> None:
        self._topics = messages.Topics(settings.device)
        self._settings = settings
        self._availability = b""
        self._state: messages.State | None = None
        self.reports: dict[Key, tuple[float, messages.AlertMessage]] = {}
        self.firsts: dict[str, int] = {}
        self.last = 0
        entities = json.loads(home_assistant.announcement(settings.device, "1"))["components"]
        environment = jinja2.Environment()
        environment.filters["to_json"] = json.dumps
        self._alarm = environment.from_string(entities["alarm"]["value_template"])
        self._attributes = environment.from_string(entities["alarm"]["json_attributes_template"])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        topics = self._topics
        client = Client(
            self._settings,
            f"home-{secrets.token_hex(4)}",
            dict.fromkeys((topics.alert, topics.state, topics.availability), 1),
        )
        while not self._over.is_set():
            letter = client.next(0.05)
            if letter is None or letter.what is not What.RECEIVED:
                continue
            if letter.topic == topics.availability:
                self._availability = letter.payload
            elif letter.topic == topics.alert and not letter.retained:
                report = messages.decode_alert(letter.payload)
                self.reports.setdefault((report.boot, report.sequence), (time.monotonic(), report))
            elif letter.topic == topics.state and not letter.retained:
                self._state = messages.decode_state(letter.payload)
                self._state_s = time.monotonic()
                self.firsts.setdefault(self._state.boot, self._state.first)
                self.last = max(self.last, self._state.alerts)
        client.close()

    def close(self) -> None:
        self._over.set()
        self._thread.join()

    def words(self, number: int) -> str:
        """What it received under this number."""
        found = [
            f"{boot}/{number} {report.kind} {report.stage} at {at_s:.1f} s"
            for (boot, sequence), (at_s, report) in self.reports.items()
            if sequence == number
        ]
        return " and ".join(found) or f"{number}, which nobody received"

    @property
    def state(self) -> messages.State | None:
        """The latest heartbeat, while Home Assistant holds it for alive."""
        fresh = self._state is not None and time.monotonic() - self._state_s < home_assistant.EXPIRE_S
        return self._state if fresh and self._availability == messages.ONLINE else None

    @property
    def alarm(self) -> str:
        """The alarm entity: unavailable, ON or OFF."""
        state = self.state
        return "unavailable" if state is None else self._alarm.render(value_json=_json(state))

    @property
    def ringing(self) -> str:
        """The incident that phones ring for."""
        state = self.state
        if state is None:
            return ""
        attributes = json.loads(self._attributes.render(value_json=_json(state)))
        return str(attributes["ring"]).partition("/")[0]


def _json(state: messages.State) -> Any:
    return json.loads(messages.encode(state))
