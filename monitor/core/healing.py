"""When a fault is over: at once the first time its cause goes, later each time it comes back soon.

Without this a loose plug, or a disk at its limit, rings every few seconds; and what rings all day is switched
off.
"""

from collections.abc import Hashable

RETURNS_S = 60.0
"""A fault that comes back within this is the same trouble."""

FIRST_HOLD_S = 5.0
LONGEST_HOLD_S = 120.0


class Healing:
    """For each fault, named by its key: how often it came back, and until when its end is held."""

    STATE = ("_returns", "_ended_s", "_over_s")

    def __init__(self) -> None:
        self._returns: dict[Hashable, int] = {}
        self._ended_s: dict[Hashable, float] = {}
        self._over_s: dict[Hashable, float] = {}

    def begins(self, key: Hashable, now_s: float) -> None:
        """Its cause is there: for the first time, again, or still."""
        held = self._over_s.pop(key, None) is not None
        back = now_s - self._ended_s.pop(key, float("-inf")) < RETURNS_S
        self._returns[key] = self._returns.get(key, 0) + 1 if held or back else 0

    def over_s(self, key: Hashable, gone_s: float) -> float:
        """Its cause has been gone since ``gone_s`` or longer: when it is over, unless it comes back."""
        returns = self._returns.get(key, 0)
        hold_s = min(FIRST_HOLD_S * 2.0 ** (min(returns, 9) - 1), LONGEST_HOLD_S) if returns else 0.0
        return self._over_s.setdefault(key, gone_s + hold_s)

    def ends(self, key: Hashable, now_s: float) -> None:
        """It is over."""
        self._over_s.pop(key, None)
        self._ended_s[key] = now_s
        for old in [key for key, ended_s in self._ended_s.items() if now_s - ended_s > RETURNS_S]:
            del self._ended_s[old]
            self._returns.pop(old, None)
