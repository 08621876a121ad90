"""The board of thirty walkers, in a real browser: who stands where, who is rung, and a broker that dies."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from monitor.core.vocabulary import AlertKind, Certainty, Priority, Stage
from monitor.delivery.messages import Incident
from monitor.spotter.page.door import Door
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR
from monitor.spotter.page.tile import ALONE, ORDER
from tests.brokers import Mosquitto
from tests.heartbeats import MANY, Heartbeats
from tests.page_process import PageProcess, Phone
from tests.pulse import wait_until

HEARD = {"spotters": ("Eva",)}
MINE = ("walker-02", "walker-03", "walker-20")


@pytest.fixture
def beats(mosquitto: Mosquitto) -> Iterator[Heartbeats]:
    with Heartbeats(mosquitto.settings(), MANY) as beats:
        beats.says = dict.fromkeys(MANY, HEARD)
        yield beats


@pytest.fixture
def phone(browser: Browser, mosquitto: Mosquitto, beats: Heartbeats, tmp_path: Path) -> Iterator[Phone]:
    """Eva's, who watches three."""
    settings = PageSettings(devices=" ".join(MANY))
    with PageProcess(mosquitto.settings(MANY[0]), tmp_path, settings) as server:
        with closing(Door(tmp_path / DOOR)) as door:
            door.set_watches("Eva", MINE)
        phone = Phone(browser, server.link("Eva"))
        phone.until("document.querySelectorAll('.board .is-safe').length === 30")
        phone.start()
        yield phone
        phone.close()
    assert phone.complaints == []


def fall(certainty: Certainty = Certainty.CONFIRMED, **more: Any) -> dict[str, Any]:
    about = (AlertKind.FALL, Priority.HIGH, certainty, more.pop("stage", Stage.ACTIVE))
    return {"incidents": (Incident("aaaa-1", more.pop("sequence", 1), *about, age_s=2.0, **more),), **HEARD}


def places(phone: Phone) -> list[str]:
    return list(
        phone.ask("[...document.querySelectorAll('.board .name span:first-child')].map((n) => n.textContent)")
    )


def test_the_worst_are_first_then_who_is_alone_then_one_s_own_and_all_are_counted(
    phone: Phone, beats: Heartbeats
) -> None:
    wait_until(lambda: places(phone)[:4] == [*MINE, "walker-01"])  # who was worse keeps his place for a while
    assert phone.page.locator(".board .yours:visible").count() == len(MINE)
    beats.says["walker-30"] = fall()
    beats.says["walker-25"] = {"spotters": (), "walking": True}
    beats.says["walker-10"] = {"armed": False, **HEARD}
    words = "30 walkers: 1 walking, 1 alone, 1 down, 1 not armed"
    phone.until(f"document.querySelector('.count').textContent === {words!r}")
    phone.until("document.querySelectorAll('.board .is-alone').length === 1")
    assert places(phone)[:6] == ["walker-30", "walker-25", "walker-10", *MINE]
    assert phone.rings == ""  # another's, and somebody listens for him
    assert phone.page.locator("#alarm .full").count() == 0


def test_every_place_of_the_order_is_kept_and_a_walker_who_is_better_keeps_his_for_a_while(
    phone: Phone,
) -> None:
    """The board's own arithmetic, with tiles that are made up."""
    said = phone.page.evaluate(
        """async (order) => {
        const { Board } = await import("/board.js");
        const gait = { step_age_s: null }, signal = { rings: false };
        const tile = (device, look, alone = false) =>
          ({ device, look, alone, gait, signal, alerts: [], listening: [], known: true, lost_s: 1 });
        const rank = (one) => Math.min(order.indexOf(one.look), one.alone ? order.indexOf("alone") : 99);
        const known = { order, rank, mine: () => true, outage: "" };
        const board = new Board(() => {});
        const shown = () => [...board.list.children].map((li) => li.querySelector(".name span").textContent);
        const all = order.map((at) => (at === "alone" ? tile(at, "safe", true) : tile(at, at)));
        const found = {};
        board.update([...all].reverse(), known);
        found.all = shown();
        found.words = [...board.list.children].map((li) => li.firstChild.className.split("is-")[1]);
        const other = new Board(() => {});
        const one = (look) => {
          other.update([tile("a", look), tile("b", "watch")], known);
          return [...other.list.children].map((li) => li.querySelector(".name span").textContent).join("");
        };
        found.turns = [one("safe"), one("down"), one("safe")];
        other.list.dispatchEvent(new Event("pointermove"));
        other.held.clear();
        found.turns.push(one("safe"));
        return found;
      }""",
        list(ORDER),
    )
    assert said == {"all": list(ORDER), "words": list(ORDER), "turns": ["ba", "ab", "ab", "ab"]}
    assert ALONE in said["all"]


def test_who_is_down_is_rung_by_name_each_alarm_is_answered_on_its_own(
    phone: Phone, beats: Heartbeats
) -> None:
    beats.says["walker-03"] = fall(Certainty.SUSPECTED)
    phone.shows("Falling")
    beats.says["walker-02"] = fall()
    phone.shows("Down")
    name = "document.querySelector('#alarm .name').textContent"
    assert phone.ask(name) == "walker-02"
    phone.until("/Down . walker-02$/.test(document.title)")
    assert phone.rings == "high"
    phone.press("walker-03: Falling")
    phone.until(f"{name} === 'walker-03'")
    phone.page.wait_for_timeout(600)
    assert phone.ask(name) == "walker-03"  # it stays, though another is more urgent
    beats.says["walker-03"] = fall(Certainty.SUSPECTED, sequence=2, stage=Stage.ACKNOWLEDGED, who="Tom")
    phone.until(f"{name} === 'walker-02'")
    assert phone.rings == "high"
    assert phone.ask("document.querySelector('#alarm .full').inert")  # no touch that was meant for the other
    phone.until("!document.querySelector('#alarm .full').inert")
    beats.says["walker-02"] = HEARD
    phone.until("!document.querySelector('#alarm .full')")


def test_for_whom_nobody_listens_everybody_is_rung(phone: Phone, beats: Heartbeats) -> None:
    beats.says["walker-30"] = {**fall(), "spotters": ()}
    phone.shows("Down")
    phone.until("rearguard.sound.kind === 'high'")
    assert phone.ask("document.querySelector('#alarm .name').textContent") == "walker-30"


def test_a_broker_that_dies_is_one_banner_and_one_alarm(
    phone: Phone, beats: Heartbeats, mosquitto: Mosquitto
) -> None:
    mosquitto.kill()
    words = "The page has lost the broker: 30 walkers, 30 of them watched"
    phone.until(f"document.querySelector('.outage').textContent === {words!r}")
    phone.shows("No signal")
    phone.until("rearguard.sound.kind === 'lost'")
    assert phone.page.locator(".others button").count() == 0
    phone.press("I look after it")
    phone.until("!document.querySelector('#alarm .full') && rearguard.sound.kind === ''")
    assert phone.page.locator(".board .is-no_signal").count() == 30  # each is listed
    mosquitto.start()
    phone.until("document.querySelectorAll('.board .is-safe').length === 30")
    phone.until("document.querySelector('.outage').hidden")
    assert phone.rings == ""
