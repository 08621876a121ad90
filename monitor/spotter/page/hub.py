"""Between stations and open pages: each tile goes to every page, each page's phone counts as its owner's.

All but the stations' callbacks belongs to the event loop's thread.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from monitor.core.vocabulary import InputKind, RearguardError
from monitor.delivery.messages import now
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from monitor.spotter.escalation import Push
from monitor.spotter.incident import Incident
from monitor.spotter.page.labels import Labels
from monitor.spotter.page.live import Call, Page, People, Person, event
from monitor.spotter.page.outage import Outage
from monitor.spotter.page.phones import Phone, Phones
from monitor.spotter.page.station import Point, Station
from monitor.spotter.page.tile import ORDER, Tile

if TYPE_CHECKING:
    from monitor.spotter.page.pushes import Pushes

NONCES = 10_000

ANSWERS = {word.value: word for word in (InputKind.COMING, InputKind.FALSE_ALARM, InputKind.CLEAR)}
REQUESTS = {
    word.value: word for word in (InputKind.ARM, InputKind.DISARM, InputKind.TEST, InputKind.PAUSE_SOUND)
}


_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """What somebody asked is not done; the word says why, for the browser to put into words."""


class Hub:
    """``watches`` gives the devices of each name that does not watch all. Raises what SpotterClient raises.

    A phone counts as listening, and rings, for the walkers that its owner watches. Where none of a walker's
    own spotters listens, everybody is rung for him; but they do not count, so that he is seen to be alone.
    """

    def __init__(
        self,
        devices: Sequence[MqttSettings],
        folder: Path,
        pushes: "Pushes | None" = None,
        watches: Callable[[], Mapping[str, frozenset[str]]] = dict,
    ) -> None:
        self.phones = Phones()
        self.pushes = pushes
        self.labels = Labels(folder / "labels.jsonl")
        self._ask_watches = watches
        self._watches: Mapping[str, frozenset[str]] = {}
        self._names: frozenset[str] = frozenset()  # who could be reached last
        self._outage = Outage()
        self._pages: set[Page] = set()
        self._tiles: dict[str, Tile] = {}
        self._people = b""
        self._nonces: dict[str, None] = {}
        self._pushing: set[asyncio.Future[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stations = {
            settings.device: Station(
                settings,
                self._changed,
                partial(self._can_ring, settings.device),
                self._has,
                self._pushed if pushes else None,
                partial(self.labels.since, settings.device),
                several=len(devices) > 1,
            )
            for settings in devices
        }

    async def run(self) -> None:
        """Keep the pages up to date until cancelled."""
        self._loop = asyncio.get_running_loop()
        for station in self.stations.values():
            station.start()
        failed = ""
        try:
            while True:
                try:
                    self.look_round()
                except Exception as error:  # noqa: BLE001  the page must outlive a defect of its own
                    if repr(error) != failed:
                        failed = repr(error)
                        _log.exception("looking after the phones failed and goes on")
                await asyncio.sleep(0.2)
        finally:
            self._loop = None
            self.end_pages()
            for station in self.stations.values():
                await asyncio.to_thread(station.stop)

    def end_pages(self) -> None:
        """Let their streams end."""
        for page in self._pages:
            page.end()

    def look_round(self) -> None:
        """Who can be reached now; tell the pages if that has changed."""
        now_s = time.monotonic()
        self._names = self.phones.can_ring(now_s)
        with suppress(RearguardError):  # the door's file: what it said last is good
            self._watches = self._ask_watches()
        call = self.phones.roll_call(now_s)
        people = People(
            [Person(*person) for person in self.phones.people(now_s)],
            Call(call.number, call.by, float(int(now_s - call.began_s)), call.pressed) if call else None,
            {name: sorted(devices) for name, devices in self._watches.items()},
        )
        encoded = event("people", msgspec.json.encode(people))
        if encoded != self._people:
            self._people = encoded
            self._to_all(encoded)
        if len(self.stations) > 1:
            self._push("", self._outage.step(self._tiles.values(), now_s))

    async def open(self, name: str) -> Page:
        """A new page: all that is known comes first."""
        page = Page(len(self.stations))
        asked = (asyncio.wrap_future(one.ask(partial(_strip, one))) for one in self.stations.values())
        strips = dict(zip(self.stations, await asyncio.gather(*asked), strict=True))
        whole = {"tiles": list(self._tiles.values()), "strips": strips, "you": name, "order": ORDER}
        page.send(event("all", msgspec.json.encode(whole)))
        if self._people:
            page.send(self._people)
        self._pages.add(page)
        return page

    def close(self, page: Page) -> None:
        self._pages.discard(page)

    def pulse(self, key: str, phone: Phone) -> None:
        """What a phone says of itself. The device learns at once when that changes."""
        self.phones.pulse(key, phone)
        before = self._names
        self.look_round()
        if self._names != before:
            for station in self.stations.values():
                station.ask(lambda _: None)

    async def answer(self, name: str, device: str, incident: str, act: str, nonce: str) -> None:
        """Say it to the device. Raises RefusedError: over, repeated, unknown, no_way."""
        station = self._station(device)
        if act not in ANSWERS:
            raise RefusedError("unknown")
        self._once(nonce)

        def say(client: SpotterClient) -> str:
            if not any(known.id == incident for known in client.view.open):
                return "over"
            return "" if client.answer(incident, ANSWERS[act], name) else "no_way"

        if trouble := await asyncio.wrap_future(station.ask(say)):
            raise RefusedError(trouble)

    async def request(self, name: str, device: str, act: str, nonce: str) -> None:
        """Ask the device for something that belongs to no incident. Raises RefusedError."""
        station = self._station(device)
        if act not in REQUESTS:
            raise RefusedError("unknown")
        self._once(nonce)
        if not await asyncio.wrap_future(station.ask(lambda client: client.request(REQUESTS[act], name))):
            raise RefusedError("no_way")

    async def missed(self, name: str, device: str, about: str, nonce: str) -> None:
        """Have the device note that it misses an alert just now. Raises RefusedError."""
        station = self._station(device)
        self._once(nonce)

        def say(client: SpotterClient) -> bool:
            return not client.view.no_contact and client.missed(about, name)

        if not await asyncio.wrap_future(station.ask(say)):
            raise RefusedError("no_contact")

    async def look_after(self, name: str, device: str, nonce: str) -> None:
        """Somebody looks after lost contact; "" for all with which it is the broker. Raises RefusedError."""
        cut = [self.stations[tile.device] for tile in self._tiles.values() if tile.signal.cut]
        stations = [self._station(device)] if device else cut
        self._once(nonce)
        asked = (one.ask(lambda client: bool(client.look_after_contact(name))) for one in stations)
        if not any(await asyncio.gather(*map(asyncio.wrap_future, asked))):
            raise RefusedError("over")

    def _station(self, device: str) -> Station:
        if device not in self.stations:
            raise RefusedError("unknown")
        return self.stations[device]

    def _once(self, nonce: str) -> None:
        """A request that was recorded and is sent again is refused."""
        if not nonce or nonce in self._nonces:
            raise RefusedError("repeated")
        self._nonces[nonce] = None
        if len(self._nonces) > NONCES:
            del self._nonces[next(iter(self._nonces))]

    def _can_ring(self, device: str) -> frozenset[str]:
        """From a station's thread: a phone that falls silent counts no more, even if the event loop hangs."""
        names = self.phones.can_ring(time.monotonic())
        return frozenset(name for name in names if self._is_watched(device, name))

    def _is_watched(self, device: str, name: str) -> bool:
        """By him; whoever was not told whom to watch watches all."""
        return name not in self._watches or device in self._watches[name]

    def _rung(self, device: str, name: str) -> bool:
        """Is this name rung for the walker? For "", no device: for any whom the lost broker hides."""
        if not device:
            return any(self._rung(tile.device, name) for tile in self._tiles.values() if tile.signal.cut)
        tile = self._tiles.get(device)
        return tile is None or tile.everybody or self._is_watched(device, name)

    def _has(self, incident: Incident, name: str) -> bool:
        return self.phones.has(incident.id, incident.sequence, name, time.monotonic())

    def _changed(self, tile: Tile) -> None:
        """From a station's thread."""
        encoded = event("tile", msgspec.json.encode(tile))
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._take, tile, encoded)

    def _pushed(self, device: str, pushes: list[Push]) -> None:
        """From a station's thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._push, device, pushes)

    def _push(self, device: str, pushes: Sequence[Push]) -> None:
        if self.pushes is None:
            return
        for push in pushes:
            task = asyncio.ensure_future(self.pushes.send(device, push, partial(self._rung, device)))
            self._pushing.add(task)  # the loop itself holds tasks only weakly
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Future[None]) -> None:
        self._pushing.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.warning("a push message is lost", extra={"private": error})

    def _take(self, tile: Tile, encoded: bytes) -> None:
        self._tiles[tile.device] = tile
        self._to_all(encoded)

    def _to_all(self, message: bytes) -> None:
        self._pages = {page for page in self._pages if page.send(message)}


def _strip(station: Station, _: SpotterClient) -> list[Point]:
    return station.strip(now())
