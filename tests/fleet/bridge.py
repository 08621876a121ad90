"""A Pi's own Mosquitto, bridged into the cluster by systemd/mosquitto-bridge.conf."""

import re
import tempfile
import threading
import time
from collections.abc import Callable, Container
from contextlib import ExitStack
from functools import partial
from operator import contains
from pathlib import Path
from queue import SimpleQueue

from monitor.core.vocabulary import InputKind
from monitor.delivery.link import Link
from monitor.spotter.client import SpotterClient
from tests.brokers import MOSQUITTO, Mosquitto, held_port
from tests.fleet.nodes import ADDRESSES, NODES, Cluster, settings
from tests.fleet.people import spotter, walker
from tests.fleet.trial import again
from tests.pulse import Pulse

FILE = Path(__file__).parents[2] / "systemd" / "mosquitto-bridge.conf"
SHOWN_WITHIN_S = 60.0


def configuration(cluster: Cluster, port: int) -> str:
    """The file as it is shipped, with this device, these nodes and no encryption."""
    nodes = " ".join(f"{ADDRESSES[node]}:{cluster.where.port}" for node in NODES)
    text = FILE.read_text(encoding="utf-8").replace("walker", walker(0))
    for pattern, words in (
        (r"^address .*", f"address {nodes}\nround_robin false"),
        (r"^remote_password .*", f"remote_password {cluster.where.words[walker(0)]}"),
        (r"^bridge_cafile .*", ""),
    ):
        text, times = re.subn(pattern, words, text, flags=re.MULTILINE)
        assert times == 1, pattern
    return f"listener {port} 127.0.0.1\nallow_anonymous true\n{text}"


def bridged(cluster: Cluster) -> str:
    """a fall behind a bridge: shown, and answered; and one raised as its node is killed"""
    if MOSQUITTO is None:
        return "mosquitto is not installed"
    with ExitStack() as opened:
        folder, port = opened.enter_context(tempfile.TemporaryDirectory()), opened.enter_context(held_port())
        broker = Mosquitto(Path(folder), configuration(cluster, port), port)
        opened.enter_context(broker)
        shown: dict[str, float] = {}
        over = threading.Event()
        program = threading.Thread(target=_spotter, args=(cluster, shown, over))
        program.start()
        opened.callback(program.join)
        opened.callback(over.set)
        pulse = opened.enter_context(Pulse(Link(broker.settings(walker(0)), SimpleQueue())))
        said = []
        for number, harm in enumerate((lambda: None, lambda: cluster.processes.kill(1))):
            _until(lambda: "contact" in shown)
            harm()
            began_s = time.monotonic()
            pulse.raise_alert(f"bridge-{number}")
            _until(partial(contains, shown, f"bridge-{number}"))
            came = shown.get(f"bridge-{number}")
            _until(partial(_gone, pulse._standing, f"bridge-{number}"))
            answered = f"bridge-{number}" not in pulse._standing
            when = "never" if came is None else f"after {came - began_s:.2f} s"
            said.append(f"{when}{'' if answered else ', never answered'}")
    again(cluster, 1)
    return "; ".join(said)


def _spotter(cluster: Cluster, shown: dict[str, float], over: threading.Event) -> None:
    client = SpotterClient(settings(cluster.where, spotter(0), walker(0)), spotter(0))
    pressed_s = 0.0
    while not over.is_set():
        for notice in client.hear(0.02):
            if notice.incident is not None:
                shown.setdefault(notice.incident.id, time.monotonic())
        if not client.view.no_contact:
            shown.setdefault("contact", time.monotonic())
        if client.view.open and time.monotonic() - pressed_s > 2.0:
            pressed_s = time.monotonic()
            client.answer(client.view.open[0].id, InputKind.CLEAR)
    client.close()


def _until(condition: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + SHOWN_WITHIN_S
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.01)


def _gone(found: Container[str], key: str) -> bool:
    return key not in found
