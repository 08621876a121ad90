"""What a page of thirty walkers takes, with ten phones that have it open: ``python -m benchmarks.board``.

A real Mosquitto, heartbeats of as many devices at 1 Hz, the page's process, and streams as phones read them,
all on this machine and sharing its cores. The time is from the heartbeat in which a fall stands to the tile
that shows it, read by the last of the phones; no browser takes part.
"""

import argparse
import re
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.page import Stream, processor_s
from monitor.core.vocabulary import AlertKind, Certainty, Priority, Stage
from monitor.delivery.messages import Gait, Incident
from monitor.spotter.page.page_settings import PageSettings
from tests.brokers import Mosquitto
from tests.heartbeats import Heartbeats
from tests.page_process import PageProcess
from tests.pulse import wait_until

GAIT = Gait(412, 940.0, "backward", 0.4, 96.0, 40.0, 20.0)


class Reader(Stream):
    """``seen_s``: when each incident was first read here."""

    def _read(self) -> None:
        self.seen_s: dict[str, float] = {}
        try:
            while line := self._response.readline():
                self.messages += line.startswith(b"event:")
                for name in re.findall(rb'"id":"(fall-\d+)"', line):
                    self.seen_s.setdefault(name.decode(), time.monotonic())
        except (OSError, ValueError, AttributeError):
            pass


def everybody_has(name: str, phones: list[Reader]) -> bool:
    return all(name in phone.seen_s for phone in phones)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=30)
    parser.add_argument("--phones", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--falls", type=int, default=30)
    options = parser.parse_args()
    names = [f"walker-{number:02}" for number in range(options.devices)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(folder))
        beats = stack.enter_context(Heartbeats(broker.settings(), names, every_s=1.0))
        usual: dict[str, Any] = {"walking": True, "gait": GAIT, "spotters": ("Eva", "Tom")}
        beats.says = dict.fromkeys(names, usual)
        settings = PageSettings(devices=" ".join(names))
        server = stack.enter_context(PageProcess(broker.settings(names[0]), folder, settings))
        phones = [Reader(server, f"spotter {number}") for number in range(options.phones)]
        for phone in phones:
            stack.callback(phone.close)
        threading.Event().wait(3.0)
        used_s, began_s, read = processor_s(server), time.monotonic(), phones[0].messages
        threading.Event().wait(options.seconds)
        lasted_s = time.monotonic() - began_s
        share = (processor_s(server) - used_s) / lasted_s
        assert server.process is not None
        threads = len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))
        print(f"{options.devices} walkers, {options.phones} phones: {100 * share:.0f} % of a core, ", end="")
        print(f"{server.memory_mb():.0f} MB resident, {threads} threads, ", end="")
        print(f"{(phones[0].messages - read) / lasted_s:.0f} messages a second to each phone")
        taken_ms = []
        about = (AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE)
        for number in range(options.falls):
            name, device = f"fall-{number}", names[number % len(names)]
            fall = Incident(name, 1 + number, *about, age_s=0.0)
            said_s = beats.say(device, {**usual, "incidents": (fall,), "alerts": 1 + number})
            wait_until(partial(everybody_has, name, phones))
            taken_ms.append(1e3 * (max(phone.seen_s[name] for phone in phones) - said_s))
        middle, late = np.percentile(taken_ms, [50, 99])
        print(f"{options.falls} falls, to the last phone: median {middle:.0f} ms, 99 % {late:.0f} ms")


if __name__ == "__main__":
    main()
