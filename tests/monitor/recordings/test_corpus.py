"""Recordings: what is written is read, what is played keeps time, and what is wrong is named."""

import math
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.recordings import corpus
from monitor.recordings.arrays import FORM_NUMBERS, FORM_TEXTS, RECORDED
from monitor.recordings.corpus import Corpus, RecordingError, Stretch, Trial
from monitor.recordings.journal.packing import Form
from monitor.recordings.recorded import Fault, Over, Recorded
from tests.recordings import recorded


def trial(name: str = "walk_1", samples: int = 400, rate_hz: float = 100.0, **labels: object) -> Trial:
    counts = np.random.default_rng(7).integers(-2000, 2000, (samples, 6)).astype(np.int16)
    return Trial(name, str(labels.pop("kind", "walk")), rate_hz, counts, **labels)  # type: ignore[arg-type]  # by name


def wave(rate_hz: float, frequency_hz: float, seconds: float = 20.0) -> Trial:
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    accel_g = np.sin(2 * np.pi * frequency_hz * t)[:, np.newaxis] * [1.0, 0.5, 0.25]
    return Trial("wave", "walk", rate_hz, corpus.to_counts(accel_g, accel_g * 100.0))


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, np.ndarray]:
    stretches = (Stretch("forward", 0.0, 1.0),)
    corpus.save(tmp_path / "good.npz", [trial(contact_s=(1.0, 1.5)), trial("walk_2", stretches=stretches)])
    with np.load(tmp_path / "good.npz") as file:
        return dict(file)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    fall = trial(
        "F", kind="fall", onset_s=1.0, impact_s=1.6, subject="me", activity="A1", description="backward"
    )
    walk = trial("W", 250, 62.5, contact_s=(0.5, 1.0), stretches=(Stretch("backward", 0.0, 2.0),))
    corpus.save(tmp_path / "own.npz", [fall, walk])
    read = Corpus(tmp_path / "own.npz")
    assert [t.name for t in read] == ["F", "W"]
    for written, found in zip([fall, walk], read, strict=True):
        np.testing.assert_array_equal(found.counts, written.counts)
        for name in set(Trial.__slots__) - {"counts"}:
            expected = getattr(written, name)
            is_unknown = isinstance(expected, float) and math.isnan(expected)
            assert math.isnan(getattr(found, name)) if is_unknown else getattr(found, name) == expected


@pytest.mark.parametrize(
    ("trials", "message"),
    [
        ([], "name: expected at least one trial"),
        ([trial("\ud800")], r"name: expected text that can be printed, found '\\ud800'"),
        ([trial(onset_s=2.0, impact_s=1.9)], "onset_s: expected no later than impact_s, found 2.0"),
        ([trial(rate_hz=1e9)], "rate_hz: expected 10 to 10,000 Hz, found 1000000000.0"),
        ([trial(stretches=(Stretch("up", 0.0, 1.0),))], "direction: expected only forward, .*, found 'up'"),
    ],
)
def test_what_would_not_be_read_is_not_written(tmp_path: Path, trials: list[Trial], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        corpus.save(tmp_path / "none.npz", trials)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_occurs_again_is_numbered(tmp_path: Path) -> None:
    corpus.save(tmp_path / "twice.npz", [trial("a"), trial("b"), trial("a")])
    assert Corpus(tmp_path / "twice.npz").names == ["a", "b", "a#2"]
    assert Corpus(tmp_path / "twice.npz").find("a#2").name == "a#2"


def test_an_unknown_trial_names_its_neighbours(tmp_path: Path) -> None:
    corpus.save(tmp_path / "own.npz", [trial("F02_SA01_R01"), trial("D01_SA01_R01")])
    with pytest.raises(RecordingError, match=r"no trial 'F02_SA01_R1' among 2; did you mean F02_SA01_R01"):
        Corpus(tmp_path / "own.npz").find("F02_SA01_R1")


def test_samples_come_in_g_and_degrees_per_second() -> None:
    counts = np.tile(np.array([2048, -2048, 4096, 164, -164, 1640], np.int16), (50, 1))
    block = corpus.whole(Trial("t", "walk", 100.0, counts), 100.0)
    np.testing.assert_allclose(block.accel_g, np.tile([1.0, -1.0, 2.0], (50, 1)))
    np.testing.assert_allclose(block.gyro_dps, np.tile([10.0, -10.0, 100.0], (50, 1)))


def test_counts_are_clipped_where_the_chip_clips() -> None:
    counts = corpus.to_counts(np.array([[20.0, -20.0, 1.0]]), np.array([[0.0, 3000.0, -3000.0]]))
    assert counts.tolist() == [[32767, -32768, 2048, 0, 32767, -32768]]


@pytest.mark.parametrize("rate_hz", [20.0, 50.0, 62.5, 100.0, 128.0, 200.0])
def test_slow_movement_survives_any_rate_undelayed(rate_hz: float) -> None:
    block = corpus.whole(wave(rate_hz, 1.0), 100.0)
    inside = slice(50, -50)
    expected = np.sin(2 * np.pi * block.time_s)
    np.testing.assert_allclose(block.accel_g[inside, 0], expected[inside], atol=0.02)
    np.testing.assert_allclose(block.gyro_dps[inside, 0], 100 * expected[inside], atol=2.0)
    np.testing.assert_allclose(np.diff(block.time_s), 0.01)


def test_vibration_above_the_new_nyquist_does_not_fold_down() -> None:
    block = corpus.whole(wave(200.0, 85.0), 100.0)
    assert np.sqrt(np.mean(block.accel_g[50:-50, 0] ** 2)) < 0.03


@given(
    samples=st.integers(0, 300),
    rate_hz=st.sampled_from([20.0, 62.5, 100.0, 200.0]),
    block_s=st.floats(0.02, 3.0),
)
def test_blocks_are_the_whole_cut_in_time(samples: int, rate_hz: float, block_s: float) -> None:
    recorded = trial(samples=samples, rate_hz=rate_hz)
    whole, parts = corpus.whole(recorded, 100.0), list(corpus.blocks(recorded, 100.0, block_s))
    np.testing.assert_array_equal(np.concatenate([np.empty(0), *(b.time_s for b in parts)]), whole.time_s)
    np.testing.assert_array_equal(
        np.concatenate([np.empty((0, 3)), *(b.gyro_dps for b in parts)]), whole.gyro_dps
    )
    for number, block in enumerate(parts):
        assert block.end_s == pytest.approx(min((number + 1) * block_s, whole.end_s))
        assert np.all(block.time_s < block.end_s)
        assert np.all(block.time_s >= number * block_s - 1e-6)


def test_a_live_block_holds_five_samples() -> None:
    assert [len(b.time_s) for b in corpus.blocks(trial(samples=403), 100.0)] == [5] * 80 + [3]


def test_what_is_no_recording_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("not a zip")
    (tmp_path / "raw.npz").write_bytes(pickle.dumps([1.0]))
    (tmp_path / "empty.npz").touch()
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "other.npz", samples=np.zeros((3, 6), np.int16))
    np.savez(tmp_path / "pickled.npz", name=np.array([{}], dtype=object))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "other.npz").read_bytes()[:100])
    for name, message in {
        "absent.npz": "found no file there",
        ".": "found a folder: name the files in it",
        "text.npz": "found a file of another kind",
        "raw.npz": "found a file of another kind",
        "empty.npz": "found an empty file",
        "pickled.npz": r"name: expected plain values, found Python's objects; convert them, texts by .astype",
        "cut.npz": "damaged, incomplete or not of plain arrays",
        "one.npy": "found a single array",
        "other.npz": "found no first, name, kind and 1 more$",
    }.items():
        with pytest.raises(RecordingError, match=message) as caught:
            Corpus(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert "allow_pickle" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("samples", np.zeros((800, 6)), r"samples: expected int16 \(N, 6\), found float64 \(800, 6\)"),
        (
            "samples",
            np.zeros((800, 3), np.int16),
            r"samples: expected int16 \(N, 6\), found int16 \(800, 3\)",
        ),
        ("first", np.array([0, 400, 801]), "first: expected cuts rising from 0 to no more than 800"),
        ("first", np.array([0, 800, 400]), "first: expected cuts rising"),
        ("first", np.array([1, 400, 800]), "first: expected cuts rising"),
        ("first", np.array([0, 800]), r"first: expected whole numbers \(3,\), one more than trials"),
        ("rate_hz", np.array([100.0, 0.0]), "rate_hz: expected 10 to 10,000 Hz, found 0.0"),
        ("rate_hz", np.array([100.0, math.nan]), "rate_hz: expected 10 to 10,000 Hz, found nan"),
        ("rate_hz", np.array([9.9, 10.0]), "rate_hz: expected 10 to 10,000 Hz, found 9.9"),
        ("rate_hz", np.array([100.0, 10_001.0]), "rate_hz: expected 10 to 10,000 Hz, found 10001.0"),
        ("rate_hz", np.array([100.0]), r"rate_hz: expected numbers \(2,\), found float64 \(1,\)"),
        ("kind", np.array(["walk", "run"]), "kind: expected only fall, stumble, walk, daily"),
        ("activity", np.array([1, 2]), r"activity: expected text \(2,\)"),
        ("impact_s", np.array(["", ""]), r"impact_s: expected numbers \(2,\)"),
        (
            "onset_s",
            np.array([1.0, math.inf]),
            "onset_s: expected times in s, or NaN where unknown, found inf",
        ),
        ("contact_s", np.array(["1.0", "1.5"]), "contact_s: expected a list of numbers, found <U3"),
        ("contact_s", np.array([1j, 2j]), "contact_s: expected a list of numbers, found complex128"),
        ("contact_s", np.array([1.0, math.nan]), "contact_s: expected times in s, found nan"),
        ("direction_start_s", np.array(["0"]), "direction_start_s: expected a list of numbers, found <U1"),
        ("direction_stop_s", np.array([math.inf]), "direction_stop_s: expected times in s, found inf"),
        ("direction", np.array([1]), "direction: expected a list of texts, found int64"),
        ("direction", np.array(["up"]), "direction: expected only forward, .*, found 'up'"),
        ("name", np.array(["\ud800", "b"]), r"name: expected text that can be printed, found '\\ud800'"),
        ("subject", np.array(["a", "\x1b[2J"]), "subject: expected text that can be printed"),
        ("name", np.full(8, 255, np.uint8).view("<U1"), "name: expected text, found what is not Unicode"),
        ("samples", np.full((800, 6), 40_000), "int32|int64.* with 40000 to 40000, beyond int16"),
        (
            "samples",
            np.full((800, 6), 0.6),
            "float64.*: probably values in g.*multiply them by 2048, the gyro",
        ),
        ("samples", np.full((800, 6), 5.7), "float64.*: probably values in m/s2, not in counts"),
        ("samples", np.full((800, 6), 1200.0), "float64.*: probably counts already; round them"),
        (
            "samples",
            np.full((800, 6), math.nan),
            "800 of them with NaN: end the trial there, or leave it out",
        ),
        ("impact_s", np.array([1600.0, 2.0]), "impact_s: expected seconds from .*, which lasts 4.0 s, found"),
        ("span_start_s", np.array([-1.0, 2.0]), "span_start_s: expected seconds .*, found -1.0"),
        ("contact_s", np.array([50.0, 55.0]), "contact_s: expected seconds from the trial's beginning"),
        ("direction_start_s", np.array([3.0]), "direction_start_s: expected no later than direction_stop_s"),
        ("direction_stop_s", np.array([40.0]), "direction_stop_s: expected seconds from the trial's"),
        (
            "contact_first",
            np.array([0, 2, 9]),
            "contact_first: expected cuts rising from 0 to no more than 2",
        ),
    ],
)
def test_an_array_that_does_not_fit_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], name: str, value: np.ndarray, message: str
) -> None:
    np.savez(tmp_path / "bad.npz", allow_pickle=True, **(arrays | {name: value}))
    with pytest.raises(RecordingError, match=message):
        Corpus(tmp_path / "bad.npz")


def test_forward_and_backward_at_once_are_refused(tmp_path: Path) -> None:
    turn = Stretch("turn", 1.0, 4.0)  # one may turn while walking
    for start_s, is_right in ((2.6, True), (2.4, False)):  # half a second is the clocks' own
        stretches = (Stretch("forward", start_s, 4.0), turn, Stretch("backward", 0.0, 3.0))
        if is_right:
            corpus.save(tmp_path / "own.npz", [trial(stretches=stretches), trial("b", stretches=stretches)])
        else:
            with pytest.raises(RecordingError, match="stretches of forward and backward behind each other"):
                corpus.save(tmp_path / "own.npz", [trial(stretches=stretches)])


def test_whole_numbers_of_another_size_are_read(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    for kind in (np.int32, np.int64, ">i2"):
        np.savez(tmp_path / "own.npz", **(arrays | {"samples": arrays["samples"].astype(kind)}))
        assert Corpus(tmp_path / "own.npz")[0].counts.dtype == np.int16


def test_trials_without_samples_are_read_whatever_the_size_of_their_numbers(tmp_path: Path) -> None:
    none = {"samples": np.empty((0, 6), int), "first": np.zeros(2, int)}
    one = {"rate_hz": np.array([100.0]), "name": np.array(["walk"]), "kind": np.array(["walk"])}
    np.savez(tmp_path / "own.npz", **none, **one)
    assert len(Corpus(tmp_path / "own.npz")[0].counts) == 0


def test_no_directions_are_no_text_either(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    none = {"direction": np.array([]), "direction_first": np.zeros(3, int)}
    np.savez(tmp_path / "own.npz", **(arrays | none))
    assert Corpus(tmp_path / "own.npz")[0].stretches == ()


def header(text: str) -> bytes:
    """A .npy member that says of itself what ``text`` says, and holds nothing."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"no array", "found no name$"),
        (
            header("{'descr': '<f8', 'shape': (1"),
            "damaged, incomplete or not of plain arrays",
        ),  # tokenize.TokenError
        (
            header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,)}"),
            "damaged, incomplete or not of plain arrays",
        ),
    ],
)
def test_a_member_that_is_no_array_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray], member: bytes, message: str
) -> None:
    path = tmp_path / "bad.npz"
    others = {name: array for name, array in arrays.items() if name != "name"}
    np.savez(path, allow_pickle=True, **others)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("name.npy", member)
    with pytest.raises(RecordingError, match=message):
        Corpus(path)


@pytest.mark.parametrize(("at", "value"), [(8, 1), (10, 99)], ids=["encrypted", "unknown compression"])
def test_an_archive_that_cannot_be_opened_is_refused(tmp_path: Path, at: int, value: int) -> None:
    path = tmp_path / "bad.npz"
    corpus.save(path, [trial()])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + at] = value  # the first member, as the central directory has it
    path.write_bytes(data)
    with pytest.raises(RecordingError, match="damaged, incomplete or not of plain arrays"):
        Corpus(path)


def test_a_real_recording_has_its_labels() -> None:
    first = Corpus(recorded("gait.npz")).find("ipol/1-1")
    assert (first.dataset, first.rate_hz, len(first.contact_s)) == ("ipol", 100.0, 35)
    assert first.stretches[1] == Stretch("forward", 4.59, 13.16)
    assert np.linalg.norm(np.median(corpus.whole(first, 100.0).accel_g, axis=0)) == pytest.approx(
        1.0, abs=0.05
    )


def of_another_chip(counts: np.ndarray | None = None) -> Trial:
    """A trial of the journal: blocks of two samples, the last without any."""
    if counts is None:
        counts = np.tile(np.array([[0, 0, 2049, 0, 0, 14]], np.int16), (6, 1))
    own = Recorded(
        1_000_000 + 10_000 * np.arange(6),
        np.array([1_015_000, 1_035_000, 1_055_000, 1_105_000]),
        np.array([2, 2, 2, 0]),
        np.array([0, 1, 0, 4]),
        (Fault("no answer", 3, 4),),
        (Over(2, 0),),
        1.7e9,
    )
    form = Form("LSM6DSO", 0.000488, 0.07, "-z +y +x")
    return Trial("chip", "daily", 100.0, counts, form=form, recorded=own)


def test_a_trial_of_the_journal_is_read_with_its_chip_and_blocks(tmp_path: Path) -> None:
    written = of_another_chip()
    corpus.save(tmp_path / "own.npz", [trial("a"), written, trial("b")])
    plain, found, other = Corpus(tmp_path / "own.npz")
    assert (plain.form, plain.recorded, other.recorded) == (corpus.MPU_6050, None, None)
    assert found.form == written.form
    assert found.recorded is not None
    assert written.recorded is not None
    for name in Recorded.__slots__:
        np.testing.assert_array_equal(getattr(found.recorded, name), getattr(written.recorded, name))


def test_counts_are_those_of_the_chip() -> None:
    block = corpus.whole(of_another_chip(), 100.0)
    assert block.accel_g[0, 2] == pytest.approx(2049 * 0.000488)
    assert block.gyro_dps[0, 2] == pytest.approx(14 * 0.07)


def test_recordings_without_chips_have_no_more_arrays_than_before(tmp_path: Path) -> None:
    corpus.save(tmp_path / "own.npz", [trial()])
    with np.load(tmp_path / "own.npz") as file:
        assert not set(file.files) & {*FORM_TEXTS, *FORM_NUMBERS, *RECORDED, *chain(*RECORDED.values())}


def test_units_of_a_chip_are_doubted_by_what_they_make_of_gravity(tmp_path: Path) -> None:
    still = Trial(
        "still", "daily", 100.0, of_another_chip().counts.repeat(100, axis=0), form=of_another_chip().form
    )
    corpus.save(tmp_path / "own.npz", [still])
    with pytest.raises(RecordingError, match="expected about 1 g at rest, found 2 g"):
        corpus.save(tmp_path / "own.npz", [replace(still, form=Form(g_per_count=0.000976))])


def test_what_the_journal_holds_is_kept_although_it_cannot_be(tmp_path: Path) -> None:
    own = Recorded(10_000 * np.arange(600), np.array([6_000_000]), np.array([600]), np.array([0]))
    stuck = Trial("stuck", "daily", 100.0, np.zeros((600, 6), np.int16), recorded=own)
    with pytest.raises(RecordingError, match="the sensor has delivered nothing"):
        corpus.save(tmp_path / "own.npz", [replace(stuck, recorded=None)])
    corpus.save(tmp_path / "own.npz", [stuck])
    assert len(Corpus(tmp_path / "own.npz")) == 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            {"time_us": lambda a: a[::-1]},
            "trial 'chip': expected times and blocks for its 6 samples, found others",
        ),
        ({"block_samples": lambda a: a + 1}, "found others"),
        ({"block_lost": lambda a: -a}, "found others"),
        ({"fault_stop": lambda a: a + 1}, "found others"),
        ({"over_channel": lambda a: a + 6}, "found others"),
        ({"over_sample": lambda a: a + 4}, "found others"),
        ({"time_first": lambda a: a // 2}, "found others"),
        ({"time_us": lambda a: a.astype(float)}, "time_us: expected a list of whole numbers"),
        ({"g_per_count": lambda a: a * 0}, "g_per_count: expected what one count is, more than 0, found 0.0"),
        ({"mounting": lambda a: np.array(["+x +y +y"])}, "mounting: expected three different axes"),
        ({"mounting": lambda a: np.array(["up"])}, "mounting: expected three different axes"),
        ({"fault": lambda a: np.array(["\x1b[2J"])}, "fault: expected text that can be printed"),
    ],
)
def test_times_and_blocks_that_do_not_fit_are_refused(
    tmp_path: Path, spoil: dict[str, Callable[[np.ndarray], np.ndarray]], message: str
) -> None:
    corpus.save(tmp_path / "own.npz", [of_another_chip()])
    with np.load(tmp_path / "own.npz") as file:
        arrays = dict(file)
    for name, change in spoil.items():
        arrays[name] = change(arrays[name])
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(RecordingError, match=message):
        Corpus(tmp_path / "bad.npz")
