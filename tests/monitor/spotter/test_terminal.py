"""`rearguard watch` without and with a terminal."""

import contextlib
import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

import pytest

from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Priority, Stage
from monitor.delivery.link import Link
from monitor.delivery.messages import Moment, State
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.incident import Incident, Notice, Tone
from monitor.spotter.keys import letters
from monitor.spotter.screen import Screen
from monitor.spotter.terminal import HELP, READ_S, REQUESTS, Answers, Script, prompt, watch
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
    "import sys; from monitor.cli import main;"
    "sys.exit(main(['watch', '--config', '/dev/null', '--name', 'Eva', '--host', '127.0.0.1',"
    " '--device', sys.argv[1], '--port', sys.argv[2]]))"
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
        self.view = SpotterView("walker")
        self.view.no_contact = ""

    def answer(self, incident_id: str, word: InputKind) -> bool:
        self.said.append((incident_id, word))
        return True

    def request(self, word: InputKind) -> bool:
        self.said.append(("", word))
        return True

    def look_after_contact(self) -> None:
        self.view.look_after("Eva")


def talking(*incidents: Incident) -> tuple[Answers, Mouth, Moment]:
    """Somebody at the keys, with these incidents open for long enough."""
    mouth = Mouth()
    mouth.view.incidents = {incident.id: incident for incident in incidents}
    mouth.view.state = State("aaaa", 1, 0.0, 0.0, 0.0, True, False, steps=45)
    answers = Answers(mouth)  # type: ignore[arg-type]  # all of a SpotterClient that it uses
    answers.look(mouth.view, Moment(0.0, 0.0))
    return answers, mouth, Moment(12.0, 12.0)


FALL = Incident("aaaa-1", "aaaa", 1, AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, 0.0)
FAULT = replace(FALL, id="aaaa-2", kind=AlertKind.SENSOR, priority=Priority.MEDIUM, reason="no cable")


@pytest.mark.parametrize("key", "fx")
def test_a_fault_is_not_cleared_by_hand_and_the_screen_says_why(key: str) -> None:
    answers, mouth, moment = talking(FAULT)
    assert "ends when its cause does" in answers.key(key, moment)
    assert mouth.said == []
    answers.key("c", moment)
    assert mouth.said == [("aaaa-2", InputKind.COMING)]


@pytest.mark.parametrize("key", ["h", " ", "?", "\n"])
def test_an_unknown_key_shows_the_keys(key: str) -> None:
    answers, mouth, moment = talking(FALL)
    assert answers.key(key, moment) == HELP
    assert mouth.said == []


def test_lost_contact_can_be_looked_after() -> None:
    answers, mouth, moment = talking(FALL)
    mouth.view.no_contact = "no heartbeat"
    assert "looking after it" in answers.key("c", moment)
    assert mouth.view.looked_after_by == "Eva"
    assert mouth.said == []  # the fall is not answered: nobody would hear it
    answers.key("d", moment)
    assert mouth.said == [("", InputKind.DISARM)]


@pytest.mark.parametrize(
    ("typed", "keys", "begun"),
    [
        ("C", "c", ""),
        ("\x1b[A", "?", ""),  # up: not the wish to arm
        ("\x1b[D\x1bOCx", "??x", ""),
        ("\x1b[1;5D", "?", ""),
        ("a\x1b", "a", "\x1b"),
        ("\x1b[", "", "\x1b["),
    ],
)
def test_an_arrow_is_one_unknown_key_however_it_arrives(typed: str, keys: str, begun: str) -> None:
    assert letters(typed) == (keys, begun)


@pytest.mark.parametrize(
    ("incidents", "words", "tone"),
    [
        ([], "armed | 45 steps | ? = keys", Tone.CALM),
        (
            [FALL],
            "FALL confirmed, 12 s without an answer: c = I'm coming, f = false alarm",
            Tone.RING,
        ),
        (
            [replace(FALL, stage=Stage.ACKNOWLEDGED, who="you")],
            "FALL confirmed, you are coming: x = all clear, f = false alarm",
            Tone.NOTE,
        ),
        ([FAULT], "sensor fault, 12 s without an answer: c = I'm coming", Tone.NOTE),
        (
            [FAULT, FALL],
            "FALL confirmed, 12 s without an answer: c = I'm coming, f = false alarm (and 1 more)",
            Tone.RING,
        ),
    ],
)
def test_the_status_line_says_what_to_press(incidents: list[Incident], words: str, tone: Tone) -> None:
    _, mouth, moment = talking(*incidents)
    assert prompt(mouth.view, moment) == (words, tone)


def test_without_contact_the_status_line_is_red_until_somebody_looks_after_it() -> None:
    _, mouth, moment = talking()
    mouth.view.no_contact, mouth.view.lost_s = "no heartbeat", 2.0
    assert prompt(mouth.view, moment) == ("connecting | no heartbeat", Tone.NOTE)
    mouth.view.rung = True
    assert prompt(mouth.view, moment) == (
        "NO CONTACT for 10 s: c = I'm looking after it | no heartbeat",
        Tone.RING,
    )
    mouth.view.look_after("Eva")
    assert prompt(mouth.view, moment) == ("no contact for 10 s, Eva is looking after it", Tone.NOTE)


@pytest.mark.parametrize(("waits_for", "armed"), [(("stand still",), False), ((), False)])
def test_only_armed_is_green(waits_for: tuple[str, ...], armed: bool) -> None:
    _, mouth, moment = talking()
    mouth.view.state = State("aaaa", 1, 0.0, 0.0, 0.0, armed, False, waits_for=waits_for)
    words, tone = prompt(mouth.view, moment)
    assert tone is Tone.NOTE
    assert words.startswith("NOT YET ARMED: stand still" if waits_for else "DISARMED")


def test_a_confirmed_fall_is_shown_red_without_ringing_though_somebody_is_coming() -> None:
    out = Terminal()
    coming = replace(FALL, stage=Stage.ACKNOWLEDGED, who="Eva")
    Screen(out).notice(Notice(Tone.WARN, coming.words(), coming, 2.0))
    assert "\x1b[1;31m" in out.getvalue()
    assert "!! FALL confirmed, acknowledged by Eva" in out.getvalue()
    assert "\a" not in out.getvalue()


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal_and_no_word_is_torn(columns: int) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = "word " * 30
    with open(theirs, "w") as out:
        screen = Screen(out)
        screen.line(words)
        screen.status("s" * 300, Tone.RING)
    written = b""
    with contextlib.suppress(OSError):  # the end of what was written
        while part := os.read(ours, 4096):
            written += part
    os.close(ours)
    shown = written.decode()
    *lines, status = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown).replace("\r", "").split("\n")
    assert all(len(line) <= columns for line in lines)
    assert set(" ".join(lines).split()[1:]) == {"word"}
    assert len(status) == columns - 1


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


@pytest.mark.parametrize("end", [b"q", b"Q", b"\x03", b"\x1c"], ids=["q", "Q", "Ctrl-C", "Ctrl-backslash"])
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
            press(b"C", InputKind.COMING)
            press(b"adpt", *REQUESTS.values())
            os.write(ours, end)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    assert termios.tcgetattr(theirs) == before
    os.close(theirs)
    reader.join()
    os.close(ours)
