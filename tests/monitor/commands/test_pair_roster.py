"""``rearguard pair --roster`` as a manager types it: what it says, writes, and leaves alone."""

import base64
import re
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.delivery import accounts, owned_files
from monitor.delivery.accounts import Role
from monitor.delivery.invitation import settings_of

GYM = "walker,spotters,programs\nanna,eva max,\nbert,eva,\ncarl,,\n"


@pytest.fixture
def gym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a roster, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broker").mkdir()
    (tmp_path / "roster.csv").write_text(GYM)
    return tmp_path


def pair(*words: str) -> int:
    return main(["pair", "--roster", "roster.csv", "--folder", "broker", "--host", "gym.local", *words])


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_dry_run_says_all_and_does_nothing(gym: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(gym)
    assert pair("--dry-run") == 0
    assert capsys.readouterr().out == (
        "would: make walker anna, in slips/anna.password\n"
        "would: make walker bert, in slips/bert.password\n"
        "would: make walker carl, in slips/carl.password\n"
        "would: make spotter eva, watching anna bert, on a slip in slips/slips.html\n"
        "would: make spotter max, watching anna, on a slip in slips/slips.html\n"
        "note: nobody watches carl\n"
    )
    assert files(gym) == before
    assert not (gym / "slips").exists()


def test_accounts_slips_and_what_is_next_and_a_second_run_changes_nothing(
    gym: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pair() == 0
    said = capsys.readouterr().out
    assert said.endswith(
        "Let the broker read it: sudo systemctl reload mosquitto\n"
        "Print slips/slips.html, and give each spotter the slip\n"
        "Put each .password where its program reads it, mode 600: on a Pi, /etc/rearguard/mqtt_password\n"
        "Then delete slips, .url and .password in slips: they are keys, and nobody can read them again\n"
    )
    slips = gym / "slips"
    assert {path.name for path in slips.iterdir()} == {
        *(f"{name}.password" for name in ("anna", "bert", "carl")),
        *("eva.url", "max.url", "slips.html"),
    }
    assert {path.stat().st_mode & 0o777 for path in slips.iterdir()} == {0o600}
    assert slips.stat().st_mode & 0o777 == 0o700
    invitation = settings_of((slips / "eva.url").read_text().strip())
    assert (invitation.host, invitation.port, invitation.devices) == ("gym.local", 8883, ("anna", "bert"))
    assert not any(word in said for word in (invitation.password(), (slips / "anna.password").read_text()))
    before = files(gym)
    assert pair() == 0
    assert capsys.readouterr().out == (
        "there already: anna bert carl eva max\nnote: nobody watches carl\nnothing was changed\n"
    )
    assert files(gym) == before


def test_who_left_who_is_new_and_who_changes_is_said_and_slips_follow(
    gym: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pair() == 0
    accounts.add(gym / "broker", "page", "walker")
    (gym / "roster.csv").write_text("walker,spotters\nanna,uwe\nbert,eva\n")
    old = settings_of((gym / "slips/eva.url").read_text().strip()).password()
    capsys.readouterr()
    assert pair() == 0
    assert capsys.readouterr().out == (
        "now: take away carl, whom the roster no longer names\n"
        "now: take away max, whom the roster no longer names\n"
        "now: make spotter uwe, watching anna, on a slip in slips/slips.html\n"
        "now: change the rights of spotter eva, watching bert; the password stays\n"
        "there already: anna bert\n"
        "left as they are, paired by hand: page\n"
        "Put out who is gone or has an old password: sudo systemctl restart mosquitto\n"
        "Print slips/slips.html, and give each spotter the slip\n"
        "Then delete slips, .url and .password in slips: they are keys, and nobody can read them again\n"
    )
    slips = gym / "slips"
    assert {path.stem for path in slips.glob("*.url")} == {"eva", "uwe"}
    assert not (slips / "carl.password").exists()
    invitation = settings_of((slips / "eva.url").read_text().strip())
    assert (invitation.password(), invitation.devices) == (old, ("bert",))
    assert re.findall("<h2>(.*)</h2>", (slips / "slips.html").read_text()) == ["uwe", "eva"]
    for path in slips.iterdir():
        path.unlink()
    (gym / "roster.csv").write_text("walker,spotters\nanna,uwe eva\nbert,eva\n")
    assert pair() == 0
    assert capsys.readouterr().out == (
        "now: change the rights of spotter eva, watching anna bert; the password stays\n"
        "there already: anna bert uwe\n"
        "left as they are, paired by hand: page\n"
        "note: the slip that eva has names other walkers: end its address with ?device=anna&device=bert, "
        "or make another: rearguard pair eva --renew --roster roster.csv\n"
        "Let the broker read it: sudo systemctl reload mosquitto\n"
    )
    assert list(slips.iterdir()) == []


def test_one_is_renewed_by_name_or_all_and_nobody_else(gym: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pair() == 0
    lines = accounts.read(gym / "broker/passwords")
    assert pair("eva", "--renew") == 0
    said = capsys.readouterr().out
    assert (
        "now: make a new password for spotter eva, watching anna bert, on a slip in slips/slips.html" in said
    )
    assert "restart mosquitto" in said
    changed = {*accounts.read(gym / "broker/passwords")} - {*lines}
    assert [line.split(":")[0] for line in changed] == ["eva"]
    assert pair("nobody", "--renew") == 2
    assert capsys.readouterr().err == (
        "roster.csv does not name 'nobody': expected one of anna bert carl eva max\n"
    )
    assert pair("--renew") == 0
    assert not {*accounts.read(gym / "broker/passwords")} & {*lines, *changed}


@pytest.mark.parametrize("failing", range(10))
def test_what_is_handed_out_works_wherever_a_run_before_ended(
    failing: int, gym: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, writes = owned_files.write, 0

    def breaks(path: Path, text: str, mode: int, group: int, user: int = 0) -> None:
        nonlocal writes
        writes += 1
        if writes == failing + 1:
            raise OSError("the power is gone")
        write(path, text, mode, group, user)

    with monkeypatch.context() as patched:
        patched.setattr(owned_files, "write", breaks)
        ended = pair()
    assert ended == (2 if failing < 8 else 0)
    if ended:
        assert "the power is gone; not all of this was done: run the same again" in capsys.readouterr().err
    assert pair() == 0
    kept = dict(line.split(":") for line in accounts.read(gym / "broker/passwords"))
    words = {path.stem: path.read_text().strip() for path in (gym / "slips").glob("*.password")}
    urls = [path.read_text().strip() for path in (gym / "slips").glob("*.url")]
    words |= {settings_of(url).username: settings_of(url).password() for url in urls}
    assert kept == {name: accounts.hashed(word, salt(kept[name])) for name, word in words.items()}
    sheet = (gym / "slips/slips.html").read_text()
    assert all(url.replace("&", "&amp;") in sheet for url in urls)


def salt(hashed: str) -> bytes:
    return base64.b64decode(hashed.split("$")[3])


def test_a_roster_with_a_mistake_changes_nothing(gym: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pair() == 0
    before = files(gym / "broker")
    (gym / "roster.csv").write_text("walker,spotters\nanna,eva\nBert,eva\n")
    assert pair() == 2
    assert "roster.csv:3: walker 'Bert': 1 to 32 of a-z, 0-9, _ and - are allowed" in capsys.readouterr().err
    assert files(gym / "broker") == before


def test_an_account_of_a_roster_is_not_paired_by_hand_but_may_be_removed(
    gym: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pair() == 0
    words = ["pair", "eva", "--folder", "broker", "--config", "/dev/null"]
    assert main([*words, "--renew"]) == 2
    said = "eva is from a roster; a new password: rearguard pair eva --renew --roster FILE"
    assert said in capsys.readouterr().err
    assert main([*words, "--remove"]) == 0
    assert capsys.readouterr().out == (
        "account eva is gone; its roster, if it still names it, makes it again. "
        "Put it out: sudo systemctl restart mosquitto\n"
    )
    assert not accounts.exists(gym / "broker", "eva")


def test_a_cluster_s_accounts_are_written_beside_the_slips(
    gym: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "pair",
        "--roster",
        "roster.csv",
        "--cluster",
        "rabbitmq",
        "--host",
        "a.local,b.local,c.local",
        "--out",
        "o",
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "Copy accounts.json and apply.sh from o to one node, and there: sudo sh apply.sh\n" in said
    assert "Keep o, and keep it to yourself: the next roster begins from it\n" in said
    for host in ("a.local", "b.local", "c.local"):
        assert f"now: make what the node {host} needs, in o/{host}\n" in said
        step = f"Copy o/{host} to {host}, and there: sudo sh {host}/setup.sh; one node after the other\n"
        assert step in said
    assert (gym / "o/accounts.json").stat().st_mode & 0o777 == 0o600
    assert "a.local,b.local,c.local:8883" in (gym / "o/eva.url").read_text()
    before = files(gym)
    assert main(words) == 0
    assert capsys.readouterr().out.endswith("nothing was changed\n")
    assert files(gym) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a NAME, or --roster"),
        (["eva", "--dry-run"], "--dry-run is for --roster alone"),
        (["eva", "--out", "x"], "--out is for --roster alone"),
        (["eva", "--cluster", "rabbitmq"], "--cluster is for --roster alone"),
        (["--roster", "r", "--device", "anna"], "--device is for one NAME: with --roster the table says it"),
        (["--roster", "r", "--role", "home"], "--role is for one NAME: with --roster the table says it"),
        (
            ["--roster", "r", "eva"],
            "a NAME with --roster is for --renew: give only --roster to make all accounts",
        ),
        (
            ["--roster", "r", "--cluster", "rabbitmq"],
            "--cluster needs --host: the nodes' names, with commas between",
        ),
    ],
)
def test_options_at_odds_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", *words]) == 2
    assert capsys.readouterr().err == f"rearguard pair: {said}\n"


def test_the_broker_s_folder_must_be_there(gym: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pair", "--roster", "roster.csv", "--folder", "none"]) == 2
    assert "none is not there: sudo rearguard broker setup" in capsys.readouterr().err


def test_one_paired_by_hand_becomes_the_roster_s_and_says_so(
    gym: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts.add(gym / "broker", "anna", "anna", Role.DEVICE)
    accounts.add(gym / "broker", "eva", "anna")
    assert pair() == 0
    said = capsys.readouterr().out
    assert "now: make walker anna, who was paired by hand, the roster's; the password stays\n" in said
    assert "now: change the rights of spotter eva, watching anna bert; the password stays\n" in said
    assert "now: change the rights of walker anna" not in said
