"""Many devices on one broker, alert latency and losses by their number: ``python -m benchmarks.fleet``.

Every device is a real link with its heartbeat; each raises an alert every five seconds. Devices share this
machine with the broker and the receiver, so the figures are those of the whole, not of the broker.
"""

import argparse
import multiprocessing
import random
import secrets
import tempfile
import time
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Priority, Stage, Status
from monitor.delivery.link import Link
from monitor.delivery.messages import decode_alert
from monitor.delivery.mqtt import Client, MqttSettings, What
from tests.brokers import Mosquitto

PER_PROCESS = 50
ALERT_EVERY_S = 5.0
SETTLE_S = 3.0


def devices(port: int, first: int, count: int, seconds: float, raised: "multiprocessing.Queue[int]") -> None:
    """A process of ``count`` devices."""
    links = [
        Link(MqttSettings(device=f"walker-{n}", host="127.0.0.1", port=port), SimpleQueue())
        for n in range(first, first + count)
    ]
    for link in links:
        link.start()
    total = 0
    sequences = [0] * count
    end_s = time.monotonic() + SETTLE_S + seconds
    calm_s = time.monotonic() + SETTLE_S
    while (now_s := time.monotonic()) < end_s:
        for place, link in enumerate(links):
            alerts = []
            if now_s > calm_s and random.random() < BLOCK_S / ALERT_EVERY_S:
                sequences[place] += 1
                total += 1
                number = sequences[place]
                alerts = [
                    Alert(
                        str(number),
                        number,
                        AlertKind.FALL,
                        Priority.HIGH,
                        Certainty.SUSPECTED,
                        Stage.ACTIVE,
                        time.monotonic(),
                    )
                ]
            time_s = time.monotonic()
            link(SampleBlock.silent(time_s, ""), (), alerts, Status(True, False, (), time_s))
        time.sleep(max(0.0, BLOCK_S - (time.monotonic() - now_s)))
    time.sleep(SETTLE_S)
    for link in links:
        link.stop()
    raised.put(total)


def run(count: int, seconds: float) -> tuple[int, np.ndarray, int]:
    """Alerts raised, seconds from event to receiver of those that arrived, and heartbeats heard."""
    context = multiprocessing.get_context("spawn")
    raised: multiprocessing.Queue[int] = context.Queue()
    taken_s: dict[tuple[str, int], float] = {}
    beats = 0
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        ear = Client(
            MqttSettings(host="127.0.0.1", port=broker.port),
            f"fleet-{secrets.token_hex(4)}",
            {"rearguard/+/alert": 1, "rearguard/+/state": 1},
        )
        while not ear.up:
            ear.next(0.1)
        parts = range(0, count, PER_PROCESS)
        processes = [
            context.Process(
                target=devices,
                args=(broker.port, first, min(PER_PROCESS, count - first), seconds, raised),
                daemon=True,
            )
            for first in parts
        ]
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            letter = ear.next(0.1)
            if letter is not None and letter.what is What.RECEIVED:
                if letter.topic.endswith("/alert"):
                    alert = decode_alert(letter.payload)
                    taken_s.setdefault((alert.boot, alert.sequence), time.monotonic() - alert.time_s)
                else:
                    beats += 1
        total = sum(raised.get() for _ in processes)
        ear.close()
    return total, np.array(list(taken_s.values())), beats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    print(f"{'devices':>8}{'alerts':>8}{'lost':>6}{'median ms':>12}{'99 %':>9}{'worst':>9}{'beats/s':>9}")
    for count in (1, 30, 100, 200):
        total, taken_s, beats = run(count, seconds)
        middle, late = np.percentile(1e3 * taken_s, [50, 99]) if len(taken_s) else (np.nan, np.nan)
        print(
            f"{count:>8}{total:>8}{total - len(taken_s):>6}{middle:>12.1f}{late:>9.1f}"
            f"{1e3 * max(taken_s, default=np.nan):>9.1f}{beats / (seconds + 2 * SETTLE_S):>9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
