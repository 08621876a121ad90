"""Telling systemd how we are: sd_notify(3), which needs no library."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send ``state``: "READY=1", "WATCHDOG=1", "STATUS=armed", "STOPPING=1", or several on lines.

    Nothing happens where NOTIFY_SOCKET is unset. "WATCHDOG=1" comes last in the line, so that it
    vouches for a block that went all the way through.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    # A lost word is harmless: if systemd hears none for long it restarts us, as it should.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outlet:
        outlet.sendto(state.encode(), address)
