"""The demo's own session on the page: safe, fall, answer and all-clear, on two phones at once."""

import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from monitor.delivery.mqtt import MqttSettings
from tests.page_process import PageProcess, Phone
from tests.test_machine import rearguard

pytestmark = pytest.mark.long


def test_two_phones_see_the_whole_session(browser: Browser, mqtt: MqttSettings, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"mqtt: {{device: {mqtt.device}, host: {mqtt.host}, port: {mqtt.port}}}")
    where = ["--config", str(config)]
    with PageProcess(mqtt, tmp_path) as server, rearguard("watch", "--name", "Ada", *where) as terminal:
        eva, ben = (Phone(browser, server.link(name)) for name in ("Eva", "Ben"))
        phones = (eva, ben)
        words = ["replay", "--through-chip", "--publish", "--linger", "60", *where]
        with rearguard(*words) as machine:
            for phone in phones:
                phone.shows("Not armed")
                phone.start()
            for phone in phones:
                phone.shows("Safe")
            for phone in phones:
                phone.shows("Watch")  # a misstep
            for phone in phones:
                phone.shows("Stumble")
            steps = "document.querySelector('.facts').textContent.match(/Steps backward(\\d+)/)[1] > 20"
            eva.until(steps)
            assert "Backward" in eva.page.locator(".facts").inner_text()
            for phone in phones:
                phone.shows("Falling")
                phone.until("rearguard.sound.kind === 'high'")
            for phone in phones:
                phone.shows("Down")
            assert "trunk turned over by" in ben.page.locator("#alarm .what").inner_text()
            terminal.until("FALL confirmed")
            ben.press("I'm coming")
            for phone in phones:
                phone.until("rearguard.sound.kind === ''")
            eva.page.get_by_text("Ben is coming").wait_for()
            terminal.until("acknowledged by Ben")
            machine.until("slow blue blink: your spotter is coming")
            ben.hold("hold: All clear")
            for phone in phones:
                phone.until("!document.querySelector('main .alert')")
            terminal.until("FALL cleared by Ben")
            eva.press("Session")
            sheet = eva.page.locator("dialog")
            sheet.get_by_text("FALL confirmed, acknowledged by Ben").wait_for()
            pictures = sheet.get_by_role("button", name="Picture", exact=True)
            pictures.first.click()
            sheet.locator("canvas:not(.course)").wait_for()
            machine.end(signal.SIGTERM)
        assert [complaint for phone in phones for complaint in phone.complaints] == []
        for phone in phones:
            phone.close()
        terminal.end(signal.SIGINT)
