"""A spotter's side of MQTT, where it is not held by the stories of `test_watching` and `test_link`."""

from pathlib import Path

import pytest

from monitor.core.alarm_rules import CONFIRMED
from monitor.delivery.messages import Topics
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.client import SpotterClient
from tests.monitor.spotter.test_view import Play


def test_a_report_that_came_before_the_broker_took_our_words_is_receipted_as_soon_as_it_does(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = SpotterClient(MqttSettings(host="127.0.0.1", port=free_port), "Eva")
    play = Play()
    client.view = play.view
    play.seen()
    play.hear(play.stage(CONFIRMED))
    client._receipt(play.time_s)
    published: list[str] = []

    def publish(topic: str, _payload: bytes) -> int:
        published.append(topic)
        return len(published)

    monkeypatch.setattr(client._client, "publish", publish)
    client._receipt(play.time_s)
    client._receipt(play.time_s)
    assert published == ["rearguard/walker/answer/Eva"]
    client.close()


@pytest.mark.parametrize(("program", "qos"), [("", 0), ("watch", 1)])
def test_only_a_session_is_promised_at_qos_1(
    program: str, qos: int, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or, at RabbitMQ, who has none could go to no other node when his has died."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    client = SpotterClient(MqttSettings(host="127.0.0.1", port=free_port), "Eva", program=program)
    topics = Topics("walker")
    assert client._client._session == bool(qos)
    assert client._client._subscriptions == {
        topics.availability: 0,
        topics.state: 0,
        topics.again: 0,
        topics.alert: qos,
        topics.answers: qos,
    }
    client.close()
