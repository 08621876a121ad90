"""A session of every kind of chip, with all that can happen to one: it comes back, and is replayed, the same.

simulated chip and bus -> sampler -> line -> journal -> sessions -> line
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware.bus import Bus
from firmware.sampler import Sampler
from firmware.simulated import SimulatedBus, SimulatedLsm6dso32, recording
from monitor.commands.replay import settings_of
from monitor.commands.run import form
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Event, Input, InputKind, Status
from monitor.line import Line, warned
from monitor.playback import HOLE_S, in_real_time, with_inputs
from monitor.recordings.journal.file import FILE
from monitor.recordings.journal.packing import Form
from monitor.recordings.journal.sessions import Session, sessions
from monitor.recordings.simulated_walker import Move, walk
from monitor.settings import Settings
from tests.firmware.bench import CHIPS, Bench, Clock, bench_with
from tests.monitor.recordings.journal.steady_source import block, end_s
from tests.monitor.recordings.journal.test_packing import assert_same
from tests.monitor.test_playback import Machine
from tests.pulse import wait_until

FAMILIES = ("MPU-6050", "MPU-6500", "ICM-20948", "ICM-42688-P", "LSM6DS3TR-C", "LSM6DSO", "BMI160")
MOUNTING = "-z +y +x"
WALKED = walk(
    [(4.0, Move.STAND), (8.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (4.0, Move.LIE), (20.0, Move.STAND)],
    100.0,
    seed=4,
)


class Eye:
    """A sink that remembers; events as they print, since NaN is not NaN."""

    def __init__(self) -> None:
        self.blocks: list[SampleBlock] = []
        self.events: list[str] = []
        self.alerts: list[Alert] = []

    def __call__(
        self, block: SampleBlock, events: Sequence[Event], alerts: Sequence[Alert], _: Status
    ) -> None:
        self.blocks.append(block)
        self.events += map(repr, events)
        self.alerts += alerts


def on_the_belt() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """The walk as a sensor that is mounted so sees it."""
    z_y_x = [2, 1, 0]
    signs = np.array([1.0, 1.0, -1.0])
    return recording(WALKED.accel_g[:, z_y_x] * signs, WALKED.gyro_dps[:, z_y_x] * signs, 100.0)


def recorded(path: Path, name: str, happens: dict[int, Callable[..., object]]) -> tuple[Session, Eye]:
    """A session through this chip; by block, what happens to the bench, or is said in the inbox."""
    b = bench_with(name, rate_error=0.013, source=on_the_belt())
    settings = Settings(sensor=replace(Settings().sensor, mounting=MOUNTING))
    sampler = b.sampler(settings.sampled)
    line = Line(settings, publish=False, journal=path, form=lambda: form(sampler), clock=b.clock)
    eye = Eye()

    def blocks() -> Iterable[SampleBlock]:
        for number, made in enumerate(warned(sampler, line.inbox)):
            yield made
            happens.get(number, lambda *_: None)(b, line.inbox)
            if number % 300 == 0:  # time flies here: let the disk follow
                wait_until(lambda: line.journal and len(line.journal._writer._waiting) < 5)
            if number == 760:
                sampler.stop()

    line.run(blocks(), {"eye": eye})
    (session,) = sessions(path)
    return session, eye


def assert_replayed(session: Session, eye: Eye) -> None:
    """What is in the file is what was, and what the line makes of it too."""
    found = list(session.blocks())
    assert len(found) == len(eye.blocks)
    for one, other in zip(found, eye.blocks, strict=True):
        assert_same(one, other)
    assert session.alerts() == eye.alerts
    assert sorted(map(repr, [*session.steps(), *session.events()])) == sorted(eye.events)
    again = Eye()
    line = Line(settings_of(session), publish=False, boot=session.boot)
    line.run(with_inputs(session.blocks(), session.inputs(), line.inbox), {"eye": again})
    assert again.events == eye.events
    assert again.alerts == eye.alerts


@pytest.mark.parametrize("name", FAMILIES)
def test_a_session_is_replayed_as_it_was_whatever_happened_to_the_sensor(name: str, tmp_path: Path) -> None:
    session, eye = recorded(
        tmp_path / FILE,
        name,
        {
            330: lambda _, inbox: inbox.put(Input(InputKind.BUTTON_LONG)),
            400: lambda _, inbox: inbox.put(Input(InputKind.BUTTON_SHORT)),
            420: lambda b, _: b.wires.unplug(),
            480: lambda b, _: b.wires.plug(),
            560: lambda b, _: b.clock.sleep(4.0),  # the FIFO overflows meanwhile
            600: lambda b, _: b.chip.spoil(5),
            640: lambda b, _: b.wires.snap(),
        },
    )
    assert_replayed(session, eye)
    kinds = {alert.kind for alert in eye.alerts}
    assert {AlertKind.FALL, AlertKind.SOS, AlertKind.SENSOR} <= kinds
    assert sum(made.lost for made in eye.blocks) > 50
    chips = [made.chip for made in session.forms()]
    assert chips[0] == "no sensor"
    assert chips[1].startswith(name.removesuffix("-C"))
    assert {made.mounting for made in session.forms()} == {MOUNTING}


def test_another_chip_in_the_middle_is_another_form(tmp_path: Path) -> None:
    def swap(b: Bench, _: object) -> None:
        lsm6 = CHIPS["LSM6DS3TR-C"]
        b.wires.unplug()
        b.wires.chips = {lsm6[1]: lsm6[0](on_the_belt(), b.clock, lsm6[1], lsm6[2])}
        b.wires.plug()

    session, eye = recorded(tmp_path / FILE, "MPU-6050", {300: swap})
    assert_replayed(session, eye)
    assert [(made.chip.split()[0], made.g_per_count) for made in session.forms()] == [
        ("no", Form().g_per_count),
        ("MPU-6050", 16 / 32768),
        ("LSM6DS3TR-C", 0.488e-3),
    ]


def test_a_chip_that_turns_out_to_have_the_wider_range_is_another_form(tmp_path: Path) -> None:
    """An LSM6DSO32 says that it is an LSM6DSO, until gravity tells."""
    clock = Clock()
    chip = SimulatedLsm6dso32(on_the_belt(), clock)
    settings = Settings(sensor=replace(Settings().sensor, mounting=MOUNTING))
    sampler = Sampler(settings.sampled, Bus(1, SimulatedBus(chip).open), clock, clock.sleep)
    line = Line(settings, publish=False, journal=tmp_path / FILE, form=lambda: form(sampler), clock=clock)
    eye = Eye()
    line.run((made for made, _ in zip(sampler, range(500), strict=False)), {"eye": eye})
    (session,) = sessions(tmp_path / FILE)
    assert_replayed(session, eye)
    assert "LSM6DSO32" in session.forms()[-1].chip


def test_in_real_time_a_session_goes_at_its_own_pace_and_holes_are_skipped() -> None:
    machine = Machine()
    numbers = [*range(40), *range(4000, 4040)]
    began_s = machine.now_s
    played = in_real_time(map(block, numbers), machine, machine.sleep)
    seen = [(made.end_s, machine.now_s - began_s) for made in played]
    assert [end for end, _ in seen] == [end_s(number) for number in numbers]
    waited_s = [at_s for _, at_s in seen]
    assert waited_s[39] == pytest.approx(39 * 0.05)
    assert waited_s[40] - waited_s[39] < HOLE_S
    assert waited_s[-1] == pytest.approx(78 * 0.05)
