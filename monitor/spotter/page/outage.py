"""What phones are sent when the page of several walkers has lost the broker: one message for all of them."""

from collections.abc import Collection

from monitor.delivery.messages import NO_CONTACT
from monitor.spotter.escalation import FIRST_S, MINUTE_S, PATIENCE_S, Push
from monitor.spotter.page.tile import Tile
from monitor.spotter.repetition import pause_s


class Outage:
    """``step`` is called several times a second. It speaks of walkers who were watched, as of one alone."""

    def __init__(self) -> None:
        self._lost: list[str] = []  # of whom phones know
        self._began_s: float | None = None
        self._sent_s = float("-inf")
        self._looked_after_by = ""

    def step(self, tiles: Collection[Tile], now_s: float) -> list[Push]:
        """What is to be sent now."""
        lost = [tile for tile in tiles if tile.signal.cut and tile.armed]
        if not lost:
            known, self._lost = self._lost, []
            self._began_s, self._looked_after_by = None, ""
            return (
                [_push(known, "CONTACT RESTORED: the page has the broker again", urgent=False)]
                if known
                else []
            )
        if self._began_s is None:
            self._began_s = now_s
        if all(tile.signal.looked_after_by for tile in lost):
            before, self._looked_after_by = self._looked_after_by, lost[0].signal.looked_after_by
            words = f"{self._looked_after_by} is looking after it"
            return [_push(self._lost, words, urgent=False)] if self._lost and not before else []
        pause = pause_s(self._sent_s - self._began_s, FIRST_S) if self._lost else MINUTE_S
        if now_s - self._began_s < PATIENCE_S or now_s - self._sent_s < pause:
            return []
        self._lost, self._sent_s = sorted(tile.device for tile in lost), now_s
        words = "the page has lost the broker, and nobody knows how they are"
        return [_push(self._lost, words, urgent=True)]


def _push(devices: list[str], words: str, *, urgent: bool) -> Push:
    who = devices[0] if len(devices) == 1 else f"{len(devices)} walkers"
    return Push(NO_CONTACT, f"NO CONTACT: {who}", f"{words}\n{', '.join(devices)}", urgent)
