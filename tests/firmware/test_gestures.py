"""Stories of a button: (seconds, down) in, (seconds, meaning, when it began) out."""

import pytest

from firmware.gestures import Gestures
from monitor.core.vocabulary import InputKind

SHORT, LONG, DOUBLE = InputKind.BUTTON_SHORT, InputKind.BUTTON_LONG, InputKind.BUTTON_DOUBLE

STORIES = [
    ("nothing", [], []),
    ("one short press", [(1.0, True), (1.1, False)], [(1.55, SHORT, 1.0)]),
    ("two short presses", [(1.0, True), (1.1, False), (1.3, True), (1.4, False)], [(1.85, DOUBLE, 1.0)]),
    (
        "two presses far apart",
        [(1.0, True), (1.1, False), (2.0, True), (2.1, False)],
        [(1.55, SHORT, 1.0), (2.55, SHORT, 2.0)],
    ),
    ("held for three seconds", [(1.0, True), (5.0, False)], [(4.0, LONG, 1.0)]),
    ("held for almost three seconds", [(1.0, True), (3.9, False)], [(4.35, SHORT, 1.0)]),
    ("held for ever", [(1.0, True)], [(4.0, LONG, 1.0)]),
    ("a short press, then held", [(1.0, True), (1.1, False), (1.3, True), (5.0, False)], [(4.3, LONG, 1.0)]),
    (
        "frantic",
        [
            (1.0, True),
            (1.1, False),
            (1.2, True),
            (1.3, False),
            (1.4, True),
            (1.5, False),
            (1.6, True),
            (1.7, False),
        ],
        [(2.15, LONG, 1.0)],
    ),
    (
        "held, then a short press",
        [(1.0, True), (4.5, False), (6.0, True), (6.1, False)],
        [(4.0, LONG, 1.0), (6.55, SHORT, 6.0)],
    ),
]


@pytest.mark.parametrize(("story", "edges", "expected"), STORIES, ids=[story[0] for story in STORIES])
def test_presses_mean(
    story: str, edges: list[tuple[float, bool]], expected: list[tuple[float, InputKind, float]]
) -> None:
    gestures = Gestures()
    heard = []
    down = False
    moments = [round(step * 0.05, 2) for step in range(200)]
    for moment in moments:
        for time_s, change in edges:
            if moment - 0.05 < time_s <= moment:
                down = change
                if gesture := gestures.update(down, time_s):
                    heard.append((time_s, *gesture))
        if gesture := gestures.update(down, moment):
            heard.append((moment, *gesture))
    assert [(kind, began_s) for _, kind, began_s in heard] == [
        (kind, began_s) for _, kind, began_s in expected
    ]
    assert [time_s for time_s, *_ in heard] == pytest.approx([time_s for time_s, *_ in expected], abs=0.051)


def test_a_hold_that_nobody_looked_at_still_calls() -> None:
    gestures = Gestures()
    gestures.update(True, 1.0)
    assert gestures.update(False, 9.0) == (LONG, 1.0)
    assert gestures.update(False, 20.0) is None
