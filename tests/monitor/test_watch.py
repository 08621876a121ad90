"""`rearguard watch` without and with a terminal."""

import io
import os
import pty
import subprocess
import sys
import threading
import time
from functools import partial
from queue import SimpleQueue

import pytest

from monitor.core.vocabulary import InputKind
from monitor.link import Link
from monitor.mqtt import MqttSettings
from monitor.watch import Script, watch
from tests.brokers import Mosquitto, free_port
from tests.pulse import Pulse, wait_until

PROGRAM = (
    "import sys; from monitor.watch import watch; from monitor.mqtt import MqttSettings;"
    "sys.exit(watch(MqttSettings(host='127.0.0.1', port=int(sys.argv[1])), 'Eva'))"
)


def test_a_scripted_spotter_answers_and_clears(mosquitto: Mosquitto) -> None:
    settings = MqttSettings(host="127.0.0.1", port=mosquitto.port)
    out = io.StringIO()
    with Pulse(Link(settings, SimpleQueue())) as pulse:
        over = threading.Event()
        spotter = threading.Thread(
            target=partial(watch, settings, "Eva", Script(0.6, 0.2), over.is_set, out=out), daemon=True
        )
        spotter.start()
        wait_until(lambda: "the device is seen" in out.getvalue())
        pulse.raise_alert("1")
        wait_until(lambda: "cleared" in out.getvalue())
        over.set()
        spotter.join()
    kinds = [kind for kind in pulse.kinds() if kind not in (InputKind.SPOTTER_HERE, InputKind.SPOTTER_GONE)]
    assert kinds == [InputKind.COMING, InputKind.CLEAR]
    lines = [line for line in out.getvalue().splitlines() if "FALL" in line]
    assert ["suspected" in lines[0], "answered" in lines[2], "cleared" in lines[4]] == [True] * 3
    assert "ms after the event" in lines[0]
    assert "\x1b" not in out.getvalue()


def test_a_broker_that_is_not_there_is_said_and_tried_again() -> None:
    out = io.StringIO()
    begun_s = time.monotonic()
    settings = MqttSettings(host="127.0.0.1", port=free_port())
    status = watch(settings, "Eva", None, lambda: time.monotonic() - begun_s > 1, out=out)
    assert status == 0
    assert "BLIND: cannot reach the broker at 127.0.0.1" in out.getvalue()


@pytest.mark.parametrize("end", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_on_a_terminal_keys_answer_and_the_terminal_is_put_right(mosquitto: Mosquitto, end: bytes) -> None:
    settings = MqttSettings(host="127.0.0.1", port=mosquitto.port)
    ours, theirs = pty.openpty()
    import termios

    before = termios.tcgetattr(theirs)
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.append(data)
        except OSError:
            pass  # the other end is closed

    with Pulse(Link(settings, SimpleQueue())) as pulse:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(mosquitto.port)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=lambda: (os.setsid(), __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0)),
        )
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        wait_until(lambda: b"the device is seen" in b"".join(seen), within_s=20)
        pulse.raise_alert("1")
        wait_until(lambda: b"\a" in b"".join(seen))
        time.sleep(0.6)  # the key must not look meant for an earlier alert
        os.write(ours, b"c")
        wait_until(lambda: InputKind.COMING in pulse.kinds())
        os.write(ours, end)
        assert process.wait(10) == 0
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    reader.join()
    os.close(ours)
