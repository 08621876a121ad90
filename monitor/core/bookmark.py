"""Two presses of the button while walking: "that one!", where the setting says so."""

from monitor.core.vocabulary import Input, InputKind

WALKING_S = 3.0
"""So long after a step the walker still walks."""


def meant(press: Input, step_age_s: float) -> Input:
    """What a press means ``step_age_s`` after the last step: itself, or a bookmark, to the journal only."""
    if press.kind is InputKind.BUTTON_DOUBLE and step_age_s <= WALKING_S:
        return Input(InputKind.LABEL, who=press.who, time_s=press.time_s, label="bookmark")
    return press
