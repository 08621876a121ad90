"""Pictures of the page in every state, light and night, phone and desk: ``make screenshots``.

All go to build/screenshots; sheets of them are the pictures of README and docs/page.md.
"""

import math
import sys
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from playwright.sync_api import Browser

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import (
    AlertKind,
    Certainty,
    Direction,
    Event,
    Obstacle,
    Priority,
    Reading,
    Stage,
    StepEvent,
    Waiting,
)
from monitor.delivery.link import Link
from monitor.spotter.page.page_settings import PageSettings
from tests.brokers import Mosquitto
from tests.page_process import PageProcess, Phone, chromium
from tests.pulse import Pulse, wait_until

ROOT = Path(__file__).parents[1]
ALL = ROOT / "build" / "screenshots"
CHOSEN = ROOT / "docs" / "img"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
STEP_S = 0.62
WALK_S = 20.0

FALL = {
    "tilt_change_deg": Reading(86.0, 60.0),
    "downward_speed_mps": Reading(2.3),
    "peak_accel_g": Reading(5.2, 3.0),
}
SUSPECTED = {"falling_score": Reading(4.1, 2.0), "downward_speed_mps": Reading(1.4)}
UNSAFE = {"score": Reading(0.7, 0.5), "hesitation_percent": Reading(48.0, 35.0)}
STUMBLE = {"stumble_score": Reading(3.1, 2.0), "peak_accel_g": Reading(2.4)}
NO_SENSOR = "no sensor answers on I2C bus 1: check its cable"


class Walk:
    """A walker who steps backward, and sways a little."""

    def __init__(self) -> None:
        self.walking = True
        self._next_s = 0.0

    def steps(self, time_s: float) -> Sequence[Event]:
        if not self.walking or time_s < self._next_s:
            return ()
        self._next_s = time_s + STEP_S
        return [
            StepEvent(
                time_s,
                contact_s=time_s - 0.25,
                direction=Direction.BACKWARD,
                step_s=STEP_S,
                cadence_spm=60 / STEP_S,
                sway_percent=42 + 14 * math.sin(time_s / 2.1) + 6 * math.sin(time_s * 1.7),
                rhythm_percent=24 + 9 * math.sin(time_s / 1.3),
            )
        ]

    def block(self, time_s: float) -> SampleBlock:
        at_s = time_s - 0.05 + np.arange(5) * 0.01
        accel_g = np.stack([0 * at_s, 0 * at_s, 1 + 0.25 * np.sin(2 * np.pi * at_s / STEP_S)], axis=1)
        return SampleBlock(at_s, accel_g, np.tile([12.0, 20.0, 8.0], (5, 1)), time_s)


def main() -> int:
    ALL.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = stack.enter_context(Mosquitto(folder))
        browser = stack.enter_context(chromium())
        for size, viewport in (("phone", PHONE), ("desk", DESK)):
            for light in ("day", "night"):
                Round(browser, broker, folder / f"{size}-{light}", size, light, viewport).take()
        sheets(browser)
    print(f"{len(list(ALL.glob('*.png')))} pictures in {ALL}")
    return 0


class Round:
    """All states at one size and light. Each waits for what it must show."""

    def __init__(
        self,
        browser: Browser,
        broker: Mosquitto,
        folder: Path,
        size: str,
        light: str,
        viewport: dict[str, int],
    ) -> None:
        self.name = f"{size}-{light}"
        self.options = {"viewport": viewport, "color_scheme": "dark" if light == "night" else "light"}
        self.browser, self.broker, self.folder = browser, broker, folder

    def take(self) -> None:
        names = ["anna", "bert", "carla", "dora", "emil", "fritz"]
        with ExitStack() as stack:
            pulses = {}
            for name in names:
                pulse = Pulse(Link(self.broker.settings(name), SimpleQueue()))
                walk = Walk()
                pulse.events, pulse.samples = walk.steps, walk.block
                pulses[name] = stack.enter_context(pulse)
            wait_until(lambda: all(pulse.linked for pulse in pulses.values()))
            server = stack.enter_context(PageProcess(self.broker.settings("anna"), self.folder))
            self.one(server, pulses["anna"])
            board = stack.enter_context(
                PageProcess(self.broker.settings("anna"), self.folder, PageSettings(devices=" ".join(names)))
            )
            self.board(board, pulses)

    def one(self, server: PageProcess, pulse: Pulse) -> None:
        phone = Phone(self.browser, server.address, **self.options)
        self.shoot(phone, "enter", "document.querySelector('.enter')")
        phone.page.goto(server.link("Eva"))
        phone.page.reload()
        phone.shows("Safe")
        self.shoot(phone, "before-start", "document.querySelector('footer button')")
        phone.start()
        phone.page.wait_for_timeout(int(WALK_S * 1000))
        self.shoot(phone, "safe", "rearguard.known.people.length === 1")

        def state(name: str, word: str, kind: AlertKind, priority: Priority, **what: object) -> None:
            pulse.raise_alert(name, kind, priority, **what)
            phone.shows(word)
            phone.page.wait_for_timeout(1200)
            self.shoot(phone, name, "true")
            if name == "down":
                phone.press("I'm coming")
                self.shoot(phone, "answered", "document.querySelector('main .alert .who')")
            pulse.raise_alert(name, kind, priority, stage=Stage.CLEARED)
            phone.shows("Safe")

        confirmed = Certainty.CONFIRMED
        state("watch", "Watch", AlertKind.UNSAFE_STEP, Priority.LOW, certainty=confirmed, evidence=UNSAFE)
        state("stumble", "Stumble", AlertKind.STUMBLE, Priority.MEDIUM, certainty=confirmed, evidence=STUMBLE)
        state("falling", "Falling", AlertKind.FALL, Priority.HIGH, evidence=SUSPECTED)
        state("down", "Down", AlertKind.FALL, Priority.HIGH, certainty=confirmed, evidence=FALL)
        state("help", "Help!", AlertKind.SOS, Priority.HIGH, certainty=confirmed)
        state(
            "no-sensor", "No sensor", AlertKind.SENSOR, Priority.MEDIUM, certainty=confirmed, reason=NO_SENSOR
        )
        phone.press("Session")
        phone.page.wait_for_timeout(300)
        picture = phone.page.locator("dialog").get_by_role("button", name="Picture", exact=True)
        picture.nth(picture.count() - 1).click()
        self.shoot(phone, "session", "document.querySelector('dialog canvas')")
        phone.press("Close")
        phone.press("Roll call")
        phone.shows("Roll call")
        self.shoot(phone, "roll-call", "true")
        phone.press("I hear it")
        phone.press("Close")
        pulse.armed, pulse.waits_for = False, (Waiting(Obstacle.NOT_STILL),)
        phone.shows("Not armed")
        self.shoot(phone, "not-armed", "true")
        pulse.armed, pulse.waits_for = True, ()
        phone.shows("Safe")
        pulse.hung = True
        phone.shows("No signal")
        self.shoot(phone, "no-signal", "!document.querySelector('#alarm .full')")
        phone.until("document.querySelector('#alarm .is-no_signal')")
        self.shoot(phone, "no-signal-rings", "true")
        pulse.hung = False
        phone.shows("Safe")
        assert phone.complaints == []
        phone.close()

    def board(self, server: PageProcess, pulses: dict[str, Pulse]) -> None:
        pulses["bert"].raise_alert("b", AlertKind.STUMBLE, Priority.MEDIUM, certainty=Certainty.CONFIRMED)
        pulses["carla"].armed = False
        pulses["dora"].armed = False  # else its silence would fill the screen
        pulses["emil"].raise_alert("e", AlertKind.UNSAFE_STEP, Priority.LOW, certainty=Certainty.CONFIRMED)
        phone = Phone(self.browser, server.link("Eva"), **self.options)
        phone.until("rearguard.known.tiles.size === 6")
        phone.start()
        phone.until("document.querySelectorAll('.board .is-alone').length === 0")
        phone.page.wait_for_timeout(9000)  # whoever was alone keeps his place for so long
        pulses["dora"].hung = True
        phone.until(f"{DORA}?.classList.contains('is-no_signal')")
        self.shoot(phone, "board", "document.querySelectorAll('.board li').length === 6")
        phone.close()

    def shoot(self, phone: Phone, state: str, condition: str) -> None:
        phone.until(condition)
        phone.page.wait_for_timeout(300)
        phone.page.screenshot(path=ALL / f"{self.name}-{state}.png")


DORA = "[...document.querySelectorAll('.board .tile')].find((tile) => tile.textContent.includes('dora'))"

SHEETS = {
    "page-day.png": (
        "phone-day",
        ["safe", "watch", "stumble", "down", "answered", "no-signal-rings", "not-armed", "session"],
    ),
    "page-night.png": ("phone-night", ["safe", "not-armed", "stumble", "down"]),
    "page-desk.png": ("desk-day", ["safe", "board"]),
}
"""The pictures of the documents: which states, from which round."""


def sheets(browser: Browser) -> None:
    """Several states side by side."""
    for name, (taken, states) in SHEETS.items():
        page = browser.new_page(viewport={"width": 1240, "height": 60})
        wide = 1240 // min(len(states), 4) - 16
        images = "".join(
            f'<img width="{wide}" src="data:image/png;base64,{_base64(taken, s)}">' for s in states
        )
        style = "body{margin:0;padding:8px;background:#dfe4e9;display:flex;flex-wrap:wrap;gap:12px}"
        style += "body{align-items:start}"
        page.set_content(f"<style>{style} img{{border-radius:14px}}</style>{images}")
        page.wait_for_timeout(300)
        page.screenshot(path=CHOSEN / name, full_page=True)
        page.close()


def _base64(taken: str, state: str) -> str:
    return b64encode((ALL / f"{taken}-{state}.png").read_bytes()).decode()


if __name__ == "__main__":
    sys.exit(main())
