"""The services that bring messages to phones, through Apprise. Their URLs are secrets and are never shown."""

import logging
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from monitor.core.vocabulary import RearguardError
from monitor.delivery.credentials import check_secret
from monitor.spotter.escalation import Push

URGENT = {
    "NotifyNtfy": ("priority", "max"),
    "NotifyPushover": ("priority", "high"),
    "NotifyGotify": ("priority", "emergency"),
    "NotifyProwl": ("priority", "emergency"),
    "NotifyOpsgenie": ("priority", "emergency"),
    "NotifyJoin": ("priority", "emergency"),
    "NotifyBark": ("level", "critical"),
    "NotifyPagerDuty": ("severity", "critical"),
    "NotifyPagerTree": ("urgency", "critical"),
}
"""By Apprise's class: the parameter that makes a message urgent. The other services have none."""

TRIES_S = (0.0, 2.0, 5.0)
"""Pauses before each try; after the last, the repetition of an unanswered alert is the next."""

RETRY_S = 30.0
"""Where a service takes nothing, the latest message of each thread is tried again so often."""

LONGEST_BYTES = 4000
"""ntfy.sh makes a file of more; where a service takes less, less is sent."""

EXAMPLE = "ntfys://ntfy.sh/my-topic"

_log = logging.getLogger(__name__)


class NotifyError(RearguardError):
    """Phones cannot be reached this way: what is wrong, in which line of the file of URLs."""


def services(urls_file: str) -> list["Service"]:
    """The services of the file of URLs, ready to send. Raises NotifyError, and SecretError for its mode."""
    lines = _lines(urls_file)
    try:
        from apprise import Apprise
    except ImportError:
        raise NotifyError(
            f"Apprise, which reaches the phones, is not installed: {sys.executable} -m pip install apprise"
        ) from None
    _keep_quiet()
    found = []
    for number, url in lines:
        where = f"{urls_file}:{number}"
        if not re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*://", url):
            raise NotifyError(f"{where}: expected a URL such as {EXAMPLE}, found something else")
        if re.search(r"\s", url):
            raise NotifyError(f"{where}: expected one URL a line, found a space in it: write it as %20")
        scheme = url.partition(":")[0].lower()
        try:
            urlsplit(url)
        except ValueError:
            raise NotifyError(
                f"{where}: this {scheme}:// URL cannot be read: in a password write [ as %5B, ] as %5D"
            ) from None
        calm = Apprise.instantiate(url)
        loud = Apprise.instantiate(urgent(url))
        if calm is None or loud is None:
            raise NotifyError(
                f"{where}: Apprise does not take this {scheme}:// URL: check its parts, see "
                "https://github.com/caronc/apprise/wiki"
            )
        found.append((f"{calm.service_name} (line {number})", calm, loud, url))
    return [Service(*parts) for parts in found]


def urgent(url: str) -> str:
    """The URL of the same service for urgent messages; an urgency that the user has set is kept.

    What service it is Apprise decides, not the look of the address: https://ntfy.sh/topic is ntfy too.
    """
    from apprise import Apprise

    key, value = URGENT.get(type(Apprise.instantiate(url)).__name__, ("", ""))
    if not key or re.search(rf"[?&]{key}=", url):
        return url
    return f"{url}{'&' if '?' in url else '?'}{key}={value}"


class Service:
    """One Apprise URL, with a thread of its own: a slow one delays no other.

    ``calm`` and ``loud`` are Apprise's object of the service, for ordinary and for urgent messages; ``url``
    is what they were made from.
    """

    def __init__(self, name: str, calm: Any, loud: Any, url: str = "") -> None:
        self.name = name
        self._url = url
        self.failed = 0  # messages
        self.works = True  # it took the last one
        self.taken: dict[str, int] = {}  # by thread: the report it took last
        self._plugins = {False: calm, True: loud}
        for plugin in (calm, loud):
            plugin.request_rate_per_sec = 0  # Apprise would hold an alert back for 5.5 s after another
        self._pending: dict[str, Push] = {}  # the newest of each thread
        self._more = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def send(self, push: Push) -> None:
        """Send it as soon as may be, the urgent first. Never waits."""
        with self._more:
            self._pending[push.thread] = push  # in place of an older one, all of which it says too
            self._more.notify()

    def close(self) -> None:
        """Its thread ends when all is sent, or given up."""
        with self._more:
            self._closed = True
            self._more.notify()

    def finish(self, timeout_s: float = 30.0) -> bool:
        """After `close`: wait for it; was everything taken?"""
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self.failed

    def _next(self) -> Push | None:
        with self._more:
            self._more.wait_for(lambda: self._pending or self._closed)
            if not self._pending:
                return None
            return self._pending.pop(max(self._pending, key=lambda thread: self._pending[thread].urgent))

    def _run(self) -> None:
        for push in iter(self._next, None):
            for pause_s in TRIES_S if self.works else TRIES_S[:1]:
                time.sleep(pause_s)
                with self._more:
                    if push.thread in self._pending:
                        break  # by now there is a newer one
                if _sent(self._plugin(push), push):
                    self._took(push)
                    break
            else:
                self._failed(push)

    def _plugin(self, push: Push) -> Any:
        """Apprise's object; for a message with buttons one of its own."""
        plugin = self._plugins[push.urgent]
        if not push.buttons or type(plugin).__name__ != "NotifyNtfy":
            return plugin
        from apprise import Apprise

        url = urgent(self._url) if push.urgent else self._url
        actions = "; ".join(f"http, {name}, {link}, method=POST, clear=true" for name, link in push.buttons)
        own = Apprise.instantiate(f"{url}{'&' if '?' in url else '?'}actions={quote(actions, safe='')}")
        if own is None:
            return plugin
        own.request_rate_per_sec = 0
        return own

    def _took(self, push: Push) -> None:
        self.taken[push.thread] = push.sequence
        if not self.works:
            _log.warning("%s takes messages again", self.name)
        self.works = True

    def _failed(self, push: Push) -> None:
        self.failed += 1
        if self.works:
            _log.error("%s did not take a message%s", self.name, _why.by_thread.get(self.name, ""))
        self.works = False
        with self._more:
            if not self._closed:
                self._pending.setdefault(push.thread, push)
                self._more.wait(RETRY_S)  # or until there is news


def cut(push: Push, limit: int) -> str:
    """The body, as far as ``limit`` bytes hold it and the title: the oldest lines are left out."""
    room = min(limit, LONGEST_BYTES) - len(push.title.encode()) - 2
    first, *lines = push.body.split("\n")
    body = first.encode()[: max(0, room)].decode(errors="ignore")
    for line in lines:
        if len(f"{body}\n{line}".encode()) > room:
            break
        body += f"\n{line}"
    return body


def _sent(plugin: Any, push: Push) -> bool:
    try:
        return bool(plugin.notify(cut(push, plugin.body_maxlen), push.title, _type(push)))
    except Exception as error:  # noqa: BLE001  a service's plugin may raise anything
        _why.by_thread[threading.current_thread().name] = f": {type(error).__name__}"
        return False


def _type(push: Push) -> str:
    """Apprise's kind of message, by which hooks can tell the urgent from the calm."""
    return "failure" if push.urgent else "info"


def _lines(urls_file: str) -> list[tuple[int, str]]:
    """The URLs with the numbers of their lines."""
    if not urls_file:
        raise NotifyError(
            "no notification service configured: set notify.urls_file to a file with one Apprise URL a line, "
            f"such as {EXAMPLE}"
        )
    path = Path(urls_file)
    check_secret(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NotifyError(
            f"cannot read {urls_file}: {type(error).__name__}; expected text in UTF-8"
        ) from None
    urls = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    urls = [(number, url) for number, url in urls if url and not url.startswith("#")]
    if not urls:
        raise NotifyError(f"{urls_file} contains no URL: expected one a line, such as {EXAMPLE}")
    return urls


class _Why(logging.Handler):
    """Keeps why a message was not taken, by thread. Apprise's own words may show a secret."""

    def __init__(self) -> None:
        super().__init__()
        self.by_thread: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if status := re.search(r"error=(\d+)", words):
            self.by_thread[record.threadName or ""] = f": HTTP status {status[1]}"
        elif "onnection" in words:
            self.by_thread[record.threadName or ""] = ": it cannot be reached"


_why = _Why()


def _keep_quiet() -> None:
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.handlers = [_why]
