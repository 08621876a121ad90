"""A browser for all tests of a file, and a page's process with its device for each."""

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from playwright.sync_api import Browser

from monitor.delivery.link import Link
from monitor.delivery.mqtt import MqttSettings
from tests.page_process import CHROMIUM, PageProcess, Phone, chromium
from tests.pulse import Pulse, wait_until

Opens = Callable[..., Phone]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with chromium() as browser:
        yield browser


@pytest.fixture
def pulse(mqtt: MqttSettings) -> Iterator[Pulse]:
    """A device that is armed, and alerts on demand."""
    with Pulse(Link(mqtt, SimpleQueue())) as pulse:
        wait_until(lambda: pulse.linked)
        yield pulse


@pytest.fixture
def server(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> Iterator[PageProcess]:
    with PageProcess(mqtt, tmp_path) as process:
        yield process


@pytest.fixture
def opens(browser: Browser, server: PageProcess) -> Iterator[Opens]:
    """``opens("Eva")`` is Eva's phone, with the page open; nothing may have gone wrong in it at the end."""
    phones: list[Phone] = []

    def phone(name: str, **options: object) -> Phone:
        phones.append(Phone(browser, server.link(name), **options))
        return phones[-1]

    yield phone
    complaints = [complaint for one in phones for complaint in one.complaints]
    for one in phones:
        one.close()
    assert complaints == []
