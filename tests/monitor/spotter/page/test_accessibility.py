"""axe-core finds nothing serious in any state, by day and by night."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from monitor.core.vocabulary import AlertKind, Priority
from tests.monitor.spotter.page.conftest import Opens
from tests.page_process import PageProcess, Phone
from tests.pulse import Pulse

axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")

RULES = Path(axe.__file__).with_name("axe.min.js")


def serious(phone: Phone) -> list[str]:
    """What axe calls serious or critical, and everything about contrast."""
    phone.page.evaluate(RULES.read_text())
    found: dict[str, Any] = phone.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {node['html']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def light(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_nothing_serious_on_the_way_from_the_door_to_the_session_log(
    opens: Opens, pulse: Pulse, light: str
) -> None:
    phone = opens("Eva", color_scheme=light)
    phone.shows("Safe")
    assert serious(phone) == []
    phone.start()
    assert serious(phone) == []
    pulse.raise_alert("2", AlertKind.STUMBLE, Priority.MEDIUM)
    phone.shows("Stumble")
    assert serious(phone) == []
    pulse.raise_alert("1")
    phone.shows("Falling")
    assert serious(phone) == []
    phone.press("I'm coming")
    phone.page.get_by_text("You are coming").wait_for()
    assert serious(phone) == []
    phone.press("Session")
    phone.page.locator("dialog").wait_for()
    assert serious(phone) == []


def test_nothing_serious_at_the_door_and_in_silence(
    browser: Browser, opens: Opens, server: PageProcess, pulse: Pulse, light: str
) -> None:
    door = Phone(browser, server.address, color_scheme=light)
    door.page.get_by_label("Code").wait_for()
    assert serious(door) == []
    door.close()
    phone = opens("Eva", color_scheme=light)
    phone.shows("Safe")
    pulse.armed = False
    phone.shows("Not armed")
    assert serious(phone) == []
    pulse.hung = True
    phone.shows("No signal")
    assert serious(phone) == []


def test_axe_does_find_what_is_wrong(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.ask("document.querySelector('.look .means').classList.add('quiet')")
    phone.ask("document.querySelector('main').append(document.createElement('input'))")
    assert serious(phone)
