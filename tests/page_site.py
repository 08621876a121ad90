"""The page served in a thread of the test's own process, and a visitor who speaks HTTP to it."""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.page import serve as serve_file
from monitor.spotter.page.door import Door, Invitation
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR
from tests.pulse import PATIENCE_S, wait_until

NOBODY = MqttSettings(host="127.0.0.1", port=1)
"""At a broker that is not there: for what needs no device."""

EMPTY: Mapping[str, object] = {}


class Site:
    """``serve`` as it is, but for signals: a thread gets none. ``said`` is its address as it gives it."""

    def __init__(
        self, folder: Path, mqtt: MqttSettings = NOBODY, settings: PageSettings | None = None, port: int = 0
    ) -> None:
        self.folder, self.settings = folder, settings or PageSettings()
        self.said = ""
        self.error: BaseException | None = None
        self.status: int | None = None
        self._order = (mqtt, self.settings, folder, "test", self._ready, port)
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, name="site", daemon=True)

    @property
    def port(self) -> int:
        return int(self.said.rstrip("/").rpartition(":")[2])

    @property
    def origin(self) -> str:
        return f"http{'s' if self.settings.tls else ''}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Raises what ``serve`` raises."""
        servers: list[Any] = []

        class Noted(serve_file._Server):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args)
                servers.append(self)

        with patch.object(serve_file, "_Server", Noted):
            self._thread.start()
            self._listens.wait()
        if self.error is not None:
            self._thread.join()
            raise self.error
        (self.server,) = servers
        wait_until(lambda: self.server.started)

    def stop(self) -> None:
        self.server.should_exit = True
        self._thread.join()
        if self.error is not None:
            raise self.error

    def invite(self, name: str) -> Invitation:
        with self.door() as door:
            return door.invite(name, time.time())

    @contextmanager
    def door(self) -> Iterator[Door]:
        """The same file, as another program has it."""
        with closing(Door(self.folder / DOOR)) as door:
            yield door

    def visitor(self, name: str = "") -> "Visitor":
        """Somebody with a session of this name; a stranger without."""
        visitor = Visitor(self)
        if name:
            assert visitor.post("/enter", {"word": self.invite(name).link}).status == 200
        return visitor

    def _run(self) -> None:
        try:
            self.status = serve_file.serve(*self._order)
        except BaseException as error:  # noqa: BLE001  it is the test's thread that must learn of it
            self.error = error
        finally:
            self._listens.set()

    def _ready(self, address: str) -> None:
        self.said = address
        self._listens.set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # by their names in small letters
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    @property
    def why(self) -> str:
        return str(self.said["why"])


def lowered(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): text for name, text in response.headers.items()}


class Visitor:
    """A browser's side of HTTP. ``cookie`` is what it was given, and gives."""

    def __init__(self, site: Site, cookie: str = "", tls: ssl.SSLContext | None = None) -> None:
        self._site = site
        self.cookie = cookie
        self.tls = tls
        self._count = 0

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        """A header that is None is left out."""
        with self._asked(method, path, body, headers or {}) as response:
            reply = Reply(response.status, lowered(response), response.read())
        if (given := reply.headers.get("set-cookie")) is not None:
            name, _, rest = given.partition("=")
            self.cookie = f"{name}={rest.partition(';')[0]}"
        return reply

    def get(self, path: str, **headers: str | None) -> Reply:
        return self.ask("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def post(
        self, path: str, value: object = EMPTY, headers: Mapping[str, str | None] | None = None
    ) -> Reply:
        own = {"Origin": self._site.origin, "Content-Type": "application/json"}
        return self.ask("POST", path, json.dumps(value).encode(), own | dict(headers or {}))

    def say(self, path: str, **value: object) -> Reply:
        """With a nonce of its own."""
        self._count += 1
        return self.post(path, value | {"nonce": f"{id(self):x}-{self._count:08d}"})

    def pulse(self, *, can_ring: bool = True, why: str = "", **has: int) -> Reply:
        return self.post("/pulse", {"page": "page-of-mine", "can_ring": can_ring, "why": why, "has": has})

    @contextmanager
    def live(self) -> Iterator["Live"]:
        with self._asked("GET", "/live", None, {}) as response:
            assert response.status == 200, response.read()
            yield Live(response)

    @contextmanager
    def _asked(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str | None]
    ) -> Iterator[http.client.HTTPResponse]:
        connection: http.client.HTTPConnection
        if self._site.settings.tls:
            assert self.tls is not None
            connection = http.client.HTTPSConnection(
                "127.0.0.1", self._site.port, timeout=PATIENCE_S, context=self.tls
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self._site.port, timeout=PATIENCE_S)
        own = {"Cookie": self.cookie or None} | dict(headers)
        with closing(connection):
            connection.request(
                method, path, body, {name: text for name, text in own.items() if text is not None}
            )
            with connection.getresponse() as response:
                yield response


class Live:
    """A stream of server-sent events, read as far as it is wanted."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.response = response
        self.content_type = response.headers["content-type"]

    def events(self) -> Iterator[tuple[str, Any]]:
        """Kind and data of each, until the stream ends."""
        kind = ""
        while line := self.response.readline().decode():
            name, _, text = line.rstrip("\n").partition(": ")
            if name == "event":
                kind = text
            elif name == "data":
                yield kind, json.loads(text)

    def until(self, wanted: str, what: Any = lambda _: True) -> Any:
        """The data of the next event of that kind of which ``what`` is true."""
        return next(data for kind, data in self.events() if kind == wanted and what(data))


def raw(site: Site) -> socket.socket:
    """A bare connection."""
    return socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE_S)
