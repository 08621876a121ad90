"""A spotter's side of MQTT, where it is not held by the stories of `test_watching` and `test_link`."""

import pytest

from monitor.core.alarm_rules import CONFIRMED
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
