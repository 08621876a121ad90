"""The whole report, from files to table, with stand-ins for the detector and with the real one."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from monitor.core.detector import Detector, DetectorSettings
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Direction, Event, EventKind, StepEvent
from monitor.recordings import corpus, scoring
from monitor.recordings.arrays import MAY_BE_MISSING
from monitor.recordings.corpus import Corpus, RecordingError, Stretch, Trial
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
    return scores(detect_all(read(files, show_progress), make, jobs, show_progress), red, by)


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
    assert lab["unsafe_step"] == {"amber_per_100": 0.0, "red_per_100": 0.0, "steps": 7}
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
    assert "falls without onset and impact: 1; their largest acceleration counts" in table(report)


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


def test_a_file_without_laboratory_and_style_is_read(recordings: Path) -> None:
    with np.load(recordings) as whole:
        np.savez(recordings, **{name: whole[name] for name in whole.files if name not in MAY_BE_MISSING})
    assert {(trial.laboratory, trial.style) for trial in Corpus(recordings)} == {("", "")}
    assert list(evaluate([recordings], MAKE, red=0.8, jobs=1, by="style")) == ["S1", "S2", "all"]


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
