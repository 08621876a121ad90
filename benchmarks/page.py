"""From the end of a block to the painted alarm, with 50 pages open: ``python -m benchmarks.page``.

A real Mosquitto, the device's link, the page's process, 49 streams and one Chromium, all on this machine and
sharing its cores. The browser says when the frame with the alarm was painted.
"""

import argparse
import http.client
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from monitor.core.vocabulary import AlertKind, InputKind, Priority, Stage
from monitor.delivery.link import Link
from monitor.spotter.page.app import COOKIE
from monitor.spotter.page.door import Door
from monitor.spotter.page.places import DOOR
from tests.brokers import Mosquitto
from tests.page_process import PageProcess, Phone, chromium
from tests.pulse import Pulse, wait_until

WATCH = """
window.painted = [];
new MutationObserver(() => {
  if (document.querySelector('#alarm .full') && !window.seen) {
    window.seen = true;
    requestAnimationFrame(() => setTimeout(() => {
      painted.push((performance.timeOrigin + performance.now()) / 1000);
    }));
  }
  if (!document.querySelector('#alarm .full')) window.seen = false;
}).observe(document.getElementById('alarm'), { childList: true, subtree: true });
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=100)
    parser.add_argument("--pages", type=int, default=50)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(folder))
        mqtt = broker.settings()
        pulse = stack.enter_context(Pulse(Link(mqtt, SimpleQueue(), folder / "outbox.db")))
        wait_until(lambda: pulse.linked)
        began_s = time.monotonic()
        server = stack.enter_context(PageProcess(mqtt, folder))
        print(f"the page's process has started after {time.monotonic() - began_s:.2f} s")
        streams = [Stream(server, f"spotter {i}") for i in range(options.pages - 1)]
        for stream in streams:
            stack.callback(stream.close)
        phone = Phone(stack.enter_context(chromium()), server.link("Eva"))
        phone.shows("Safe")
        phone.start()
        phone.ask(WATCH)
        used_s = processor_s(server)
        measured_s = time.monotonic()
        taken_ms = 1e3 * np.array([one(phone, pulse, number) for number in range(options.alerts)])
        share = (processor_s(server) - used_s) / (time.monotonic() - measured_s)
        middle, late = np.percentile(taken_ms, [50, 99])
        print(f"{options.alerts} alarms, {options.pages} pages open, from block end to the painted alarm:")
        print(
            f"median {middle:.0f} ms, 99 % {late:.0f} ms, worst {taken_ms.max():.0f} ms (goal: 99 % in 150)"
        )
        print(f"the page's process: {100 * share:.0f} % of a core, {server.memory_mb():.1f} MB resident")
        phone.context.close()
        phone_gone_s = time.monotonic()
        wait_until(lambda: InputKind.SPOTTER_GONE in pulse.kinds())
        print(f"the device knows {time.monotonic() - phone_gone_s:.1f} s after the phone has gone (goal: 5)")
        heard = sorted(stream.messages for stream in streams)
        print(f"messages to each of the other pages: {heard[0]} to {heard[-1]}")


def one(phone: Phone, pulse: Pulse, number: int) -> float:
    """Raise an alarm, and end it; seconds until it was painted."""
    before = len(phone.ask("painted"))
    pulse.raise_alert(str(number))
    wait_until(lambda: len(phone.ask("painted")) > before)
    taken_s = float(phone.ask("painted")[-1]) - pulse.handed_s[str(number)]
    pulse.raise_alert(str(number), AlertKind.FALL, Priority.HIGH, stage=Stage.CLEARED)
    phone.until("!document.querySelector('#alarm .full')")
    return taken_s


class Stream:
    """A page that only listens."""

    def __init__(self, server: PageProcess, name: str) -> None:
        door = Door(server.folder / DOOR)
        secret = door.enter(door.invite(name, time.time()).link, "", time.time())
        door.close()
        self.messages = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._connection.request("GET", "/live", headers={"Cookie": f"{COOKIE}={secret}"})
        self._response = self._connection.getresponse()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self._response.readline():
                self.messages += line.startswith(b"event:")

    def close(self) -> None:
        if self._connection.sock is not None:
            self._connection.sock.close()


def processor_s(server: PageProcess) -> float:
    """Processor time that the page's process has used."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100.0


if __name__ == "__main__":
    main()
