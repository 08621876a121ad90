"""The bench test of the hardware: every part tried once, each found well, or named with its cure."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from firmware import card
from firmware.bus import Bus
from firmware.chips import ADDRESSES, identify
from firmware.errors import FirmwareError
from firmware.panel import BUTTON, PANEL, Panel
from firmware.power import HWMON, undervoltage
from firmware.sampler import BELT_RATE_HZ, Sampler, SensorSettings
from monitor.core.samples import Floats

LISTEN_S = 1.0
STARTING_S = 2.0
RATE_SHARE = 0.15  # the sampler learns a rate up to 12 % off; the rest is a second's grain
NORM_G = (0.8, 1.2)  # a poor accelerometer is 5 % off; more is the wrong range or a broken axis
STILL_NOISE_G = 0.05
STILL_NOISE_DPS = 3.0
QUIETEST = 1e-5  # a live sensor hisses
BLINK_S = 0.3

SIDES = (("forward", "backward"), ("left", "right"), ("up", "down"))


class Verdict(StrEnum):
    """On one part. What could not be tried is not well."""

    OK = "ok"
    FAIL = "fail"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a try of one part gave; ``words`` say what was seen, or what to do."""

    part: str
    verdict: Verdict
    words: str

    @property
    def good(self) -> bool:
        return self.verdict is Verdict.OK


def tried(part: str, good: bool, words: str) -> Finding:
    """What was tried and is ``good`` or not."""
    return Finding(part, Verdict.OK if good else Verdict.FAIL, words)


def check_sensor(
    settings: SensorSettings,
    bus: Bus,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    worn: bool = True,
) -> Iterator[Finding]:
    """Bus, identity, then a second of samples: rate, gravity, noise, which way is up.

    Which way is up fails nobody who does not wear the sensor: on a treadmill's frame it may sit any way.
    """
    try:
        bus.open()
    except FirmwareError as error:
        yield tried("bus", False, str(error))
        return
    yield tried("bus", True, f"I2C bus {bus.number} is open")
    try:
        addresses = (settings.address,) if settings.address else ADDRESSES
        chip = identify(bus, addresses, settings.rate_hz or BELT_RATE_HZ, settings.allow_unknown)
    except FirmwareError as error:
        yield tried("sensor", False, str(error))
        return
    yield tried("sensor", True, str(chip))
    yield from _listen(settings, bus, clock, sleep, worn)


def _listen(
    settings: SensorSettings,
    bus: Bus,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
    worn: bool,
) -> Iterator[Finding]:
    sampler = Sampler(settings, bus, clock, sleep)
    rows: list[Floats] = []
    times: list[float] = []
    faults: list[str] = []
    lost = 0
    began_s = clock()
    for block in sampler:
        if len(block.time_s):
            rows.append(np.hstack([block.accel_g, block.gyro_dps]))
            times += block.time_s.tolist()
            lost += block.lost
        if block.fault and times:
            faults.append(block.fault)
        elif block.fault and clock() - began_s > STARTING_S:
            yield tried("samples", False, f"none came in {STARTING_S:.0f} s: {block.fault}")
            sampler.stop()
            return
        if times and times[-1] - times[0] >= LISTEN_S:
            sampler.stop()
        if clock() - began_s > STARTING_S + 2 * LISTEN_S:
            sampler.stop()
    if not times:
        yield tried("samples", False, f"none came in {STARTING_S + 2 * LISTEN_S:.0f} s")
        return
    if sampler.warning:
        yield tried("sensor", False, f"{sampler.warning}; use a chip that is supported (docs/hardware.md)")
    nominal_hz = sampler.chip.rate_hz if sampler.chip is not None else settings.rate_hz or BELT_RATE_HZ
    yield from judge(np.vstack(rows), np.array(times), settings.mounting, nominal_hz, lost, faults, worn)


def judge(
    samples: Floats,
    time_s: Floats,
    mounting: str,
    nominal_hz: float,
    lost: int,
    faults: list[str],
    worn: bool = True,
) -> Iterator[Finding]:
    """Findings on samples (n, 6) in the body frame, g and deg/s, at ``time_s`` (n,)."""
    rate_hz = (len(time_s) - 1) / max(time_s[-1] - time_s[0], 1e-9)
    if faults:
        cure = f"; {faults[-1]}"
    elif lost:
        cure = "; shorten the wires, set the bus to 400 kHz (docs/hardware.md)"
    elif abs(rate_hz / nominal_hz - 1) > RATE_SHARE:
        cure = f"; its clock is further off than {RATE_SHARE:.0%}, which no setting mends: use another board"
    else:
        cure = ""
    words = f"{rate_hz:.1f} per second (nominal {nominal_hz:.0f}), {lost} lost"
    yield tried("samples", not cure, words + cure)

    mean = samples.mean(axis=0)
    norm_g = float(np.linalg.norm(mean[:3]))
    good = NORM_G[0] <= norm_g <= NORM_G[1]
    cure = "; hold it still; if it was, the accelerometer is faulty or set to another range"
    yield tried("gravity", good, f"{norm_g:.3f} g, 1 g expected" + ("" if good else cure))

    spread = samples.std(axis=0)
    noise_g, noise_dps = float(spread[:3].max()), float(spread[3:].max())
    words = f"{1000 * noise_g:.1f} mg and {noise_dps:.2f} deg/s"
    if float(spread.min()) < QUIETEST:
        yield tried("noise", False, f"{words}: one axis never changes: the chip is faulty")
    elif noise_g > STILL_NOISE_G or noise_dps > STILL_NOISE_DPS:
        yield tried("noise", False, f"{words}: put it down, keep it still and check again")
    else:
        yield tried("noise", True, words)

    side = f"the '{skyward(mean[:3])}' axis points up"
    if not worn:
        yield tried("mounting", True, f"{side}; on the frame it may sit any way")
        return
    lean_deg = float(np.degrees(np.arccos(np.clip(mean[2] / max(norm_g, 1e-9), -1, 1))))
    words = f"{side}, {lean_deg:.0f} degrees from worn upright"
    cure = f'; if it sits as it is worn, mounting "{mounting}" is wrong: rearguard calibrate, docs/frames.md'
    yield tried("mounting", lean_deg <= 45, words + ("" if lean_deg <= 45 else cure))


def check_power(root: Path = HWMON) -> Finding:
    """The Pi's supply, as far as it can be read."""
    match undervoltage(root):
        case None:
            return Finding("power", Verdict.NONE, "cannot be read here; a Pi says when its supply dips")
        case False:
            return tried("power", True, "the Pi gets the voltage it needs")
        case True:
            cure = "a stronger supply, a shorter and thicker cable, a charged battery"
            return tried("power", False, f"the Pi's supply is too low: {cure}")


def check_card(root: Path = card.SYSTEM) -> Finding:
    """The memory card, as far as it says anything of itself."""
    words = card.trouble(root)
    if words is None:
        return Finding("card", Verdict.NONE, "says nothing of itself here")
    return tried("card", not words, words or "no errors are known of it")


def check_panel(panel: Panel, sleep: Callable[[float], None] = time.sleep) -> Iterator[Finding]:
    """Light every colour, sound the buzzer, look at the button; a person must see and hear."""
    if panel.mock:
        words = "no Raspberry Pi's pins were found here: lamp, buzzer and button are simulated"
        yield Finding("panel", Verdict.NONE, words)
        return
    if PANEL in panel.faults:
        yield tried("panel", False, panel.faults[PANEL])
        return
    for name, switch in panel.parts.items():
        switch(True)
        sleep(BLINK_S)
        switch(False)
        if name not in panel.faults:
            words = "switched on and off: did you see or hear it? If not, check its pin and polarity"
            yield tried(_short(name), True, words)
    pressed = panel.pressed
    for name, words in panel.faults.items():
        yield tried(_short(name), False, words)
    if pressed is not None:
        words = "reads pressed: release it, or check the wiring" if pressed else "is up"
        yield tried("button", not pressed, words)
    elif BUTTON not in panel.faults:
        yield Finding("button", Verdict.NONE, "none is set (panel.button_pin)")


def _short(part: str) -> str:
    return part.removeprefix("the ")


def axes(sampler: Sampler) -> Iterator[str]:
    """A line per fifth of a second: what each axis of the body reads, which axis of the board is up."""
    for number, block in enumerate(sampler):
        if number % 4:
            continue
        if not len(block.time_s):
            yield block.fault
            continue
        accel_g, gyro_dps = block.accel_g.mean(axis=0), block.gyro_dps.mean(axis=0)
        sides = zip(SIDES, accel_g, strict=True)
        figures = " ".join(f"{side} {value:+.2f}" for (side, _), value in sides)
        rates = " ".join(f"{value:+4.0f}" for value in gyro_dps)
        yield f"{figures} g, turning {rates} deg/s, board {sampler.mounting.skyward(accel_g)} up"


def skyward(accel_g: Floats) -> str:
    """The side of the body frame that points to the sky."""
    axis = int(np.argmax(np.abs(accel_g)))
    return SIDES[axis][int(accel_g[axis] < 0)]
