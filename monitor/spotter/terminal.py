"""``rearguard watch``: a spotter in the terminal."""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from monitor.core.vocabulary import InputKind, Priority, Stage
from monitor.delivery.messages import Moment, now
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.view import KIND_WORDS, Incident, Notice, SpotterView, Tone

KEYS = {"c": InputKind.COMING, "f": InputKind.FALSE_ALARM, "x": InputKind.CLEAR}
REQUESTS = {"a": InputKind.ARM, "d": InputKind.DISARM, "p": InputKind.PAUSE_SOUND, "t": InputKind.TEST}
READ_S = 0.5
"""A key pressed sooner after a new alert came up was meant for the one before."""

HELP = "keys: c coming, f false alarm, x clear, a arm, d disarm, p pause sound, t test, q quit"

_COLOURS = {Tone.RING: "\x1b[1;31m", Tone.WARN: "\x1b[1;31m", Tone.CALM: "\x1b[32m", Tone.NOTE: "\x1b[33m"}


@dataclass(frozen=True)
class Script:
    """A spotter who answers by itself: "coming" so long after a high alert, "clear" so long after that."""

    coming_s: float = 1.5
    clear_s: float = 6.0


def watch(
    settings: MqttSettings,
    who: str,
    script: Script | None = None,
    done: Callable[[], bool] = lambda: False,
    aside: Callable[[], Iterable[str]] = lambda: (),
    out: TextIO = sys.stdout,
) -> int:
    """Show the device's alerts and heartbeat until q, Ctrl-C or ``done()``; the exit status.

    ``aside`` gives lines of somebody else's to show between ours.
    A broker that cannot be reached is said and tried again. Raises what SpotterClient raises.
    """
    ear = SpotterClient(settings, who)
    view = ear.view
    screen = _Screen(out)
    answers = Answers(ear)
    screen.line(f"watching {settings.device} at {settings.host}:{settings.port}. {HELP}")
    try:
        with _keys() as key:
            while not done():
                notices = ear.hear(0.05)
                moment = now()
                for notice in notices:
                    screen.show(notice)
                answers.look(view, moment)
                pressed = key()
                if pressed == "q":
                    break
                if pressed in KEYS:
                    screen.line(answers.say(KEYS[pressed], moment))
                elif pressed in REQUESTS:
                    screen.line(_ask(ear, REQUESTS[pressed]))
                elif script is not None and (word := answers.scripted(script, moment)) is not None:
                    screen.line(answers.say(word, moment))
                for text in aside():
                    screen.line(text)
                screen.status(view)
    except KeyboardInterrupt:
        pass
    finally:
        ear.close()
        screen.line("")
    return 0


class Answers:
    """Answers go to the foremost alert, once it has been foremost long enough to be the one that is meant."""

    def __init__(self, ear: SpotterClient) -> None:
        self._ear = ear
        self._incident: Incident | None = None
        self._since_s = 0.0
        self._scripted: set[tuple[str, InputKind]] = set()

    def look(self, view: SpotterView, moment: Moment) -> None:
        incident = view.open[0] if view.open else None
        if (incident and incident.id) != (self._incident and self._incident.id):
            self._since_s = moment.mono_s
        self._incident = incident

    def say(self, word: InputKind, moment: Moment) -> str:
        """Answer; what was done, in words."""
        if self._incident is None:
            return "no alert stands"
        if moment.mono_s - self._since_s < READ_S:
            return "not sent, a new alert has just come up: look, and press again"
        if not self._ear.answer(self._incident.id, word):
            return f"NOT SENT, no broker: {word.value}"
        return f"you say: {word.value.replace('_', ' ')} ({KIND_WORDS[self._incident.kind]})"

    def scripted(self, script: Script, moment: Moment) -> InputKind | None:
        """What the script says now, each word once."""
        incident = self._incident
        if incident is None:
            return None
        since_s = moment.mono_s - incident.event_s
        word = None
        if incident.waits and incident.priority is Priority.HIGH and since_s > script.coming_s:
            word = InputKind.COMING
        elif incident.stage is Stage.ACKNOWLEDGED and since_s > script.clear_s:
            word = InputKind.CLEAR
        if word is None or (incident.id, word) in self._scripted:
            return None
        self._scripted.add((incident.id, word))
        return word


def _ask(ear: SpotterClient, word: InputKind) -> str:
    """Request what belongs to no alert; what was done, in words."""
    name = word.value.replace("_", " ")
    return f"you ask: {name}" if ear.request(word) else f"NOT SENT, no broker: {name}"


class _Screen:
    """Lines above, on a terminal one status line below; plain text elsewhere."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._status = ""

    def line(self, text: str) -> None:
        clear = "\r\x1b[K" if self._live else ""
        self._out.write(f"{clear}{text}\n")
        self._out.flush()
        self._status = ""

    def show(self, notice: Notice) -> None:
        mark = {Tone.RING: "!!", Tone.WARN: "!!", Tone.CALM: "ok", Tone.NOTE: "--"}[notice.tone]
        text = f"{mark} {notice.text}"
        if notice.incident is not None:
            text += f"  [{notice.age_s * 1000:.0f} ms after the event]" if notice.age_s < 1.0 else ""
        if self._colour:
            text = f"{_COLOURS[notice.tone]}{text}\x1b[0m"
        bell = "\a" if self._live and notice.tone is Tone.RING else ""
        self.line(bell + text)

    def status(self, view: SpotterView) -> None:
        if not self._live:
            return
        state = view.state
        if view.blind or state is None:
            text = f"BLIND: {view.blind}"
        else:
            armed = "armed" if state.armed else "DISARMED"
            text = f"{armed} | {len(view.open)} open | {state.steps} steps | beat {state.sequence}"
        if text != self._status:
            self._status = text
            self._out.write(f"\r\x1b[K{text[:78]}")
            self._out.flush()


@contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """A function that returns the key pressed, "" if none; the terminal is put right again at the end."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    before = termios.tcgetattr(sys.stdin)

    def pressed() -> str:
        ready, _, _ = select.select([sys.stdin], [], [], 0)
        return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") if ready else ""

    try:
        tty.setcbreak(sys.stdin.fileno())
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
