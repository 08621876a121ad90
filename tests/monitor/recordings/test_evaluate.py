"""The whole report, from files to table, with stand-ins for the detector and with the real one."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from monitor.cli import main
from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Direction, Event, EventKind, StepEvent
from monitor.recordings import corpus, scoring
from monitor.recordings.arrays import REQUIRED
from monitor.recordings.corpus import EXAMPLE, Corpus, RecordingError, Stretch, Trial
from monitor.recordings.evaluate import MakeDetector, detect, detect_all, read
from monitor.recordings.evaluate import report as scores
from monitor.recordings.score_table import LEGEND, table
from monitor.recordings.scoring import Score
from monitor.recordings.simulated_walker import SESSION, walk
from monitor.weights import shipped
from tests.recordings import recorded


class Peaks:
    """Tells IMPACT above a limit, once in 5 s, and a step at every upward crossing of 1.2 g."""

    def __init__(self, limit_g: float) -> None:
        self._limit_g = limit_g
        self._last_g = 1.0
        self._impact_s = -5.0

    def update(self, block: SampleBlock) -> list[Event]:
        events: list[Event] = []
        for time_s, norm_g in zip(block.time_s, np.linalg.norm(block.accel_g, axis=1), strict=True):
            if norm_g > 1.2 >= self._last_g:
                contact_s = float(time_s)
                events.append(StepEvent(contact_s, contact_s=contact_s, direction=Direction.FORWARD))
            if norm_g > self._limit_g and time_s - self._impact_s >= 5.0:
                self._impact_s = time_s
                events.append(Event(EventKind.IMPACT, float(time_s)))
            self._last_g = norm_g
        return events


MAKE = partial(Peaks, 3.0)


def evaluate(
    files: Sequence[str | Path],
    make: MakeDetector,
    red: float,
    jobs: int | None = None,
    show_progress: bool = False,
    by: str = "dataset",
) -> Score:
    return scores(detect_all(read(files, show_progress).trials, make, jobs, show_progress), red, by)


def standing(seconds: float, *peaks: tuple[float, float], rate_hz: float = 100.0) -> np.ndarray:
    """Standing still with single-sample peaks (time_s, g)."""
    accel_g = np.tile([0.0, 0.0, 1.0], (round(seconds * rate_hz), 1))
    for time_s, peak_g in peaks:
        accel_g[round(time_s * rate_hz), 2] = peak_g
    return corpus.to_counts(accel_g, np.zeros_like(accel_g))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    contacts = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0)
    trials = [
        Trial("F1", "fall", 100.0, standing(20, (10, 5.0)), "lab", "S1", "F01", "Backward fall while walking",
              onset_s=9.3, impact_s=10.0),
        Trial("F2", "fall", 100.0, standing(20, (5, 5.0)), "lab", "S1", "F01", "Backward fall while walking",
              onset_s=9.3, impact_s=10.0),
        Trial("F3", "fall", 100.0, standing(20, (10, 2.0)), "lab", "S1", "F02", "Forward fall while sitting",
              onset_s=9.3, impact_s=10.0),
        Trial("W1", "walk", 100.0, standing(36, *((s, 1.5) for s in contacts)), "lab", "S1", "D01", "Walking",
              contact_s=contacts, stretches=(Stretch("forward", 1.0, 6.0),)),
        Trial("D1", "daily", 100.0, standing(36, (9, 4.0)), "home", "S2", "D02", "Jumping"),
    ]  # fmt: skip
    corpus.save(tmp_path / "made.npz", trials)
    return tmp_path / "made.npz"


def test_the_report_holds_what_the_rules_say(recordings: Path) -> None:
    report = evaluate([recordings], MAKE, red=0.8, jobs=1)
    assert list(report) == ["lab", "home", "all"]
    lab, home, both = report.values()
    assert lab["trials"] == {"fall": 3, "walk": 1}
    assert lab["hours"]["walk"] == 0.01
    assert lab["fall"]["sensitivity_n"] == lab["fall"]["impact"]["sensitivity_n"] == [1, 3]
    assert lab["fall"]["falling"]["sensitivity"] == 0.0
    assert lab["fall"]["before_window_n"] == [1, 3]
    assert both["fall"]["specificity_n"] == [1, 2]
    assert home["fall"]["false_alarms_per_hour_daily"] == 100.0
    assert lab["falling"]["before_impact_n"] == [0, 3]
    assert {start: part["any_n"] for start, part in lab["falls_by_start"].items()} == {
        "anyhow": [1, 3],
        "walking": [1, 2],
        "sitting_or_standing": [0, 1],
        "backward": [1, 2],
        "backward_walking": [1, 2],
    }
    assert (lab["steps"]["f1"], lab["steps"]["lag_s"]) == (1.0, 0.0)
    assert lab["direction"]["forward"]["right_n"] == [2.5, 2.5]
    assert lab["unsafe_step"]["amber_per_100_n"] == lab["unsafe_step"]["red_per_100_n"] == [0, 7]
    assert lab["activities"]["F01"]["missed"]["impact"] == ["F2"]
    assert home["activities"]["D02"]["false_alarms"]["impact"] == ["D1"]
    for part in ("falling", "falls_by_start", "stumble", "steps", "direction", "unsafe_step"):
        assert home[part] is None
    assert both["speed"]["seconds_per_hour"] > 0


def test_the_report_is_json_and_the_table_fits_the_page(recordings: Path) -> None:
    report = evaluate([recordings], MAKE, red=0.8, jobs=1)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    lines = table(report).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("33.3 % (6.1-79.2)" in line for line in lines)
    assert any("lab F02 Forward fall while sitting" in line for line in lines)
    assert lines[-len(LEGEND.splitlines()) :] == LEGEND.splitlines()


def test_a_table_without_lines_has_no_heading(tmp_path: Path) -> None:
    corpus.save(tmp_path / "d.npz", [Trial("D", "daily", 100.0, standing(36), "home")])
    said = table(evaluate([tmp_path / "d.npz"], MAKE, red=0.8, jobs=1)).removesuffix(LEGEND)
    headings = [block.split()[0] for block in said.strip().split("\n\n")]
    assert headings == ["Recordings", "Falls"]


def test_long_names_are_cut_at_their_end(tmp_path: Path) -> None:
    contacts = (2.0, 2.5, 3.0, 3.5, 4.0)
    counts = standing(10, *((s, 1.5) for s in contacts))
    places = ("virtual sensor at the small of the back", "virtual sensor at the buckle of the belt")
    trials = [
        Trial("w", "walk", 100.0, counts, "a-laboratory-far-away", activity=place, contact_s=contacts)
        for place in places
    ]
    corpus.save(tmp_path / "long.npz", trials)
    lines = table(evaluate([tmp_path / "long.npz"], MAKE, red=0.8, jobs=1)).splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("a-laborat.. any ") for line in lines)
    assert any(line.startswith("  virtual sensor at the small.. ") for line in lines)


def test_falls_without_labels_are_scored_and_said(tmp_path: Path) -> None:
    fall = Trial("F", "fall", 100.0, standing(20, (10, 5.0)), "lab")
    corpus.save(tmp_path / "f.npz", [fall])
    report = evaluate([tmp_path / "f.npz"], MAKE, red=0.8, jobs=1)
    assert report["lab"]["fall"]["sensitivity_n"] == [1, 1]
    assert "falls without a labelled impact: 1; it is taken to be their largest" in table(report)


def test_scores_can_be_given_by_person_or_activity(recordings: Path) -> None:
    by_person = evaluate([recordings], MAKE, red=0.8, jobs=1, by="subject")
    assert list(by_person) == ["S1", "S2", "all"]
    assert max(map(len, table(by_person).splitlines())) <= 100
    assert list(evaluate([recordings], MAKE, red=0.8, jobs=1, by="activity"))[:2] == ["F01", "F02"]


def test_long_recordings_give_their_false_alarms_by_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "LONG_H", 0.01)
    days = [
        Trial("a", "daily", 100.0, standing(43.2, (10, 5.0), (30, 5.0)), "home"),
        Trial("b", "daily", 100.0, standing(43.2), "home"),
        Trial("short", "daily", 100.0, standing(20, (10, 5.0)), "home"),
    ]
    corpus.save(tmp_path / "d.npz", days)
    report = evaluate([tmp_path / "d.npz"], MAKE, red=0.8, jobs=1)
    assert report["home"]["fall"]["false_alarms_per_day"] == 2000.0
    assert report["home"]["fall"]["false_alarms_per_day_n"] == [2, 0.001]
    assert "home: false alarms per day 2000.00 (2), in 0.0 days of long recordings" in table(report)


def test_scores_can_be_given_by_laboratory_and_style(tmp_path: Path) -> None:
    counts = np.tile(np.array([0, 0, 2048, 0, 0, 0], np.int16), (200, 1))
    walks = [
        Trial("a", "walk", 100.0, counts, "d", "S1", laboratory="north", style="tired"),
        Trial("b", "walk", 100.0, counts, "d", "S1", style="proud"),
        Trial("c", "walk", 100.0, counts, "d", "S1"),
        Trial("d", "walk", 100.0, counts),
    ]
    corpus.save(tmp_path / "w.npz", walks)
    for by, parts in (("laboratory", ["north", "d", "own"]), ("style", ["tired", "proud", "S1", "-"])):
        report = evaluate([tmp_path / "w.npz"], MAKE, red=0.8, jobs=1, by=by)
        assert list(report) == [*parts, "all"]


def test_a_file_may_leave_out_all_labels(recordings: Path) -> None:
    with np.load(recordings) as whole:
        np.savez(recordings, **{name: whole[name] for name in REQUIRED})
    assert {(trial.laboratory, trial.dataset, trial.contact_s) for trial in Corpus(recordings)} == {
        ("", "own", ())
    }
    report = evaluate([recordings], MAKE, red=0.8, jobs=1, by="style")
    assert list(report) == ["-", "all"]
    assert report["all"]["falling"]["unlabelled"] == 3
    assert report["all"]["steps"] is report["all"]["direction"] is None


def test_a_list_without_its_cuts_is_refused(recordings: Path) -> None:
    with np.load(recordings) as whole:
        np.savez(recordings, **{name: whole[name] for name in whole.files if name != "contact_first"})
    with pytest.raises(RecordingError, match="expected contact_first beside contact_s, found none"):
        Corpus(recordings)


def of_rates(path: Path, *rates_hz: float) -> Path:
    """A recording whose trials "0", "1" ... claim these rates."""
    corpus.save(path, [Trial(str(i), "daily", 100.0, standing(3)) for i in range(len(rates_hz))])
    with np.load(path) as whole:
        np.savez(path, **(dict(whole) | {"rate_hz": np.array(rates_hz)}))
    return path


def test_a_trial_that_cannot_be_used_does_not_take_the_others_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = of_rates(tmp_path / "own.npz", 100.0, 0.0, 100.0)
    assert main(["evaluate", str(path), "--jobs", "1", "--json"]) == 1
    captured = capsys.readouterr()
    score = json.loads(captured.out)["all"]
    reason = "trial '1': rate_hz: expected 10 to 10,000 Hz, found 0.0"
    assert score["left_out"] == {str(path): {"1": reason}}
    assert score["trials"] == {"daily": 2}
    assert f"{path}: left out: {reason}" in captured.err
    assert "without 1 of 3 trials, which cannot be used" in captured.err
    for option in ("--gaps", "--strict"):
        assert main(["evaluate", str(path), "--jobs", "1", option]) == 1


def test_five_trials_are_named_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = of_rates(tmp_path / "own.npz", 100.0, *[0.0] * 6)
    found = read([path], show_progress=True)
    assert ([trial.name for trial in found.trials], len(found.left_out[str(path)])) == (["0"], 6)
    assert capsys.readouterr().err.count("left out: trial") == 5
    with pytest.raises(RecordingError, match=r"'1': rate_hz: .*; 5 more of 7 trials cannot be used"):
        Corpus(path)


def test_a_file_of_which_no_trial_can_be_used_is_refused(tmp_path: Path) -> None:
    path = of_rates(tmp_path / "own.npz", *[0.0] * 7)
    with pytest.raises(RecordingError, match=r"'0': rate_hz: .*; 6 more of 7"):
        read([path])


def test_all_bad_files_are_named_at_once(recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"(?s)absent.*folder"):
        read([tmp_path / "absent.npz", recordings, tmp_path])


def test_falls_and_others_of_one_activity_are_not_mixed_up(tmp_path: Path) -> None:
    trials = [
        Trial("W", "walk", 100.0, standing(36), "lab"),
        Trial("F", "fall", 100.0, standing(20, (5, 5.0)), "lab", impact_s=10.0),
        Trial("D", "daily", 100.0, standing(36, (9, 4.0)), "lab"),
    ]
    corpus.save(tmp_path / "own.npz", trials)
    activity = evaluate([tmp_path / "own.npz"], MAKE, red=0.8, jobs=1)["lab"]["activities"][""]
    assert (activity["kind"], activity["trials"]) == ("fall, walk, daily", 3)
    assert (activity["missed"]["impact"], activity["early"]) == (["F"], ["F"])
    assert activity["false_alarms"]["impact"] == ["D"]


def test_a_data_set_called_all_does_not_hide_behind_the_sum(tmp_path: Path) -> None:
    corpus.save(tmp_path / "own.npz", [Trial(n, "daily", 100.0, standing(36), n) for n in ("all", "x")])
    report = evaluate([tmp_path / "own.npz"], MAKE, red=0.8, jobs=1)
    assert {name: part["trials"]["daily"] for name, part in report.items()} == {"all#2": 1, "x": 1, "all": 2}


def test_the_largest_acceleration_of_a_fall_without_impact_is_looked_for_from_its_onset_on() -> None:
    counts = standing(20, (2, 6.0), (10, 5.0))
    for kind, labels, peak_s in (
        ("fall", {"onset_s": 9.3}, 10.0),
        ("fall", {}, 2.0),
        ("fall", {"onset_s": 9.3, "impact_s": 9.9}, 2.0),
        ("daily", {"onset_s": 9.3}, 2.0),
    ):
        assert detect(Trial("t", kind, 100.0, counts, **labels), MAKE).peak_s == peak_s


def test_a_long_recording_goes_into_the_detector_in_pieces() -> None:
    lengths: list[int] = []

    class Counts:
        def update(self, block: SampleBlock) -> list[Event]:
            lengths.append(len(block.time_s))
            return []

    detect(Trial("t", "daily", 100.0, standing(1300)), Counts)
    assert lengths == [60_000, 60_000, 10_000]


def test_axes_that_are_not_the_body_s_are_said(tmp_path: Path) -> None:
    turned = [
        replace(t, counts=t.counts * np.array([1, -1, -1, 1, -1, -1], np.int16)) for t in Corpus(EXAMPLE)
    ]
    corpus.save(tmp_path / "own.npz", turned)
    report = evaluate([tmp_path / "own.npz"], MAKE, red=0.8, jobs=1)
    assert len(report["simulated"]["axes"]) == 1
    assert "simulated: axes: expected x forward, y left, z up" in table(report)
    assert max(map(len, table(report).splitlines())) <= 100


def test_a_file_named_twice_counts_once(recordings: Path) -> None:
    again = recordings.parent / "." / recordings.name
    assert evaluate([recordings, again], MAKE, red=0.8, jobs=1)["all"]["trials"]["fall"] == 3


def test_several_processes_give_the_same_report(recordings: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.npz"
    copy.write_bytes(recordings.read_bytes())
    reports = [evaluate([recordings, copy], MAKE, red=0.8, jobs=jobs) for jobs in (1, 2)]
    for report in reports:
        for part in report.values():
            del part["speed"]
    assert reports[0] == reports[1]


def test_a_detection_counts_from_the_end_of_its_live_block() -> None:
    for time_s, told_s in ((1.0, 1.05), (1.04, 1.05), (1.05, 1.1)):
        trial = Trial("t", "daily", 100.0, standing(3, (time_s, 4.0)))
        assert [s for s, _ in detect(trial, MAKE).reported] == pytest.approx([told_s, told_s])


@pytest.mark.parametrize("rate_hz", [20.0, 100.0, 128.0, 200.0])
def test_live_blocks_and_one_block_give_the_same_at_the_same_time(rate_hz: float) -> None:
    noise = np.random.default_rng(3).normal(0, 4000, (round(30 * rate_hz), 6)).astype(np.int16)
    trial = Trial("t", "daily", rate_hz, noise)
    whole, live = detect(trial, MAKE), detect(trial, MAKE, live=True)
    assert len(whole.reported) > 20
    # As text: what is not known is NaN, and on Python 3.13 two events with one are never equal.
    assert [repr(e) for _, e in whole.reported] == [repr(e) for _, e in live.reported]
    assert [s for s, _ in whole.reported] == pytest.approx([s for s, _ in live.reported])
    assert whole.peak_s == live.peak_s


def same_told(trial: Trial) -> None:
    make = partial(Detector, DetectorSettings(), shipped())
    whole, live = (detect(trial, make, live=live).reported for live in (False, True))
    assert [event.kind for _, event in whole] == [event.kind for _, event in live]
    assert [told_s for told_s, _ in whole] == pytest.approx([told_s for told_s, _ in live])


@pytest.mark.parametrize("rate_hz", [100.0, 200.0])
def test_the_detector_gives_the_same_live_and_whole(rate_hz: float) -> None:
    same_told(walk(SESSION, rate_hz, seed=11).trial("story"))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("sisfall.npz", "F02_SA01_R01"),
        ("sisfall.npz", "D18_SA02_R01"),
        ("kfall.npz", "SA06T34R01"),
        ("gait.npz", "ipol/1-1"),
    ],
)
def test_the_detector_gives_the_same_for_recordings_live_and_whole(file: str, name: str) -> None:
    same_told(Corpus(recorded(file)).find(name))


def test_an_empty_trial_is_scored_too(tmp_path: Path) -> None:
    corpus.save(tmp_path / "empty.npz", [Trial("e", "walk", 100.0, np.empty((0, 6), np.int16))])
    report = evaluate([tmp_path / "empty.npz"], MAKE, red=0.8)
    assert report["all"]["speed"]["seconds_per_hour"] is None
    assert "own" in table(report)


def test_a_bad_file_is_refused_before_anything_is_scored(recordings: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="absent"):
        evaluate([recordings, tmp_path / "absent.npz"], MAKE, red=0.8)


def test_each_file_is_named_when_it_is_read_and_no_bar_is_drawn_where_nobody_looks(
    recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate([recordings], MAKE, red=0.8, jobs=1, show_progress=True)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{recordings}: 5 trials, 0.04 h\n")
