"""One button, four meanings: what presses and releases amount to."""

from typing import NamedTuple

from monitor.core.vocabulary import InputKind

LONG_S = 3.0
PAUSE_S = 0.4  # the longest inside a double press, and hence the delay of a short one


class Gesture(NamedTuple):
    """What presses amount to; ``began_s`` is when the first of them went down."""

    kind: InputKind
    began_s: float


class Gestures:
    """Fed with every press and release, and with time; says once what they amount to.

    One short press is "I'm OK", two are arm or disarm, one held for 3 s calls for help; so do three
    or more in a row: nobody in need counts, and frantic pressing must not disarm.
    """

    def __init__(self) -> None:
        self.down = False
        self._presses = 0
        self._began_s = 0.0  # the first press of those that count together
        self._since_s = 0.0  # the last press or release
        self._called = False  # this press has called already

    def update(self, down: bool, time_s: float) -> Gesture | None:
        """The button is ``down`` or up at ``time_s``; call it at every change and now and then."""
        gesture = None
        elapsed_s = time_s - self._since_s
        if self.down and elapsed_s >= LONG_S and not self._called:
            self._called, self._presses = True, 0
            gesture = Gesture(InputKind.BUTTON_LONG, self._began_s)
        elif not self.down and self._presses and elapsed_s > PAUSE_S:
            gesture = Gesture(_MEANINGS.get(self._presses, InputKind.BUTTON_LONG), self._began_s)
            self._presses = 0
        if down != self.down:
            if not down and not self._called:
                self._presses += 1
            self.down, self._since_s = down, time_s
            if down:
                self._called = False
                self._began_s = self._began_s if self._presses else time_s
        return gesture


_MEANINGS = {1: InputKind.BUTTON_SHORT, 2: InputKind.BUTTON_DOUBLE}
