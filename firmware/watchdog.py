"""Telling systemd how we are: sd_notify(3), which needs no library."""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, Event, EventKind, Status

_EVERY_S = 1.0
_STALE_S = 2.0  # an alarm that has not taken a block for so long fails, and a restart may cure it
_WALKING_S = 10.0  # so long after a step somebody counts as walking


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
    # A lost word is harmless: if systemd gets none for long it restarts us, as it should.
    # Nor is one waited for: a socket that nobody reads would stop the watch.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outlet:
        outlet.setblocking(False)
        outlet.sendto(state.encode(), address)


class Vouch:
    """The last sink of the loop: reports to systemd that a whole block went through, and what is open."""

    def __init__(self) -> None:
        self._told_s = float("-inf")
        self._step_s = float("-inf")

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], _alerts: Sequence[Alert], status: Status
    ) -> None:
        if any(event.kind is EventKind.STEP for event in events):
            self._step_s = block.end_s
        if block.end_s - self._told_s < _EVERY_S or block.end_s - status.time_s > _STALE_S:
            return
        self._told_s = block.end_s
        state = "armed" if status.armed else "disarmed"
        if block.end_s - self._step_s < _WALKING_S:
            state += ", walking"  # an upgrade waits for the end of it
        incidents = ", ".join(f"{alert.kind} {alert.stage}" for alert in status.incidents) or "all is well"
        notify(f"READY=1\nWATCHDOG=1\nSTATUS={state}; {block.fault or incidents}")
