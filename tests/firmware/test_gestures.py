"""Stories of a button: (seconds, down) in, (seconds, meaning) out."""

import pytest

from firmware.gestures import Gestures
from monitor.core.vocabulary import InputKind

SHORT, LONG, DOUBLE = InputKind.BUTTON_SHORT, InputKind.BUTTON_LONG, InputKind.BUTTON_DOUBLE

STORIES = [
    ("nothing", [], []),
    ("one short press", [(1.0, True), (1.1, False)], [(1.55, SHORT)]),
    ("two short presses", [(1.0, True), (1.1, False), (1.3, True), (1.4, False)], [(1.85, DOUBLE)]),
    (
        "two presses far apart",
        [(1.0, True), (1.1, False), (2.0, True), (2.1, False)],
        [(1.55, SHORT), (2.55, SHORT)],
    ),
    ("held for three seconds", [(1.0, True), (5.0, False)], [(4.0, LONG)]),
    ("held for almost three seconds", [(1.0, True), (3.9, False)], [(4.35, SHORT)]),
    ("held for ever", [(1.0, True)], [(4.0, LONG)]),
    ("a short press, then held", [(1.0, True), (1.1, False), (1.3, True), (5.0, False)], [(4.3, LONG)]),
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
        [(2.15, LONG)],
    ),
    (
        "held, then a short press",
        [(1.0, True), (4.5, False), (6.0, True), (6.1, False)],
        [(4.0, LONG), (6.55, SHORT)],
    ),
]


@pytest.mark.parametrize(("story", "edges", "expected"), STORIES, ids=[story[0] for story in STORIES])
def test_presses_mean(
    story: str, edges: list[tuple[float, bool]], expected: list[tuple[float, InputKind]]
) -> None:
    gestures = Gestures()
    heard = []
    down = False
    moments = [round(step * 0.05, 2) for step in range(200)]
    for moment in moments:
        for time_s, change in edges:
            if moment - 0.05 < time_s <= moment:
                down = change
                meaning = gestures.update(down, time_s)
                if meaning:
                    heard.append((time_s, meaning))
        meaning = gestures.update(down, moment)
        if meaning:
            heard.append((moment, meaning))
    assert [meaning for _, meaning in heard] == [meaning for _, meaning in expected]
    assert [time_s for time_s, _ in heard] == pytest.approx([time_s for time_s, _ in expected], abs=0.051)


def test_a_hold_that_nobody_looked_at_still_calls() -> None:
    gestures = Gestures()
    gestures.update(True, 1.0)
    assert gestures.update(False, 9.0) is LONG
    assert gestures.update(False, 20.0) is None
