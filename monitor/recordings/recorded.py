"""What makes a trial the blocks of a session again, bit by bit.

The counts of a trial stand in int16, evenly spaced. `Recorded` keeps beside them what they do not say: the
samples' own times, where blocks end, what was lost and the faults.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.core.samples import Floats, SampleBlock, to_s, to_us
from monitor.recordings.arrays import FAULTS, OVERS
from monitor.recordings.journal.packing import Form

Counts = npt.NDArray[np.int16]
Whole = npt.NDArray[np.int64]

LARGEST = 32767
"""Of int16. The sensor's least count, -32768, is one more on an axis that the mounting turns round."""


class Fault(NamedTuple):
    """The words of a fault, and the blocks that carry it: from ``start`` to before ``stop``."""

    words: str
    start: int
    stop: int


class Over(NamedTuple):
    """A value that is 32768: ``channel`` 0 to 5 of a sample."""

    sample: int
    channel: int


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """``time_us`` (n,), monotonic; of blocks (b,) ``end_us``, how many ``samples`` each has and had ``lost``.

    ``utc_offset_s`` turns monotonic seconds into those since 1970; NaN where that is unknown.
    """

    time_us: Whole
    end_us: Whole
    samples: Whole
    lost: Whole
    faults: tuple[Fault, ...] = ()
    overs: tuple[Over, ...] = ()
    utc_offset_s: float = nan

    def blocks(self, counts: Counts, form: Form) -> Iterator[SampleBlock]:
        """The blocks as they came, from the trial's counts (n, 6) in the body frame, and what a count is."""
        whole = counts.astype(np.int32)
        for sample, channel in self.overs:
            whole[sample, channel] = LARGEST + 1
        body: Floats = np.round(whole * units(form), 6) + 0.0  # as Form.body: no negative zeros
        time_s, end_s = to_s(self.time_us), to_s(self.end_us)
        words = [""] * len(end_s)
        for fault in self.faults:
            words[fault.start : fault.stop] = [fault.words] * (fault.stop - fault.start)
        stops = np.cumsum(self.samples).tolist()
        for i, (start, stop) in enumerate(zip([0, *stops[:-1]], stops, strict=True)):
            cut = slice(start, stop)
            yield SampleBlock(
                time_s[cut], body[cut, :3], body[cut, 3:], float(end_s[i]), int(self.lost[i]), words[i]
            )


def recorded(blocks: Sequence[SampleBlock], form: Form, utc_offset_s: float) -> tuple[Counts, Recorded]:
    """Counts (n, 6) in the body frame, and what makes them these blocks again."""
    body = np.concatenate([np.empty((0, 6)), *(np.hstack([b.accel_g, b.gyro_dps]) for b in blocks)])
    whole = np.rint(body / units(form)).astype(np.int64)
    overs = tuple(Over(*place) for place in np.argwhere(whole == LARGEST + 1).tolist())
    return np.clip(whole, -LARGEST - 1, LARGEST).astype(np.int16), Recorded(
        to_us(np.concatenate([np.empty(0), *(block.time_s for block in blocks)])),
        to_us(np.array([block.end_s for block in blocks])),
        np.array([len(block.time_s) for block in blocks], np.int64),
        np.array([block.lost for block in blocks], np.int64),
        _faults(blocks),
        overs,
        utc_offset_s,
    )


def to_arrays(own: Sequence[tuple[Form, Recorded | None]]) -> dict[str, Any]:
    """What trials hold, as the arrays of a recording's file (arrays.py)."""
    forms = [form for form, _recorded in own]
    nothing = np.empty(0, np.int64)
    held = [one or Recorded(nothing, nothing, nothing, nothing) for _form, one in own]
    faults = [fault for one in held for fault in one.faults]
    overs = np.array([over for one in held for over in one.overs], np.int64).reshape(-1, 2)
    return {
        "chip": np.array([form.chip for form in forms], str),
        "mounting": np.array([form.mounting for form in forms], str),
        "g_per_count": np.array([form.g_per_count for form in forms]),
        "dps_per_count": np.array([form.dps_per_count for form in forms]),
        "utc_offset_s": np.array([one.utc_offset_s for one in held]),
        "time_us": np.concatenate([one.time_us for one in held]),
        "time_first": cuts(len(one.time_us) for one in held),
        "block_end_us": np.concatenate([one.end_us for one in held]),
        "block_samples": np.concatenate([one.samples for one in held]),
        "block_lost": np.concatenate([one.lost for one in held]),
        "block_first": cuts(len(one.end_us) for one in held),
        "fault": np.array([fault.words for fault in faults], str),
        "fault_start": np.array([fault.start for fault in faults], np.int64),
        "fault_stop": np.array([fault.stop for fault in faults], np.int64),
        "fault_first": cuts(len(one.faults) for one in held),
        "over_sample": overs[:, 0],
        "over_channel": overs[:, 1],
        "over_first": cuts(len(one.overs) for one in held),
    }


def from_arrays(cut: Callable[[str, str], Any], utc_offset_s: float) -> Recorded | None:
    """What a trial holds; ``cut`` gives its part of an array, by the names of that and of its cuts."""
    end_us = cut("block_end_us", "block_first")
    if not len(end_us):
        return None
    faults = (cut(name, "fault_first").tolist() for name in FAULTS)
    overs = (cut(name, "over_first").tolist() for name in OVERS)
    return Recorded(
        cut("time_us", "time_first"),
        end_us,
        cut("block_samples", "block_first"),
        cut("block_lost", "block_first"),
        tuple(Fault(*row) for row in zip(*faults, strict=True)),
        tuple(Over(*row) for row in zip(*overs, strict=True)),
        utc_offset_s,
    )


def cuts(lengths: Iterable[int]) -> Whole:
    """Where parts of these lengths begin, and the last ends."""
    return np.cumsum([0, *lengths], dtype=np.int64)


def units(form: Form) -> Floats:
    """What one count is, (6,): g and deg/s."""
    return np.repeat([form.g_per_count, form.dps_per_count], 3)


def _faults(blocks: Sequence[SampleBlock]) -> tuple[Fault, ...]:
    """Neighbouring blocks with the same words are one."""
    found: list[Fault] = []
    for i, block in enumerate(blocks):
        if found and found[-1].stop == i and found[-1].words == block.fault:
            found[-1] = found[-1]._replace(stop=i + 1)
        elif block.fault:
            found.append(Fault(block.fault, i, i + 1))
    return tuple(found)
