"""What spotters are shown: by real spotters' programs, and by one reader with a view of each lean device."""

import threading
import time
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from monitor.core.vocabulary import InputKind, Stage
from monitor.delivery.messages import encode_repeat, now
from monitor.delivery.mqtt import Client, What
from monitor.spotter.client import SpotterClient
from monitor.spotter.incident import Notice, Tone
from monitor.spotter.view import SpotterView
from tests.fleet.nodes import Where, settings
from tests.fleet.people import READER, spotter, walker
from tests.fleet.raised import Shown

ANSWER_S = 1.0
"""A spotter takes so long to say "all clear"."""

PRESSES_S = 3.0
"""And presses again where that has had no effect."""


class Eyes:
    """Looks at what one view shows."""

    def __init__(self, shown: Shown, device: str) -> None:
        self._shown, self._device = shown, device
        self._apart_s = 0.0
        self._seen = False

    def look(self, view: SpotterView, notices: Sequence[Notice]) -> None:
        now_s = time.monotonic()
        shown = self._shown
        for notice in notices:
            incident = notice.incident
            if incident is None:
                if self._seen and notice.tone is Tone.RING and "NO CONTACT" in notice.text:
                    shown.rang_s.append(now_s)
            elif not notice.reminds:
                shown.first_s.setdefault(incident.id, now_s)
                shown.times[self._device, incident.id, incident.sequence, incident.stage] += 1
                if incident.stage.ended:
                    shown.ended.add(incident.id)
        if not view.no_contact:
            self._seen = True
            if self._apart_s:
                shown.apart_s.append((now_s - self._apart_s, now_s))
            self._apart_s = 0.0
        elif self._seen and not self._apart_s:
            self._apart_s = now_s

    def close(self) -> None:
        """What is not over yet counts too."""
        if self._apart_s:
            now_s = time.monotonic()
            self._shown.apart_s.append((now_s - self._apart_s, now_s))


def spotters(
    where: Where, numbers: Sequence[int], ready: Event, over: Event, results: "Queue[Shown]"
) -> None:
    """A process of real spotters' programs, each with its session; they answer every fall."""
    shown = [Shown() for _ in numbers]
    seeing = [threading.Event() for _ in numbers]
    threads = [
        threading.Thread(target=_spotter, args=(where, number, shown[place], seeing[place], over))
        for place, number in enumerate(numbers)
    ]
    for thread in threads:
        thread.start()
    while not over.is_set():
        if all(event.is_set() for event in seeing):
            ready.set()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    results.put(_together(shown))


def _spotter(where: Where, number: int, shown: Shown, seeing: threading.Event, over: Event) -> None:
    mine = settings(where, spotter(number), walker(number))
    client = SpotterClient(mine, spotter(number), program=f"fleet-{where.port}")
    eyes = Eyes(shown, walker(number))
    first_s: dict[str, float] = {}
    pressed_s: dict[str, float] = {}
    while not over.is_set():
        eyes.look(client.view, client.hear(0.05))
        if client.view.state is not None and not client.view.no_contact:
            seeing.set()
        now_s = time.monotonic()
        for incident in client.view.open:
            due_s = pressed_s.get(incident.id, now_s - PRESSES_S + ANSWER_S) + PRESSES_S
            pressed_s.setdefault(incident.id, now_s - PRESSES_S + ANSWER_S)
            if now_s >= due_s and client.answer(incident.id, InputKind.CLEAR):
                pressed_s[incident.id] = now_s
                first_s.setdefault(incident.id, now_s)
        for identity in list(first_s):
            known = client.view.incidents.get(identity)
            if known is None or known.stage is Stage.CLEARED:
                shown.answered_s.append(now_s - first_s.pop(identity))
    eyes.close()
    client.close()


def reader(where: Where, numbers: Sequence[int], ready: Event, over: Event, results: "Queue[Shown]") -> None:
    """A process with one client for all lean devices, and a spotter's view of each."""
    topics = {"rearguard/+/alert": 1, "rearguard/+/again": 0, "rearguard/+/state": 0}
    topics["rearguard/+/availability"] = 0
    client = Client(settings(where, READER, "fleet"), READER, topics)
    shown = Shown()
    views = {walker(number): SpotterView(walker(number)) for number in numbers}
    eyes = {device: Eyes(shown, device) for device in views}
    ticked_s = 0.0
    while not over.is_set():
        letter = client.next(0.05)
        moment = now()
        if letter is not None and letter.what is What.RECEIVED:
            device, kind = letter.topic.split("/")[1:3]
            if device in views:
                view = views[device]
                notices = view.update(letter.topic, letter.payload, letter.retained, moment)
                eyes[device].look(view, notices)
                if kind == "state" and (since := view.asks()):
                    client.publish(f"rearguard/{device}/request", encode_repeat(READER, since))
        elif letter is not None and letter.what is What.DOWN:
            for device, view in views.items():
                eyes[device].look(view, view.disconnected(letter.reason, moment))
        if moment.mono_s - ticked_s > 0.5:
            ticked_s = moment.mono_s
            for device, view in views.items():
                eyes[device].look(view, view.tick(moment))
            if not any(view.no_contact for view in views.values()):
                ready.set()
    for one in eyes.values():
        one.close()
    client.close()
    results.put(shown)


def _together(parts: Sequence[Shown]) -> Shown:
    whole = Shown()
    for part in parts:
        whole.first_s |= part.first_s
        whole.times += part.times
        whole.ended |= part.ended
        whole.answered_s += part.answered_s
        whole.apart_s += part.apart_s
        whole.rang_s += part.rang_s
    return whole
