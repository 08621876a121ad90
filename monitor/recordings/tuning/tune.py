"""Finding thresholds for one person: every setting of a grid tried on what is known of his sessions.

A recording is scored once (tracks.py), and each setting then costs little. Falls, stumbles and unsafe steps
are tried apart, as none of them hears another's thresholds.

A recommendation loses no alarm that was right, neither in the sessions nor in recordings given beside them,
and goes no further than floor.py. Of those it is the one with the least harm, then the one whose neighbours
do as well, then the one nearest to the present.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from monitor.core.detector import Detector, DetectorSettings, Weights
from monitor.core.fall_network import Head
from monitor.core.samples import Flags
from monitor.core.vocabulary import AlertKind, Event, EventKind
from monitor.recordings.scoring import ONE_INCIDENT_S
from monitor.recordings.tuning.floor import FLOOR
from monitor.recordings.tuning.grids import GROUPS, STEPS, Grid, grid
from monitor.recordings.tuning.tracks import Track, merged, track
from monitor.recordings.tuning.wishes import KINDS, Source, Wish

ALARMS = {
    AlertKind.FALL: (EventKind.FALLING, EventKind.DOWN),
    AlertKind.STUMBLE: (EventKind.STUMBLE,),
    AlertKind.UNSAFE_STEP: (EventKind.UNSAFE_STEP,),
}

ENOUGH_ROOM = {AlertKind.FALL: 2, AlertKind.STUMBLE: 20, AlertKind.UNSAFE_STEP: 1}
"""Steps of the grid on every side that should do as well: half a unit of the networks' scores."""

MISS_WEIGHT = 5
"""An alarm that does not come is as bad as so many that come for nothing."""

SAID = 3
"""So many alarms are named, of those that stand in the way."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One source under every choice of every grid.

    By kind: ``rings`` (choices, wishes of that kind), ``new`` (choices,) alarms where nothing is known, and
    ``peaks`` (wishes,), the highest score in each wish's time, NaN where nobody says.
    """

    source: Source
    rings: dict[AlertKind, Flags]
    new: dict[AlertKind, npt.NDArray[np.int64]]
    peaks: dict[AlertKind, npt.NDArray[np.float64]]

    def wishes(self, kind: AlertKind) -> list[Wish]:
        return [wish for wish in self.source.wishes if wish.kind is kind]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Every choice of a grid, over all sources: (choices,) each.

    ``misses`` and ``false`` of the moments that somebody knows of, ``new`` alarms where nothing is known, in
    ``hours`` watched; ``others`` is the harm in recordings beside the person's own. ``allowed``: it loses
    nothing that is right now, and lies within the floor.
    """

    grid: Grid
    misses: npt.NDArray[np.int64]
    false: npt.NDArray[np.int64]
    new: npt.NDArray[np.int64]
    others: npt.NDArray[np.int64]
    allowed: Flags
    hours: float

    @property
    def harm(self) -> npt.NDArray[np.int64]:
        return MISS_WEIGHT * self.misses + self.false + self.new


def attempt(source: Source, base: DetectorSettings, weights: Weights) -> Tried:
    """Score one source and try every setting on it."""
    scored = track(source.blocks(), base, weights)
    rings, new, peaks = {}, {}, {}
    for kind in KINDS:
        tried = grid(kind, base)
        wishes = [wish for wish in source.wishes if wish.kind is kind]
        rows = _rows(source, scored, base, tried, wishes)
        rings[kind] = np.array([row[0] for row in rows], bool).reshape(len(rows), len(wishes))
        new[kind] = np.array([row[1] for row in rows], np.int64)
        peaks[kind] = np.array([_peak(scored, kind, wish) for wish in wishes], float)
    return Tried(source, rings, new, peaks)


def _rows(
    source: Source, scored: Track, base: DetectorSettings, tried: Grid, wishes: list[Wish]
) -> list[tuple[list[bool], int]]:
    """For each choice which wishes are met, and how many alarms are new.

    Of a trial first the ends of the grid: what is found by the deafest choice is found by all, and where the
    keenest is silent all are.
    """

    def row(choice: int) -> tuple[list[bool], int]:
        rings, new = _row(source, wishes, alarms_s(scored, tried.settings(base, choice), tried.kind))
        return rings, 0 if source.trial and source.wishes else new  # a fall may be a stumble as well

    count = len(tried.choices)
    if source.trial is not None:
        if source.wishes and not wishes:
            return [([], 0)] * count
        deafest = row(count - 1)
        if wishes and all(deafest[0]):
            return [deafest] * count
        if not wishes and not any(row(0)):
            return [([], 0)] * count
    return [row(choice) for choice in range(count)]


def alarms_s(scored: Track, settings: DetectorSettings, kind: AlertKind) -> list[float]:
    """When a detector with these settings alarms."""
    events: Callable[[], list[Event]] = {
        AlertKind.FALL: partial(scored.falls, settings.fall),
        AlertKind.STUMBLE: partial(scored.stumbles, settings.stumble),
        AlertKind.UNSAFE_STEP: partial(scored.unsafe_steps, settings.unsafe_step),
    }[kind]
    return [event.time_s for event in events() if event.kind in ALARMS[kind]]


def _row(source: Source, wishes: Sequence[Wish], times_s: list[float]) -> tuple[list[bool], int]:
    """Which wishes an alarm falls into, and how many fall where nothing is known."""
    rings = [any(wish.from_s <= time_s <= wish.to_s for time_s in times_s) for wish in wishes]
    known = [*wishes, *source.hidden]
    new = [
        time_s
        for time_s in times_s
        if any(from_s <= time_s <= to_s for from_s, to_s in source.armed)
        and not any(wish.from_s <= time_s <= wish.to_s for wish in known)
    ]
    count = sum(1 for a, b in zip([-np.inf, *new], new, strict=False) if b - a > ONE_INCIDENT_S)
    return rings, count


def _peak(scored: Track, kind: AlertKind, wish: Wish) -> float:
    hops = scored.hops()
    if hops is None or kind is AlertKind.UNSAFE_STEP:
        return float("nan")
    inside = (hops.time_s >= wish.from_s) & (hops.time_s <= wish.to_s)
    if not inside.any():
        return float("nan")
    head = Head.FALLING if kind is AlertKind.FALL else Head.STUMBLE
    return float((hops.score[:, head] - hops.doubt())[inside].max())


def outcome(tried: Sequence[Tried], kind: AlertKind, base: DetectorSettings) -> Outcome:
    """Every choice over all sources."""
    made = grid(kind, base)
    count = len(made.choices)
    misses, false, new = (np.zeros(count, np.int64) for _ in range(3))
    allowed = _within_floor(made)
    own = [one for one in tried if one.source.session] or tried
    others = np.zeros(count, np.int64)
    for one in tried:
        wanted, unwanted = (
            np.array([wish.wanted is said for wish in one.wishes(kind)], bool) for said in (True, False)
        )
        rings = one.rings[kind]
        missed, wrong = (~rings[:, wanted]).sum(axis=1), rings[:, unwanted].sum(axis=1)
        if one in own:
            misses, false, new = misses + missed, false + wrong, new + one.new[kind]
        else:
            others += MISS_WEIGHT * missed + wrong + one.new[kind]
        right_now = rings[made.present] & wanted
        allowed &= rings[:, right_now].all(axis=1)
    return Outcome(made, misses, false, new, others, allowed, sum(one.source.hours for one in own))


def floor(key: str) -> float:
    """How far a setting may be raised."""
    return FLOOR.get(key, np.inf)


def lasted(hours: float) -> str:
    """How long, in words."""
    return f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.1f} min"


def best(found: Outcome) -> int:
    """The choice that is recommended: the present one where none does less harm and the floor allows it."""
    harm, present = found.harm, found.grid.present
    if not found.allowed.any():
        return present
    least = int(harm[found.allowed].min())
    if found.allowed[present] and least >= harm[present]:
        return present
    good = found.allowed & (harm == least)
    values = np.array(found.grid.choices)
    axes = [np.unique(column) for column in values.T]
    places = np.stack(
        [np.searchsorted(axis, column) for axis, column in zip(axes, values.T, strict=True)], axis=1
    )
    room = [min(_room(places, harm == least, i), ENOUGH_ROOM[found.grid.kind]) for i in range(len(values))]
    far = np.abs(places - places[present]).sum(axis=1)
    return int(min(np.flatnonzero(good), key=lambda i: (-room[i], found.others[i], far[i])))


def _room(places: npt.NDArray[np.int64], good: Flags, at: int) -> int:
    """How many steps of the grid, in every direction, do as well."""
    apart = np.abs(places - places[at]).max(axis=1)
    bad = apart[~good]
    return int(bad.min()) - 1 if len(bad) else int(apart.max())


def in_the_way(tried: Sequence[Tried], found: Outcome) -> Iterator[str]:
    """Why a moment that stays wrong does: what the setting that would mend it loses, or the floor."""
    chosen, harm, made = best(found), found.harm, found.grid
    if harm[chosen] == 0:
        return
    kind = made.kind.replace("_", " ")
    least = int(harm.min())
    if least == harm[chosen]:
        yield f"{kind}: no setting that was tried does better on all of this; their scores overlap"
        return
    within = _within_floor(made)
    if harm[within].min() > least:
        yield f"{kind}: a setting above the floor would do better, and is never recommended"
    if not within.any() or harm[within].min() == harm[chosen]:
        return
    right = [
        (wish.name, one.rings[made.kind][:, i])
        for one in tried
        for i, wish in enumerate(one.wishes(made.kind))
        if wish.wanted and one.rings[made.kind][made.present, i]
    ]
    lost_by = np.sum([~rings for _, rings in right], axis=0)
    good = np.flatnonzero(within & (harm == harm[within].min()))
    better = int(good[np.argmin(lost_by[good])])
    lost = [name for name, rings in right if not rings[better]]
    more = f" and {len(lost) - SAID} more" if len(lost) > SAID else ""
    yield f"{kind}: a setting that does better would lose what was right: {'; '.join(lost[:SAID])}{more}"


def _within_floor(made: Grid) -> Flags:
    return np.array(
        [all(v <= floor(k) for k, v in zip(made.keys, choice, strict=True)) for choice in made.choices], bool
    )


def recommended(found: Sequence[Outcome], base: DetectorSettings) -> DetectorSettings:
    """``base`` with the best choice of every grid."""
    for one in found:
        base = one.grid.settings(base, best(one))
    return base


def changes(before: DetectorSettings, after: DetectorSettings) -> dict[str, tuple[float, float]]:
    """What differs, by dotted key: from and to."""
    found = {}
    for kind, names in STEPS.items():
        for name in names:
            old, new = (getattr(getattr(s, GROUPS[kind]), name) for s in (before, after))
            if old != new:
                found[f"{GROUPS[kind]}.{name}"] = (old, new)
    return found


def check(source: Source, settings: DetectorSettings, weights: Weights) -> dict[AlertKind, Flags]:
    """Which wishes a whole detector with these settings meets: no track, no short cut."""
    detector = Detector(settings, weights)
    events = [event for block in merged(source.blocks()) for event in detector.update(block)]
    rings = {}
    for kind in KINDS:
        times_s = [event.time_s for event in events if event.kind in ALARMS[kind]]
        rings[kind] = np.array(
            [
                any(wish.from_s <= time_s <= wish.to_s for time_s in times_s)
                for wish in source.wishes
                if wish.kind is kind
            ],
            bool,
        )
    return rings
