"""Who comes in and by what, how often one may guess, and what the door's file keeps. All time is made up."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.spotter.page.door import (
    CARD_INVITATION_S,
    INVITATION_S,
    LONGEST_NAME,
    MINUTE_S,
    SEEN_EVERY_S,
    SESSION_S,
    WRONG_PER_INVITATION,
    WRONG_PER_MINUTE,
    Door,
    DoorError,
    Invitation,
    TooManyError,
)
from tests.read_only import said_where_read_only

DAY_S = 86_400.0
NOW_S = 1e9
HERE = "192.0.2.1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "page.db"


@pytest.fixture
def door(path: Path) -> Iterator[Door]:
    with closing(Door(path)) as door:
        yield door


def entered(door: Door, name: str, now_s: float = NOW_S) -> str:
    """The secret of a new session of this name."""
    secret = door.enter(door.invite(name, now_s).link, HERE, now_s)
    assert secret is not None
    return secret


def another(code: str, number: int = 1) -> str:
    """A code that is not this one."""
    return f"{(int(code) + number) % 1_000_000:06d}"


def guess(door: Door, code: str, address: str, now_s: float) -> str | None:
    """What comes of a guess; "refused" where it is not even looked at."""
    try:
        return door.enter(code, address, now_s)
    except TooManyError:
        return "refused"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_root_makes_belongs_to_the_service_whose_folder_it_is(path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 61_184, 61_184)
    with closing(Door(path)):
        assert (path.stat().st_uid, path.stat().st_gid) == (61_184, 61_184)


@pytest.mark.parametrize("by", ["code", "link"])
@pytest.mark.parametrize("again_by", ["code", "link"])
def test_an_invitation_opens_once_by_either(door: Door, by: str, again_by: str) -> None:
    invitation = door.invite("Eva", NOW_S)
    secret = door.enter(getattr(invitation, by), HERE, NOW_S)
    assert secret is not None
    assert door.name_of(secret, NOW_S) == "Eva"
    assert door.enter(getattr(invitation, again_by), HERE, NOW_S) is None


@pytest.mark.parametrize("by", ["code", "link"])
@pytest.mark.parametrize(
    ("waited_s", "opens"), [(0.0, True), (INVITATION_S, True), (INVITATION_S + 1, False)]
)
def test_an_invitation_expires(door: Door, by: str, waited_s: float, opens: bool) -> None:
    invitation = door.invite("Eva", NOW_S)
    assert (door.enter(getattr(invitation, by), HERE, NOW_S + waited_s) is not None) == opens


def test_a_new_invitation_ends_the_old_one_of_that_name_and_no_other(door: Door) -> None:
    old, toms, new = (door.invite(name, NOW_S) for name in ("Eva", "Tom", " Eva "))
    assert door.enter(old.link, HERE, NOW_S) is None
    assert door.enter(toms.link, HERE, NOW_S) is not None
    assert door.enter(new.code, HERE, NOW_S) is not None


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Eva", "Eva"),
        ("  Eva ", "Eva"),
        ("Eva\x1b[2J\x07", "Eva [2J"),
        ("Eva\nTom", "Eva Tom"),
        ("\u202eavE", "avE"),
        ("Ev\udcff", "Ev"),  # what is left of a byte that is no UTF-8 on the command line
        ("Søren Łukasz 陳", "Søren Łukasz 陳"),
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
    ],
)
def test_a_name_is_kept_as_it_can_be_shown(door: Door, given_name: str, kept: str) -> None:
    invitation = door.invite(given_name, NOW_S)
    assert invitation.name == kept
    secret = door.enter(invitation.code, HERE, NOW_S)
    assert secret is not None
    assert door.name_of(secret, NOW_S) == kept
    assert door.put_out(given_name) == 1
    assert door.name_of(secret, NOW_S) is None


@pytest.mark.parametrize("name", ["", "   ", "\n\t\x00", "\u200b", "x" * (LONGEST_NAME + 1)])
def test_a_name_that_cannot_be_shown_is_refused_in_words(door: Door, name: str) -> None:
    with pytest.raises(DoorError, match=f"1 to {LONGEST_NAME} letters, found"):
        door.invite(name, NOW_S)
    assert door.names(NOW_S) == []


def test_five_wrong_codes_from_one_address_are_enough_for_a_minute(door: Door) -> None:
    invitation = door.invite("Eva", NOW_S)
    for number in range(WRONG_PER_MINUTE):
        assert door.enter(another(invitation.code), HERE, NOW_S + number) is None
    for late_s in (WRONG_PER_MINUTE, MINUTE_S):
        with pytest.raises(TooManyError):
            door.enter(invitation.code, HERE, NOW_S + late_s)
    assert (
        door.enter(invitation.code, "192.0.2.2", NOW_S + MINUTE_S) is not None
    )  # a neighbour is not kept out
    other = door.invite("Tom", NOW_S)
    assert door.enter(other.code, HERE, NOW_S + MINUTE_S + 0.1) is not None


def test_ten_wrong_codes_from_all_together_are_enough_for_a_minute(door: Door) -> None:
    invitation = door.invite("Eva", NOW_S)
    for number in range(2 * WRONG_PER_MINUTE):
        assert door.enter(another(invitation.code), f"192.0.2.{number}", NOW_S) is None
    with pytest.raises(TooManyError):
        door.enter(invitation.code, "192.0.2.200", NOW_S)
    assert door.enter(invitation.link, HERE, NOW_S) is not None  # a link is not guessed


CHOSEN = "Brown-kettle-7"


def test_a_chosen_code_lets_exactly_that_spotter_in_once_in_its_hour(door: Door) -> None:
    door.invite("Eva", NOW_S, CARD_INVITATION_S, chosen=CHOSEN)
    late_s = NOW_S + CARD_INVITATION_S
    secret = door.enter(CHOSEN.upper(), HERE, late_s)  # phones begin with a capital
    assert secret is not None
    assert door.name_of(secret, late_s) == "Eva"
    assert door.enter(CHOSEN, HERE, late_s) is None
    door.invite("Eva", NOW_S, CARD_INVITATION_S, chosen=CHOSEN)
    assert door.enter(CHOSEN, HERE, late_s + 1) is None


def test_guesses_at_a_chosen_code_are_counted_like_any(door: Door, path: Path) -> None:
    invitation = door.invite("Eva", NOW_S, CARD_INVITATION_S, chosen=CHOSEN)
    for number in range(WRONG_PER_MINUTE):
        assert door.enter(f"green-kettle-{number}", HERE, NOW_S) is None
    with pytest.raises(TooManyError):
        door.enter(CHOSEN, HERE, NOW_S)
    for number in range(WRONG_PER_INVITATION):
        door.enter(f"green-kettle-{number}", f"192.0.2.{number}", NOW_S + 100 + 7 * number)
    assert door.enter(CHOSEN, "192.0.2.99", NOW_S + 1000) is None
    assert door.enter(invitation.link, "192.0.2.99", NOW_S + 1000) is not None


@pytest.mark.parametrize(
    "code", ["kettle7", "12345678", "brown kettle", "x" * 32, "kettle\u017f77", "k\n" * 5]
)
def test_a_code_that_is_easily_guessed_or_mistaken_cannot_be_chosen(door: Door, code: str) -> None:
    with pytest.raises(DoorError, match="8 to 31 letters, digits and hyphens, with a letter"):
        door.invite("Eva", NOW_S, chosen=code)
    assert door.names(NOW_S) == []


def test_what_is_no_code_is_not_counted_as_one(door: Door) -> None:
    invitation = door.invite("Eva", NOW_S)
    for word in ("", "12345", "1234567", "12345x", "x" * 64, "-12345", "1 2345") * 10:
        assert door.enter(word, HERE, NOW_S) is None
    assert door.enter(invitation.code, HERE, NOW_S) is not None


def test_a_code_in_other_digits_is_a_wrong_code(door: Door) -> None:
    """Python calls them decimal too: they neither open nor go uncounted."""
    code = door.invite("Eva", NOW_S).code
    arabic = code.translate({ord(str(n)): chr(0x660 + n) for n in range(10)})
    for _ in range(WRONG_PER_MINUTE):
        assert door.enter(arabic, HERE, NOW_S) is None
    with pytest.raises(TooManyError):
        door.enter(arabic, HERE, NOW_S)


@pytest.mark.parametrize("by", ["code", "link"])
@pytest.mark.parametrize(
    ("wrong", "opens"), [(WRONG_PER_INVITATION - 1, True), (WRONG_PER_INVITATION, False)]
)
def test_twenty_wrong_codes_from_wherever_end_every_code_and_no_link(
    door: Door, by: str, wrong: int, opens: bool
) -> None:
    invitations = [door.invite(name, NOW_S) for name in ("Eva", "Tom")]
    taken = {invitation.code for invitation in invitations}
    code = next(code for code in map("{:06d}".format, range(3)) if code not in taken)
    for number in range(wrong):
        assert door.enter(code, f"192.0.2.{number}", NOW_S + 7 * number) is None
    for invitation in invitations:
        secret = door.enter(getattr(invitation, by), HERE, NOW_S + 7 * wrong)
        assert (secret is not None) == (opens or by == "link")


def test_wrong_codes_before_an_invitation_are_not_held_against_it(door: Door) -> None:
    for number in range(WRONG_PER_INVITATION - 1):
        door.enter("000000", f"192.0.2.{number}", NOW_S + 7 * number)
    later_s = NOW_S + 7 * WRONG_PER_INVITATION
    invitation = door.invite("Eva", later_s)
    door.enter(another(invitation.code), HERE, later_s)
    assert door.enter(invitation.code, HERE, later_s) is not None


@pytest.mark.parametrize("every_s", [0.0, 0.5, 6.1, 12.1])
@pytest.mark.parametrize("addresses", [1, 7, 1000])
def test_a_thousand_guesses_let_nobody_in(door: Door, every_s: float, addresses: int) -> None:
    """The first twenty are wrong, but for one chance in 50,000; from then on the right one is guessed."""
    invitation = door.invite("Eva", NOW_S)
    counted, came = 0, []
    for number in range(1000):
        code = invitation.code if counted >= WRONG_PER_INVITATION else another(invitation.code, number + 1)
        said = guess(door, code, f"address {number % addresses}", NOW_S + number * every_s)
        counted += said is None
        came += [said] if said not in (None, "refused") else []
    assert came == []


def test_a_flood_is_not_let_in_by_the_right_code_either(door: Door) -> None:
    invitation = door.invite("Eva", NOW_S)
    for number in range(2 * WRONG_PER_MINUTE):
        guess(door, another(invitation.code), f"address {number}", NOW_S)
    said = {guess(door, invitation.code, f"address {number}", NOW_S + number / 100) for number in range(1000)}
    assert said == {"refused"}


Steps = st.lists(
    st.tuples(
        st.sampled_from(["invite", "code", "link", "wrong", "wait"]),
        st.sampled_from(["Eva", "Tom"]),
        st.sampled_from([HERE, "192.0.2.2", "192.0.2.3"]),
        st.sampled_from([1.0, 13.0, 61.0, INVITATION_S]),
    ),
    max_size=60,
)


@given(Steps)
@settings(max_examples=60)
def test_no_code_and_no_link_ever_opens_twice_or_late_or_after_too_many(
    steps: list[tuple[str, str, str, float]],
) -> None:
    """Against a model of the door: who is let in is the one whom the rules let in, and nobody else."""
    codes = patch("monitor.spotter.page.door.secrets.randbelow", side_effect=count())  # no two alike
    with codes, TemporaryDirectory() as folder, closing(Door(Path(folder) / "page.db")) as door:
        now_s = NOW_S
        every: list[tuple[Invitation, float]] = []
        good: dict[str, tuple[Invitation, float, int]] = {}  # with wrong codes since
        wrong: list[tuple[float, str]] = []
        for what, name, address, wait_s in steps:
            if what == "wait":
                now_s += wait_s
                continue
            if what == "invite":
                invitation = door.invite(name, now_s)
                every.append((invitation, now_s))
                good[name] = (invitation, now_s, 0)
                continue
            of_name = [invitation for invitation, _ in every if invitation.name == name]
            if what != "wrong" and not of_name:
                continue
            invitation = of_name[-1] if of_name else Invitation(name, "", "")
            word = "999999" if what == "wrong" else getattr(invitation, what)
            recent = [at for at_s, at in wrong if now_s - at_s <= MINUTE_S]
            shut = recent.count(address) >= WRONG_PER_MINUTE or len(recent) >= 2 * WRONG_PER_MINUTE
            said = guess(door, word, address, now_s)
            if what != "link" and shut:
                assert said == "refused"
                continue
            open_ = next(
                (
                    known
                    for known, at_s, _ in good.values()
                    if word in (known.code, known.link) and now_s - at_s <= INVITATION_S
                ),
                None,
            )
            if open_ is not None:
                assert said is not None
                assert door.name_of(said, now_s) == open_.name
                del good[open_.name]
                continue
            assert said is None
            if what != "link":
                wrong.append((now_s, address))
                good = {one: (known, at_s, n + 1) for one, (known, at_s, n) in good.items()}
                good = {one: known for one, known in good.items() if known[2] < WRONG_PER_INVITATION}


def test_secrets_are_kept_as_digests_only(door: Door, path: Path) -> None:
    used, waiting = door.invite("Eva", NOW_S), door.invite("Tom", NOW_S)
    secret = door.enter(used.link, HERE, NOW_S)
    assert secret is not None
    door.subscribe(secret, "https://origin.example", "{}")
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for known in (b"Eva", b"Tom", b"https://origin.example"):
        assert known in kept
    for word in (secret, used.code, used.link, waiting.code, waiting.link):
        assert word.encode() not in kept
    assert len({secret, used.link, waiting.link}) == 3


def test_two_at_one_file_see_each_other_s_invitations_and_endings(door: Door, path: Path) -> None:
    with closing(Door(path)) as other:
        invitation = other.invite("Eva", NOW_S)
        secret = door.enter(invitation.code, HERE, NOW_S)
        assert secret is not None
        assert other.enter(invitation.link, HERE, NOW_S) is None
        assert other.names(NOW_S) == ["Eva"]
        assert other.put_out("Eva") == 1
        assert door.name_of(secret, NOW_S) is None


def test_whoever_is_put_out_is_out_on_every_phone(door: Door) -> None:
    first, second, toms = entered(door, "Eva"), entered(door, "Eva"), entered(door, "Tom")
    for secret in (first, second, toms):
        door.subscribe(secret, "https://origin.example", f"of {secret}")
    waiting = door.invite("Eva", NOW_S)
    assert len(door.subscriptions()) == 3
    assert door.put_out("Eva") == 2
    assert [door.name_of(secret, NOW_S) for secret in (first, second, toms)] == [None, None, "Tom"]
    assert door.enter(waiting.code, HERE, NOW_S) is None
    assert door.enter(waiting.link, HERE, NOW_S) is None
    assert len(door.subscriptions()) == 1
    assert door.names(NOW_S) == ["Tom"]
    assert door.put_out("Eva") == 0


def test_whoever_leaves_is_out_on_that_phone(door: Door) -> None:
    first, second = entered(door, "Eva"), entered(door, "Eva")
    door.subscribe(first, "https://origin.example", "{}")
    door.leave(first)
    assert [door.name_of(secret, NOW_S) for secret in (first, second)] == [None, "Eva"]
    assert door.subscriptions() == []


def test_between_an_invitation_and_its_session_there_is_no_moment_without_either(
    door: Door, path: Path
) -> None:
    """Else whoever is put out in that moment would be in."""
    invitation = door.invite("Eva", NOW_S)
    seen = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def look(_: str) -> None:
            rows = "SELECT name FROM invitations UNION ALL SELECT name FROM sessions"
            seen.append(other.execute(rows).fetchall())

        door._file.set_trace_callback(look)
        assert door.enter(invitation.code, HERE, NOW_S) is not None
        door._file.set_trace_callback(None)
    assert len(seen) >= 2
    assert all(names == [("Eva",)] for names in seen)


@pytest.mark.parametrize("word", ["", "nonsense", "é", "x" * 4096, "' OR 1=1 --"])
def test_no_other_word_is_a_session(door: Door, word: str) -> None:
    entered(door, "Eva")
    assert door.name_of(word, NOW_S) is None


def test_a_digest_from_the_file_is_no_secret(door: Door, path: Path) -> None:
    entered(door, "Eva")
    door.invite("Tom", NOW_S)
    with closing(sqlite3.connect(path)) as file:
        ((digest,),) = file.execute("SELECT secret FROM sessions").fetchall()
        ((code, link),) = file.execute("SELECT code, link FROM invitations").fetchall()
    assert door.name_of(digest, NOW_S) is None
    assert door.enter(code, HERE, NOW_S) is None
    assert door.enter(link, HERE, NOW_S) is None


def test_a_session_lasts_as_long_as_it_is_used(door: Door) -> None:
    used, unused = entered(door, "Eva"), entered(door, "Tom")
    now_s = NOW_S
    for _ in range(10):
        now_s += SESSION_S - DAY_S
        assert door.name_of(used, now_s) == "Eva"
    assert door.names(now_s) == ["Eva"]
    assert door.name_of(unused, now_s) is None
    assert door.name_of(unused, NOW_S) is None  # it has been deleted


def test_a_session_lives_for_180_days_without_use(door: Door) -> None:
    assert door.name_of(entered(door, "Eva"), NOW_S + 180 * DAY_S) == "Eva"
    assert door.name_of(entered(door, "Tom"), NOW_S + 180 * DAY_S + 1) is None


def test_a_session_s_use_is_written_once_an_hour(door: Door, path: Path) -> None:
    secret = entered(door, "Eva")
    with closing(sqlite3.connect(path)) as other:
        versions = []
        for second in range(round(3 * SEEN_EVERY_S)):
            assert door.name_of(secret, NOW_S + second) == "Eva"
            versions.append(other.execute("PRAGMA data_version").fetchone()[0])
    assert len(set(versions)) == 3


def test_a_session_is_good_while_its_use_cannot_be_written(door: Door, path: Path) -> None:
    """A full card, or another program at the file, must not take the phones from the spotters."""
    secret = entered(door, "Eva")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert door.name_of(secret, NOW_S + 2 * SEEN_EVERY_S) == "Eva"
        other.execute("ROLLBACK")
    door._file.execute("PRAGMA query_only = ON")
    assert door.name_of(secret, NOW_S + 3 * SEEN_EVERY_S) == "Eva"
    assert door.name_of(secret, NOW_S + SESSION_S + 1) is None


def test_a_clock_that_jumps_back_ends_no_session(door: Door) -> None:
    """A Pi without a clock of its own begins in the past."""
    assert door.name_of(entered(door, "Eva"), NOW_S - 10 * DAY_S) == "Eva"


def test_who_is_let_in_is_who_has_a_session_or_an_invitation_that_is_still_good(door: Door) -> None:
    assert door.names(NOW_S) == []
    entered(door, "Tom")
    entered(door, "Tom")
    door.invite("Eva", NOW_S)
    assert door.names(NOW_S) == ["Eva", "Tom"]
    assert door.names(NOW_S + INVITATION_S + 1) == ["Tom"]
    assert door.names(NOW_S + SESSION_S + 1) == []


def test_a_session_has_one_subscription_which_its_phone_and_the_push_service_can_end(door: Door) -> None:
    first, second = entered(door, "Eva"), entered(door, "Tom")
    door.subscribe(first, "https://a.example", "old")
    door.subscribe(first, "https://b.example", "new")
    door.subscribe(second, "https://c.example", "toms")
    found = sorted(door.subscriptions(), key=lambda row: row[1])
    assert [row[1:] for row in found] == [
        ("https://b.example", "new", "Eva"),
        ("https://c.example", "toms", "Tom"),
    ]
    door.forget(found[1][0])
    assert door.subscriptions() == found[:1]
    door.subscribe(first, "https://b.example", "")
    assert door.subscriptions() == []
    assert door.name_of(first, NOW_S) == "Eva"


def test_a_phone_that_came_in_again_is_sent_each_message_once(door: Door) -> None:
    old, new, other = entered(door, "Eva"), entered(door, "Eva"), entered(door, "Tom")
    door.subscribe(old, "https://a.example", "phone 1")
    door.subscribe(other, "https://a.example", "phone 2")
    door.subscribe(new, "https://b.example", "phone 1")
    assert sorted(row[1:] for row in door.subscriptions()) == [
        ("https://a.example", "phone 2", "Tom"),
        ("https://b.example", "phone 1", "Eva"),
    ]
    door.put_out("Eva")
    assert [row[2] for row in door.subscriptions()] == ["phone 2"]


def test_whom_each_spotter_watches_is_set_by_name_and_goes_with_the_spotter(door: Door, path: Path) -> None:
    assert door.watches() == {}
    door.set_watches(" Eva ", ["bert", "anna"])  # before Eva is in, as a roster may
    entered(door, "Eva")
    door.set_watches("Tom", ["carla"])
    with closing(Door(path)) as other:
        assert other.watches() == {"Eva": {"anna", "bert"}, "Tom": {"carla"}}
        other.set_watches("Eva", {"dora"})
        other.set_watches("Tom", [])
    assert door.watches() == {"Eva": {"dora"}}
    door.invite("Eva", NOW_S)  # a second phone
    assert door.watches() == {"Eva": {"dora"}}
    door.put_out("Eva")
    assert door.watches() == {}


def test_an_older_file_that_cannot_be_written_says_that_all_watch_all(door: Door) -> None:
    door._do("DROP TABLE watches")
    assert door.watches() == {}


def test_all_outlives_a_restart(door: Door, path: Path) -> None:
    secret, waiting = entered(door, "Eva"), door.invite("Tom", NOW_S)
    door.subscribe(secret, "https://a.example", "{}")
    kept = door.subscriptions()
    door.close()
    with closing(Door(path)) as again:
        assert again.name_of(secret, NOW_S) == "Eva"
        assert again.subscriptions() == kept
        assert again.enter(waiting.code, HERE, NOW_S) is not None


def test_nobody_else_on_the_machine_can_read_the_file(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"")
    path.chmod(0o644)  # as a restored backup may be
    before = os.umask(0)
    try:
        with closing(Door(path)) as door:
            entered(door, "Eva")
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"page.db": 0o600, "page.db-wal": 0o600, "page.db-shm": 0o600}


def as_link(path: Path) -> None:
    path.parent.mkdir()
    (path.parent / "elsewhere").write_bytes(b"")
    path.symlink_to(path.parent / "elsewhere")


def as_folder(path: Path) -> None:
    path.mkdir(parents=True)


def in_a_file(path: Path) -> None:
    path.parent.write_bytes(b"")


def as_nonsense(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)


def as_another_database(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE VIEW sessions AS SELECT 1")
        file.commit()


@pytest.mark.parametrize("make", [as_link, as_folder, in_a_file, as_nonsense, as_another_database])
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(make, path: Path) -> None:
    make(path)
    with pytest.raises(DoorError) as refused, closing(Door(path)) as door:
        entered(door, "Eva")
    assert str(path) in str(refused.value)
    assert "set page.folder" in str(refused.value)


def test_a_door_behind_a_link_is_left_alone(path: Path) -> None:
    as_link(path)
    with pytest.raises(DoorError):
        Door(path)
    assert (path.parent / "elsewhere").read_bytes() == b""


READ_ONLY = """
import sys
from pathlib import Path
from monitor.spotter.page.door import Door, DoorError
door = Door(Path(sys.argv[1]))
print(door.name_of(sys.argv[2], 1e9 + 2 * 3600))
try:
    door.invite("Otto", 1e9)
except DoorError as error:
    print(error)
"""


@pytest.mark.parametrize("in_order", [False, True])
def test_on_a_disk_that_has_become_read_only_who_was_let_in_still_is(path: Path, in_order: bool) -> None:
    with contextlib.closing(Door(path)) as door:
        secret = entered(door, "Eva")
        if in_order:
            door.close()
        assert path.with_name("page.db-wal").exists() is not in_order
        said = said_where_read_only(path.parent, READ_ONLY, str(path), secret).splitlines()
    assert said[0] == "Eva"
    assert "readonly database" in said[1]
