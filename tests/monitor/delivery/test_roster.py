"""The roster's table: what it says, and every mistake in it, by its line and in whole."""

from pathlib import Path

import pytest

from monitor.delivery import home_assistant
from monitor.delivery.accounts import Role
from monitor.delivery.roster import BYTES, Account, RosterError, load, parsed

EXPECTED = "a first line walker,spotters,programs (programs may be left out), then a line for each walker"
ALLOWED = "1 to 32 of a-z, 0-9, _ and - are allowed"
RESERVED = "Home Assistant answers by it: it is allowed among the programs"

GYM = [
    Account("anna", Role.DEVICE, ("anna",)),
    Account("bert", Role.DEVICE, ("bert",)),
    Account("carl", Role.DEVICE, ("carl",)),
    Account("eva", Role.SPOTTER, ("anna", "bert"), on_slip=True),
    Account("max", Role.SPOTTER, ("anna",), on_slip=True),
    Account("phones", Role.SPOTTER, ("bert",)),
    Account("page", Role.SPOTTER, ("anna", "bert", "carl")),
    Account("home", Role.HOME, ("anna", "bert", "carl")),
]


@pytest.mark.parametrize(
    "text",
    [
        "walker,spotters,programs\nanna,eva max,\nbert,eva,phones\ncarl,,\n*,,page home\n",
        "\ufeffwalker;spotters;programs\r\nanna;eva max;\r\nbert;eva;phones\r\ncarl;;\r\n*;;page home\r\n",
        "walker\tspotters\tprograms\nanna\teva, max\nbert\teva\tphones\ncarl\n*\t\tpage;home",
        '\n"walker", spotters ,programs,,\n\nanna,"eva,max"\n,,,,\nbert,"eva\n",phones\ncarl\n*,,page home,',
    ],
    ids=["as written", "a spreadsheet's", "with tabs", "untidy"],
)
def test_the_table_names_walkers_and_who_watches_them(text: str, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(text.encode())
    assert load(file) == GYM


def test_programs_may_be_left_out_and_a_spotter_may_watch_everyone() -> None:
    names = {one.name: one.devices for one in parsed("walker,spotters\n*,max eva\nanna,eva\nbert,\n", "x")}
    assert names == {"anna": ("anna",), "bert": ("bert",), "max": ("anna", "bert"), "eva": ("anna", "bert")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", [f"roster.csv: is empty: expected {EXPECTED}"]),
        (" \n,,\n", [f"roster.csv: is empty: expected {EXPECTED}"]),
        ("walker,spotters\n", [f"roster.csv: names no walker: expected {EXPECTED}"]),
        ("walker,spotters\n*,eva\n", [f"roster.csv: names no walker: expected {EXPECTED}"]),
        ("anna,eva\nbert,eva\n", [f"roster.csv:1: found 'anna,eva', expected {EXPECTED}"]),
        ("\nwalker;who\nbert;eva\n", [f"roster.csv:2: found 'walker;who', expected {EXPECTED}"]),
        (
            'walker,spotters\nanna,"eva\nbert,eva\n',
            [f"roster.csv:2: is no table: unexpected end of data; expected {EXPECTED}"],
        ),
        (
            "walker,spotters\nAnna,eva\nb c,eva\nx,E.\n",
            [
                f"roster.csv:2: walker 'Anna': {ALLOWED}",
                f"roster.csv:3: walker 'b c': {ALLOWED}",
                f"roster.csv:4: spotter 'E.': {ALLOWED}",
            ],
        ),
        (
            "walker,spotters\nanna,eva\n\nanna,max\n*,uwe\n*,\n",
            [
                "roster.csv:4: walker 'anna' is in line 2 already: one line for each",
                "roster.csv:6: walker '*' is in line 5 already: one line for each",
            ],
        ),
        (
            "walker,spotters\nanna,eva max eva\n",
            ["roster.csv:2: spotter 'eva' is there 2 times: once is enough"],
        ),
        (
            "walker,spotters,programs\nanna,bert,\nbert,eva,anna\n",
            [
                "roster.csv:2: spotter 'bert' has the name of the walker in line 3",
                "roster.csv:3: program 'anna' has the name of the walker in line 2",
            ],
        ),
        (
            "walker,spotters,programs\nanna,eva,page\nbert,page,\ncarl,max,max\n",
            [
                "roster.csv:3: spotter 'page' is a program in line 2: expected one of the two",
                "roster.csv:4: program 'max' is a spotter in line 4: expected one of the two",
            ],
        ),
        (
            "walker,spotters\nhome,eva\nanna,home *\n",
            [
                f"roster.csv:2: walker 'home': {RESERVED}",
                f"roster.csv:3: spotter 'home': {RESERVED}",
                f"roster.csv:3: spotter '*': {ALLOWED}",
            ],
        ),
        (
            "walker,spotters\n,eva\nanna,eva,max,uwe\n",
            [
                "roster.csv:2: no walker: found only 'eva'; expected a name, or * for every walker",
                "roster.csv:3: found 4 cells, allowed 2: "
                "in a cell, names have spaces between, ',' begins the next",
            ],
        ),
    ],
)
def test_every_mistake_is_said_at_once_with_its_line(text: str, said: list[str]) -> None:
    with pytest.raises(RosterError) as refusal:
        parsed(text, "roster.csv")
    assert sorted(str(refusal.value).split("\n")) == sorted(said)


def test_mistakes_come_in_the_order_of_the_file() -> None:
    with pytest.raises(RosterError) as refusal:
        parsed("walker,spotters\nanna,E\nB,eva\ncarl,eva,x\n", "r")
    assert [line.split(":")[1] for line in str(refusal.value).split("\n")] == ["2", "3", "4"]


def test_what_is_no_table_in_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    for raw, said in {
        "walker,spotters\nanna,eva\nbjörn,max\n".encode("latin-1"): (
            f"{file}:3: is not UTF-8 text: save it as CSV UTF-8"
        ),
        b"x" * (BYTES + 1): f"{file}: is larger than 1 MB, so it is no roster",
    }.items():
        file.write_bytes(raw)
        with pytest.raises(RosterError) as refusal:
            load(file)
        assert str(refusal.value) == said
    for path, said in {tmp_path: "it is no file", tmp_path / "none": "No such file or directory"}.items():
        with pytest.raises(RosterError) as refusal:
            load(path)
        assert str(refusal.value) == f"{path}: cannot be read: {said}"
    file.write_text("walker,spotters\nanna,eva\n")
    assert [one.name for one in load(file)] == ["anna", "eva"]


def test_no_account_writes_in_another_s_name() -> None:
    for account in GYM:
        written = [line.removeprefix("topic write ") for line in account.rights if " write " in line]
        if account.role is Role.DEVICE:  # the least: what is its own
            topics = {topic.removeprefix(f"rearguard/{account.name}/") for topic in written}
            own = {"availability", "state", "alert", "again", "clip", "check"}
            assert topics == {*own, home_assistant.topic(account.name)}
        else:
            answers = {f"rearguard/{device}/answer/{account.name}" for device in account.devices}
            requests = {f"rearguard/{device}/request" for device in account.devices}
            assert {topic for topic in written if "homeassistant" not in topic} == answers | requests
        assert len(set(account.rights)) == len(account.rights)
