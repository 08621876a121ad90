"""The page's process: stations, hub and application, served by uvicorn until SIGTERM or Ctrl-C."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import uvicorn

from monitor.core.vocabulary import RearguardError
from monitor.delivery.credentials import check_secret
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.page.app import application
from monitor.spotter.page.door import Door
from monitor.spotter.page.hub import Hub
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR, PUSH_KEY, address

CONNECTIONS = 256
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
    """Serve until stopped; the exit status. ``ready`` gets the address once it listens. ``port`` overrides the
    settings', 0 for any that is free.

    Raises PageError, DoorError, PushError and what SpotterClient raises.
    """
    door = Door(folder / DOOR)
    if settings.open and not door.names():
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
    hub = Hub([replace(mqtt, device=device) for device in devices], folder, pushes)
    _check_tls(settings)
    listening = _listen(settings.host, settings.port if port is None else port)
    config = uvicorn.Config(
        application(hub, door, tls=settings.tls, version=version),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        http="h11",
        loop="asyncio",
        lifespan="on",
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=FAREWELL_S,
        ssl_certfile=settings.certificate_file or None,
        ssl_keyfile=settings.key_file or None,
    )
    server = uvicorn.Server(config)
    ready(address(settings, listening.getsockname()[1]))
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()
        door.close()
    return 0 if server.started else 1


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, *_, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
    except OSError as error:
        raise PageError(
            f"cannot listen on {host}, port {port}: {error.strerror}; set page.host or page.port"
        ) from None
    return listening


def _check_tls(settings: PageSettings) -> None:
    """Raises PageError and SecretError for files that are not as they should be."""
    if not settings.tls:
        return
    check_secret(Path(settings.key_file))
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.certificate_file, settings.key_file)
    except (OSError, ssl.SSLError) as error:
        raise PageError(
            f"page.certificate_file and page.key_file cannot be used: {error}; rearguard page certificate "
            "makes a pair"
        ) from None
