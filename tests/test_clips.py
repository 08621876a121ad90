"""Labelled moments are held for ever: `rearguard label ... --as-test tests/clips/NAME.npz` adds one."""

from functools import partial
from pathlib import Path

import pytest

from monitor.core.detector import Detector
from monitor.recordings.corpus import Corpus, Trial
from monitor.recordings.evaluate import detect
from monitor.recordings.scoring import broken
from monitor.settings import Settings
from monitor.weights import shipped

CLIPS = [trial for path in sorted((Path(__file__).parent / "clips").glob("*.npz")) for trial in Corpus(path)]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_a_labelled_clip_gets_what_it_expects(clip: Trial) -> None:
    run = detect(clip, partial(Detector, Settings(), shipped()), live=True)
    assert broken(run) == ""
