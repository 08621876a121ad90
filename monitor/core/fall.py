"""Falls: FALLING before the impact, IMPACT, DOWN when confirmed, UPRIGHT when the facts take it back.

The network's scores decide, each held against a threshold. A fall is confirmed only once the trunk
has turned over as well: deep stumbles and hard seats score alike, but leave it upright. Posture also
decides whether a suspicion may be cancelled. Evidence says what the body did meanwhile.

A gap in the samples hides what the network looks for. So posture before and after it is compared: who was
upright and now lies has fallen. And where samples were bridged, a suspicion needs a higher score.
"""

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np

from monitor.core.fall_network import HOP_S, Head, Hops, within
from monitor.core.samples import GRAVITY_MPS2, Floats
from monitor.core.setting import number
from monitor.core.vocabulary import Event, EventKind, Evidence, Reading


class _Phase(Enum):
    NONE = auto()
    SUSPECTED = auto()
    DOWN = auto()


UP = np.array([0.0, 0.0, 1.0])
STARTING_HOPS = round(0.5 / HOP_S)  # nothing is detected before that: no history yet
MEMORY_HOPS = round(6.0 / HOP_S)
BEFORE_HOPS = round(1.5 / HOP_S)  # posture before a fall is taken from before that
TURNED_HOPS = round(0.5 / HOP_S)  # over which the posture after a fall is taken
FELL_HOPS = (round(0.4 / HOP_S), round(1.3 / HOP_S))  # so long ago the score must have spoken
UPRIGHT_BEFORE_HOPS = (round(2.5 / HOP_S), round(4.0 / HOP_S))  # and so long ago posture was as before
IMPACT_HOPS = EVIDENCE_HOPS = round(2.5 / HOP_S)
IMPACT_WITHIN_S = 1.5  # after FALLING: descent to impact lasts 0.58 +- 0.26 s (Choi 2015, J Biomech 48:911)
DROP_HOPS = round(0.5 / HOP_S)
STANDING_HOPS = round(1.0 / HOP_S)
UPRIGHT_CHECK_HOPS = 4
SETTLED_S = 3.0  # no sooner after its last event may a fall be cancelled or ended
AT_GAP_HOPS = round(0.25 / HOP_S)  # over which the posture before a gap is taken
SEEN_HOPS = round(2.0 / HOP_S)
HIDES_S = 0.4  # a shorter gap hides no fall from the network
LYING_HOPS = round(0.5 / HOP_S)  # after a gap; who lies later may have lain down
AGAIN_S = {_Phase.NONE: 0.0, _Phase.SUSPECTED: 5.0, _Phase.DOWN: 10.0}
"""An open fall is reported again no sooner after its last event; the network looks 4 s back."""
TRUNK_LIMIT_DEG = 45.0  # from the body's z axis: further is not upright, whatever was before
WALKING_HOPS = round(3.0 / HOP_S)
WALKING_RISES = 3
WALKING_SWING_G = 0.05


@dataclass(frozen=True, slots=True)
class FallSettings:
    """When to call it a fall."""

    falling_threshold: float = number(
        2.25,
        -20.0,
        20.0,
        "log-odds",
        "score above which a fall is suspected, before the impact",
        "earlier alarms, more of them false",
        "fewer false alarms, but later; some falls are only detected at the impact",
    )
    down_threshold: float = number(
        -1.5,
        -20.0,
        20.0,
        "log-odds",
        "score above which a fall is confirmed, after the impact",
        "fewer falls missed, more false alarms",
        "fewer false alarms, more falls missed",
    )
    down_tilt_deg: float = number(
        60.0,
        20.0,
        90.0,
        "deg",
        "how far the trunk must be tilted after the impact for a fall to be confirmed",
        "deep stumbles and sitting down hard may be confirmed as falls",
        "falls that end in a sitting position stay suspected",
    )
    impact_g: float = number(
        1.8,
        1.2,
        8.0,
        "g",
        "peak acceleration that counts as the impact of a fall already suspected or confirmed",
        "soft landings count as impacts",
        "only hard landings count as impacts",
    )
    upright_lean_deg: float = number(
        30.0,
        5.0,
        60.0,
        "deg",
        "how close the trunk must return to its posture before the fall to cancel a suspected fall",
        "suspected falls stay active longer",
        "suspected falls are cancelled sooner",
    )


class Fall:
    """Turns hops into the events of a fall. Feed every hop once, in order."""

    STATE = ("_memory", "_seen", "_phase", "_reported_s", "_impact", "_before")

    def __init__(self, settings: FallSettings) -> None:
        self._settings = settings
        self._forget()

    def _forget(self) -> None:
        self._memory: Hops | None = None
        self._seen = 0  # hops before those in hand, since the start or the last gap
        self._phase = _Phase.NONE
        self._reported_s = 0.0  # when the last event was
        self._impact = False
        self._before = UP

    def gap(self) -> None:
        """The hops to come lie across a gap in the samples: what was before it stays known."""
        self._seen = 0
        if self._memory is not None:
            marked = self._memory.bridged.copy()
            marked[-1:] = True
            self._memory = replace(self._memory, bridged=marked)

    def update(self, hops: Hops) -> list[Event]:
        """Events of these hops, in order; how the hops are split between calls changes nothing."""
        before_s = self._memory.time_s if self._memory is not None else np.empty(0)
        if len(before_s) and len(hops.time_s) and hops.time_s[0] <= before_s[-1]:
            self._forget()  # the clock was set back
        track = hops if self._memory is None else self._memory.after(hops)
        past = len(track.time_s) - len(hops.time_s)
        started = self._seen + np.arange(len(track.time_s)) - past >= STARTING_HOPS
        falling = track.score[:, Head.FALLING] >= self._settings.falling_threshold + track.doubt()
        falling &= started
        fallen = within(track.score[:, Head.FALLEN] >= self._settings.down_threshold, *FELL_HOPS)
        compared = within(track.bridged, LYING_HOPS, LYING_HOPS)
        raised = np.flatnonzero(falling | (fallen & started) | compared)
        events: list[Event] = []
        at = past
        while at < len(track.time_s):
            if self._phase is _Phase.NONE:
                later = raised[np.searchsorted(raised, at) :]
                if not len(later):
                    break
                at = int(later[0])
            check = (self._seen + at - past) % UPRIGHT_CHECK_HOPS == 0
            recent = track.until(at, MEMORY_HOPS)
            lies = bool(compared[at]) and self._lies_after_gap(recent)
            events += self._judge(recent, bool(falling[at]), bool(fallen[at]), lies, check)
            at += 1
        self._memory = track.until(len(track.time_s) - 1, MEMORY_HOPS)
        self._seen += len(hops.time_s)
        return events

    def _judge(self, recent: Hops, falling: bool, fallen: bool, lies: bool, check: bool) -> list[Event]:
        """What the latest hop of ``recent`` adds to the fall."""
        now_s = float(recent.time_s[-1])
        since_s = now_s - self._reported_s
        again = since_s > AGAIN_S[self._phase]
        suspect = falling and again
        down = fallen and (again or self._phase is _Phase.SUSPECTED)
        down = down and _turned_deg(recent) >= self._settings.down_tilt_deg
        down = down or (lies and (again or self._phase is _Phase.SUSPECTED))
        if suspect or (down and self._phase is not _Phase.SUSPECTED):
            self._begin(recent)
        hits = recent.peak_accel_g[-IMPACT_HOPS if down else -1 :] >= self._settings.impact_g
        soon = self._phase is _Phase.SUSPECTED and now_s - self._reported_s <= IMPACT_WITHIN_S
        impact = not self._impact and (soon or down) and bool(hits.any())
        self._impact |= impact
        if down:
            self._phase, self._reported_s = _Phase.DOWN, now_s
        upright = check and since_s >= SETTLED_S and not (suspect or down) and self._stands(recent)
        if upright:
            self._phase = _Phase.NONE
        said = {
            EventKind.FALLING: suspect,
            EventKind.IMPACT: impact,
            EventKind.DOWN: down,
            EventKind.UPRIGHT: upright,
        }
        if not any(said.values()):
            return []
        evidence = self._evidence(recent)
        return [Event(kind, now_s, evidence) for kind, true in said.items() if true]

    def _begin(self, recent: Hops) -> None:
        self._phase, self._reported_s, self._impact = _Phase.SUSPECTED, float(recent.time_s[-1]), False
        before = recent.accel_g[:-BEFORE_HOPS]
        self._before = before.mean(axis=0) if len(before) else UP

    def _lies_after_gap(self, recent: Hops) -> bool:
        """Whether the trunk was upright up to the last gap and lies after it, sooner than one lies down.

        With a fall suspected before, it is enough that the trunk is not back where it was.
        """
        last = len(recent.time_s) - 1 - LYING_HOPS  # hop of the gap
        measured = np.flatnonzero(~recent.bridged[: last + 1])
        if recent.bridged[last + 1 :].any() or not len(measured):
            return False
        until = int(measured[-1]) + 1
        before = recent.accel_g[max(until - AT_GAP_HOPS, 0) : until]
        after = recent.accel_g[last + 1 :]
        now = after.mean(axis=0)
        if self._phase is _Phase.SUSPECTED:
            return angle_deg(now, self._before) > self._settings.upright_lean_deg
        unseen_s = recent.time_s[last + 1] - recent.time_s[until - 1]
        if unseen_s < HIDES_S:
            return False
        bridged = unseen_s < (last + 1 - until) * HOP_S + 1.5 * HOP_S  # by hops, that is by samples
        if bridged and recent.score[-SEEN_HOPS:, Head.FALLING].max() < 0.0:
            return False  # it lay down: of a fall the network would have seen something
        then = before.mean(axis=0)
        turned = angle_deg(then, UP) <= TRUNK_LIMIT_DEG and angle_deg(then, now) >= TRUNK_LIMIT_DEG
        return turned and angle_deg(now, UP) >= self._settings.down_tilt_deg

    def _stands(self, recent: Hops) -> bool:
        """Whether the trunk is back where it was; after DOWN the person must also walk."""
        if recent.bridged[-STANDING_HOPS:].any():
            return False  # that would be posture from before a gap
        now = recent.accel_g[-STANDING_HOPS:].mean(axis=0)
        back = angle_deg(now, self._before) <= self._settings.upright_lean_deg
        upright = back and angle_deg(now, UP) <= TRUNK_LIMIT_DEG
        return upright and (self._phase is _Phase.SUSPECTED or _walks(recent))

    def _evidence(self, recent: Hops) -> Evidence:
        settings = self._settings
        late = recent.until(len(recent.time_s) - 1, EVIDENCE_HOPS)
        up = self._before / max(float(np.linalg.norm(self._before)), 0.1)
        sinking_mps = (1.0 - late.accel_g @ up) * HOP_S * GRAVITY_MPS2
        return {
            "falling_score": Reading(float(late.score[-1, Head.FALLING]), settings.falling_threshold),
            "fallen_score": Reading(float(late.score[-1, Head.FALLEN]), settings.down_threshold),
            "peak_accel_g": Reading(float(late.peak_accel_g.max()), settings.impact_g),
            "downward_speed_mps": Reading(_largest_sum(sinking_mps, DROP_HOPS)),
            "trunk_rate_dps": Reading(float(np.linalg.norm(late.gyro_dps[:, :2], axis=1).max())),
            "tilt_change_deg": Reading(_turned_deg(recent), settings.down_tilt_deg),
        }


def angle_deg(a: Floats, b: Floats) -> float:
    """Between two vectors; 180 where one is hardly there: an unknown posture is never upright."""
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    if lengths < 0.1:
        return 180.0
    return math.degrees(math.acos(min(max(float(a @ b) / lengths, -1.0), 1.0)))


def _turned_deg(recent: Hops) -> float:
    """How far the trunk has turned from some seconds ago."""
    last, first = UPRIGHT_BEFORE_HOPS
    before = recent.accel_g[-first - 1 : -last - 1]
    if not len(before):
        before = recent.accel_g[:1]
    return angle_deg(recent.accel_g[-TURNED_HOPS:].mean(axis=0), before.mean(axis=0))


def _largest_sum(values: Floats, count: int) -> float:
    """Of any ``count`` neighbours."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    reach = min(count, len(values))
    return float((total[reach:] - total[: len(total) - reach]).max())


def _walks(recent: Hops) -> bool:
    """Whether |a| goes up and down like steps: some crossings of its mean, none of them faint."""
    height = np.linalg.norm(recent.accel_g[-WALKING_HOPS:], axis=1)
    swing = height - height.mean()
    rises = int(np.count_nonzero((swing[:-1] < 0.0) & (swing[1:] >= 0.0)))
    return bool(rises >= WALKING_RISES and swing.std() > WALKING_SWING_G)
