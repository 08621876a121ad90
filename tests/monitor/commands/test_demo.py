"""What the demo and the journal print, in words."""

from math import nan

import pytest

from monitor.commands.demo import introduction, last_words
from monitor.commands.replay import OVER
from monitor.core.session import Facts
from monitor.narrator import session_words
from monitor.playback import trial_of

FALL = "   33.39 s  ALERT fall suspected (high)"


def test_a_session_s_words_leave_out_what_is_not_known() -> None:
    facts = Facts(60, 42, 30.0, 98.4, nan, 3.1, 29.0, 27)
    assert session_words(facts) == (
        "60 steps, 42 of them backward, 0.5 min of walking, cadence 98 steps per minute, asymmetry 3.1 %, "
        "sway 29 deg/s, "
        "longest backward run 27 steps"
    )
    assert session_words(Facts()) == "0 steps, 0 of them backward, longest backward run 0 steps"


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        ([FALL], "left before the end"),
        ([FALL, "ALERT fall confirmed, acknowledged by you (high)", OVER], "reached you"),
        ([FALL, "ALERT fall cancelled by you (high)", OVER], "false alarm"),
        ([FALL, OVER], "nobody answered"),
        ([OVER], "no alert"),
    ],
)
def test_the_demo_ends_with_one_true_sentence(heard: list[str], words: str) -> None:
    assert words in last_words(heard)


def test_the_introduction_is_about_what_will_be_shown() -> None:
    trial = trial_of(None, None)
    assert "missteps, stumbles" in introduction(trial, None)
    assert "missteps, stumbles" not in introduction(trial, "mine.npz")
    assert f"{trial.name} (56 s)" in introduction(trial, "mine.npz")
