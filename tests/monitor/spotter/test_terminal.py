"""`rearguard watch` without and with a terminal."""

import fcntl
import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from functools import partial
from queue import SimpleQueue

import pytest

from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Priority, Stage
from monitor.delivery.link import Link
from monitor.delivery.messages import Moment
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.incident import Incident, Notice, Tone
from monitor.spotter.screen import Screen
from monitor.spotter.terminal import READ_S, REQUESTS, Answers, Script, watch
from monitor.spotter.view import SpotterView
from tests.background import threaded
from tests.brokers import Mosquitto
from tests.pulse import PATIENCE_S, Pulse, wait_until


def own_terminal() -> None:
    """The terminal is the process's own, and Ctrl-C is heeded even where the tests run in the background."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


PROGRAM = (
    "import sys; from monitor.spotter.terminal import watch; from monitor.delivery.mqtt import MqttSettings;"
    "sys.exit(watch(MqttSettings(sys.argv[1], '127.0.0.1', int(sys.argv[2])), 'Eva'))"
)


def test_a_scripted_spotter_answers_and_clears(mqtt: MqttSettings) -> None:
    out = io.StringIO()
    spotter = threaded(partial(watch, mqtt, "Eva", Script(0.6, 0.2), out=out))
    with Pulse(Link(mqtt, SimpleQueue())) as pulse, spotter:
        wait_until(lambda: "contact: " in out.getvalue())
        pulse.raise_alert("1")
        wait_until(lambda: "cleared" in out.getvalue())
    kinds = [kind for kind in pulse.kinds() if kind not in (InputKind.SPOTTER_HERE, InputKind.SPOTTER_GONE)]
    assert kinds == [InputKind.COMING, InputKind.CLEAR]
    told = re.findall(
        r"FALL (suspected, acknowledged by Eva|suspected(?! *,)|cleared by Eva)", out.getvalue()
    )
    assert list(dict.fromkeys(told)) == ["suspected", "suspected, acknowledged by Eva", "cleared by Eva"]
    assert "\x1b" not in out.getvalue()


def test_a_broker_that_is_not_there_is_said_and_tried_again(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    out = io.StringIO()
    settings = mosquitto.settings()
    with threaded(partial(watch, settings, "Eva", None, out=out)):
        wait_until(lambda: "NO CONTACT: cannot reach the broker at 127.0.0.1" in out.getvalue())
        mosquitto.start()
        with Pulse(Link(settings, SimpleQueue())):
            wait_until(lambda: "contact: " in out.getvalue())


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("plain", [True, False])
def test_the_bell_rings_on_a_terminal_with_colours_or_without(
    plain: bool, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    settings = MqttSettings(host="127.0.0.1", port=free_port)
    watch(settings, "Eva", None, lambda: "NO CONTACT: cannot reach" in out.getvalue(), out=out)
    assert "\a" in out.getvalue()
    assert ("\x1b[1;31m" in out.getvalue()) != plain


@pytest.mark.parametrize(("age_s", "shown"), [(0.0174, " [17 ms after the event]"), (1.2, "")])
def test_how_soon_an_alert_came_is_shown_where_it_is_less_than_a_second(age_s: float, shown: str) -> None:
    story = Incident(
        "aaaa-1", "aaaa", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 0.0
    )
    out = io.StringIO()
    Screen(out).notice(Notice(Tone.RING, "FALL suspected", story, age_s))
    assert re.fullmatch(rf"\d\d:\d\d:\d\d !! FALL suspected{re.escape(shown)}\n", out.getvalue())


class Mouth:
    """An ear that only notes what it is told to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, InputKind]] = []

    def answer(self, incident_id: str, word: InputKind) -> bool:
        self.said.append((incident_id, word))
        return True


def test_a_key_meant_for_one_alert_does_not_answer_the_next() -> None:
    mouth = Mouth()
    answers = Answers(mouth)  # type: ignore[arg-type]  # all of a SpotterClient that it uses
    view = SpotterView("walker")

    def foremost(incident_id: str, priority: Priority, now_s: float) -> Moment:
        incident = Incident(
            incident_id, "aaaa", 1, AlertKind.FALL, priority, Certainty.CONFIRMED, Stage.ACTIVE, now_s
        )
        view.incidents[incident_id] = incident
        answers.look(view, Moment(now_s, now_s))
        return Moment(now_s, now_s)

    foremost("aaaa-1", Priority.MEDIUM, 0.0)
    moment = foremost("aaaa-2", Priority.HIGH, 10.0)
    assert "press again" in answers.say(InputKind.FALSE_ALARM, moment)
    assert mouth.said == []
    answers.say(InputKind.FALSE_ALARM, Moment(10.0 + READ_S, 10.0))
    assert mouth.said == [("aaaa-2", InputKind.FALSE_ALARM)]


@pytest.mark.parametrize("end", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_on_a_terminal_keys_answer_and_the_terminal_is_put_right(mqtt: MqttSettings, end: bytes) -> None:
    ours, theirs = pty.openpty()

    before = termios.tcgetattr(theirs)
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 4096):
                seen.append(data)
        except OSError:
            pass  # the other end is closed

    def press(key: bytes, *kinds: InputKind) -> None:
        """Until it has an effect: a key pressed right after an alert came up is not heeded."""

        def heard() -> bool:
            os.write(ours, key)
            time.sleep(0.1)
            return set(kinds) <= set(pulse.kinds())

        wait_until(heard)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    program = [sys.executable, "-c", PROGRAM, mqtt.device, str(mqtt.port)]
    with (
        Pulse(Link(mqtt, SimpleQueue())) as pulse,
        subprocess.Popen(
            program, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=own_terminal
        ) as process,
    ):
        try:
            wait_until(lambda: b"contact: " in b"".join(seen))
            pulse.raise_alert("1")
            wait_until(lambda: b"\a" in b"".join(seen))
            press(b"c", InputKind.COMING)
            press(b"adpt", *REQUESTS.values())
            os.write(ours, end)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    reader.join()
    os.close(ours)
