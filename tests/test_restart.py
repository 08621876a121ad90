"""An open incident outlives its process, however that ends: the real one, with its outbox on disk."""

import signal
from pathlib import Path

import pytest

from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Stage
from monitor.delivery import messages
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import MqttSettings
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from tests.listener import Listener
from tests.pulse import wait_until
from tests.test_machine import rearguard

pytestmark = pytest.mark.long


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_fall_is_open_again_at_both_ends_after_a_restart_until_a_person_ends_it(
    end: signal.Signals, mqtt: MqttSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    script = [(2.5, Move.STAND), (3.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (600.0, Move.LIE)]
    recording = tmp_path / "fall.npz"
    corpus.save(recording, [simulated_walker.walk(script, 100.0, seed=1).trial("fall")])
    lying = tmp_path / "lying.npz"
    corpus.save(lying, [simulated_walker.walk([(60.0, Move.LIE)], 100.0, seed=1).trial("lying")])
    config = tmp_path / "config.yaml"
    config.write_text(f"mqtt: {{device: {mqtt.device}, host: {mqtt.host}, port: {mqtt.port}}}")
    where = ["--config", str(config)]
    with Listener(mqtt) as spotter:
        with rearguard("run", "--simulate", str(recording), *where) as machine:
            machine.until("ALERT fall confirmed")
            wait_until(lambda: any(x.certainty is Certainty.CONFIRMED for x in spotter.alerts()))
            machine.handle.send_signal(end)
            machine.ended()
        fall = spotter.alerts()[-1]
        with rearguard("run", "--simulate", str(lying), *where) as machine:
            machine.until("ALERT fall confirmed")
            machine.until("red, flashing fast . five urgent beeps")
            wait_until(lambda: spotter.states()[-1].boot != fall.boot and spotter.states()[-1].incidents)
            state = spotter.states()[-1]
            (incident,) = [entry for entry in state.incidents if entry.kind is AlertKind.FALL]
            assert (incident.id, incident.certainty, incident.stage) == (
                fall.id,
                Certainty.CONFIRMED,
                Stage.ACTIVE,
            )
            assert state.armed
            assert incident.age_s > 0
            topics = Topics(mqtt.device)
            spotter.say(topics.answer_of("Eva"), messages.encode_answer(fall.id, InputKind.CLEAR))
            machine.until("ALERT fall cleared by Eva")
            assert not [line for line in machine.said if "no longer mounted" in line]
            wait_until(lambda: not spotter.states()[-1].incidents)
            machine.handle.send_signal(end)
            machine.ended()
        with rearguard("run", "--simulate", str(lying), *where) as machine:
            machine.until("green blink every 2 s: armed")
            assert not [line for line in machine.said if "ALERT fall" in line]
