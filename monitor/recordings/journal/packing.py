"""Sample blocks as bytes and back: int16 as the chip gave them, times in whole microseconds.

What the sampler yields comes back bit by bit, with the blocks' ends, gaps and faults: a replay of the journal
sees what the detector saw. Neighbouring samples differ little, so differences are kept, high bytes apart from
low ones, and zlib makes them small.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.core.samples import Floats, SampleBlock, to_s, to_us

LEVEL = 6
_HEAD = struct.Struct("<HHI")  # blocks, bytes of the faults' JSON, samples
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, slots=True)
class Form:
    """How a sensor's counts become a body's samples.

    ``mounting`` names the sensor's axes that point forward, left and up, as ``sensor.mounting`` does.
    """

    chip: str = "recording"
    g_per_count: float = 1 / 2048
    dps_per_count: float = 1 / 16.4
    mounting: str = "+x +y +z"

    @property
    def _index(self) -> list[int]:
        axes = ["xyz".index(word[1]) for word in self.mounting.split()]
        return [*axes, *(axis + 3 for axis in axes)]

    @property
    def _sign(self) -> Floats:
        return np.array([1.0 if word[0] == "+" else -1.0 for word in self.mounting.split()] * 2)

    @property
    def _unit(self) -> Floats:
        return np.array([self.g_per_count] * 3 + [self.dps_per_count] * 3)

    def counts(self, body: Floats) -> npt.NDArray[np.int16]:
        """Samples (n, 6) in g and deg/s, body axes, as the sensor's own counts (n, 6)."""
        sensor = np.empty_like(body)
        sensor[:, self._index] = body * self._sign
        return np.clip(np.rint(sensor / self._unit), _INT16.min, _INT16.max).astype(np.int16)

    def body(self, counts: npt.NDArray[np.int16]) -> Floats:
        """Counts (n, 6) as samples in g and deg/s, body axes, with the six decimals that drivers give."""
        sensor = np.round(counts * self._unit, 6)
        body: Floats = sensor[:, self._index] * self._sign + 0.0  # no negative zeros
        return body


def pack(blocks: Sequence[SampleBlock], form: Form) -> bytes:
    """Blocks as bytes that `unpack` with the same ``form`` reads.

    Raises OverflowError or struct.error for more than 65535 blocks, samples in a block or bytes of faults.
    """
    faults = list(dict.fromkeys(block.fault for block in blocks))
    named = json.dumps(faults).encode()
    lengths = np.array([len(block.time_s) for block in blocks], np.uint16)
    time_us = to_us(np.concatenate([np.empty(0), *(block.time_s for block in blocks)]))
    body = np.concatenate([np.empty((0, 6)), *(np.hstack([b.accel_g, b.gyro_dps]) for b in blocks)])
    parts = (
        lengths,
        np.array([block.lost for block in blocks], np.uint32),
        np.array([faults.index(block.fault) for block in blocks], np.uint16),
        _differences(to_us(np.array([block.end_s for block in blocks]))),
        _differences(time_us),
        _differences(form.counts(body)),
    )
    head = _HEAD.pack(len(blocks), len(named), len(time_us))
    return zlib.compress(b"".join([head, named, *(_shuffled(part) for part in parts)]), LEVEL)


def unpack(packed: bytes, form: Form) -> list[SampleBlock]:
    """The blocks again. Raises ValueError for bytes that are none."""
    try:
        data = zlib.decompress(packed)
        blocks, named, samples = _HEAD.unpack_from(data)
        reader = _Reader(data, _HEAD.size + named)
        faults = json.loads(data[_HEAD.size : reader.at])
        if not isinstance(faults, list) or not all(isinstance(words, str) for words in faults):
            raise ValueError("no list of faults")
        lengths, lost = reader.take(np.uint16, blocks), reader.take(np.uint32, blocks)
        fault = reader.take(np.uint16, blocks)
        end_s = to_s(np.cumsum(reader.take(np.int64, blocks)))
        time_s = to_s(np.cumsum(reader.take(np.int64, samples)))
        counts = np.cumsum(reader.take(np.int16, samples, 6), axis=0, dtype=np.int16)
        body = form.body(counts)
        ends = np.cumsum(lengths, dtype=int)
        if reader.at != len(data) or (ends[-1] if blocks else 0) != samples:
            raise ValueError("lengths do not agree")
        return [
            SampleBlock(
                time_s[cut], body[cut, :3], body[cut, 3:], float(end_s[i]), int(lost[i]), faults[fault[i]]
            )
            for i, cut in enumerate(map(slice, [0, *ends[:-1].tolist()], ends.tolist()))
        ]
    except (zlib.error, struct.error, ValueError, IndexError, RecursionError) as error:
        raise ValueError(f"expected packed samples, found damaged ones: {error}") from error


def _differences(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The first value, then each less the one before it; int16 wraps round, and back."""
    return np.diff(values, axis=0, prepend=np.zeros_like(values[:1])) if len(values) else values


def _shuffled(values: npt.NDArray[np.generic]) -> bytes:
    """All first bytes, then all second ones ..., channel by channel."""
    columns = np.ascontiguousarray(values.T)
    return columns.view(np.uint8).reshape(-1, values.itemsize).T.tobytes()


class _Reader:
    """Takes arrays from bytes, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self.at = data, at

    def take(self, kind: type[np.integer], count: int, columns: int = 0) -> npt.NDArray[np.generic]:
        """``count`` values, or rows of ``columns``."""
        width = np.dtype(kind).itemsize
        many = count * (columns or 1)
        planes = np.frombuffer(self._data, np.uint8, many * width, self.at).reshape(width, many)
        self.at += many * width
        values = np.ascontiguousarray(planes.T).view(kind).reshape(-1)
        return np.ascontiguousarray(values.reshape(columns, count).T) if columns else values
