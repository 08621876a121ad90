"""From the end of a block to a subscriber, beside a bare paho publish: ``python -m benchmarks.latency``.

A real Mosquitto on loopback; the alert takes the whole way: outbox on disk, link, broker, subscriber. Both
kinds of message alternate, so both meet the same machine.
"""

import argparse
import tempfile
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Priority, Stage, Status
from monitor.delivery.link import Link
from monitor.delivery.messages import Topics, decode_alert
from monitor.delivery.mqtt import MqttSettings
from tests.brokers import Mosquitto

BARE = "bare/alert"
PAYLOAD_BYTES = 350


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=1000)
    alerts = parser.parse_args().alerts
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        bare_s, ours_s = measure(broker.port, Path(folder) / "outbox.sqlite", alerts)
    print(f"{alerts} of each, one run{'median ms':>20}{'99 %':>10}{'worst':>10}")
    for name, seconds in (("bare paho publish", bare_s), ("Rearguard, block end to subscriber", ours_s)):
        middle, late = np.percentile(1e3 * seconds, [50, 99])
        print(f"{name:<36}{middle:>8.2f}{late:>10.2f}{1e3 * seconds.max():>10.2f}")
    behind_ms = np.percentile(1e3 * ours_s, 99) - np.percentile(1e3 * bare_s, 99)
    print(f"99 % behind bare paho: {behind_ms:.2f} ms (goal: within 10 ms)")


def measure(port: int, store: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds from sending to the subscriber's callback, of each kind."""
    heard: dict[tuple[str, int], float] = {}
    arrived = threading.Semaphore(0)

    def received(_c: paho.Client, _u: object, message: paho.MQTTMessage) -> None:
        at_s = time.monotonic()
        if message.topic == BARE:
            heard[BARE, int(message.payload[:10])] = at_s
        else:
            heard["ours", decode_alert(bytes(message.payload)).sequence] = at_s
        arrived.release()

    subscriber = paho.Client(CallbackAPIVersion.VERSION2)
    subscriber.on_message = received
    subscriber.connect("127.0.0.1", port)
    subscriber.subscribe([(BARE, 1), (Topics("walker").alert, 1)])
    subscriber.loop_start()
    publisher = paho.Client(CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", port)
    publisher.loop_start()
    link = Link(MqttSettings(host="127.0.0.1", port=port), SimpleQueue(), store)
    link.start()
    time.sleep(1.0)
    sent: dict[tuple[str, int], float] = {}
    for number in range(1, count + 1):
        time_s = sent["ours", number] = time.monotonic()
        alert = Alert(
            str(number), number, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, time_s
        )
        link(SampleBlock.silent(time_s, ""), (), (alert,), Status(True, False, (alert,), time_s))
        arrived.acquire(timeout=5)
        time.sleep(BLOCK_S / 2)
        sent[BARE, number] = time.monotonic()
        publisher.publish(BARE, f"{number:010}".encode().ljust(PAYLOAD_BYTES), qos=1)
        arrived.acquire(timeout=5)
        time.sleep(BLOCK_S / 2)
    link.stop()
    for client in (publisher, subscriber):
        client.disconnect()
        client.loop_stop()
    taken = {key: heard[key] - sent_s for key, sent_s in sent.items()}
    return tuple(np.array([s for (kind, _), s in taken.items() if kind == k]) for k in (BARE, "ours"))  # type: ignore[return-value]  # two of them


if __name__ == "__main__":
    main()
