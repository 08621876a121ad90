"""What a part of the core has learned from its samples, to read, to keep and to go on from.

A class with a state names the attributes that hold it in ``STATE``; what follows from its settings, the
sampling rate or the weights is not among them. So a part built alike and restored goes on as if it had seen
every sample.
"""

from copy import deepcopy
from typing import Any

State = dict[str, Any]
"""By attribute: figures, arrays, and the state of parts within."""


def snapshot(part: Any) -> State:
    """The state of ``part``, which may go on: nothing in it is shared."""
    return {name: _copy(getattr(part, name)) for name in part.STATE}


def restore(part: Any, state: State) -> None:
    """Give ``part``, which is built with the same settings, the state of another.

    Raises ValueError where the state is that of another class.
    """
    if state.keys() != set(part.STATE):
        raise ValueError(
            f"{type(part).__name__}: expected a state of {sorted(part.STATE)}, found {sorted(state)}"
        )
    for name, kept in state.items():
        now = getattr(part, name)
        if hasattr(now, "STATE"):
            restore(now, kept)
        elif _holds_parts(now):
            for key, within in now.items():
                restore(within, kept[key])
        else:
            setattr(part, name, deepcopy(kept))


def _copy(value: Any) -> Any:
    if hasattr(value, "STATE"):
        return snapshot(value)
    if _holds_parts(value):
        return {key: snapshot(part) for key, part in value.items()}
    return deepcopy(value)


def _holds_parts(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(hasattr(part, "STATE") for part in value.values())
