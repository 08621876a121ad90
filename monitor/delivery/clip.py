"""The few seconds of signal around an alert, for people to look at: a picture, no recording.

The safety process keeps the last seconds as the largest acceleration and rotation of each 40 ms, and sends
those around an alert once what followed is there too.
"""

from collections import deque
from collections.abc import Sequence

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Stage
from monitor.delivery.messages import Clip

BIN_S = 0.04
BEFORE_S, AFTER_S = 5.0, 3.0
PAUSE_S = 5.0
"""Between two clips of unsafe steps or stumbles: those of a bad minute look alike."""

PICTURED = frozenset({AlertKind.FALL, AlertKind.SOS, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP})


class Clips:
    """``update`` takes what the loop has just found out; the clips that are whole now."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._bins: deque[tuple[int, float, float]] = deque(maxlen=round((BEFORE_S + AFTER_S) / BIN_S) + 1)
        self._waiting: list[Alert] = []
        self._last_s = float("-inf")

    def update(self, block: SampleBlock, alerts: Sequence[Alert]) -> list[Clip]:
        """Clips of the alerts whose last second has come."""
        self._take(block)
        for alert in alerts:
            if alert.kind not in PICTURED or alert.stage is not Stage.ACTIVE:
                continue
            urgent = alert.kind in (AlertKind.FALL, AlertKind.SOS)
            if any(waits.id == alert.id for waits in self._waiting):
                continue  # the suspected fall's clip shows the confirmed one too
            if urgent or alert.time_s - self._last_s >= PAUSE_S:
                self._last_s = alert.time_s
                self._waiting.append(alert)
        due = [alert for alert in self._waiting if block.end_s >= alert.time_s + AFTER_S]
        self._waiting = [alert for alert in self._waiting if alert not in due]
        return [self._clip(alert) for alert in due]

    def _take(self, block: SampleBlock) -> None:
        if not len(block.time_s):
            return
        accel_g = (block.accel_g**2).sum(axis=1) ** 0.5
        rate_dps = (block.gyro_dps**2).sum(axis=1) ** 0.5
        for time_s, g, dps in zip(block.time_s.tolist(), accel_g.tolist(), rate_dps.tolist(), strict=True):
            number = int(time_s // BIN_S)
            if self._bins and self._bins[-1][0] == number:
                _, most_g, most_dps = self._bins.pop()
                g, dps = max(g, most_g), max(dps, most_dps)
            self._bins.append((number, g, dps))

    def _clip(self, alert: Alert) -> Clip:
        """Where samples are missing, None."""
        first = int((alert.time_s - BEFORE_S) // BIN_S)
        count = round((BEFORE_S + AFTER_S) / BIN_S)
        known = {number: (round(g, 2), round(dps)) for number, g, dps in self._bins}
        values = [known.get(first + i, (None, None)) for i in range(count)]
        return Clip(
            id=alert.id,
            boot=self._boot,
            before_s=BEFORE_S,
            bin_s=BIN_S,
            accel_g=tuple(g for g, _ in values),
            rate_dps=tuple(dps for _, dps in values),
        )
