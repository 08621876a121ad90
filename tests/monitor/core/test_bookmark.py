"""What two presses of the button mean, where they may mark the moment."""

from math import inf

import pytest

from monitor.core.bookmark import meant
from monitor.core.vocabulary import Input, InputKind

SHORT, LONG, DOUBLE = InputKind.BUTTON_SHORT, InputKind.BUTTON_LONG, InputKind.BUTTON_DOUBLE


@pytest.mark.parametrize(
    ("press", "step_age_s", "kind"),
    [
        (DOUBLE, 0.0, InputKind.LABEL),
        (DOUBLE, 3.0, InputKind.LABEL),
        (DOUBLE, 3.1, DOUBLE),  # who stands arms and disarms
        (DOUBLE, inf, DOUBLE),  # no step yet
        (SHORT, 0.0, SHORT),
        (LONG, 0.0, LONG),
    ],
)
def test_two_presses_while_walking_mark_the_moment_and_no_others(
    press: InputKind, step_age_s: float, kind: InputKind
) -> None:
    said = Input(press, who="walker", time_s=7.0)
    bookmark = Input(InputKind.LABEL, who="walker", time_s=7.0, label="bookmark")
    assert meant(said, step_age_s) == (bookmark if kind is InputKind.LABEL else said)
