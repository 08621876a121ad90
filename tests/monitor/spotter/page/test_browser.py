"""The page in a real browser, with a real broker and the device's real link: what a spotter sees."""

import io
import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Priority, Reading
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.notify import notify
from monitor.spotter.notify_settings import NotifySettings
from monitor.spotter.page.door import Door
from monitor.spotter.page.places import DOOR
from monitor.spotter.terminal import watch
from tests.background import threaded
from tests.brokers import Proxy
from tests.monitor.spotter.page.conftest import Opens
from tests.page_process import PageProcess, Phone, eventually
from tests.pulse import Pulse


def test_a_phone_that_was_never_tapped_is_no_listener_and_one_tap_makes_it_one(
    opens: Opens, pulse: Pulse, mqtt: MqttSettings
) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.page.wait_for_timeout(1500)  # more than one word about itself
    assert InputKind.SPOTTER_HERE not in pulse.kinds()
    assert phone.ask("rearguard.sound.clock") == 0
    phone.start()
    before = phone.ask("rearguard.sound.clock")
    assert before > 0
    phone.until(f"rearguard.sound.clock > {before} + 0.5")
    eventually(phone, lambda: ("Eva", InputKind.SPOTTER_HERE) in [(w.who, w.kind) for w in pulse.heard])
    assert phone.page.get_by_text("This phone can ring").is_visible()
    phone.close()
    other = opens("Ben")
    eventually(other, lambda: ("Eva", InputKind.SPOTTER_GONE) in [(w.who, w.kind) for w in pulse.heard])


def test_a_sound_that_stops_is_said_aloud_and_the_phone_no_longer_counts(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.start()
    eventually(phone, lambda: InputKind.SPOTTER_HERE in pulse.kinds())
    # As another app that takes the sound: the audio clock stands, and does not come back.
    phone.ask("Object.defineProperty(AudioContext.prototype, 'currentTime', { get: () => 1 })")
    phone.page.get_by_text("This phone CANNOT ring").wait_for()
    eventually(phone, lambda: InputKind.SPOTTER_GONE in pulse.kinds())


def test_an_alarm_fills_the_screen_rings_shakes_and_shows_in_the_tab(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.start()
    pulse.raise_alert("1")
    phone.shows("Falling")
    phone.until("rearguard.sound.kind === 'high'")
    phone.until("vibrated.length > 0")
    phone.until("document.title.includes('Falling')")
    assert "b3001e" in phone.ask("document.getElementById('favicon').href")
    box = phone.page.locator("#alarm .full").bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (390, 844)
    assert phone.ask("document.activeElement.textContent") == "I'm coming"
    assert phone.ask("document.querySelector('main').inert")
    assert phone.page.get_by_role("alertdialog").count() == 1


def test_tiring_is_said_in_words_and_rings_nowhere(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.start()
    growth = {"variability_growth_percent": Reading(31.0, 25.0), "sway_growth_percent": Reading(42.0, 25.0)}
    pulse.raise_alert("1", AlertKind.TIRING, Priority.LOW, growth, Certainty.CONFIRMED)
    phone.shows("Watch")
    words = "Tiring: steps 31 % less even than at first, trunk sways 42 % more than at first"
    phone.page.get_by_text(words).wait_for()
    assert phone.ask("rearguard.sound.kind") == ""


class Receiver:
    """A local notification service: what was posted to it."""

    def __init__(self) -> None:
        self.posted: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append(body.decode())
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> "Receiver":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_one_answer_silences_every_receiver_and_says_who_gave_it(
    opens: Opens, pulse: Pulse, mqtt: MqttSettings, tmp_path: Path
) -> None:
    pytest.importorskip("apprise", reason="apprise is not installed")
    out = io.StringIO()
    with Receiver() as receiver:
        urls = tmp_path / "urls"
        urls.write_text(f"json://127.0.0.1:{receiver.server.server_address[1]}/\n")
        urls.chmod(0o600)
        settings = NotifySettings(urls_file=str(urls))
        notifier = threaded(partial(notify, mqtt, settings, "notify"))
        with threaded(partial(watch, mqtt, "Ada", None, out=out)), notifier:
            eva, ben = opens("Eva"), opens("Ben")
            for phone in (eva, ben):
                phone.shows("Safe")
                phone.start()
            eventually(eva, lambda: "contact: " in out.getvalue())
            pulse.raise_alert("1")
            for phone in (eva, ben):
                phone.until("rearguard.sound.kind === 'high'")
            eventually(eva, lambda: any("FALL" in body for body in receiver.posted))
            eventually(eva, lambda: "FALL suspected" in out.getvalue())
            ben.press("I'm coming")
            for phone in (eva, ben):
                phone.until("rearguard.sound.kind === ''")
            eva.page.get_by_text("Ben is coming").wait_for()
            ben.page.get_by_text("You are coming").wait_for()
            eventually(eva, lambda: "acknowledged by Ben" in out.getvalue())
            eventually(eva, lambda: any("acknowledged by Ben" in body for body in receiver.posted))
            # A second spotter takes over, and both see it.
            eva.press("I take over")
            ben.page.get_by_text("Eva is coming").wait_for()
            eva.page.get_by_text("You are coming").wait_for()
            eva.hold("hold: All clear")
            for phone in (eva, ben):
                phone.shows("Safe")
            eventually(eva, lambda: "cleared by Eva" in out.getvalue())
    acts = [(word.kind, word.who) for word in pulse.heard if word.kind.value in ("coming", "clear")]
    assert acts == [(InputKind.COMING, "Ben"), (InputKind.COMING, "Eva"), (InputKind.CLEAR, "Eva")]


def test_a_touch_ends_no_fall_and_holding_does(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.start()
    pulse.raise_alert("1")
    phone.shows("Falling")
    phone.press("hold: False alarm")
    phone.page.wait_for_timeout(1500)
    assert phone.word == "Falling"
    assert InputKind.FALSE_ALARM not in pulse.kinds()
    phone.hold("hold: False alarm")
    phone.shows("Safe")
    assert pulse.heard[-1].who == "Eva"


def test_the_keyboard_holds_too(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.start()
    pulse.raise_alert("1")
    phone.shows("Falling")
    phone.page.keyboard.press("Tab")
    assert phone.ask("document.activeElement.textContent") == "hold: False alarm"
    phone.page.keyboard.down("Enter")
    phone.page.wait_for_timeout(1500)
    phone.page.keyboard.up("Enter")
    phone.shows("Safe")
    assert InputKind.FALSE_ALARM in pulse.kinds()


def test_the_sound_pauses_for_a_minute_and_a_new_alarm_ends_the_pause(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.start()
    pulse.raise_alert("1")
    phone.until("rearguard.sound.kind === 'high'")
    phone.press("Pause the sound for 60 s")
    phone.until("rearguard.sound.kind === ''")
    phone.page.get_by_text(re.compile(r"Sound paused, \d+ s left")).wait_for()
    assert phone.word == "Falling"
    pulse.raise_alert("2", AlertKind.SOS)
    phone.until("rearguard.sound.kind === 'high'")


def test_an_alarm_comes_before_whatever_is_open(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.start()
    phone.press("Session")
    phone.page.locator("dialog").wait_for()
    pulse.raise_alert("1")
    phone.shows("Falling")
    assert not phone.page.locator("dialog").is_visible()
    phone.press("I'm coming")
    phone.page.get_by_text("You are coming").wait_for()


def test_an_alarm_survives_the_reload_of_the_page(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.start()
    pulse.raise_alert("1")
    phone.shows("Falling")
    phone.page.reload()
    phone.shows("Falling")
    assert not phone.ask("rearguard.canRing")  # nobody has tapped yet, and it says so
    phone.press("NO SOUND on this phone: tap here")
    phone.until("rearguard.sound.kind === 'high'")
    phone.press("I'm coming")
    phone.until("rearguard.sound.kind === ''")


def test_silence_is_an_alarm_amber_first_then_as_loud_as_a_fall(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.start()
    pulse.hung = True  # the device's loop: its heartbeat stops
    phone.shows("No signal")
    assert phone.rings in ("", "lost")
    phone.until("rearguard.sound.kind === 'lost'")
    assert phone.page.locator("#alarm .is-no_signal").count() == 1
    phone.press("Pause the sound for 60 s")
    phone.until("rearguard.sound.kind === ''")
    assert phone.word == "No signal"
    phone.press("I look after it")
    phone.until("!document.querySelector('#alarm .full')")
    pulse.hung = False
    phone.shows("Safe")


def test_a_device_that_is_not_armed_falls_silent_without_a_siren(opens: Opens, pulse: Pulse) -> None:
    pulse.armed = False
    phone = opens("Eva")
    phone.shows("Not armed")
    phone.start()
    pulse.hung = True
    phone.shows("No signal")
    phone.page.wait_for_timeout(4000)
    assert phone.rings == ""


def test_a_server_that_dies_rings_and_an_old_alarm_is_not_replayed_on_dead_data(
    opens: Opens, pulse: Pulse, server: PageProcess
) -> None:
    phone = opens("Eva")
    phone.start()
    pulse.raise_alert("1")
    phone.until("rearguard.sound.kind === 'high'")
    server.kill()
    phone.shows("No signal")
    phone.page.get_by_text("The page's server does not answer").first.wait_for()
    phone.until("rearguard.sound.kind === 'lost'")
    server.start()
    phone.shows("Falling")  # it still stands, says the device: now it is news again
    phone.until("rearguard.sound.kind === 'high'")
    phone.press("I'm coming")
    phone.until("rearguard.sound.kind === ''")
    assert pulse.heard[-1].who == "Eva"  # the session outlived the server


def test_a_walker_of_whom_the_server_says_no_more_is_not_shown_as_safe(opens: Opens, pulse: Pulse) -> None:
    """Others may be heard of: their news vouch for nobody else."""
    phone = opens("Eva")
    phone.shows("Safe")
    phone.start()
    phone.ask(
        "const [{tile}] = rearguard.known.tiles.values();"
        "const ghost = {...tile, device: 'ghost', alone: false};"
        "rearguard.known.tiles.set('ghost', {tile: ghost, at: performance.now() / 1000})"
    )
    ghost = (
        "[...document.querySelectorAll('.board .tile')].find((tile) => tile.textContent.includes('ghost'))"
    )
    phone.until(f"{ghost}?.classList.contains('is-safe')")
    phone.until(f"{ghost}?.classList.contains('is-no_signal')")
    phone.until("rearguard.sound.kind === 'lost'")
    phone.press("I look after it")
    phone.until("rearguard.sound.kind === ''")
    assert phone.page.locator(".board .is-safe").count() == 1


def test_offline_and_back_lists_what_was_missed(browser: Browser, pulse: Pulse, server: PageProcess) -> None:
    """The radio goes silent without closing anything, as radios do."""
    with Proxy(server.port) as radio:
        phone = Phone(browser, server.link("Eva").replace(str(server.port), str(radio.port)))
        phone.shows("Safe")
        phone.start()
        phone.context.set_offline(True)
        radio.silent = True
        phone.shows("No signal")
        phone.page.get_by_text("This phone is offline").first.wait_for()
        phone.until("rearguard.sound.kind === 'lost'")
        pulse.raise_alert("1", AlertKind.STUMBLE, Priority.MEDIUM)
        radio.silent = False
        phone.context.set_offline(False)
        phone.page.get_by_text(re.compile("While you were away")).wait_for()
        assert "stumble" in phone.page.locator("dialog").inner_text()
        assert phone.complaints == []
        phone.close()


def test_a_tab_in_the_background_cannot_ring_and_says_so(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.start()
    eventually(phone, lambda: InputKind.SPOTTER_HERE in pulse.kinds())
    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true })"
    turn = "document.dispatchEvent(new Event('visibilitychange'))"
    phone.ask(f"{hide % 'true'}; {turn}")
    eventually(phone, lambda: InputKind.SPOTTER_GONE in pulse.kinds())
    phone.page.get_by_text("the page is in the background").wait_for()
    phone.ask(f"{hide % 'false'}; {turn}")
    phone.until("rearguard.canRing")


def test_a_roll_call_rings_every_phone_and_shows_who_pressed(opens: Opens, pulse: Pulse) -> None:
    eva, ben, deaf = opens("Eva"), opens("Ben"), opens("Cleo")
    for phone in (eva, ben):
        phone.shows("Safe")
        phone.start()
    deaf.shows("Safe")
    eva.until("rearguard.known.people.filter((person) => person.can_ring).length === 2")
    eva.press("Roll call")
    for phone in (eva, ben):
        phone.shows("Roll call")
        phone.until("rearguard.sound.kind === 'roll'")
    ben.press("I hear it")
    ben.until("rearguard.sound.kind === ''")
    eva.press("I hear it")
    eva.page.get_by_text(re.compile(r"Ben: yes, after \d+ s")).wait_for()
    assert "Cleo: cannot ring" in eva.page.locator("dialog").inner_text()


def test_the_code_opens_the_door_and_a_wrong_one_does_not(opens: Opens, server: PageProcess) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.page.context.clear_cookies()
    phone.page.goto(server.address)
    code = server.code("Ben")
    field = phone.page.get_by_label("Code")
    field.fill(f"{(int(code) + 1) % 1_000_000:06d}")
    phone.press("Enter")
    phone.page.get_by_text("opens nothing").wait_for()
    field.fill(f"{code[:3]} {code[3:]}")
    phone.press("Enter")
    phone.shows("Safe")
    assert phone.ask("rearguard.known.you") == "Ben"


def test_a_spotter_who_is_put_out_sees_nothing_more(opens: Opens, server: PageProcess) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    door = Door(server.folder / DOOR)
    door.put_out("Eva")
    door.close()
    phone.page.get_by_text("Who are you?").wait_for()
    assert phone.page.locator(".look").count() == 0


def test_the_session_log_has_a_picture_and_takes_a_label(
    opens: Opens, pulse: Pulse, server: PageProcess
) -> None:
    phone = opens("Eva")
    phone.start()
    pulse.raise_alert("1")
    phone.press("I'm coming")
    phone.page.get_by_text("You are coming").wait_for()
    phone.press("Session")
    sheet = phone.page.locator("dialog")
    sheet.get_by_text("acknowledged by Eva").first.wait_for()
    sheet.get_by_role("button", name="False", exact=True).first.click()
    sheet.get_by_text("labelled: false").wait_for()
    assert '"label":"false"' in (server.folder / "labels.jsonl").read_text()
    eventually(phone, lambda: said(pulse) == [("false", None)])


def said(pulse: Pulse) -> list[tuple[str, str | None]]:
    """The labels that have reached the device."""
    return [(word.label, word.about) for word in pulse.heard if word.kind is InputKind.LABEL]


ON_TOP = """(() => {
  const toast = document.querySelector(".toast");
  const { x, y, width, height } = toast?.getBoundingClientRect() ?? { x: 0, y: 0, width: 0, height: 0 };
  return toast?.textContent === "Noted as missed just now: Stumble"
    && document.elementFromPoint(x + width / 2, y + height / 2) === toast;
})()"""
"""It is said, and nothing lies over it."""


def test_what_the_device_has_missed_is_one_tap_in_the_session(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva")
    phone.shows("Safe")
    phone.press("Session")
    phone.page.locator("dialog").get_by_role("button", name="Stumble", exact=True).click()
    phone.until(ON_TOP)
    eventually(phone, lambda: said(pulse) == [("missed", "stumble")])


def test_the_menu_opens_also_where_there_is_no_service_worker(opens: Opens, pulse: Pulse) -> None:
    phone = opens("Eva", service_workers="block")  # as with a certificate that the phone does not trust
    phone.shows("Safe")
    phone.press("Menu")
    phone.press("Unpair this phone")
    phone.page.get_by_text("Who are you?").wait_for()
    phone.page.reload()
    phone.page.get_by_text("Who are you?").wait_for()


def test_what_the_phone_says_of_itself_holds_no_connection(opens: Opens, pulse: Pulse) -> None:
    """A browser has six for each server; requests whose answer nobody reads would use them up."""
    phone = opens("Eva")
    failed: list[str] = []
    done: list[str] = []
    phone.page.on("requestfailed", lambda request: failed.append(request.url))
    phone.page.on("requestfinished", lambda request: done.append(request.url))
    phone.shows("Safe")
    phone.start()
    eventually(phone, lambda: sum(url.endswith("/pulse") for url in done) >= 7)
    assert failed == []


def test_the_page_s_process_stays_small(opens: Opens, pulse: Pulse, server: PageProcess) -> None:
    for name in ("Eva", "Ben"):
        opens(name).shows("Safe")
    assert server.memory_mb() <= 45.0


def test_what_is_sent_at_first_is_small(opens: Opens, pulse: Pulse) -> None:
    sizes: dict[str, int] = {}
    phone = opens("Eva")
    session = phone.context.new_cdp_session(phone.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    names: dict[str, str] = {}
    session.on("Network.responseReceived", lambda e: names.update({e["requestId"]: e["response"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda e: sizes.update({names.get(e["requestId"], ""): int(e["encodedDataLength"])}),
    )
    phone.page.reload()
    phone.shows("Safe")
    phone.page.wait_for_timeout(500)
    needed = {url: size for url, size in sizes.items() if "icon-" not in url}
    assert len(needed) >= 7
    assert sum(needed.values()) <= 30_000, needed
