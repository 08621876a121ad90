"""The bench test on simulated chips: each planted fault is found and named with its cure."""

import errno
import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from firmware import pins
from firmware.bus import Bus
from firmware.checkup import Finding, axes, check_panel, check_power, check_sensor, judge
from firmware.panel import Panel, PanelSettings
from firmware.sampler import Sampler, SensorSettings
from monitor.core.samples import Floats
from tests.firmware.bench import CHIPS, Bench, bench, bench_with, resting_world, take
from tests.firmware.test_panel_faults import Pins


def found(b: Bench, settings: SensorSettings | None = None) -> list[Finding]:
    return list(check_sensor(settings or SensorSettings(), b.bus, b.clock, b.clock.sleep))


def resting(name: str = "MPU-6050") -> Bench:
    return bench_with(name, rate_error=0.03, source=resting_world)


@pytest.mark.parametrize("name", CHIPS)
def test_a_good_sensor_of_any_family_passes_every_line(name: str) -> None:
    findings = found(resting(name))
    assert [finding.part for finding in findings if not finding.good] == []
    assert [finding.part for finding in findings] == [
        "bus",
        "sensor",
        "samples",
        "gravity",
        "noise",
        "mounting",
    ]
    assert name in findings[1].words


def shaken(time_s: Floats) -> tuple[Floats, Floats]:
    accel_g, gyro_dps = resting_world(time_s)
    return accel_g + 0.5 * np.sin(40 * time_s)[:, None], gyro_dps


def misjudged(time_s: Floats) -> tuple[Floats, Floats]:
    accel_g, gyro_dps = resting_world(time_s)
    return 0.5 * accel_g, gyro_dps


PLANTED: dict[str, tuple[Callable[[Bench], object], str, str]] = {
    # what is wrong: (how, the line that fails, what it says)
    "no bus": (lambda b: setattr(b.wires, "open_error", errno.ENOENT), "bus", "dtparam=i2c_arm=on"),
    "no rights": (lambda b: setattr(b.wires, "open_error", errno.EACCES), "bus", "group i2c"),
    "cable off": (lambda b: b.wires.unplug(), "sensor", "check SDA, SCL, 3V3 and GND"),
    "line held": (lambda b: b.wires.hold(), "sensor", "held low"),
    "noise on the wires": (lambda b: b.wires.fail(errno.EIO), "sensor", "shorten the wires"),
    "driver in the way": (lambda b: b.wires.driven.add(b.chip.address), "sensor", "remove its overlay"),
    "unknown chip": (lambda b: b.chip.become(0x13), "sensor", "0x13 in register 0x75"),
    "zeros": (lambda b: b.chip.zero(), "samples", "every value reads 0"),
    "stuck axis": (lambda b: b.chip.stick(3), "noise", "one axis never changes"),
    "shaken": (lambda b: setattr(b.chip, "source", shaken), "noise", "keep it still"),
    "wrong range": (lambda b: setattr(b.chip, "source", misjudged), "gravity", "0.5"),
    "rate": (
        lambda b: setattr(b.chip, "rate_error", 0.2),
        "samples",
        "(nominal 100), 0 lost; its clock",
    ),
    "register refuses": (lambda b: b.chip.read_only.add(0x1C), "samples", "was set to 0x18 and reads 0x00"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_is_found_and_named(fault: str) -> None:
    plant, part, words = PLANTED[fault]
    b = resting()
    plant(b)
    failed = [finding for finding in found(b) if not finding.good]
    assert [finding.part for finding in failed][:1] == [part], failed
    assert words in failed[0].words
    printed = json.loads(json.dumps(asdict(failed[0])))  # as `rearguard check --json` prints it
    assert (printed["part"], printed["verdict"]) == (part, "fail")


def test_a_sensor_worn_upside_down_is_found() -> None:
    b = bench()
    b.chip.source = resting_world
    settings = replace(SensorSettings(), mounting="+x -y -z")
    last = found(b, settings)[-1]
    assert (last.part, last.good) == ("mounting", False)
    assert 'mounting "+x -y -z" is wrong' in last.words
    assert "the 'down' axis points up" in last.words


def test_on_a_treadmills_frame_the_sensor_may_sit_any_way() -> None:
    b = resting()
    settings = SensorSettings(mounting="+x -y -z")
    assert all(finding.good for finding in check_sensor(settings, b.bus, b.clock, b.clock.sleep, worn=False))


@pytest.mark.parametrize(
    ("mounting", "body"),
    [
        ("+x +y +z", "forward +0.00 left +0.00 up +1.00 g"),
        ("-z +y +x", "forward -1.00 left +0.00 up +0.00 g"),
        ("+y -z -x", "forward +0.00 left -1.00 up +0.00 g"),
    ],
)
def test_the_live_view_shows_the_body_as_mounted_and_the_axis_printed_on_the_board(
    mounting: str, body: str
) -> None:
    b = resting()
    lines = iter(axes(b.sampler(SensorSettings(mounting=mounting))))
    line = next(line for line in lines if "turning" in line)
    figures, _, board = line.split(", ")
    np.testing.assert_allclose(
        [float(word) for word in figures.split()[1:6:2]],
        [float(word) for word in body.split()[1:6:2]],
        atol=0.05,
    )
    assert board == "board +z up"
    assert len(line) <= 80  # one line of a terminal, or it cannot be written over


@pytest.mark.parametrize(
    ("alarm", "verdict", "words"),
    [("0", "ok", "it needs"), ("1", "fail", "stronger supply"), (None, "none", "cannot")],
)
def test_the_supply_is_reported_where_it_can_be_read(
    tmp_path: Path, alarm: str | None, verdict: str, words: str
) -> None:
    if alarm is not None:
        (tmp_path / "hwmon0").mkdir()
        (tmp_path / "hwmon0" / "name").write_text("rpi_volt\n")
        (tmp_path / "hwmon0" / "in0_lcrit_alarm").write_text(f"{alarm}\n")
    finding = check_power(tmp_path)
    assert (finding.part, finding.verdict) == ("power", verdict)
    assert words in finding.words


def test_an_unknown_chip_that_was_allowed_is_never_quite_well() -> None:
    b = bench(0x13)
    b.chip.source = resting_world
    findings = found(b, SensorSettings(allow_unknown=True))
    assert [finding.part for finding in findings if not finding.good] == ["sensor"]


def test_without_a_pi_the_panel_is_not_tried_and_not_ok() -> None:
    with closing(Panel(PanelSettings(), mock=True)) as panel:
        assert [finding.verdict for finding in check_panel(panel)] == ["none"]


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> Pins:
    """The pins of a Pi, as the panel finds them."""
    factory = Pins()
    monkeypatch.setattr(pins, "_lgpio", lambda: factory)
    monkeypatch.setattr(pins, "_CHIP", "/nonexistent/gpiochip{}")
    return factory


def test_every_part_of_the_panel_is_tried(driven: Pins) -> None:
    with closing(Panel(PanelSettings(), mock=False)) as panel:
        findings = list(check_panel(panel, sleep=lambda seconds: None))
    assert [finding.part for finding in findings] == [
        "lamp's red",
        "lamp's green",
        "lamp's blue",
        "buzzer",
        "button",
    ]
    assert all(finding.good for finding in findings)


def test_a_part_of_the_panel_that_is_taken_fails_alone(driven: Pins) -> None:
    driven.busy = {18, 23}
    with closing(Panel(PanelSettings(), mock=False)) as panel:
        findings = {finding.part: finding for finding in check_panel(panel, sleep=lambda seconds: None)}
    assert [part for part, finding in findings.items() if not finding.good] == ["buzzer", "button"]
    assert "GPIO 18 is taken" in findings["buzzer"].words


def test_a_button_that_is_not_wired_is_not_ok(driven: Pins) -> None:
    with closing(Panel(PanelSettings(button_pin=-1), mock=False)) as panel:
        *_, last = check_panel(panel, sleep=lambda seconds: None)
    assert (last.part, last.verdict) == ("button", "none")


@pytest.mark.parametrize("rate_error", [-0.12, -0.08, 0.08, 0.12])
@pytest.mark.parametrize("name", ["MPU-6050", "LSM6DS3", "LSM6DSO", "ICM-20948"])
def test_a_chip_whose_rate_the_sampler_learns_is_well(name: str, rate_error: float) -> None:
    b = bench_with(name, rate_error, resting_world)
    samples = next(finding for finding in found(b) if finding.part == "samples")
    assert samples.good, samples.words


def test_lost_samples_are_blamed_on_the_bus_and_a_wrong_rate_is_not() -> None:
    rows, time_s = np.random.default_rng(0).normal([0, 0, 1, 0, 0, 0], 0.01, (100, 6)), np.arange(100) / 100
    (lost, *_), (fast, *_) = (
        list(judge(rows, time_s * stretch, "+x +y +z", 100.0, count, []))
        for stretch, count in ((1, 5), (0.7, 0))
    )
    assert "shorten the wires" in lost.words
    assert "use another board" in fast.words
    assert "wires" not in fast.words


def test_beside_a_running_service_nothing_is_touched() -> None:
    b = resting()
    service = iter(Sampler(SensorSettings(), Bus(1, b.wires.open), b.clock, b.clock.sleep))
    take(service, 2.0)
    b.wires.log = []
    *_, last = found(b)
    assert (last.part, last.verdict) == ("sensor", "fail")
    assert "sudo systemctl stop rearguard" in last.words
    assert b.wires.log == []
    assert not any(block.fault or block.lost for block in take(service, 2.0))


def test_what_is_checked_can_be_used_afterwards() -> None:
    b = resting()
    found(b)
    assert not any(block.fault for block in take(iter(b.sampler()), 3.0)[10:])
