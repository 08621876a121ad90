"""The picture of an alert: what is in it, and for which alerts there is one."""

import numpy as np

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Priority, Stage
from monitor.delivery.clip import AFTER_S, BEFORE_S, BIN_S, Clips
from monitor.delivery.messages import Clip, decode_clip, encode

RATE_HZ = 100.0


def alert(time_s: float, kind: AlertKind = AlertKind.FALL, id: str = "a-1", stage: Stage = Stage.ACTIVE):
    return Alert(id, 1, kind, Priority.HIGH, Certainty.SUSPECTED, stage, time_s)


def played(alerts: list[Alert], until_s: float = 30.0, missing_s: tuple[float, float] = (0, 0)) -> list[Clip]:
    """A minute of standing with a blow of 5 g at 10 s, in blocks of 50 ms; the clips that come of it."""
    clips = Clips("a")
    found = []
    for number in range(round(until_s / 0.05)):
        begin_s = number * 0.05
        time_s = begin_s + np.arange(5) / RATE_HZ + 0.005
        accel_g = np.tile([0.0, 0.0, 1.0], (5, 1))
        accel_g[(time_s > 10.0) & (time_s < 10.01), 0] = 5.0
        block = SampleBlock(time_s, accel_g, np.tile([3.0, 4.0, 0.0], (5, 1)), begin_s + 0.05)
        if missing_s[0] <= begin_s < missing_s[1]:
            block = SampleBlock.silent(begin_s + 0.05, "gone")
        due = [a for a in alerts if begin_s < a.time_s <= begin_s + 0.05]
        found += clips.update(block, due)
    return found


def test_a_clip_holds_what_came_before_and_after_and_loses_no_peak() -> None:
    (clip,) = played([alert(10.2)])
    assert (clip.id, clip.boot, clip.before_s, clip.bin_s) == ("a-1", "a", BEFORE_S, BIN_S)
    assert len(clip.accel_g) == len(clip.rate_dps) == round((BEFORE_S + AFTER_S) / BIN_S)
    assert set(clip.rate_dps) == {5}
    (at,) = [i for i, g in enumerate(clip.accel_g) if g != 1.0]
    assert clip.accel_g[at] == 5.1
    assert abs(at * BIN_S - (BEFORE_S - 0.2)) < 1.5 * BIN_S
    assert decode_clip(encode(clip)) == clip
    assert len(encode(clip)) < 4096


def test_it_comes_when_what_followed_is_there() -> None:
    assert played([alert(10.2)], until_s=13.1) == []
    assert len(played([alert(10.2)], until_s=13.3)) == 1


def test_where_samples_are_missing_there_is_nothing() -> None:
    (clip,) = played([alert(10.2)], missing_s=(8.0, 9.0))
    missing = [i for i, g in enumerate(clip.accel_g) if g is None]
    assert abs(len(missing) * BIN_S - 1.0) <= 2 * BIN_S
    assert [i for i, dps in enumerate(clip.rate_dps) if dps is None] == missing


def test_only_what_happens_to_the_walker_has_a_picture() -> None:
    for kind in AlertKind:
        expected = kind in {AlertKind.FALL, AlertKind.SOS, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP}
        assert len(played([alert(10.2, kind)])) == expected, kind
    for stage in Stage:
        assert len(played([alert(10.2, stage=stage)])) == (stage is Stage.ACTIVE), stage


def test_a_bad_minute_makes_few_clips_and_a_fall_always_one() -> None:
    steps = [alert(10.0 + i, AlertKind.UNSAFE_STEP, f"a-{i}") for i in range(10)]
    assert [clip.id for clip in played(steps)] == ["a-0", "a-5"]
    falls = [alert(10.0, id="a-1"), alert(11.0, id="a-1"), alert(12.0, AlertKind.FALL, "a-2")]
    assert [clip.id for clip in played(falls)] == ["a-1", "a-2"]
