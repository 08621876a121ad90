"""Two runs' alerts side by side."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from monitor.core.vocabulary import Alert, Stage
from monitor.recordings.tuning.comparison import SAME_S, compared, openings, table
from tests.monitor.recordings.tuning.told_session import (
    CONFIRMED,
    FALL,
    FROM_S,
    STUMBLE,
    SUSPECTED,
    UNSAFE,
    report,
)

OVER = report(30, stage=Stage.RECOVERED)


def rang(alerts: Sequence[Alert]) -> list[tuple[float, str, str]]:
    return [(a.time_s - FROM_S, a.kind, a.certainty) for a in openings(alerts)]


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([], []),
        ([report(20, FALL, SUSPECTED), report(29, FALL), OVER], [(20, FALL, CONFIRMED)]),
        (
            [report(20, UNSAFE), report(22, STUMBLE), report(25, FALL, SUSPECTED)],
            [(20, UNSAFE, CONFIRMED), (22, STUMBLE, CONFIRMED), (25, FALL, SUSPECTED)],
        ),
        ([report(20), report(40)], [(20, FALL, CONFIRMED), (40, FALL, CONFIRMED)]),  # one id: still open
        ([report(20), report(24)], [(20, FALL, CONFIRMED)]),
        (
            [report(20), report(22, stage=Stage.ACKNOWLEDGED, who="Eva"), report(90, score=20)],
            [(20, FALL, CONFIRMED)],
        ),
        ([report(t, UNSAFE) for t in (20, 24, 28, 32)], [(20, UNSAFE, CONFIRMED)]),
    ],
)
def test_each_time_it_rang_is_one(alerts: list[Alert], expected: list[tuple[float, str, str]]) -> None:
    if any(alert.stage is Stage.ACKNOWLEDGED for alert in alerts):
        alerts[1] = replace(alerts[1], evidence=alerts[0].evidence)
    assert rang(alerts) == expected


def words(before: list[Alert], after: list[Alert]) -> list[str]:
    return [row.words for row in compared(before, after)]


def test_what_changed_is_said() -> None:
    assert words([report(20)], [report(20)]) == ["same"]
    assert words([report(20)], [report(20.5)]) == ["0.50 s later"]
    assert words([report(20)], [report(19)]) == ["1.00 s sooner"]
    assert words([report(20)], [report(20, FALL, SUSPECTED)]) == ["confirmed -> suspected"]
    assert words([report(20)], []) == ["gone"]
    assert words([], [report(20)]) == ["new"]
    assert words([report(20)], [report(20.1 + SAME_S)]) == ["gone", "new"]
    assert words([report(20)], [report(20, STUMBLE)]) == ["gone", "new"]


def test_of_two_near_ones_the_nearest_is_the_same() -> None:
    two = [report(18.5, incident="a"), report(20.1, incident="b")]
    assert words([report(20)], two) == ["new", "0.10 s later"]


def test_a_second_fall_under_an_open_first_is_not_new_when_the_first_goes() -> None:
    assert words([report(20), report(40)], [report(40)]) == ["gone", "same"]


def test_the_table_counts_what_it_lists() -> None:
    *_, last = table(list(compared([report(20), report(60)], [report(61), report(90)])), FROM_S)
    assert last == "1 gone, 1 new, 1 changed, of 3"
