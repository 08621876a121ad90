"""What remains of ``rearguard page`` once its settings are read: a process that holds only what it needs.

Reading settings brings NumPy and the GPIO library along, 25 MB that a server would hold for months. So the
command replaces itself by this module, and hands the settings over in the environment; no secret is in them.
"""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import msgspec

from monitor import log
from monitor.core.vocabulary import RearguardError
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.page.door import Door
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR

HANDED_OVER = "REARGUARD_PAGE"
COMMAND = [sys.executable, "-P", "-m", "monitor.page_process"]
HERE = "the page: "


class Order(msgspec.Struct):
    """What is to be served."""

    mqtt: MqttSettings
    page: PageSettings
    folder: str
    version: str
    port: int | None = None  # 0 for any that is free


def become(order: Order) -> NoReturn:
    """Replace this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, COMMAND, _environment(order))


@contextmanager
def beside(order: Order, name: str) -> Iterator[str]:
    """The page as a process of its own: the link by which ``name`` comes in, or why it cannot be served."""
    process = subprocess.Popen(
        COMMAND,
        env=_environment(order),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # Ctrl-C is for the foreground
    )
    try:
        said = process.stdout.readline().strip() if process.stdout else ""
        if not said.startswith(HERE):
            yield f"there is no page: {said}"
            return
        door = Door(Path(order.folder) / DOOR)
        try:
            yield f"{said.removeprefix(HERE)}#enter={door.invite(name, time.time()).link}"
        finally:
            door.close()
    finally:
        process.terminate()
        process.communicate()


def _environment(order: Order) -> dict[str, str]:
    return {**os.environ, HANDED_OVER: msgspec.json.encode(order).decode()}


def main() -> int:
    """Serve what the environment says."""
    log.start()
    order = msgspec.json.decode(os.environ.pop(HANDED_OVER), type=Order)
    try:
        from monitor.spotter.page.serve import serve
    except ImportError as error:
        words = f"{error.name} is not installed: {sys.executable} -m pip install 'rearguard[page]'"
        print(log.marked(words, logging.ERROR), file=sys.stderr)
        return 2
    try:
        return serve(order.mqtt, order.page, Path(order.folder), order.version, _say, order.port)
    except RearguardError as error:
        print(log.marked(str(error), logging.ERROR), file=sys.stderr)
        return 2


def _say(address: str) -> None:
    print(f"{HERE}{address}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
