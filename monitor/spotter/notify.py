"""``rearguard notify``: alerts, and loss of contact, to phones, from a process of its own.

It is an ordinary spotter on MQTT and may run on any machine.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.core.setting import number, text
from monitor.core.vocabulary import Priority
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.escalation import Escalation, Push
from monitor.spotter.services import Service, services
from monitor.spotter.view import SpotterView


@dataclass(frozen=True, slots=True)
class NotifySettings:
    urls_file: str = text(
        "", "file with one Apprise URL per line, such as ntfys://ntfy.sh/my-topic, readable by its owner only"
    )
    least_priority: int = number(
        2,
        1,
        3,
        "",
        "minimum priority of the alerts sent to phones: 1 low, 2 medium, 3 high",
        "more messages",
        "fewer messages",
    )
    per_minute: int = number(
        6,
        1,
        60,
        "",
        "most messages per minute; a new high alert and its repetitions are never held back",
        "fewer messages in a busy minute",
        "more messages in a busy minute",
    )


def notify(
    mqtt: MqttSettings,
    settings: NotifySettings,
    who: str = "notify",
    done: Callable[[], bool] = lambda: False,
) -> int:
    """Send alerts to phones until Ctrl-C or ``done()``; the exit status.

    Raises what `services` and SpotterClient raise.
    """
    phones = services(settings.urls_file)
    escalation = Escalation(mqtt.device, Priority(settings.least_priority), settings.per_minute, _clock_time)
    ear = SpotterClient(mqtt, who)
    _say(
        f"sending alerts of {mqtt.device} (broker {mqtt.host}:{mqtt.port}) to {_listed(phones)}; Ctrl-C ends"
    )
    contact = ""
    try:
        while not done():
            ear.hear(0.1)
            contact = _report_contact(ear.view, contact)
            for push in escalation.step(ear.view, time.monotonic()):
                for phone in phones:
                    phone.send(push)
    except KeyboardInterrupt:
        pass
    finally:
        ear.close()
        for phone in phones:
            phone.close()
    return 0


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
