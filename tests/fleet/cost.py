"""What it costs: messages and bytes of a walker and an hour, and what Mosquitto works for one."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue

from monitor.core.vocabulary import InputKind
from monitor.delivery.link import Link
from monitor.delivery.mqtt import MqttSettings, retained
from monitor.spotter.client import SpotterClient
from tests.brokers import MOSQUITTO, Mosquitto, held_port
from tests.fleet.lean import lean
from tests.fleet.nodes import ADDRESSES, Where
from tests.fleet.people import READER, walker
from tests.fleet.spotters import reader
from tests.pulse import Pulse

VALGRIND = shutil.which("valgrind")
COUNTERS = {
    "messages": "$SYS/broker/messages/{}",
    "MQTT bytes": "$SYS/broker/bytes/{}",
}
PI4_HZ = 1.5e9
PI4_PER_CYCLE = 0.5
"""Instructions: a guess for a Cortex-A72 that moves small messages."""

DEVICES = 30


def traffic(seconds: float) -> list[str]:
    """One device and one spotter at a Mosquitto, without and with incidents: lines of a table."""
    lines = ["| of one walker with one spotter | messages an hour | MQTT bytes an hour |", "|---|---|---|"]
    config = "listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n"
    with ExitStack() as opened:
        folder, port = opened.enter_context(tempfile.TemporaryDirectory()), opened.enter_context(held_port())
        broker = opened.enter_context(Mosquitto(Path(folder), config.format(port=port), port))
        settings = MqttSettings(host="127.0.0.1", port=port)
        over = threading.Event()
        spotter = threading.Thread(target=_spotter, args=(settings, over))
        spotter.start()
        with Pulse(Link(settings, SimpleQueue())) as pulse:
            time.sleep(5.0)
            quiet = _counted(broker, seconds)
            for number in range(10):
                pulse.raise_alert(f"cost-{number}")
                time.sleep(seconds / 10)
            fallen = _counted(broker, 0.0, quiet[1])
        over.set()
        spotter.join()
    for direction, words in (("received", "to the broker"), ("sent", "from the broker")):
        counted = [quiet[0][f"{what} {direction}"] * 3600 / seconds for what in COUNTERS]
        lines.append(f"| {words} | {counted[0]:,.0f} | {counted[1] / 1e6:.2f} MB |")
    more = [
        sum(fallen[0][f"{what} {way}"] - quiet[0][f"{what} {way}"] for way in ("received", "sent")) / 10
        for what in COUNTERS
    ]
    lines.append(
        f"| a fall that is answered, all together | {more[0]:.0f} more | {more[1] / 1000:.1f} kB more |"
    )
    return lines


def _spotter(settings: MqttSettings, over: threading.Event) -> None:
    client = SpotterClient(settings, "eva")
    answered: set[str] = set()
    while not over.is_set():
        client.hear(0.05)
        for incident in client.view.open:
            if incident.id not in answered and client.answer(incident.id, InputKind.CLEAR):
                answered.add(incident.id)
    client.close()


def _counted(
    broker: Mosquitto, seconds: float, before: dict[str, int] | None = None
) -> tuple[dict[str, int], dict[str, int]]:
    """What was counted in so long, or since ``before``; and the counters."""
    before = before or _counters(broker)
    time.sleep(seconds)
    after = _counters(broker)
    return {name: after[name] - before[name] for name in after}, after


def _counters(broker: Mosquitto) -> dict[str, int]:
    settings = broker.settings()
    return {
        f"{what} {way}": int(retained(settings, topic.format(way)) or 0)
        for what, topic in COUNTERS.items()
        for way in ("received", "sent")
    }


def instructions(seconds: float) -> str:
    """An estimate of what a Pi 4 carries as a broker: Mosquitto's instructions for a device's second."""
    if VALGRIND is None or MOSQUITTO is None:
        return "not estimated: apt-get install valgrind mosquitto"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        grind = [VALGRIND, "--tool=callgrind", f"--callgrind-out-file={out}", MOSQUITTO]
        short, _ = _worked(Path(folder), grind, 5.0)
        few = _total(out)
        long, _ = _worked(Path(folder), grind, 5.0 + seconds)
        each = (_total(out) - few) / max(long - short, 1)
        beats, (user_s, system_s) = _worked(Path(folder), [MOSQUITTO], seconds)
    kernel = (user_s + system_s) / max(user_s, 0.01)
    carried = 0.5 * PI4_HZ * PI4_PER_CYCLE / (each * kernel)
    return (
        f"{each:,.0f} instructions of Mosquitto's for a heartbeat to one spotter "
        f"(callgrind, {long} heartbeats); with the kernel's share {kernel:.1f} times that "
        f"(native, {beats} heartbeats, {1e6 * (user_s + system_s) / max(beats, 1):.0f} us here). Estimate: "
        f"half a core of a Pi 4, at {PI4_PER_CYCLE} instructions a cycle, carries {carried:,.0f} walkers"
    )


def _worked(folder: Path, command: list[str], seconds: float) -> tuple[int, tuple[float, float]]:
    """Heartbeats that a broker of this command has passed on, and its processor time, user and kernel."""
    context = get_context("spawn")
    with held_port() as port:
        file = folder / "broker.conf"
        listeners = "".join(f"listener {port} {address}\n" for address in ADDRESSES.values())
        # As who we are, for callgrind writes its file at the end; Mosquitto heeds it where that is root.
        file.write_text(f"{listeners}allow_anonymous true\nuser root\n")
        process = subprocess.Popen(
            [*command, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        where = Where(port, dict.fromkeys([READER, *map(walker, range(DEVICES))], "word"))
        calm, settled, over = context.Event(), context.Event(), context.Event()
        ready = [context.Event(), context.Event()]
        raised, shown = context.Queue(), context.Queue()
        jobs = [
            context.Process(
                target=lean, args=(where, range(DEVICES), 0.0, ready[0], calm, settled, over, raised)
            ),
            context.Process(target=reader, args=(where, range(DEVICES), ready[1], over, shown)),
        ]
        for job in jobs:
            job.start()
        for event in ready:
            event.wait(120.0)
        time.sleep(seconds)
        stat = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        over.set()
        beats = raised.get(timeout=60.0).heartbeats
        shown.get(timeout=60.0)
        for job in jobs:
            job.join()
        process.send_signal(signal.SIGTERM)
        process.wait()
    ticks = os.sysconf("SC_CLK_TCK")
    return beats, (int(stat[11]) / ticks, int(stat[12]) / ticks)


def _total(out: Path) -> int:
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
