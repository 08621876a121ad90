"""What a roster changes in the brokers' files: only what it must, and nothing is left half done."""

import base64
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.delivery import accounts, owned_files
from monitor.delivery.accounts import FolderError, Role
from monitor.delivery.rabbitmq_accounts import hashed_word, known
from monitor.delivery.roster import Account, parsed
from monitor.delivery.roster_accounts import (
    AccountsError,
    Broker,
    Change,
    Mosquitto,
    RabbitMq,
    change,
    is_marked,
)

BROKERS: dict[str, Callable[[Path], Broker]] = {
    "mosquitto": Mosquitto,
    "rabbitmq": RabbitMq,
}
WRITES = {"mosquitto": 3, "rabbitmq": 2}
GYM = "walker,spotters,programs\nanna,eva max,\nbert,eva,phones\n*,,page home\n"
EVERYONE = {"anna", "bert", "eva", "max", "phones", "page", "home"}


@dataclass
class Place:
    """A broker's files, and the passwords of everybody who was ever given one."""

    broker: Broker
    folder: Path
    words: dict[str, str]

    def follow(self, text: str, renew: Sequence[str] = ()) -> Change:
        found = change(self.broker.known(), parsed(text, "roster.csv"), renew)
        new = {account.name: accounts.new_word() for account in found.passwords}
        self.words |= new
        self.broker.apply(found, new)
        return found

    def rights(self) -> dict[str, frozenset[str]]:
        return {name: known.rights for name, known in self.broker.known().items()}

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def let_in(self) -> set[str]:
        """Who comes in with the last password that he was given."""
        return {name for name, word in self.words.items() if self._fits(name, word)}

    def _fits(self, name: str, word: str) -> bool:
        for line in accounts.read(self.folder / "passwords"):
            if line.startswith(f"{name}:"):
                salt = base64.b64decode(line.split("$")[3])
                return line == f"{name}:{accounts.hashed(word, salt)}"
        hashed = at_rabbitmq(self.folder).get(name)
        return hashed is not None and hashed == hashed_word(word, base64.b64decode(hashed)[:4])


@pytest.fixture(params=BROKERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(BROKERS[request.param](tmp_path), tmp_path, {})


def test_a_second_run_changes_no_file(place: Place) -> None:
    assert {account.name for account in place.follow(GYM).new} == EVERYONE
    before = place.files()
    again = place.follow(GYM)
    assert not again
    assert len(again.kept) == 7
    assert place.files() == before
    assert place.let_in() == {*place.words}


def test_who_left_is_gone_who_changed_keeps_the_password_and_the_rest_is_as_it_was(place: Place) -> None:
    place.follow(GYM)
    place_before = place.rights()
    words = dict(place.words)
    found = place.follow("walker,spotters,programs\nanna,max,\nbert,max eva,phones\ncarl,uwe,\n*,,home\n")
    assert found.gone == ["page"]
    assert [one.name for one in found.changed] == ["max", "eva", "home"]
    assert [one.name for one in found.new] == ["carl", "uwe"]
    assert place.let_in() == EVERYONE - {"page"} | {"carl", "uwe"}
    assert words.items() <= place.words.items()
    after = place.rights()
    assert "page" not in after
    assert {name for name in after if after[name] == place_before.get(name)} == {"anna", "bert", "phones"}
    assert not any("/anna/" in line for line in after["eva"])


def test_a_name_that_goes_from_a_walker_to_a_spotter_is_somebody_else(place: Place) -> None:
    place.follow("walker,spotters\nanna,eva\nbert,eva\n")
    old = place.words["anna"]
    assert [one.name for one in place.follow("walker,spotters\nbert,anna eva\n").renewed] == ["anna"]
    assert place.words["anna"] != old
    assert place.let_in() == {"anna", "bert", "eva"}


def test_one_or_all_are_renewed(place: Place) -> None:
    place.follow(GYM)
    words = dict(place.words)
    place.follow(GYM, renew=["eva"])
    assert {name for name in words if words[name] != place.words[name]} == {"eva"}
    assert place.let_in() == {*words}


@pytest.mark.parametrize("failing", range(4))
@pytest.mark.parametrize("kind", BROKERS)
def test_a_run_that_ends_anywhere_locks_nobody_out_and_is_ended_by_the_next(
    kind: str, failing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(BROKERS[kind](tmp_path), tmp_path, {})
    place.follow(GYM)
    before, words = place.rights(), dict(place.words)
    later = "walker,spotters,programs\nanna,eva,\ncarl,max eva,\n*,,home\n"
    writes = 0

    def breaks(path: Path, text: str, mode: int, group: int, user: int = 0) -> None:
        nonlocal writes
        writes += 1
        if writes > failing:
            raise OSError("the power is gone")
        write(path, text, mode, group, user)

    write = owned_files.write
    with monkeypatch.context() as patched:
        patched.setattr(owned_files, "write", breaks)
        try:
            place.follow(later)
        except OSError:
            assert failing < WRITES[kind]
        else:
            assert writes == WRITES[kind]
    known = place.broker.known()
    assert all(one.rights for one in known.values() if one.has_password)
    stay = {"anna", "eva", "max", "home"}
    assert {name: words[name] for name in stay}.items() <= place.words.items()
    assert stay <= place.let_in()
    assert all(known[name].rights == before[name] for name in stay) or failing > 0
    place.follow(later)
    assert {*place.broker.known()} == stay | {"carl"} == place.let_in()
    assert place.rights() == {one.name: frozenset(one.rights) for one in parsed(later, "")}


def test_what_was_paired_by_hand_is_left_alone_until_a_roster_names_it(tmp_path: Path) -> None:
    place = Place(Mosquitto(tmp_path), tmp_path, {})
    for name, role in {"walker": Role.DEVICE, "page": Role.SPOTTER, "eva": Role.SPOTTER}.items():
        place.words[name] = accounts.add(tmp_path, name, "walker", role)
    by_hand = place.rights()
    with (tmp_path / "access").open("a") as file:
        file.write("user eva\ntopic write rearguard/walker/answer\n\n")  # of an earlier version
    found = place.follow("walker,spotters\nanna,eva\n")
    assert (found.others, [one.name for one in found.adopted]) == (["walker", "page"], ["eva"])
    assert found.changed == found.adopted
    assert (is_marked(tmp_path, "eva"), is_marked(tmp_path, "page")) == (True, False)
    assert place.let_in() == {"walker", "page", "eva", "anna"}
    after = place.rights()
    assert (after["walker"], after["page"]) == (by_hand["walker"], by_hand["page"])
    assert after["eva"] == frozenset(accounts.rights("eva", Role.SPOTTER, "anna"))
    assert place.follow("walker,spotters\nanna,max\n").gone == ["eva"]
    assert place.let_in() == {"walker", "page", "max", "anna"}


def test_a_password_without_rights_is_an_account_of_somebody_s(tmp_path: Path) -> None:
    place = Place(Mosquitto(tmp_path), tmp_path, {"eva": "chosen"})
    (tmp_path / "passwords").write_text(accounts.entry("eva", "chosen") + "\n")
    assert [one.name for one in place.follow("walker,spotters\nanna,eva\n").adopted] == ["eva"]
    assert place.let_in() == {"anna", "eva"}


def test_an_upgrade_gives_an_account_of_several_devices_what_it_lacks(tmp_path: Path) -> None:
    place = Place(Mosquitto(tmp_path), tmp_path, {})
    place.follow(GYM)
    access = tmp_path / "access"
    whole = place.rights()
    gone = ("/again", "/answer/+", "/answer/eva", "/answer/home", "homeassistant/status")
    lines = access.read_text().splitlines()
    access.write_text("".join(f"{line}\n" for line in lines if not line.endswith(gone)))
    assert {*accounts.lacking(tmp_path)} == EVERYONE
    accounts.grant(tmp_path)
    assert accounts.lacking(tmp_path) == {}
    assert place.rights() == whole
    assert not place.follow(GYM)


def test_a_file_that_somebody_has_changed_is_refused_and_other_rights_are_put_right(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    place = Place(RabbitMq(tmp_path), tmp_path, {})
    place.follow(GYM)
    whole = file.read_text()
    file.write_text(whole.replace(r"rearguard\\.anna\\.request", r"rearguard\\.[^.#]+\\.request"))
    assert file.read_text() != whole
    place.follow(GYM)
    assert file.read_text() == whole
    for text in ("{}", "[]", "no JSON", whole.replace('"roster"', '"administrator"')):
        file.write_text(text)
        with pytest.raises(AccountsError, match=r"accounts\.json: "):
            place.follow(GYM)


def test_mosquitto_must_be_set_up(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is not there: sudo rearguard broker setup"):
        Mosquitto(tmp_path / "none").known()


NAMES = [*"abcdef", "home"]


@st.composite
def rosters(draw: st.DrawFn) -> list[Account]:
    """Any roster: who walks, and who of the others watches whom."""
    walkers = draw(st.lists(st.sampled_from(NAMES[:-1]), min_size=1, max_size=3, unique=True))
    rows = [f"{walker},{{}}" for walker in (*walkers, "*")]
    others = [name for name in NAMES if name not in walkers]
    watched = {name: draw(st.sets(st.sampled_from(range(len(rows))))) for name in others}
    kinds = {name: name == "home" or draw(st.booleans()) for name in others}  # True: a program
    cells = [
        ",".join(
            " ".join(name for name in others if row in watched[name] and kinds[name] is kind)
            for kind in (False, True)
        )
        for row in range(len(rows))
    ]
    text = "\n".join(row.format(cell) for row, cell in zip(rows, cells, strict=True))
    return parsed(f"walker,spotters,programs\n{text}\n", "any")


@pytest.mark.parametrize("kind", BROKERS)
@settings(max_examples=50)
@given(first=rosters(), second=rosters())
def test_any_roster_after_any_other_is_as_the_other_alone(
    kind: str, first: list[Account], second: list[Account]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        broker = BROKERS[kind](Path(folder))
        files: list[dict[str, str]] = []
        for wanted in (first, second):
            found = change(broker.known(), wanted)
            broker.apply(found, {account.name: accounts.new_word() for account in found.passwords})
            files.append(hashes(Path(folder)))
        known = broker.known()
        assert {name: one.rights for name, one in known.items()} == {
            one.name: frozenset(one.rights) for one in second
        }
        assert all(one.has_password for one in known.values())
    before = {one.name: one.role for one in first}
    stayed = {
        one.name
        for one in second
        if one.name in before and (one.role is Role.DEVICE) == (before[one.name] is Role.DEVICE)
    }
    assert {name for name, line in files[1].items() if files[0].get(name) == line} == stayed


def at_rabbitmq(folder: Path) -> dict[str, str]:
    file = folder / "accounts.json"
    found = known(json.loads(file.read_text())) if file.exists() else {}
    return {user.name: hashed for user, hashed in found.items()}


def hashes(folder: Path) -> dict[str, str]:
    """Each account's password as the broker keeps it."""
    lines = {line.split(":")[0]: line for line in accounts.read(folder / "passwords")}
    return lines | at_rabbitmq(folder)
