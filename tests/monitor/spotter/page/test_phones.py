"""Which phones are there, which can ring, who has pressed. All time is made up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spotter.page.phones import BETWEEN_CALLS_S, PAGES, PHONE_S, ROLL_CALL_S, Phone, Phones

NOW_S = 1000.0


def phones_of(*known: Phone) -> Phones:
    """Each with a page of its own."""
    phones = Phones()
    for number, phone in enumerate(known):
        phones.pulse(f"page {number}", phone)
    return phones


EVA = Phone("Eva", can_ring=True, heard_s=NOW_S)
MUTE = replace(EVA, can_ring=False, why="not_started")
TOM = replace(EVA, name="Tom")


@pytest.mark.parametrize(
    ("known", "can_ring"),
    [
        ([], set()),
        ([MUTE], set()),
        ([EVA], {"Eva"}),
        ([EVA, MUTE], {"Eva"}),
        ([MUTE, EVA], {"Eva"}),
        ([EVA, TOM], {"Eva", "Tom"}),
        ([MUTE, TOM], {"Tom"}),
        ([replace(EVA, heard_s=NOW_S - PHONE_S), TOM], {"Tom"}),
    ],
)
def test_a_name_can_be_reached_by_any_of_its_phones_that_can_ring(
    known: list[Phone], can_ring: set[str]
) -> None:
    assert phones_of(*known).can_ring(NOW_S) == can_ring


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["page 1", "page 2", "page 3"]),
            st.sampled_from(["Eva", "Tom"]),
            st.booleans(),
            st.floats(0.0, 2 * PHONE_S),
        ),
        max_size=30,
    ),
    st.floats(0.0, 3 * PHONE_S),
)
def test_only_what_a_page_said_last_counts_and_not_for_long(
    pulses: list[tuple[str, str, bool, float]], waited_s: float
) -> None:
    phones, now_s = Phones(), NOW_S
    last: dict[str, tuple[str, bool, float]] = {}
    for page, name, can_ring, pause_s in pulses:
        now_s += pause_s
        phones.pulse(page, Phone(name, can_ring, heard_s=now_s))
        last[page] = (name, can_ring, now_s)
    now_s += waited_s
    fresh = [(name, can) for name, can, heard_s in last.values() if now_s - heard_s < PHONE_S]
    assert phones.can_ring(now_s) == {name for name, can in fresh if can}
    assert [name for name, _, _ in phones.people(now_s)] == sorted({name for name, _ in fresh})
    assert not phones.has("1", 0, "Eva", now_s)


@pytest.mark.parametrize(("silent_s", "counts"), [(PHONE_S - 0.001, True), (PHONE_S, False), (1e9, False)])
def test_a_phone_counts_until_it_has_been_silent_for_so_long(silent_s: float, counts: bool) -> None:
    phones = phones_of(replace(EVA, heard_s=0.0, has={"1": 4}))
    assert bool(phones.can_ring(silent_s)) == counts
    assert bool(phones.people(silent_s)) == counts
    assert phones.has("1", 4, "Eva", silent_s) == counts


def test_a_phone_s_last_word_is_the_one_that_counts() -> None:
    phones = phones_of(EVA)
    phones.pulse("page 0", replace(MUTE, heard_s=NOW_S + 0.1))
    assert phones.can_ring(NOW_S + 0.1) == set()


@pytest.mark.parametrize(
    ("known", "people"),
    [
        ([], []),
        ([TOM, EVA], [("Eva", True, ""), ("Tom", True, "")]),
        ([MUTE, TOM], [("Eva", False, "not_started"), ("Tom", True, "")]),
        ([MUTE, EVA], [("Eva", True, "")]),
        ([EVA, MUTE], [("Eva", True, "")]),
        ([replace(MUTE, why=""), replace(MUTE, why="hidden"), MUTE], [("Eva", False, "hidden")]),
        ([replace(EVA, heard_s=NOW_S - PHONE_S), MUTE], [("Eva", False, "not_started")]),
        ([replace(MUTE, heard_s=NOW_S - PHONE_S), TOM], [("Tom", True, "")]),
    ],
)
def test_people_are_told_by_their_best_phone_and_if_none_rings_why(
    known: list[Phone], people: list[tuple[str, bool, str]]
) -> None:
    assert phones_of(*known).people(NOW_S) == people


@pytest.mark.parametrize(
    ("phone", "has"),
    [
        (replace(EVA, has={"1": 4}), True),
        (replace(EVA, has={"1": 5}), True),
        (replace(EVA, has={"1": 3}), False),  # an earlier report
        (replace(EVA, has={"2": 4}), False),
        (replace(EVA, has={}), False),
        (replace(MUTE, has={"1": 4}), False),  # on a screen that nobody looks at
        (replace(TOM, has={"1": 4}), False),
        (replace(EVA, has={"1": 4}, heard_s=NOW_S - PHONE_S), False),
    ],
)
def test_somebody_has_a_report_whose_phone_shows_it_and_can_ring(phone: Phone, has: bool) -> None:
    assert phones_of(phone, EVA, TOM).has("1", 4, "Eva", NOW_S) == has


def test_one_phone_shows_and_another_rings_that_is_not_enough() -> None:
    assert not phones_of(replace(MUTE, has={"1": 4}), EVA).has("1", 4, "Eva", NOW_S)


def test_a_roll_call_notes_who_presses_after_how_long_and_the_first_time_only() -> None:
    phones = Phones()
    phones.press("Eva", NOW_S)
    assert phones.roll_call(NOW_S) is None
    phones.call("Tom", NOW_S)
    phones.press("Eva", NOW_S + 2.5)
    phones.press("Eva", NOW_S + 9.0)
    phones.press("Tom", NOW_S + 4.0)
    call = phones.roll_call(NOW_S + 10.0)
    assert call is not None
    assert (call.by, call.began_s, call.pressed) == ("Tom", NOW_S, {"Eva": 2.5, "Tom": 4.0})


def test_a_roll_call_is_over_after_two_minutes_and_a_new_one_begins_from_nothing() -> None:
    phones = Phones()
    phones.call("Tom", NOW_S)
    phones.press("Eva", NOW_S + 1.0)
    first = phones.roll_call(NOW_S + ROLL_CALL_S)
    assert first is not None
    assert phones.roll_call(NOW_S + ROLL_CALL_S + 0.1) is None
    phones.press("Eva", NOW_S + ROLL_CALL_S + 0.1)
    assert phones.roll_call(NOW_S + ROLL_CALL_S + 0.1) is None
    phones.call("Eva", NOW_S + 200.0)
    second = phones.roll_call(NOW_S + 200.0)
    assert second is not None
    assert (second.by, second.pressed) == ("Eva", {})
    assert second.number != first.number


def test_a_roll_call_over_another_begins_anew_unless_that_has_just_begun() -> None:
    phones = Phones()
    phones.call("Tom", NOW_S)
    phones.press("Tom", NOW_S + 1.0)
    phones.call("Eva", NOW_S + BETWEEN_CALLS_S - 0.1)
    call = phones.roll_call(NOW_S + BETWEEN_CALLS_S)
    assert call is not None
    assert (call.by, list(call.pressed)) == ("Tom", ["Tom"])
    phones.call("Eva", NOW_S + BETWEEN_CALLS_S)
    call = phones.roll_call(NOW_S + ROLL_CALL_S + 1.0)
    assert call is not None
    assert (call.by, call.pressed) == ("Eva", {})


def test_one_person_s_pages_are_limited_and_cost_nobody_else_his_own() -> None:
    """Else a single phone that counts through keys would take all memory."""
    phones = phones_of(TOM)
    phones.pulse("first", EVA)
    for number in range(PAGES - 1):
        phones.pulse(f"key {number}", MUTE)
    assert phones.can_ring(NOW_S) == {"Eva", "Tom"}
    phones.pulse("first", EVA)  # it is heard again, and again the latest
    for number in range(1000):
        phones.pulse(f"key {number}", MUTE)
        assert phones.can_ring(NOW_S) == ({"Eva", "Tom"} if number < PAGES - 1 else {"Tom"})
    assert len(phones._phones) == PAGES + 1


def test_pages_that_fell_silent_are_forgotten() -> None:
    phones = phones_of(EVA, TOM)
    phones.pulse("page 1", replace(TOM, heard_s=NOW_S + PHONE_S))
    assert list(phones._phones) == ["page 1"]


class Interrupted(Phone):
    """In the middle of whatever reads it, another phone speaks."""

    phones: Phones
    done = False

    @property  # type: ignore[override]
    def heard_s(self) -> float:
        if not self.done:
            Interrupted.done = True
            self.phones.pulse("new", replace(TOM, name="Ann"))
        return NOW_S

    @heard_s.setter
    def heard_s(self, _: float) -> None:
        pass


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (lambda phones: phones.can_ring(NOW_S), {"Eva", "Tom"}),
        (lambda phones: phones.has("1", 4, "Eva", NOW_S), True),
        (lambda phones: phones.has("1", 4, "Tom", NOW_S), False),
    ],
)
def test_reading_is_safe_while_another_thread_writes(read, found: object) -> None:
    """Stations ask from threads of their own."""
    Interrupted.done = True
    interrupted = Interrupted("Eva", can_ring=True, has={"1": 4})
    Interrupted.phones = phones = phones_of(MUTE, interrupted, TOM)
    Interrupted.done = False
    assert read(phones) == found
    assert Interrupted.done
    assert phones.can_ring(NOW_S) == {"Ann", "Eva", "Tom"}
