"""The page's own process, as ``rearguard page`` starts it, and a phone: Chromium with the page open."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import msgspec
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from monitor.delivery.mqtt import MqttSettings
from monitor.page_process import COMMAND, HANDED_OVER, Order
from monitor.spotter.page.door import Door
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR
from tests.brokers import held_port
from tests.pulse import PATIENCE_S, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nobody but loopback is ever asked
]


class PageProcess:
    """Killed and restarted at will, always on the same port and folder. ``settings`` as in config.yaml."""

    def __init__(self, mqtt: MqttSettings, folder: Path, settings: PageSettings | None = None) -> None:
        self._mqtt = mqtt
        self.folder = folder
        self.settings = settings or PageSettings()
        self._port = held_port()
        self.port = self._port.__enter__()
        self.process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> str:
        return f"http{'s' if self.settings.tls else ''}://127.0.0.1:{self.port}/"

    def start(self) -> None:
        order = Order(self._mqtt, self.settings, str(self.folder), "test", self.port)
        self.process = subprocess.Popen(
            COMMAND,
            env={**os.environ, HANDED_OVER: msgspec.json.encode(order).decode()},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert "the page: " in self.process.stdout.readline()

    def kill(self, *, gently: bool = False) -> None:
        if self.process is not None:
            self.process.terminate() if gently else self.process.kill()
            self.process.wait(PATIENCE_S)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def link(self, name: str) -> str:
        """A link by which ``name`` comes in."""
        door = Door(self.folder / DOOR)
        try:
            return f"{self.address}#enter={door.invite(name, time.time()).link}"
        finally:
            door.close()

    def code(self, name: str) -> str:
        door = Door(self.folder / DOOR)
        try:
            return door.invite(name, time.time()).code
        finally:
            door.close()

    def memory_mb(self) -> float:
        """Resident."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._port.__exit__(None, None, None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's, without a screen."""
    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *root])
        try:
            yield browser
        finally:
            browser.close()


SPY = """
window.vibrated = [];
navigator.vibrate = (pattern) => { window.vibrated.push(pattern); return true; };
"""


class Phone:
    """A phone with the page open. ``complaints`` is what went wrong in it: there must be nothing."""

    def __init__(self, browser: Browser, link: str, **options: Any) -> None:
        options = {"viewport": {"width": 390, "height": 844}, "has_touch": True} | options
        self.context: BrowserContext = browser.new_context(**options)
        self.complaints: list[str] = []
        self.link = link
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.page.add_init_script(SPY)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(link)

    def _hear(self, message: Any) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def start(self) -> None:
        """Let it ring."""
        self.page.get_by_role("button", name="Start watching").click()
        self.until("rearguard.canRing")

    def until(self, condition: str) -> None:
        """Wait for what JavaScript calls true. (wait_for_function needs eval, which the page forbids.)"""
        eventually(self, lambda: self.ask(f"Boolean({condition})"))

    def ask(self, what: str) -> Any:
        return self.page.evaluate(what)

    @property
    def word(self) -> str:
        """The one big word: of the alarm if there is one."""
        alarm = self.page.locator("#alarm .word")
        return (alarm if alarm.count() else self.page.locator("main .look .word")).first.inner_text()

    def shows(self, word: str) -> None:
        """Wait until the one big word is this."""
        self.until(
            "(document.querySelector('#alarm .word') ?? document.querySelector('main .look .word'))"
            f"?.textContent === {word!r}"
        )

    @property
    def rings(self) -> str:
        """What the siren plays, "" for nothing."""
        return str(self.ask("rearguard.sound.kind"))

    def _button(self, name: str) -> Locator:
        """The alarm's, if there is one: what lies behind it cannot be pressed."""
        behind = "main[inert] *"
        found = self.page.get_by_role("button", name=name, exact=True)
        return found.and_(self.page.locator(f"button:not({behind})")).first

    def press(self, name: str) -> None:
        self._button(name).click()

    def hold(self, name: str, ms: int = 1500) -> None:
        """Press and keep pressed."""
        self._button(name).hover()
        self.page.mouse.down()
        self.page.wait_for_timeout(ms)
        self.page.mouse.up()

    def close(self) -> None:
        with suppress(Exception):
            self.context.close()


def eventually(phone: Phone, condition: Callable[[], object]) -> None:
    """Wait for something outside the browser while the browser goes on."""

    def turn() -> object:
        phone.page.wait_for_timeout(20)
        return condition()

    wait_until(turn)
