"""Settings: every mistake is named with file, line, key, what was found and what is allowed."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jsonschema
import pytest

from monitor import config
from monitor.core.setting import SettingError, about, choice, group, number, switch, text
from monitor.settings_text import as_yaml, fingerprint, flat, schema


@dataclass(frozen=True, slots=True)
class Limits:
    amber: float = number(
        0.5, 0.0, 1.0, "", "score from which a step is flagged", "more flags", "fewer flags"
    )
    red: float = number(0.8, 0.0, 1.0, "", "score from which a step is red", "more reds", "fewer reds")

    def __post_init__(self) -> None:
        if self.amber >= self.red:
            raise SettingError("red", f"found {self.red:g}, allowed: more than amber, {self.amber:g}")


@dataclass(frozen=True, slots=True)
class Shape:
    profile: Literal["belt", "treadmill"] = choice("belt", "where the sensor is clipped")
    rate_hz: int = number(100, 50, 200, "Hz", "samples per second", "less load", "more detail")
    window_s: float = number(1.0, 0.1, 5.0, "s", "how far back to look", "quicker", "steadier")
    armed: bool = switch(True, "watch from the start")
    name: str = text("rearguard", "what the device is called")
    limits: Limits = group(Limits, "what counts as unsafe")


def load(tmp_path: Path, text: str) -> Shape:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return config.load(path, Shape)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(config.ConfigError) as refused:
        load(tmp_path, text)
    return [line.replace(f"{tmp_path}/", "") for line in refused.value.problems]


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == Shape()


def test_what_is_given_is_taken_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    got = load(tmp_path, "rate_hz: 200\nwindow_s: 2\nlimits:\n  red: 0.9\n")
    assert got == Shape(rate_hz=200, window_s=2.0, limits=Limits(red=0.9))
    assert type(got.window_s) is float
    assert type(got.rate_hz) is int


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nrate_hz: 201\n", "config.yaml:2: rate_hz: found 201, allowed: a whole number 50 to 200 Hz"),
        ("rate_hz: 49\n", "config.yaml:1: rate_hz: found 49, allowed: a whole number 50 to 200 Hz"),
        ("rate_hz: 100.0\n", "config.yaml:1: rate_hz: found 100.0, allowed: a whole number 50 to 200 Hz"),
        ("rate_hz: true\n", "config.yaml:1: rate_hz: found true, allowed: a whole number 50 to 200 Hz"),
        ("rate_hz: '100'\n", 'config.yaml:1: rate_hz: found "100", allowed: a whole number 50 to 200 Hz'),
        ("rate_hz:\n", "config.yaml:1: rate_hz: found nothing, allowed: a whole number 50 to 200 Hz"),
        ("window_s: .nan\n", "config.yaml:1: window_s: found nan, allowed: a number 0.1 to 5 s"),
        ("window_s: .inf\n", "config.yaml:1: window_s: found inf, allowed: a number 0.1 to 5 s"),
        ("window_s: 0.09\n", "config.yaml:1: window_s: found 0.09, allowed: a number 0.1 to 5 s"),
        ("armed: 1\n", "config.yaml:1: armed: found 1, allowed: true or false"),
        ("name: 5\n", "config.yaml:1: name: found 5, allowed: text"),
        ("profile: shoe\n", 'config.yaml:1: profile: found "shoe", allowed: belt or treadmill'),
        ("profile: &a [belt]\n", "config.yaml:1: profile: found a list, allowed: belt or treadmill"),
        ("name: {a: 1}\n", "config.yaml:1: name: found a group of keys, allowed: text"),
        (f"window_s: {'9' * 400}\n", "config.yaml:1: window_s: found a number of more than 40 digits"),
        (f"rate_hz: 0x{'f' * 9000}\n", "config.yaml:1: rate_hz: found a number of more than 40 digits"),
        (f"? 0x{'f' * 9000}\n: 1\n", "config.yaml:1: a number of more than 40 digits: unknown key"),
        ("rate_hz: &x true\n", "config.yaml:1: rate_hz: found true, allowed: a whole number 50 to 200 Hz"),
        ("window_s: &x true\n", "config.yaml:1: window_s: found true, allowed: a number 0.1 to 5 s"),
        ("limits:\n  <<: {red: 2}\n", "config.yaml:1: limits.red: found 2, allowed: a number 0 to 1"),
        ("limits: !!omap\n- red: 2\n", "config.yaml:1: limits.red: found 2, allowed: a number 0 to 1"),
        ("a: &f {red: 1}\nlimits: {<<: *f}\n", "config.yaml:2: not valid YAML: found an alias (*)"),
        ("name: &x [*x]\n", "config.yaml:1: not valid YAML: found an alias (*)"),
        ("rate_hz: !!int ''\n", "config.yaml: is not a settings file: "),
        ("[" * 3000, "config.yaml: is not a settings file: maximum recursion depth"),
        ("{a: " * 1000, "config.yaml: is not a settings file: maximum recursion depth"),
        ("rate: 100\n", "config.yaml:1: rate: unknown key; did you mean rate_hz?"),
        ("limits:\n  amber: 0.1\n  rde: 1\n", "config.yaml:3: limits.rde: unknown key; did you mean red?"),
        (
            "zebra: 1\n",
            "config.yaml:1: zebra: unknown key; known here: profile, rate_hz, window_s, armed, name,",
        ),
        ("limits: 3\n", "config.yaml:1: limits: found 3, expected settings as 'key: value' lines"),
        ("limits:\n", "config.yaml:1: limits: found nothing, expected settings as 'key: value' lines"),
        ("- 1\n- 2\n", "config.yaml:1: the file: found a list, expected settings as 'key: value' lines"),
        ("limits:\n  amber: 0.9\n", "config.yaml:1: limits.red: found 0.8, allowed: more than amber, 0.9"),
        ("limits:\n  amber: 0.8\n", "config.yaml:1: limits.red: found 0.8, allowed: more than amber, 0.8"),
        ("rate_hz: 100\nrate_hz: 50\n", "config.yaml:2: not valid YAML: found duplicate key"),
        ("rate_hz: [\n", "config.yaml:2: not valid YAML:"),
        ("a:\n\t- b\n", "config.yaml:2: not valid YAML:"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(said)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    told = problems(tmp_path, "rate_hz: 1\nlimits:\n  red: 2\nwindow_s: x\n")
    assert [line.split(":")[1] for line in told] == ["1", "3", "4"]


@pytest.mark.parametrize("key", ["rate_hz", "window_s"])
@pytest.mark.parametrize("end", ["low", "high"])
def test_limits_are_inclusive(tmp_path: Path, key: str, end: str) -> None:
    limit = getattr(about(Shape.__dataclass_fields__[key].metadata), end)
    assert getattr(load(tmp_path, f"{key}: {limit}\n"), key) == limit


def test_a_file_that_is_not_there_or_no_text_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(config.ConfigError, match="cannot be read: No such file"):
        config.load(tmp_path / "none.yaml", Shape)
    binary = tmp_path / "config.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(config.ConfigError, match="not UTF-8"):
        config.load(binary, Shape)


def test_what_is_written_reads_back_equal_and_carries_its_comments(tmp_path: Path) -> None:
    changed = Shape(profile="treadmill", window_s=0.25, limits=Limits(amber=0.1))
    text = as_yaml(changed)
    assert load(tmp_path, text) == changed
    moves = "# Lower: less load.\n# Higher: more detail."
    said = f"# Samples per second.\n# [a whole number 50 to 200 Hz; default 100]\n{moves}\nrate_hz: 100\n"
    assert said in text
    assert "# what counts as unsafe\nlimits:\n" in text


@pytest.mark.parametrize(
    "text", ["armed: &x false", "rate_hz: &x 200", "name: &x lab", "profile: &x treadmill"]
)
def test_an_anchored_value_is_read_as_what_it_is(tmp_path: Path, text: str) -> None:
    got, plain = load(tmp_path, text), load(tmp_path, text.replace("&x ", ""))
    assert got == plain != Shape()
    for name, value in flat(plain):
        assert type(dict(flat(got))[name]) is type(value)


def test_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large.yaml").write_text("#" * 1_000_001)
    for path, said in {
        tmp_path / "pipe": "not a regular file",
        Path("/dev/zero"): "not a regular file",
        tmp_path: "not a regular file",
        tmp_path / "large.yaml": "larger than 1 MB",
    }.items():
        with pytest.raises(config.ConfigError, match=said):
            config.load(path, Shape)
    assert config.load(Path(os.devnull), Shape) == Shape()


def test_the_fingerprint_moves_with_any_setting() -> None:
    prints = {fingerprint(s) for s in (Shape(), Shape(armed=False), Shape(limits=Limits(red=0.9)))}
    assert len(prints) == 3
    assert fingerprint(Shape()) == fingerprint(Shape())


@pytest.mark.parametrize(
    ("tree", "good"),
    [
        ({}, True),
        ({"rate_hz": 100, "limits": {"red": 0.9}, "profile": "belt"}, True),
        ({"rate_hz": 10}, False),
        ({"rate": 100}, False),
        ({"limits": {"amber": "x"}}, False),
        ({"profile": "shoe"}, False),
    ],
)
def test_the_schema_agrees_with_the_reader(tree: dict[str, object], good: bool) -> None:
    found = schema(Shape)
    json.dumps(found)
    assert jsonschema.Draft202012Validator(found).is_valid(tree) is good


FILE = """\
# my walker
profile: 'belt'   # on the body
limits:
  # careful
  amber: 0.4
"""


def test_one_key_is_changed_and_every_comment_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    config.change(path, Shape, "limits.amber", 0.3)
    assert path.read_text() == FILE.replace("0.4", "0.3")
    config.change(path, Shape, "name", "+x +y")
    assert path.read_text() == FILE.replace("0.4", "0.3") + 'name: "+x +y"\n'


def test_a_change_that_would_not_be_valid_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    with pytest.raises(config.ConfigError, match="amber"):
        config.change(path, Shape, "limits.amber", 0.9)
    assert path.read_text() == FILE
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.yaml"]


def test_a_change_makes_the_file_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    config.change(path, Shape, "limits.amber", 0.3)
    assert path.read_text() == as_yaml(Shape(limits=Limits(amber=0.3)))


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_change_keeps_mode_owner_and_link(tmp_path: Path, mode: int) -> None:
    path, link = tmp_path / "real" / "config.yaml", tmp_path / "config.yaml"
    path.parent.mkdir()
    path.write_text(FILE)
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    link.symlink_to(path)
    before = path.stat()
    config.change(link, Shape, "limits.amber", 0.3)
    after = path.stat()
    assert link.is_symlink()
    assert path.read_text() == FILE.replace("0.4", "0.3")
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert [entry.name for entry in path.parent.iterdir()] == ["config.yaml"]


def test_a_file_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # never a device: broken code, run as root, would replace it
    for path in (tmp_path / "pipe", tmp_path / "none" / "config.yaml"):
        with pytest.raises(config.ConfigError, match=rf"{path}: cannot be written: "):
            config.change(path, Shape, "limits.amber", 0.3)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_with_mistakes_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("rate_hz: [\n")
    with pytest.raises(config.ConfigError, match="not valid YAML"):
        config.change(path, Shape, "limits.amber", 0.3)
