"""Between stations and open pages: what each page gets, who counts as listening, what is refused."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from monitor.core.vocabulary import AlertKind, InputKind, Priority
from monitor.delivery.link import Link
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.escalation import Push
from monitor.spotter.page import hub as hub_file
from monitor.spotter.page import phones as phones_file
from monitor.spotter.page import station as station_file
from monitor.spotter.page import tile as tile_file
from monitor.spotter.page.door import DoorError
from monitor.spotter.page.hub import ANSWERS, REQUESTS, Hub, RefusedError
from monitor.spotter.page.live import UNSENT, Page, event
from monitor.spotter.page.phones import Phone
from monitor.spotter.page.tile import ORDER, Tile
from tests.brokers import Mosquitto
from tests.heartbeats import MANY, Heartbeats
from tests.pulse import PATIENCE_S, Pulse, wait_until

NONCE = "nonce-{}".format


@asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[Hub]:
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object]) -> None:
    """As ``wait_until``, while the loop goes on."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        await asyncio.sleep(0.01)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def can_ring(name: str, **has: int) -> Phone:
    return Phone(name, True, heard_s=time.monotonic(), has=has)


def waiting(page: Page) -> list[tuple[str, Any]]:
    """The kinds and data of the messages that wait for this page, in order; None for its end."""
    found = []
    while not page.queue.empty():
        message = page.queue.get_nowait()
        if message is None:
            found.append(("end", None))
            continue
        kind, data, *rest = message.decode().split("\n")
        assert (kind[:7], data[:6], rest) == ("event: ", "data: ", ["", ""])
        found.append((kind[7:], json.loads(data[6:])))
    return found


async def contact(hub: Hub, device: str) -> None:
    """Until there is some."""

    def looks() -> str:
        tile = hub._tiles.get(device)
        return tile.look if tile is not None else ""

    await until(lambda: looks() == "safe")


async def open_incident(hub: Hub, device: str) -> str:
    await until(lambda: hub._tiles[device].alerts)
    return hub._tiles[device].alerts[0].id


async def refused(doing: Coroutine[Any, Any, None]) -> str:
    with pytest.raises(RefusedError) as why:
        await doing
    return str(why.value)


def test_a_page_s_first_message_holds_all_and_then_each_tile_comes(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            pulse.raise_alert("1")
            await open_incident(hub, mqtt.device)
            hub.pulse("eva's", can_ring("Eva"))
            page = await hub.open("Eva")
            (kind, whole), (also, people), *_ = waiting(page)
            assert (kind, also) == ("all", "people")
            assert whole["you"] == "Eva"
            assert whole["order"] == list(ORDER)
            (tile,) = whole["tiles"]
            assert (tile["device"], tile["look"]) == (mqtt.device, "falling")
            assert [len(point) for point in whole["strips"][mqtt.device]][:1] == [4]
            assert people == {
                "people": [{"name": "Eva", "can_ring": True, "why": ""}],
                "roll_call": None,
                "watches": {},
            }
            pulse.raise_alert("2", AlertKind.SOS)
            found: list[tuple[str, Any]] = []

            def calls_for_help() -> bool:
                found.extend(waiting(page))
                return any(data["look"] == "help" for kind, data in found if kind == "tile")

            await until(calls_for_help)
            assert {kind for kind, _ in found} == {"tile"}

    run(session())


def test_each_page_gets_the_same_until_it_is_closed(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            evas, toms = await hub.open("Eva"), await hub.open("Tom")
            hub.close(toms)
            hub.close(toms)
            assert waiting(toms)[0][1]["you"] == "Tom"
            await until(lambda: len(waiting(evas)) > 1)
            assert waiting(toms) == []

    run(session())


def test_every_device_has_its_tile_and_its_strip(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> None:
    async def session() -> None:
        other = MqttSettings("nobody", mqtt.host, mqtt.port)
        async with running(Hub([mqtt, other], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            await until(lambda: len(hub._tiles) == 2)
            whole = waiting(await hub.open("Eva"))[0][1]
            looks = {tile["device"]: tile["look"] for tile in whole["tiles"]}
            assert looks == {mqtt.device: "safe", "nobody": "no_signal"}
            assert set(whole["strips"]) == {mqtt.device, "nobody"}
            assert await refused(hub.request("Eva", "another", "test", NONCE(1))) == "unknown"
            await hub.request("Eva", mqtt.device, "test", NONCE(2))
            await until(lambda: pulse.kinds() == [InputKind.TEST])

    run(session())


def test_a_page_that_does_not_read_is_cut_off_and_the_others_go_on(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            slow, quick = await hub.open("Eva"), await hub.open("Tom")
            waiting(quick)
            for number in range(UNSENT + 5):
                hub._to_all(event("tile", str(number).encode()))
                assert waiting(quick)[-1] == ("tile", number)
            assert waiting(slow) == [("end", None)]  # what is old by now is not sent
            hub._to_all(event("tile", b"1"))
            assert waiting(slow) == []
            assert hub._pages == {quick}

    run(session())


def test_pages_end_with_the_hub(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            page = await hub.open("Eva")
            hub.pulse("eva's", can_ring("Eva"))
            await until(lambda: InputKind.SPOTTER_HERE in pulse.kinds())
        assert waiting(page) == [("end", None)]
        await until(lambda: InputKind.SPOTTER_GONE in pulse.kinds())

    run(session())


@pytest.mark.parametrize("act", ANSWERS)
def test_an_answer_reaches_the_device_in_the_name_of_whoever_gave_it(
    act: str, mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            hub.pulse("eva's", can_ring("Eva"))
            pulse.raise_alert("1")
            incident = await open_incident(hub, mqtt.device)
            await hub.answer("Tom", mqtt.device, incident, act, NONCE(1))
            await until(lambda: act in pulse.kinds())
        (word,) = [word for word in pulse.heard if word.kind == act]
        assert (word.who, word.alert_id) == ("Tom", incident)

    run(session())


@pytest.mark.parametrize("act", REQUESTS)
def test_a_request_reaches_the_device_in_the_name_of_whoever_made_it(
    act: str, mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            await hub.request("Tom", mqtt.device, act, NONCE(1))
            await until(lambda: pulse.heard)
        assert [(word.kind, word.who, word.alert_id) for word in pulse.heard] == [(act, "Tom", "")]

    run(session())


def test_what_cannot_be_done_is_refused_with_why(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> None:
    async def session() -> None:
        device = mqtt.device
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, device)
            pulse.raise_alert("1")
            incident = await open_incident(hub, device)
            for doing, why in (
                (hub.answer("Eva", "another", incident, "coming", NONCE(1)), "unknown"),
                (hub.answer("Eva", device, incident, "arm", NONCE(2)), "unknown"),
                (hub.answer("Eva", device, incident, "received", NONCE(3)), "unknown"),
                (hub.request("Eva", device, "coming", NONCE(4)), "unknown"),
                (hub.request("Eva", device, "spotter_here", NONCE(5)), "unknown"),
                (hub.look_after("Eva", "another", NONCE(6)), "unknown"),
                (hub.missed("Eva", "another", "fall", NONCE(11)), "unknown"),
                (hub.missed("Eva", device, "fall", ""), "repeated"),
                (hub.answer("Eva", device, "aaaa-9", "coming", NONCE(7)), "over"),
                (hub.look_after("Eva", device, NONCE(8)), "over"),
                (hub.answer("Eva", device, incident, "coming", ""), "repeated"),
            ):
                assert await refused(doing) == why
            assert pulse.heard == []
            await hub.answer("Eva", device, incident, "false_alarm", NONCE(9))
            await until(lambda: not hub._tiles[device].alerts)
            assert await refused(hub.answer("Tom", device, incident, "coming", NONCE(10))) == "over"
        assert pulse.kinds() == [InputKind.FALSE_ALARM]

    run(session())


def test_what_was_said_once_is_not_said_again(mqtt: MqttSettings, pulse: Pulse, tmp_path: Path) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            pulse.raise_alert("1")
            incident = await open_incident(hub, mqtt.device)
            await hub.answer("Eva", mqtt.device, incident, "coming", NONCE(1))
            for again in (
                hub.answer("Eva", mqtt.device, incident, "coming", NONCE(1)),
                hub.answer("Tom", mqtt.device, incident, "clear", NONCE(1)),
                hub.request("Eva", mqtt.device, "disarm", NONCE(1)),
                hub.look_after("Eva", mqtt.device, NONCE(1)),
            ):
                assert await refused(again) == "repeated"
            await hub.request("Eva", mqtt.device, "test", NONCE(2))
            await until(lambda: InputKind.TEST in pulse.kinds())
        assert pulse.kinds() == [InputKind.COMING, InputKind.TEST]

    run(session())


def test_nonces_are_remembered_up_to_a_limit_the_latest_ones(
    mqtt: MqttSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_file, "NONCES", 3)
    hub = Hub([mqtt], tmp_path)
    for number in range(5):
        hub._once(NONCE(number))
    for number in (2, 3, 4):
        with pytest.raises(RefusedError, match="repeated"):
            hub._once(NONCE(number))
    assert list(hub._nonces) == [NONCE(2), NONCE(3), NONCE(4)]


def test_without_a_broker_there_is_no_way_and_contact_can_be_looked_after(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    async def session() -> None:
        mqtt = mosquitto.settings()
        with Pulse(Link(mqtt, SimpleQueue())) as pulse:
            async with running(Hub([mqtt], tmp_path)) as hub:
                await contact(hub, mqtt.device)
                pulse.raise_alert("1")
                incident = await open_incident(hub, mqtt.device)
                mosquitto.kill()
                await until(lambda: hub._tiles[mqtt.device].signal.lost)
                assert await refused(hub.answer("Eva", mqtt.device, incident, "coming", NONCE(1))) == "no_way"
                assert await refused(hub.request("Eva", mqtt.device, "test", NONCE(2))) == "no_way"
                assert await refused(hub.missed("Eva", mqtt.device, "fall", NONCE(5))) == "no_contact"
                await hub.look_after("Eva", mqtt.device, NONCE(3))
                await until(lambda: hub._tiles[mqtt.device].signal.looked_after_by == "Eva")
                assert await refused(hub.look_after("Tom", mqtt.device, NONCE(4))) == "over"

    run(session())


def test_a_phone_that_can_ring_is_a_listener_until_it_falls_silent(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            page = await hub.open("Tom")
            hub.pulse("tom's", Phone("Tom", False, "hidden", time.monotonic()))
            hub.pulse("eva's", can_ring("Eva"))
            await until(lambda: pulse.heard)
            await until(lambda: InputKind.SPOTTER_GONE in pulse.kinds())
            await until(lambda: json.loads(hub._people.split(b"data: ")[1])["people"] == [])
            told = [data["people"] for kind, data in waiting(page) if kind == "people"]
        assert [(word.kind, word.who) for word in pulse.heard] == [
            (InputKind.SPOTTER_HERE, "Eva"),
            (InputKind.SPOTTER_GONE, "Eva"),
        ]
        toms = {"name": "Tom", "can_ring": False, "why": "hidden"}
        evas = {"name": "Eva", "can_ring": True, "why": ""}
        assert told[:3] == [[], [toms], [evas, toms]]
        assert told[-1] == []

    run(session())


def test_nobody_counts_as_listening_while_the_page_itself_hangs(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            hub.pulse("eva's", can_ring("Eva"))
            await until(lambda: InputKind.SPOTTER_HERE in pulse.kinds())
            wait_until(lambda: InputKind.SPOTTER_GONE in pulse.kinds())  # the loop waits, too

    run(session())


def test_a_report_is_receipted_in_the_names_whose_phones_show_it_and_ring(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            pulse.raise_alert("1")
            incident = await open_incident(hub, mqtt.device)
            shown = {incident: hub._tiles[mqtt.device].alerts[0].sequence}
            received: list[str] = []

            def pulses(eva_has: dict[str, int]) -> bool:
                hub.pulse("tom's", can_ring("Tom", **shown))
                hub.pulse("eva's", can_ring("Eva", **eva_has))
                hub.pulse("max's", Phone("Max", False, "hidden", time.monotonic(), shown))
                received[:] = [name for alert in pulse._standing.values() for name in alert.received_by]
                return True

            await until(lambda: pulses({incident: shown[incident] - 1}) and received == ["Tom"])
            await until(lambda: pulses(shown) and received == ["Tom", "Eva"])

    run(session())


def test_a_roll_call_is_told_to_all_and_so_is_who_presses(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> None:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
            page = await hub.open("Tom")
            hub.phones.call("Eva", time.monotonic())
            hub.look_round()
            hub.phones.press("Tom", time.monotonic())
            hub.look_round()
            calls = [data["roll_call"] for kind, data in waiting(page) if kind == "people"]
        assert [(call["by"], list(call["pressed"])) for call in calls if call] == [
            ("Eva", []),
            ("Eva", ["Tom"]),
        ]

    run(session())


class Sent:
    """Pushes that are kept instead of sent; one of them fails."""

    public_key = "key"

    def __init__(self) -> None:
        self.sent: list[tuple[str, Push]] = []

    async def send(self, device: str, push: Push, rung: Callable[[str], bool]) -> None:
        self.rung = rung("Eva")
        self.sent.append((device, push))
        if len(self.sent) == 1:
            raise RuntimeError("a defect")


def test_pushes_are_sent_from_the_loop_and_a_defect_in_one_costs_no_other(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def session() -> None:
        pushes = Sent()
        async with running(Hub([mqtt], tmp_path, pushes)) as hub:  # type: ignore[arg-type]  # all that it uses
            await contact(hub, mqtt.device)
            pulse.raise_alert("1", AlertKind.STUMBLE, Priority.MEDIUM)
            await until(lambda: pushes.sent)
            pulse.raise_alert("2", AlertKind.SOS)
            await until(lambda: len(pushes.sent) == 2)
            await until(lambda: not hub._pushing)
        assert [(device, push.title.split(":")[0]) for device, push in pushes.sent] == [
            (mqtt.device, "stumble"),
            (mqtt.device, "CALL FOR HELP"),
        ]
        assert "a push message is lost" in caplog.text

    run(session())


def test_a_station_that_speaks_after_the_hub_has_ended_disturbs_nobody(
    mqtt: MqttSettings, pulse: Pulse, tmp_path: Path
) -> None:
    async def session() -> Hub:
        async with running(Hub([mqtt], tmp_path)) as hub:
            await contact(hub, mqtt.device)
        return hub

    hub = asyncio.run(session())
    (tile,) = hub._tiles.values()
    hub._changed(tile)
    hub._pushed(mqtt.device, [])
    assert hub._tiles == {mqtt.device: tile}


NAMES = ("anna", "bert")


@contextmanager
def walkers(broker: MqttSettings, *names: str) -> Iterator[dict[str, Pulse]]:
    """Armed devices of these names, each with its link."""
    with ExitStack() as stack:
        pulses = {}
        for name in names:
            pulses[name] = stack.enter_context(Pulse(Link(replace(broker, device=name), SimpleQueue())))
        wait_until(lambda: all(pulse.linked for pulse in pulses.values()))
        yield pulses


def test_who_watches_a_walker_listens_and_others_stand_in_without_counting(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eva watches anna, Tom watches both; then only Eva's phone can ring."""
    monkeypatch.setattr(phones_file, "PHONE_S", 1.0)
    mqtt = mosquitto.settings()
    watches = {"Eva": frozenset({"anna"}), "Tom": frozenset(NAMES)}

    def shown(hub: Hub, device: str) -> tuple[tuple[str, ...], bool, bool]:
        tile = hub._tiles[device]
        return tuple(sorted(tile.listening)), tile.alone, tile.everybody

    async def session() -> None:
        devices = [replace(mqtt, device=name) for name in NAMES]
        async with running(Hub(devices, tmp_path, watches=lambda: watches)) as hub:
            for name in NAMES:
                await contact(hub, name)

            def rings(*spotters: str) -> bool:
                for name in spotters:
                    hub.pulse(f"{name}'s", can_ring(name, **has))
                return True

            has: dict[str, int] = {}
            page = await hub.open("Eva")
            await until(lambda: rings("Eva", "Tom") and shown(hub, "anna") == (("Eva", "Tom"), False, False))
            await until(lambda: rings("Eva", "Tom") and shown(hub, "bert") == (("Tom",), False, False))
            told = [data["watches"] for kind, data in waiting(page) if kind == "people"][-1]
            assert told == {"Eva": ["anna"], "Tom": ["anna", "bert"]}
            assert [hub._rung("bert", name) for name in ("Eva", "Tom", "Max")] == [False, True, True]
            # Tom's phone falls silent: bert is alone, and everybody is rung for him.
            await until(lambda: rings("Eva") and shown(hub, "bert") == ((), True, True))
            await until(lambda: rings("Eva") and shown(hub, "anna") == (("Eva",), False, False))
            assert hub._rung("bert", "Eva")
            pulses["bert"].raise_alert("1")
            await until(lambda: rings("Eva") and hub._tiles["bert"].alerts)
            (alert,) = hub._tiles["bert"].alerts
            has[alert.id] = alert.sequence
            beat = hub._tiles["bert"].beat
            await until(lambda: rings("Eva") and hub._tiles["bert"].beat > beat + 1)
            assert [alert.received_by for alert in pulses["bert"]._standing.values()] == [()]
            await hub.answer("Eva", "bert", alert.id, "coming", NONCE(1))
            await until(lambda: hub._tiles["bert"].alerts[0].who == "Eva")
            watches.clear()  # from now on all watch all
            await until(lambda: rings("Eva") and shown(hub, "bert") == (("Eva",), False, False))

    with walkers(mqtt, *NAMES) as pulses:
        run(session())


def test_what_the_door_said_last_is_good_while_it_cannot_be_asked(tmp_path: Path, mqtt: MqttSettings) -> None:
    said: list[dict[str, frozenset[str]]] = [{"Eva": frozenset({"anna"})}]

    def watches() -> dict[str, frozenset[str]]:
        if not said:
            raise DoorError("locked")
        return said.pop()

    hub = Hub([mqtt], tmp_path, watches=watches)
    for _ in range(3):
        hub.look_round()
        assert not hub._is_watched("bert", "Eva")


def test_a_broker_that_dies_is_one_event_for_thirty_walkers(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station_file, "REJOINED_S", 60.0)  # however slow the machine is
    monkeypatch.setattr(tile_file, "RING_S", 0.5)
    mqtt, pushes = mosquitto.settings(), Sent()
    pushes.sent.append(("", Push("", "", "", urgent=False)))  # it fails at the first

    async def session() -> None:
        devices = [replace(mqtt, device=name) for name in MANY]
        hub = Hub(devices, tmp_path, pushes)  # type: ignore[arg-type]  # all that it uses
        async with running(hub):

            def tiles(what: Callable[[Tile], object]) -> int:
                return sum(bool(what(tile)) for tile in hub._tiles.values())

            await until(lambda: tiles(lambda tile: tile.look == "safe") == 30)
            page = await hub.open("Eva")
            mosquitto.kill()
            await until(lambda: tiles(lambda tile: tile.signal.cut and tile.signal.rings) == 30)
            await until(lambda: len(pushes.sent) > 1)
            assert None not in list(page.queue._queue)  # type: ignore[attr-defined]  # it is not cut off
            await hub.look_after("Eva", "", NONCE(1))
            await until(lambda: tiles(lambda tile: tile.signal.looked_after_by == "Eva") == 30)
            assert await refused(hub.look_after("Tom", "", NONCE(2))) == "over"
            assert tiles(lambda tile: tile.signal.rings) == 0
            mosquitto.start()
            heartbeats.silent.add(MANY[0])
            await until(lambda: tiles(lambda tile: tile.look == "safe") == 29)
            assert hub._tiles[MANY[0]].signal.cut
            monkeypatch.setattr(station_file, "REJOINED_S", 0.0)
            await until(lambda: not hub._tiles[MANY[0]].signal.cut)  # its silence is its own
            await until(lambda: len(pushes.sent) >= 4)
        assert {(device, push.title) for device, push in pushes.sent[1:]} == {("", "NO CONTACT: 30 walkers")}
        assert [push.urgent for _, push in pushes.sent[1:]] == [True, False, False]

    with Heartbeats(mqtt, MANY) as heartbeats:
        run(session())
