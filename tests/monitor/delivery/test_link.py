"""The link against a real Mosquitto: it says when it is lost, heals, and alerts arrive once."""

import logging
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from monitor.core.alarm_rules import CONFIRMED
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, FaultCode, Input, InputKind, Priority, Status
from monitor.delivery import messages
from monitor.delivery.link import HUNG_S, Link
from monitor.delivery.link_health import LinkHealth
from monitor.delivery.messages import Moment
from monitor.delivery.mqtt import MqttSettings, round_trip_s
from monitor.delivery.reception import REPEAT_S
from monitor.spotter.client import SpotterClient
from tests.background import spawned
from tests.brokers import Mosquitto, Proxy
from tests.listener import Listener
from tests.pulse import PATIENCE_S, Pulse, wait_until


def pulse_at(settings: MqttSettings, store: Path | None = None) -> Pulse:
    return Pulse(Link(settings, SimpleQueue(), store))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that no stall of the machine makes a lost one, for tests that lose none on purpose."""

    def health(device: str, account: str, now_s: float, _overdue_s: float) -> LinkHealth:
        return LinkHealth(device, account, now_s, PATIENCE_S)

    monkeypatch.setattr("monitor.delivery.link.LinkHealth", health)


def test_what_comes_to_the_device_costs_the_broker_no_memory_of_it(mqtt: MqttSettings) -> None:
    """Its session ends with the connection, so QoS 1 would keep nothing more, and a cluster pays for it."""
    assert set(Link(mqtt, SimpleQueue())._client._subscriptions.values()) == {0}


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("protocol", [4, 5])
def test_alert_and_answer_go_there_and_back(mqtt: MqttSettings, protocol: int) -> None:
    topics = messages.Topics(mqtt.device)
    mqtt = replace(mqtt, protocol=protocol)
    with Listener(mqtt) as spotter:
        with pulse_at(mqtt) as pulse:
            wait_until(lambda: not spotter.view.no_contact)
            pulse.raise_alert("1")
            wait_until(lambda: spotter.view.open)
            story = spotter.view.open[0].id
            spotter.say(topics.answer_of("Eva"), messages.encode_answer(story, InputKind.COMING))
            wait_until(lambda: spotter.view.incidents[story].who == "Eva")
            spotter.say(topics.answer_of("Eva"), messages.encode_answer(story, InputKind.CLEAR))
            wait_until(lambda: not spotter.view.open)
            spotter.say(topics.request, messages.encode_request(InputKind.PAUSE_SOUND, "Eva"))
            wait_until(lambda: len(pulse.heard) == 3)
        wait_until(lambda: spotter.availability()[-1] == messages.SWITCHED_OFF)
    assert pulse.kinds() == [InputKind.COMING, InputKind.CLEAR, InputKind.PAUSE_SOUND]
    assert [alert.sequence for alert in spotter.alerts()] == [1, 2, 3]


def test_a_stopped_broker_is_a_lost_link_and_what_happened_meanwhile_arrives_once(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    settings = mosquitto.settings()
    with Listener(settings) as spotter, pulse_at(settings, tmp_path / "outbox.sqlite") as pulse:
        wait_until(lambda: not spotter.view.no_contact)
        mosquitto.kill()
        for alert_id in "123":
            pulse.raise_alert(alert_id)
        wait_until(lambda: pulse.kinds() == [InputKind.LINK_LOST])
        assert "127.0.0.1" in pulse.heard[0].reason
        assert spotter.view.no_contact
        mosquitto.start()
        wait_until(lambda: pulse.kinds() == [InputKind.LINK_LOST, InputKind.LINK_BACK])
        wait_until(lambda: len(spotter.view.open) == 3)
        wait_until(lambda: spotter.states()[-1].waiting == 0)
        # Whoever of the two is back first: where it is the device, the spotter asks for them again.
        all_three = {(pulse.link.boot, n) for n in (1, 2, 3)}
        wait_until(lambda: {(a.boot, a.sequence) for a in (*spotter.alerts(), *spotter.again())} == all_three)
    assert max(Counter((a.boot, a.sequence) for a in spotter.alerts()).values(), default=1) == 1


def test_a_link_that_goes_silent_without_closing_is_lost_and_found_again(mqtt: MqttSettings) -> None:
    with Proxy(mqtt.port) as proxy, Listener(mqtt) as spotter:
        # So patient a keepalive that paho itself notices nothing.
        cut = replace(mqtt, port=proxy.port, keepalive_s=60)
        with pulse_at(cut) as pulse:
            wait_until(lambda: not spotter.view.no_contact)
            proxy.silent = True
            pulse.raise_alert("1")
            wait_until(lambda: pulse.kinds() == [InputKind.LINK_LOST])
            assert "acknowledge" in pulse.heard[0].reason
            wait_until(lambda: spotter.view.no_contact)
            proxy.silent = False
            wait_until(lambda: pulse.kinds()[-1] is InputKind.LINK_BACK)
            wait_until(lambda: spotter.view.open)


def fall(sequence: int, time_s: float) -> Alert:
    return Alert(str(sequence), sequence, AlertKind.FALL, Priority.HIGH, *CONFIRMED, time_s)


@pytest.mark.usefixtures("patient")
def test_what_was_reported_in_the_last_moment_is_still_delivered(mqtt: MqttSettings) -> None:
    with Listener(mqtt) as spotter:
        wait_until(lambda: spotter.up)
        link = Link(mqtt, SimpleQueue())
        link.start()  # and has not reached its broker yet
        alerts = [fall(n, time.monotonic()) for n in range(1, 101)]
        status = Status(True, False, tuple(alerts), time.monotonic())
        link(SampleBlock.silent(status.time_s, ""), (), alerts, status)
        assert link.drain(PATIENCE_S)
        last = [fall(n, status.time_s) for n in range(101, 201)]  # more than are sent at once
        link(SampleBlock.silent(status.time_s, ""), (), last, status)
        link.stop()
        wait_until(lambda: len({alert.sequence for alert in spotter.alerts()}) == 200)
        wait_until(lambda: spotter.availability()[-1] == messages.SWITCHED_OFF)


def test_two_devices_of_one_name_are_a_fault_that_says_so_until_one_is_gone(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.link_health.BRIEF_S", 2.0)
    with pulse_at(mqtt) as ours:
        with pulse_at(mqtt):
            wait_until(lambda: any(given.fault is FaultCode.NAME_CONFLICT for given in ours.heard))
        wait_until(lambda: InputKind.FAULT_GONE in ours.kinds())


def test_a_defect_that_stays_fills_no_log(
    free_port: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.link.DEFECT_PAUSE_S", 0.0)
    tries: list[int] = []

    def fail(*_: object) -> None:
        tries.append(1)
        raise RuntimeError("a defect")

    monkeypatch.setattr("monitor.delivery.link.Client.next", fail)
    link = Link(MqttSettings(host="127.0.0.1", port=free_port), SimpleQueue())
    link.start()
    wait_until(lambda: len(tries) > 20)
    link.stop()
    assert len([record for record in caplog.records if "failed" in record.message]) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the end of the link
def test_a_link_that_is_no_more_says_so_and_leaves_no_connection_behind(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Listener(mqtt) as spotter, pulse_at(mqtt):
        wait_until(lambda: not spotter.view.no_contact)

        def die(_: Link) -> None:
            raise SystemExit  # ends a thread without a word

        monkeypatch.setattr("monitor.delivery.link.Link._judge", die)
        wait_until(lambda: spotter.availability()[-1] == messages.OFFLINE)


def test_without_a_broker_nobody_waits_for_ever(free_port: int) -> None:
    link = Link(MqttSettings(host="127.0.0.1", port=free_port), SimpleQueue())
    link.start()
    status = Status(True, False, (), time.monotonic())
    link(SampleBlock.silent(status.time_s, ""), (), [fall(1, status.time_s)], status)
    assert not link.drain(0.1)
    link.stop()


@pytest.mark.usefixtures("patient")
def test_on_a_clock_of_the_caller_s_that_leaps_ages_are_its_own_and_the_link_holds(
    mqtt: MqttSettings,
) -> None:
    at_s = 0.0
    inbox: SimpleQueue[Input] = SimpleQueue()
    link = Link(mqtt, inbox, clock=lambda: Moment(at_s, time.time()), ignored=lambda: 7)
    with Listener(mqtt) as spotter:
        link.start()
        for number in range(1, 301):  # ten minutes in a few seconds
            at_s += 2.0
            alerts = [fall(number // 100, at_s)] if number % 100 == 0 else []
            link(SampleBlock.silent(at_s, ""), (), alerts, Status(True, False, tuple(alerts), at_s))
            time.sleep(0.01)
        assert link.drain(PATIENCE_S)
        wait_until(lambda: not spotter.view.no_contact)
        wait_until(lambda: len(spotter.alerts()) == 3)
        assert {state.ignored for state in spotter.states()} == {7}
        assert spotter.states()[-1].expired == 0
        at_s += HUNG_S + 0.1  # its loop stands still, says its clock
        wait_until(lambda: spotter.view.no_contact)
        link.stop()
    assert [inbox.get().kind for _ in range(inbox.qsize())] == [InputKind.LINK_BACK]


def _live_and_wait(mqtt: MqttSettings) -> None:
    with pulse_at(mqtt):
        threading.Event().wait()


def test_a_killed_process_is_reported_by_its_last_will(mqtt: MqttSettings) -> None:
    with Listener(mqtt) as spotter:
        with spawned(_live_and_wait, mqtt):
            wait_until(lambda: not spotter.view.no_contact)
        wait_until(lambda: "the device is offline" in spotter.view.no_contact)


def test_a_hung_loop_stops_the_heartbeat_but_does_not_blame_the_link(mqtt: MqttSettings) -> None:
    with Listener(mqtt) as spotter, pulse_at(mqtt) as pulse:
        wait_until(lambda: not spotter.view.no_contact)
        pulse.hung = True
        wait_until(lambda: spotter.view.no_contact)
        pulse.hung = False
        wait_until(lambda: not spotter.view.no_contact)
    assert pulse.kinds() == []


@pytest.mark.usefixtures("patient")
def test_bad_words_are_ignored_counted_and_logged_once(
    mqtt: MqttSettings, caplog: pytest.LogCaptureFixture
) -> None:
    topics = messages.Topics(mqtt.device)
    with Listener(mqtt) as spotter, pulse_at(mqtt) as pulse:
        wait_until(lambda: not spotter.view.no_contact)
        pulse.raise_alert("1")
        wait_until(lambda: spotter.view.open)
        boot = pulse.link.boot
        with caplog.at_level(logging.WARNING):
            spotter.say(topics.answer, b"\xff")
            spotter.say(topics.answer_of("old run"), messages.encode_answer("00000000-1", InputKind.CLEAR))
            spotter.say(topics.answer_of("unknown"), messages.encode_answer(f"{boot}-9", InputKind.CLEAR))
            spotter.say(topics.request, b"x" * 100_000)
            spotter.say(topics.request, messages.encode_request(InputKind.CLEAR, "wrong topic"))
            wait_until(lambda: spotter.states()[-1].ignored == 5)
        assert pulse.heard == []
        assert len(spotter.view.open) == 1
    assert len([r for r in caplog.records if "ignored" in r.message]) == 2  # one per topic


@pytest.mark.usefixtures("patient")
def test_an_old_request_kept_by_the_broker_is_not_obeyed(mqtt: MqttSettings) -> None:
    topics = messages.Topics(mqtt.device)
    with Listener(mqtt) as spotter:
        spotter.say(topics.request, messages.encode_request(InputKind.DISARM, "yesterday"), retain=True)
        wait_until(lambda: any(letter.topic == topics.request for letter in spotter.letters))
        with pulse_at(mqtt) as pulse:
            wait_until(lambda: spotter.states() and spotter.states()[-1].ignored == 1)
    assert pulse.heard == []


def test_a_change_is_reported_at_once_and_the_heartbeat_lists_what_is_open(mqtt: MqttSettings) -> None:
    with Listener(mqtt) as early, pulse_at(mqtt) as pulse:
        wait_until(lambda: not early.view.no_contact)
        pulse.raise_alert("1")
        wait_until(lambda: early.view.open)
        pulse.armed = False
        wait_until(lambda: any("DISARMED" in notice.text for notice in early.notices))
        with Listener(mqtt) as late:
            wait_until(lambda: late.view.open)
            assert late.view.open[0].id == early.view.open[0].id
            assert late.alerts() == []  # an alert is never kept: it would sound again on every subscribe


@pytest.mark.usefixtures("patient")
def test_an_outbox_off_its_disk_is_a_fault_that_both_ends_learn_of(
    mqtt: MqttSettings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with Listener(mqtt) as spotter, pulse_at(mqtt, tmp_path / "file" / "outbox.sqlite") as pulse:
        wait_until(lambda: pulse.kinds() == [InputKind.FAULT])
        wait_until(lambda: spotter.states() and spotter.states()[-1].faults)
        pulse.raise_alert("1")
        wait_until(lambda: spotter.view.open)
        (tmp_path / "file").unlink()
        wait_until(lambda: pulse.kinds() == [InputKind.FAULT, InputKind.FAULT_GONE])
        wait_until(lambda: not spotter.states()[-1].faults)


@pytest.mark.usefixtures("patient")
def test_what_a_spotter_did_not_get_is_sent_again_when_asked(mqtt: MqttSettings) -> None:
    topics = messages.Topics(mqtt.device)
    with Listener(mqtt) as spotter, pulse_at(mqtt) as pulse:
        wait_until(lambda: not spotter.view.no_contact)
        pulse.raise_alert("1")
        wait_until(lambda: spotter.states()[-1].alerts == 1 and spotter.states()[-1].waiting == 0)
        spotter.say(topics.request, messages.encode_repeat("Eva"))
        wait_until(lambda: spotter.view.duplicates == 1)
    assert pulse.heard == []  # nothing of it concerns the alarm


@pytest.mark.usefixtures("patient")
def test_the_walker_knows_who_is_listening(mqtt: MqttSettings) -> None:
    with pulse_at(mqtt) as pulse:
        ear = SpotterClient(mqtt, "Eva")
        wait_until(lambda: ear.hear(0.02) is not None and pulse.kinds() == [InputKind.SPOTTER_HERE])
        wait_until(lambda: ear.hear(0.02) is not None and ear.view.state and ear.view.state.spotters)
        ear.close()
        wait_until(lambda: pulse.kinds() == [InputKind.SPOTTER_HERE, InputKind.SPOTTER_GONE])

        silent = SpotterClient(mqtt, "Max")
        wait_until(lambda: silent.hear(0.02) is not None and len(pulse.kinds()) == 3)
        wait_until(lambda: len(pulse.kinds()) == 4)
    silent.close()
    assert [word.who for word in pulse.heard] == ["Eva", "Eva", "Max", "Max"]


def test_a_broker_that_throws_our_messages_away_is_a_lost_link_until_it_passes_them_on(
    tmp_path: Path, free_port: int
) -> None:
    """It acknowledges them all the same: the account belongs to a device of another name."""
    topics = messages.Topics("kitchen")
    access = tmp_path / "access"
    access.write_text("topic readwrite rearguard/walker/#\n")
    config = f"listener {free_port} 127.0.0.1\nallow_anonymous true\nacl_file {access}\nuser root\n"
    with Mosquitto(tmp_path, config, free_port) as broker:
        settings = replace(broker.settings("kitchen"), protocol=4)
        with pytest.raises(ConnectionError, match=r"acknowledged but not passed on: .* rearguard/kitchen/"):
            round_trip_s(settings, 3.0)
        with pulse_at(settings) as pulse:
            pulse.raise_alert("1")
            wait_until(lambda: pulse.kinds() == [InputKind.LINK_LOST])
            assert "does not pass them on: the account used here may not" in pulse.heard[0].reason
            assert len(pulse.link._outbox) == 1
            access.write_text("topic readwrite rearguard/#\n")
            broker.reload()
            with Listener(settings) as spotter:
                wait_until(lambda: spotter.alerts())
                wait_until(lambda: not pulse.link._outbox)
                wait_until(lambda: pulse.link._health.lost is False)
                assert topics.alert in [letter.topic for letter in spotter.letters]


def test_with_mqtt_5_the_broker_says_what_it_does_not_pass_on(tmp_path: Path, free_port: int) -> None:
    access = tmp_path / "access"
    access.write_text("topic readwrite rearguard/walker/#\n")
    config = f"listener {free_port} 127.0.0.1\nallow_anonymous true\nacl_file {access}\nuser root\n"
    with Mosquitto(tmp_path, config, free_port) as broker:
        settings = broker.settings("kitchen")
        with pytest.raises(
            ConnectionError, match=r"refuses our messages: Not authorized; the account used here"
        ):
            round_trip_s(settings, 3.0)
        with pulse_at(settings) as pulse:
            wait_until(lambda: pulse.kinds() == [InputKind.LINK_LOST])
            assert "rearguard broker setup renews its rights" in pulse.heard[0].reason


def test_rights_that_are_taken_away_are_noticed(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.link_health.PROOF_S", 1.0)
    access = tmp_path / "access"
    access.write_text("topic readwrite rearguard/#\n")
    config = f"listener {free_port} 127.0.0.1\nallow_anonymous true\nacl_file {access}\nuser root\n"
    with Mosquitto(tmp_path, config, free_port) as broker, pulse_at(broker.settings()) as pulse:
        wait_until(lambda: pulse.link._health.proven)
        access.write_text("topic read rearguard/#\n")
        broker.reload()
        wait_until(lambda: pulse.kinds()[-1:] == [InputKind.LINK_LOST])


def test_a_loop_that_hangs_is_offline_to_who_goes_by_the_availability(mqtt: MqttSettings) -> None:
    with Listener(mqtt) as home, pulse_at(mqtt) as pulse:
        wait_until(lambda: pulse.linked)
        pulse.hung = True
        wait_until(lambda: home.availability()[-1] == messages.OFFLINE)
        pulse.hung = False
        wait_until(lambda: home.availability()[-1] == messages.ONLINE)
        assert pulse.kinds() == []  # the link is not blamed


def test_a_damaged_outbox_is_a_fault_that_alerts_may_be_lost(
    mqtt: MqttSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.link.LOST_S", 1.0)
    store = tmp_path / "outbox.db"
    store.write_bytes(b"noise" * 1000)
    with Listener(mqtt) as spotter, pulse_at(mqtt, store) as pulse:
        wait_until(lambda: pulse.heard)
        assert pulse.heard[0] == Input(InputKind.FAULT, fault=FaultCode.ALERTS_LOST)
        wait_until(
            lambda: any(
                "some may be lost: check on the walker" in "".join(s.faults) for s in spotter.states()
            )
        )
        wait_until(lambda: pulse.kinds() == [InputKind.FAULT, InputKind.FAULT_GONE])
        assert (tmp_path / "outbox.db.damaged").exists()


def test_a_late_will_does_not_stay(mqtt: MqttSettings) -> None:
    with Listener(mqtt) as spotter, pulse_at(mqtt):
        wait_until(lambda: messages.ONLINE in spotter.availability())
        spotter.say(messages.Topics(mqtt.device).availability, messages.OFFLINE, retain=True)
        wait_until(lambda: messages.OFFLINE in spotter.availability())
        wait_until(lambda: spotter.availability()[-1] == messages.ONLINE)


def test_a_link_that_is_stuck_is_a_fault_until_it_goes_on(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.delivery.link.STUCK_S", 0.5)
    goes_on = threading.Event()
    with pulse_at(mqtt) as pulse:
        wait_until(lambda: pulse.linked)
        work = pulse.link._judge

        def stuck() -> None:
            goes_on.wait(PATIENCE_S)
            work()

        pulse.link._judge = stuck  # type: ignore[method-assign]
        wait_until(lambda: pulse.heard)
        assert (pulse.heard[0].kind, pulse.heard[0].fault, pulse.heard[0].part) == (
            InputKind.FAULT,
            FaultCode.STUCK,
            "link",
        )
        goes_on.set()
        wait_until(lambda: InputKind.FAULT_GONE in pulse.kinds())


def test_an_alert_that_the_broker_keeps_for_itself_is_sent_again_until_a_spotter_has_it(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has acknowledged it, and died before it passed it on. Nobody who did not ask rings again."""
    monkeypatch.setattr("monitor.delivery.link.AGAIN_S", 0.3)
    topics = messages.Topics(mqtt.device)
    with pulse_at(mqtt) as pulse:
        pulse.raise_alert("1")
        pulse.raise_alert("2", AlertKind.STUMBLE, Priority.MEDIUM)
        wait_until(lambda: len(pulse.link._outbox.recent()) == 2)
        with Listener(mqtt) as deaf:  # one that writes no receipts
            wait_until(lambda: deaf.states())
            deaf.say(topics.request, messages.encode_request(InputKind.SPOTTER_HERE, "Max"))
            wait_until(lambda: len([a for a in deaf.letters if a.topic == topics.again]) >= 3)
            assert {a.id for a in deaf.again()} == {"1"}
            assert deaf.alerts() == []
            assert all(a.received_by == () for a in deaf.states()[-1].incidents)
            ear = SpotterClient(mqtt, "Eva")
            wait_until(lambda: ear.hear(0.02) is not None and pulse.link._outbox.unreceived() == [])
            wait_until(
                lambda: [a.received_by for a in deaf.states()[-1].incidents if a.id == "1"] == [("Eva",)]
            )
            ear.close()


def test_a_receipt_that_is_lost_on_its_way_is_said_again(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.spotter.client.RECEIPT_S", 0.1)
    with pulse_at(mqtt) as pulse:
        ear = SpotterClient(mqtt, "Eva")
        publish, lost = ear._client.publish, 0

        def losing(topic: str, payload: bytes, **options: Any) -> int | None:
            nonlocal lost
            if b'"received"' in payload and lost < 10:
                lost += 1
                return 1
            return publish(topic, payload, **options)

        monkeypatch.setattr(ear._client, "publish", losing)
        wait_until(lambda: ear.hear(0.02) is not None and not ear.view.no_contact)
        pulse.raise_alert("1")
        wait_until(lambda: ear.hear(0.02) is not None and lost == 10)
        wait_until(lambda: ear.hear(0.02) is not None and pulse.link._outbox.unreceived() == [])
        ear.close()


def test_what_an_earlier_run_sent_is_sent_again_to_who_asks(mqtt: MqttSettings, tmp_path: Path) -> None:
    topics = messages.Topics(mqtt.device)
    store = tmp_path / "outbox.db"
    with pulse_at(mqtt, store) as pulse:
        pulse.raise_alert("1", AlertKind.STUMBLE, Priority.MEDIUM)
        wait_until(lambda: len(pulse.link._outbox.recent()) == 1)
        boot = pulse.link.boot
    with pulse_at(mqtt, store) as pulse, Listener(mqtt) as spotter:
        wait_until(lambda: spotter.states() and pulse.link._outbox.recent())  # the file has been read
        spotter.say(topics.request, messages.encode_repeat("Eva"))
        wait_until(lambda: [(a.boot, a.sequence) for a in spotter.again()] == [(boot, 1)])
        time.sleep(1.5 * REPEAT_S)
        spotter.say(topics.request, messages.encode_repeat("Eva", since=2))  # only what is missing
        time.sleep(1.5 * REPEAT_S)
        spotter.say(topics.request, messages.encode_repeat("Eva", since=1))
        wait_until(lambda: len(spotter.again()) >= 2)
        assert len(spotter.again()) == 2


def test_a_broker_that_acknowledges_all_but_alerts_is_a_lost_link(
    mqtt: MqttSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Link(mqtt, SimpleQueue())
    publish = link._client.publish

    def swallowed(topic: str, *args: Any, **options: Any) -> int | None:
        if topic == messages.Topics(mqtt.device).alert:
            return 60_000 + len(link._sent)  # of which no acknowledgement comes
        return publish(topic, *args, **options)

    monkeypatch.setattr(link._client, "publish", swallowed)
    with Pulse(link) as pulse:
        wait_until(lambda: pulse.linked)
        pulse.raise_alert("1")
        wait_until(lambda: InputKind.LINK_LOST in pulse.kinds())
        assert not pulse.link._health.proven or "an alert" in pulse.heard[0].reason
        lost = len(pulse.heard)
        wait_until(lambda: time.monotonic() - pulse.link._started_s > 9.0)
        assert InputKind.LINK_BACK not in pulse.kinds()[: lost + 5]
        monkeypatch.undo()
        wait_until(lambda: pulse.kinds()[-1] is InputKind.LINK_BACK)


def test_no_more_than_ten_alerts_are_under_way_so_that_an_urgent_one_overtakes_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = Link(MqttSettings(), SimpleQueue())
    topics: list[str] = []

    def publish(topic: str, *_: object, **__: object) -> int:
        topics.append(topic)
        return len(topics)

    monkeypatch.setattr(link._client, "publish", publish)
    alerts = [
        Alert(str(n), n, AlertKind.STUMBLE, Priority.MEDIUM, *CONFIRMED, time.monotonic())
        for n in range(1, 31)
    ]
    link(SampleBlock.silent(time.monotonic(), ""), (), alerts, Status(True, False, (), time.monotonic()))
    link._send()
    assert topics.count("rearguard/walker/alert") == 10
    link._send()
    assert topics.count("rearguard/walker/alert") == 10
