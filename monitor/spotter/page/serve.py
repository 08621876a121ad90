"""The page's process: stations, hub and application, served by uvicorn until SIGTERM or Ctrl-C."""

import asyncio
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from monitor.core.vocabulary import RearguardError
from monitor.delivery.credentials import check_secret
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.page.app import application
from monitor.spotter.page.door import Door
from monitor.spotter.page.hub import Hub
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR, PUSH_KEY, address

CONNECTIONS = 256
OF_ONE_ADDRESS = CONNECTIONS // 2
"""A browser holds up to six for each open page."""
ASKED_S = 10.0
"""A connection without a request for so long ends: it costs the others their place."""

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""uvicorn heeds the first two, and then lets them take their course: the process would end in the midst."""

FAREWELL_S = 1


class PageError(RearguardError):
    """The page cannot be served this way: what is wrong, and what to do."""


def serve(
    mqtt: MqttSettings,
    settings: PageSettings,
    folder: Path,
    version: str,
    ready: Callable[[str], None] = print,
    port: int | None = None,
) -> int:
    """Serve until stopped; the exit status. ``ready`` gets the address once it listens.

    ``port`` overrides the settings', 0 for any that is free. Raises PageError, DoorError, PushError,
    SecretError and what SpotterClient raises.
    """
    with ExitStack() as opened:
        return _serve(mqtt, settings, folder, version, ready, port, opened)


def _serve(
    mqtt: MqttSettings,
    settings: PageSettings,
    folder: Path,
    version: str,
    ready: Callable[[str], None],
    port: int | None,
    opened: ExitStack,
) -> int:
    door = Door(folder / DOOR)
    opened.callback(door.close)
    if settings.open and not door.names(time.time()):
        raise PageError(
            f"page.host is {settings.host}, which other machines reach, and nobody is paired: first run "
            "rearguard page pair NAME, or set page.host to 127.0.0.1"
        )
    pushes = None
    if settings.push_contact:
        from monitor.spotter.page.push import Sender  # cryptography takes 7 MB
        from monitor.spotter.page.pushes import Pushes

        pushes = Pushes(Sender(folder / PUSH_KEY, settings.push_contact), door)
    devices = settings.devices.split() or [mqtt.device]
    hub = Hub([replace(mqtt, device=device) for device in devices], folder, pushes, door.watches)
    _check_tls(settings)
    listening = opened.enter_context(_listen(settings.host, settings.port if port is None else port))
    config = uvicorn.Config(
        application(hub, door, tls=settings.tls, version=version),
        log_config=None,
        log_level="error",  # what strangers send is no reason to write
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever guesses codes does not choose his address
        ws="none",
        http=_Connection,
        loop="asyncio",
        lifespan="on",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=FAREWELL_S,
        ssl_certfile=settings.certificate_file or None,
        ssl_keyfile=settings.key_file or None,
    )
    server = _Server(config, hub)
    if threading.current_thread() is threading.main_thread():
        for number in ENDS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup
                opened.callback(signal.signal, number, signal.signal(number, server.handle_exit))
    ready(address(settings, listening.getsockname()[1]))
    server.run(sockets=[listening])
    return 0 if server.started else 1


class _Server(uvicorn.Server):
    """Ends the pages' streams before it waits for their end."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hub.end_pages()
        await super().shutdown(sockets)


class _Connection(H11Protocol):
    """One that asks for nothing, or one too many from the same place, is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        place = _place(self)
        of_one = sum(_place(other) == place for other in self.connections)
        if of_one > OF_ONE_ADDRESS or len(self.connections) > CONNECTIONS:
            transport.abort()
        else:
            self.loop.call_later(ASKED_S, self._end_unless_asked)

    def _end_unless_asked(self) -> None:
        if self.cycle is None:
            self.transport.abort()


def _place(connection: asyncio.Protocol) -> str:
    """Its address; with IPv6, where one machine may have very many, its network."""
    client = getattr(connection, "client", None)
    host = client[0].partition("%")[0].removeprefix("::ffff:") if client else ""  # IPv4 over an IPv6 socket
    return str(ip_network(f"{host}/64", strict=False)) if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, where = found[0]
        with ExitStack() as opened:
            listening = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen(128)  # from now on nobody is refused, though nobody is served yet
            opened.pop_all()
    except (OSError, UnicodeError) as error:  # the latter for a name that no host can have
        why = error.strerror if isinstance(error, OSError) else error
        raise PageError(f"cannot listen on {host}, port {port}: {why}; set page.host or page.port") from None
    return listening


def _check_tls(settings: PageSettings) -> None:
    """Raises PageError and SecretError for files that are not as they should be."""
    if not settings.tls:
        return
    check_secret(Path(settings.key_file))
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Without a word for it OpenSSL would ask the terminal for an encrypted key's.
        context.load_cert_chain(settings.certificate_file, settings.key_file, lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise PageError(
            f"page.certificate_file and page.key_file cannot be used: {error}; rearguard page certificate "
            "makes a pair"
        ) from None
