"""``rearguard notify``: alerts and silence to real phones, through Apprise, from a process of its own.

It is an ordinary spotter on MQTT and may run on any machine. Each service has a thread: a slow one delays
no other.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from monitor.core.setting import number, text
from monitor.core.vocabulary import Priority
from monitor.delivery.credentials import SecretError, check_secret
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.escalation import Escalation, Push

URGENT = {
    "ntfy": "max",
    "ntfys": "max",
    "pover": "high",
    "gotify": "emergency",
    "gotifys": "emergency",
    "prowl": "emergency",
}
"""How a service is told that a message is urgent: the value of its ``priority``. Others have no such word."""

TRIES_S = (0.0, 2.0, 5.0)
"""Pauses before each try; after the last, the repetition of an unanswered alert is the next."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NotifySettings:
    urls_file: str = text(
        "", "file with one Apprise URL a line, such as ntfys://ntfy.sh/my-topic, readable by its owner only"
    )
    least_priority: int = number(
        2,
        1,
        3,
        "",
        "1 tells phones everything, 2 what is medium and high, 3 only what is high",
        "more messages",
        "fewer messages",
    )
    per_minute: int = number(
        6,
        1,
        60,
        "",
        "messages a minute at most; a new high alert and its repetitions are never held back",
        "less noise",
        "more detail",
    )


def notify(
    mqtt: MqttSettings,
    settings: NotifySettings,
    who: str = "notify",
    done: Callable[[], bool] = lambda: False,
) -> int:
    """Tell phones until Ctrl-C or ``done()``; the exit status.

    Raises SecretError for the file of URLs, SystemExit without Apprise, and what SpotterClient raises.
    """
    services = [_Service(number, url) for number, url in enumerate(_urls(settings.urls_file), 1)]
    escalation = Escalation(mqtt.device, Priority(settings.least_priority), settings.per_minute)
    ear = SpotterClient(mqtt, who)
    try:
        while not done():
            for notice in ear.hear(0.1):
                _log.info(notice.text)
            for push in escalation.step(ear.view, time.monotonic()):
                for service in services:
                    service.tell(push)
    except KeyboardInterrupt:
        pass
    finally:
        ear.close()
        for service in services:
            service.close()
    return 0


def urgent(url: str) -> str:
    """The URL of the same service for urgent messages; a priority the user has set is kept."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    if parts.scheme not in URGENT or any(name == "priority" for name, _ in query):
        return url
    return urlunsplit(parts._replace(query=urlencode([*query, ("priority", URGENT[parts.scheme])])))


class _Service:
    """One Apprise URL. It holds secrets: only its number and scheme are ever printed."""

    def __init__(self, number: int, url: str) -> None:
        try:
            from apprise import Apprise
        except ImportError:
            sys.exit("Apprise is not installed: pip install 'rearguard[notify]'")
        self._name = f"service {number} ({urlsplit(url).scheme})"
        self._calm, self._urgent = Apprise(), Apprise()
        if not self._calm.add(url) or not self._urgent.add(urgent(url)):
            raise SecretError(f"{self._name} in the file of URLs is none that Apprise knows")
        self._pushes: SimpleQueue[Push | None] = SimpleQueue()
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def tell(self, push: Push) -> None:
        self._pushes.put(push)

    def close(self) -> None:
        """Its thread ends when it has said, or given up, what it was told."""
        self._pushes.put(None)

    def _run(self) -> None:
        for push in iter(self._pushes.get, None):
            way = self._urgent if push.urgent else self._calm
            for pause_s in TRIES_S:
                time.sleep(pause_s)
                try:
                    if way.notify(body=push.body, title=push.title):
                        break
                except Exception as error:  # noqa: BLE001  a service's plugin may raise anything
                    _log.error("%s: %s", self._name, type(error).__name__)
            else:
                _log.error("%s did not take a message", self._name)


def _urls(file: str) -> list[str]:
    if not file:
        raise SecretError("no phone to tell: set notify.urls_file")
    path = Path(file)
    check_secret(path)
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SecretError(f"cannot read the file of URLs: {error}") from None
    urls = [line for line in lines if line and not line.startswith("#")]
    if not urls:
        raise SecretError(f"{file} names no service")
    return urls
