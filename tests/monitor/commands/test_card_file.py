"""``rearguard card`` as a card's first start calls it: settings, every mistake, and who is let in."""

from contextlib import closing
from pathlib import Path

import pytest

from monitor import config
from monitor.cli import main
from monitor.commands.card import struck_out
from monitor.settings import Settings
from monitor.spotter.page.door import CARD_INVITATION_S, Door
from monitor.spotter.page.places import DOOR
from tests.test_first_boot import TREE

Output = pytest.CaptureFixture[str]

ASKED = """\ufeff# as Windows writes it\r
spotters:\r
  eva: Brown-kettle-7\r
  "Tom B": green-kettle-8\r
profile: treadmill\r
mqtt:\r
  device: bea\r
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "rearguard.txt"
    file.write_text(ASKED, encoding="utf-8", newline="")
    return file


def settings(file: Path, there: Path, capsys: Output) -> tuple[int, str, str]:
    status = main(["card", "settings", str(file), "--config", str(there)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_all_settings_come_of_it_with_their_comments(file: Path, tmp_path: Path, capsys: Output) -> None:
    status, text, said = settings(file, tmp_path / "config.yaml", capsys)
    assert (status, said) == (0, "")
    read = config.parsed(text, "config.yaml", Settings)
    assert (read.profile, read.mqtt.device) == ("treadmill", "bea")
    whole = (TREE / "config.yaml").read_text()
    assert [line for line in whole.splitlines() if "#" in line] == [
        line for line in text.splitlines() if "#" in line
    ]
    assert "kettle" not in text


def test_what_is_set_already_stays_but_for_what_is_asked(file: Path, tmp_path: Path, capsys: Output) -> None:
    there = tmp_path / "config.yaml"
    there.write_text('sensor:\n  mounting: "-y +x +z"  # calibrated\nmqtt:\n  device: bea\n')
    _, text, _ = settings(file, there, capsys)
    assert '"-y +x +z"  # calibrated' in text
    assert config.parsed(text, "config.yaml", Settings).profile == "treadmill"


def test_a_device_keeps_its_name(file: Path, tmp_path: Path, capsys: Output) -> None:
    there = tmp_path / "config.yaml"
    there.write_text("mqtt:\n  device: walker\n")
    status, text, said = settings(file, there, capsys)
    assert (status, text) == (2, "")
    assert "it is walker already" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("profile: belt\n", ["spotters: names nobody"]),
        ("spotters:\n#  eva: brown-kettle-7\n", ["spotters: names nobody"]),
        ("spotters:\n  eva:\n", [":2: spotters.eva: expected a code"]),
        ("spotters:\n  eva: CODE\n", [":2: spotters.eva: expected a code behind the name: 8 to 31 letters"]),
        ("spotters:\n  eva: 12345678\n", [":2: spotters.eva: expected a code"]),
        ("spotters:\n  eva: 2026-11-29\n", [":2: spotters.eva: expected a code"]),
        (
            "spotters:\n  eva: brown-kettle-7\n  tom: Brown-Kettle-7\n",
            [":3: spotters.tom: somebody else has this code"],
        ),
        (f"spotters:\n  {'x' * 33}: brown-kettle-7\n", [":2: spotters.xxx", "1 to 32 letters"]),
        ("spotters:\n\teva: brown-kettle-7\n", [":2: not valid YAML", "indent with spaces, not with tabs"]),
        (
            "spotters:\n  eva: short\nprofile: bicycle\nmqtt:\n  port: 70000\n",
            [
                ":2: spotters.eva: expected a code",
                ":3: profile: found",
                "allowed: belt or treadmill",
                ":5: mqtt.port: found 70000, allowed: a whole number 1 to 65535",
            ],
        ),
    ],
)
def test_every_mistake_is_named_with_its_line_and_what_is_allowed(
    text: str, says: list[str], tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "rearguard.txt"
    file.write_text(text)
    status, printed, said = settings(file, tmp_path / "none", capsys)
    assert (status, printed) == (2, "")
    assert [words for words in says if words not in said] == []
    assert "kettle" not in said


def test_the_example_is_all_right_but_for_the_code_that_it_wants(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "rearguard.txt"
    text = (TREE / "systemd/rearguard-example.txt").read_text().replace("#  eva", "  eva")
    file.write_text(text)
    (line,) = settings(file, tmp_path / "none", capsys)[2].splitlines()
    assert "spotters.eva: expected a code" in line
    file.write_text(text.replace("CODE", "brown-kettle-7"))
    assert settings(file, tmp_path / "none", capsys)[0] == 0


def test_each_spotter_is_let_in_by_the_code_and_the_codes_are_struck_out(
    file: Path, tmp_path: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 1_800_000_000.0
    monkeypatch.setattr("monitor.commands.card.time.time", lambda: now_s)
    page = tmp_path / "page.yaml"
    page.write_text(f"page:\n  host: 0.0.0.0\n  folder: {tmp_path}\n")
    done = tmp_path / "done.txt"
    assert main(["card", "pair", str(file), "--config", str(page), "--done", str(done)]) == 0
    said = capsys.readouterr().out
    assert ".local:8180/\neva: open it and enter your code" in said
    assert "Tom B: open it" in said
    assert "kettle" not in said.lower() + done.read_text().lower()
    assert "eva: (struck out)" in done.read_text()
    late_s = now_s + CARD_INVITATION_S
    with closing(Door(tmp_path / DOOR)) as door:
        secrets = [door.enter(word, "", late_s) for word in ("brown-kettle-7", "Green-kettle-8")]
        assert [secret and door.name_of(secret, late_s) for secret in secrets] == ["eva", "Tom B"]
        assert door.enter("brown-kettle-7", "", late_s) is None


def test_a_code_is_struck_out_wherever_it_stands() -> None:
    text = "# Eva: İ BROWN-kettle-7\nspotters: {eva: brown-kettle-7}\n"
    assert struck_out(text, {"eva": "brown-kettle-7"}).lower().count("kettle") == 0
