"""A sagging supply and a failing card: from the kernel's files to the words that a spotter reads."""

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import card, power
from monitor.core.arming import ArmingSettings
from monitor.core.samples import BLOCK_S, SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, FaultCode, Priority, Stage
from monitor.delivery.messages import now
from monitor.delivery.mqtt import MqttSettings
from monitor.delivery.wording import reason_of
from monitor.line import CARD_BLOCKS, POWER_BLOCKS, Line, warned
from monitor.loop import Inbox
from monitor.settings import Settings
from monitor.spotter.escalation import Escalation
from monitor.spotter.page.tile import tile
from tests.listener import Listener
from tests.pulse import wait_until

SUPPLY = "the Pi's supply voltage is low: use a stronger supply or a shorter cable"
CARD = (
    "the memory card fails or is worn out: 3 errors in the file system on mmcblk0p2; save what you need, "
    "put in a new one"
)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Pi's /sys, in which all is well."""
    root = tmp_path / "sys"
    for name, words in (
        ("class/hwmon/hwmon0/name", "rpi_volt"),
        ("class/hwmon/hwmon0/in0_lcrit_alarm", "0"),
        ("fs/ext4/mmcblk0p2/errors_count", "0"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{words}\n")
    monkeypatch.setattr(power.undervoltage, "__defaults__", (root / "class/hwmon",))
    monkeypatch.setattr(card.trouble, "__defaults__", (root,))
    return root


class Watched:
    """A sampler without a sensor, at the machine's own pace, until the test ends."""

    warning = ""

    def __init__(self, blocks: int | None = None) -> None:
        self.over = threading.Event()
        self._blocks = blocks

    def __iter__(self) -> Iterator[SampleBlock]:
        number = 0
        while number != self._blocks and not self.over.wait(0.0 if self._blocks else BLOCK_S):
            number += 1
            yield SampleBlock.silent(now().mono_s, "")


def test_both_reach_terminal_page_and_phone_in_words(
    kernel: Path, mqtt: MqttSettings, tmp_path: Path
) -> None:
    (kernel / "class/hwmon/hwmon0/in0_lcrit_alarm").write_text("1\n")
    (kernel / "fs/ext4/mmcblk0p2/errors_count").write_text("3\n")
    line = Line(Settings(mqtt=mqtt, arming=ArmingSettings(needs_stillness=False)), publish=True)
    sampler = Watched()
    blocks = warned(sampler, line.inbox)  # type: ignore[arg-type]  # as it needs it
    thread = threading.Thread(target=line.run, args=(blocks,))
    phone = Escalation(mqtt.device, Priority.LOW, 60)
    with Listener(mqtt) as spotter:
        thread.start()
        try:
            wait_until(lambda: {AlertKind.BATTERY, AlertKind.FAULT} <= {x.kind for x in spotter.view.open})
        finally:
            sampler.over.set()
            thread.join()
    terminal = "\n".join(notice.text for notice in spotter.notices)
    page = " | ".join(f"{shown.reason}" for shown in tile(spotter.view, mqtt.device, now()).alerts)
    messages = "\n".join(f"{push.title} {push.body}" for push in phone.step(spotter.view, now().mono_s))
    for said in (terminal, page, messages):
        assert SUPPLY in said
        assert CARD in said


def test_the_card_is_looked_at_once_a_minute_and_told_once(
    kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look() -> str:
        looks.append(1)
        return "worn" if len(looks) == 2 else ""

    monkeypatch.setattr(card, "trouble", look)
    inbox = Inbox()
    told = []
    for number, _ in enumerate(warned(Watched(4 * CARD_BLOCKS), inbox)):  # type: ignore[arg-type]
        told += [(number, word.fault, word.reason) for word in inbox.drain()]
    assert told == [(CARD_BLOCKS, FaultCode.CARD, "worn")]
    assert len(looks) == 2
    assert CARD_BLOCKS * BLOCK_S == 60.0
    assert POWER_BLOCKS * BLOCK_S == 2.0


@pytest.mark.parametrize("code", [FaultCode.JOURNAL, FaultCode.OUTBOX])
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (sqlite3.OperationalError("disk I/O error"), "full, or the memory card is worn: make room, else"),
        (OSError(5, "Input/output error"), "which a worn one does: put in a new one"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "the disk is read-only"),
        (OSError(30, "Read-only file system", "/var/lib/rearguard"), "the disk is read-only"),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full: make room"),
        (OSError(28, "No space left on device"), "the disk is full: make room"),
        (sqlite3.OperationalError("unable to open database file"), "its folder cannot be written"),
        (RuntimeError("something else"), "something else"),
    ],
)
def test_what_a_disk_says_is_told_in_words(code: FaultCode, error: Exception, says: str) -> None:
    reacted = (Priority.MEDIUM, Certainty.CONFIRMED, Stage.ACTIVE)
    alert = Alert("1", 1, AlertKind.FAULT, *reacted, 0.0, reason=str(error), fault=code)
    assert says in reason_of(alert)
    if not isinstance(error, RuntimeError):
        assert str(error) not in reason_of(alert)
