"""Where the page is: its address, and its files."""

import socket

from monitor.spotter.page.page_settings import PageSettings

DOOR = "page.db"
PUSH_KEY = "push.pem"


def address(settings: PageSettings, port: int) -> str:
    """As a browser finds it."""
    host = f"{socket.gethostname()}.local" if settings.open else "127.0.0.1"
    return f"{'https' if settings.tls else 'http'}://{host}:{port}/"
