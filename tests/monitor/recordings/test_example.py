"""The recording in the package: it is what its program writes, and each command works on it."""

import math
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main
from monitor.recordings import corpus
from monitor.recordings.arrays import KINDS
from monitor.recordings.corpus import EXAMPLE, Corpus
from monitor.recordings.example import SCRIPTS, trials


def test_the_example_is_what_its_program_writes() -> None:
    """If this fails: python -m monitor.recordings.example."""
    shipped, made = Corpus(EXAMPLE), trials()
    assert shipped.names == [trial.name for trial in made]
    for found, expected in zip(shipped, made, strict=True):
        # Another processor may round a sine the other way: one count.
        np.testing.assert_allclose(found.counts, expected.counts, atol=1)
        for name in ("kind", "rate_hz", "dataset", "subject", "activity", "description"):
            assert getattr(found, name) == getattr(expected, name)
        for name in ("onset_s", "impact_s", "span_start_s", "span_stop_s", "contact_s"):
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name))
        assert found.stretches == expected.stretches


def test_the_example_holds_every_kind_and_every_label() -> None:
    shipped = list(Corpus(EXAMPLE))
    assert {trial.kind for trial in shipped} == set(KINDS)
    assert {stretch.direction for trial in shipped for stretch in trial.stretches} >= {"forward", "backward"}
    for trial in shipped:
        assert (trial.kind == "fall") != (math.isnan(trial.onset_s) or math.isnan(trial.impact_s))
        assert (trial.kind == "stumble") != math.isnan(trial.span_start_s)
        assert bool(trial.contact_s) == (trial.name != "standing")


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_trial_of_the_example_is_detected_for_what_it_is(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", EXAMPLE, "--trial", name]) == 0
    said = capsys.readouterr().out
    for word in ("unsafe step confirmed", "stumble confirmed", "fall suspected", "fall confirmed"):
        expected = word.split()[0] == name.split("-")[0]
        assert (word in said) == expected, word


def test_a_file_of_that_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    corpus.save(EXAMPLE, trials()[:1])
    assert len(Corpus(EXAMPLE)) == 1
