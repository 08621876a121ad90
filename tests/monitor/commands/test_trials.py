"""What a recording holds, listed: aligned for people, whole for machines, and as the messages promise."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from monitor.cli import main
from monitor.recordings.corpus import EXAMPLE, Corpus

NAMES = Corpus(EXAMPLE).names


def test_each_trial_is_a_line_in_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trials", EXAMPLE]) == 0
    heading, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    for column in ("kind", "labels", "description"):
        at = heading.index(column)
        assert {line[at - 2 : at] for line in lines} == {"  "}
    fall = next(line for line in lines if line.startswith("fall "))
    assert "28.5 s  100 Hz  onset 16.00, impact 16.70, 19 contacts, backward, stand  Backward fall" in fall


def test_machines_get_every_label_and_null_for_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trials", EXAMPLE, "--json"]) == 0
    listed = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert [trial["name"] for trial in listed] == NAMES
    stumble, fall = (next(t for t in listed if t["name"] == name) for name in ("stumble", "fall"))
    assert (stumble["onset_s"], fall["onset_s"], fall["span_start_s"]) == (None, 16.0, None)
    assert stumble["stretches"][1] == {"direction": "backward", "start_s": 4.0, "stop_s": 16.0}
    assert len(stumble["contact_s"]) == 36


@pytest.mark.parametrize("words", [["replay", EXAMPLE], ["replay", EXAMPLE, "--trial", "fal"]])
def test_what_the_messages_promise_lists_the_trials(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    _, promised, *_ = capsys.readouterr().err.split("`")
    program, *promised_words = shlex.split(promised)
    assert program == "rearguard"
    assert main(promised_words) == 0
    assert all(name in capsys.readouterr().out for name in NAMES[:1])


def test_a_reader_who_leaves_before_the_first_line_is_no_error() -> None:
    listing = f"{shlex.quote(sys.executable)} -m monitor.cli trials example | true"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    said = subprocess.run(listing, shell=True, env=buffered, capture_output=True, text=True, check=True)
    assert said.stderr == ""
