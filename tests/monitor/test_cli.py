"""The commands as a person types them; what they print, and their exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from tests.brokers import Mosquitto


@pytest.fixture
def recording(tmp_path: Path) -> str:
    script = [(3.0, Move.STAND), (6.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (4.0, Move.LIE)]
    fall = simulated_walker.walk(script, 100.0, seed=3).trial("fall-1")
    walk = simulated_walker.walk([(2.0, Move.STAND), (12.0, Move.FORWARD)], 200.0, seed=4).trial("walk-1")
    path = tmp_path / "mine.npz"
    corpus.save(path, [fall, walk])
    return str(path)


def test_a_replayed_fall_is_reported_in_its_stages(
    recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", recording, "--trial", "fall-1"]) == 0
    said = capsys.readouterr().out
    told = [line.split("ALERT ")[1] for line in said.splitlines() if "ALERT" in line]
    stages = [line.split()[1] for line in told if line.startswith("fall ")]
    assert stages == ["suspected", "confirmed"]
    assert "red, flashing fast | five urgent beeps" in said


def test_a_replayed_walk_alarms_nobody(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", recording, "--trial", "walk-1"]) == 0
    assert "ALERT" not in capsys.readouterr().out


def test_an_alert_that_no_broker_takes_is_said_and_fails(
    recording: str, free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", recording, "--publish", "--config", "/dev/null", "--port", str(free_port), "--trial"]
    assert main([*words, "fall-1"]) == 1
    assert f"not delivered: the broker at localhost:{free_port} has not" in capsys.readouterr().err


def test_alerts_that_a_broker_has_taken_are_delivered(
    recording: str, shared_broker: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["replay", recording, "--publish", "--config", "/dev/null", "--port", str(shared_broker.port)]
    assert main([*words, "--trial", "fall-1"]) == 0
    assert "not delivered" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay", "none.npz", "--trial", "x"], "none.npz"),
        (["replay", "{recording}", "--trial", "fall-l"], "fall-1"),
        (["replay", "{recording}"], "name one with --trial"),
        (["replay", "--trial", "x"], "give its FILE.npz"),
        (["run", "--config", "none.yaml"], "none.yaml: cannot be read"),
        (["watch", "--config", "/dev/null", "--device", "A B"], "device"),
    ],
)
def test_wrong_words_are_answered_with_what_is_right(
    words: list[str], said: str, recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(recording=recording) for word in words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err


def test_config_check_says_what_is_wrong_or_that_nothing_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("fall:\n  impact_g: 99\nunsafe_step:\n  amber_score: 0.9\n  red_score: 0.5\n")
    assert main(["config", "check", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}:2: fall.impact_g: found 99, allowed: a number" in said
    assert f"{path}:5: unsafe_step.red_score: found 0.5, allowed: more than amber_score, which is 0.9" in said
    path.write_text("profile: treadmill\n")
    assert main(["config", "check", str(path)]) == 0


def test_config_show_gives_the_settings_in_force_and_their_hash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mqtt:\n  device: anna\n")
    assert main(["config", "show", "--config", str(path)]) == 0
    shown = capsys.readouterr().out
    assert 'device: "anna"' in shown
    path.write_text(shown)
    assert main(["config", "show", "--config", str(path)]) == 0
    assert capsys.readouterr().out == shown


def test_evaluate_prints_one_object_or_tables(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", recording, "--json", "--jobs", "1"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["simulated"]["fall"]["down"]["sensitivity"] == 1.0
    assert report["all"]["trials"] == {"fall": 1, "walk": 1}
    assert main(["evaluate", recording, "--jobs", "1"]) == 0
    assert "simulated" in capsys.readouterr().out


@pytest.mark.parametrize("jobs", ["-1", "0", "65", "x"])
def test_an_impossible_number_of_processes_is_refused(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "any.npz", f"--jobs={jobs}"])
    assert f"'{jobs}': expected 1 to 64; leave it out for one per core" in capsys.readouterr().err


def test_the_bench_test_names_each_part_and_fails_with_any(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", "/dev/null", "--simulate", "--json", "--port", "1"]) == 1
    found = {line["part"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["broker"]["verdict"] == "fail"
    assert {"bus", "sensor", "samples", "panel"} <= set(found)  # how well they do: test_checkup.py


def test_pair_makes_an_account_and_notify_asks_for_its_phones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pair", "eva", "--config", "/dev/null", "--host", "pi.local", "--folder", str(tmp_path)]
    assert main(words) == 0
    assert "mqtts://eva:" in capsys.readouterr().out
    assert "user eva" in (tmp_path / "access").read_text()
    assert main(["pair", "E V A", "--config", "/dev/null", "--folder", str(tmp_path)]) == 2
    assert "account name" in capsys.readouterr().err
    assert main(["notify", "--config", "/dev/null"]) == 2
    assert "notify.urls_file" in capsys.readouterr().err


def test_a_panel_that_cannot_be_driven_is_a_fault_and_the_watch_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("firmware.panel.on_a_pi", lambda: True)
    assert main(["replay", "--config", "/dev/null"]) == 0
    said = capsys.readouterr().out
    assert "fault confirmed (medium): the panel does not work: the Pi's pins cannot be driven" in said
    assert "fall confirmed (high)" in said


def test_the_command_alone_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "\nWhy did it ring?\n  sessions   List what the journal holds" in said
    assert "  watch      Be a spotter in the terminal.\n" in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_broker_that_is_not_there_is_said_without_an_error_number(
    free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--simulate", "--config", "/dev/null", "--port", str(free_port)]) == 1
    said = capsys.readouterr().out
    assert f"cannot reach the broker at localhost:{free_port}: connection refused" in said


def test_a_command_loads_no_other_one() -> None:
    """What watches must start quickly: reports, tuning and tables are none of its business."""
    say = "import sys; from monitor import cli; cli.parser('run'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True).stdout
    found = {name for name in loaded.split() if name.startswith("monitor.commands.")}
    assert found == {"monitor.commands.run", "monitor.commands.options"}
    for room in ("tuning", "formats", "reports.report ", "reports.drawing", "journal.sessions"):
        assert f"monitor.recordings.{room}" not in loaded


def test_the_safety_process_loads_no_server_no_notifier_and_no_simulation() -> None:
    """Each would take memory, and a second at the start, from a Pi that has little of both."""
    say = "import sys; from monitor import cli; cli.parser('run'); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True).stdout
    loaded = set(said.split())
    unasked = {
        "http.server",
        "multiprocessing",
        "monitor.playback",
        "monitor.spotter.client",
        "monitor.spotter.notify",
        "monitor.recordings.corpus",
        "firmware.simulated",
    }
    assert loaded & unasked == set()
