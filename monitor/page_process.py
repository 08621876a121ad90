"""What remains of ``rearguard page`` once its settings are read: a process that holds only what it needs.

Reading settings brings NumPy and the GPIO library along, 25 MB that a server would hold for months. So the
command replaces itself by this module, and hands the settings over in the environment; no secret is in them.
"""

import os
import sys
from pathlib import Path

import msgspec

from monitor import log
from monitor.core.vocabulary import RearguardError
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.page.page_settings import PageSettings

HANDED_OVER = "REARGUARD_PAGE"


class Order(msgspec.Struct):
    """What is to be served."""

    mqtt: MqttSettings
    page: PageSettings
    folder: str
    version: str
    port: int | None = None  # 0 for any that is free


def become(order: Order) -> None:
    """Replace this process. Does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, HANDED_OVER: msgspec.json.encode(order).decode()}
    os.execve(sys.executable, [sys.executable, "-m", "monitor.page_process"], environment)


def main() -> int:
    """Serve what the environment says."""
    log.start()
    order = msgspec.json.decode(os.environ.pop(HANDED_OVER), type=Order)
    try:
        from monitor.spotter.page.serve import serve
    except ImportError as error:
        words = f"{error.name} is not installed: {sys.executable} -m pip install 'rearguard[page]'"
        print(words, file=sys.stderr)
        return 2
    try:
        return serve(order.mqtt, order.page, Path(order.folder), order.version, _say, order.port)
    except RearguardError as error:
        print(error, file=sys.stderr)
        return 2


def _say(address: str) -> None:
    print(f"the page: {address}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
