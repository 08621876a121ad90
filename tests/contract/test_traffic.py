"""What a real process and its spotters' programs say, held against docs/asyncapi.json, word for word."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.core.vocabulary import InputKind
from monitor.delivery import home_assistant, messages
from monitor.delivery.messages import AlertMessage, decode_alert
from monitor.delivery.mqtt import round_trip_s
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.spotter.client import SpotterClient
from tests.brokers import Mosquitto
from tests.contract.channels import TOPICS
from tests.contract.checking import Contract, closed
from tests.contract.collector import Collector
from tests.contract.document import FILE
from tests.pulse import wait_until
from tests.test_machine import rearguard

pytestmark = pytest.mark.long

SCRIPT = [(2.5, Move.STAND), (1.5, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (600.0, Move.LIE)]


def alerts(ears: Collector, kind: str) -> list[AlertMessage]:
    return [alert for alert in map(decode_alert, ears.on(TOPICS.alert)) if alert.kind == kind]


def acts(ears: Collector, topic: str) -> set[str]:
    return {json.loads(payload)["act"] for payload in ears.on(topic)}


def test_every_message_of_a_real_process_and_its_spotters_keeps_to_the_contract(
    mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    recording, config = tmp_path / "fall.npz", tmp_path / "config.yaml"
    corpus.save(recording, [simulated_walker.walk(SCRIPT, 100.0, seed=1).trial("fall")])
    config.write_text(f"mqtt: {{host: 127.0.0.1, port: {mosquitto.port}, home_assistant: true}}")
    with (
        Collector(mosquitto.port) as ears,
        rearguard("run", "--simulate", str(recording), "--config", str(config)) as machine,
    ):
        eva = SpotterClient(mosquitto.settings(), "eva", pictures=True)

        def until(condition: Callable[[], object]) -> None:
            """Eva's program goes on meanwhile: it listens, and receipts."""
            wait_until(lambda: (eva.hear(0.02), condition())[1])

        until(lambda: any(alert.certainty == "confirmed" for alert in alerts(ears, "fall")))
        fall = alerts(ears, "fall")[0].id
        until(lambda: "received" in acts(ears, TOPICS.answer_of("eva")))
        for topic, payload in (
            (TOPICS.answer, messages.encode_answer(fall, InputKind.COMING)),
            (TOPICS.request, messages.encode_repeat("eva")),
            (TOPICS.request, messages.encode_phones_failed("phones")),
            (TOPICS.request, messages.encode_label(fall, "true", "eva", 1.5)),
            (home_assistant.BIRTH_TOPIC, home_assistant.BIRTH),
        ):
            ears.say(topic, payload, qos=int(topic != home_assistant.BIRTH_TOPIC))
        until(lambda: any(alert.stage == "acknowledged" for alert in alerts(ears, "fall")))
        eva.answer(fall, InputKind.CLEAR)
        eva.request(InputKind.TEST)
        eva.request(InputKind.PAUSE_SOUND)
        eva.missed("stumble", "eva")
        assert round_trip_s(mosquitto.settings()) > 0
        machine.handle.send_signal(signal.SIGUSR1)
        until(lambda: alerts(ears, "sensor") and alerts(ears, "test") and alerts(ears, "fault"))
        until(lambda: ears.on(TOPICS.clip) and ears.on(TOPICS.again))
        until(lambda: len(ears.on(home_assistant.topic("walker"))) >= 2)
        eva.close()
        assert machine.end() == 0
        wait_until(lambda: messages.SWITCHED_OFF in ears.on(TOPICS.availability))
    contract = Contract(closed(json.loads(FILE.read_text())))
    assert {words for heard in ears.heard for words in contract.complaints(heard)} == set()
    assert {contract.channel(heard.topic) for heard in ears.heard} == set(contract.document["channels"])
