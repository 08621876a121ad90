"""The whole machine as processes: a real broker, a spotter in the terminal, a simulated chip on its bus."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.delivery.mqtt import MqttSettings
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from tests.brokers import Mosquitto
from tests.demo_picture import excerpt, pictured, plain
from tests.pulse import PATIENCE_S

pytestmark = pytest.mark.long


def _heed_ctrl_c() -> None:
    """Where the tests run in the background, Ctrl-C is ignored by what they start; under nohup, SIGHUP."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Process:
    """``rearguard`` with ``words``; its lines can be waited for, in order."""

    def __init__(self, words: Sequence[str]) -> None:
        self.handle = subprocess.Popen(
            [sys.executable, "-m", "monitor.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            preexec_fn=_heed_ctrl_c,
        )
        self.said: list[str] = []
        self.everything: list[str] = []
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.handle.stdout is not None
        for line in self.handle.stdout:
            self.everything.append(line.rstrip())
            self._lines.put(line.rstrip())

    def until(self, pattern: str) -> str:
        """The next line that matches; what came before it is passed over."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                continue
            self.said.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError(f"{pattern!r} was not said in {PATIENCE_S:.0f} s, but:\n" + "\n".join(self.said))

    def lines(self) -> list[str]:
        """What it said and nobody waited for; after its end."""
        return [self._lines.get() for _ in range(self._lines.qsize())]

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        self.handle.send_signal(with_signal)
        return self.ended()

    def ended(self) -> int:
        status = self.handle.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.handle.stdout is not None
        self.handle.stdout.close()
        return status


@contextmanager
def rearguard(*words: str) -> Iterator[Process]:
    process = Process(words)
    try:
        yield process
    finally:
        process.handle.kill()
        process.ended()


def test_a_recorded_fall_through_the_chip_reaches_a_spotter_stage_by_stage(
    mqtt: MqttSettings, tmp_path: Path
) -> None:
    script = [(1.0, Move.STAND), (4.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (2.0, Move.LIE)]
    path = tmp_path / "fall.npz"
    corpus.save(path, [simulated_walker.walk(script, 100.0, seed=1).trial("fall")])
    config = tmp_path / "config.yaml"
    config.write_text(f"mqtt: {{device: {mqtt.device}, host: {mqtt.host}, port: {mqtt.port}}}")
    where = ["--config", str(config)]
    with rearguard("watch", *where) as spotter:
        spotter.until("watching walker")
        with rearguard(
            "replay", str(path), "--trial", "fall", "--through-chip", "--publish", *where
        ) as machine:
            spotter.until("(contact: |ok )armed")
            spotter.until("FALL suspected")
            spotter.until("FALL confirmed")
            machine.until(r"ALERT fall suspected")
            machine.until("red, flashing fast . five urgent beeps")
            machine.until(r"ALERT fall confirmed")
            assert machine.ended() == 0
        assert spotter.end(signal.SIGINT) == 0


def test_a_pulled_sensor_and_a_stopped_broker_are_seen_at_both_ends_and_heal(mosquitto: Mosquitto) -> None:
    where = ["--config", os.devnull, "--port", str(mosquitto.port)]
    with rearguard("watch", *where) as spotter, rearguard("run", "--simulate", *where) as machine:
        spotter.until("(contact: |ok )armed")

        machine.handle.send_signal(signal.SIGUSR1)
        machine.until(r"ALERT sensor confirmed .medium.: I2C bus 1")
        machine.until("magenta double flash: sensor fault")
        spotter.until("!! sensor fault: I2C bus 1")
        machine.handle.send_signal(signal.SIGUSR1)
        machine.until(r"ALERT sensor recovered")
        spotter.until("ok sensor fault over")

        mosquitto.kill()
        machine.until(r"ALERT link confirmed .medium.")
        machine.until("cyan triple flash: no connection to the broker")
        spotter.until("NO CONTACT: lost the broker")
        mosquitto.start()
        machine.until(r"ALERT link recovered")
        spotter.until("(contact: |ok )armed")

        assert machine.end() == 0
        spotter.until("NO CONTACT: the device was switched off while armed")
        assert spotter.end(signal.SIGINT) == 0


def test_the_demo_runs_to_its_end_with_a_spotter_who_answers_by_itself() -> None:
    with rearguard("demo") as demo:
        demo.until("FALL suspected")
        demo.until("you: I'm coming")
        demo.until("slow blue blink: your spotter is coming")
        demo.until("ok FALL cleared by you")
        demo.until("^That was all: the alert reached you")
        assert not [line for line in demo.said if re.search(" fault|no new sample|NO CONTACT", line)]
        demo.until(".venv/bin/rearguard check")
        assert demo.ended() == 0
    # If this fails: python -m tests.demo_picture
    assert sorted(map(plain, excerpt(demo.everything))) == sorted(map(plain, pictured()))


def test_a_demo_of_no_recording_says_so_and_nothing_else() -> None:
    with rearguard("demo", "nope.npz") as demo:
        assert demo.ended() == 2
        assert demo.lines() == [
            "nope.npz: expected a recording (.npz), found no file there; "
            "the word `example` names the one that comes with rearguard"
        ]
