"""The judge of the link, on timelines: what happened to the connection, and what it said of it when."""

from collections.abc import Callable
from math import inf

import pytest

from monitor.core.vocabulary import InputKind
from monitor.delivery.link_health import LinkHealth

LOST, BACK = InputKind.LINK_LOST, InputKind.LINK_BACK
Act = Callable[[LinkHealth, float], object]


def up(health: LinkHealth, now_s: float) -> None:
    """A connection, and our availability on it."""
    health.connected(now_s)
    announce(health, now_s)


def down(health: LinkHealth, now_s: float) -> None:
    health.disconnected(now_s, "lost the broker")


def ack(health: LinkHealth, now_s: float) -> None:
    health.acknowledged(now_s)


def echo(health: LinkHealth, now_s: float) -> None:
    health.echoed(now_s)


def announce(health: LinkHealth, now_s: float) -> None:
    health.announced(now_s)
    health.announcement_acknowledged(now_s)


def beats(start_s: int, stop_s: int) -> list[tuple[float, Act]]:
    """The heartbeat's acknowledgements, a second apart."""
    return [(float(second), ack) for second in range(start_s, stop_s)]


TIMELINES: dict[str, tuple[list[tuple[float, Act]], list[tuple[float, InputKind, str]]]] = {
    "nobody there from the start": ([], [(3.1, LOST, "no acknowledgement from the broker for 3 s")]),
    "up and passed on": ([(0.5, up), (0.6, ack), (0.7, echo), *beats(1, 12)], [(0.7, BACK, "")]),
    "an echo is a sign of life too": ([(0.5, up), (0.6, echo), *beats(1, 12)], [(0.6, BACK, "")]),
    "acknowledged and thrown away": (
        [(0.5, up), *beats(1, 12)],
        [(3.6, LOST, "does not pass them on: the account eva may not write and read rearguard/kitchen/...")],
    ),
    "the right is taken away later": (
        [(0.5, up), (0.6, echo), *beats(1, 30), (20.5, announce)],
        [(0.6, BACK, ""), (23.6, LOST, "does not pass them on")],
    ),
    "and is given back": (
        [(0.5, up), *beats(1, 12), (7.0, announce), (7.1, echo)],
        [(3.6, LOST, "does not pass them on"), (7.1, BACK, "")],
    ),
    "silent without closing": (
        [(0.5, up), (0.6, echo), *beats(1, 5)],
        [(0.6, BACK, ""), (7.1, LOST, "no acknowledgement from the broker for 3 s")],
    ),
    "closed, with its reason": (
        [(0.5, up), (0.6, echo), (2.0, down)],
        [(0.6, BACK, ""), (3.7, LOST, "lost the broker")],
    ),
    "back before it counts as lost": (
        [(0.5, up), (0.6, echo), (2.0, down), (3.0, up), (3.1, echo), *beats(4, 12)],
        [(0.6, BACK, "")],
    ),
    "back without its proof": (
        [(0.5, up), (0.6, echo), (2.0, down), (2.5, up), *beats(3, 12)],
        [(0.6, BACK, ""), (5.6, LOST, "does not pass them on")],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_it_says_when_the_link_is_lost_and_back(name: str) -> None:
    acts, expected = TIMELINES[name]
    health = LinkHealth("kitchen", "eva", 0.0)
    waiting = sorted(acts, key=lambda act: act[0])
    said: list[tuple[float, InputKind, str]] = []
    for tick in range(121):
        now_s = tick / 10
        while waiting and waiting[0][0] <= now_s:
            at_s, act = waiting.pop(0)
            act(health, at_s)
        said += [(now_s, news.kind, news.reason) for news in health.judge(now_s, None, sending=True).news]
    later = [line for line in expected if line[0] > 12.0]
    assert [line[:2] for line in said] == [line[:2] for line in expected if line not in later]
    assert all(words in reason for (*_, reason), (*_, words) in zip(said, expected, strict=False))


def test_the_right_that_is_taken_away_is_missed_after_three_seconds() -> None:
    health = LinkHealth("kitchen", "", 0.0)
    up(health, 0.0)
    assert health.echoed(0.1)
    assert not health.echoed(0.2)
    assert health.online_s == pytest.approx(30.2)
    announce(health, 30.2)
    health.acknowledged(33.0)
    assert health.judge(33.2, None, sending=True).news[0].kind is BACK
    (news,) = health.judge(33.3, None, sending=True).news
    assert news.kind is LOST
    assert "the account used here may not" in news.reason
    assert not health.proven


def test_until_it_is_passed_on_the_availability_is_published_each_second() -> None:
    health = LinkHealth("kitchen", "", 0.0)
    up(health, 0.0)
    assert health.online_s == 1.0
    announce(health, 1.0)
    assert health.online_s == 2.0
    echo(health, 1.1)
    assert health.online_s == pytest.approx(31.1)


def test_an_echo_may_come_before_the_acknowledgement() -> None:
    health = LinkHealth("kitchen", "", 0.0)
    health.connected(0.0)
    health.announced(0.0)
    echo(health, 0.1)
    health.announcement_acknowledged(0.2)
    for second in range(1, 20):
        ack(health, float(second))
        assert not [
            news for news in health.judge(float(second), None, sending=True).news if news.kind is LOST
        ]


def test_a_broker_that_is_slow_is_not_one_that_throws_away() -> None:
    health = LinkHealth("kitchen", "", 0.0, overdue_s=20.0)
    health.connected(0.0)
    health.announced(0.0)
    assert health.judge(19.9, 0.0, sending=True).news == ()
    health.announcement_acknowledged(19.9)
    ack(health, 19.9)
    assert health.judge(39.0, None, sending=True).news == ()
    echo(health, 39.0)
    assert [news.kind for news in health.judge(39.0, None, sending=True).news] == [BACK]


def test_a_message_without_acknowledgement_for_three_seconds_is_a_dead_connection() -> None:
    health = LinkHealth("kitchen", "", 0.0)
    up(health, 0.0)
    echo(health, 0.1)
    assert not health.judge(3.0, 0.0, sending=True).dead
    finding = health.judge(3.01, 0.0, sending=True)
    assert finding.dead
    assert not health.proven
    assert health.online_s == inf


def test_where_we_do_not_send_nothing_is_missing() -> None:
    health = LinkHealth("kitchen", "", 0.0)
    up(health, 0.0)
    echo(health, 0.1)
    assert [news.kind for news in health.judge(10.0, None, sending=False).news] == [BACK]
    assert health.judge(12.9, None, sending=True).news == ()
    assert [news.kind for news in health.judge(13.1, None, sending=True).news] == [LOST]


@pytest.mark.parametrize(("lasted_s", "rival"), [(4.9, True), (5.1, False)])
def test_three_brief_connections_in_a_row_are_a_rival(lasted_s: float, rival: bool) -> None:
    health = LinkHealth("kitchen", "", 0.0)
    now_s = 0.0
    for times in range(3):
        assert not health.rival, times
        health.connected(now_s)
        health.acknowledged(now_s)
        now_s += lasted_s
        health.disconnected(now_s, "thrown out")
        health.judge(now_s, None, sending=True)
    assert health.rival is rival
    health.connected(now_s)
    health.judge(now_s + 5.1, None, sending=True)
    assert not health.rival


def test_nodes_that_end_connections_and_acknowledge_nothing_are_no_rival() -> None:
    health = LinkHealth("kitchen", "eva", 0.0)
    for times in range(5):
        health.connected(10.0 * times)
        health.disconnected(10.0 * times + 4.0, "the node has lost its cluster")
    assert not health.judge(50.0, None, sending=True).dead
    assert not health.rival


def test_another_availability_is_answered_with_the_next_beat() -> None:
    health = LinkHealth("kitchen", "", 0.0)
    up(health, 0.0)
    echo(health, 0.1)
    health.contradicted(beat_s=1.0)
    assert health.online_s == 1.0
