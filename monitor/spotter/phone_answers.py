"""Answers from a phone that has only the message: a link for each incident and each answer, pressed once.

The links are secrets that end with their incident. Only POST answers: what merely looks at a link (a preview,
a scanner) does nothing.
"""

import logging
import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any, NamedTuple

from monitor.core.vocabulary import InputKind

TIMEOUT_S = 5.0
LARGEST_BYTES = 1024
CONNECTIONS = 8
LINKS = 500

_log = logging.getLogger(__name__)


class PhoneAnswer(NamedTuple):
    incident: str
    word: InputKind


class PhoneAnswers:
    """Listens on ``port``; ``url`` is how a phone reaches it. ``answers`` is what was pressed.

    Raises OSError where the port cannot be had.
    """

    def __init__(self, port: int, url: str, host: str = "") -> None:
        self.answers: SimpleQueue[PhoneAnswer] = SimpleQueue()
        self.refused = 0
        self._url = url.rstrip("/")
        self._links: dict[str, PhoneAnswer] = {}
        self._lock = threading.Lock()
        self._server = _Server((host, port), _handler(self))
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="answers", daemon=True).start()

    def link(self, incident: str, word: InputKind) -> str:
        """The address that says ``word`` to this incident; the same one each time."""
        answer = PhoneAnswer(incident, word)
        with self._lock:
            for token, known in self._links.items():
                if known == answer:
                    return f"{self._url}/answer/{token}"
            token = secrets.token_urlsafe(24)
            self._links[token] = answer
            while len(self._links) > LINKS:
                del self._links[next(iter(self._links))]
        return f"{self._url}/answer/{token}"

    def forget(self, open_ids: set[str]) -> None:
        """The links of incidents that are over end."""
        with self._lock:
            self._links = {token: link for token, link in self._links.items() if link.incident in open_ids}

    def press(self, path: str) -> bool:
        """Take an answer; False for what is no link, or no longer one."""
        token = path.removeprefix("/answer/")
        with self._lock:
            found = [link for known, link in self._links.items() if _same(known, token)]
        if not found:
            self.refused += 1
            return False
        self.answers.put(found[0])
        return True

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode(errors="replace"))


class _Server(ThreadingHTTPServer):
    """A few connections at a time, none for long."""

    daemon_threads = True
    address_family = socket.AF_INET

    def __init__(self, *args: Any) -> None:
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, *_: Any) -> None:
        _log.debug("a connection ended early")


def _handler(answers: PhoneAnswers) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > LARGEST_BYTES:
                self._say(413, "too large")
                return
            self.rfile.read(int(length))
            if answers.press(self.path):
                self._say(200, "sent to the walker and the other spotters")
            else:
                self._say(404, "this is no answer, or the alert is over")

        def do_GET(self) -> None:
            self._say(405, "answers are sent by the buttons of the notification")

        def _say(self, status: int, words: str) -> None:
            body = f"{words}\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing: the path is a secret."""

    return Handler
