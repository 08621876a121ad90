"""``rearguard watch``: a spotter in the terminal."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TextIO

from monitor.core.vocabulary import InputKind, Priority, Stage
from monitor.delivery.messages import Moment, now
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.incident import Incident, Tone
from monitor.spotter.keys import pressed
from monitor.spotter.screen import Screen
from monitor.spotter.view import NO_CONTACT_S, SpotterView, arming

ANSWERS = {"c": InputKind.COMING, "f": InputKind.FALSE_ALARM, "x": InputKind.CLEAR}
REQUESTS = {"a": InputKind.ARM, "d": InputKind.DISARM, "p": InputKind.PAUSE_SOUND, "t": InputKind.TEST}
WORDS = {
    InputKind.COMING: "I'm coming",
    InputKind.FALSE_ALARM: "false alarm",
    InputKind.CLEAR: "all clear",
}
READ_S = 0.5
"""A key pressed sooner after a new alert came up was meant for the one before."""

HELP = "keys: c I'm coming, f false alarm, x all clear; a arm, d disarm, p pause sound, t test; q quit"


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
    no_contact_s: float = NO_CONTACT_S,
    program: str = "",
) -> int:
    """Show the device's alerts and heartbeat until q, Ctrl-C or ``done()``; the exit status.

    ``aside`` gives lines of somebody else's to show between ours. ``program`` is for SpotterClient.
    A broker that cannot be reached is reported and tried again. Raises what SpotterClient raises.
    """
    ear = SpotterClient(settings, who, no_contact_s, program)
    screen = Screen(out)
    answers = Answers(ear)
    screen.line(f"watching {settings.device}, broker {settings.host}:{settings.port}")
    screen.line(HELP)
    try:
        with pressed() as keys:
            while not done():
                notices = ear.hear(0.05)
                moment = now()
                for notice in notices:
                    screen.notice(notice)
                answers.look(ear.view, moment)
                typed = keys()
                if "q" in typed:
                    break
                for key in typed:
                    screen.line(answers.key(key, moment))
                if script is not None and (word := answers.scripted(script, moment)) is not None:
                    screen.line(answers.say(word, moment))
                for text in aside():
                    screen.line(text, " |")
                screen.status(*prompt(ear.view, moment))
    except KeyboardInterrupt:
        pass
    finally:
        ear.close()
        screen.end()
    return 0


def prompt(view: SpotterView, moment: Moment) -> tuple[str, Tone]:
    """What to do now, in a line; red while somebody must do it."""
    if view.no_contact or view.state is None:
        return _contact_prompt(view, moment)
    if not view.open:
        tone, words = arming(view.state)
        steps = f"{view.state.steps} step{'' if view.state.steps == 1 else 's'}"
        return f"{words} | {steps} | ? = keys", Tone.NOTE if tone is Tone.RING else tone
    incident = view.open[0]
    more = f" (and {len(view.open) - 1} more)" if len(view.open) > 1 else ""
    if incident.waits:
        waited_s = max(0.0, moment.mono_s - incident.event_s)
        keys = "c = I'm coming" + ("" if incident.is_fault else ", f = false alarm")
        tone = Tone.RING if incident.priority is Priority.HIGH else Tone.NOTE
        return f"{incident.name}, {waited_s:.0f} s without an answer: {keys}{more}", tone
    keys = "ends with its cause" if incident.is_fault else "x = all clear, f = false alarm"
    return f"{incident.name}, {_coming(incident)}: {keys}{more}", Tone.NOTE


def _contact_prompt(view: SpotterView, moment: Moment) -> tuple[str, Tone]:
    if view.calm:
        return "switched off | q = quit", Tone.NOTE
    lost_s = moment.mono_s if view.lost_s is None else view.lost_s
    lasting = f"for {moment.mono_s - lost_s:.0f} s"
    if view.looked_after_by:
        return f"no contact {lasting}, {view.looked_after_by} is looking after it", Tone.NOTE
    if not view.rung:
        return f"connecting | {view.no_contact}", Tone.NOTE
    return f"NO CONTACT {lasting}: c = I'm looking after it | {view.no_contact}", Tone.RING


def _coming(incident: Incident) -> str:
    return f"{incident.who or 'somebody'} {'are' if incident.who == 'you' else 'is'} coming"


class Answers:
    """Answers go to the most urgent alert, once it has been that long enough to be the one that is meant."""

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

    def key(self, key: str, moment: Moment) -> str:
        """Do what the key is for; what was done, in words."""
        lost = self._ear.view.no_contact and not self._ear.view.calm
        if lost and key in "cd":
            self._ear.look_after_contact()
            if key == "c":
                return "you: I'm looking after it; no more reminders until contact is lost again"
        if key in ANSWERS:
            return self.say(ANSWERS[key], moment)
        return _ask(self._ear, REQUESTS[key]) if key in REQUESTS else HELP

    def say(self, word: InputKind, moment: Moment) -> str:
        """Answer; what was done, in words."""
        incident = self._incident
        if incident is None:
            return "no open alert"
        if incident.is_fault and word is not InputKind.COMING:
            return f"not sent: a {incident.name} ends when its cause does; c = I'm coming"
        if moment.mono_s - self._since_s < READ_S:
            return "not sent, a new alert has just come up: look, and press again"
        if not self._ear.answer(incident.id, word):
            return f"NOT SENT, no connection to the broker: {WORDS[word]}"
        return f"you: {WORDS[word]} ({incident.name})"

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
    return f"you: {name}" if ear.request(word) else f"NOT SENT, no connection to the broker: {name}"
