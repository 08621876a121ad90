"""The short form of `make chaos`: one seed, a few restarts; how soon is what `make chaos` looks at."""

from pathlib import Path

import pytest

from tests.brokers import MOSQUITTO
from tests.chaos.storm import Storm
from tests.pulse import PATIENCE_S


@pytest.mark.long
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_everybody_knows_what_is_open_through_faults_and_restarts(tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="jinja2 is not installed")
    pytest.importorskip("apprise", reason="apprise is not installed")
    storm = Storm(7, tmp_path, slack_s=PATIENCE_S)
    try:
        storm.run(restarts=4, alerts=10)
    finally:
        storm.close()
    assert storm.problems == []
