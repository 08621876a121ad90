"""From a badly tuned session to a well tuned one, with the commands of docs/tuning.md."""

import re
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monitor import config
from monitor.cli import main
from monitor.commands.tune import losses, remains
from monitor.core.vocabulary import AlertKind
from monitor.recordings import corpus
from monitor.recordings.journal import rows as journal_rows
from monitor.recordings.journal import writer as journal_writer
from monitor.recordings.journal.sessions import sessions
from monitor.recordings.simulated_walker import Move, walk
from monitor.recordings.tuning.grids import Grid
from monitor.recordings.tuning.tune import Outcome, Tried
from monitor.recordings.tuning.wishes import Source, Wish
from tests.journals import change

BAD = "# mine\nfall:\n  falling_threshold: -5.35 # too keen\nstumble:\n  threshold: 3.0\n"

DOCUMENT = Path(__file__).parents[3] / "docs/tuning.md"

Run = Callable[..., str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of the simulated walker, recorded with the bad settings."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "mine.yaml").write_text(BAD)
    words = ("replay", "--config", folder / "mine.yaml", "--record", folder / "try.db")
    assert main(list(map(str, words))) == 0
    return folder


@pytest.fixture
def run(
    recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """A command in a folder of its own with that session; what it prints."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recorded, tmp_path, dirs_exist_ok=True)

    def command(*words: str, status: int = 0) -> str:
        capsys.readouterr()
        assert main(list(words)) == status
        said = capsys.readouterr()
        return said.out + said.err

    return command


LABELS = (
    ("1+0:12", "false"),
    ("1+0:22", "false", "--kind", "fall"),
    ("1+0:21", "missed", "--kind", "stumble"),
    ("1+0:31", "true", "--kind", "fall"),
)
JOURNAL = ("--journal", "try.db")


def test_two_false_alarms_and_a_missed_stumble_are_explained_labelled_tuned_and_gone(
    run: Run, tmp_path: Path
) -> None:
    assert "3 fall" in run("sessions", *JOURNAL)
    why = run("why", "1+0:12", *JOURNAL)
    assert "It rang at 0:11.7: fall, suspected, because falling score" in why
    assert "No stumble: the stumble score reached 2.42, 0.58 below its limit of 3." in run(
        "why", "1+0:21", *JOURNAL
    )
    for label in LABELS:
        run("label", *label, *JOURNAL)
    assert "2 false, 1 missed, 1 true" in run("sessions", *JOURNAL)

    look = run("tune", "--config", "mine.yaml", *JOURNAL)
    assert "Nothing is written" in look
    assert (tmp_path / "mine.yaml").read_text() == BAD
    wrote = run("tune", "--config", "mine.yaml", "--write", *JOURNAL)
    assert "-  falling_threshold: -5.35 # too keen" in wrote
    assert wrote.count("rang, will be silent") == 2
    assert wrote.count("was silent, will ring") == 1
    assert "still wrong" not in wrote
    (backup,) = tmp_path.glob("mine.yaml.*")
    assert backup.read_text() == BAD
    tuned = (tmp_path / "mine.yaml").read_text()
    assert tuned.startswith("# mine\n")
    assert "# too keen" in tuned

    again = run("replay", "--session", "1", "--config", "mine.yaml", *JOURNAL)
    lines = [line for line in again.splitlines() if "ALERT" in line]
    assert [line.split()[2:5] for line in lines if "fall" in line] == [
        ["ALERT", "fall", "suspected"],
        ["ALERT", "fall", "confirmed"],
    ]
    assert sum("ALERT stumble" in line for line in lines) == 1
    assert "Nothing to recommend" in run("tune", "--config", "mine.yaml", *JOURNAL)


def test_the_document_runs_as_it_stands_and_shows_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = re.findall(r"^```\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    printed = ""
    for line in "".join(shown).splitlines():
        program, *words = shlex.split(line) if line.startswith(("printf", "rearguard")) else ("", line)
        if program == "printf":
            (tmp_path / words[-1]).write_text(words[0].replace("\\n", "\n"))
        elif program == "rearguard":
            assert main(words) == 0, line
            printed += capsys.readouterr().out
        else:
            assert line in printed


def test_what_why_says_to_type_does_what_it_says(run: Run) -> None:
    why = run("why", "1+0:21", *JOURNAL)
    assert "  rearguard label 1+0:20.5 false --kind fall\n" in why
    assert "  rearguard label 1+0:21.0 missed --kind KIND\n" in why
    said = run("label", "1+0:20.5", "false", "--kind", "fall", *JOURNAL)
    assert ": fall false (" in said
    again = run("why", "1+0:21", *JOURNAL)
    assert "If it should not have rung" not in again
    assert "If an alarm was missed" in again


def test_an_unsafe_step_that_did_not_ring_is_an_unsafe_step(run: Run) -> None:
    assert "An unsafe step was seen at 0:30.9 and did not ring" in run("why", "last", *JOURNAL)


def test_wrong_kinds_are_answered_with_what_a_person_can_type(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run("label", "1+0:21", "missed", "--kind", "trip", *JOURNAL)
    said = capsys.readouterr().err.replace("'", "")  # Python 3.13 leaves the quotes out
    assert "(choose from fall, sos, stumble, unsafe_step)" in said


def test_the_comparison_says_the_same_as_two_replays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("fall:\n  falling_threshold: -3.0\nstumble:\n  threshold: 2.0\n")
    said = run("replay", "--session", "1", "--compare", "good.yaml", *JOURNAL)
    assert said.startswith("before: the settings of session 1; after: good.yaml\n")
    assert "2 gone, 2 new" in said
    assert "  0:20.7  stumble      -          confirmed  new" in said


def test_a_session_replays_as_it_was(run: Run) -> None:
    said = run("replay", "--session", "1", *JOURNAL)
    assert said.count("ALERT fall suspected") == 3
    part = run("replay", "--session", "1", "--from", "25", "--to", "0:35", *JOURNAL)
    assert part.count("ALERT fall suspected") == 1


@pytest.mark.parametrize("from_s", ["0:10", "0:19", "0:20.4"])
def test_a_part_of_a_replay_is_what_the_whole_one_says_of_it(run: Run, from_s: str) -> None:
    """A detector that began there would know neither the walker's steps nor what was open."""
    whole, part = (
        [line for line in run("replay", "--session", "1", *words, *JOURNAL).splitlines() if "ALERT" in line]
        for words in ((), ("--from", from_s))
    )
    assert part == [line for line in whole if float(line.split()[0]) >= float(from_s.split(":")[1])]
    assert part != whole or from_s == "0:10"


def test_a_folder_that_is_not_there_is_said_before_the_work(run: Run) -> None:
    run("label", *LABELS[0], *JOURNAL)
    for words in (
        ("why", "1+0:12", "--picture", "no/why.png"),
        ("tune", "--config", "mine.yaml", "--picture", "no/t.png"),
        ("replay", "--session", "1", "--compare", "mine.yaml", "--picture", "no/b.png"),
    ):
        assert "expected a folder that is there" in run(*words, *JOURNAL, status=2)


@pytest.mark.parametrize("label", [LABELS[0], LABELS[3]])
def test_a_labelled_clip_is_held_for_ever(run: Run, label: tuple[str, ...]) -> None:
    run("label", *label, *JOURNAL, "--as-test", "clips.npz")
    is_false = label[1] == "false"
    assert "1 of 1 trials as expected" in run("evaluate", "--strict", "clips.npz", "--jobs", "1")
    keen = ("evaluate", "--strict", "clips.npz", "--jobs", "1", "--config", "mine.yaml")
    said = run(*keen, status=1 if is_false else 0)
    assert ("false alarm: falling at" in said) == is_false


def test_a_missed_stumble_as_a_test_is_red_until_it_is_found(run: Run) -> None:
    run("label", *LABELS[2], *JOURNAL, "--as-test", "clips.npz")
    strict = ("evaluate", "--strict", "clips.npz", "--jobs", "1")
    assert "the stumble was missed" in run(*strict, "--config", "mine.yaml", status=1)
    assert "1 of 1 trials as expected" in run(*strict)


def test_a_second_clip_is_added_and_the_same_one_replaced(run: Run) -> None:
    for label in (LABELS[0], LABELS[3], LABELS[0]):
        said = run("label", *label, *JOURNAL, "--as-test", "clips.npz")
    assert "clips.npz: 2 clips" in said


def test_a_clip_of_the_opposite_label_takes_its_place(run: Run) -> None:
    run("label", *LABELS[0], *JOURNAL, "--as-test", "clips.npz")
    said = run("label", "1+0:12", "true", *JOURNAL, "--as-test", "clips.npz")
    assert "clips.npz: 1 clips" in said
    assert "instead of: fall false (" in said


def test_a_look_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    """Not beside the file, either: it may lie where only root writes."""
    (tmp_path / "mine.yaml.tuned").write_text("somebody's own")
    for label in LABELS:
        run("label", *label, *JOURNAL)
    before = {path.name for path in tmp_path.iterdir()}
    run("tune", "--config", "mine.yaml", *JOURNAL)
    assert {path.name for path in tmp_path.iterdir()} - {"try.db-shm", "try.db-wal"} <= before
    assert (tmp_path / "mine.yaml.tuned").read_text() == "somebody's own"


def test_a_settings_file_that_cannot_be_written_is_said_so(run: Run, tmp_path: Path) -> None:
    for label in LABELS:
        run("label", *label, *JOURNAL)
    real = config.write

    def full(path: Path, text: str, backup: Path | None = None) -> None:
        real(path, text, tmp_path / "no such folder" / "backup")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "write", full)
        said = run("tune", "--config", "mine.yaml", "--write", *JOURNAL, status=2)
    assert "cannot be written: No such file or directory; run this as the file's owner" in said
    assert (tmp_path / "mine.yaml").read_text() == BAD


def test_a_labelled_clip_is_a_floor_for_tuning(run: Run) -> None:
    """The two false alarms are said to be falls in a recording beside: then nothing may change."""
    run("label", *LABELS[0], *JOURNAL)
    run("label", "1+0:12", "true", *JOURNAL, "--as-test", "clips.npz")
    run("label", *LABELS[0], *JOURNAL)
    assert "Nothing to recommend" in run("tune", "--config", "mine.yaml", "1", "clips.npz", *JOURNAL)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("label", "1+0:50", "true"), "no alert within 15 s"),
        (("label", "1+0:21", "missed"), "what was missed? --kind"),
        (("label", "last"), "expected what to say of it: true, false, missed, bookmark"),
        (("label", "1+9:99", "false"), "session 1 lasted 56 s"),
        (("label", "yesterday", "false"), "expected `last`"),
        (("label", "7+0:01", "false"), "no session 7; there is only 1"),
        (("why", "1+0:xx"), "expected `last`"),
        (("tune",), "no label in any"),
        (("tune", "4"), "no session 4"),
        (("tune", "absent.npz"), "found no file there"),
        (("replay", "--session", "2"), "no session 2"),
        (("replay", "--session", "1", "--from", "9", "--to", "8"), "nothing lies between them"),
        (("replay", "--session", "1", "--from", "2:00"), "--from 2:00 --to the end: nothing lies"),
        (("why", "last", "--picture", "none/why.png"), "none/why.png: expected a folder that is there"),
        (("replay", "--session", "1", "--publish"), "it goes with none of"),
        (("replay", "--real-time"), "go with --session"),
        (("replay", "--picture", "x.png"), "--picture goes with --compare"),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], expected: str) -> None:
    assert expected in run(*words, *JOURNAL, status=2)


def test_a_session_of_other_settings_is_refused_with_what_to_do(run: Run, tmp_path: Path) -> None:
    change(tmp_path / "try.db", "UPDATE session SET settings = ?", '{"fall": {"old_threshold": 1}}')
    for words in (("why", "1+0:12"), ("replay", "--session", "1")):
        said = run(*words, *JOURNAL, status=2)
        assert "fall.old_threshold: unknown key" in said
        assert "name the settings to use with --config" in said
        run(*words, "--config", "mine.yaml", *JOURNAL)


def test_a_label_stands_at_the_incidents_first_report(run: Run, tmp_path: Path) -> None:
    """Also where a later report is nearer: a clip of it, and a wish, would miss what rang."""
    run("label", "1+0:33", "true", "--kind", "fall", *JOURNAL)
    run("label", "last", "true", *JOURNAL)
    (session,) = sessions(tmp_path / "try.db")
    (label,) = session.labels()
    first = next(a for a in session.alerts() if (a.id, a.kind) == (label.incident, label.kind))
    assert label.time_s == first.time_s


def test_without_a_journal_it_says_how_to_get_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["sessions"], ["why"], ["label", "last", "true"], ["tune"]):
        assert main([*words, "--journal", str(tmp_path / "none.db")]) == 2
        assert "expected a journal, found no file there" in capsys.readouterr().err


def test_labels_are_listed_and_the_last_one_counts(run: Run) -> None:
    assert "no labels yet" in run("label", *JOURNAL)
    run("label", "1+0:12", "false", *JOURNAL)
    run("label", "1+0:12", "true", *JOURNAL, "--note", "he sat down")
    run("label", "1+0:40", "bookmark", *JOURNAL)
    lines = run("label", *JOURNAL).splitlines()
    assert [line.split("  ")[-1].partition(" (")[0] for line in lines] == ["fall true", "bookmark"]
    assert lines[0].endswith(": he sat down")
    assert "Label   fall true" in run("why", "1+0:12", *JOURNAL)


def test_pictures_are_drawn(run: Run, tmp_path: Path) -> None:
    run("label", *LABELS[0], *JOURNAL)
    run("why", "1+0:12", "--picture", "why.png", *JOURNAL)
    run("tune", "--config", "mine.yaml", "--picture", "tune.png", *JOURNAL)
    run("replay", "--session", "1", "--compare", "mine.yaml", "--picture", "both.png", *JOURNAL)
    for name in ("why.png", "tune.png", "both.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_replay_at_once_is_recorded_without_a_hole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is slow: the replay waits for it, where a live session could not."""

    def slow(*what: object) -> None:
        time.sleep(0.02)
        journal_rows.write(*what)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(journal_writer, "write", slow)
    monkeypatch.setattr(journal_writer, "WAITING_CHUNKS", 25)
    trial = walk(((120.0, Move.STAND),), 100.0).trial("long")
    corpus.save(tmp_path / "long.npz", [trial])
    assert main(["replay", str(tmp_path / "long.npz"), "--record", str(tmp_path / "j.db")]) == 0
    (session,) = sessions(tmp_path / "j.db")
    assert session.holes() == []
    assert sum(len(block.time_s) for block in session.blocks()) == 12_000


def test_what_the_whole_detector_does_otherwise_than_the_scores_promised_is_named() -> None:
    kind = AlertKind.STUMBLE
    wishes = tuple(
        Wish(kind, 10.0 * n, 10.0 * n + 2, wanted, name)
        for n, (wanted, name) in enumerate(
            [
                (True, "right, kept"),
                (True, "right, lost"),
                (False, "false, gone"),
                (False, "false, stays"),
                (None, "?"),
            ]
        )
    )
    grid = Grid(kind, ("score",), ((0.5,), (0.6,)), present=0)
    now, by_scores = [True] * 5, [True, True, False, False, False]
    nothing = np.zeros(2, np.int64)
    one = Tried(
        Source("a session", 1.0, wishes, (), ()),
        {kind: np.array([now, by_scores])},
        {kind: nothing},
        {kind: np.zeros(5)},
    )
    found = Outcome(grid, nothing, np.array([2, 0]), nothing, nothing, np.array([True, True]), 1.0)
    proved = [{kind: np.array([True, False, False, True, True])}]
    assert list(losses([one], [found], proved)) == ["right, lost"]
    assert list(remains([one], [found], proved)) == ["false, stays"]
