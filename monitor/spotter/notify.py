"""``rearguard notify``: alerts, and loss of contact, to phones, from a process of its own.

It is an ordinary spotter on MQTT and may run on any machine.
"""

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from monitor.core.vocabulary import InputKind, Priority
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.escalation import Escalation, Push
from monitor.spotter.keys import ended_by_signals
from monitor.spotter.notify_settings import NotifySettings
from monitor.spotter.phone_answers import PhoneAnswers
from monitor.spotter.services import Service, services
from monitor.spotter.view import SpotterView
from monitor.spotter.watching import Watching

HOW_TO_ANSWER = "Answer in rearguard watch, in Home Assistant, or by the walker's button."
BUTTONS = (("I'm coming", InputKind.COMING), ("False alarm", InputKind.FALSE_ALARM))


def notify(
    mqtt: MqttSettings,
    settings: NotifySettings,
    who: str = "",
    done: Callable[[], bool] = lambda: False,
) -> int:
    """Send alerts to phones until Ctrl-C or ``done()``; the exit status.

    ``who`` names this notifier among several; its account, or its machine, where it is empty. Raises what
    `services`, SpotterClient and PhoneAnswers raise.
    """
    who = who or mqtt.username or f"notify@{socket.gethostname()}"[:64]
    # Whenever it ends, also by systemd: the device learns that it has gone, and no thread is left behind.
    with suppress(KeyboardInterrupt), ended_by_signals(), ExitStack() as at_end:
        phones = services(settings.urls_file)
        for phone in phones:
            at_end.callback(phone.close)
        answers = PhoneAnswers(settings.answer_port, settings.answer_url) if settings.answer_port else None
        if answers is not None:
            at_end.callback(answers.close)
        escalation = Escalation(
            mqtt.device, Priority(settings.least_priority), settings.per_minute, _clock_time
        )
        watching = Watching(mqtt.device, _clock_time)
        ear = SpotterClient(
            mqtt,
            who,
            program="notify",
            has=lambda incident, _: any(p.taken.get(incident.id, -1) >= incident.sequence for p in phones),
            fails=lambda: not any(phone.works for phone in phones),
        )
        at_end.callback(ear.close)
        where = f"{mqtt.device} (broker {mqtt.host}:{mqtt.port})"
        _say(f"sending alerts of {where} to {_listed(phones)}; Ctrl-C ends")
        contact = ""
        while not done():
            ear.hear(0.1)
            contact = _report_contact(ear.view, contact)
            now_s = time.monotonic()
            pushes = escalation.step(ear.view, now_s)
            for push in [*pushes, *watching.step(ear.view, now_s, escalation.threads)]:
                for phone in phones:
                    phone.send(_answerable(push, answers))
            if answers is not None:
                _take(answers, ear)
    return 0


def _answerable(push: Push, answers: PhoneAnswers | None) -> Push:
    """With buttons, or with how else to answer, if it waits for an answer."""
    if not push.waits:
        return push
    if answers is None:
        return replace(push, body=f"{push.body}\n{HOW_TO_ANSWER}")
    buttons = [(name, answers.link(push.thread, word)) for name, word in BUTTONS]
    return replace(push, buttons=tuple(buttons))


def _take(answers: PhoneAnswers, ear: SpotterClient) -> None:
    """What was pressed goes to the device; what is over can no longer be answered."""
    for _ in range(answers.answers.qsize()):
        answer = answers.answers.get()
        if not ear.answer(answer.incident, answer.word):
            answers.answers.put(answer)  # there is no way just now: the phone was promised that it goes
    answers.forget({incident.id for incident in ear.view.open})


def send_test(mqtt: MqttSettings, settings: NotifySettings) -> int:
    """Send every service a test that rings as a fall does; 0 if all took it. Raises as `services` does."""
    phones = services(settings.urls_file)
    push = Push(
        "test", f"TEST: {mqtt.device}", f"A test of Rearguard, {_clock_time(time.monotonic())}.", True
    )
    taken = True
    for phone in phones:
        phone.send(push)
    for phone in phones:
        phone.close()
        taken = phone.finish() and taken
        _say(f"{phone.name}: " + ("taken; did the phone ring?" if phone.failed == 0 else "NOT TAKEN"))
    return 0 if taken else 1


def _report_contact(view: SpotterView, before: str) -> str:
    """A line when contact is lost, or is there again."""
    now = view.no_contact or "contact"
    if now != before:
        _say(f"no contact: {now}" if view.no_contact else f"contact with the device, {_armed(view)}")
    return now


def _armed(view: SpotterView) -> str:
    return "armed" if view.state and view.state.armed else "not armed"


def _listed(phones: Sequence[Service]) -> str:
    names = ", ".join(phone.name for phone in phones)
    return f"{len(phones)} service{'s' if len(phones) > 1 else ''}: {names}"


def _clock_time(mono_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time.time() - time.monotonic() + mono_s))


def _say(words: str) -> None:
    print(words, flush=True)
