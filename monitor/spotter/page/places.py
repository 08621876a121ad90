"""Where the page is: its address, and its files."""

import socket

from monitor.spotter.page.page_settings import PageSettings

DOOR = "page.db"
PUSH_KEY = "push.pem"


def address(settings: PageSettings, port: int) -> str:
    """As a browser finds it."""
    host = f"{socket.gethostname()}.local" if settings.open else settings.host
    host = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls else 'http'}://{host}:{port}/"
