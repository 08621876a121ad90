"""What a user may change: the fields of a settings class, with all that config.yaml says about each.

A settings class is a frozen dataclass whose fields are declared with ``switch``, ``number``, ``text``,
``choice`` or, for a settings class inside another, ``group``. monitor/config.py reads files into such
classes; monitor/settings_text.py writes the commented file and the JSON schema from them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

Number = TypeVar("Number", int, float)
Group = TypeVar("Group")
Choice = TypeVar("Choice", bound=str)


@dataclass(frozen=True, slots=True)
class About:
    """What a field's declaration says. ``low`` and ``high`` are inclusive, None where there are none.

    ``smaller`` and ``larger`` say what moving a number does; ``pattern`` is what a text must match as a
    whole, and ``expected`` says so in words.
    """

    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    smaller: str = ""
    larger: str = ""
    pattern: str = ""
    expected: str = "text"


class SettingError(ValueError):
    """Settings that are right one by one and impossible together; ``key`` is the one to change.

    ``others`` are the keys it clashes with: where ``key`` keeps its default, one of those was changed.
    """

    def __init__(self, key: str, problem: str, *others: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem, self.others = key, problem, others


def switch(default: bool, doc: str) -> bool:
    """true or false."""
    return field(default=default, metadata=_about(About(doc)))


def number(
    default: Number, low: Number, high: Number, unit: str, doc: str, smaller: str = "", larger: str = ""
) -> Number:
    """A number from ``low`` to ``high``, whole where ``default`` is; ``unit`` is "" where there is none."""
    return field(default=default, metadata=_about(About(doc, unit, low, high, smaller, larger)))


def text(default: str, doc: str, pattern: str = "", expected: str = "text") -> str:
    """Text that matches ``pattern``, if there is one, from its first letter to its last."""
    return field(default=default, metadata=_about(About(doc, pattern=pattern, expected=expected)))


def choice(default: Choice, doc: str) -> Choice:
    """One of the words of the field's Literal type."""
    return field(default=default, metadata=_about(About(doc)))


def group(shape: type[Group], doc: str) -> Group:
    """A settings class inside another, with its defaults."""
    return field(default_factory=shape, metadata=_about(About(doc)))


def about(metadata: Mapping[Any, Any]) -> About:
    """What the field with this metadata was declared with."""
    found: About = metadata["about"]
    return found


def _about(found: About) -> dict[str, About]:
    return {"about": found}
