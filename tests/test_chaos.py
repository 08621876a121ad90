"""The short form of `make chaos`: one of each fault (the silent cut is in test_link.py)."""

from pathlib import Path

import pytest

from tests.brokers import MOSQUITTO
from tests.chaos import Chaos
from tests.pulse import PATIENCE_S


@pytest.mark.long
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
def test_alerts_arrive_once_through_every_fault(tmp_path: Path) -> None:
    chaos = Chaos(7, tmp_path, slack_s=PATIENCE_S)  # how soon is what `make chaos` looks at
    try:
        chaos.run(60, ["kill", "disk", "broker", "clock"])
    finally:
        chaos.close()
    assert chaos.problems == [], chaos.figures()
