"""A block of samples every 50 ms, also when the sensor is silent."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from firmware.bus import Bus
from firmware.chips import ADDRESSES, identify
from firmware.chips.chip import Chip, valid
from firmware.errors import ChipError, FifoError, FirmwareError
from firmware.mounting import Mounting
from firmware.proving import prove
from firmware.rate_check import RateCheck
from firmware.sample_clock import SampleClock
from firmware.vitals import Vitals
from monitor.core.samples import BLOCK_S, Floats, SampleBlock, on_the_microsecond
from monitor.core.setting import SettingError, number, switch, text

BELT_RATE_HZ = 100

_EARLY_S = 0.008  # looks come up to so much early, each at another phase of the sampling period: looks in
_GOLDEN = 0.618  # step with the samples would never tell within which 10 ms a sample was taken
_BURST = 32  # samples in one read: even at 62 kHz, a throttled Pi's slowest, done before the bus times out
_SILENCE_S = 0.25  # without a sample before the chip is restarted; 200 Hz to 25 Hz bring several
_FAILURES = 4  # looks in a row that fail before the same; the FIFO bridges them without loss
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0)  # between attempts to bring the sensor back; then 2 s for ever
_POWER_CYCLE_EVERY = 3  # attempts
_HICCUP_S = 0.2  # without a sample before a reason is given: what is bridged sooner is no news
_CHECK_S = 1.0  # between two looks at the chip's settings
_WELL_S = 2.0  # of running before the next failure counts as a new one
_POWER_ON_S = 0.1
_POWER_OFF_S = 0.3  # for the chip's own capacitors to run empty


@dataclass(frozen=True)
class SensorSettings:
    """The sensor and how it is worn."""

    bus: int = number(1, 0, 255, "", "number of the I2C bus: 1 is /dev/i2c-1, pins 3 and 5")
    address: int = number(0, 0, 0x77, "", "I2C address of the sensor; 0 looks at 0x68 to 0x6B")
    rate_hz: int = number(
        0, 0, 200, "Hz", "samples per second, 100 or 200; 0: what the profile needs, belt 100, treadmill 200"
    )
    allow_unknown: bool = switch(
        False, "accept a chip of unknown identity as an MPU clone, with a fault that stays"
    )
    mounting: str = text(
        "+x +y +z", "the sensor's axes that point forward, left and up on the walker (docs/frames.md)"
    )

    def __post_init__(self) -> None:
        if self.rate_hz not in (0, 100, 200):
            raise SettingError("rate_hz", f"found {self.rate_hz}, allowed: 100 or 200 Hz, or 0")
        try:
            Mounting(self.mounting)
        except ValueError as error:
            raise SettingError("mounting", str(error)) from error


class Sampler:
    """Iterate it: ``for block in Sampler(settings):`` yields a `SampleBlock` every 50 ms for ever.

    It opens the bus, finds the chip and starts it by itself, and does so again whenever the sensor
    fails: first the chip, then the bus, then the supply through ``power`` (called with False, then
    True), waiting longer each time. Nothing it meets on the bus ends the iteration; `stop` does.
    Samples are never invented: those that fell out are counted in ``lost`` of the next block that
    has samples.
    """

    def __init__(
        self,
        settings: SensorSettings,
        bus: Bus | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        power: Callable[[bool], None] | None = None,
    ) -> None:
        self._settings = settings
        self._bus = bus if bus is not None else Bus(settings.bus)
        self._clock = clock
        self._sleep = sleep
        self._power = power
        self.mounting = Mounting(settings.mounting)
        self.chip: Chip | None = None  # what is read, once it has been found
        self._nominal_hz = settings.rate_hz or BELT_RATE_HZ
        self._timeline = SampleClock(1 / self._nominal_hz)
        self._vitals = Vitals(self._nominal_hz)
        self._rate = RateCheck(self._nominal_hz)
        self._backlog = 0  # samples that the last look left in the FIFO
        self._stopped = False
        self._starting: Iterator[float] | None = self._start()
        self._resume_s = self._running_since_s = self._fresh_s = self._checked_s = clock()
        self._passed_s = float("-inf")  # when samples were last passed on
        self._attempts = 0  # to start the sensor since it was last well
        self._failures = 0  # looks in a row
        self._torn = False  # a read broke off and may have taken bytes with it
        self._taken = 0  # samples since the timeline's zero
        self._gap = True  # samples fell out before that zero
        self._last_time_s: float | None = None
        self._invalid = 0  # samples that the chip marked as such, since the last that were passed on
        self._fault = "the sensor is starting"

    def __iter__(self) -> Iterator[SampleBlock]:
        due_s = self._clock()
        early = 0.0
        try:
            while not self._stopped:
                due_s = max(due_s + BLOCK_S, self._clock())
                early = (early + _GOLDEN) % 1
                self._sleep(max(0.0, due_s - early * _EARLY_S - self._clock()))
                yield on_the_microsecond(self._block())
        finally:
            self._close()

    def stop(self) -> None:
        """The iteration ends after the block in hand, and the chip is put to sleep."""
        self._stopped = True

    @property
    def rate_hz(self) -> float:
        """The sensor's true rate, as far as it is known."""
        return 1 / self._timeline.period_s

    @property
    def warning(self) -> str:
        """What a person should know although samples come, "" if nothing."""
        if self.chip is None or self.chip.known:
            return ""
        return (
            f"{self.chip} is no chip Rearguard knows: it behaves like an IMU, but nobody has vouched for it"
        )

    def _block(self) -> SampleBlock:
        if self._starting is not None:
            self._go_on_starting()
            return SampleBlock.silent(self._clock(), self._fault)
        assert self.chip is not None
        try:
            return self._look(self.chip)
        except Exception as error:  # noqa: BLE001  a defect must not end the blocks either
            self._fault = _words(error)
            self._torn = self._torn or isinstance(error, FifoError)
            self._failures += 1
            if self._failures >= _FAILURES:
                self._start_over(self._fault)
            return self._silent()

    def _silent(self) -> SampleBlock:
        """No samples; why, once it has lasted."""
        now_s = self._clock()
        lasts = self._starting is not None or now_s - self._passed_s > _HICCUP_S
        return SampleBlock.silent(now_s, (self._fault or "no new samples") if lasts else "")

    def _look(self, chip: Chip) -> SampleBlock:
        if self._torn:
            self._begin_anew(chip)
        if self._clock() - self._checked_s > _CHECK_S:
            self._checked_s = self._clock()
            try:
                chip.check()
            except ChipError as error:
                self._start_over(str(error))
                return self._silent()
        before_s = self._clock()
        waiting = chip.waiting()
        after_s = self._clock()
        newest = self._taken + waiting - 1
        missing_s = self._timeline.surprise_s(newest, before_s, after_s)
        if missing_s:
            self._renumber()
            newest = waiting - 1
        if newest >= 0:
            self._timeline.look(newest, before_s, after_s)
        if not waiting:
            if after_s - self._fresh_s > _SILENCE_S:
                self._start_over(f"{chip} answers but brings no new samples: a dip of its supply stops it")
            return self._silent()
        count = min(waiting, _BURST)
        self._rate.look(waiting - self._backlog, after_s)
        self._backlog = waiting - count
        self._torn = True
        samples = chip.read(count)
        self._torn = False
        self._failures = 0
        whole = valid(samples)
        if not len(whole):
            self._taken += count
            self._invalid += count
            if after_s - self._fresh_s > _SILENCE_S:
                self._start_over(f"{chip} marks all its samples as invalid: it does not wake as it should")
            return self._silent()
        self._fresh_s = after_s
        verdict = self._vitals.judge(whole)
        if verdict.useless:
            self._start_over(f"{chip}: {verdict.fault}")
            return self._silent()
        if after_s - self._running_since_s > _WELL_S:
            self._attempts = 0
        return self._of(samples, after_s, verdict.fault or self._rate_fault(chip))

    def _of(self, samples: Floats, after_s: float, fault: str) -> SampleBlock:
        """The block of the valid ones of samples (n, 6), the latest of which was there at ``after_s``."""
        period_s = self._timeline.period_s
        numbers = np.arange(self._taken, self._taken + len(samples), dtype=float)
        time_s = self._timeline.time_s(numbers)
        time_s -= max(0.0, time_s[-1] - after_s)
        if self._last_time_s is not None:
            # The line moves by fractions of a period as it is learnt; time still only rises.
            time_s = np.maximum(time_s, self._last_time_s + period_s / 10 * (1 + numbers - numbers[0]))
        whole = np.isfinite(samples[:, 0])  # a row is NaN or none of it is
        first = int(np.argmax(whole))
        lost = int((~whole[first:]).sum())
        if not self._gap:
            lost += self._invalid + first
        elif self._last_time_s is not None:
            lost += max(0, round((time_s[first] - self._last_time_s) / period_s) - 1)
        self._taken += len(samples)
        self._invalid, self._gap = 0, False
        time_s, samples = time_s[whole], samples[whole]
        self._passed_s = after_s
        self._last_time_s = float(time_s[-1])
        self._fault = ""
        return SampleBlock(
            time_s,
            self.mounting.to_body(samples[:, :3]),
            self.mounting.to_body(samples[:, 3:]),
            max(self._clock(), self._last_time_s),
            lost,
            fault,
        )

    def _begin_anew(self, chip: Chip) -> None:
        chip.flush()
        self._renumber()
        self._recount()
        self._torn = False
        self._fresh_s = self._clock()

    def _renumber(self) -> None:
        """Samples are counted from the next one on, and an unknown number is missing before it."""
        self._timeline.restart()
        self._taken = self._invalid = 0
        self._gap = True

    def _recount(self) -> None:
        self._rate.restart()
        self._backlog = 0

    def _rate_fault(self, chip: Chip) -> str:
        return f"{chip}: {self._rate.fault}" if self._rate.fault else ""

    def _start_over(self, fault: str) -> None:
        self._fault = fault
        self._starting = self._start()
        self._resume_s = self._clock()

    def _go_on_starting(self) -> None:
        while self._starting is not None and self._clock() >= self._resume_s:
            wait_s = next(self._starting, None)
            if wait_s is None:
                self._starting = None
            else:
                self._resume_s = self._clock() + wait_s

    def _start(self) -> Iterator[float]:
        """From nothing to a running chip, however often it takes; yields the seconds to wait."""
        settings = self._settings
        addresses = (settings.address,) if settings.address else ADDRESSES
        while True:
            try:
                if self._attempts:
                    yield _BACKOFF_S[min(self._attempts, len(_BACKOFF_S)) - 1]
                    self._bus.close()
                    if self._power is not None and self._attempts % _POWER_CYCLE_EVERY == 0:
                        self._power(False)
                        yield _POWER_OFF_S
                        self._power(True)
                        yield _POWER_ON_S
                self._attempts += 1
                chip = identify(self._bus, addresses, self._nominal_hz, settings.allow_unknown)
                if self.chip is not None and (self.chip.address, self.chip.identity) == (
                    chip.address,
                    chip.identity,
                ):
                    chip = self.chip  # which knows more of itself
                yield from chip.start()
                if not chip.known:
                    yield from prove(chip, self._clock)
                break
            except Exception as error:  # noqa: BLE001  a defect must not end the blocks either
                self._fault = _words(error)
        if chip is not self.chip:
            self._timeline = SampleClock(1 / chip.rate_hz)
            self._rate = RateCheck(chip.rate_hz)
            self._vitals = Vitals(chip.rate_hz)  # else it remembers: what is still frozen stays withheld
            self.chip = chip
        self._renumber()
        self._recount()
        self._failures = 0
        self._torn = False
        self._running_since_s = self._fresh_s = self._checked_s = self._clock()

    def _close(self) -> None:
        if self.chip is not None:
            with suppress(FirmwareError):  # it may be what failed
                self.chip.close()
        self._bus.close()


def _words(error: Exception) -> str:
    """What a failure of the hardware says of itself; of any other, that it is a defect of ours."""
    if isinstance(error, FirmwareError):
        return str(error)
    return f"a defect in the driver ({type(error).__name__}: {error}); please report it"
