"""Does the chip sample as fast as it should? Its samples are counted against the host's clock."""

WINDOW_S = 10.0
TOLERANCE = 0.06
"""Of the nominal rate. Oscillators are off by up to 4 % (sample_clock.py); five dropped samples are 0.5 %."""

STALL_S = 0.2
"""Between two looks: after a longer time the FIFO may have dropped some, not every chip says so."""


class RateCheck:
    """Give it the number of samples that each look found."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self.fault = ""
        """Of the last whole window, "" if its rate was right."""
        self.restart()

    def restart(self) -> None:
        """Samples were thrown away unseen: the window begins anew at the next look. The fault stays."""
        self._began_s: float | None = None
        self._looked_s = 0.0
        self._count = 0

    def look(self, count: int, now_s: float) -> None:
        """``count`` more samples have been taken by ``now_s`` than by the look before."""
        if self._began_s is None or now_s - self._looked_s > STALL_S:
            self._began_s, self._looked_s, self._count = now_s, now_s, 0
            return
        self._looked_s = now_s
        self._count += count
        elapsed_s = now_s - self._began_s
        if elapsed_s < WINDOW_S:
            return
        found_hz = self._count / elapsed_s
        wrong = abs(found_hz / self._rate_hz - 1) > TOLERANCE
        self.fault = (
            f"the chip takes {found_hz:.1f} samples per second where {self._rate_hz:.0f} are expected: "
            "its clock is wrong, replace it"
            if wrong
            else ""
        )
        self._began_s, self._count = now_s, 0
