"""Whether somebody is watched: each change of it, in both directions, for phones. Arithmetic on the view."""

from collections import deque
from collections.abc import Callable

from monitor.delivery.messages import NO_CONTACT, printable
from monitor.spotter.escalation import Push
from monitor.spotter.view import SpotterView

SETTLED_S = 3.0
"""What does not last so long is not sent."""

MINUTE_S = 60.0
PER_MINUTE = 4
"""Of what comes and goes, so many; the last is always sent, when there is room."""

THREAD = "watching"


class Watching:
    """``step`` is called several times a second. ``at`` gives the time of day for a monotonic time."""

    def __init__(self, device: str, at: Callable[[float], str] = "{:.0f} s".format) -> None:
        self._device = device
        self._at = at
        self._told = ""
        self._now = ""
        self._since_s = 0.0
        self._sent_s: deque[float] = deque(maxlen=PER_MINUTE)

    def step(self, view: SpotterView, now_s: float, threads: frozenset[str] = frozenset()) -> list[Push]:
        """What is to be sent now. While NO_CONTACT is among ``threads``, that says it all."""
        words = watched(view, self._device)
        if words != self._now:
            self._now, self._since_s = words, now_s
        if NO_CONTACT in threads:
            self._told = words if view.no_contact else self._told
            return []
        full = len(self._sent_s) == PER_MINUTE and now_s - self._sent_s[0] < MINUTE_S
        if words == self._told or now_s - self._since_s < SETTLED_S or full:
            return []
        self._told = words
        self._sent_s.append(now_s)
        title = "WATCHING" if is_watched(view) else "NOT WATCHING"
        return [
            Push(THREAD, f"{title}: {self._device}", f"{words}\n{self._at(self._since_s)} {words}", False)
        ]


def is_watched(view: SpotterView) -> bool:
    """The device is there, and armed."""
    return not view.no_contact and view.state is not None and view.state.armed


def watched(view: SpotterView, device: str) -> str:
    """Whether somebody is watched, and if not why, in words."""
    if view.state is None:
        lost = view.no_contact or "no heartbeat yet"
        return (
            f"there is no word of a device {device}: {lost}; is mqtt.device right, and the account its own?"
        )
    if view.no_contact:
        return "switched off" if view.calm else f"no contact: {view.no_contact}"
    if view.state.armed:
        return "armed"
    missing = f": {printable(view.state.waits_for[0])}" if view.state.waits_for else ""
    return f"not armed{missing}"
