"""One device's client in its thread: with a real broker and the device's real link, or fed by hand."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alarm_rules import CONFIRMED, CONFIRMED_ACKNOWLEDGED, SUSPECTED
from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Priority, Reading, Stage
from monitor.delivery import messages
from monitor.delivery.messages import now
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.escalation import Push
from monitor.spotter.incident import Incident, Notice, Tone
from monitor.spotter.page import station as station_file
from monitor.spotter.page.labels import Label
from monitor.spotter.page.station import LINES, Course, Slice, Station, time_of_day
from monitor.spotter.page.tile import Look, Tile
from monitor.spotter.view import SpotterView
from tests.monitor.spotter.test_view import CLEARED, Play
from tests.pulse import Pulse, wait_until


@contextmanager
def running(
    settings: MqttSettings, changed: Callable[[Tile], None], has: bool = True, **more: Any
) -> Iterator[Station]:
    names = more.pop("names", lambda: ())
    station = Station(settings, changed, names, lambda incident, name: has, **more)
    station.start()
    try:
        yield station
    finally:
        station.stop()


class Ear:
    """A client that is fed by hand: what it is given is what was heard. ``view`` may be anybody's."""

    def __init__(self) -> None:
        self.view = SpotterView("walker")
        self.up = True
        self.given: SimpleQueue[list[Notice] | Exception] = SimpleQueue()
        self.labels: list[str] = []
        self.turn = 0
        self.labelled: list[int] = []  # in which turns
        self.closed = False

    def hear(self, timeout_s: float) -> list[Notice]:
        self.turn += 1
        try:
            given = self.given.get(timeout=timeout_s)
        except Empty:
            return []
        if isinstance(given, Exception):
            raise given
        return given

    def label(self, incident_id: str, label: str, name: str, age_s: float) -> bool:
        self.labelled.append(self.turn)
        self.labels.append(f"{incident_id} {label} {name} {age_s:.0f}")
        return True

    def wake(self) -> None:
        self.given.put([])

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    ear = Ear()
    monkeypatch.setattr("monitor.spotter.page.station.SpotterClient", lambda *_, **__: ear)
    return ear


WALKER = MqttSettings()


def test_evidence_and_picture_arrive_with_the_alert(mqtt: MqttSettings, pulse: Pulse) -> None:
    tiles: list[Tile] = []
    with running(mqtt, tiles.append) as station:
        wait_until(lambda: tiles and tiles[-1].look is Look.SAFE)
        evidence = {"peak_accel_g": Reading(3.2, 2.0)}
        pulse.raise_alert("1", evidence=evidence)
        wait_until(lambda: tiles[-1].alerts and tiles[-1].alerts[0].evidence)
        (shown,) = tiles[-1].alerts
        assert (shown.look, shown.rings, shown.evidence) == (Look.FALLING, True, evidence)
        assert (tiles[-1].device, tiles[-1].look) == (mqtt.device, Look.FALLING)
        wait_until(lambda: tiles[-1].alerts[0].picture)
        clip = station.clip(shown.id)
        assert clip is not None
        assert (clip.id, len(clip.accel_g)) == (shown.id, round(8.0 / clip.bin_s))
        assert station.clip("another") is None


def test_whoever_asks_gets_the_answer_from_the_station_s_thread(mqtt: MqttSettings, pulse: Pulse) -> None:
    with running(mqtt, lambda _: None) as station:
        wait_until(lambda: station.ask(lambda client: not client.view.no_contact).result())
        name = station.ask(lambda _: threading.current_thread().name).result()
        assert name == f"page-{mqtt.device}"
        with pytest.raises(ZeroDivisionError):
            station.ask(lambda _: 1 / 0).result()
        assert station.ask(lambda client: client.request(InputKind.TEST, "Eva")).result()
        wait_until(lambda: pulse.kinds() == [InputKind.TEST])
        assert pulse.heard[0].who == "Eva"


def test_an_order_that_is_called_off_in_time_is_not_done(ear: Ear) -> None:
    done: list[str] = []
    station = Station(WALKER, lambda _: None, lambda: (), lambda incident, name: True)
    off = station.ask(lambda _: done.append("off"))
    kept = station.ask(lambda _: done.append("kept"))
    assert off.cancel()
    station.start()
    kept.result()
    station.stop()
    assert done == ["kept"]
    assert ear.closed


def test_the_device_learns_who_can_hear_here_and_who_leaves(mqtt: MqttSettings, pulse: Pulse) -> None:
    names = {"Eva"}
    with running(mqtt, lambda _: None, names=lambda: frozenset(names)):
        wait_until(lambda: [word.who for word in pulse.heard] == ["Eva"])
        names.add("Tom")
        wait_until(lambda: [word.who for word in pulse.heard] == ["Eva", "Tom"])
        names.remove("Eva")
        wait_until(lambda: len(pulse.heard) == 3)
    wait_until(lambda: len(pulse.heard) == 4)
    here, gone = InputKind.SPOTTER_HERE, InputKind.SPOTTER_GONE
    assert [(word.kind, word.who) for word in pulse.heard] == [
        (here, "Eva"),
        (here, "Tom"),
        (gone, "Eva"),
        (gone, "Tom"),
    ]


def test_the_strip_has_a_point_for_each_heartbeat(mqtt: MqttSettings, pulse: Pulse) -> None:
    with running(mqtt, lambda _: None) as station:
        wait_until(lambda: len(station.ask(lambda _: station.strip(now())).result()) >= 3)
        points = station.ask(lambda _: station.strip(now())).result()
        beats = station.ask(lambda client: client.view.state).result()
    ages = [point.age_s for point in points]
    assert beats is not None
    assert len(points) <= beats.sequence
    assert ages == sorted(ages, reverse=True)
    assert all(age_s >= 0 for age_s in ages)
    assert {(point.sway_percent, point.rhythm_percent, point.direction) for point in points} == {
        (None, None, "unknown")
    }


def listed(said: messages.AlertMessage) -> messages.Incident:
    """As the heartbeat lists it."""
    about = (said.kind, said.priority, said.certainty, said.stage)
    return messages.Incident(said.id, said.sequence, *about, age_s=0.0, who=said.who)


def told(station: Station) -> list[str]:
    return [line.text for line in station.log()]


def test_the_log_s_lines_are_numbered_without_gaps_and_reminders_are_not_in_it(ear: Ear) -> None:
    play = Play()
    tiles: list[Tile] = []
    with running(WALKER, tiles.append) as station:
        play.beat()
        ear.given.put(play.beat())
        fall = play.stage(SUSPECTED)
        ear.given.put(play.hear(fall))
        reminders = play.wait(2.9) + play.beat(incidents=(listed(fall),)) + play.wait(2.9)
        assert [notice.text for notice in reminders] == ["FALL suspected, still without an answer"]
        ear.given.put(reminders)
        ear.given.put(play.hear(play.stage(CONFIRMED)))
        fall = play.stage(CONFIRMED_ACKNOWLEDGED)
        ear.given.put(play.hear(fall))
        silence = play.wait(60.0)
        assert len([notice for notice in silence if "still no contact" in notice.text]) > 2
        ear.given.put(silence)
        ear.given.put(play.beat(incidents=(listed(fall),)))
        ear.given.put(play.hear(play.stage(CLEARED)))
        wait_until(lambda: "FALL cleared by Eva" in told(station))
        wait_until(lambda: tiles[-1].lines == len(station.log()))
        lines = station.log()
    assert [(line.text, line.tone, line.kind) for line in lines] == [
        ("contact: armed", "calm", ""),
        ("FALL suspected", "ring", "fall"),
        ("FALL confirmed", "ring", "fall"),
        ("FALL confirmed, acknowledged by Eva", "calm", "fall"),
        ("NO CONTACT: no heartbeat for 3 s", "ring", ""),
        ("contact: armed", "calm", ""),
        ("FALL cleared by Eva", "calm", "fall"),
    ]
    assert [line.number for line in lines] == list(range(1, 8))
    assert {line.incident for line in lines if line.kind} == {"aaaa-1"}
    assert [line.text for line in station.log(5)] == ["contact: armed", "FALL cleared by Eva"]
    assert station.log(7) == station.log(10**9) == []


def test_a_long_log_loses_its_beginning_and_keeps_its_numbers(ear: Ear) -> None:
    with running(WALKER, lambda _: None) as station:
        ear.given.put([Notice(Tone.NOTE, f"line {number}") for number in range(1, LINES + 11)])
        wait_until(lambda: told(station)[-1:] == [f"line {LINES + 10}"])
        assert [line.number for line in station.log()] == list(range(11, LINES + 11))


def test_a_defect_in_a_callback_does_not_end_the_station_and_is_logged_once(
    ear: Ear, caplog: pytest.LogCaptureFixture
) -> None:
    tiles: list[Tile] = []
    broken = True

    def changed(tile: Tile) -> None:
        tiles.append(tile)
        if broken:
            raise ValueError("a defect")

    with running(WALKER, changed) as station:
        for number in range(1, 4):
            ear.given.put([Notice(Tone.NOTE, f"line {number}")])
            wait_until(partial(lambda number: tiles and tiles[-1].lines == number, number))
        broken = False
        ear.given.put([Notice(Tone.NOTE, "line 4")])
        wait_until(lambda: tiles[-1].lines == 4)
        assert station.ask(lambda _: "alive").result() == "alive"
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in records] == ["the page's client of walker failed and goes on"]
    assert ear.closed


def test_a_client_that_fails_is_heard_again(ear: Ear, caplog: pytest.LogCaptureFixture) -> None:
    with running(WALKER, lambda _: None) as station:
        ear.given.put(RuntimeError("a defect"))
        ear.given.put([Notice(Tone.NOTE, "after it")])
        wait_until(lambda: told(station) == ["after it"])
    assert "RuntimeError: a defect" in caplog.text


def test_a_look_has_an_age_which_begins_when_it_changes(ear: Ear) -> None:
    play = Play()
    ear.view = play.view
    tiles: list[Tile] = []
    with running(WALKER, tiles.append) as station:
        wait_until(lambda: tiles and tiles[-1].look is Look.NO_SIGNAL and tiles[-1].look_s > 0)
        station.ask(lambda _: play.seen()).result()
        wait_until(lambda: tiles[-1].look is Look.SAFE and tiles[-1].look_s > 0)
    ages = [tile.look_s for tile in tiles if tile.look is Look.SAFE]
    assert ages[0] == 0.0
    assert ages == sorted(ages)


def test_tiles_come_each_second_though_nothing_changes(ear: Ear) -> None:
    tiles: list[Tile] = []
    with running(WALKER, tiles.append):
        wait_until(lambda: len(tiles) >= 3)
    assert len({(tile.look, tile.lines, tile.beat) for tile in tiles}) == 1


def test_what_phones_without_a_page_are_sent_is_handed_on(ear: Ear) -> None:
    sent: list[tuple[str, list[Push]]] = []
    with running(WALKER, lambda _: None, push=lambda *what: sent.append(what)):
        moment_s = time.monotonic()
        for kind, priority in ((AlertKind.FALL, Priority.HIGH), (AlertKind.BATTERY, Priority.LOW)):
            incident = Incident(kind, "aaaa", 1, kind, priority, Certainty.CONFIRMED, Stage.ACTIVE, moment_s)
            ear.view.incidents[kind] = incident
        ear.wake()
        wait_until(lambda: sent)
    ((device, (push,)),) = sent
    assert (device, push.thread, push.urgent, push.waits) == ("walker", "fall", True, True)
    assert time_of_day(moment_s) in push.body


def test_without_a_way_for_pushes_none_are_made(ear: Ear) -> None:
    with running(WALKER, lambda _: None) as station:
        alert = Incident("1", "aaaa", 1, AlertKind.SOS, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, 0.0)
        ear.view.incidents["1"] = alert
        assert station.ask(lambda client: client.view.open).result() == [alert]


def labelled(incident: str, age_s: float) -> Label:
    return Label("walker", incident, "true", "Eva", time.time() - age_s)


def test_labels_are_said_when_a_device_comes_and_again_when_it_has_been_away_or_is_another_run(
    ear: Ear,
) -> None:
    play = Play()
    ear.view = play.view
    known = [labelled("aaaa-1", 60.0), labelled("aaaa-2", 30.0)]
    asked_s: list[float] = []

    def since(wall_s: float) -> list[Label]:
        asked_s.append(time.time() - wall_s)
        return known

    whole = ["aaaa-1 true Eva 60", "aaaa-2 true Eva 30"]
    with running(WALKER, lambda _: None, labels=since) as station:
        station.say(labelled("aaaa-3", 0.0))
        assert station.ask(lambda _: ear.labels).result() == []  # there is nobody to hear them
        station.ask(lambda _: play.seen()).result()
        wait_until(lambda: ear.labels == whole)
        station.say(labelled("aaaa-3", 0.0))
        wait_until(lambda: ear.labels == [*whole, "aaaa-3 true Eva 0"])
        station.ask(lambda _: play.view.disconnected("gone", play.moment)).result()
        station.ask(lambda _: play.seen()).result()
        wait_until(lambda: len(ear.labels) == 5)
        play.boot = "bbbb"
        station.ask(lambda _: play.seen()).result()
        wait_until(lambda: len(ear.labels) == 7)
        station.ask(lambda _: play.seen()).result()
        station.ask(lambda _: None).result()
    assert len(ear.labels) == 7
    assert len(set(ear.labelled)) == 7  # an answer waits behind one of them at most
    assert [round(age_s / 86400.0, 3) for age_s in asked_s] == [7.0, 7.0, 7.0]


def counted(*beats: tuple[float, str, int, int]) -> list[Slice]:
    """The course that comes of heartbeats: wall time, boot, steps, and those of them backward."""
    course = Course()
    for number, (wall_s, boot, steps, backward) in enumerate(beats):
        gait = messages.Gait(steps_backward=backward)
        state = messages.State(boot, number, 0.0, 0.0, 0.0, True, False, steps=steps, gait=gait)
        course.add(state, wall_s)
    return course.slices()


@pytest.mark.parametrize(
    ("beats", "slices"),
    [
        ([], []),
        ([(100.0, "a", 45, 20)], [(100.0, 0, 0)]),  # they were before our time
        ([(101.0, "a", 45, 20), (102.0, "a", 48, 22), (109.9, "a", 50, 23)], [(100.0, 5, 3)]),
        ([(109.0, "a", 45, 20), (110.0, "a", 48, 22)], [(100.0, 0, 0), (110.0, 3, 2)]),
        ([(109.0, "a", 45, 20), (200.0, "a", 48, 22)], [(100.0, 0, 0), (200.0, 3, 2)]),
        ([(101.0, "a", 45, 20), (102.0, "b", 3, 1), (103.0, "b", 5, 2)], [(100.0, 2, 1)]),  # another run
        ([(101.0, "a", 45, 20), (102.0, "a", 3, 1)], [(100.0, 0, 0)]),
        ([(111.0, "a", 0, 0), (101.0, "a", 2, 1)], [(110.0, 2, 1)]),  # a clock that is set back
    ],
)
def test_the_course_is_the_steps_of_each_ten_seconds(
    beats: list[tuple[float, str, int, int]], slices: list[tuple[float, int, int]]
) -> None:
    assert [(one.wall_s, one.steps, one.backward) for one in counted(*beats)] == slices


@given(st.lists(st.tuples(st.floats(0.0, 60.0), st.integers(0, 9), st.integers(0, 9)), max_size=50))
def test_no_step_is_lost_from_the_course_or_counted_twice(
    walked: list[tuple[float, int, int]],
) -> None:
    wall_s, steps, backward = 1e9, 7, 3
    beats = [(wall_s, "a", steps, backward)]
    for pause_s, more, of_them in walked:
        wall_s, steps, backward = wall_s + pause_s, steps + more, backward + of_them
        beats.append((wall_s, "a", steps, backward))
    slices = counted(*beats)
    assert sum(one.steps for one in slices) == steps - 7
    assert sum(one.backward for one in slices) == backward - 3
    assert [one.wall_s for one in slices] == sorted({one.wall_s for one in slices})


def test_a_station_at_a_broker_that_is_not_there_says_so_and_has_no_way(free_port: int) -> None:
    tiles: list[Tile] = []
    with running(MqttSettings(host="127.0.0.1", port=free_port), tiles.append) as station:
        wait_until(lambda: tiles and tiles[-1].signal.lost and "cannot reach" in tiles[-1].signal.why)
        assert not station.ask(lambda client: client.request(InputKind.ARM, "Eva")).result()
        wait_until(lambda: any("cannot reach the broker" in text for text in told(station)))


def test_silence_is_the_broker_s_only_from_its_loss_until_there_is_contact_or_patience_ends(
    ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(station_file, "REJOINED_S", 60.0)
    tiles: list[Tile] = []
    play = Play()

    def shows(cut: bool, look: Look) -> None:
        wait_until(lambda: tiles and (tiles[-1].signal.cut, tiles[-1].look) == (cut, look))

    def lost() -> None:
        ear.view.disconnected("lost the broker", now())

    with running(WALKER, tiles.append) as station:
        shows(False, Look.NO_SIGNAL)  # the broker is there, the device has never been
        ear.up = False
        shows(True, Look.NO_SIGNAL)
        ear.up = True
        shows(False, Look.NO_SIGNAL)  # and is no more to be waited for than before
        ear.view = play.view
        station.ask(lambda _: play.seen()).result()
        shows(False, Look.SAFE)
        station.ask(lambda _: play.wait(4)).result()
        shows(False, Look.NO_SIGNAL)  # it is silent by itself, and be the broker back ever so shortly
        station.ask(lambda _: play.seen()).result()
        ear.up = False
        station.ask(lambda _: lost()).result()
        shows(True, Look.NO_SIGNAL)
        ear.up = True
        time.sleep(0.5)
        assert tiles[-1].signal.cut
        monkeypatch.setattr(station_file, "REJOINED_S", 0.0)
        shows(False, Look.NO_SIGNAL)
