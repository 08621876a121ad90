"""What outlives a run of the safety process: what was open, whether it was armed, the last alert's sequence.

It is written with each alert, and read once, when the process starts.
"""

from dataclasses import dataclass, replace

import msgspec

from monitor.core.vocabulary import Alert, Status
from monitor.delivery.messages import Moment

NEVER = Moment(0.0, 0.0)


@dataclass(frozen=True)
class Memory:
    """``moment`` is when it was written; ``machine`` names the boot whose monotonic clock that is.

    ``lost``: there was something to remember, and it cannot be read.
    """

    moment: Moment = NEVER
    machine: str = ""
    armed: bool = False
    sequence: int = 0
    incidents: tuple[Alert, ...] = ()
    lost: bool = False


_decoder = msgspec.json.Decoder(Memory)


def of(status: Status, sequence: int, moment: Moment, machine: str) -> Memory:
    """What there is to remember of ``status``. ``sequence`` is the last alert's."""
    incidents = tuple(replace(incident, evidence={}) for incident in status.incidents)
    return Memory(moment, machine, status.armed, sequence, incidents)


def encode(memory: Memory) -> bytes:
    """JSON."""
    return msgspec.json.encode(memory)


def decode(payload: bytes) -> Memory:
    """Raises ValueError for what is no memory."""
    return _decoder.decode(payload)


def recalled(memory: Memory, moment: Moment, machine: str) -> Memory:
    """``memory`` on the clock of today: ``moment`` is now, on ``machine``.

    The monotonic clock starts again with the machine, and wall time is all there is. Where that is before
    what is remembered (a Pi without a clock chip goes on from where its time was last saved), it is unknown
    how long ago that was.
    """
    if memory.machine == machine:
        return memory
    away_s = moment.wall_s - memory.moment.wall_s
    shift_s = moment.mono_s - max(0.0, away_s) - memory.moment.mono_s
    incidents = tuple(
        replace(incident, time_s=incident.time_s + shift_s, time_known=incident.time_known and away_s >= 0)
        for incident in memory.incidents
    )
    return replace(memory, moment=moment, machine=machine, incidents=incidents)
