"""Is the link to the broker alive? Arithmetic on what came back and when; times are given, nothing is sent.

The network library's own opinion does not count. An acknowledgement does, on a connection that has proved
itself: under MQTT 3.1.1 a broker acknowledges also what it throws away for want of rights, so the device
listens to its own availability.
"""

from dataclasses import dataclass
from math import inf

from monitor.core.vocabulary import Input, InputKind
from monitor.delivery.wording import no_rights

OVERDUE_S = 3.0

PROOF_S = 30.0
"""How often the availability is published again, and must come back: rights may be taken away."""

UNPROVEN_S = 1.0
"""And until it has: a broker may grant our subscription a moment before it serves it."""

BRIEF_S = 5.0
BRIEF_TIMES = 3
"""So many connections in a row that worked and did not last so long: another client of our name."""

SILENT = "no acknowledgement from the broker for {overdue_s:.0f} s"
UNTAKEN = "the broker has not acknowledged an alert for {overdue_s:.0f} s"
NOT_PASSED_ON = "the broker takes our messages but does not pass them on: {why}"


@dataclass(frozen=True, slots=True)
class Finding:
    """``news`` is LINK_LOST or LINK_BACK when that changes; ``dead`` asks for another connection."""

    news: tuple[Input, ...] = ()
    dead: bool = False


class LinkHealth:
    """What happens to the connection goes in; ``judge`` says what it means.

    ``proven``: this connection passes our messages on. ``lost``: None while the link has neither been up nor
    missed. ``rival``: another client uses our name. ``online_s`` is when to publish the availability again.
    ``overdue_s``: a link without an acknowledgement for so long is lost.
    """

    def __init__(self, device: str, account: str, now_s: float, overdue_s: float = OVERDUE_S) -> None:
        self._overdue_s = overdue_s
        self._silent = SILENT.format(overdue_s=overdue_s)
        self._untaken = UNTAKEN.format(overdue_s=overdue_s)
        self.proven = self.rival = False
        self.lost: bool | None = None
        self.online_s = inf
        self._not_passed_on = NOT_PASSED_ON.format(why=no_rights(device, account))
        self._alive_s = now_s  # the latest sign of life
        self._echo_due_s = inf
        self._echo_missing = False
        self._up_s = -inf
        self._brief = 0  # connections in a row
        self._reason = ""

    def connected(self, now_s: float) -> None:
        """A connection is made; nothing has come back on it yet."""
        self._up_s = now_s
        self._reason = ""
        self.online_s = now_s

    def disconnected(self, now_s: float, reason: str, *, refused: bool = False) -> None:
        """It has ended, or could not be made. ``refused``: for our messages, not for another of our name."""
        # A node that has lost its cluster ends connections too, but has acknowledged nothing on them.
        served = self._alive_s >= self._up_s
        self._brief += now_s - self._up_s < BRIEF_S and served and not refused
        self._up_s = -inf
        self.given_up(reason)

    def given_up(self, reason: str) -> None:
        """We have ended it ourselves."""
        self._reason = reason
        self.proven = False
        self.online_s = self._echo_due_s = inf

    def acknowledged(self, now_s: float) -> None:
        """The broker has acknowledged a message."""
        self._alive_s = now_s

    def announced(self, now_s: float) -> None:
        """Our availability was published, and must be acknowledged and come back."""
        self._echo_missing = True
        self.online_s = now_s + (PROOF_S if self.proven else UNPROVEN_S)

    def announcement_acknowledged(self, now_s: float) -> None:
        """The broker has it, and must pass it on now. Not sooner: a slow broker throws nothing away."""
        if self._echo_missing:
            self._echo_due_s = min(self._echo_due_s, now_s + self._overdue_s)

    def echoed(self, now_s: float) -> bool:
        """It has come back. Is that the connection's first proof?"""
        first, self.proven = not self.proven, True
        self._alive_s = now_s
        self._echo_missing = False
        self._echo_due_s = inf
        self.online_s = now_s + PROOF_S
        return first

    def contradicted(self, beat_s: float) -> None:
        """Another availability than ours has come (a late will, a namesake): ours is due at the next beat.

        Not at once: two that contradict each other would not stop.
        """
        self.online_s = min(self.online_s, beat_s)

    def judge(
        self, now_s: float, oldest_s: float | None, alert_s: float | None = None, *, sending: bool
    ) -> Finding:
        """What it all means at ``now_s``.

        ``oldest_s`` is when the oldest message without acknowledgement was sent on this connection,
        ``alert_s`` when an alert without one was first sent on any. While not ``sending``, nothing can be
        missing.
        """
        if self._up_s + BRIEF_S < now_s and self._up_s > -inf:
            self._brief = 0
        self.rival = self._brief >= BRIEF_TIMES
        if not sending:
            self._alive_s = now_s
        dead = oldest_s is not None and now_s - oldest_s > self._overdue_s
        if dead:
            self.given_up(self._silent)
        if now_s > self._echo_due_s:
            self.proven = False
            return Finding(self._lose(self._not_passed_on), dead)
        if now_s - self._alive_s > self._overdue_s:
            return Finding(self._lose(self._reason or self._silent), dead)
        if alert_s is not None and now_s - alert_s > self._overdue_s:  # though others are acknowledged
            return Finding(self._lose(self._untaken), dead)
        if self.proven and self.lost is not False:
            self.lost = False
            return Finding((Input(InputKind.LINK_BACK),), dead)
        return Finding(dead=dead)

    def _lose(self, reason: str) -> tuple[Input, ...]:
        if self.lost:
            return ()
        self.lost = True
        return (Input(InputKind.LINK_LOST, reason=reason),)
