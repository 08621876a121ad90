"""The black box of the whole machine: the real process, with its journal on disk."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from monitor.core.vocabulary import AlertKind, Certainty, FaultCode
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.journal.file import FILE
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.simulated_walker import Move
from tests.pulse import wait_until
from tests.test_machine import rearguard

pytestmark = pytest.mark.long

CONFIRMED = AlertKind.FALL, Certainty.CONFIRMED


def alerts_of(path: Path) -> list[tuple[AlertKind, Certainty]]:
    return [(alert.kind, alert.certainty) for alert in sessions(path)[0].alerts()]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_session_is_on_disk_however_its_process_ends(
    end: signal.Signals, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    script = [(2.5, Move.STAND), (3.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (600.0, Move.LIE)]
    recording = tmp_path / "fall.npz"
    corpus.save(recording, [simulated_walker.walk(script, 100.0, seed=1).trial("fall")])
    config = tmp_path / "config.yaml"
    config.write_text(f"mqtt: {{port: {free_port}}}")
    with rearguard("run", "--simulate", str(recording), "--config", str(config)) as machine:
        machine.until("ALERT fall confirmed")
        wait_until(lambda: alerts_of(tmp_path / FILE)[-1:] == [CONFIRMED])
        machine.handle.send_signal(end)
        machine.ended()
        said = [*machine.said, *machine.lines()]
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (session,) = sessions(tmp_path / FILE)
    alerts = session.alerts()
    assert CONFIRMED in alerts_of(tmp_path / FILE)
    assert FaultCode.JOURNAL not in [alert.fault for alert in alerts]
    assert session.to_s >= max(alert.time_s for alert in alerts)
    assert session.holes() == []
    ends_s = [block.end_s for block in session.blocks()]
    assert max(after - before for before, after in zip(ends_s, ends_s[1:], strict=False)) < 0.2
    if end is signal.SIGTERM:
        (words,) = [line for line in said if line.startswith("session: ")]
        assert words.startswith(f"session: {len(session.steps())} steps")
