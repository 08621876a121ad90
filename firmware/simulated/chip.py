"""What all simulated chips share: a register file, a FIFO that fills by the clock, and faults."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from monitor.core.samples import Floats

Source = Callable[[Floats], tuple[Floats, Floats]]
"""The world: at seconds (n,) since it began, what a perfect sensor would measure: g (n, 3), deg/s (n, 3)."""

_NOISE = [0.004] * 3 + [
    0.05
] * 3  # g and deg/s, as of an MPU-6050 behind its 44 Hz low-pass (PS-MPU-6000A 6.1, 6.2)

Raw = npt.NDArray[np.int16]


def recording(accel_g: Floats, gyro_dps: Floats, rate_hz: float, begins_s: float = 0.0) -> Source:
    """A recording (n, 3), (n, 3) as a world that plays it from ``begins_s`` on.

    Before and after it the first and the last sample stand, with the noise of a sensor that lives:
    one that repeats itself exactly is taken for broken, and rightly so.
    """
    noise = np.random.default_rng(0)

    def source(time_s: Floats) -> tuple[Floats, Floats]:
        index = np.round((time_s - begins_s) * rate_hz).astype(int)
        inside = np.clip(index, 0, len(accel_g) - 1)
        jitter = noise.normal(0, _NOISE, (len(index), 6)) * (index != inside)[:, None]
        return accel_g[inside] + jitter[:, :3], gyro_dps[inside] + jitter[:, 3:]

    return source


class SimulatedChip(ABC):
    """A register file at ``address`` whose FIFO fills while it is awake, whether read or not.

    ``rate_error`` is how much faster than told it runs: 0.04 is 4 %. Time comes from ``clock``;
    the world's time begins when the chip is made and goes on whatever happens to the chip.
    """

    fifo_register: int
    mark: tuple[int, ...] = ()  # the raw words of a sample that is not valid, if the chip has such
    waking_s = 0.0  # so long after it is switched on all samples are

    def __init__(
        self,
        source: Source,
        clock: Callable[[], float],
        address: int,
        identity: int,
        rate_error: float = 0.0,
    ) -> None:
        self.source = source
        self.address = address
        self.identity = identity
        self.rate_error = rate_error
        self._clock = clock
        self.world_began_s = clock()
        self._frozen = self._zero = False
        self._stuck: dict[int, int] = {}
        self._spoilt = 0
        self.read_only: set[int] = set()  # registers that ignore writes
        self._last = np.zeros((1, 6), np.int16)
        self.brown_out()

    # What the wires do to it.

    def write(self, data: bytes) -> None:
        """A register number, then values for it and the following registers; nothing is an `i2cdetect`'s."""
        self._run()
        if not data:
            return
        self._pointer = data[0]
        for value in data[1:]:
            if self._pointer not in self.read_only:
                self._store(self._pointer, value)
            self._pointer += 1

    def read(self, count: int) -> bytes:
        """``count`` bytes from the register pointer on; the FIFO's register does not advance."""
        self._run()
        if self._pointer == self.fifo_register:
            return self._take(count)
        data = bytes(self._load(self._pointer + offset) for offset in range(count))
        self._pointer += count
        return data

    # What happens to it.

    def brown_out(self) -> None:
        """The supply dips: back to the state after reset, asleep, FIFO empty and off."""
        self.registers = bytearray(256)
        self.fifo = bytearray()
        self._pointer = 0
        self._began_s = self._clock()
        self._made = 0
        self.pace_hz = 0.0
        self._reset_registers()

    def freeze(self) -> None:
        """The data stop changing while the FIFO goes on filling."""
        self._frozen = True

    def zero(self) -> None:
        """Every value reads 0."""
        self._zero = True

    def spill(self) -> None:
        """What the FIFO holds vanishes, and no flag tells."""
        self._run()
        self.fifo.clear()

    def stick(self, axis: int, raw: int = 123) -> None:
        """One of the six axes, accelerometer first, always reads ``raw``."""
        self._stuck[axis] = raw

    def spoil(self, count: int) -> None:
        """The next ``count`` samples carry the chip's mark of an invalid one."""
        self._run()
        self._spoilt = count

    def become(self, identity: int) -> None:
        """Another board is plugged in its place."""
        self.identity = identity
        self.brown_out()

    def heal(self) -> None:
        """Take freeze, zero, spoil and stick back."""
        self._frozen = self._zero = False
        self._spoilt = 0
        self._stuck = {}

    # What differs from family to family.

    @abstractmethod
    def _reset_registers(self) -> None:
        """Write the values that stand after reset."""

    @abstractmethod
    def _store(self, register: int, value: int) -> None:
        """A value is written to a register."""

    def _load(self, register: int) -> int:
        """What a register reads."""
        return self.registers[register]

    @abstractmethod
    def _rate_hz(self) -> float:
        """The rate the registers ask for; 0 while asleep."""

    @abstractmethod
    def _steps(self) -> tuple[float, float]:
        """What one step of the figures is worth, g and deg/s, at the ranges the registers ask for."""

    @abstractmethod
    def _fill(self, raw: Raw) -> None:
        """Samples (n, 6), accelerometer first, have been measured."""

    # How it works.

    def _run(self) -> None:
        now = self._clock()
        pace_hz = self._rate_hz() * (1 + self.rate_error)
        if pace_hz != self.pace_hz:
            self._began_s, self._made, self.pace_hz = now, 0, pace_hz
        due = int((now - self._began_s) * pace_hz)
        if due <= self._made:
            return
        time_s = self._began_s + np.arange(self._made + 1, due + 1) / pace_hz
        self._made = due
        raw = self._measure(time_s - self.world_began_s)
        if self.mark:
            raw[time_s - self._began_s < self.waking_s] = self.mark
            raw[: self._spoilt] = self.mark
            self._spoilt = max(0, self._spoilt - len(raw))
        self._fill(raw)

    def _measure(self, time_s: Floats) -> Raw:
        accel_g, gyro_dps = self.source(time_s)
        accel_step_g, gyro_step_dps = self._steps()
        steps = np.hstack([accel_g / accel_step_g, gyro_dps / gyro_step_dps])
        raw = np.clip(np.round(steps), -32768, 32767).astype(np.int16)
        if self._frozen:
            raw = np.repeat(self._last, len(raw), axis=0)
        for axis, value in self._stuck.items():
            raw[:, axis] = value
        if self._zero:
            raw[:] = 0
        self._last = raw[-1:]
        return raw

    def _take(self, count: int) -> bytes:
        data = bytes(self.fifo[:count])
        del self.fifo[:count]
        return data.ljust(count, b"\xff")
