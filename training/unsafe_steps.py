"""How many disturbed backward steps are flagged, and how many ordinary ones.

    python -m training.unsafe_steps

Nobody has recorded unsafe backward steps. So backward walking from motion capture is disturbed by
hand: a stretch of 6 s and more is cut out, and from a contact about its middle on the walker pauses,
hurries, drags a step, leans or sways. A disturbance is found if a step is flagged within 1.5 s of its
end: the next step, and the time that it takes to be proved. These stretches are so short that the walker's
own limits are not yet known; so they are also asked of a walker whose limits have been learned from the same
stretch, undisturbed and three times over. The stretches undisturbed are the ordinary steps;
unsafe_ordinary.py has more of those.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import numpy as np

from monitor.core.detector import Detector
from monitor.core.posture import Posture, UpVector, rotations
from monitor.core.samples import BLOCK_S, Floats
from monitor.core.steps import Steps
from monitor.core.unsafe import Baselines, Unsafe, baselines
from monitor.core.vocabulary import EventKind, StepEvent, UnsafeStepEvent
from monitor.recordings.corpus import Corpus, Trial, to_counts, whole
from monitor.recordings.evaluate import RATE_HZ, detect_all
from monitor.recordings.scoring import Run
from monitor.settings import Settings
from monitor.weights import CONTACTS, shipped
from training.folder import FOLDER
from training.results import Result, digest, write

FILES = ("gait.npz", "bones.npz", "lafan1walks.npz")
LEAST_S = 6.0
FOUND_WITHIN_S = 1.5
LEARNED_TIMES = 3
LABORATORIES = {"bandai": "Bandai", "bones": "BONES", "lafan1walks": "LAFAN1"}


class Piece(NamedTuple):
    """Backward walking: accelerations (n, 3) in g and rates (n, 3) in deg/s at 100 Hz."""

    accel_g: Floats
    gyro_dps: Floats
    name: str
    dataset: str

    def trial(self) -> Trial:
        return Trial(self.name, "walk", RATE_HZ, to_counts(self.accel_g, self.gyro_dps), dataset=self.dataset)


def pieces() -> list[Piece]:
    """All backward stretches that are long enough."""
    found = []
    for file in FILES:
        for trial in Corpus(FOLDER / file):
            block = whole(trial, RATE_HZ)
            for stretch in trial.stretches:
                if stretch.direction == "backward" and stretch.stop_s - stretch.start_s >= LEAST_S:
                    part = slice(round(stretch.start_s * RATE_HZ), round(stretch.stop_s * RATE_HZ))
                    name = f"{trial.name} {stretch.start_s:.0f} s"
                    found.append(Piece(block.accel_g[part], block.gyro_dps[part], name, trial.dataset))
    return found


def paced(piece: Piece, at: int, n: int, factor: float) -> Piece:
    """A step takes ``factor`` times as long."""
    up = UpVector(RATE_HZ)(piece.accel_g.T, piece.gyro_dps.T).T
    where = np.concatenate(
        [np.arange(at), at + np.arange(round(n * factor)) / factor, np.arange(at + n, len(up))]
    )
    pace = np.ones((len(where), 1))
    pace[at : at + round(n * factor)] = 1 / factor

    def drawn(signal: Floats) -> Floats:
        return np.column_stack([np.interp(where, np.arange(len(up)), column) for column in signal.T])

    accel_g = drawn(up) + drawn(piece.accel_g - up) * pace**2
    return piece._replace(accel_g=accel_g, gyro_dps=drawn(piece.gyro_dps) * pace)


def paused(piece: Piece, at: int, _: int, lasts_s: float) -> Piece:
    """The walker stands for so long."""
    n = round(lasts_s * RATE_HZ)
    up = UpVector(RATE_HZ)(piece.accel_g.T, piece.gyro_dps.T).T
    accel_g = np.concatenate([piece.accel_g[:at], np.tile(up[at], (n, 1)), piece.accel_g[at:]])
    gyro_dps = np.concatenate([piece.gyro_dps[:at], np.zeros((n, 3)), piece.gyro_dps[at:]])
    return piece._replace(accel_g=accel_g, gyro_dps=gyro_dps)


def swung(piece: Piece, at: int, _: int, lasts_s: float, axis: int, degrees: float) -> Piece:
    """The trunk swings out by so much about an axis of the body, and back."""
    n = round(lasts_s * RATE_HZ)
    angle = np.zeros(len(piece.accel_g))
    angle[at : at + n] = degrees * np.sin(np.pi * np.arange(n) / n) ** 2
    turns = np.zeros((3, len(angle)))
    turns[axis] = np.radians(angle)
    seen = rotations(turns)  # what rests is seen from the turned sensor
    accel_g = np.einsum("ijn,nj->ni", seen, piece.accel_g)
    gyro_dps = np.einsum("ijn,nj->ni", seen, piece.gyro_dps)
    gyro_dps[:, axis] += np.gradient(angle) * RATE_HZ
    return piece._replace(accel_g=accel_g, gyro_dps=gyro_dps)


Disturb = Callable[[Piece, int, int], Piece]
"""Of a piece, from this sample on; the step under way there takes so many."""

SEVERE: dict[str, tuple[Disturb, float]] = {
    "a pause of 1 s": (partial(paused, lasts_s=1.0), 1.0),
    "a step at twice the pace": (partial(paced, factor=0.5), 0.5),
    "a step at half the pace": (partial(paced, factor=2.0), 1.2),
    "a sway of 20 degrees to the side": (partial(swung, lasts_s=0.8, axis=0, degrees=20.0), 0.8),
    "a sway of 20 degrees backward": (partial(swung, lasts_s=0.8, axis=1, degrees=-20.0), 0.8),
    "a lean of 40 degrees backward": (partial(swung, lasts_s=1.2, axis=1, degrees=-40.0), 1.2),
}
MILD: dict[str, tuple[Disturb, float]] = {
    "a pause of 0.4 s": (partial(paused, lasts_s=0.4), 0.4),
    "a step at 3/4 of the pace": (partial(paced, factor=1.33), 0.8),
    "a sway of 8 degrees to the side": (partial(swung, lasts_s=0.8, axis=0, degrees=8.0), 0.8),
}
"""What is done, and how long it lasts, in s."""


def flags_s(run: Run) -> list[float]:
    return [at_s for at_s, event in run.reported if isinstance(event, UnsafeStepEvent)]


def in_time(flags: Sequence[float], from_s: float, lasts_s: float) -> bool:
    """Whether one comes from then on to the time within which a disturbance must be found."""
    return any(from_s <= s <= from_s + lasts_s + FOUND_WITHIN_S for s in flags)


def flags_of_a_known_walker_s(trial: Trial, own: Baselines) -> list[float]:
    """When steps are flagged by these limits, which go on being learned."""
    block, settings = whole(trial, RATE_HZ), Settings()
    body = Posture(RATE_HZ).update(block.accel_g, block.gyro_dps)
    steps = Steps(settings.direction, RATE_HZ, shipped().contacts).update(block.time_s, body)
    judgements = Unsafe(settings.unsafe_step, RATE_HZ, own).update(body, steps)
    return [judgement.flag.time_s + BLOCK_S for judgement in judgements if judgement.flag]


def known(piece: Piece) -> Baselines:
    """The limits of its walker."""
    own = baselines(Settings().unsafe_step)
    for _ in range(LEARNED_TIMES):
        flags_of_a_known_walker_s(piece.trial(), own)
    return own


def middle_step(run: Run) -> tuple[int, int]:
    """The samples of the contact nearest the middle, and of the step that follows."""
    contacts_s = np.array([event.contact_s for _, event in run.reported if isinstance(event, StepEvent)])
    at = int(np.argmin(np.abs(contacts_s[:-1] - run.trial.duration_s / 2)))
    return round(contacts_s[at] * RATE_HZ), round((contacts_s[at + 1] - contacts_s[at]) * RATE_HZ)


def row(what: str, found: Sequence[bool], walks: Sequence[Piece], if_known: Sequence[bool]) -> Result:
    """How many of ``walks`` were found, by laboratory too."""
    cells: Result = {"backward walking": what, "flagged": f"{sum(found)} of {len(walks)}"}
    for dataset, laboratory in LABORATORIES.items():
        some = [one for one, piece in zip(found, walks, strict=True) if piece.dataset == dataset]
        cells[laboratory] = f"{sum(some)} of {len(some)}"
    cells["of a walker who is known"] = f"{sum(if_known)} of {len(walks)}"
    return cells | {"counts": [sum(found), len(walks)], "counts_known": [sum(if_known), len(walks)]}


def undisturbed(runs: Sequence[Run], walks: Sequence[Piece], limits: Sequence[Baselines]) -> Result:
    """Flags of the stretches as they were recorded."""
    steps = np.array([len(run.times_s({EventKind.STEP})) for run in runs])
    flags = np.array([len(flags_s(run)) for run in runs])
    again = sum(
        len(flags_of_a_known_walker_s(piece.trial(), deepcopy(own)))
        for piece, own in zip(walks, limits, strict=True)
    )
    cells: Result = {
        "backward walking": "undisturbed, of 100 steps",
        "flagged": f"{100 * flags.sum() / steps.sum():.1f}",
    }
    for dataset, laboratory in LABORATORIES.items():
        of_it = np.array([piece.dataset == dataset for piece in walks])
        cells[laboratory] = f"{100 * flags[of_it].sum() / steps[of_it].sum():.1f}"
    cells["of a walker who is known"] = f"{100 * again / steps.sum():.1f}"
    return cells | {"counts": [int(flags.sum()), int(steps.sum())], "counts_known": [again, int(steps.sum())]}


def backward() -> list[Result]:
    """The stretches as they are, and disturbed."""
    detector = partial(Detector, Settings(), shipped())
    walks = pieces()
    runs = detect_all([piece.trial() for piece in walks], detector)
    limits = [known(piece) for piece in walks]
    middles = [middle_step(run) for run in runs]
    rows = [undisturbed(runs, walks, limits)]
    changes: dict[str, tuple[Disturb, float]] = {
        "undisturbed, within 2.5 s of the same place": (lambda piece, _at, _n: piece, 1.0)
    }
    for what, (disturb, lasts_s) in (changes | SEVERE | MILD).items():
        trials = [disturb(piece, at, n).trial() for piece, (at, n) in zip(walks, middles, strict=True)]
        flags = [flags_s(run) for run in detect_all(trials, detector)]
        again = [
            flags_of_a_known_walker_s(trial, deepcopy(own)) for trial, own in zip(trials, limits, strict=True)
        ]
        found, if_known = (
            [in_time(s, at / RATE_HZ, lasts_s) for s, (at, _) in zip(all_s, middles, strict=True)]
            for all_s in (flags, again)
        )
        rows.append(row(f"{what} (mild)" if what in MILD else what, found, walks, if_known))
    return rows


def main() -> None:
    rows = backward()
    columns = ("backward walking", "flagged", *LABORATORIES.values(), "of a walker who is known")
    weights = {"contacts": digest(CONTACTS)}
    write("unsafe_steps", "python -m training.unsafe_steps", FILES, columns, rows, weights)
    for cells in rows:
        print(*(cells[column] for column in columns), sep="  |  ")


if __name__ == "__main__":
    main()
