"""Holes in the samples: taken out where they belong, and scored against the same trial without."""

from functools import partial

import numpy as np
import pytest

from monitor.cli import main
from monitor.core.detector import Detector, DetectorSettings
from monitor.recordings import corpus, gaps
from monitor.recordings.corpus import EXAMPLE, Corpus
from monitor.weights import shipped

MAKE = partial(Detector, DetectorSettings(), shipped())


def test_a_hole_takes_out_its_time_and_nothing_else() -> None:
    whole = corpus.whole(Corpus(EXAMPLE)[0], 100.0)
    left = gaps.holed(whole, 2.0, 0.5)
    assert len(whole.time_s) - len(left.time_s) == 50
    assert not ((left.time_s >= 2.0) & (left.time_s < 2.5)).any()
    assert np.isin(left.time_s, whole.time_s).all()
    assert len(left.accel_g) == len(left.gyro_dps) == len(left.time_s)


def test_the_example_s_falls_are_detected_and_confirmed_through_every_hole() -> None:
    report = gaps.score(list(Corpus(EXAMPLE)), MAKE, jobs=1)
    assert list(report) == ["0", "0.1", "0.2", "0.3", "0.5", "1", "2", "3"]
    for row in report.values():
        assert row["detected_n"] == [2, 2]
        assert row["confirmed_n"][1] == 2
    assert [report[length]["confirmed_n"][0] for length in ("0", "0.1", "0.2", "0.3", "0.5")] == [2] * 5
    assert report["0"]["false_alarms_n"] == [0, 5]


def test_the_command_prints_a_row_for_each_length(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "example", "--gaps", "--jobs", "1", "--config", "/dev/null"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()[1:9]] == [
        "0",
        "0.1",
        "0.2",
        "0.3",
        "0.5",
        "1",
        "2",
        "3",
    ]
    assert "Confirmed: reported as down" in said
