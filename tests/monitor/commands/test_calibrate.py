"""The calibration as a person goes through it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.sampler import Sampler, SensorSettings
from monitor.cli import main
from monitor.commands.calibrate import calibrate
from monitor.core.calibration import UnsureError
from monitor.core.samples import SampleBlock
from monitor.playback import plugged
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from tests.firmware.bench import Clock


def blocks(*script: tuple[float, Move]) -> Iterator[SampleBlock]:
    return corpus.blocks(simulated_walker.walk(script, 100.0, seed=2).trial("me"), 100.0)


def test_it_says_what_to_do_and_finds_the_seat() -> None:
    said: list[str] = []
    seat = calibrate(blocks((4.0, Move.STAND), (12.0, Move.FORWARD)), said.append)
    assert seat.mounting == "+x +y +z"
    assert ["Stand still" in said[0], "walk ten steps" in said[1]] == [True, True]


@pytest.mark.parametrize("phase", range(16))
def test_the_simulated_walker_is_calibrated_whenever_one_begins(
    phase: int,
) -> None:
    clock = Clock()
    steps = simulated_walker.walk([(3.0, Move.STAND), (12.0, Move.FORWARD)], 100.0).trial("ten steps")
    bus = Bus(1, port=plugged(steps, clock).open)
    clock.sleep(0.1 * phase)
    sampler = Sampler(SensorSettings(), bus, clock, clock.sleep)
    assert calibrate(iter(sampler), lambda _: None).mounting == "+x +y +z"


def test_a_walker_who_does_not_stand_is_told_before_the_walk() -> None:
    said: list[str] = []
    with pytest.raises(UnsureError, match=r"moved|turned"):
        calibrate(blocks((16.0, Move.FORWARD)), said.append)
    assert len(said) == 1


def test_a_silent_sensor_is_said() -> None:
    silent = (SampleBlock.silent(i * 0.05, "no answer") for i in range(1000))
    with pytest.raises(UnsureError, match="silent: no answer"):
        calibrate(silent, lambda _: None)


def test_lost_samples_are_not_glossed_over() -> None:
    def holed() -> Iterator[SampleBlock]:
        for block in blocks((4.0, Move.STAND), (12.0, Move.FORWARD)):
            if not 6.0 < block.end_s < 6.5:
                yield block

    with pytest.raises(UnsureError, match="lost"):
        calibrate(holed(), lambda _: None)


def test_the_command_writes_the_mounting_and_keeps_the_comments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text('# Anna\nsensor:\n  mounting: "+y -x +z"  # on the left hip\n')
    found = simulated_walker.walk([(4.0, Move.STAND), (12.0, Move.FORWARD)], 100.0).trial("me")
    monkeypatch.setattr(
        "monitor.commands.calibrate.Sampler", lambda *_: _Recorded(corpus.blocks(found, 100.0))
    )
    assert main(["calibrate", "--simulate", "--config", str(path)]) == 0
    assert path.read_text() == '# Anna\nsensor:\n  mounting: "+x +y +z"  # on the left hip\n'
    assert 'mounting "+x +y +z"' in capsys.readouterr().out


def test_where_it_is_unsure_the_command_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("# Anna\n")
    empty = SampleBlock(np.arange(5) / 100, np.zeros((5, 3)), np.zeros((5, 3)), 0.05)
    monkeypatch.setattr("monitor.commands.calibrate.Sampler", lambda *_: _Recorded(iter([empty])))
    assert main(["calibrate", "--simulate", "--config", str(path)]) == 1
    assert path.read_text() == "# Anna\n"
    assert "Calibration failed, nothing was changed" in capsys.readouterr().err


class _Recorded:
    """A sampler that plays blocks without waiting."""

    def __init__(self, blocks: Iterator[SampleBlock]) -> None:
        self._blocks = blocks

    def __iter__(self) -> Iterator[SampleBlock]:
        return self._blocks

    def stop(self) -> None:
        pass
